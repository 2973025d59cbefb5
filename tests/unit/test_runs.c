/* Runs of a page table and the pieces of RAM behind it: joining, cutting, faults, tables that lead
 * to themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/space/pieces.h"
#include "analyzer/space/runs.h"
#include "arch/arm/arm.h"
#include "arch/arm64/arm64.h"
#include "tests/unit/fake_memory.h"

static struct dump d;

enum { ROOT = 0x41000000, PMD = 0x41001000, PTE = 0x41002000, SHARED = 0x41003000 };
#define BASE 0xffffff8000000000ull /* 4K, 39 bits: 1 GiB, 2 MiB and 4 KiB a level */

static int setup(void **state)
{
	static struct dump_extent extent = { { 0x40000000 }, 128 << 20 };
	(void)state;
	d.info.extent = &extent;
	d.info.nextents = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_clear(&d);
	interrupt_clear();
	return 0;
}

static struct paging form_39(void)
{
	struct paging p;
	assert_true(arm64_paging(12, 39, &p));
	return p;
}

static struct table_runs *runs(
	const struct paging *p, uint64_t lo, uint64_t last, bool by_attributes, bool holes)
{
	struct table_runs_options o = { lo, last, by_attributes, holes };
	return table_runs_create(p, &d, (struct paddr){ ROOT }, &o);
}

static struct table_run next(struct table_runs *it)
{
	struct table_run r = { 0 };
	bool more;
	assert_null(table_runs_next(it, &r, &more));
	assert_true(more);
	return r;
}

static void finish(struct table_runs *it)
{
	struct table_run r;
	bool more;
	assert_null(table_runs_next(it, &r, &more));
	assert_false(more);
	table_runs_destroy(it);
}

/* Pages 0 to 2 in a row, 3 elsewhere, 4 read-only, 6 a swap entry, a block after the table. */
static void put_tables(void)
{
	static const uint64_t page[] = { 0x42000703, 0x42001703, 0x42002703, 0x42008703, 0x42009783,
		0, 0x1234508 };
	fake_put(&d, ROOT, PMD | 3, 8);
	fake_put(&d, PMD, PTE | 3, 8);
	fake_put(&d, PMD + 8, 0x43000701, 8);
	fake_put(&d, PMD + 16, 0x43200701, 8);
	for (unsigned i = 0; i < ARRAY_SIZE(page); i++)
		fake_put(&d, PTE + 8 * i, page[i], 8);
}

static void test_by_place(void **state)
{
	(void)state;
	struct paging p = form_39();
	put_tables();
	struct table_runs *it = runs(&p, BASE, UINT64_MAX, false, false);
	struct table_run r = next(it);
	assert_int_equal(r.va, BASE);
	assert_int_equal(r.size, 0x3000);
	assert_int_equal(r.pa.v, 0x42000000);
	assert_int_equal(r.level, 2);
	assert_int_equal(r.kind, RUN_MAPPED);
	assert_int_equal(r.parent, PTE | 3);
	r = next(it);
	assert_int_equal(r.va, BASE + 0x3000);
	assert_int_equal(r.size, 0x1000);
	assert_int_equal(r.pa.v, 0x42008000);
	r = next(it);
	assert_int_equal(r.pa.v, 0x42009000); /* goes on, but read-only */
	assert_int_equal(r.size, 0x1000);
	r = next(it);
	assert_int_equal(r.kind, RUN_ABSENT);
	assert_int_equal(r.va, BASE + 0x6000);
	r = next(it);
	assert_int_equal(r.va, BASE + (2 << 20));
	assert_int_equal(r.size, 4 << 20);
	assert_int_equal(r.level, 1);
	assert_int_equal(r.entry_shift, 21);
	finish(it);
}

static void test_by_attributes(void **state)
{
	(void)state;
	struct paging p = form_39();
	put_tables();
	struct table_runs *it = runs(&p, BASE, UINT64_MAX, true, true);
	struct table_run r = next(it);
	assert_int_equal(r.size, 0x4000);
	assert_true(r.scattered);
	r = next(it);
	assert_int_equal(r.size, 0x1000);
	r = next(it);
	assert_int_equal(r.kind, RUN_HOLE);
	assert_int_equal(r.size, 0x1000);
	r = next(it);
	assert_int_equal(r.kind, RUN_ABSENT);
	r = next(it);
	assert_int_equal(r.kind, RUN_HOLE);
	assert_int_equal(r.level, 2);
	assert_int_equal(r.va + r.size, BASE + (2 << 20));
	r = next(it);
	assert_int_equal(r.size, 4 << 20);
	r = next(it);
	assert_int_equal(r.kind, RUN_HOLE);
	assert_int_equal(r.level, 1);
	assert_int_equal(r.va + r.size, BASE + (1 << 30));
	r = next(it);
	assert_int_equal(r.level, 0);
	assert_int_equal(r.va + r.size, 0); /* up to 2^64 */
	finish(it);
}

