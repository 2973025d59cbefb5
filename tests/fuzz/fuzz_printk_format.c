/* Formats and their arguments from any bytes, for both word sizes; every known extension is a seed.
 */
#include <stdio.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/printk_format.h"
#include "analyzer/kernel/printk_objects.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_vspace.h"
#include "tests/unit/tiny_dwarf.h"

static void print(const struct debug_env *env, const struct printk_formats *f, const char *text)
{
	struct arena a = { 0 };
	scoped_strbuf struct strbuf out = { 0 };
	size_t at = 0;
	scoped_err struct err *err = printk_print(env, f, &a, text, &out, &at);
	if (at > strlen(text))
		__builtin_trap(); /* errors point into the text */
	if (err && err->code != ERR_FAULT && out.len)
		__builtin_trap(); /* nothing is said before an error */
	for (size_t i = 0; i < out.len && !strpbrk(text, "\x1b\\\x7f"); i++)
		if (out.s[i] == 0x1b && !strchr(text, 0x1b))
			__builtin_trap(); /* memory never steers a terminal */
	arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct types *db, *narrow;
	static struct symtab *st;
	static struct printk_formats *formats;
	static uint8_t memory[512] = { 2, 0, 0x1b, '[', 10, 0xff, 'a', '"' };
	struct vspace vs = { .facts.abi = { .word_bytes = 8 },
		.nregions = 1,
		.region = { { 0x1000, sizeof(memory), memory } } };
	if (!db) {
		uint8_t elf[16384];
		db = types_create(&vs.facts.abi);
		err_drop(types_add_dwarf(db, tiny_fd(elf, tiny_odd_unit(elf)), "odd"));
		narrow = types_create(&(struct abi){ .word_bytes = 4 });
		st = symtab_create();
		symtab_add(st, "spec_var", 0x1000, 4, 'D', NULL);
		symtab_add(st, "code", 0x1080, 4, 'T', NULL);
		symtab_add_range(st, 0x1000, 0x1200, NULL);
		symtab_finish(st);
		formats = printk_formats_create();
		printk_objects_register(formats);
		for (unsigned i = 64; i < sizeof(memory); i++)
			memory[i] = (uint8_t)(i * 37);
	}
	scoped_strbuf struct strbuf text = { 0 };
	strbuf_add_bytes(&text, p, n);
	struct debug_env env = { .vs = &vs, .types = db, .syms = st };
	print(&env, formats, strbuf_text(&text));
	vs.facts.abi = (struct abi){ .word_bytes = 4, .big_endian = true };
	env.types = narrow;
	print(&env, formats, strbuf_text(&text));
	env.vs = NULL;
	env.syms = NULL;
	print(&env, formats, strbuf_text(&text));
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	static const char *const seeds[] = { "\"%d %5u|%-#08.3x%%\", 1, 2, 3",
		"\"%*.*s\", 9, 3, 0x1010", "\"\\x41\\101\\n\" \"%c\", 'a'",
		"\"%hhd%hx%lld%zu%td\", 1, 2, 3l, 4, 5", "\"%s\", \"a,b)\"",
		"\"%s %p\", spec_var, code" };
	struct printk_formats *f = printk_formats_create();
	printk_objects_register(f);
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		add((const uint8_t *)seeds[i], strlen(seeds[i]));
	for (size_t i = 0; printk_formats_get(f, i); i++) {
		const struct printk_extension *x = printk_formats_get(f, i);
		for (size_t letters = 0; letters <= strlen(x->letters); letters++) {
			char s[64];
			int n = snprintf(s, sizeof(s), "\"%%*p%s%.*s\", 40, 0x%x", x->name,
				(int)letters, x->letters, letters % 2 ? 0x1000 : 0x1070);
			add((const uint8_t *)s, (size_t)n);
		}
	}
	printk_formats_destroy(f);
}
