/* kasan map, scan and quarantine: rows over all of memory. */
#include <stdio.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/address.h"
#include "analyzer/kernel/address_map.h"
#include "analyzer/kernel/kasan_quarantine.h"
#include "analyzer/kernel/kasan_scan.h"
#include "analyzer/kernel/kasan_shadow.h"
#include "analyzer/shell/kasan_rows.h"

/* ---- map ----------------------------------------------- */

static const struct column extent_columns[] = { { "from", .width = WIDTH_ADDRESS },
	{ "to", .width = WIDTH_ADDRESS }, { "bytes", .width = 7, .align = ALIGN_RIGHT },
	{ "backing" }, { 0 } };
static const struct table extent_table = { .layout = LAYOUT_TABLE, .columns = extent_columns };

static const struct column map_columns[] = { { "region", .width = 13 },
	{ "start", .width = WIDTH_ADDRESS }, { "end", .width = WIDTH_ADDRESS },
	{ "real", .width = 7, .align = ALIGN_RIGHT },
	{ "zero", .title = "ZERO PAGE", .width = 9, .align = ALIGN_RIGHT },
	{ "unmapped", .width = 8, .align = ALIGN_RIGHT },
	{ "shadow", .title = "SHADOW FROM", .width = WIDTH_ADDRESS },
	{ "extents", .list = &extent_table }, { 0 } };
static const struct table map_table = { .layout = LAYOUT_TABLE, .columns = map_columns };

static struct err *show_extents(
	struct cx *cx, const struct kasan *k, uint64_t lo, uint64_t last, bool list, uint64_t *sum)
{
	struct kasan_extents *it = kasan_extents_create(k, lo, last);
	struct kasan_extent e;
	bool more;
	struct err *err;
	if (list)
		out_list_begin(cx->out, "extents");
	while (!(err = kasan_extents_next(it, &e, &more)) && more) {
		sum[e.backing] += e.size;
		if (!list)
			continue;
		out_row(cx->out);
		out_addr(cx->out, "from", e.va);
		out_addr(cx->out, "to", e.va + (e.size - 1));
		out_bytes(cx->out, "bytes", e.size);
		out_str(cx->out, "backing", kasan_backing_name(e.backing));
	}
	if (list)
		out_list_end(cx->out);
	kasan_extents_destroy(it);
	return err;
}

/* Parts of the image are told with the image; user space has no shadow. */
static bool is_shown(const struct kasan *k, const struct map_region *r)
{
	return *r->name != '.' && kasan_covers(k, r->start) && strcmp(r->name, "KASAN shadow");
}

struct err *kasan_map_run(struct cx *cx, const struct kasan *k, const struct args *a)
{
	scoped_free struct address_map *map = xcalloc(1, sizeof(*map));
	struct err *err = kasan_need_shadow(k);
	if (!err)
		err = address_map_find(cx->target, map);
	out_table(cx->out, &map_table);
	for (unsigned i = 0; !err && i < map->n; i++) {
		const struct map_region *r = &map->region[i];
		uint64_t sum[KASAN_OUTSIDE + 1] = { 0 };
		if (!is_shown(k, r))
			continue;
		out_row(cx->out);
		out_str(cx->out, "region", r->name);
		out_addr(cx->out, "start", r->start);
		out_addr(cx->out, "end", r->last);
		out_addr(cx->out, "shadow", kasan_to_shadow(k, r->start));
		err = show_extents(cx, k, r->start, r->last, args_flag(a, 'v'), sum);
		out_bytes(cx->out, "real", sum[KASAN_REAL]);
		out_bytes(cx->out, "zero", sum[KASAN_ZERO]);
		out_bytes(cx->out, "unmapped", sum[KASAN_UNMAPPED]);
	}
	return err;
}

/* ---- scan ----------------------------------------------- */

enum { FINDINGS_SHOWN = 100 };

static const struct column histogram_columns[] = { { "value", .width = 5, .align = ALIGN_RIGHT },
	{ "granules", .width = 11, .align = ALIGN_RIGHT },
	{ "memory", .width = 8, .align = ALIGN_RIGHT }, { "meaning" }, { 0 } };
static const struct table histogram_table = { .layout = LAYOUT_TABLE,
	.columns = histogram_columns };

