/* struct module without types: modules as bytes, in each kernel's form, of both word sizes, and
 * what must prove nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "tests/unit/fake_module_bare.h"

static const unsigned words[] = { 4, 8 };
#define EACH_ERA(b)                                                                                \
	for (struct fake f_, *f = &f_; f; f = NULL)                                                \
		for (struct bare b##_, *b = &b##_; b; b = NULL)                                    \
			for (unsigned e = 0;                                                       \
				e < 2 * BARE_ERAS &&                                               \
				(fake_init(f, words[e % 2]), bare_init(b, f, e / 2), 1);           \
				fake_deinit(f), e++)

static void three_modules(struct bare *b)
{
	bare_module(b, 0, "first");
	bare_module(b, 1, "second");
	bare_module(b, 2, "third");
	bare_link(b, 3);
}

static void expect_layout(struct bare *b, struct module_layout *ret)
{
	struct err *err = module_layout_find(b->f->t, fake_va(b->f, BARE_HEAD), ret);
	if (err)
		fail_msg("era %u, word %u: %s", b->era, b->w, err->msg);
}

static void expect_nothing(struct bare *b, const char *word)
{
	struct module_layout l;
	struct err *err = module_layout_find(b->f->t, fake_va(b->f, BARE_HEAD), &l);
	if (!err)
		fail_msg("era %u, word %u: proved", b->era, b->w);
	if (err->code != ERR_MISSING || !strstr(err->msg, word))
		fail_msg("\"%s\" lacks \"%s\"", err->msg, word);
	err_drop(err);
}

static void copy(struct bare *b, uint64_t to, uint64_t from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*fake_at(b->f->t->dump, to + i) = *fake_at(b->f->t->dump, from + i);
}

/* The letter of "NAME" or "MODULE:NAME"; 0: there is none. */
static char letter(struct bare *b, const char *name)
{
	struct symbol s;
	return symtab_find(b->f->t->syms, name, &s) ? s.type : 0;
}

static void places_are_found(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		struct module_layout l;
		struct module m;
		three_modules(b);
		expect_layout(b, &l);
		assert_int_equal(l.kallsyms, b->kallsyms);
		assert_int_equal(l.part, b->part);
		assert_int_equal(l.part_size, b->part_size);
		assert_int_equal(l.nparts, b->era == BARE_LAYOUT ? 1 : 7);
		if (b->era != BARE_LAYOUT)
			assert_int_equal(l.part_step, b->part_step);
		assert_true(l.typetab);
		assert_int_equal(l.export_bytes, 0);
		assert_int_equal(l.modules, 3);
		assert_int_equal(l.proving, 3);
		scoped_strbuf struct strbuf words_of = { 0 };
		module_layout_describe(&l, &words_of);
		assert_non_null(strstr(strbuf_text(&words_of), "by 3 of 3 modules: "));
		assert_null(module_layout_read(&l, f->t, fake_va(f, bare_at(1)), &m));
		assert_string_equal(m.name, "second");
		assert_true(m.part[0].va == fake_va(f, bare_at(1) + BARE_TEXT_IN));
		assert_int_equal(m.text_bytes, 0x1000);
		assert_true(m.kallsyms == fake_va(f, bare_at(1) + b->kallsyms + b->w));
	}
}

static void symbols_are_there(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		struct symbol s;
		three_modules(b);
		assert_null(module_add_symbols(f->t));
		assert_true(symtab_find(f->t->syms, "m1_read", &s));
		assert_true(s.va == fake_va(f, bare_at(1) + BARE_TEXT_IN + 0x200));
		assert_string_equal(s.module, "second");
		assert_int_equal(letter(b, "m1_read"), 't');
		assert_int_equal(letter(b, "m2_state"), 'd');
		assert_int_equal(letter(b, "m2_percpu"), 'a');
		assert_int_equal(letter(b, "$a"), 0);
		assert_true(
			symtab_at(f->t->syms, fake_va(f, bare_at(2) + BARE_TEXT_IN + 0x17f), &s));
		assert_string_equal(s.name, "m2_open");
		assert_false(
			symtab_at(f->t->syms, fake_va(f, bare_at(2) + BARE_INIT_IN + 0x800), &s));
	}
}