static void test_cut_to_the_range(void **state)
{
	(void)state;
	struct paging p = form_39();
	put_tables();
	struct table_runs *it = runs(&p, BASE + 0x1800, BASE + 0x27ff, false, false);
	struct table_run r = next(it);
	assert_int_equal(r.va, BASE + 0x1800);
	assert_int_equal(r.size, 0x1000);
	assert_int_equal(r.pa.v, 0x42001800);
	finish(it);
	it = runs(&p, BASE + (2 << 20) + 0x5000, BASE + (2 << 20) + 0x5fff, false, false);
	r = next(it);
	assert_int_equal(r.pa.v, 0x43005000);
	assert_int_equal(r.size, 0x1000);
	finish(it);
	it = runs(&p, BASE + 0x10000, BASE + 0xffff, false, false);
	finish(it);
}

/* KASAN's shadow: whole levels of tables whose entries are all the same. */
static void test_uniform_tables(void **state)
{
	(void)state;
	struct paging p = form_39();
	for (unsigned i = 0; i < 512; i++) {
		fake_put(&d, SHARED + 8 * i, 0x42000783, 8);
		fake_put(&d, PMD + 8 * i, SHARED | 3, 8);
	}
	for (unsigned i = 8; i < 16; i++)
		fake_put(&d, ROOT + 8 * i, PMD | 3, 8);
	d.nreads = 0;
	struct table_runs *it = runs(&p, BASE, UINT64_MAX, false, false);
	struct table_run r = next(it);
	assert_int_equal(r.va, BASE + (8ull << 30));
	assert_int_equal(r.size, 8ull << 30);
	assert_int_equal(r.level, 2);
	assert_int_equal(r.entry_shift, 12);
	assert_true(r.repeats);
	assert_int_equal(r.pa.v, 0x42000000);
	assert_int_equal(r.parent, SHARED | 3);
	finish(it);
	assert_true(d.nreads < 16); /* two million entries */
}

static void test_missing_table(void **state)
{
	(void)state;
	struct paging p = form_39();
	put_tables();
	fake_put(&d, PMD, 0x7f000003, 8); /* beyond the dump */
	fake_fault(&d, SHARED, FAULT_EXCLUDED);
	fake_put(&d, PMD + 24, SHARED | 3, 8);
	struct table_runs *it = runs(&p, BASE, UINT64_MAX, false, false);
	struct table_run r = next(it);
	assert_int_equal(r.kind, RUN_BROKEN);
	assert_int_equal(r.fault, FAULT_BEYOND);
	assert_int_equal(r.size, 2 << 20);
	r = next(it);
	assert_int_equal(r.kind, RUN_MAPPED);
	r = next(it);
	assert_int_equal(r.fault, FAULT_EXCLUDED);
	assert_int_equal(r.va, BASE + (6 << 20));
	finish(it);
}

/* A root that is its own table on every level, and not uniform. */
static void test_cycle_ends(void **state)
{
	struct table_run r;
	bool more = true;
	struct err *err = NULL;

	(void)state;
	struct paging p;
	assert_true(arm64_paging(12, 48, &p));
	for (unsigned i = 0; i < 512; i++)
		fake_put(&d, ROOT + 8 * i, (ROOT | 3) + ((uint64_t)i << 53 & 1ull << 53), 8);
	struct table_runs *it = runs(&p, UINT64_MAX << 48, UINT64_MAX, true, true);
	while (!err && more)
		err = table_runs_next(it, &r, &more);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_LIMIT);
	err_drop(err);
	table_runs_destroy(it);
}

static void test_interrupt(void **state)
{
	struct table_run r;
	bool more;

	(void)state;
	struct paging p = form_39();
	put_tables();
	struct table_runs *it = runs(&p, BASE, UINT64_MAX, true, true);
	interrupt_raise();
	struct err *err = table_runs_next(it, &r, &more);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_INTERRUPTED);
	assert_false(more);
	err_drop(err);
	table_runs_destroy(it);
}