static const struct column finding_columns[] = { { "address", .title = "FOUND AT",
							 .width = WIDTH_ADDRESS, .object = "void" },
	{ "size", .width = 8, .align = ALIGN_RIGHT }, { "value", .width = 5, .align = ALIGN_RIGHT },
	{ "finding" }, { 0 } };
static const struct table finding_table = { .layout = LAYOUT_TABLE, .columns = finding_columns };

static const struct column more_columns[] = { { "note", .text_only = true },
	{ "not_shown", .hidden = true }, { 0 } };
static const struct table more_table = { .layout = LAYOUT_LINES, .columns = more_columns };

static const struct column looked_columns[] = { { "shadow", .title = "LOOKED AT" },
	{ "missing", .title = "NOT IN THE DUMP" }, { "pages", .title = "PAGES COMPARED" },
	{ "slabs" }, { "objects" }, { "findings" }, { 0 } };
static const struct table looked_table = { .layout = LAYOUT_HEADLINE, .columns = looked_columns };

struct findings {
	const struct kasan *k;
	VEC(struct kasan_finding) finding;
};

static struct err *keep(void *cx, const struct kasan_finding *f)
{
	struct findings *all = cx;
	struct kasan_finding *last = all->finding.n ? &all->finding.v[all->finding.n - 1] : NULL;
	/* one damaged stretch is one finding */
	if (last && last->what == f->what && last->value == f->value &&
		last->va + last->granules * all->k->granule == f->va)
		last->granules += f->granules;
	else
		vec_push(&all->finding, *f);
	return NULL;
}

static void show_count(
	struct cx *cx, const struct kasan *k, const char *value, uint64_t n, const char *meaning)
{
	if (!n)
		return;
	out_row(cx->out);
	out_str(cx->out, "value", value);
	out_uint(cx->out, "granules", n);
	out_bytes(cx->out, "memory", n << k->scale);
	out_str(cx->out, "meaning", meaning);
}

/* Tags are chance: all of them are one row. */
static void show_histogram(struct cx *cx, const struct kasan *k, const struct kasan_histogram *h)
{
	uint64_t tags = 0;
	out_table(cx->out, &histogram_table);
	for (unsigned v = 0; v < 256; v++) {
		char value[3];
		snprintf(value, sizeof(value), "%02x", v);
		if (k->mode != KASAN_GENERIC && v != KASAN_TAG_INVALID && v != KASAN_TAG_KERNEL)
			tags += h->count[v];
		else
			show_count(cx, k, value, h->count[v], kasan_value_name(k, (uint8_t)v));
	}
	show_count(cx, k, "00-fd", tags, "tags");
}

static void show_findings(struct cx *cx, const struct findings *all, bool verbose)
{
	size_t n = all->finding.n, most = verbose || n < FINDINGS_SHOWN ? n : FINDINGS_SHOWN;
	out_table(cx->out, &finding_table);
	for (size_t i = 0; i < most; i++) {
		const struct kasan_finding *f = &all->finding.v[i];
		out_row(cx->out);
		out_addr(cx->out, "address", f->va);
		out_bytes(cx->out, "size", f->granules << all->k->scale);
		out_strf(cx->out, "value", "%02x", f->value);
		out_str(cx->out, "finding", f->what);
	}
	if (most == n)
		return;
	out_table(cx->out, &more_table);
	out_row(cx->out);
	out_strf(cx->out, "note", "%zu more: kasan scan -v", n - most);
	out_uint(cx->out, "not_shown", n - most);
}

static void show_compared(struct cx *cx, const struct kasan_compared *n)
{
	out_uint(cx->out, "pages", n->pages);
	out_uint(cx->out, "slabs", n->slabs);
	out_uint(cx->out, "objects", n->objects);
}

/* The slabs of one cache. */
static struct err *scan_cache(struct cx *cx, const struct kasan *k, const char *name, bool verbose)
{
	struct findings all = { .k = k };
	struct kasan_compared n = { 0 };
	uint64_t top = cx->target->abi.word_bytes == 8 ? UINT64_MAX : UINT32_MAX;
	struct err *err = kasan_scan_pages(k, 0, top, name, &n, keep, &all);
	if (!err && !n.slabs)
		err = err_new(ERR_NOT_FOUND, "no slab belongs to a cache called %s", name);
	if (!err) {
		out_table(cx->out, &looked_table);
		out_row(cx->out);
		show_compared(cx, &n);
		out_uint(cx->out, "findings", all.finding.n);
		if (all.finding.n)
			show_findings(cx, &all, verbose);
	}
	vec_deinit(&all.finding);
	return err;
}