static void letters_of_old_kernels(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		struct module_layout l;
		b->old_letters = true;
		three_modules(b);
		expect_layout(b, &l);
		assert_false(l.typetab);
		assert_null(module_add_symbols(f->t));
		assert_int_equal(letter(b, "m0_state"), 'd');
		assert_int_equal(letter(b, "m0_open"), 't');
	}
}

static void exports_are_capitals(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		struct module_layout l;
		three_modules(b);
		bare_exports(b, 1, b->syms, b->num_syms, 2, bare_at(1) + BARE_DATA_IN + 0x100);
		bare_exports(b, 0, b->gpl_syms, b->num_gpl, 1, bare_at(0) + BARE_DATA_IN + 0x100);
		expect_layout(b, &l);
		assert_int_equal(l.exports, b->syms);
		assert_int_equal(l.num_exports, b->num_syms);
		assert_int_equal(l.export_bytes, b->form);
		assert_int_equal(l.exports_relative, b->w == 8);
		assert_null(module_add_symbols(f->t));
		assert_int_equal(letter(b, "m1_open"), 'T');
		assert_int_equal(letter(b, "m1_close"), 'T');
		assert_int_equal(letter(b, "m1_read"), 't');
		assert_int_equal(letter(b, "m0_close"), 't');
	}
}

/* An alias of what is exported is not. */
static void exports_go_by_name(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		uint64_t at = bare_at(1) + BARE_DATA_IN + 0x100;
		three_modules(b);
		bare_exports(b, 1, b->syms, b->num_syms, 2, at);
		*fake_at(f->t->dump, at + 0x80 + 32 + 6) = 'x';
		assert_null(module_add_symbols(f->t));
		assert_int_equal(letter(b, "m1_open"), 't');
		assert_int_equal(letter(b, "m1_close"), 'T');
	}
}

/* What num_gpl_syms counts is not what num_syms would: also where using_gplonly_symbols looks like
 * a count. */
static void gpl_exports_stay_small(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		struct module_layout l;
		three_modules(b);
		bare_exports(b, 0, b->gpl_syms, b->num_gpl, 1, bare_at(0) + BARE_DATA_IN + 0x100);
		fake_put(f->t->dump, bare_at(0) + b->gpl_syms + 2 * b->w, 1, 4);
		fake_put(f->t->dump, bare_at(0) + b->gpl_syms + 3 * b->w, 1, 4);
		expect_layout(b, &l);
		assert_int_equal(l.export_bytes, 0);
		assert_null(module_add_symbols(f->t));
		assert_int_equal(letter(b, "m0_close"), 't');
	}
}

static void export_tables_must_be_sound(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		struct module_layout l;
		uint64_t at = bare_at(1) + BARE_DATA_IN + 0x100;
		three_modules(b);
		bare_exports(b, 1, b->syms, b->num_syms, 2, at);
		*fake_at(f->t->dump, at + 0x80) = 'z'; /* the first name: no longer sorted */
		expect_layout(b, &l);
		assert_int_equal(l.export_bytes, 0);
		*fake_at(f->t->dump, at + 0x80) = 'm';
		/* Names, then code, that are not the module's. */
		for (unsigned k = 0; k < 2; k++) {
			bare_exports(b, 1, b->syms, b->num_syms, 2, at);
			copy(b, 0x91000, at + 0x80, 0x40);
			for (unsigned i = 0; i < 2; i++) {
				uint64_t entry = at + i * b->form, to = 0x91000 + i * 32;
				if (b->w == 8)
					fake_put(
						f->t->dump, entry + 4 * !k, to - entry - 4 * !k, 4);
				else
					bare_word(b, entry + 4 * !k, fake_va(f, to));
			}
			expect_layout(b, &l);
			assert_int_equal(l.export_bytes, 0);
		}
		bare_exports(b, 1, b->syms, b->num_syms, 2, at);
		fake_put(f->t->dump, bare_at(1) + b->num_syms, 0x7fffffff, 4);
		expect_layout(b, &l);
		assert_int_equal(l.export_bytes, 0);
		fake_put(f->t->dump, bare_at(1) + b->num_syms, 2, 4);
		fake_put(f->t->dump, bare_at(2) + b->num_syms, 7,
			4); /* another module's contradict */
		expect_layout(b, &l);
		assert_int_equal(l.export_bytes, 0);
	}
}

