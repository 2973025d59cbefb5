/* Where an arm64 kernel lies: by tables that prove it, by what is said, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "arch/arm64/arm64.h"
#include "tests/unit/fake_memory.h"

static struct dump d;

static int teardown(void **state)
{
	(void)state;
	fake_clear(&d);
	return 0;
}

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

static struct err *layout(
	struct numbers *known, const struct kernel_image *image, struct arch_layout *l)
{
	struct arch_env env = { .cx = known, .symbol = fake_lookup, .number = fake_lookup };

	d.info.extent = &d.extent;
	d.info.nextents = 1;
	return arch_arm64.layout(&env, &d, image, l);
}

/* 2 MiB blocks in 4K tables below @root, whose first level has @shift; tables are made at @next. */
static void map_block(uint64_t root, unsigned shift, uint64_t va, uint64_t pa, uint64_t attr)
{
	static uint64_t next;

	if (!root) {
		next = 0x4f000000;
		return;
	}
	for (; shift > 21; shift -= 9) {
		uint64_t at = root + (va >> shift & (shift == 48 ? 15 : 511)) * 8, raw = 0;
		dump_try_read(&d, (struct paddr){ at }, &raw, 8, NULL);
		if (!raw) {
			raw = next | 3;
			next += 4096;
			fake_put(&d, at, raw, 8);
		}
		root = raw & 0xfffffffff000;
	}
	fake_put(&d, root + (va >> 21 & 511) * 8, pa | attr, 8);
}

enum { ATTR = 0x701 };

/* A kernel of v6.1: 4K, 48 bits, KASLR, [_text, _stext) not mapped. */
static struct kernel_image map_kernel(void)
{
	map_block(0, 0, 0, 0, 0);
	fake_at(&d, 0x48a00000);
	d.extent = (struct dump_extent){ { 0x40000000 }, 0x10000000 };
	for (uint64_t i = 0; i < 8; i++)
		map_block(0x48a00000, 39, 0xffffa2d400200000 + (i << 21), 0x48200000 + (i << 21),
			ATTR);
	for (uint64_t i = 0; i < 128; i++)
		map_block(0x48a00000, 39, 0xffff0d0c00000000 + (i << 21), 0x40000000 + (i << 21),
			ATTR);
	return (struct kernel_image){ 0xffff800008000000, 0xffffa2d4001f0000, { 0x481f0000 },
		0x900000 };
}

static void expect_kernel(const struct arch_layout *l)
{
	assert_string_equal(l->paging.name, "arm64 4K, 48 bits");
	assert_int_equal(l->pgd.v, 0x48a00000);
	assert_int_equal(l->page_offset, 0xffff000000000000);
	assert_int_equal(l->phys_offset.v, 0x40000000 - 0x0d0c00000000);
	assert_int_equal(l->nwindows, 2);
	assert_int_equal(l->window[0].va, 0xffff0d0c00000000);
	assert_int_equal(l->window[0].size, 0x10000000);
	assert_int_equal(l->window[0].pa.v, 0x40000000);
	assert_int_equal(l->window[1].va, 0xffffa2d400200000);
	assert_int_equal(l->user_end, 1ull << 48);
	assert_true(l->paging.mair_known);
	assert_int_equal(l->paging.mair[0], 0xff);
}

static void expect_no_layout(struct numbers *known, const struct kernel_image *image)
{
	struct arch_layout l;
	struct err *err = layout(known, image, &l);

	assert_non_null(err);
	assert_int_equal(err->code, ERR_NOT_FOUND);
	err_drop(err);
}

static void test_layout(void **state)
{
	struct numbers all[] = { { "PAGESIZE", 4096 }, { "NUMBER(VA_BITS)", 48 },
		{ "NUMBER(TCR_EL1_T1SZ)", 16 },
		{ "NUMBER(PHYS_OFFSET)", 0x40000000 - 0x0d0c00000000 },
		{ "swapper_pg_dir", 0xffffa2d400a00000 }, { NULL, 0 } };
	struct numbers lie[] = { { "NUMBER(PHYS_OFFSET)", 0x80000000 },
		{ "swapper_pg_dir", 0xffffa2d400a00000 }, { NULL, 0 } };
	struct numbers none[] = { { NULL, 0 } };
	struct kernel_image image = map_kernel();
	struct arch_layout l;

	(void)state;
	assert_null(layout(all, &image, &l));
	expect_kernel(&l);
	assert_null(layout(lie, &image, &l));
	expect_kernel(&l);
	assert_null(layout(none, &image, &l));
	expect_kernel(&l);
	image.pa.v += 0x10000;
	expect_no_layout(all, &image);
}

