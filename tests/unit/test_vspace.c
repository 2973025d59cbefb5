/* Virtual reads: windows, tables, the TLB, faults with their address, pages that move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/space/vspace.h"
#include "arch/arm64/arm64.h"
#include "tests/unit/fake_memory.h"

static struct dump d;

#define LINEAR	0xffff000000000000ull
#define VMALLOC 0xffff80000a000000ull

enum { ROOT = 0x41000000, RAM = 0x40000000 };

/* Tables: VMALLOC's first pages to scattered frames; a window of 1 MiB at LINEAR. */
static struct space_facts facts(void)
{
	struct space_facts f = {
		.arch = &arch_arm64,
		.abi = { .word_bytes = 8 },
		.layout = {
			.pgd = { ROOT },
			.window = { { "linear map", LINEAR, 0x100000, { RAM } } },
			.nwindows = 1,
			.user_end = 1ull << 48,
		},
	};
	assert_true(arm64_paging(12, 48, &f.layout.paging));
	return f;
}

static int setup(void **state)
{
	static const uint64_t frame[] = { 0x42005000, 0x42003000, 0x42009000, 0, 0x4200c000,
		0x4200d000 };

	fake_put(&d, ROOT + 8 * 256, 0x41001003, 8);
	fake_put(&d, 0x41001000, 0x41002003, 8);
	fake_put(&d, 0x41002000 + 8 * 80, 0x41003003, 8);
	for (unsigned i = 0; i < ARRAY_SIZE(frame); i++) {
		if (!frame[i])
			continue;
		fake_put(&d, 0x41003000 + 8 * i, frame[i] | 0x703, 8);
		for (unsigned k = 0; k < FAKE_PAGE; k += 4)
			fake_put(&d, frame[i] + k, i << 16 | k, 4);
	}
	fake_fault(&d, 0x4200d000, FAULT_EXCLUDED);
	for (unsigned k = 0; k < 2 * FAKE_PAGE; k += 8)
		fake_put(&d, RAM + k, 0xabc00000 + k, 8);
	struct space_facts f = facts();
	*state = vspace_create(&d, &f);
	return 0;
}

static int teardown(void **state)
{
	vspace_destroy(*state);
	fake_clear(&d);
	return 0;
}

static void test_windows(void **state)
{
	struct vspace *vs = *state;
	uint64_t v, run;
	struct paddr pa;

	assert_null(vspace_read_word(vs, LINEAR + 0x1008, &v));
	assert_int_equal(v, 0xabc01008);
	assert_true(vspace_try_uint(vs, LINEAR + 0x1008, 2, &v));
	assert_int_equal(v, 0x1008);
	assert_int_equal(vspace_translate(vs, LINEAR + 0xff000, &pa, &run), FAULT_NONE);
	assert_int_equal(pa.v, RAM + 0xff000); /* no byte of it is in the dump */
	assert_int_equal(run, 0x1000);
	assert_int_equal(vspace_translate(vs, LINEAR + 0x100000, &pa, &run), FAULT_UNMAPPED);
	assert_int_equal(vspace_translate(vs, LINEAR - 1, &pa, NULL), FAULT_UNMAPPED);
	assert_false(vspace_try_word(vs, LINEAR + 0x2000, &v));
	scoped_err struct err *err = vspace_read_word(vs, LINEAR + 0x1ffc, &v);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_FAULT);
	assert_int_equal(err->fault, FAULT_BEYOND);
	assert_int_equal(err->addr, LINEAR + 0x2000);
	assert_string_equal(err->msg, "0xffff000000002000: beyond the dump's memory");
}

static void test_crossing(void **state)
{
	struct vspace *vs = *state;
	uint32_t v[4];
	uint64_t bad = 0, run;
	struct paddr pa;

	for (unsigned round = 0; round < 2; round++) { /* without and with the TLB */
		assert_int_equal(vspace_try_read(vs, VMALLOC + 0xff8, v, 16, &bad), FAULT_NONE);
		assert_int_equal(v[0], 0x00ff8);
		assert_int_equal(v[1], 0x00ffc);
		assert_int_equal(v[2], 0x10000);
		assert_int_equal(v[3], 0x10004);
	}
	uint8_t *big = malloc(0x5000);
	assert_int_equal(vspace_try_read(vs, VMALLOC + 0x10, big, 0x5000, &bad), FAULT_UNMAPPED);
	assert_int_equal(bad, VMALLOC + 0x3000);
	assert_int_equal(vspace_try_read(vs, VMALLOC + 0x4010, big, 0x1000, &bad), FAULT_EXCLUDED);
	assert_int_equal(bad, VMALLOC + 0x5000);
	free(big);
	assert_int_equal(vspace_translate(vs, VMALLOC + 0x5008, &pa, &run), FAULT_NONE);
	assert_int_equal(pa.v, 0x4200d008);
	assert_int_equal(run, 0xff8);
	/* the last bytes of the address space do not wrap into the first */
	assert_int_equal(vspace_try_read(vs, UINT64_MAX - 3, v, 16, &bad), FAULT_UNMAPPED);
	assert_int_equal(bad, UINT64_MAX - 3);
}