/* A damaged module does not hide the others, unless it is most of them. */
static void damaged_modules(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		struct module_layout l;
		uint64_t names;
		three_modules(b);
		names = bare_at(1) + BARE_DATA_IN + 0x400 + BARE_SYMBOLS * (b->w == 8 ? 24u : 16u);
		*fake_at(f->t->dump, names + 3) = '\0'; /* a name is cut in two */
		expect_layout(b, &l);
		assert_int_equal(l.proving, 2);
		names += BARE_STEP;
		*fake_at(f->t->dump, names + 3) = '\n';
		expect_nothing(b, "symbols");
	}
}

static void two_places_prove_nothing(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		three_modules(b);
		for (unsigned i = 0; i < 3; i++) {
			uint64_t other = bare_at(i) + b->kallsyms + 9 * b->w;
			bare_word(b, other, fake_va(f, other + b->w));
			bare_table(b, i, other + b->w, bare_at(i) + BARE_DATA_IN + 0x800, 3);
		}
		expect_nothing(b, "symbols");
	}
}

static void two_memories_prove_nothing(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		three_modules(b);
		for (unsigned i = 0; i < 3 && b->era == BARE_LAYOUT; i++)
			for (unsigned k = 0; k < b->part_step; k++) {
				uint64_t at = bare_at(i) + b->part + k;
				*fake_at(f->t->dump, at + 3 * b->part_step) =
					*fake_at(f->t->dump, at);
			}
		if (b->era == BARE_LAYOUT)
			expect_nothing(b, "memory");
	}
}

/* Symbols, strings and letters stand in a row: any other place is no module's. */
static void tables_stand_in_a_row(void **state)
{
	(void)state;
	for (int old = 0; old < 2; old++)
		EACH_ERA(b)
		{
			struct module_layout l;
			b->old_letters = old;
			bare_module(b, 0, "only");
			bare_link(b, 1);
			uint64_t k = bare_at(0) + b->kallsyms, data = bare_at(0) + BARE_DATA_IN;
			uint64_t end = bare_table(b, 0, k + b->w, data + 0x400, BARE_SYMBOLS);
			expect_layout(b, &l);
			copy(b, data + 0xa00, data + 0x400, end - data - 0x400);
			if (old)
				bare_word(b, k + 3 * b->w,
					fake_va(f, data + 0xa00 +
							   BARE_SYMBOLS * (b->w == 8 ? 24u : 16u)));
			else
				bare_word(b, k + 4 * b->w, fake_va(f, end + 0x600 - BARE_SYMBOLS));
			expect_nothing(b, "symbols");
		}
}

/* The pointer must lead to what follows it, the strings must follow the symbols. */
static void look_alikes(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		bare_module(b, 0, "only");
		bare_link(b, 1);
		uint64_t k = bare_at(0) + b->kallsyms,
			 table = fake_va(f, bare_at(0) + BARE_DATA_IN + 0x400);
		bare_word(b, k, fake_va(f, k + 2 * b->w));
		expect_nothing(b, "symbols");
		bare_word(b, k, fake_va(f, k + b->w));
		bare_word(b, k + 3 * b->w, table + 1);
		expect_nothing(b, "symbols");
		bare_word(b, k + 3 * b->w, table + BARE_SYMBOLS * (b->w == 8 ? 24u : 16u));
		fake_put(f->t->dump, k + 2 * b->w, 0xffffffff, 4);
		expect_nothing(b, "symbols");
		fake_put(f->t->dump, k + 2 * b->w, BARE_SYMBOLS, 4);
		struct module_layout l;
		expect_layout(b, &l);
	}
}

static void symbols_lie_in_the_parts(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		bare_module(b, 0, "only");
		bare_link(b, 1);
		/* m0_state of the data, far away */
		uint64_t at = bare_at(0) + BARE_DATA_IN + 0x400 + 4 * (b->w == 8 ? 24u : 16u) +
			      (b->w == 8 ? 8u : 4u);
		bare_word(b, at, fake_va(f, 0x90000));
		expect_nothing(b, "memory");
	}
}

