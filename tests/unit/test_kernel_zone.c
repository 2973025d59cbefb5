/* Zones on hand-made memory of both word sizes: watermarks with a boost,
 * counters below zero, the CPUs' lists of both eras, nodes with and without NUMA. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "analyzer/kernel/zone.h"
#include "tests/unit/fake_kernel.h"

enum {
	NODE = 0x1000,
	PAGESET = 0x6000,
	STATS = 0x6100,
	TEXTS = 0x7000,
	SYMBOLS = 0x8000,
};

static void is_fine(struct err *err)
{
	if (err)
		fail_msg("%s", err->msg);
}

static uint64_t zone_at(struct fake *f)
{
	return NODE + fake_offsetof(f, "pglist_data", "node_zones");
}

/* The list_head of @type in the order's area. */
static uint64_t list_at(struct fake *f, unsigned order, unsigned type)
{
	char path[64];
	snprintf(path, sizeof(path), "free_area[%u].free_list[%u]", order, type);
	return zone_at(f) + fake_offsetof(f, "zone", path);
}

static void join(struct fake *f, uint64_t from, uint64_t to)
{
	fake_set(f, "list", from, "next", fake_va(f, to));
	fake_set(f, "list", to, "prev", fake_va(f, from));
}

static void zone_types(struct fake *f, bool old)
{
	FAKE_STRUCT(f, "page", "flags:word", "lru:list", "mapping:word", "private:word");
	FAKE_STRUCT(f, "free_area", "free_list:list[2]", "nr_free:word");
	FAKE_STRUCT(f, "per_cpu_pages", "count:u32", "high:u32", "batch:u32");
#define ZONE_TAIL                                                                                  \
	"zone_start_pfn:word", "managed_pages:atomic", "spanned_pages:word", "present_pages:word", \
		"name:word", "free_area:free_area[3]", "vm_stat:atomic[2]"
	if (old) {
		FAKE_STRUCT(
			f, "per_cpu_pageset", "pad:word", "pcp:per_cpu_pages", "stat_threshold:u8");
		FAKE_STRUCT(f, "zone", "_watermark:word[3]", "watermark_boost:word",
			"lowmem_reserve:word[2]", "pageset:word", ZONE_TAIL);
	} else {
		FAKE_STRUCT(f, "per_cpu_zonestat", "stat_threshold:u8");
		FAKE_STRUCT(f, "zone", "_watermark:word[4]", "watermark_boost:word",
			"lowmem_reserve:word[2]", "per_cpu_pageset:word", "per_cpu_zonestats:word",
			"cma_pages:word", ZONE_TAIL);
	}
	FAKE_STRUCT(f, "pglist_data", "node_zones:zone[2]", "node_id:u32", "node_start_pfn:word",
		"node_present_pages:word", "node_spanned_pages:word", "vm_stat:atomic[3]");
}

static void zone_init(struct fake *f, unsigned word, bool old)
{
	fake_init(f, word);
	zone_types(f, old);
	fake_symbol(f, "contig_page_data", NODE, 4096);
	fake_bytes(f, TEXTS, "Normal", 7);
	fake_set(f, "zone", zone_at(f), "name", fake_va(f, TEXTS));
	fake_set(f, "zone", zone_at(f), "present_pages", 4096);
	fake_set(f, "zone", zone_at(f), "_watermark[0]", 100);
	fake_set(f, "zone", zone_at(f), "_watermark[1]", 200);
	fake_set(f, "zone", zone_at(f), "watermark_boost", 30);
	fake_set(f, "zone", zone_at(f), "lowmem_reserve[1]", UINT64_MAX);
	for (unsigned order = 0; order < 3; order++)
		for (unsigned type = 0; type < 2; type++)
			join(f, list_at(f, order, type), list_at(f, order, type));
	fake_set(f, "zone", zone_at(f), "free_area[1].nr_free", 2);
}

static void read_zone(struct fake *f, struct node *ret_node, struct zone *ret)
{
	scoped_free struct node *nodes = NULL;
	unsigned n;
	is_fine(zone_nodes_read(f->t, &nodes, &n));
	assert_int_equal(n, 1);
	*ret_node = nodes[0];
	is_fine(zone_read(f->t, &nodes[0], 0, ret));
}

static void test_numbers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct fake f;
		struct node node;
		struct zone z;
		unsigned n;
		bool old = i & 1;
		zone_init(&f, i & 2 ? 8 : 4, old);
		read_zone(&f, &node, &z);
		is_fine(zone_count(f.t, &n));
		assert_int_equal(n, 2);
		assert_string_equal(z.name, "Normal");
		assert_int_equal(z.nwatermarks, old ? 3 : 4);
		assert_int_equal(z.watermark[0], 130); /* as the kernel counts: with the boost */
		assert_int_equal(z.watermark[1], 230);
		assert_int_equal(z.lowmem_reserve[1], -1);
		assert_int_equal(z.norders, 3);
		assert_int_equal(z.nmigratetypes, 2);
		assert_int_equal(z.nr_free[1], 2);
		assert_int_equal(z.has_cma, !old);
		fake_deinit(&f);
	}
}

