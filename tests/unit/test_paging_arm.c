/* ARM32 page tables: entries and address pairs of both forms, words of the attributes, the layout.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/space/walk.h"
#include "arch/arm/arm.h"
#include "tests/unit/fake_memory.h"

static struct dump d;

static int teardown(void **state)
{
	(void)state;
	fake_clear(&d);
	return 0;
}

static void expect_pa(
	const struct paging *p, uint64_t root, uint64_t va, uint64_t pa, unsigned shift)
{
	struct walk w;
	struct paddr probed;

	walk_address(p, &d, (struct paddr){ root }, va, &w);
	assert_int_equal(w.fault, FAULT_NONE);
	assert_int_equal(w.pa.v, pa);
	assert_int_equal(w.size_shift, shift);
	assert_true(paging_probe(p, &d, (struct paddr){ root }, va, &probed));
	assert_int_equal(probed.v, pa);
}

static void expect_fault(
	const struct paging *p, uint64_t root, uint64_t va, enum fault_kind fault, unsigned nsteps)
{
	struct walk w;

	walk_address(p, &d, (struct paddr){ root }, va, &w);
	assert_int_equal(w.fault, fault);
	assert_int_equal(w.nsteps, nsteps);
}

static void expect_words(const struct paging *p, unsigned level, uint64_t raw, const char *want)
{
	scoped_strbuf struct strbuf b = { 0 };

	p->describe(p, level, raw, &b);
	assert_string_equal(strbuf_text(&b), want);
}

enum { ROOT = 0x40004000, PTES = 0x40a00000 };

static void put_l1(uint32_t va, uint32_t raw)
{
	fake_put(&d, ROOT + (va >> 20) * 4, raw, 4);
}

static void test_sections(void **state)
{
	(void)state;
	put_l1(0xc0000000, 0x4001141e);
	expect_pa(&arm_paging_short, ROOT, 0xc0008123, 0x40008123, 20);
	put_l1(0xc0100000, 0x4011940f); /* PXN: type 3 is a section too */
	expect_pa(&arm_paging_short, ROOT, 0xc01fffff, 0x401fffff, 20);
	/* supersection: 0x9_8100_0000 … with PA[39:36]=0xa, PA[35:32]=9 */
	put_l1(0xd0200000, 0x81000000 | 9 << 20 | 1 << 18 | 0xa << 5 | 2);
	expect_pa(&arm_paging_short, ROOT, 0xd0234567, 0xa981234567, 24);
	expect_fault(&arm_paging_short, ROOT, 0xc0200000, FAULT_UNMAPPED, 1);
	expect_fault(&arm_paging_short, ROOT, 0x1c0000000, FAULT_UNMAPPED, 0);
	expect_fault(
		&arm_paging_short, ROOT, 0x00000000, FAULT_BEYOND, 0); /* root's page is absent */
}

