/* zones: physical memory by node and zone, watermarks and free lists. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column zone_columns[] = {
	{ "node", .width = 4, .align = ALIGN_RIGHT },
	{ "zone", .width = 8 },
	{ "start_pfn", .title = "START PFN", .width = 10, .align = ALIGN_RIGHT },
	{ "spanned", .width = 9, .align = ALIGN_RIGHT },
	{ "present", .width = 9, .align = ALIGN_RIGHT },
	{ "managed", .width = 9, .align = ALIGN_RIGHT },
	{ "free", .width = 9, .align = ALIGN_RIGHT },
	{ "min", .width = 7, .align = ALIGN_RIGHT },
	{ "low", .width = 7, .align = ALIGN_RIGHT },
	{ "high", .width = 7, .align = ALIGN_RIGHT },
	{ "boost", .width = 6, .align = ALIGN_RIGHT },
	{ "cma", .width = 7, .align = ALIGN_RIGHT },
	{ "state", .width = 0 },
	{ "address", .hidden = true },
	{ 0 }
};
static const struct table zone_table = { .layout = LAYOUT_TABLE, .columns = zone_columns };

static const struct column order_columns[] = {
	{ "order", .hidden = true },
	{ "blocks", .width = 6, .align = ALIGN_RIGHT },
	{ 0 }
};
static const struct table order_table = { .layout = LAYOUT_LINES, .columns = order_columns };

static const struct column line_columns[] = {
	{ "line", .text_only = true },
	{ "node", .hidden = true },
	{ "zone", .hidden = true },
	{ "type", .hidden = true },
	{ "orders", .hidden = true, .list = &order_table },
	{ 0 }
};
static const struct table line_table = { .layout = LAYOUT_LINES, .columns = line_columns };

static const struct column info_columns[] = {
	{ "line", .text_only = true },
	{ "node", .hidden = true },
	{ "zone", .hidden = true },
	{ "cpu", .hidden = true },
	{ "name", .hidden = true },
	{ "value", .hidden = true },
	{ 0 }
};
static const struct table info_table = { .layout = LAYOUT_LINES, .columns = info_columns };

static const struct option zones_options[] = {
	{ 'b', NULL, "free blocks of each order, as /proc/buddyinfo" },
	{ 't', NULL, "the free lists walked, by migrate type, as /proc/pagetypeinfo" },
	{ 'z', NULL, "all counters, as /proc/zoneinfo" },
	{ 0 }
};

struct shown {
	struct cx *cx;
	const struct node *node;
	const struct zone *zone;
	int cpu;	       /* below 0: none */
	uint64_t counted_node; /* whose counters have been shown */
};

typedef struct err *(*zone_fn)(struct shown *s);

static struct err *each_zone(struct shown *s, zone_fn fn)
{
	scoped_free struct node *nodes = NULL;
	unsigned nnodes, nzones;
	struct err *err = zone_nodes_read(s->cx->target, &nodes, &nnodes);
	if (!err)
		err = zone_count(s->cx->target, &nzones);
	for (unsigned i = 0; !err && i < nnodes; i++)
		for (unsigned k = 0; !err && k < nzones; k++) {
			struct zone z;
			err = zone_read(s->cx->target, &nodes[i], k, &z);
			s->node = &nodes[i];
			s->zone = &z;
			if (!err)
				err = fn(s);
		}
	return err;
}

static bool is_populated(const struct zone *z)
{
	return z->present != 0;
}

/* ---- the table ----------------------------------------------- */

/* The sum of the free lists' counts; the zone's own counter lags by what CPUs have not folded in.
 */
static uint64_t free_pages(const struct zone *z)
{
	uint64_t n = 0;
	for (unsigned order = 0; order < z->norders && order < ORDERS_MAX; order++)
		n += z->nr_free[order] << order;
	return n;
}