static void parts_hold_code_and_table(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		bare_module(b, 0, "only");
		bare_link(b, 1);
		uint64_t text = bare_at(0) + BARE_TEXT_IN;
		bare_part(b, 0, 0, text, 0x180); /* m0_close is beyond */
		expect_nothing(b, "memory");
		bare_part(b, 0, 0, text - 0x800, 2 * BARE_PART); /* not on a page */
		if (b->era == BARE_LAYOUT)
			bare_part(b, 0, 0, text - 0x800, 5 * BARE_PART);
		fake_put(f->t->dump, text - 0x800, 1, 1);
		expect_nothing(b, "memory");
		if (b->era == BARE_LAYOUT) {
			bare_part(b, 0, 0, text, 4 * BARE_PART);
			struct module_layout l;
			expect_layout(b, &l);
			fake_put(f->t->dump, bare_at(0) + b->part + b->w + 4, 0x180,
				4); /* text_size */
			expect_nothing(b, "memory");
		}
		if (b->era != BARE_LAYOUT) {
			bare_part(b, 0, 0, text, BARE_PART);
			bare_part(b, 0, 3, text, BARE_PART); /* two parts in one place */
			expect_nothing(b, "memory");
		}
	}
}

static void code_is_in_the_first_part(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		three_modules(b);
		for (unsigned i = 1; i < 3 && b->era != BARE_LAYOUT; i++) {
			bare_word(b, bare_at(i) + b->part, 0);
			fake_put(f->t->dump, bare_at(i) + b->part + b->part_size, 0, 4);
			bare_part(b, i, 2, bare_at(i) + BARE_TEXT_IN, BARE_PART);
		}
		if (b->era != BARE_LAYOUT)
			expect_nothing(b, "memory");
	}
}

static void a_module_that_starts(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		struct module_layout l;
		struct module m;
		three_modules(b);
		uint64_t at = bare_at(1), init = at + BARE_INIT_IN;
		fake_put(f->t->dump, at, 1, 4); /* MODULE_STATE_COMING */
		bare_word(b, at + b->kallsyms, fake_va(f, init));
		bare_table(b, 1, init, init + 0x100, 2 * BARE_SYMBOLS);
		bare_part(b, 1, b->era == BARE_LAYOUT ? 1 : 6, init, BARE_PART);
		if (b->era == BARE_LAYOUT) { /* another address and number, before init_layout */
			bare_word(b, at + b->part + b->w + 8, fake_va(f, at + BARE_TEXT_IN));
			fake_put(f->t->dump, at + b->part + 2 * b->w + 8, 0x1000, 4);
		}
		expect_layout(b, &l);
		assert_int_equal(l.proving, 3);
		assert_null(module_layout_read(&l, f->t, fake_va(f, at), &m));
		assert_true(m.kallsyms == fake_va(f, init));
		assert_true(m.part[b->era == BARE_LAYOUT ? 1 : 6].va == fake_va(f, init));
		assert_null(module_add_symbols(f->t));
		assert_int_equal(letter(b, "second:m1_open"), 't');
		fake_put(f->t->dump, init + b->w, BARE_SYMBOLS - 1,
			4); /* not even those that stay */
		expect_layout(b, &l);
		assert_int_equal(l.proving, 2);
	}
}

static void nothing_loaded(void **state)
{
	(void)state;
	EACH_ERA(b)
	{
		size_t before = symtab_count(f->t->syms);
		assert_null(module_add_symbols(f->t));
		assert_int_equal(symtab_count(f->t->syms), before);
		bare_module(b, 0, "only");
		bare_link(b, 1);
		fake_bytes(f, bare_at(0) + b->name, "\001\002", 3);
		expect_nothing(b, "does not lead to modules");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_found),
		cmocka_unit_test(symbols_are_there),
		cmocka_unit_test(letters_of_old_kernels),
		cmocka_unit_test(exports_are_capitals),
		cmocka_unit_test(gpl_exports_stay_small),
		cmocka_unit_test(export_tables_must_be_sound),
		cmocka_unit_test(damaged_modules),
		cmocka_unit_test(two_places_prove_nothing),
		cmocka_unit_test(look_alikes),
		cmocka_unit_test(symbols_lie_in_the_parts),
		cmocka_unit_test(parts_hold_code_and_table),
		cmocka_unit_test(a_module_that_starts),
		cmocka_unit_test(exports_go_by_name),
		cmocka_unit_test(two_memories_prove_nothing),
		cmocka_unit_test(tables_stand_in_a_row),
		cmocka_unit_test(code_is_in_the_first_part),
		cmocka_unit_test(nothing_loaded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
