/* What meminfo would say, on hand-made counters: which number is made of which, in both word sizes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/kernel/memory_usage.h"
#include "analyzer/kernel/vm_counters.h"
#include "tests/unit/fake_buddy.h"

enum { COUNTERS_AT = 0x9000, VARIABLES_AT = 0xa000, TEXT_AT = 0xb000 };

/* Node counters and zone counters; their values are their places and a bit. */
static const struct type_enumerator node_item[] = { { "NR_INACTIVE_FILE", 0 },
	{ "NR_ACTIVE_FILE", 1 }, { "NR_SLAB_RECLAIMABLE_B", 2 }, { "NR_SLAB_UNRECLAIMABLE_B", 3 },
	{ "NR_KERNEL_STACK_KB", 4 } };
static const struct type_enumerator zone_item[] = { { "NR_FREE_PAGES", 0 }, { "NR_MLOCK", 1 } };

static void start(struct fake *f, unsigned word)
{
	fake_buddy(f, word, false);
	fake_enum(f, "node_stat_item", node_item, ARRAY_SIZE(node_item));
	fake_enum(f, "zone_stat_item", zone_item, ARRAY_SIZE(zone_item));
	fake_number(f, "_totalram_pages", VARIABLES_AT, 5000, word);
	fake_number(f, "totalreserve_pages", VARIABLES_AT + 8, 100, word);
	fake_number(f, "sysctl_overcommit_ratio", VARIABLES_AT + 16, 50, 4);
	fake_number(f, "pcpu_nr_populated", VARIABLES_AT + 24, 8, 4);
	fake_number(f, "pcpu_nr_units", VARIABLES_AT + 28, 2, 4);
	fake_symbol(f, "vm_zone_stat", COUNTERS_AT, 2 * word);
	fake_symbol(f, "vm_node_stat", COUNTERS_AT + 0x100, 5 * word);
	fake_put(f->t->dump, COUNTERS_AT, 1000, word);
	fake_put(f->t->dump, COUNTERS_AT + word, UINT64_MAX - 3, word); /* not folded in yet */
	fake_put(f->t->dump, COUNTERS_AT + 0x100, 300, word);
	fake_put(f->t->dump, COUNTERS_AT + 0x100 + word, 20, word);
	fake_put(f->t->dump, COUNTERS_AT + 0x100 + 2 * word, 10, word);
	fake_put(f->t->dump, COUNTERS_AT + 0x100 + 3 * word, 25, word);
	fake_put(f->t->dump, COUNTERS_AT + 0x100 + 4 * word, 64, word);
	fake_set(f, "zone", fake_zone(f), "_watermark[1]", 40);
}

static void expect(const struct memory_usage *u, enum memory_item i, uint64_t pages)
{
	assert_true(u->item[i].known);
	assert_int_equal(u->item[i].bytes, pages * FAKE_PAGE);
}

static void numbers(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		struct memory_usage u;
		start(&f, word);
		assert_null(memory_usage_read(f.t, &u));
		expect(&u, MEMORY_TOTAL, 5000);
		expect(&u, MEMORY_FREE, 1000);
		expect(&u, MEMORY_USED, 4000);
		/* free less the reserve; files less the watermark, slabs less their half */
		expect(&u, MEMORY_AVAILABLE, 1000 - 100 + (320 - 40) + (10 - 5));
		expect(&u, MEMORY_SLAB_RECLAIMABLE, 10);
		expect(&u, MEMORY_COMMIT_LIMIT, 2500);
		expect(&u, MEMORY_PERCPU, 16);
		expect(&u, MEMORY_SWAP_TOTAL, 0); /* a kernel without swap */
		expect(&u, MEMORY_BUFFERS, 0);
		expect(&u, MEMORY_SLAB, 35);
		expect(&u, MEMORY_STACKS, 16);
		assert_false(u.item[MEMORY_ANON].known); /* not counted here */
		assert_false(u.item[MEMORY_HIGH_TOTAL].known);
		assert_false(u.item[MEMORY_LOW_TOTAL].known);
		fake_deinit(&f);
	}
}

static void overcommit_by_size(void **state)
{
	struct fake f;
	struct memory_usage u;
	(void)state;
	start(&f, 8);
	fake_number(&f, "sysctl_overcommit_kbytes", VARIABLES_AT + 32, 4096, 8);
	fake_number(&f, "total_swap_pages", VARIABLES_AT + 40, 7, 8);
	fake_number(&f, "nr_swap_pages", VARIABLES_AT + 48, 5, 8);
	assert_null(memory_usage_read(f.t, &u));
	expect(&u, MEMORY_COMMIT_LIMIT, 1024 + 7);
	expect(&u, MEMORY_SWAP_USED, 2);
	fake_deinit(&f);
}

/* More high memory than memory: what would follow from it is not known. */
static void contradiction(void **state)
{
	struct fake f;
	struct memory_usage u;
	(void)state;
	start(&f, 8);
	fake_bytes(&f, BUDDY_TEXT, "HighMem", 8);
	fake_set(&f, "zone", fake_zone(&f), "managed_pages.counter", 6000);
	fake_set(&f, "zone", fake_zone(&f), "vm_stat[0].counter", 50);
	assert_null(memory_usage_read(f.t, &u));
	expect(&u, MEMORY_HIGH_TOTAL, 6000);
	expect(&u, MEMORY_HIGH_FREE, 50);
	assert_false(u.item[MEMORY_LOW_TOTAL].known);
	expect(&u, MEMORY_LOW_FREE, 950);
	fake_deinit(&f);
	fake_init(&f, 8);
	struct err *err = memory_usage_read(f.t, &u);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_MISSING);
	err_drop(err);
	fake_deinit(&f);
}

static void counters(void **state)
{
	struct fake f;
	uint64_t n;
	int64_t at;
	(void)state;
	start(&f, 8);
	assert_true(vm_counter_find(f.t, "NR_ACTIVE_FILE", &n));
	assert_int_equal(n, 20);
	assert_true(vm_counter_find(f.t, "NR_MLOCK", &n));
	assert_int_equal(n, 0);
	assert_false(vm_counter_find(f.t, "NR_NOTHING", &n));
	assert_true(vm_counter_index(f.t, "NR_MLOCK", COUNTERS_ZONE, &at));
	assert_int_equal(at, 1);
	assert_false(vm_counter_index(f.t, "NR_MLOCK", COUNTERS_NODE, &at));
	struct err *err = vm_counter_read(f.t, COUNTERS_ZONE, 2, &n);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_NOT_FOUND);
	err_drop(err);
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(overcommit_by_size),
		cmocka_unit_test(contradiction),
		cmocka_unit_test(counters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