static struct err *scan(
	struct cx *cx, const struct kasan *k, uint64_t lo, uint64_t last, bool verbose)
{
	struct findings all = { .k = k };
	struct kasan_histogram h;
	struct kasan_compared n = { 0 };
	uint64_t missing = 0;
	struct err *err = kasan_scan_shadow(k, lo, last, &h, keep, &all);
	if (!err)
		err = kasan_scan_pages(k, lo, last, NULL, &n, keep, &all);
	if (!err) {
		for (unsigned i = 0; i <= FAULT_CORRUPT; i++)
			missing += h.totals.missing_bytes[i];
		out_table(cx->out, &looked_table);
		out_row(cx->out);
		out_bytes(cx->out, "shadow", h.totals.seen_bytes);
		if (missing)
			out_bytes(cx->out, "missing", missing);
		show_compared(cx, &n);
		out_uint(cx->out, "findings", all.finding.n);
		show_histogram(cx, k, &h);
		if (all.finding.n)
			show_findings(cx, &all, verbose);
	}
	vec_deinit(&all.finding);
	return err;
}

struct err *kasan_scan_run(struct cx *cx, const struct kasan *k, const struct args *a)
{
	uint64_t lo = 0, end = 0;
	struct err *err = kasan_need_shadow(k);
	if (!err && args_count(a) == 2)
		return scan_cache(cx, k, args_get(a, 1), args_flag(a, 'v'));
	if (!err && args_count(a) > 3)
		err = args_error(a, 3, "too many words");
	if (!err && args_count(a) == 3)
		err = address_parse(&cx->target->debug, args_get(a, 1), &lo);
	if (!err && args_count(a) == 3)
		err = address_parse(&cx->target->debug, args_get(a, 2), &end);
	if (!err && args_count(a) == 3 && end <= lo)
		err = args_error(a, 2, "the end is not above the start");
	uint64_t top = cx->target->abi.word_bytes == 8 ? UINT64_MAX : UINT32_MAX;
	return err ? err : scan(cx, k, lo, args_count(a) == 3 ? end - 1 : top, args_flag(a, 'v'));
}

/* ---- quarantine ----------------------------------------------- */

static const struct column quarantine_columns[] = { { "objects" }, { "bytes" }, { "queues" },
	{ "global_bytes", .title = "IN GLOBAL QUEUE" }, { "limit" }, { 0 } };
static const struct table quarantine_table = { .layout = LAYOUT_HEADLINE,
	.columns = quarantine_columns };

static const struct column cache_columns[] = { { "cache", .width = 24 },
	{ "count", .title = "OBJECTS", .width = 8, .align = ALIGN_RIGHT },
	{ "size", .width = 7, .align = ALIGN_RIGHT },
	{ "memory", .width = 8, .align = ALIGN_RIGHT }, { 0 } };
static const struct table cache_table = { .layout = LAYOUT_TABLE, .columns = cache_columns };

static const struct column object_columns[] = { { "object", .width = WIDTH_ADDRESS,
							.object = "void" },
	{ "cache", .width = 24 }, { "queue", .width = 12 },
	{ "pid", .title = "FREED BY", .width = 8, .align = ALIGN_RIGHT }, { "handle" }, { 0 } };
static const struct table object_table = { .layout = LAYOUT_TABLE, .columns = object_columns };

struct cache_count {
	uint64_t va, objects;
	uint32_t size;
	char name[64];
};

struct held {
	struct cx *cx;
	const struct kasan *k;
	bool verbose;
	uint64_t objects, bytes, queues, global_bytes;
	VEC(struct cache_count) cache;
};

static void count_object(struct held *h, const struct kasan_object *o)
{
	h->objects++;
	h->bytes += o->cache.size;
	for (size_t i = 0; i < h->cache.n; i++)
		if (h->cache.v[i].va == o->cache.va) {
			h->cache.v[i].objects++;
			return;
		}
	struct cache_count c = { .va = o->cache.va, .objects = 1, .size = o->cache.size };
	memcpy(c.name, o->cache.name, sizeof(c.name));
	vec_push(&h->cache, c);
}