/* The tables below the root are in a part of the dump that is gone: what VMCOREINFO says must do.
 */
static void test_tables_missing(void **state)
{
	struct numbers all[] = { { "PAGESIZE", 4096 }, { "NUMBER(VA_BITS)", 48 },
		{ "NUMBER(PHYS_OFFSET)", 0x40000000 - 0x0d0c00000000 },
		{ "swapper_pg_dir", 0xffffa2d400a00000 }, { "_stext", 0xffffa2d400200000 },
		{ NULL, 0 } };
	struct kernel_image image = map_kernel();
	struct arch_layout l;

	(void)state;
	assert_null(layout(all, &image, &l));
	assert_false(l.tables_missing);
	for (uint64_t pa = 0x4f000000; pa < 0x4f000000 + 16 * 4096; pa += 4096)
		fake_fault(&d, pa, FAULT_CUT);
	assert_null(layout(all, &image, &l));
	assert_true(l.tables_missing);
	assert_int_equal(l.pgd.v, 0x48a00000);
	assert_int_equal(l.phys_offset.v, 0x40000000 - 0x0d0c00000000);
	assert_int_equal(l.window[0].va, 0xffff0d0c00000000);
	assert_int_equal(l.window[1].va, 0xffffa2d400200000);
	assert_int_equal(l.window[1].pa.v, 0x48200000);
	/* no form is chosen by guessing */
	all[1].value = 52;
	expect_no_layout(all, &image);
	all[1].value = 255;
	expect_no_layout(all, &image);
	all[1].value = 48;
	all[0].value = 4096 + 1;
	expect_no_layout(all, &image);
	/* tables that are there and say something else are not missing */
	all[0].value = 4096;
	fake_put(&d, 0x48a00000 + (0xffffa2d400200000 >> 39 & 511) * 8, 0, 8);
	expect_no_layout(all, &image);
}

/* A kernel built for 52 bits on a CPU with 48: the top level folds, PAGE_OFFSET stays -2^52. */
static void test_layout_folded(void **state)
{
	struct numbers known[] = { { "NUMBER(VA_BITS)", 52 },
		{ "swapper_pg_dir", 0xffffa2d400a00000 }, { NULL, 0 } };
	struct kernel_image image = map_kernel();
	struct arch_layout l;

	(void)state;
	assert_null(layout(known, &image, &l));
	assert_string_equal(l.paging.name, "arm64 4K, 48 bits");
	assert_int_equal(l.page_offset, 0xfff0000000000000);
	assert_int_equal(l.window[0].va, 0xffff0d0c00000000);
	assert_int_equal(l.window[0].pa.v, 0x40000000);
	/* the kernel's formula: pa = va - PAGE_OFFSET + memstart_addr, modulo 2^64 */
	assert_int_equal(0xffff0d0c00000000 - l.page_offset + l.phys_offset.v, 0x40000000);
}

static void test_layout_lpa2(void **state)
{
	struct numbers known[] = { { "NUMBER(VA_BITS)", 52 }, { "NUMBER(TCR_EL1_T1SZ)", 12 },
		{ "swapper_pg_dir", 0xffff800080a00000 }, { NULL, 0 } };
	struct kernel_image image = { 0, 0xffff800080000000, { 0x40200000 }, 0xb00000 };
	struct arch_layout l;

	(void)state;
	map_block(0, 0, 0, 0, 0);
	fake_at(&d, 0x40c00000);
	d.extent = (struct dump_extent){ { 0x40000000 }, 0x1000000 };
	for (uint64_t i = 0; i < 4; i++)
		map_block(0x40c00000, 48, 0xffff800080000000 + (i << 21), 0x40200000 + (i << 21),
			0x401);
	for (uint64_t i = 0; i < 8; i++)
		map_block(0x40c00000, 48, 0xfff0000000000000 + (i << 21), 0x40000000 + (i << 21),
			0x401);
	assert_null(layout(known, &image, &l));
	assert_string_equal(l.paging.name, "arm64 4K, 52 bits");
	assert_true(l.paging.lpa2);
	assert_int_equal(l.phys_offset.v, 0x40000000);
	assert_int_equal(l.window[0].va, 0xfff0000000000000);
}

