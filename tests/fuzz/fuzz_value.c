/* Expressions and type names from any bytes, over the odd types of tiny_dwarf.h and a small memory.
 */
#include <dwarf.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/value.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_vspace.h"
#include "tests/unit/tiny_dwarf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct types *db;
	static struct symtab *st;
	static const uint8_t memory[256] = { 1, 2, 3, 0x10, 0x10 };
	struct vspace vs = { .facts.abi = { .word_bytes = 8 },
		.nregions = 1,
		.region = { { 0x1000, sizeof(memory), memory } } };
	if (!db) {
		uint8_t elf[16384];
		db = types_create(&vs.facts.abi);
		err_drop(types_add_dwarf(db, tiny_fd(elf, tiny_odd_unit(elf)), "odd"));
		st = symtab_create();
		symtab_add(st, "spec_var", 0x1000, 4, 'D', NULL);
		symtab_add(st, "decl_var", 0x1010, 4, 'D', NULL);
		symtab_add(st, "code", 0x1080, 4, 'T', NULL);
		symtab_finish(st);
	}
	scoped_strbuf struct strbuf text = { 0 }, out = { 0 };
	struct debug_env env = { &vs, db, st };
	struct value v;
	const struct type *t;
	strbuf_add_bytes(&text, p, n);
	struct err *e = value_parse(&env, strbuf_text(&text), &v);
	if (!e)
		e = value_format(&env, &v, &(struct value_style){ .max_elements = 20 }, &out);
	err_drop(e);
	e = types_parse(db, strbuf_text(&text), &t);
	if (!e) {
		type_declare(t, "x", &out);
		e = value_format(&env, &(struct value){ .type = t, .va = 0x1008 },
			&(struct value_style){ .max_elements = 20 }, &out);
	}
	err_drop(e);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	static const char *const seeds[] = { "spec_var", "&spec_var", "(struct bits *)4096",
		"((struct outside *)0x1008)->flex[2]", "*(struct ouroboros *)0x1000", "(huge *)0",
		"code", "struct ouroboros *[3]", "const unsigned long *volatile", "decl_var.x",
		"(self_t)5", "*(*(self_t *)0x1000)" };
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		add((const uint8_t *)seeds[i], strlen(seeds[i]));
}