/* One page of entries: Linux's at +0 and +1024, the hardware's at +2048 and +3072. */
static void test_linux_pairs(void **state)
{
	(void)state;
	put_l1(0xbf000000, (PTES + 2048) | 1);
	put_l1(0xbf100000, (PTES + 3072) | 1);
	fake_put(&d, PTES + 4 * 5, 0x5555515f, 4);
	fake_put(&d, PTES + 2048 + 4 * 5, 0x55555452, 4);
	expect_pa(&arm_paging_short, ROOT, 0xbf005abc, 0x55555abc, 12);
	expect_pa(&arm_paging_short_hw, ROOT, 0xbf005abc, 0x55555abc, 12);
	/* old: present for Linux, zero for the hardware; bits 01 are no large page here */
	fake_put(&d, PTES + 1024 + 4 * 255, 0x6666661d, 4);
	expect_pa(&arm_paging_short, ROOT, 0xbf1fffff, 0x66666fff, 12);
	expect_fault(&arm_paging_short_hw, ROOT, 0xbf1fffff, FAULT_UNMAPPED, 2);
	/* PROT_NONE is in memory, swap is not */
	fake_put(&d, PTES + 4 * 6, 0x77777000 | 1 << 11 | 3, 4);
	expect_pa(&arm_paging_short, ROOT, 0xbf006000, 0x77777000, 12);
	fake_put(&d, PTES + 4 * 7, 0x00012304, 4);
	expect_fault(&arm_paging_short, ROOT, 0xbf007000, FAULT_UNMAPPED, 2);
	expect_fault(&arm_paging_short, ROOT, 0xbf008000, FAULT_UNMAPPED, 2);
	struct walk w;
	walk_address(&arm_paging_short, &d, (struct paddr){ ROOT }, 0xbf007000, &w);
	assert_int_equal(w.step[1].pte.kind, PTE_ABSENT);
	assert_int_equal(w.step[1].entry_pa.v, PTES + 4 * 7);
	assert_int_equal(w.step[1].raw, 0x12304);
	/* a table so low that the Linux half would lie below zero */
	put_l1(0xbf200000, 0x401);
	expect_fault(&arm_paging_short, ROOT, 0xbf200000, FAULT_CORRUPT, 1);
}

static void test_large_page(void **state)
{
	(void)state;
	put_l1(0x00100000 | 0xc0000000, (PTES + 0x400) | 1);
	for (unsigned i = 0; i < 16; i++)
		fake_put(&d, PTES + 0x400 + 4 * (0x20 + i), 0x12340000 | 0x55, 4);
	expect_pa(&arm_paging_short_hw, ROOT, 0xc0123456, 0x12343456, 16);
	expect_pa(&arm_paging_short_hw, ROOT, 0xc012f001, 0x1234f001, 16);
}

static void test_short_words(void **state)
{
	const struct paging *p = &arm_paging_short;

	(void)state;
	expect_words(p, 0, 0, "F");
	expect_words(p, 0, 0x40a00845, "TABLE DOMAIN2 PXN");
	expect_words(p, 0, 0x4001141e, "DOMAIN0 RW NX SHD");
	expect_words(p, 0, 0x4000940e, "DOMAIN0 ro x");
	expect_words(p, 0, 0x40000c02, "DOMAIN0 USR RW x");
	expect_words(p, 0, 0x40000802, "DOMAIN0 USR ro x");
	expect_words(p, 0, 0x40040402, "SUPER RW x");
	expect_words(p, 1, 0x5555565f, "RW NX SHD MEM/CACHED/WBWA");
	expect_words(p, 1, 0x5555518f, "USR ro x MEM/CACHED/WBRA");
	expect_words(p, 1, 0x55555043, "RW x SO/UNCACHED");
	expect_words(p, 1, 0x55555653, "RW NX SHD DEV/SHARED");
	expect_words(p, 1, 0x5555580f, "RW x MEM/CACHED/WBRA NONE");
	expect_words(p, 1, 0x12304, "F");
	expect_words(&arm_paging_short_hw, 1, 0x55555c73, "USR RW NX SHD NG");
	expect_words(&arm_paging_short_hw, 1, 0x55550211, "LARGE ro x");
}