static void test_tlb(void **state)
{
	struct vspace *vs = *state;
	uint64_t v;

	assert_true(vspace_try_uint(vs, VMALLOC + 0x100, 4, &v));
	unsigned before = d.nreads;
	for (unsigned i = 0; i < 100; i++)
		assert_true(vspace_try_uint(vs, VMALLOC + 8 * i, 4, &v));
	assert_int_equal(d.nreads, before);
	assert_int_equal(v, 8 * 99);
	/* pages that share a slot do not take each other's place unseen */
	for (unsigned i = 0; i < 3; i++) {
		assert_true(vspace_try_uint(vs, VMALLOC + 0x1000 * i, 4, &v));
		assert_int_equal(v, i << 16);
	}
}

static void test_generation(void **state)
{
	struct vspace *vs = *state;
	uint64_t v;

	assert_true(vspace_try_uint(vs, VMALLOC + 0x10, 4, &v));
	assert_true(vspace_try_uint(vs, LINEAR + 0x10, 4, &v));
	fake_move(&d); /* what was at the old place is 0xee, then freed */
	assert_true(vspace_try_uint(vs, VMALLOC + 0x14, 4, &v));
	assert_int_equal(v, 0x14);
	assert_true(vspace_try_uint(vs, LINEAR + 0x18, 4, &v));
	assert_int_equal(v, 0xabc00018);
}

static void test_tags(void **state)
{
	struct vspace *vs = *state;
	uint64_t v;

	assert_true(vspace_try_uint(vs, (VMALLOC + 0x20) ^ 0x0bull << 56, 4, &v));
	assert_int_equal(v, 0x20);
	/* LIST_POISON1 is no tagged address, though its PAC-stripped form is the first word of RAM
	 */
	assert_int_equal(
		arch_arm64.strip(&vspace_facts(vs)->layout, 0xdead000000000100), LINEAR + 0x100);
	assert_false(vspace_try_uint(vs, 0xdead000000000100, 4, &v));
	assert_false(vspace_try_uint(vs, 0x6b6b6b6b6b6b6b6b, 4, &v));
}

/* One root is one half: kernel addresses in a user's tables would look like user addresses. */
static void test_halves(void **state)
{
	struct vspace *vs = *state;
	struct space_facts f = facts();
	uint64_t v;

	assert_false(vspace_try_uint(vs, VMALLOC & 0xffffffffffff, 4, &v));
	f.layout.nwindows = 0;
	struct vspace *user = vspace_create(&d, &f);
	assert_true(vspace_try_uint(user, VMALLOC & 0xffffffffffff, 4, &v));
	assert_false(vspace_try_uint(user, VMALLOC, 4, &v));
	vspace_destroy(user);
}

static void test_map_and_strings(void **state)
{
	struct vspace *vs = *state;
	const uint8_t *p;
	size_t n;
	char buf[16];

	assert_int_equal(vspace_map(vs, VMALLOC + 0xff0, &p, &n), FAULT_NONE);
	assert_int_equal(n, 16);
	assert_int_equal(p[0] | p[1] << 8, 0xff0);
	for (unsigned i = 0; i < 12; i++)
		fake_put(&d, (i < 4 ? 0x42003ffc : 0x42009000 - 4) + i, i < 9 ? 'a' + i : 0, 1);
	assert_null(vspace_read_str(vs, VMALLOC + 0x1ffc, buf, sizeof(buf)));
	assert_string_equal(buf, "abcdefghi");
	assert_null(vspace_read_str(vs, VMALLOC + 0x1ffc, buf, 4));
	assert_string_equal(buf, "abc");
	for (unsigned i = 0; i < 8; i++)
		fake_put(&d, 0x42009ff8 + i, 'x', 1);
	scoped_err struct err *err = vspace_read_str(vs, VMALLOC + 0x2ff8, buf, sizeof(buf));
	assert_non_null(err);
	assert_int_equal(err->addr, VMALLOC + 0x3000);
	scoped_err struct err *odd = vspace_read_uint(vs, VMALLOC, 9, &(uint64_t){ 0 });
	assert_non_null(odd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_windows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crossing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tlb, setup, teardown),
		cmocka_unit_test_setup_teardown(test_generation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_halves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_map_and_strings, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
