/* Blocks of freed pages on CPUs' lists: which list says which order, and lists that are damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/fake_cpu_pages.h"

static void expect(struct fake *f, unsigned pfn, unsigned first, unsigned order, unsigned cpu)
{
	struct cpu_block b;
	struct err *err = cpu_block_find(f->t, pfn, &b);
	if (err)
		fail_msg("%s", err->msg);
	assert_int_equal(b.pfn, first);
	assert_int_equal(b.order, order);
	assert_int_equal(b.cpu, cpu);
}

static void expect_none(struct fake *f, unsigned pfn, enum err_code code)
{
	struct cpu_block b;
	struct err *err = cpu_block_find(f->t, pfn, &b);
	assert_non_null(err);
	assert_int_equal(err->code, code);
	err_drop(err);
}

static void orders(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		fake_cpu_pages(&f, word, 3);
		fake_cpu_blocks(&f, 0, 2, 3, 5);    /* order 0, the last type */
		fake_cpu_blocks(&f, 1, 3, 10, 12);  /* order 1, the first type */
		fake_cpu_blocks(&f, 1, 11, 24, 56); /* order 3, the last type */
		expect(&f, 3, 3, 0, 0);
		expect(&f, 5, 5, 0, 0);
		expect_none(&f, 4, ERR_NOT_FOUND);
		expect_none(&f, 6, ERR_NOT_FOUND);
		expect(&f, 12, 12, 1, 1);
		expect(&f, 13, 12, 1, 1);
		expect_none(&f, 14, ERR_NOT_FOUND);
		expect(&f, 31, 24, 3, 1);
		expect_none(&f, 32, ERR_NOT_FOUND);
		fake_cpu_blocks(
			&f, 0, 12, 40, 44); /* a huge page's, of an order that nothing tells */
		expect_none(&f, 40, ERR_NOT_FOUND);
		fake_deinit(&f);
	}
}

/* A list that leads nowhere costs the others nothing, and is told when nothing was found. */
static void damaged(void **state)
{
	(void)state;
	struct fake f;
	fake_cpu_pages(&f, 8, 3);
	fake_cpu_blocks(&f, 0, 0, 3, 5);
	fake_cpu_blocks(&f, 1, 3, 10, 12);
	fake_set(&f, "list", fake_page(&f, 5) + fake_offsetof(&f, "page", "lru"), "next",
		fake_va(&f, 1 << 29));
	expect(&f, 13, 12, 1, 1);
	struct cpu_block b;
	struct err *err = cpu_block_find(f.t, 20, &b);
	assert_non_null(err);
	assert_true(err->code != ERR_NOT_FOUND);
	err_drop(err);
	/* A circle that does not lead back to its head. */
	uint64_t lru = fake_offsetof(&f, "page", "lru");
	fake_link_lists(&f, fake_page(&f, 5) + lru, fake_page(&f, 3) + lru);
	err = cpu_block_find(f.t, 20, &b);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_LIMIT);
	err_drop(err);
	fake_deinit(&f);
}

static void single_pages_only(void **state)
{
	(void)state;
	struct fake f;
	fake_cpu_pages(&f, 8, 14);
	expect_none(&f, 3, ERR_MISSING);
	fake_deinit(&f);
	fake_buddy(&f, 8, false);
	expect_none(&f, 3, ERR_MISSING); /* no types */
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders),
		cmocka_unit_test(damaged),
		cmocka_unit_test(single_pages_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
