/*
 * mm/kasan/kasan.h, generic.c and tags.c, 4.19 to 7.2. The allocation's track stands in the
 * redzone, zeroed while it says nothing; the free track's place says something only while the
 * shadow of the object's first granule is 0xfa. Finding the object needs a little of SLUB: the head
 * page, its cache, sizes.
 */
#include "analyzer/kernel/kasan_meta.h"

#include <inttypes.h>
#include <limits.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/kasan_shadow.h"
#include "analyzer/kernel/page.h"

#define SLUB_HINT    "mm/slub.c"
#define GENERIC_HINT "mm/kasan/generic.c"
#define TAGS_HINT    "mm/kasan/tags.c"

/* ---- caches ----------------------------------------------- */

struct cache_raw {
	uint64_t name_va, info_va;
	uint32_t size, object_size, red_left_pad;
	int32_t alloc_offset, free_offset;
};
enum { CACHE_ALLOC = 4, CACHE_FREE };
static const struct view_field cache_fields[] = {
	FIELD(struct cache_raw, name_va, "name"),
	FIELD(struct cache_raw, size, "size"),
	FIELD(struct cache_raw, object_size, "object_size"),
	FIELD_OPTIONAL(struct cache_raw, red_left_pad, "red_left_pad"),
	[CACHE_ALLOC] =
		FIELD_OPTIONAL(struct cache_raw, alloc_offset, "kasan_info.alloc_meta_offset"),
	[CACHE_FREE] = FIELD_OPTIONAL(struct cache_raw, free_offset, "kasan_info.free_meta_offset"),
};
static const struct view_spec cache_spec = { .type = "kmem_cache",
	.hint = SLUB_HINT,
	.fields = cache_fields,
	.nfields = ARRAY_SIZE(cache_fields) };

struct err *kasan_cache_read(struct target *t, uint64_t va, struct kasan_cache *ret)
{
	enum { LARGEST = 1 << 30 };
	const struct view *v;
	struct cache_raw raw;
	struct kasan_cache c = { .va = va };
	struct err *err = target_view(t, &cache_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &raw);
	if (!err)
		err = vspace_read_str(t->kernel, raw.name_va, c.name, sizeof(c.name));
	if (err)
		return err_wrap(err, "kmem_cache 0x%" PRIx64, va);
	if (!raw.size || raw.size > LARGEST || raw.object_size > raw.size ||
		raw.red_left_pad > raw.size - raw.object_size)
		return err_new(ERR_FORMAT,
			"kmem_cache 0x%" PRIx64 ": sizes make no sense: %u for objects "
			"of %u",
			va, raw.size, raw.object_size);
	c.size = raw.size;
	c.object_size = raw.object_size;
	c.red_left_pad = raw.red_left_pad;
	/* 0: there is none. The free track's 0 is the object's first byte, INT_MAX: there is none.
	 */
	c.has_alloc_meta = view_has(v, CACHE_ALLOC) && raw.alloc_offset > 0 &&
			   (uint32_t)raw.alloc_offset < raw.size;
	c.has_free_meta = view_has(v, CACHE_FREE) && raw.free_offset >= 0 &&
			  (uint32_t)raw.free_offset < raw.size;
	c.alloc_meta_offset = c.has_alloc_meta ? (uint32_t)raw.alloc_offset : 0;
	c.free_meta_offset = c.has_free_meta ? (uint32_t)raw.free_offset : 0;
	*ret = c;
	return NULL;
}

/* ---- objects ----------------------------------------------- */

struct slab_raw {
	uint64_t cache_va;
	uint32_t objects;
};
static const struct view_field slab_fields[] = {
	FIELD(struct slab_raw, cache_va, "slab_cache"),
	FIELD(struct slab_raw, objects, "objects"),
};
/* struct slab stands in struct page's place since 5.17 */
static const struct view_spec slab_spec = { .type = "slab",
	.type_old = "page",
	.hint = SLUB_HINT,
	.fields = slab_fields,
	.nfields = ARRAY_SIZE(slab_fields) };

/* The frame of a linear-map address; elsewhere are no slabs. */
static struct err *head_page(struct target *t, uint64_t va, struct page *ret, uint64_t *ret_base)
{
	unsigned shift = page_shift(t);
	uint64_t page_va, head_pfn, pfn;
	struct paddr pa;
	enum fault_kind fault = vspace_translate(t->kernel, va, &pa, NULL);
	if (fault)
		return err_fault(fault, va, "0x%" PRIx64, va);
	pfn = pa.v >> shift;
	struct err *err = page_of_pfn(t, pfn, &page_va);
	if (!err)
		err = page_read(t, page_va, ret);
	if (!err && ret->head_va != ret->va)
		err = page_read(t, ret->head_va, ret);
	if (!err)
		err = page_to_pfn(t, ret->va, &head_pfn);
	if (err)
		return err;
	if (head_pfn > pfn)
		return err_new(ERR_FORMAT, "page 0x%" PRIx64 ": its head lies behind it", page_va);
	*ret_base = (va >> shift << shift) - ((pfn - head_pfn) << shift);
	return NULL;
}