static void test_lpae(void **state)
{
	const struct paging *p = &arm_paging_lpae;
	const uint64_t root = 0x80003000;

	(void)state;
	fake_put(&d, root + 8 * 3, 0x80007003, 8);
	fake_put(&d, root + 8 * 2, 0x80006001,
		8); /* no 1 GiB blocks in Linux, but the format has them */
	fake_put(&d, 0x80007000 + 8 * 1, 0x8200000715ull | 1ull << 55, 8);
	expect_pa(p, root, 0xc0345678, 0x8200145678, 21);
	expect_pa(p, root, 0x80001234, 0x80001234, 30);
	fake_put(&d, 0x80007000 + 8 * 2, 0x80008003, 8);
	fake_put(&d, 0x80008000 + 8 * 3, 0xff12345000ull | 0x71f, 8);
	expect_pa(p, root, 0xc0403fff, 0xff12345fff, 12);
	/* PROT_NONE: bit 0 clear, bit 1 kept, bit 57 */
	fake_put(&d, 0x80008000 + 8 * 4, 0x12346000ull | 1ull << 57 | 2, 8);
	expect_pa(p, root, 0xc0404000, 0x12346000, 12);
	fake_put(&d, 0x80008000 + 8 * 5, 0x1230000000, 8); /* swap */
	expect_fault(p, root, 0xc0405000, FAULT_UNMAPPED, 3);
	fake_put(&d, 0x80008000 + 8 * 6, 0x80009001, 8); /* reserved */
	expect_fault(p, root, 0xc0406000, FAULT_CORRUPT, 3);
	expect_fault(p, root, 0x40000000, FAULT_UNMAPPED, 1);
	expect_words(p, 0, 0x80007003, "TABLE");
	expect_words(p, 1, 0x820000071dull, "RW x SHD AF MEM/CACHED/WBWA");
	expect_words(p, 1, 0x8200000f8dull | 1ull << 53, "ro x SHD AF NG PXN MEM/CACHED/WBRA");
	expect_words(p, 2, 0xff12345753ull | 5ull << 54 << 2 | 1ull << 54,
		"USR ro NX SHD AF DEV/SHARED");
	expect_words(p, 2, 0x12346000ull | 1ull << 57 | 2, "F RW x SO/UNCACHED NONE");
	expect_words(p, 2, 0x1230000000, "F");
}

/* ---- layout ------------------------------------------------------------------------------ */

struct numbers {
	const char *name;
	uint64_t value;
};

static bool fake_lookup(void *cx, const char *name, uint64_t *ret)
{
	for (const struct numbers *n = cx; n->name; n++) {
		if (strcmp(n->name, name))
			continue;
		*ret = n->value;
		return true;
	}
	return false;
}

static struct arch_layout expect_layout(struct numbers *known, struct kernel_image image)
{
	struct arch_env env = { .cx = known, .symbol = fake_lookup, .number = fake_lookup };
	struct arch_layout l;
	struct err *err = arch_arm.layout(&env, &d, &image, &l);

	if (err)
		print_message("%s\n", err->msg);
	assert_null(err);
	return l;
}

static void test_layout_short(void **state)
{
	struct kernel_image image = { 0xc0208000, 0xc0208000, { 0x60208000 }, 0x800000 };
	struct numbers known[] = { { "high_memory", 0xc0300010 }, { NULL, 0 } };

	(void)state;
	for (uint64_t i = 0; i < 0x200; i++)
		fake_put(&d, 0x60204000 + (0xc00 + i) * 4, (0x60000000 + (i << 20)) | 0x1140e, 4);
	struct arch_layout l = expect_layout(known, image); /* high_memory's page is absent */
	assert_ptr_equal(l.paging.decode, arm_paging_short.decode);
	assert_int_equal(l.pgd.v, 0x60204000);
	assert_int_equal(l.page_offset, 0xc0000000);
	assert_int_equal(l.phys_offset.v, 0x60000000);
	assert_int_equal(l.nwindows, 1);
	assert_int_equal(l.window[0].va, 0xc0000000);
	assert_int_equal(l.window[0].size, 0x20000000);
	assert_int_equal(l.window[0].pa.v, 0x60000000);
	assert_int_equal(l.user_end, 0xbf000000);
	fake_put(&d, 0x60300010, 0xdf800000, 4);
	l = expect_layout(known, image);
	assert_int_equal(l.window[0].size, 0x1f800000);
	known[0] = (struct numbers){ "kasan_early_shadow_page", 0xc0300000 };
	l = expect_layout(known, image);
	assert_int_equal(l.user_end, 0xb6e00000);
}

