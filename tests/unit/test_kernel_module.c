/* The module list and the modules' symbols in memory made by hand: both layouts, both word sizes,
 * and what a damaged dump holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/fake_module.h"

static const unsigned words[] = { 4, 8 };
#define EACH_WORD(f)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (size_t w = 0; w < 2 && (fake_init(f, words[w]), 1); fake_deinit(f), w++)

static void expect_err(struct err *err, const char *word)
{
	assert_non_null(err);
	if (!strstr(err->msg, word))
		fail_msg("\"%s\" lacks \"%s\"", err->msg, word);
	err_drop(err);
}

/* "a b c": the names; "!" an error about one module, "!!" one that ends the walk. */
static void expect_modules(struct fake *f, const char *names, struct module *ret_last)
{
	scoped_strbuf struct strbuf b = { 0 };
	struct module_iter it;
	struct module m;
	bool more = true;
	strbuf_add(&b, "");
	struct err *err = module_iter_init(&it, f->t);
	while (!err && more && b.len < 500) {
		err = module_iter_next(&it, &m, &more);
		if (err && more) {
			strbuf_add(&b, "! ");
			err_drop(err);
			err = NULL;
		} else if (!err && more) {
			strbuf_addf(&b, "%s ", m.name);
			*ret_last = m;
		}
	}
	if (err)
		strbuf_add(&b, "!! ");
	err_drop(err);
	assert_string_equal(strbuf_text(&b), names);
}

static void both_layouts(void **state)
{
	(void)state;
	for (enum fake_module_era era = MODULE_LAYOUT; era <= MODULE_MEM; era++)
		EACH_WORD(f)
		{
			struct module last;
			fake_module_types(f, era);
			fake_module(f, era, 0, "first");
			fake_module(f, era, 1, "second");
			fake_modules_link(f, 2);
			if (era == MODULE_LAYOUT) {
				fake_set(f, "module", fake_module_at(1), "init_layout.base",
					fake_va(f, 0x200000));
				fake_set(
					f, "module", fake_module_at(1), "init_layout.size", 0x1000);
			} else {
				fake_set(f, "module", fake_module_at(1), "mem[6].base",
					fake_va(f, 0x200000));
				fake_set(f, "module", fake_module_at(1), "mem[6].size", 0x1000);
			}
			expect_modules(f, "first second ", &last);
			assert_true(last.va == fake_va(f, fake_module_at(1)));
			assert_true(last.part[0].va == fake_va(f, CODE_AT + 0x10000));
			assert_true(last.part[0].size == 0x4000);
			assert_true(last.text_bytes == (era == MODULE_MEM ? 0x4000 : 0x2000));
			unsigned init = era == MODULE_MEM ? 6 : 1;
			assert_true(last.part[init].va == fake_va(f, 0x200000));
			assert_true(last.part[init].size == 0x1000);
		}
}

static void unformed_and_broken_modules(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct module last;
		fake_module_types(f, MODULE_MEM);
		for (unsigned i = 0; i < 3; i++)
			fake_module(f, MODULE_MEM, i, (const char *[]){ "a", "b", "c" }[i]);
		fake_modules_link(f, 3);
		fake_set(f, "module", fake_module_at(1), "state", 3);
		expect_modules(f, "a c ", &last);
		fake_set(f, "module", fake_module_at(1), "state", 0);
		/* A name without an end. */
		for (unsigned i = 0; i < 56; i++)
			*fake_at(f->t->dump,
				fake_module_at(2) + fake_offsetof(f, "module", "name") + i) = 'x';
		struct module_iter it;
		bool more;
		assert_null(module_iter_init(&it, f->t));
		for (unsigned i = 0; i < 3; i++)
			assert_null(module_iter_next(&it, &last, &more));
		assert_int_equal(strlen(last.name), 56);
		/* A list that loops, one that leads to address 0. */
		uint64_t list = fake_module_at(1) + fake_offsetof(f, "module", "list");
		fake_put(f->t->dump, list, fake_va(f, list), f->t->abi.word_bytes);
		expect_modules(f, "a b !! ", &last);
		fake_put(f->t->dump, list, 0, f->t->abi.word_bytes);
		expect_modules(f, "a b ! !! ", &last);
	}
}

static void with_symbols(struct fake *f)
{
	static const struct fake_sym sym[] = {
		{ .name = "" },
		{ .name = "mod_open", .value = 0x101, .info = 0x12, .type = 't', .section = 1 },
		{ .name = "mod_state", .value = 0x3000, .info = 0x11, .type = 'd', .section = 2 },
		{ .name = "printk", .value = 0x4, .info = 0x10, .type = 'U', .section = 0 },
		{ .name = "$a", .value = 0x100, .info = 0, .type = 't', .section = 1 },
		{ .name = ".LC0", .value = 0x100, .info = 0, .type = 'r', .section = 1 },
		{ .name = "mod_close", .value = 0x200, .info = 0x12, .type = 'T', .section = 1 },
	};
	fake_module_types(f, MODULE_MEM);
	fake_module(f, MODULE_MEM, 0, "mod");
	fake_modules_link(f, 1);
	uint32_t name = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(sym); i++) {
		struct fake_sym s = sym[i];
		if (s.value)
			s.value += fake_va(f, CODE_AT);
		fake_module_symbol(f, 0, i, name, &s);
		name += (uint32_t)strlen(s.name) + 1;
	}
}

