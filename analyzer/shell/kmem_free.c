/* kmem -f and -F: the page allocator's free lists, every block of them held against its struct
 * page. */
#include <inttypes.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/buddy.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/vm_counters.h"
#include "analyzer/kernel/zone_map.h"
#include "analyzer/shell/kmem_rows.h"

static const struct column block_columns[] = { { "page", .width = WIDTH_ADDRESS,
						       .object = "struct page" },
	{ "physical", .width = WIDTH_ADDRESS }, { "pfn", .hidden = true }, { 0 } };
static const struct table block_table = { .layout = LAYOUT_LINES, .columns = block_columns };

static const struct column list_columns[] = { { "node", .width = 4, .align = ALIGN_RIGHT },
	{ "zone", .width = 8 }, { "order", .width = 5, .align = ALIGN_RIGHT },
	{ "block_bytes", .title = "SIZE", .width = 6, .align = ALIGN_RIGHT },
	{ "type", .width = 12 }, { "blocks", .width = 7, .align = ALIGN_RIGHT },
	{ "pages", .width = 9, .align = ALIGN_RIGHT }, { "block_list", .list = &block_table },
	{ 0 } };
static const struct table list_table = { .layout = LAYOUT_TABLE, .columns = list_columns };

static const struct column sum_columns[] = { { "node", .width = 4, .align = ALIGN_RIGHT },
	{ "zone", .width = 8 },
	{ "start_pfn", .title = "START PFN", .width = 10, .align = ALIGN_RIGHT },
	{ "spanned", .width = 9, .align = ALIGN_RIGHT },
	{ "found", .title = "FREE", .width = 9, .align = ALIGN_RIGHT },
	{ "counter", .width = 9, .align = ALIGN_RIGHT },
	{ "findings", .width = 8, .align = ALIGN_RIGHT }, { 0 } };
static const struct table sum_table = { .layout = LAYOUT_TABLE, .columns = sum_columns };

struct walking_zone {
	struct cx *cx;
	const struct zone_place *place;
	struct buddy_seen *seen;
	bool blocks;
	uint64_t found, findings; /* pages; what is wrong */
	uint64_t of_order[ORDERS_MAX];
};

/* Enough to see what is wrong; the count tells how much there is. */
enum { FINDINGS_SHOWN = 50 };

static void found(struct walking_zone *w, struct err *finding)
{
	if (w->findings++ < FINDINGS_SHOWN)
		out_complain(w->cx->out, finding);
	else
		err_drop(finding);
}

static void show_block(struct walking_zone *w, const struct buddy_block *b)
{
	out_row(w->cx->out);
	out_addr(w->cx->out, "page", b->page_va);
	out_addr(w->cx->out, "physical", b->pfn << page_shift(w->cx->target));
	out_hex(w->cx->out, "pfn", b->pfn);
}

typedef VEC(struct buddy_block) block_vec;

static struct err *read_list(struct walking_zone *w, struct buddy_iter *it, block_vec *ret)
{
	bool more = true;
	while (more) {
		struct buddy_block b = { 0 };
		struct err *err = buddy_iter_next(it, &b, &more);
		if (err && err->code == ERR_INTERRUPTED)
			return err;
		if (err)
			found(w, err);
		if (!more)
			break;
		buddy_seen_add(w->seen, it, &b);
		vec_push(ret, b);
	}
	return NULL;
}

static struct err *show_list(struct walking_zone *w, unsigned order, unsigned type)
{
	struct cx *cx = w->cx;
	struct buddy_iter it;
	block_vec blocks = { 0 };
	scoped_strbuf struct strbuf name = { 0 };
	struct err *err = buddy_iter_init(&it, cx->target, &w->place->zone, order, type);
	if (!err)
		err = read_list(w, &it, &blocks);
	w->of_order[order] += blocks.n;
	w->found += (uint64_t)blocks.n << order;
	if (!err && blocks.n) {
		zone_migratetype_name(cx->target, type, &name);
		out_row(cx->out);
		out_int(cx->out, "node", w->place->node.id);
		out_str(cx->out, "zone", w->place->zone.name);
		out_uint(cx->out, "order", order);
		out_bytes(cx->out, "block_bytes", 1ull << (order + page_shift(cx->target)));
		out_str(cx->out, "type", strbuf_text(&name));
		out_uint(cx->out, "blocks", blocks.n);
		out_uint(cx->out, "pages", (uint64_t)blocks.n << order);
	}
	if (!err && blocks.n && w->blocks) {
		out_list_begin(cx->out, "block_list");
		for (size_t i = 0; i < blocks.n; i++)
			show_block(w, &blocks.v[i]);
		out_list_end(cx->out);
	}
	vec_deinit(&blocks);
	return err;
}

static struct err *show_zone(struct walking_zone *w)
{
	const struct zone *z = &w->place->zone;
	struct err *err = NULL;
	for (unsigned order = 0; !err && order < z->norders; order++) {
		for (unsigned type = 0; !err && type < z->nmigratetypes; type++)
			err = show_list(w, order, type);
		if (!err && w->of_order[order] != z->nr_free[order])
			found(w, err_new(ERR_FORMAT,
					 "node %d zone %s order %u: the lists have %" PRIu64
					 " blocks, but nr_free says %" PRIu64,
					 w->place->node.id, z->name, order, w->of_order[order],
					 z->nr_free[order]));
	}
	return err;
}

static struct err *show_sum(struct walking_zone *w)
{
	struct cx *cx = w->cx;
	const struct zone *z = &w->place->zone;
	int64_t at;
	uint64_t counter;
	out_row(cx->out);
	out_int(cx->out, "node", w->place->node.id);
	out_str(cx->out, "zone", z->name);
	out_uint(cx->out, "start_pfn", z->start_pfn);
	out_uint(cx->out, "spanned", z->spanned);
	out_uint(cx->out, "found", w->found);
	out_uint(cx->out, "findings", w->findings);
	if (!vm_counter_index(cx->target, "NR_FREE_PAGES", COUNTERS_ZONE, &at))
		return NULL;
	struct err *err =
		zone_counter_read(cx->target, COUNTERS_ZONE, z->va, (unsigned)at, &counter);
	if (!err)
		out_uint(cx->out, "counter", counter);
	return err;
}

static void show_overlaps(struct cx *cx, struct buddy_seen *seen)
{
	struct err *finding;
	size_t at = 0;
	for (unsigned n = 0; (finding = buddy_seen_overlap(seen, &at)); n++) {
		if (n < FINDINGS_SHOWN)
			out_complain(cx->out, finding);
		else
			err_drop(finding); /* the first tell as much */
	}
}

struct err *kmem_free_run(struct cx *cx, bool blocks)
{
	scoped_zone_map struct zone_map m = { 0 };
	struct buddy_seen seen = { 0 };
	struct err *err = zone_map_read(cx->target, &m);
	struct walking_zone *w = xcalloc(m.n + 1, sizeof(*w));
	out_table(cx->out, &list_table);
	for (size_t i = 0; !err && i < m.n; i++) {
		w[i] = (struct walking_zone){
			.cx = cx, .place = &m.place[i], .seen = &seen, .blocks = blocks
		};
		err = show_zone(&w[i]);
	}
	if (!err)
		out_table(cx->out, &sum_table);
	for (size_t i = 0; !err && i < m.n; i++)
		err = show_sum(&w[i]);
	if (!err)
		show_overlaps(cx, &seen);
	buddy_seen_deinit(&seen);
	free(w);
	return err;
}
