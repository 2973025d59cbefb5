/* arm64 page tables: entries and address pairs of every form, words of the attributes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/space/walk.h"
#include "arch/arm64/arm64.h"
#include "tests/unit/fake_memory.h"

static struct dump d;

static int teardown(void **state)
{
	(void)state;
	fake_clear(&d);
	return 0;
}

/* ---- forms ------------------------------------------------------------------------------- */

/* The entries on the way to one address, from the root on, and where it leads. */
struct path {
	unsigned page_shift, va_bits;
	uint64_t va;
	struct {
		unsigned index;
		uint64_t raw;
	} entry[5];
	unsigned nsteps;
	enum fault_kind fault;
	uint64_t pa;
	unsigned shift;
};

enum { ROOT = 0x41000000 };

static uint64_t table_pa(const struct path *t, unsigned level)
{
	if (!level)
		return ROOT;
	uint64_t raw = t->entry[level - 1].raw, pa = raw & 0xffffffffffff;
	if (t->page_shift == 16)
		pa |= (raw >> 12 & 15) << 48;
	else if (t->va_bits == 52)
		pa |= (raw & 3ull << 48) | (raw >> 8 & 3) << 50;
	return pa & ~((1ull << t->page_shift) - 1);
}

static const struct path paths[] = {
	/* 4K, 39 bits: 9 9 9 */
	{ 12, 39, 0xffffffc008012345,
		{ { 256, 0x50000003 }, { 64, 0x50001003 }, { 18, 0x4567000000078b } }, 3,
		FAULT_NONE, 0x670000000345, 12 },
	{ 12, 39, 0xffffffc0081fffff, { { 256, 0x50000003 }, { 64, 0x40200711 } }, 2, FAULT_NONE,
		0x403fffff, 21 },
	{ 12, 39, 0x0000007fffffffff, { { 511, 0x680000000711 } }, 1, FAULT_NONE, 0x68003fffffff,
		30 },
	/* 4K, 48 bits: 9 9 9 9 */
	{ 12, 48, 0xffff800008010000,
		{ { 256, 0x50000003 }, { 0, 0x50001003 }, { 64, 0x50002003 },
			{ 16, 0xffffffff1713 } },
		4, FAULT_NONE, 0xffffffff1000, 12 },
	{ 12, 48, 0xffff800040000000, { { 256, 0x50000003 }, { 1, 0x80000711 } }, 2, FAULT_NONE,
		0x80000000, 30 },
	{ 12, 48, 0xffff000000000000, { { 0, 0x80000711 } }, 1, FAULT_CORRUPT, 0, 0 },
	{ 12, 48, 0xfffe000000000000, { { 0, 0 } }, 0, FAULT_UNMAPPED, 0, 0 },
	/* non-LPA2 kernels have SH=3 in bits 9:8: no address */
	{ 12, 48, 0x0000ffffffffffff,
		{ { 511, 0x50000003 }, { 511, 0x50001003 }, { 511, 0x50002003 },
			{ 511, 0x40001f43 } },
		4, FAULT_NONE, 0x40001fff, 12 },
	/* 4K, 52 bits, LPA2: 4 9 9 9 9; PA[51:50] in 9:8, PA[49:48] in place */
	{ 12, 52, 0xffff800008010fff,
		{ { 15, 0x50000003 }, { 256, 0x50001003 }, { 0, 0x50002003 }, { 64, 0x50003003 },
			{ 16, 0x0003000040000603 } },
		5, FAULT_NONE, 0xb000040000fff, 12 },
	{ 12, 52, 0xfff0008000000123, { { 0, 0x50000003 }, { 1, 0x0001008000000101 } }, 2,
		FAULT_NONE, 0x5008000000123, 39 },
	{ 12, 52, 0xfff0000000000000, { { 0, 0x50000001 } }, 1, FAULT_CORRUPT, 0, 0 },
	/* 16K, 36 bits: 11 11 */
	{ 14, 36, 0xfffffff802004001, { { 1025, 0x50000003 }, { 1, 0x12344703 } }, 2, FAULT_NONE,
		0x12344001, 14 },
	{ 14, 36, 0xfffffff803ffffff, { { 1025, 0x42000711 } }, 1, FAULT_NONE, 0x43ffffff, 25 },
	/* 16K, 47 bits: 11 11 11 */
	{ 14, 47, 0xffffc00008004008,
		{ { 1024, 0x50000003 }, { 4, 0x50004003 }, { 1, 0x98704703 } }, 3, FAULT_NONE,
		0x98704008, 14 },
	{ 14, 47, 0xffffc00000000000, { { 1024, 0x50000001 } }, 1, FAULT_CORRUPT, 0, 0 },
	/* 16K, 48 bits: 1 11 11 11 */
	{ 14, 48, 0xffff800008004008,
		{ { 1, 0x50000003 }, { 0, 0x50004003 }, { 4, 0x50008003 }, { 1, 0x98704703 } }, 4,
		FAULT_NONE, 0x98704008, 14 },
	/* 16K, 52 bits, LPA2: 5 11 11 11, 64G blocks */
	{ 14, 52, 0xffff800008004008,
		{ { 31, 0x50000003 }, { 0, 0x50004003 }, { 4, 0x50008003 },
			{ 1, 0x0002000098704503 } },
		4, FAULT_NONE, 0x6000098704008, 14 },
	{ 14, 52, 0xfff0001000000001, { { 0, 0x50000003 }, { 1, 0x3000000201 } }, 2, FAULT_NONE,
		0x8003000000001, 36 },
	/* 64K, 42 bits: 13 13 */
	{ 16, 42, 0xfffffe0020010008, { { 4097, 0x50000003 }, { 1, 0x43210703 } }, 2, FAULT_NONE,
		0x43210008, 16 },
	{ 16, 42, 0xfffffe003fffffff, { { 4097, 0x60000711 } }, 1, FAULT_NONE, 0x7fffffff, 29 },
	/* 64K, 48 bits: 6 13 13 */
	{ 16, 48, 0xffff800008010000,
		{ { 32, 0x50000003 }, { 0, 0x50010003 }, { 2049, 0x43210703 } }, 3, FAULT_NONE,
		0x43210000, 16 },
	/* 64K, 52 bits, LPA: 10 13 13; PA[51:48] in 15:12; 4T blocks */
	{ 16, 52, 0xffff80000801abcd,
		{ { 992, 0x50000003 }, { 0, 0x50010003 }, { 2049, 0x4321a703 } }, 3, FAULT_NONE,
		0xa00004321abcd, 16 },
	{ 16, 52, 0xfff0040000000010, { { 1, 0x04000000b711 } }, 1, FAULT_NONE, 0xb040000000010,
		42 },
	/* a table beyond 48 bits */
	{ 16, 52, 0xfff0000000010000, { { 0, 0x50003003 }, { 0, 0x50010003 }, { 1, 0x43210703 } },
		3, FAULT_NONE, 0x43210000, 16 },
	/* last level: 01 is reserved; swap, PROT_NONE, PRESENT_INVALID are no translation */
	{ 12, 39, 0xffffffc000000000, { { 256, 0x50000003 }, { 0, 0x50001003 }, { 0, 0x40000001 } },
		3, FAULT_CORRUPT, 0, 0 },
	{ 12, 39, 0xffffffc000001000, { { 256, 0x50000003 }, { 0, 0x50001003 }, { 1, 0x123400 } },
		3, FAULT_UNMAPPED, 0, 0 },
	{ 12, 39, 0xffffffc000002000,
		{ { 256, 0x50000003 }, { 0, 0x50001003 }, { 2, 0x0460000040000f82 } }, 3,
		FAULT_UNMAPPED, 0, 0 },
	{ 12, 39, 0xffffffc000003000, { { 256, 0x50000003 }, { 0, 0x60001003 } }, 2, FAULT_BEYOND,
		0, 0 },
};

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const struct path *t = &paths[i];
		struct paging p;
		struct walk w;

		fake_at(&d, ROOT);
		assert_true(arm64_paging(t->page_shift, t->va_bits, &p));
		for (unsigned k = 0; k < t->nsteps; k++)
			fake_put(&d, table_pa(t, k) + t->entry[k].index * 8, t->entry[k].raw, 8);
		walk_address(&p, &d, (struct paddr){ ROOT }, t->va, &w);
		if (w.fault != t->fault || (!w.fault && w.pa.v != t->pa))
			print_message("%s, 0x%llx\n", p.name, (unsigned long long)t->va);
		assert_int_equal(w.fault, t->fault);
		assert_int_equal(w.nsteps, t->nsteps);
		if (!w.fault) {
			assert_int_equal(w.pa.v, t->pa);
			assert_int_equal(w.size_shift, t->shift);
		}
		fake_clear(&d);
	}
}

