/* The kernel's symbol table in memory: every layout, where it may lie, and what must not pass for
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "tests/unit/fake_memory.h"
#include "tests/unit/kallsyms_build.h"

enum { RAM = 0x40000000, AT = RAM + 0x6000 };

static struct dump mem;
static struct ks_build *made;

static int setup(void **state)
{
	(void)state;
	made = calloc(1, sizeof(*made));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_clear(&mem);
	free(made);
	return 0;
}

static uint64_t voffset_of(const struct ks_spec *s)
{
	return s->word == 8 ? 0xffff800008000000 - RAM : 0xc0000000 - RAM;
}

/* What was made becomes memory; around it there is nothing but zeroes. */
static void load(void)
{
	fake_clear(&mem);
	mem.extent = (struct dump_extent){ { RAM }, 80 * FAKE_PAGE };
	mem.info.extent = &mem.extent;
	mem.info.nextents = 1;
	for (uint64_t pa = RAM; pa < RAM + mem.extent.size; pa += FAKE_PAGE)
		fake_at(&mem, pa);
	for (size_t i = 0; i < made->n; i++)
		*fake_at(&mem, made->pa + i) = made->bytes[i];
}

static struct kallsyms *search(void)
{
	struct abi abi = { .big_endian = made->s.big_endian };
	struct kallsyms *k = NULL;
	struct err *err = kallsyms_search(&mem, &abi, &k);
	assert_null(err);
	return k;
}

static void expect_all(struct kallsyms *k)
{
	if (!k)
		fail_msg("%s: not found", made->s.what);
	if (k->form != made->s.form || k->abi.word_bytes != made->s.word)
		fail_msg("%s: taken for %s, %u bytes", made->s.what, kallsyms_form_name(k->form),
			k->abi.word_bytes);
	assert_int_equal(k->nsyms, ks_count(made));
	assert_int_equal(k->token_table.v, made->pa + made->token_table);
	assert_int_equal(k->addresses.v, made->pa + made->addresses);
	if (k->form == KALLSYMS_SELF)
		k->self_va += made->voffset;
	for (uint32_t i = 0; i < k->nsyms; i++) {
		char want[KS_LONG + 16];
		struct kallsyms_symbol s;
		ks_name(made, i, want);
		kallsyms_get(k, i, &s);
		assert_string_equal(s.name, want + 1);
		assert_int_equal(s.type, want[0]);
		if (s.va != ks_va(made, i))
			fail_msg("%s: %s at 0x%llx, wanted 0x%llx", made->s.what, s.name,
				(unsigned long long)s.va, (unsigned long long)ks_va(made, i));
	}
	kallsyms_destroy(k);
}

static void expect_none(const char *why)
{
	struct kallsyms *k = search();
	if (k)
		fail_msg("%s: accepted with %s, %u bytes, %s", made->s.what, why, k->abi.word_bytes,
			kallsyms_form_name(k->form));
}

static void every_layout(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ks_specs); i++) {
		ks_make(made, &ks_specs[i], AT, voffset_of(&ks_specs[i]));
		load();
		expect_all(search());
	}
}

/* Where the tables begin modulo eight decides about all padding between them. */
static void every_alignment(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ks_specs); i++) {
		for (unsigned off = 4; off < 24; off += 4) {
			struct ks_spec s = ks_specs[i];
			s.nsyms = 700 + off / 4;
			ks_make(made, &s, AT + off, voffset_of(&s));
			load();
			expect_all(search());
		}
	}
}

/* The last offset and the base of a 32-bit table, read as one word of 64, look like an address of
 * the upper half; and the table fits again one entry lower, where a zero stands before it. */
static void two_words_are_no_base(void **state)
{
	(void)state;
	struct ks_spec s = ks_specs[7];
	assert_string_equal(s.what, "6.1, 32 bits");
	for (s.nsyms = 700; s.nsyms < 702; s.nsyms++) {
		for (unsigned off = 0; off < 8; off += 4) {
			ks_make(made, &s, AT + off, voffset_of(&s));
			assert_int_equal(made->addresses, 0);
			load();
			expect_all(search());
		}
	}
}