/* 64K pages, 52 bits configured, 48 walked: the last 64 of 1024 root entries. And v4.19's halves.
 */
static void test_layout_64k(void **state)
{
	struct numbers known[] = { { "swapper_pg_dir", 0xffff800010a00000 },
		{ "NUMBER(VA_BITS)", 52 }, { NULL, 0 } };
	struct kernel_image image = { 0, 0xffff800010000000, { 0x40200000 }, 0xb00000 };
	const uint64_t root = 0x40c00000, attr = 0x711; /* index 4: up to v5.4 */
	struct arch_layout l;

	(void)state;
	d.extent = (struct dump_extent){ { 0x40000000 }, 0x20000000 };
	fake_at(&d, root);
	fake_at(&d, root + 4096);
	fake_put(&d, root + 8 * (960 + 32), 0x41000003, 8);
	fake_put(&d, root + 8 * 960, 0x41010003, 8);
	fake_at(&d, 0x41000000);
	fake_put(&d, 0x41010000, 0x40000000 | attr, 8); /* linear: 512 MiB */
	fake_put(&d, 0x41000000, 0x41020003, 8);
	for (uint64_t i = 0; i < 176; i++)
		fake_put(&d, 0x41020000 + 8 * (0x1000 + i), (0x40200000 + (i << 16)) | attr | 2, 8);
	assert_null(layout(known, &image, &l));
	assert_string_equal(l.paging.name, "arm64 64K, 48 bits");
	assert_int_equal(l.pgd.v, root + 0x1e00);
	assert_int_equal(l.window[0].va, 0xffff000000000000);
	assert_int_equal(l.window[0].pa.v, 0x40000000);
	assert_int_equal(l.paging.mair[4], 0xff);
}

static void test_layout_4_19(void **state)
{
	struct numbers known[] = { { "swapper_pg_dir", 0xffff000008a80000 }, { NULL, 0 } };
	struct kernel_image image = { 0, 0xffff000008080000, { 0x40080000 }, 0xb00000 };
	struct arch_layout l;

	(void)state;
	map_block(0, 0, 0, 0, 0);
	d.extent = (struct dump_extent){ { 0x40000000 }, 0x1000000 };
	fake_at(&d, 0x40a80000);
	for (uint64_t i = 0; i < 4; i++)
		map_block(0x40a80000, 39, 0xffff000008000000 + (i << 21), 0x40000000 + (i << 21),
			ATTR);
	for (uint64_t i = 0; i < 8; i++)
		map_block(0x40a80000, 39, 0xffff800000000000 + (i << 21), 0x40000000 + (i << 21),
			ATTR);
	assert_null(layout(known, &image, &l));
	assert_int_equal(l.page_offset, 0xffff800000000000);
	assert_int_equal(l.phys_offset.v, 0x40000000);
	assert_int_equal(l.window[0].va, 0xffff800000000000);
}

/* A kernel for 52 bits on a CPU of 48: the whole table begins 0x1e00 before the CPU's. */
static void test_whole_table(void **state)
{
	struct arch_layout l = { .pgd = { 0x41000000 + 0x1e00 }, .page_offset = UINT64_MAX << 52 };
	struct paging p;
	struct paddr root;
	uint64_t lo;

	(void)state;
	assert_true(arm64_paging(16, 48, &l.paging));
	l.paging.swap_form = SWAP_PLAIN;
	arm64_whole_table(&l, &p, &root, &lo);
	assert_int_equal(root.v, 0x41000000);
	assert_int_equal(p.va_bits, 52);
	assert_int_equal(p.swap_form, SWAP_PLAIN);
	assert_int_equal(lo, UINT64_MAX << 52);
	l.page_offset = UINT64_MAX << 48;
	arm64_whole_table(&l, &p, &root, &lo);
	assert_int_equal(root.v, 0x41000000 + 0x1e00);
	assert_int_equal(lo, UINT64_MAX << 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_layout, teardown),
		cmocka_unit_test_teardown(test_tables_missing, teardown),
		cmocka_unit_test_teardown(test_layout_folded, teardown),
		cmocka_unit_test_teardown(test_layout_lpa2, teardown),
		cmocka_unit_test_teardown(test_layout_64k, teardown),
		cmocka_unit_test_teardown(test_layout_4_19, teardown),
		cmocka_unit_test(test_whole_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