static void test_form_names(void **state)
{
	struct paging p;

	(void)state;
	assert_false(arm64_paging(12, 47, &p));
	assert_true(arm64_paging(12, 52, &p));
	assert_int_equal(p.nlevels, 5);
	assert_string_equal(p.level[0].name, "pgd");
	assert_string_equal(p.level[1].name, "p4d");
	assert_int_equal(p.level[0].bits, 4);
	assert_true(arm64_paging(12, 39, &p));
	assert_string_equal(p.level[1].name, "pmd");
}

static void test_words(void **state)
{
	static const struct {
		unsigned level;
		uint64_t raw;
		const char *words;
	} t[] = {
		{ 0, 0x50000003, "TABLE" },
		{ 0, 0x1800000050000003, "TABLE NX UXN" },
		{ 2, 0x0068000040000f03, "VALID RW NX SHD AF NG UXN MEM/NORMAL" },
		{ 2, 0x00500000400007c3, "VALID USR ro x SHD AF CON UXN MEM/NORMAL" },
		{ 1, 0x00640000402007cd, "VALID USR ro NX SHD AF BLK UXN GP DEVICE/nGnRnE" },
		{ 2, 0x0068000009000713, "VALID RW NX SHD AF UXN DEVICE/nGnRE" },
		{ 2, 0x000000004000070b, "VALID RW x SHD AF MEM/NORMAL-NC" },
		{ 2, 0x0000000040000707, "VALID RW x SHD AF MEM/NORMAL-TAGGED" },
		{ 2, 0x0460000040000f82, "F PROT_NONE" },
		{ 2, 0x123400, "F" },
	};
	struct paging p;

	(void)state;
	assert_true(arm64_paging(12, 39, &p));
	p.mair_known = true;
	memcpy(p.mair, (uint8_t[8]){ 0xff, 0xf0, 0x44, 0x00, 0x04 }, 8);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		scoped_strbuf struct strbuf b = { 0 };
		p.describe(&p, t[i].level, t[i].raw, &b);
		assert_string_equal(strbuf_text(&b), t[i].words);
	}
	/* 9:8 is address under LPA2 */
	scoped_strbuf struct strbuf b = { 0 };
	assert_true(arm64_paging(12, 52, &p));
	p.describe(&p, 4, 0x0068000040000f03, &b);
	assert_string_equal(strbuf_text(&b), "VALID RW NX AF NG UXN ATTR0");
}