/* Found by its address, with the word size said. */
static void at_a_known_place(void **state)
{
	(void)state;
	const struct abi abi = { .word_bytes = 8 }, wrong = { .word_bytes = 4 };
	struct kallsyms *k;
	ks_make(made, &ks_specs[6], AT, voffset_of(&ks_specs[6]));
	load();
	struct paddr at = { AT + made->token_table }, beside = { at.v + 2 };
	assert_null(kallsyms_at(&mem, &abi, at, &k));
	expect_all(k);
	assert_null(kallsyms_at(&mem, &abi, beside, &k));
	assert_null(k);
	assert_null(kallsyms_at(&mem, &wrong, at, &k));
	assert_null(k);
}

/* The row of digits lies across two pages, which are read one by one. */
static void across_a_page(void **state)
{
	(void)state;
	ks_make(made, &ks_specs[6], AT, voffset_of(&ks_specs[6]));
	uint64_t digits = AT + made->token_table + 0x30;
	for (unsigned into = 1; into < 20; into += 3) {
		uint64_t at = AT + (FAKE_PAGE - digits % FAKE_PAGE - into) / 8 * 8;
		ks_make(made, &ks_specs[6], at, voffset_of(&ks_specs[6]));
		load();
		expect_all(search());
	}
}

/* Tables of character sets have the digits too, and one may even end like a token table. */
static void decoys_are_passed(void **state)
{
	(void)state;
	ks_make(made, &ks_specs[6], AT, voffset_of(&ks_specs[6]));
	load();
	for (unsigned c = 0; c < 256; c++)
		*fake_at(&mem, RAM + 0x1000 + 2 * c) = (uint8_t)c;
	expect_all(search());
	/* A copy of the tokens alone, with nothing before. */
	for (size_t i = made->token_table; i < made->token_index + 512; i++)
		*fake_at(&mem, RAM + 0x2000 + (i - made->token_table)) = made->bytes[i];
	expect_all(search());
}

static void poke(size_t at, uint8_t v)
{
	load();
	*fake_at(&mem, made->pa + at) = v;
}

static void contradictions_are_refused(void **state)
{
	(void)state;
	ks_make(made, &ks_specs[6], AT, voffset_of(&ks_specs[6]));
	poke(made->token_index + 2 * 200, 1);
	expect_none("an index that disagrees");
	poke(made->num_syms, made->bytes[made->num_syms] + 1);
	expect_none("a count too high");
	poke(made->num_syms, made->bytes[made->num_syms] - 1);
	expect_none("a count too low");
	poke(made->markers + 4, made->bytes[made->markers + 4] + 1);
	expect_none("a marker that disagrees");
	poke(made->names, made->bytes[made->names] + 1);
	expect_none("a length that disagrees");
	poke(made->names + 1, '7');
	expect_none("a type that is no letter");
	poke(made->addresses + 4 * 100 + 2, 0x70);
	expect_none("addresses that descend");
	load();
	fake_fault(&mem, (AT + made->names + 0x1000) & ~0xfffull, FAULT_EXCLUDED);
	expect_none("names that are not in the dump");
	load();
	expect_all(search());
}

/* Memory begins in the middle of the names, or ends within the index. */
static void cut_memory(void **state)
{
	(void)state;
	ks_make(made, &ks_specs[6], AT, voffset_of(&ks_specs[6]));
	for (uint64_t gone = RAM; gone < AT + made->token_index; gone += FAKE_PAGE) {
		load();
		fake_fault(&mem, gone, FAULT_BEYOND);
		struct kallsyms *k = search();
		bool touched = gone + FAKE_PAGE > AT;
		assert_int_equal(k == NULL, touched);
		kallsyms_destroy(k);
	}
}

static void by_name(void **state)
{
	(void)state;
	uint64_t va;
	ks_make(made, &ks_specs[10], AT, voffset_of(&ks_specs[10]));
	load();
	struct kallsyms *k = search();
	assert_non_null(k);
	assert_true(kallsyms_lookup(k, "sym_123", &va));
	assert_int_equal(va, ks_va(made, 123));
	assert_false(kallsyms_lookup(k, "sym_12345", &va));
	kallsyms_destroy(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_layout, setup, teardown),
		cmocka_unit_test_setup_teardown(every_alignment, setup, teardown),
		cmocka_unit_test_setup_teardown(two_words_are_no_base, setup, teardown),
		cmocka_unit_test_setup_teardown(at_a_known_place, setup, teardown),
		cmocka_unit_test_setup_teardown(across_a_page, setup, teardown),
		cmocka_unit_test_setup_teardown(decoys_are_passed, setup, teardown),
		cmocka_unit_test_setup_teardown(contradictions_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(by_name, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