static void symbols_of_a_module(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct symbol s;
		with_symbols(f);
		assert_null(module_add_symbols(f->t));
		assert_true(symtab_find(f->t->syms, "mod:mod_open", &s));
		/* Bit 0 is Thumb's, on 32-bit only. */
		assert_true(
			s.va == fake_va(f, CODE_AT + (f->t->abi.word_bytes == 4 ? 0x100 : 0x101)));
		assert_int_equal(s.type, 't');
		assert_string_equal(s.module, "mod");
		assert_true(symtab_find(f->t->syms, "mod_state", &s));
		assert_int_equal(s.type, 'd');
		assert_true(symtab_at(f->t->syms, fake_va(f, CODE_AT + 0x1ff), &s));
		assert_string_equal(s.name, "mod_open");
		assert_true(symtab_at(f->t->syms, fake_va(f, CODE_AT + 0x2ff), &s));
		assert_string_equal(s.name, "mod_close");
		assert_false(symtab_find(f->t->syms, "printk", &s));
		assert_false(symtab_find(f->t->syms, "$a", &s));
		assert_false(symtab_find(f->t->syms, ".LC0", &s));
		assert_false(symtab_at(f->t->syms, fake_va(f, CODE_AT + 0x4000), &s));
	}
}

/* Up to v5.1 there was no typetab: the letter stood in st_info, then in st_size. */
static void letters_of_old_kernels(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct symbol s;
		FAKE_STRUCT(
			f, "module", "state:u32", "list:list", "name:char[56]", "kallsyms:word");
		FAKE_STRUCT(f, "mod_kallsyms", "symtab:word", "num_symtab:u32", "strtab:word");
		fake_symbol(f, "modules", MODULES_HEAD, 8);
		fake_modules_link(f, 1);
		uint64_t at = fake_module_at(0), kallsyms = at + KALLSYMS_IN;
		fake_bytes(f, at + fake_offsetof(f, "module", "name"), "old", 4);
		fake_set(f, "module", at, "kallsyms", fake_va(f, kallsyms));
		fake_set(f, "mod_kallsyms", kallsyms, "symtab", fake_va(f, at + SYMTAB_IN));
		fake_set(f, "mod_kallsyms", kallsyms, "strtab", fake_va(f, at + STRTAB_IN));
		struct fake_sym info = { .name = "in_info",
			.value = fake_va(f, CODE_AT + 0x11),
			.size = 'b',
			.info = 't',
			.section = 1 };
		struct fake_sym size = { .name = "in_size",
			.value = fake_va(f, CODE_AT + 0x80),
			.size = 'b',
			.info = 0x11,
			.section = 1 };
		fake_module_symbol(f, 0, 1, 1, &info);
		fake_module_symbol(f, 0, 2, 20, &size);
		assert_null(module_add_symbols(f->t));
		assert_true(symtab_find(f->t->syms, "old:in_info", &s));
		assert_int_equal(s.type, 't');
		assert_true(
			s.va == fake_va(f, CODE_AT + (f->t->abi.word_bytes == 4 ? 0x10 : 0x11)));
		assert_true(symtab_find(f->t->syms, "old:in_size", &s));
		assert_int_equal(s.type, 'b');
	}
}

static void hostile_tables(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct symbol s;
		uint64_t kallsyms = fake_module_at(0) + KALLSYMS_IN;
		with_symbols(f);
		fake_set(f, "mod_kallsyms", kallsyms, "num_symtab", 0xffffffff);
		expect_err(module_add_symbols(f->t), "module mod: claims 4294967295 symbols");
		fake_set(f, "mod_kallsyms", kallsyms, "num_symtab", 0);
		assert_null(module_add_symbols(f->t));
		fake_set(f, "mod_kallsyms", kallsyms, "num_symtab", 1 << 20);
		expect_err(module_add_symbols(f->t), "beyond");
		assert_false(symtab_find(f->t->syms, "mod_open", &s));
		/* One name beyond memory does not hide the others. */
		fake_set(f, "mod_kallsyms", kallsyms, "num_symtab", 7);
		fake_put(f->t->dump,
			fake_module_at(0) + SYMTAB_IN + (f->t->abi.word_bytes == 8 ? 24 : 16),
			0x30000000, 4);
		expect_err(module_add_symbols(f->t), "symbol 1");
		assert_false(symtab_find(f->t->syms, "mod_open", &s));
		assert_true(symtab_find(f->t->syms, "mod_close", &s));
	}
}