static void test_pointers(void **state)
{
	struct arch_layout l = { .paging.va_bits = 48 };
	uint64_t target = 1;

	(void)state;
	assert_int_equal(arch_arm64.strip(&l, 0x2bad800008012344), 0xffff800008012344);
	assert_int_equal(arch_arm64.strip(&l, 0x2b2d0000aabbccdd), 0x0000aabbccdd);
	assert_int_equal(arch_arm64.untag(&l, 0xf4ff800008012344), 0xffff800008012344);
	assert_int_equal(arch_arm64.untag(&l, 0xdead000000000100), 0xffad000000000100);
	const uint8_t bl[4] = { 0xff, 0xff, 0xff, 0x97 }, blr[4] = { 0x60, 0x02, 0x3f, 0xd6 };
	const uint8_t b[4] = { 0xff, 0xff, 0xff, 0x17 }, ret[4] = { 0xc0, 0x03, 0x5f, 0xd6 };
	const uint8_t blraa[4] = { 0x20, 0x08, 0x3f, 0xd7 };
	assert_true(arch_arm64.is_call(bl, 0xffff800008000008, &target));
	assert_int_equal(target, 0xffff800008000000);
	assert_true(arch_arm64.is_call(blr, 8, &target));
	assert_int_equal(target, 0);
	assert_true(arch_arm64.is_call(blraa, 8, &target));
	assert_false(arch_arm64.is_call(b, 8, &target));
	assert_false(arch_arm64.is_call(ret, 8, &target));
}