/* ARM32: sections, a supersection (sixteen entries), a coarse table of Linux's words. */
static void test_short_form(void **state)
{
	enum { COARSE = 0x41010000 };

	(void)state;
	fake_put(&d, ROOT + 0x2000, 0, 4);
	fake_put(&d, ROOT, 0x42000c0e, 4);
	fake_put(&d, ROOT + 4, 0x42100c0e, 4);
	for (unsigned i = 16; i < 32; i++)
		fake_put(&d, ROOT + 4 * i, 0x85040c0e, 4);
	fake_put(&d, ROOT + 4 * 0x400, (COARSE + 2048) | 1, 4);
	fake_put(&d, COARSE, 0x4200045f, 4);
	fake_put(&d, COARSE + 4, 0x4200145f, 4);
	fake_fault(&d, ROOT + 0x3000, FAULT_CUT); /* the last quarter of the root */
	struct table_runs *it = runs(&arm_paging_short, 0, UINT32_MAX, false, false);
	struct table_run r = next(it);
	assert_int_equal(r.size, 2 << 20);
	assert_int_equal(r.pa.v, 0x42000000);
	r = next(it);
	assert_int_equal(r.va, 16 << 20);
	assert_int_equal(r.size, 16 << 20);
	assert_int_equal(r.pa.v, 0x85000000);
	r = next(it);
	assert_int_equal(r.va, 0x40000000);
	assert_int_equal(r.size, 0x2000);
	assert_int_equal(r.pa.v, 0x42000000);
	r = next(it);
	assert_int_equal(r.va, 0xc0000000);
	assert_int_equal(r.size, 1 << 30);
	assert_int_equal(r.fault, FAULT_CUT);
	finish(it);
}

/* ---- pieces ------------------------------------------------------------------------------ */

static struct space_facts facts(void)
{
	struct space_facts f = { .arch = &arch_arm64,
		.abi = { .word_bytes = 8 },
		.layout = { .pgd = { ROOT }, .nwindows = 1 } };
	f.layout.paging = form_39();
	return f;
}

/* Every page that is mapped comes once, in order, at the place that a read takes it from. */
static void test_pieces(void **state)
{
	struct sweep_piece piece;
	uint64_t bytes = 0, lo, last, at;
	bool more;

	(void)state;
	put_tables();
	struct space_facts f = facts();
	struct vspace *vs = vspace_create(&d, &f);
	space_bounds(&f, &lo, &last);
	assert_int_equal(lo, BASE);
	assert_int_equal(last, UINT64_MAX);
	struct pieces *it = pieces_of_space(&d, &f, lo, last);
	for (at = lo; !pieces_next(it, &piece, &more) && more; at = piece.addr + piece.size) {
		struct paddr pa;
		assert_true(piece.addr >= at);
		assert_int_equal(vspace_translate(vs, piece.addr, &pa, NULL), FAULT_NONE);
		assert_int_equal(piece.pa.v, pa.v);
		bytes += piece.size;
	}
	assert_true(bytes >= 0x4000); /* the four pages, and put_tables()' blocks */
	pieces_destroy(it);
	it = pieces_of_space(&d, &f, BASE + 0x1004, BASE + 0x1007);
	assert_null(pieces_next(it, &piece, &more));
	assert_true(
		more && piece.addr == BASE + 0x1004 && piece.size == 4 && piece.pa.v == 0x42001004);
	assert_null(pieces_next(it, &piece, &more));
	assert_false(more);
	pieces_destroy(it);
	vspace_destroy(vs);
}

static void test_pieces_repeat(void **state)
{
	struct sweep_piece piece;
	bool more;

	(void)state;
	for (unsigned i = 0; i < 512; i++)
		fake_put(&d, PTE + 8 * i, 0x42000783, 8);
	fake_put(&d, ROOT, PMD | 3, 8);
	fake_put(&d, PMD, PTE | 3, 8);
	struct space_facts f = facts();
	struct pieces *it = pieces_of_space(&d, &f, BASE, UINT64_MAX);
	assert_null(pieces_next(it, &piece, &more));
	assert_true(more && piece.addr == BASE && piece.size == 0x1000 && piece.pa.v == 0x42000000);
	assert_null(pieces_next(it, &piece, &more));
	assert_false(more);
	pieces_destroy(it);
}

static void test_pieces_of_ram(void **state)
{
	struct sweep_piece piece;
	bool more;

	(void)state;
	struct pieces *it = pieces_of_ram(&d, 0x40001000, 0x40002fff);
	assert_null(pieces_next(it, &piece, &more));
	assert_true(more && piece.addr == 0x40001000 && piece.pa.v == 0x40001000 &&
		    piece.size == 0x2000);
	assert_null(pieces_next(it, &piece, &more));
	assert_false(more);
	pieces_destroy(it);
	it = pieces_of_ram(&d, 0, 0x3fffffff);
	assert_null(pieces_next(it, &piece, &more));
	assert_false(more);
	pieces_destroy(it);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_by_place),
		T(test_by_attributes),
		T(test_cut_to_the_range),
		T(test_uniform_tables),
		T(test_missing_table),
		T(test_cycle_ends),
		T(test_interrupt),
		T(test_short_form),
		T(test_pieces),
		T(test_pieces_repeat),
		T(test_pieces_of_ram),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