struct err *kasan_object_find(const struct kasan *k, uint64_t tagged, struct kasan_object *ret)
{
	struct target *t = k->t;
	uint64_t va = kasan_untag(k, tagged);
	struct kasan_object o = { 0 };
	struct slab_raw slab;
	struct page page;
	const struct view *v;
	const char *owner;
	struct err *err = head_page(t, va, &page, &o.base_va);
	if (!err)
		err = page_owner(t, &page, &owner);
	if (err)
		return err;
	if (strcmp(owner, "slab"))
		return err_new(ERR_NOT_FOUND, "0x%" PRIx64 " is not in a slab but in a page: %s",
			va, owner);
	err = target_view(t, &slab_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, page.va, &slab);
	if (!err)
		err = kasan_cache_read(t, kasan_untag(k, slab.cache_va), &o.cache);
	if (err)
		return err_wrap(err, "slab 0x%" PRIx64, page.va);
	if (!slab.objects)
		return err_new(ERR_FORMAT, "slab 0x%" PRIx64 " has no objects", page.va);
	/* nearest_obj() in mm/slab.h: what lies behind the last object is the last one's */
	uint64_t index = (va - o.base_va) / o.cache.size;
	o.index = (uint32_t)(index < slab.objects ? index : slab.objects - 1);
	o.nobjects = slab.objects;
	o.slab_va = page.va;
	o.tag = kasan_tag(k, tagged);
	o.va = o.base_va + (uint64_t)o.index * o.cache.size + o.cache.red_left_pad;
	*ret = o;
	return NULL;
}

struct kasan_place kasan_object_place(const struct kasan_object *o, uint64_t va)
{
	uint64_t end = o->va + o->cache.object_size;
	if (va < o->va)
		return (struct kasan_place){ o->va - va, "to the left of" };
	if (va >= end)
		return (struct kasan_place){ va - end, "to the right of" };
	return (struct kasan_place){ va - o->va, "inside of" };
}

/* ---- generic mode's tracks ----------------------------------------------- */

struct meta_raw {
	uint32_t pid, stack, free_pid, free_stack, cpu;
	uint64_t time;
	uint32_t aux0, aux1;
};
enum { META_FREE = 2, META_TIME = 5, META_AUX = 6 };
static const struct view_field alloc_fields[] = {
	FIELD(struct meta_raw, pid, "alloc_track.pid"),
	FIELD(struct meta_raw, stack, "alloc_track.stack"),
	/* 4.19 has one, 5.x's tag mode the newest of some */
	[META_FREE] =
		FIELD_OPTIONAL(struct meta_raw, free_pid, "free_track.pid", "free_track[0].pid"),
	FIELD_OPTIONAL(struct meta_raw, free_stack, "free_track.stack", "free_track[0].stack"),
	FIELD_OPTIONAL(struct meta_raw, cpu, "alloc_track.cpu"),
	[META_TIME] = FIELD_OPTIONAL(struct meta_raw, time, "alloc_track.timestamp"),
	[META_AUX] = FIELD_OPTIONAL(struct meta_raw, aux0, "aux_stack[0]"),
	FIELD_OPTIONAL(struct meta_raw, aux1, "aux_stack[1]"),
};
static const struct view_spec alloc_spec = { .type = "kasan_alloc_meta",
	.hint = GENERIC_HINT,
	.fields = alloc_fields,
	.nfields = ARRAY_SIZE(alloc_fields) };

enum { FREE_TIME = 3 };
static const struct view_field free_fields[] = {
	FIELD(struct meta_raw, pid, "free_track.pid"),
	FIELD(struct meta_raw, stack, "free_track.stack"),
	FIELD_OPTIONAL(struct meta_raw, cpu, "free_track.cpu"),
	[FREE_TIME] = FIELD_OPTIONAL(struct meta_raw, time, "free_track.timestamp"),
};
static const struct view_spec free_spec = { .type = "kasan_free_meta",
	.hint = GENERIC_HINT,
	.fields = free_fields,
	.nfields = ARRAY_SIZE(free_fields) };

/* kasan_save_track() in mm/kasan/common.c: local_clock() >> 9, since there are 44 bits for it */
static struct kasan_track make_track(const struct meta_raw *m, bool has_time)
{
	return (struct kasan_track){ .known = m->stack || m->pid,
		.pid = m->pid,
		.stack = m->stack,
		.has_time = has_time && m->stack,
		.cpu = m->cpu,
		.time_ns = m->time << 9 };
}