static void test_layout_lpae(void **state)
{
	struct kernel_image image = { 0x80008000, 0x80008000, { 0x280008000 }, 0x800000 };
	struct numbers known[] = { { NULL, 0 }, { NULL, 0 } };

	(void)state;
	fake_put(&d, 0x280003000 + 8 * 2, 0x280006003, 8);
	for (uint64_t i = 0; i < 8; i++)
		fake_put(&d, 0x280006000 + 8 * i, (0x280000000 + (i << 21)) | 0x71d, 8);
	struct arch_layout l = expect_layout(known, image);
	assert_ptr_equal(l.paging.decode, arm_paging_lpae.decode);
	assert_int_equal(l.pgd.v, 0x280003000);
	assert_int_equal(l.phys_offset.v, 0x280000000);
	assert_int_equal(l.window[0].size, 16 << 20);
	/* Half a VMCOREINFO: only the other form maps the image. */
	known[0] = (struct numbers){ "CONFIG(ARM_LPAE)", 0 };
	l = expect_layout(known, image);
	assert_ptr_equal(l.paging.decode, arm_paging_lpae.decode);
	fake_put(&d, 0x280003000 + 8 * 2, 0, 8);
	struct arch_env env = { .cx = known, .symbol = fake_lookup, .number = fake_lookup };
	struct err *err = arch_arm.layout(&env, &d, &image, &l);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_NOT_FOUND);
	err_drop(err);
}

/* Both forms map the image: what VMCOREINFO says decides, and without it the short ones. */
static void test_layout_order(void **state)
{
	struct kernel_image image = { 0xc0008000, 0xc0008000, { 0x60008000 }, 0x800000 };
	struct numbers none[] = { { NULL, 0 } },
		       known[] = { { "CONFIG(ARM_LPAE)", 1 }, { NULL, 0 } };

	(void)state;
	for (uint64_t i = 0; i < 16; i++)
		fake_put(&d, 0x60004000 + 4 * (0xc00 + i), (0x60000000 + (i << 20)) | 0x1140e, 4);
	fake_put(&d, 0x60003000 + 8 * 3, 0x6000a003, 8);
	for (uint64_t i = 0; i < 8; i++)
		fake_put(&d, 0x6000a000 + 8 * i, (0x60000000 + (i << 21)) | 0x71d, 8);
	assert_ptr_equal(expect_layout(none, image).paging.decode, arm_paging_short.decode);
	assert_ptr_equal(expect_layout(known, image).paging.decode, arm_paging_lpae.decode);
	known[0].value = 0;
	assert_ptr_equal(expect_layout(known, image).paging.decode, arm_paging_short.decode);
}