static const char *state_word(const struct zone *z, uint64_t free)
{
	return !is_populated(z)		? "empty"
	       : free < z->watermark[0] ? "below min"
	       : free < z->watermark[1] ? "below low"
	       : free < z->watermark[2] ? "below high"
					: "";
}

static struct err *show_zone(struct shown *s)
{
	struct out *o = s->cx->out;
	const struct zone *z = s->zone;
	uint64_t free = free_pages(z);
	out_row(o);
	out_int(o, "node", s->node->id);
	out_str(o, "zone", z->name);
	out_uint(o, "start_pfn", z->start_pfn);
	out_uint(o, "spanned", z->spanned);
	out_uint(o, "present", z->present);
	out_uint(o, "managed", z->managed);
	out_uint(o, "free", free);
	out_uint(o, "min", z->watermark[0]);
	out_uint(o, "low", z->watermark[1]);
	out_uint(o, "high", z->watermark[2]);
	out_uint(o, "boost", z->boost);
	if (z->has_cma)
		out_uint(o, "cma", z->cma);
	out_str(o, "state", state_word(z, free));
	out_addr(o, "address", z->va);
	return NULL;
}

/* ---- free lists ----------------------------------------------- */

static void show_orders(struct shown *s, const char *head, const char *type, const uint64_t *blocks)
{
	struct out *o = s->cx->out;
	scoped_strbuf struct strbuf line = { 0 };
	strbuf_add(&line, head);
	for (unsigned i = 0; i < s->zone->norders; i++)
		strbuf_addf(&line, "%6llu ", (unsigned long long)blocks[i]);
	out_row(o);
	out_str(o, "line", strbuf_text(&line));
	out_int(o, "node", s->node->id);
	out_str(o, "zone", s->zone->name);
	if (type)
		out_str(o, "type", type);
	out_list_begin(o, "orders");
	for (unsigned i = 0; i < s->zone->norders; i++) {
		out_row(o);
		out_uint(o, "order", i);
		out_uint(o, "blocks", blocks[i]);
	}
	out_list_end(o);
}

static struct err *show_buddy(struct shown *s)
{
	char head[64];
	if (!is_populated(s->zone))
		return NULL;
	snprintf(head, sizeof(head), "Node %d, zone %8.15s ", s->node->id, s->zone->name);
	show_orders(s, head, NULL, s->zone->nr_free);
	return NULL;
}

/* Counts one list's blocks. Of what is wrong the first is told; kmem -f tells all. */
static struct err *count_list(struct shown *s, unsigned order, unsigned type, uint64_t *ret)
{
	struct buddy_iter it;
	bool more = true, told = false;
	struct err *err = buddy_iter_init(&it, s->cx->target, s->zone, order, type);
	while (!err && more) {
		struct buddy_block b;
		err = buddy_iter_next(&it, &b, &more);
		if (!err || err->code == ERR_INTERRUPTED)
			continue;
		if (told)
			err_drop(err);
		else
			out_complain(s->cx->out, err);
		told = true;
		err = NULL;
	}
	*ret = it.blocks;
	return err;
}

/* The walked lists of one migrate type. */
static struct err *show_type(struct shown *s, unsigned type, uint64_t *io_sum)
{
	uint64_t blocks[ORDERS_MAX] = { 0 };
	scoped_strbuf struct strbuf name = { 0 }, head = { 0 };
	for (unsigned order = 0; order < s->zone->norders; order++) {
		struct err *err = count_list(s, order, type, &blocks[order]);
		if (err)
			return err;
		io_sum[order] += blocks[order];
	}
	zone_migratetype_name(s->cx->target, type, &name);
	strbuf_addf(&head, "Node %4d, zone %8s, type %12s ", s->node->id, s->zone->name,
		strbuf_text(&name));
	show_orders(s, strbuf_text(&head), strbuf_text(&name), blocks);
	return NULL;
}