/* ---- swap entries, attributes, the kernel's words ---------------------------------------- */

static void test_swap_forms(void **state)
{
	static const struct {
		enum pte_swap_form form;
		uint64_t raw;
		bool is;
		struct pte_swap want;
	} cases[] = {
		/* type 7:2, offset from 8 */
		{ SWAP_PLAIN, 3ull << 2 | 0x1234ull << 8, true, { 3, 0x1234, false, false } },
		{ SWAP_PLAIN, 1ull << 57 | 63 << 2, true, { 63, 1ull << 49, false, false } },
		/* exclusive 2, type 7:3 */
		{ SWAP_EXCLUSIVE, 1 << 2 | 3ull << 3 | 0x1234ull << 8, true,
			{ 3, 0x1234, true, false } },
		{ SWAP_EXCLUSIVE, 31ull << 3 | 1ull << 57, true, { 31, 1ull << 49, false, false } },
		{ SWAP_EXCLUSIVE, 1ull << 58 | 0x42000f40, true, { 0, 0, false, true } },
		/* exclusive 2, type 10:6, offset from 12; nG is PROT_NONE */
		{ SWAP_PRESENT_INVALID, 1 << 2 | 3ull << 6 | 0x1234ull << 12, true,
			{ 3, 0x1234, true, false } },
		{ SWAP_PRESENT_INVALID, 1ull << 61 | 31 << 6, true,
			{ 31, 1ull << 49, false, false } },
		{ SWAP_PRESENT_INVALID, 1ull << 11 | 0x42000000, true, { 0, 0, false, true } },
		{ SWAP_PRESENT_INVALID, 1ull << 58 | 1 << 6, true,
			{ 1, 1ull << 46, false, false } },
		{ SWAP_UNKNOWN, 3ull << 3, false, { 0 } },
		{ SWAP_EXCLUSIVE, 0x42000703, false, { 0 } },
		{ SWAP_EXCLUSIVE, 2, false, { 0 } },
		{ SWAP_EXCLUSIVE, 0, false, { 0 } },
	};
	struct paging p;

	(void)state;
	assert_true(arm64_paging(12, 48, &p));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pte_swap got = { 0 };
		p.swap_form = cases[i].form;
		assert_int_equal(p.swap(&p, cases[i].raw, &got), cases[i].is);
		assert_int_equal(got.type, cases[i].want.type);
		assert_int_equal(got.offset, cases[i].want.offset);
		assert_int_equal(got.exclusive, cases[i].want.exclusive);
		assert_int_equal(got.soft_none, cases[i].want.soft_none);
	}
}

/* PROT_NONE pages are resident: the walk reaches them where the bit is known. */
static void test_prot_none(void **state)
{
	struct paging p;
	(void)state;
	assert_true(arm64_paging(12, 48, &p));
	const uint64_t old = 1ull << 58 | 0x42000f40, new = 1ull << 11 | 0x42000740;
	assert_int_equal(p.decode(&p, 3, old).kind, PTE_ABSENT);
	p.swap_form = SWAP_EXCLUSIVE;
	assert_int_equal(p.decode(&p, 3, old).kind, PTE_LEAF);
	assert_int_equal(p.decode(&p, 3, old).pa.v, 0x42000000);
	assert_int_equal(p.decode(&p, 2, old).kind, PTE_LEAF);
	assert_int_equal(p.decode(&p, 2, old).size_shift, 21);
	assert_int_equal(p.decode(&p, 1, old).kind, PTE_ABSENT);
	assert_int_equal(p.decode(&p, 3, new).kind, PTE_ABSENT);
	p.swap_form = SWAP_PRESENT_INVALID;
	assert_int_equal(p.decode(&p, 3, new).kind, PTE_LEAF);
	assert_int_equal(p.decode(&p, 3, 1ull << 58 | 0x1240).kind, PTE_ABSENT);
}