static void test_is_call(void **state)
{
	static const struct {
		uint32_t code;
		uint32_t ra;
		bool call;
		uint32_t target;
	} t[] = {
		{ 0xeb000010, 0xc0001004, true, 0xc0001048 },
		{ 0xebfffffe, 0xc0001004, true, 0xc0001000 },
		{ 0xfb000000, 0xc0001004, true, 0xc000100a }, /* blx, H */
		{ 0xe12fff33, 0xc0001004, true, 0 },	      /* blx r3 */
		{ 0xe12fff13, 0xc0001004, false, 0 },	      /* bx r3 */
		{ 0xe1a0f003, 0xc0001004, true, 0 },	      /* mov pc, r3 */
		{ 0xe1a0f00e, 0xc0001004, false, 0 },	      /* mov pc, lr */
		{ 0xe593f008, 0xc0001004, true, 0 },	      /* ldr pc, [r3, #8] */
		{ 0xe49df004, 0xc0001004, false, 0 },	      /* pop {pc} */
		{ 0xea000010, 0xc0001004, false, 0 },
		{ 0xf80af000, 0xc0001005, true, 0xc0001018 }, /* bl, T1 */
		{ 0xfffef7ff, 0xc0001005, true, 0xc0001000 }, /* bl to itself */
		{ 0xe80af000, 0xc0001007, true, 0xc0001018 }, /* blx, T2: from 0xc0001004 */
		{ 0x4798bf00, 0xc0001005, true, 0 },	      /* nop; blx r3 */
		{ 0x4718bf00, 0xc0001005, false, 0 },	      /* nop; bx r3 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		uint8_t code[4];
		uint64_t target = 0;
		for (unsigned k = 0; k < 4; k++)
			code[k] = t[i].code >> (8 * k);
		assert_int_equal(arch_arm.is_call(code, t[i].ra, &target), t[i].call);
		assert_int_equal(target, t[i].target);
	}
}

/* ---- swap entries and attributes --------------------------------------------------------- */

static void test_swap_forms(void **state)
{
	static const struct {
		const struct paging *p;
		enum pte_swap_form form;
		uint64_t raw;
		bool is;
		struct pte_swap want;
	} cases[] = {
		{ &arm_paging_short, SWAP_PLAIN, 3 << 2 | 0x1234 << 7, true,
			{ 3, 0x1234, false, false } },
		{ &arm_paging_short, SWAP_PLAIN, 0xffffff84, true, { 1, 0x1ffffff, false, false } },
		{ &arm_paging_short, SWAP_EXCLUSIVE, 3 << 2 | 1 << 7 | 0x1234 << 8, true,
			{ 3, 0x1234, true, false } },
		{ &arm_paging_short, SWAP_PLAIN, 0x42000c5f, false, { 0 } },
		{ &arm_paging_lpae, SWAP_PLAIN, 31 << 2 | 0x1234 << 7, true,
			{ 31, 0x1234, false, false } },
		{ &arm_paging_lpae, SWAP_EXCLUSIVE, 1 << 2 | 1 << 7 | 5 << 8, true,
			{ 1, 5, true, false } },
		{ &arm_paging_lpae, SWAP_PLAIN, 0x42000703, false, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct paging p = *cases[i].p;
		struct pte_swap got = { 0 };
		p.swap_form = cases[i].form;
		assert_int_equal(p.swap(&p, cases[i].raw, &got), cases[i].is);
		assert_int_equal(got.type, cases[i].want.type);
		assert_int_equal(got.offset, cases[i].want.offset);
		assert_int_equal(got.exclusive, cases[i].want.exclusive);
	}
}

static void test_attributes_and_domain(void **state)
{
	const struct paging *p = &arm_paging_short, *hw = &arm_paging_short_hw,
			    *l = &arm_paging_lpae;

	(void)state;
	assert_int_equal(p->attributes(p, 0, 0xabc11c0e), 0x11c0e);	     /* section */
	assert_int_equal(p->attributes(p, 0, 0x8554140e | 1 << 8), 0x4140e); /* supersection */
	assert_int_equal(p->attributes(p, 0, 0x42000c61), 0x61);
	assert_int_equal(p->attributes(p, 1, 0x42000c5f), 0xc5f);
	assert_int_equal(hw->attributes(hw, 1, 0x4200f45d), 0xf45d); /* large page */
	assert_int_equal(hw->attributes(hw, 1, 0x4200f45e), 0x45e);
	assert_int_equal(l->attributes(l, 2, 0x60000ff2000f43), 0x60000000000f43);
	assert_string_equal(p->domain(0x42000001), "KERNEL ");
	assert_string_equal(p->domain(0x42000061), "VECTORS");
	assert_string_equal(p->domain(0x42000081), "unknown");
	assert_null(l->domain);
	assert_null(l->words(l, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_sections, teardown),
		cmocka_unit_test_teardown(test_linux_pairs, teardown),
		cmocka_unit_test_teardown(test_large_page, teardown),
		cmocka_unit_test_teardown(test_short_words, teardown),
		cmocka_unit_test_teardown(test_lpae, teardown),
		cmocka_unit_test_teardown(test_layout_short, teardown),
		cmocka_unit_test_teardown(test_layout_lpae, teardown),
		cmocka_unit_test_teardown(test_layout_order, teardown),
		cmocka_unit_test_teardown(test_is_call, teardown),
		cmocka_unit_test(test_swap_forms),
		cmocka_unit_test(test_attributes_and_domain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