/* strtab + st_name wraps at the word, as it did in the kernel. */
static void names_wrap_at_the_word(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct symbol s;
		uint64_t at = fake_module_at(0),
			 sym = at + SYMTAB_IN + (f->t->abi.word_bytes == 8 ? 24 : 16);
		with_symbols(f);
		fake_put(f->t->dump, sym, 0xfffffff1, 4);
		fake_set(f, "mod_kallsyms", at + KALLSYMS_IN, "strtab",
			fake_va(f, at + STRTAB_IN + 0x10));
		struct err *err = module_add_symbols(f->t);
		if (f->t->abi.word_bytes == 8)
			assert_non_null(err);
		assert_int_equal(
			symtab_find(f->t->syms, "mod_open", &s), f->t->abi.word_bytes == 4);
		err_drop(err);
	}
}

static void hostile_parts(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct symbol s;
		with_symbols(f);
		/* A part that would swallow everything; one over the kernel itself. */
		fake_set(f, "module", fake_module_at(0), "mem[1].base", f->base);
		fake_set(f, "module", fake_module_at(0), "mem[1].size", 0x3fffffff);
		expect_err(module_add_symbols(f->t), "makes no sense");
		assert_false(symtab_at(f->t->syms, fake_va(f, 0x300000), &s));
		f->t->image.va = fake_va(f, 0x400000);
		f->t->image.size = 0x100000;
		fake_set(f, "module", fake_module_at(0), "mem[1].base", fake_va(f, 0x4ff000));
		fake_set(f, "module", fake_module_at(0), "mem[1].size", 0x2000);
		expect_err(module_add_symbols(f->t), "makes no sense");
	}
}

static void unwind_tables_of_modules(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		uint64_t start = 0, stop = 0, at = 0x3000;
		assert_false(module_unwind_table(f->t, 0x1000, &start, &stop));
		FAKE_STRUCT(f, "unwind_table", "list:list", "start:word", "origin:word",
			"stop:word", "begin_addr:word", "end_addr:word");
		fake_symbol(f, "unwind_tables", 0x600, 8);
		fake_put(f->t->dump, 0x600, fake_va(f, at), f->t->abi.word_bytes);
		fake_put(f->t->dump, at, fake_va(f, 0x600), f->t->abi.word_bytes);
		fake_set(f, "unwind_table", at, "start", 0x111);
		fake_set(f, "unwind_table", at, "stop", 0x222);
		fake_set(f, "unwind_table", at, "begin_addr", 0x1000);
		fake_set(f, "unwind_table", at, "end_addr", 0x2000);
		assert_true(module_unwind_table(f->t, 0x1000, &start, &stop));
		assert_int_equal(start, 0x111);
		assert_int_equal(stop, 0x222);
		assert_false(module_unwind_table(f->t, 0x2000, &start, &stop));
		fake_put(f->t->dump, at, fake_va(f, at), f->t->abi.word_bytes); /* loops */
		assert_false(module_unwind_table(f->t, 0x2000, &start, &stop));
	}
}

static void sections_and_build_id(void **state)
{
	(void)state;
	for (int pointers = 0; pointers < 2; pointers++)
		EACH_WORD(f)
		{
			struct arena arena = { 0 };
			struct module m;
			struct module_section *section;
			struct module_identity id;
			size_t n = 0;
			fake_module_types(f, MODULE_LAYOUT);
			fake_section_types(f, pointers);
			fake_module(f, MODULE_LAYOUT, 0, "mod");
			fake_modules_link(f, 1);
			fake_module_sections(f, 0, pointers);
			expect_modules(f, "mod ", &m);
			assert_null(module_sections_read(f->t, &m, &arena, &section, &n));
			assert_int_equal(n, 2); /* what was freed is not there */
			assert_string_equal(section[0].name, ".text");
			assert_true(section[0].va == fake_va(f, CODE_AT));
			assert_true(section[1].va == fake_va(f, CODE_AT + 0x2000));
			module_identity_read(f->t, &m, section, n, &arena, &id);
			assert_int_equal(id.build_id_bytes, 4);
			assert_memory_equal(id.build_id, ((uint8_t[]){ 1, 2, 3, 4 }), 4);
			/* a list without an end, a count beyond reason */
			if (pointers) {
				fake_put(f->t->dump,
					fake_module_at(0) + 0xec0 + f->t->abi.word_bytes, 8,
					f->t->abi.word_bytes);
				expect_err(module_sections_read(f->t, &m, &arena, &section, &n),
					"mod");
			} else {
				fake_set(f, "module_sect_attrs", fake_module_at(0) + 0xd00,
					"nsections", 0x7fffffff);
				expect_err(module_sections_read(f->t, &m, &arena, &section, &n),
					"claims");
			}
			arena_deinit(&arena);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_layouts),
		cmocka_unit_test(unformed_and_broken_modules),
		cmocka_unit_test(symbols_of_a_module),
		cmocka_unit_test(letters_of_old_kernels),
		cmocka_unit_test(hostile_tables),
		cmocka_unit_test(names_wrap_at_the_word),
		cmocka_unit_test(hostile_parts),
		cmocka_unit_test(unwind_tables_of_modules),
		cmocka_unit_test(sections_and_build_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