static struct err *read_generic(
	const struct kasan *k, const struct kasan_object *o, struct kasan_tracks *ret)
{
	const struct view *v;
	struct meta_raw m;
	uint8_t first = 0;
	bool have = kasan_try_byte(k, o->va, &first);
	if (o->cache.has_alloc_meta) {
		struct err *err = target_view(k->t, &alloc_spec, &v);
		if (!err)
			err = view_read(v, k->t->kernel, o->va + o->cache.alloc_meta_offset, &m);
		if (err)
			return err_wrap(err, "allocation track of 0x%" PRIx64, o->va);
		ret->alloc = make_track(&m, view_has(v, META_TIME));
		ret->aux[0] = m.aux0;
		ret->aux[1] = m.aux1;
		if (view_has(v, META_FREE) && m.free_stack)
			ret->free = (struct kasan_track){
				.known = true, .pid = m.free_pid, .stack = m.free_stack
			};
	}
	if (!o->cache.has_free_meta || !k->free_track || !have || first != KASAN_SLAB_FREE_TRACK)
		return NULL;
	struct err *err = target_view(k->t, &free_spec, &v);
	if (!err)
		err = view_read(v, k->t->kernel, o->va + o->cache.free_meta_offset, &m);
	if (err)
		return err_wrap(err, "free track of 0x%" PRIx64, o->va);
	ret->free = make_track(&m, view_has(v, FREE_TIME));
	return NULL;
}

/* ---- tag modes' ring ----------------------------------------------- */

struct ring {
	uint64_t size, pos, entries_va;
};
static const struct view_field ring_fields[] = {
	FIELD(struct ring, size, "size"),
	FIELD(struct ring, pos, "pos.counter"),
	FIELD(struct ring, entries_va, "entries"),
};
static const struct view_spec ring_spec = { .type = "kasan_stack_ring",
	.hint = TAGS_HINT,
	.fields = ring_fields,
	.nfields = ARRAY_SIZE(ring_fields) };

struct ring_entry {
	uint64_t ptr;
	uint32_t pid, stack, cpu;
	uint64_t time;
	uint8_t is_free;
};
enum { ENTRY_TIME = 5 };
static const struct view_field entry_fields[] = {
	FIELD(struct ring_entry, ptr, "ptr"),
	FIELD(struct ring_entry, pid, "track.pid", "pid"),
	FIELD(struct ring_entry, stack, "track.stack", "stack"),
	FIELD(struct ring_entry, is_free, "is_free"),
	FIELD_OPTIONAL(struct ring_entry, cpu, "track.cpu"),
	[ENTRY_TIME] = FIELD_OPTIONAL(struct ring_entry, time, "track.timestamp"),
};
static const struct view_spec entry_spec = { .type = "kasan_stack_ring_entry",
	.hint = TAGS_HINT,
	.fields = entry_fields,
	.nfields = ARRAY_SIZE(entry_fields) };

/* The newest allocation and the newest free of the object, from the last event backwards, as
 * kasan_complete_mode_report_info() in mm/kasan/report_tags.c. */
static struct err *read_ring(
	const struct kasan *k, const struct kasan_object *o, struct kasan_tracks *ret)
{
	enum { RING_MAX = 1 << 24 };
	const struct view *rv, *ev;
	struct ring r;
	uint64_t va;
	struct err *err = target_symbol(k->t, "stack_ring", &va);
	if (!err)
		err = target_view(k->t, &ring_spec, &rv);
	if (!err)
		err = target_view(k->t, &entry_spec, &ev);
	if (!err)
		err = view_read(rv, k->t->kernel, va, &r);
	if (err)
		return err_wrap(err, "KASAN's stack ring");
	if (!r.entries_va || !r.size || r.size > RING_MAX)
		return r.entries_va
			       ? err_new(ERR_FORMAT, "KASAN's stack ring: size %" PRIu64, r.size)
			       : NULL; /* kasan.stacktrace=off */
	uint64_t n = r.pos < r.size ? r.pos : r.size;
	for (uint64_t i = 1; i <= n && !(ret->alloc.known && ret->free.known); i++) {
		struct ring_entry e;
		uint64_t at = (r.pos - i) % r.size;
		err = i % 4096 ? NULL : interrupt_check();
		if (!err)
			err = view_read(ev, k->t->kernel, r.entries_va + at * view_size(ev), &e);
		if (err)
			return err_wrap(err, "KASAN's stack ring");
		struct kasan_track *track = e.is_free ? &ret->free : &ret->alloc;
		if (kasan_untag(k, e.ptr) != o->va ||
			(o->tag != KASAN_TAG_KERNEL && kasan_tag(k, e.ptr) != o->tag))
			continue;
		if (track->known) /* an earlier life of the object */
			break;
		ret->newest_is_free |= e.is_free && !ret->alloc.known;
		*track = (struct kasan_track){ .known = true,
			.pid = e.pid,
			.stack = e.stack,
			.has_time = view_has(ev, ENTRY_TIME),
			.cpu = e.cpu,
			.time_ns = e.time << 9,
			.has_tag = true,
			.tag = kasan_tag(k, e.ptr) };
	}
	return NULL;
}

struct err *kasan_tracks_read(
	const struct kasan *k, const struct kasan_object *o, struct kasan_tracks *ret)
{
	struct kasan_tracks tracks = { 0 };
	bool in_object = k->mode == KASAN_GENERIC || !target_has_symbol(k->t, "stack_ring");
	struct err *err = in_object ? read_generic(k, o, &tracks) : read_ring(k, o, &tracks);
	if (!err)
		*ret = tracks;
	return err;
}