static struct err *show_types(struct shown *s)
{
	uint64_t sum[ORDERS_MAX] = { 0 };
	struct err *err = NULL;
	if (!is_populated(s->zone))
		return NULL;
	for (unsigned type = 0; !err && type < s->zone->nmigratetypes; type++)
		err = show_type(s, type, sum);
	for (unsigned order = 0; !err && order < s->zone->norders; order++)
		if (sum[order] != s->zone->nr_free[order])
			out_complain(
				s->cx->out, err_new(ERR_FORMAT,
						    "node %d zone %s order %u: the lists have "
						    "%llu blocks, but nr_free says %llu",
						    s->node->id, s->zone->name, order,
						    (unsigned long long)sum[order],
						    (unsigned long long)s->zone->nr_free[order]));
	return err;
}

/* ---- all counters ----------------------------------------------- */

static void show_line(struct shown *s, const char *line, const char *name)
{
	out_row(s->cx->out);
	out_str(s->cx->out, "line", line);
	out_int(s->cx->out, "node", s->node->id);
	out_str(s->cx->out, "zone", s->zone->name);
	if (s->cpu >= 0)
		out_int(s->cx->out, "cpu", s->cpu);
	if (name)
		out_str(s->cx->out, "name", name);
}

/* "        min      305" */
static void show_number(
	struct shown *s, const char *before, int width, const char *name, int64_t value)
{
	scoped_strbuf struct strbuf line = { 0 };
	strbuf_addf(&line, "%s%-*s %lld", before, width, name, (long long)value);
	show_line(s, strbuf_text(&line), name);
	out_int(s->cx->out, "value", value);
}

static struct err *show_counters(struct shown *s, enum counter_kind kind, uint64_t va)
{
	unsigned n = 0;
	struct err *err = zone_counters(s->cx->target, kind, &n);
	for (unsigned i = 0; !err && i < n; i++) {
		scoped_strbuf struct strbuf name = { 0 };
		uint64_t value;
		err = zone_counter_read(s->cx->target, kind, va, i, &value);
		if (err)
			return err;
		zone_counter_name(s->cx->target, kind, i, &name);
		show_number(s, "      ", 12, strbuf_text(&name), (int64_t)value);
	}
	return err;
}

static struct err *show_numa(struct shown *s)
{
	unsigned n = zone_numa_events(s->cx->target);
	for (unsigned i = 0; i < n; i++) {
		scoped_strbuf struct strbuf name = { 0 };
		uint64_t value;
		struct err *err = zone_numa_read(s->cx->target, s->zone, i, &value);
		if (err)
			return err;
		zone_counter_name(s->cx->target, COUNTERS_NUMA, i, &name);
		show_number(s, "      ", 12, strbuf_text(&name), (int64_t)value);
	}
	return NULL;
}

static void show_sizes(struct shown *s)
{
	static const char *const mark[WATERMARKS_MAX] = { "min", "low", "high", "promo" };
	const struct zone *z = s->zone;
	scoped_strbuf struct strbuf line = { 0 };
	show_number(s, "  pages ", 8, "free", (int64_t)free_pages(z));
	show_number(s, "        ", 8, "boost", (int64_t)z->boost);
	for (unsigned i = 0; i < z->nwatermarks; i++)
		show_number(s, "        ", 8, mark[i], (int64_t)z->watermark[i]);
	show_number(s, "        ", 8, "spanned", (int64_t)z->spanned);
	show_number(s, "        ", 8, "present", (int64_t)z->present);
	show_number(s, "        ", 8, "managed", (int64_t)z->managed);
	show_number(s, "        ", 8, "cma", (int64_t)z->cma);
	strbuf_add(&line, "        protection: (");
	for (unsigned i = 0; i < z->nreserves; i++)
		strbuf_addf(&line, "%s%lld", i ? ", " : "", (long long)z->lowmem_reserve[i]);
	strbuf_add(&line, ")");
	show_line(s, strbuf_text(&line), "protection");
}