static void test_counters(void **state)
{
	struct fake f;
	uint64_t v;
	unsigned n;
	struct strbuf name = { 0 };
	(void)state;
	zone_init(&f, 4, false);
	is_fine(zone_counters(f.t, COUNTERS_ZONE, &n));
	assert_int_equal(n, 2);
	is_fine(zone_counters(f.t, COUNTERS_NODE, &n));
	assert_int_equal(n, 3);
	fake_set(&f, "zone", zone_at(&f), "vm_stat[0].counter", 5);
	fake_set(&f, "zone", zone_at(&f), "vm_stat[1].counter", (uint32_t)-3);
	is_fine(zone_counter_read(f.t, COUNTERS_ZONE, fake_va(&f, zone_at(&f)), 0, &v));
	assert_int_equal(v, 5);
	is_fine(zone_counter_read(f.t, COUNTERS_ZONE, fake_va(&f, zone_at(&f)), 1, &v));
	assert_int_equal(v, 0); /* not folded in yet: /proc shows 0 */
	/* vmstat_text names the zone's; without enumerators the node's cannot be told */
	fake_symbol(&f, "vmstat_text", SYMBOLS, 16);
	fake_bytes(&f, TEXTS + 16, "nr_free_pages", 14);
	fake_put(f.t->dump, SYMBOLS, fake_va(&f, TEXTS + 16), 4);
	zone_counter_name(f.t, COUNTERS_ZONE, 0, &name);
	strbuf_add_char(&name, ' ');
	zone_counter_name(f.t, COUNTERS_NODE, 2, &name);
	assert_string_equal(strbuf_text(&name), "nr_free_pages counter_2");
	strbuf_deinit(&name);
	fake_deinit(&f);
}

static void test_pagesets(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fake f;
		struct node node;
		struct zone z;
		struct pageset p;
		bool old = i;
		zone_init(&f, 8, old);
		uint64_t at = old ? PAGESET + fake_offsetof(&f, "per_cpu_pageset", "pcp") : PAGESET;
		fake_set(&f, "zone", zone_at(&f), old ? "pageset" : "per_cpu_pageset",
			fake_va(&f, PAGESET));
		if (!old)
			fake_set(&f, "zone", zone_at(&f), "per_cpu_zonestats", fake_va(&f, STATS));
		fake_set(&f, "per_cpu_pages", at, "count", 11);
		fake_set(&f, "per_cpu_pages", at, "high", 42);
		fake_set(&f, "per_cpu_pages", at, "batch", 7);
		fake_set(&f, old ? "per_cpu_pageset" : "per_cpu_zonestat", old ? PAGESET : STATS,
			"stat_threshold", 9);
		read_zone(&f, &node, &z);
		is_fine(zone_pageset_read(f.t, &z, 0, &p));
		assert_int_equal(p.count, 11);
		assert_int_equal(p.high, 42);
		assert_int_equal(p.batch, 7);
		assert_true(p.has_threshold);
		assert_int_equal(p.stat_threshold, 9);
		fake_deinit(&f);
	}
}

/* Two possible nodes, of which only the second is online. */
static void test_numa(void **state)
{
	struct fake f;
	struct node *nodes;
	unsigned n;
	(void)state;
	fake_init(&f, 8);
	zone_types(&f, false);
	struct err *err = zone_nodes_read(f.t, &nodes, &n);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_MISSING);
	assert_non_null(strstr(err->msg, "node_data"));
	err_drop(err);
	fake_symbol(&f, "node_data", SYMBOLS, 16);
	fake_put(f.t->dump, SYMBOLS, fake_va(&f, 0x2000), 8);
	fake_put(f.t->dump, SYMBOLS + 8, fake_va(&f, NODE), 8);
	fake_set(&f, "pglist_data", NODE, "node_id", 1);
	fake_symbol(&f, "node_states", SYMBOLS + 0x100, 48);
	fake_put(f.t->dump, SYMBOLS + 0x100, 3, 8);
	fake_put(f.t->dump, SYMBOLS + 0x108, 2, 8);
	is_fine(zone_nodes_read(f.t, &nodes, &n));
	assert_int_equal(n, 1);
	assert_int_equal(nodes[0].id, 1);
	free(nodes);
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_pagesets),
		cmocka_unit_test(test_numa),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