static struct err *show_held(
	struct held *h, const struct kasan_object *o, const struct kasan_queue *q)
{
	struct kasan_tracks t;
	out_row(h->cx->out);
	out_addr(h->cx->out, "object", o->va);
	out_str(h->cx->out, "cache", o->cache.name);
	out_strf(h->cx->out, "queue", "%s %u", q->kind == KASAN_QUEUE_GLOBAL ? "batch" : "CPU",
		q->number);
	struct err *err = kasan_tracks_read(h->k, o, &t);
	if (!err && t.free.known) {
		out_uint(h->cx->out, "pid", t.free.pid);
		out_hex(h->cx->out, "handle", t.free.stack);
	}
	return err;
}

static struct err *walk_queue(struct held *h, const struct kasan_queue *q)
{
	struct kasan_queued_iter it;
	struct kasan_object o;
	bool more = true;
	kasan_queued_iter_init(&it, h->k, q);
	for (;;) {
		uint8_t first;
		struct err *err = kasan_queued_iter_next(&it, &o, &more);
		if (!err && !more)
			return NULL;
		if (!err) {
			count_object(h, &o);
			if (h->verbose)
				err = show_held(h, &o, q);
			/* up to 5.7 there is no value of their own for them */
			if (!err && h->k->free_track && kasan_try_byte(h->k, o.va, &first) &&
				first != KASAN_SLAB_FREE_TRACK)
				err = err_new(ERR_FORMAT,
					"0x%llx of %s is in quarantine, but its "
					"shadow is %02x: %s",
					(unsigned long long)o.va, o.cache.name, first,
					kasan_value_name(h->k, first));
		}
		if (err && err->code == ERR_INTERRUPTED)
			return err;
		if (err)
			out_complain(h->cx->out, err);
		if (!more)
			return NULL;
	}
}

static int by_bytes(const void *a, const void *b)
{
	const struct cache_count *x = a, *y = b;
	uint64_t m = x->objects * x->size, n = y->objects * y->size;
	return m != n ? (m < n ? 1 : -1) : strcmp(x->name, y->name);
}

static void show_caches(struct held *h, const struct kasan_quarantine *q)
{
	struct out *o = h->cx->out;
	out_table(o, &quarantine_table);
	out_row(o);
	out_uint(o, "objects", h->objects);
	out_bytes(o, "bytes", h->bytes);
	out_uint(o, "queues", h->queues);
	out_bytes(o, "global_bytes", q->size);
	if (q->max_size)
		out_bytes(o, "limit", q->max_size);
	if (h->cache.n)
		qsort(h->cache.v, h->cache.n, sizeof(*h->cache.v), by_bytes);
	out_table(o, &cache_table);
	for (size_t i = 0; i < h->cache.n; i++) {
		out_row(o);
		out_str(o, "cache", h->cache.v[i].name);
		out_uint(o, "count", h->cache.v[i].objects);
		out_uint(o, "size", h->cache.v[i].size);
		out_bytes(o, "memory", h->cache.v[i].objects * h->cache.v[i].size);
	}
}

struct err *kasan_quarantine_run(struct cx *cx, const struct kasan *k, const struct args *a)
{
	struct held h = { .cx = cx, .k = k, .verbose = args_flag(a, 'v') };
	scoped_free struct kasan_queue_iter *it = xcalloc(1, sizeof(*it));
	struct kasan_queue q;
	bool more = true;
	struct err *err = kasan_queue_iter_init(it, k);
	if (h.verbose)
		out_table(cx->out, &object_table);
	while (!err) {
		err = kasan_queue_iter_next(it, &q, &more);
		if (err && more) {
			out_complain(cx->out, err);
			err = NULL;
			continue;
		}
		if (err || !more)
			break;
		h.queues++;
		h.global_bytes += q.kind == KASAN_QUEUE_GLOBAL ? q.bytes : 0;
		err = walk_queue(&h, &q);
	}
	if (!err && h.global_bytes != it->q.size)
		out_complain(cx->out, err_new(ERR_FORMAT,
					      "quarantine: its batches hold %llu bytes, but "
					      "quarantine_size is %llu",
					      (unsigned long long)h.global_bytes,
					      (unsigned long long)it->q.size));
	if (!err)
		show_caches(&h, &it->q);
	vec_deinit(&h.cache);
	return err;
}