static struct err *show_pagesets(struct shown *s)
{
	struct cpu_mask cpus;
	struct err *err = cpu_mask_read(s->cx->target, CPUS_PRESENT, &cpus);
	if (!err)
		show_line(s, "  pagesets", NULL);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		struct pageset p;
		char head[32];
		err = zone_pageset_read(s->cx->target, s->zone, cpu, &p);
		if (err)
			return err;
		s->cpu = (int)cpu;
		snprintf(head, sizeof(head), "    cpu: %u", cpu);
		show_line(s, head, NULL);
		show_number(s, "              ", 6, "count:", p.count);
		show_number(s, "              ", 6, "high:", p.high);
		show_number(s, "              ", 6, "batch:", p.batch);
		if (p.has_high_min) {
			show_number(s, "              ", 9, "high_min:", p.high_min);
			show_number(s, "              ", 9, "high_max:", p.high_max);
		}
		if (p.has_threshold)
			show_number(s, "  ", 19, "vm stats threshold:", p.stat_threshold);
		s->cpu = -1;
	}
	return err;
}

/* The node's own counters stand with its first populated zone. */
static struct err *show_info(struct shown *s)
{
	scoped_strbuf struct strbuf line = { 0 };
	struct err *err = NULL;
	strbuf_addf(&line, "Node %d, zone %8s", s->node->id, s->zone->name);
	show_line(s, strbuf_text(&line), NULL);
	if (is_populated(s->zone) && s->node->va != s->counted_node) {
		s->counted_node = s->node->va;
		show_line(s, "  per-node stats", NULL);
		err = show_counters(s, COUNTERS_NODE, s->node->va);
	}
	if (err)
		return err;
	show_sizes(s);
	if (!is_populated(s->zone))
		return NULL;
	err = show_counters(s, COUNTERS_ZONE, s->zone->va);
	if (!err)
		err = show_numa(s);
	if (!err)
		err = show_pagesets(s);
	if (err)
		return err;
	/* mm/vmscan.c: MAX_RECLAIM_RETRIES is 16 */
	show_number(s, "  ", 20, "node_unreclaimable:", s->node->kswapd_failures >= 16);
	show_number(s, "  ", 20, "start_pfn:", (int64_t)s->zone->start_pfn);
	if (s->zone->has_free_highatomic) {
		show_number(s, "  ", 20, "reserved_highatomic:",
			(int64_t)s->zone->reserved_highatomic);
		show_number(
			s, "  ", 20, "free_highatomic:", (int64_t)s->zone->free_highatomic);
	}
	return NULL;
}

static struct err *zones_run(struct cx *cx, const struct args *a)
{
	struct shown s = { .cx = cx, .cpu = -1 };
	if (args_flag(a, 'b')) {
		out_table(cx->out, &line_table);
		return each_zone(&s, show_buddy);
	}
	if (args_flag(a, 't')) {
		out_table(cx->out, &line_table);
		return each_zone(&s, show_types);
	}
	if (args_flag(a, 'z')) {
		out_table(cx->out, &info_table);
		return each_zone(&s, show_info);
	}
	out_table(cx->out, &zone_table);
	return each_zone(&s, show_zone);
}

static const char *const zones_examples[] = {
	"zones\tsizes, free pages and watermarks, in pages",
	"zones -b\tfree blocks by order, as /proc/buddyinfo",
	"zones -t\tthe same by migrate type, from the walked lists",
	"zones -z\tevery counter, as /proc/zoneinfo",
	NULL,
};

const struct command cmd_zones = {
	.name = "zones",
	.summary = "nodes and zones: sizes, watermarks, free lists",
	.usage = "",
	.details = "Numbers are pages, or blocks of an order. FREE is the sum of the free lists. "
		   "With -t each list "
		   "is walked, its blocks are checked, and its length is held against nr_free.",
	.options = zones_options,
	.examples = zones_examples,
	.run = zones_run,
};
