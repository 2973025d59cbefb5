/* The walker: what each step keeps, how a walk ends, byte order, how much it may read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/space/walk.h"
#include "arch/arm/arm.h"
#include "arch/arm64/arm64.h"
#include "tests/unit/fake_memory.h"

static struct dump d;

static int teardown(void **state)
{
	(void)state;
	fake_clear(&d);
	return 0;
}

static void test_steps(void **state)
{
	struct paging p;
	struct walk w;

	(void)state;
	assert_true(arm64_paging(12, 39, &p));
	fake_put(&d, 0x41000000 + 8 * 3, 0x41001003, 8);
	fake_put(&d, 0x41001000 + 8 * 5, 0x41002003, 8);
	fake_put(&d, 0x41002000 + 8 * 7, 0x42000703, 8);
	walk_address(&p, &d, (struct paddr){ 0x41000000 }, 3ull << 30 | 5 << 21 | 7 << 12 | 9, &w);
	assert_int_equal(w.fault, FAULT_NONE);
	assert_int_equal(w.nsteps, 3);
	assert_int_equal(w.pa.v, 0x42000009);
	assert_int_equal(w.step[1].level, 1);
	assert_int_equal(w.step[1].entry_pa.v, 0x41001028);
	assert_int_equal(w.step[1].raw, 0x41002003);
	assert_int_equal(w.step[1].pte.kind, PTE_TABLE);
	assert_int_equal(w.step[1].pte.pa.v, 0x41002000);
	assert_int_equal(w.step[2].pte.kind, PTE_LEAF);
	/* a table that cannot be read: the dump's reason, and no step for it */
	fake_fault(&d, 0x41002000, FAULT_CUT);
	walk_address(&p, &d, (struct paddr){ 0x41000000 }, 3ull << 30 | 5 << 21 | 7 << 12, &w);
	assert_int_equal(w.fault, FAULT_CUT);
	assert_int_equal(w.nsteps, 2);
	walk_address(&p, &d, (struct paddr){ 0x41000000 }, 1ull << 39, &w);
	assert_int_equal(w.fault, FAULT_UNMAPPED);
	assert_int_equal(w.nsteps, 0);
}

static void test_self_reference(void **state)
{
	struct paging p;
	struct walk w;

	(void)state;
	assert_true(arm64_paging(12, 48, &p));
	for (unsigned i = 0; i < 512; i++)
		fake_put(&d, 0x41000000 + 8 * i, 0x41000003, 8);
	d.nreads = 0;
	walk_address(&p, &d, (struct paddr){ 0x41000000 }, 0xffff812345678abc, &w);
	assert_int_equal(w.fault, FAULT_NONE);
	assert_int_equal(w.pa.v, 0x41000abc);
	assert_int_equal(d.nreads, 4);
}

static void test_big_endian(void **state)
{
	struct paging p = arm_paging_short;
	struct walk w;

	(void)state;
	p.big_endian = true;
	fake_put(&d, 0x41003000, 0x1e140140, 4);
	walk_address(&p, &d, (struct paddr){ 0x41000000 }, 0xc0012345, &w);
	assert_int_equal(w.fault, FAULT_NONE);
	assert_int_equal(w.step[0].raw, 0x4001141e);
	assert_int_equal(w.pa.v, 0x40012345);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_steps, teardown),
		cmocka_unit_test_teardown(test_self_reference, teardown),
		cmocka_unit_test_teardown(test_big_endian, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