/* Every bit is either of the address or of the attributes. */
static void test_attributes_and_address(void **state)
{
	static const uint8_t form[][2] = { { 12, 39 }, { 12, 48 }, { 12, 52 }, { 14, 47 },
		{ 14, 52 }, { 16, 42 }, { 16, 48 }, { 16, 52 } };
	struct paging p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(form); i++) {
		assert_true(arm64_paging(form[i][0], form[i][1], &p));
		unsigned last = p.nlevels - 1;
		for (unsigned bit = 2; bit < 64; bit++) {
			uint64_t raw = 3 | 1ull << bit;
			bool address = p.decode(&p, last, raw).pa.v != 0;
			bool attribute = p.attributes(&p, last, raw) != p.attributes(&p, last, 3);
			/* bits 49:48 and below the page that the form leaves alone: neither */
			if (address == attribute)
				fail_msg("form %zu bit %u: address %d", i, bit, address);
		}
	}
}

static const char *word_of(const struct paging *p, unsigned level, uint64_t raw, uint64_t mask)
{
	const char *found = NULL;
	for (const struct pte_word *w = p->words(p, level); w->mask; w++)
		if (w->mask == mask && ((raw & w->mask) == w->value || w->clear))
			found = (raw & w->mask) == w->value ? w->set : w->clear;
	return found;
}

static void test_kernel_words(void **state)
{
	static const struct {
		uint8_t mair[8];
		unsigned index;
		const char *word;
	} types[] = {
		{ { 0x00, 0x04, 0x0c, 0x44, 0xff, 0xbb }, 4, "MEM/NORMAL" },
		{ { 0x00, 0x04, 0x0c, 0x44, 0xff, 0xbb }, 1, "DEVICE/nGnRE" },
		{ { 0xff, 0xf0, 0x44, 0xbb, 0x00, 0x04, 0x0c }, 4, "DEVICE/nGnRnE" },
		{ { 0xff, 0xf0, 0x44, 0xbb, 0x00, 0x04, 0x0c }, 6, "DEVICE/GRE" },
		{ { 0xff, 0xf0, 0x44, 0x00, 0x04 }, 4, "DEVICE/nGnRE" },
		{ { 0xff, 0xf0, 0x44, 0x00, 0x04 }, 1, "MEM/NORMAL-TAGGED" },
	};
	struct paging p;

	(void)state;
	assert_true(arm64_paging(12, 48, &p));
	p.mair_known = true;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		memcpy(p.mair, types[i].mair, 8);
		assert_string_equal(word_of(&p, 3, 3 | types[i].index << 2, 7 << 2), types[i].word);
	}
	assert_string_equal(word_of(&p, 3, 1, 2), "BLK");
	assert_string_equal(word_of(&p, 3, 3, 2), "   ");
	assert_string_equal(word_of(&p, 3, 1ull << 53, 1ull << 53), "NX");
	assert_string_equal(word_of(&p, 3, 0, 1ull << 7), "RW");
	assert_string_equal(word_of(&p, 3, 1 << 8, 3 << 8), "   ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_paths, teardown),
		cmocka_unit_test_teardown(test_form_names, teardown),
		cmocka_unit_test_teardown(test_words, teardown),
		cmocka_unit_test_teardown(test_pointers, teardown),
		cmocka_unit_test(test_swap_forms),
		cmocka_unit_test(test_prot_none),
		cmocka_unit_test(test_attributes_and_address),
		cmocka_unit_test(test_kernel_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
