/*
 * mm/kasan/common.c, 4.19 to 7.2: a new slab is all redzone; an allocation opens the object's bytes
 * as far as they were asked for; a free closes them again, to the end of the last granule. What
 * SLUB and KASAN keep between objects is written with checks off and stays closed.
 */
#include "analyzer/kernel/kasan_scan_slab.h"

#include "analyzer/kernel/kasan_in_flight.h"
#include "analyzer/kernel/kasan_shadow.h"
#include "analyzer/kernel/slab_object.h"

enum { SLAB_MAX = 64 << 20 };

struct slot {
	const struct kasan *k;
	const uint8_t *shadow;
	uint64_t va;		 /* of the slot, not of the object in it */
	uint64_t n, pad, object; /* granules: all, before the object, of the object */
	unsigned last_bytes;	 /* of the object's last granule that belong to it */
	kasan_slab_found_fn found;
	void *cx;
};

static struct err *tell(const struct slot *s, uint64_t i, const char *what)
{
	uint64_t n = 1;
	while (i + n < s->n && s->shadow[i + n] == s->shadow[i])
		n++;
	return s->found(s->cx, s->va + i * s->k->granule, n, s->shadow[i], what);
}

static bool is_open(uint8_t v)
{
	return v < 8;
}

/* Before and behind the object; one finding a slot is enough to look there. */
static struct err *check_outside(const struct slot *s)
{
	for (uint64_t i = 0; i < s->n; i++) {
		if (i == s->pad)
			i += s->object;
		if (i < s->n && s->shadow[i] != KASAN_SLAB_REDZONE)
			return tell(s, i,
				is_open(s->shadow[i]) ? "accessible between slab objects"
						      : "no redzone between slab objects");
	}
	return NULL;
}

/* Of an object that is not accessible: all freed, or all never used. */
static struct err *check_closed(const struct slot *s)
{
	uint8_t first = s->shadow[s->pad];
	uint8_t rest = first == KASAN_SLAB_FREE_TRACK ? KASAN_SLAB_FREE : first;
	if (rest != KASAN_SLAB_FREE && rest != KASAN_SLAB_REDZONE)
		return tell(s, s->pad, "slab object begins with another poison");
	for (uint64_t i = s->pad + 1; i < s->pad + s->object; i++)
		if (s->shadow[i] != rest)
			return tell(s, i,
				is_open(s->shadow[i]) ? "accessible inside a closed slab object"
						      : "two kinds of poison in one slab object");
	return NULL;
}

static struct err *check_open(const struct slot *s)
{
	uint64_t end = s->pad + s->object, i = s->pad;
	while (i < end && !s->shadow[i])
		i++;
	bool partial = i < end && is_open(s->shadow[i]);
	bool beyond = partial && i == end - 1 && s->shadow[i] > s->last_bytes;
	if (beyond || (i == end && s->last_bytes < s->k->granule))
		return tell(s, end - 1, "accessible behind the end of a slab object");
	for (i += partial; i < end; i++)
		if (s->shadow[i] != KASAN_SLAB_REDZONE)
			return tell(s, i,
				is_open(s->shadow[i])
					? "accessible behind an allocation's end"
					: "another poison inside an allocated object");
	return NULL;
}

/*
 * What SLUB's lists say of the object against its shadow. Objects of caches that are freed by RCU
 * stay accessible when they are freed (SLAB_TYPESAFE_BY_RCU); what the quarantine holds is freed
 * for KASAN and in use for SLUB. A slab whose lists are damaged says nothing.
 */
static struct err *check_state(const struct slot *s)
{
	bool generic = s->k->mode == KASAN_GENERIC;
	uint8_t v = s->shadow[s->pad];
	bool open = generic ? is_open(v) : v != KASAN_TAG_INVALID;
	struct slab_object o;
	const char *what = NULL;
	if (!slab_object_try_find(s->k->t, s->va + s->pad * s->k->granule, &o) || o.broken ||
		o.given_up)
		return NULL;
	if (open && o.state != SLAB_ALLOCATED && !(o.cache.known & 1u << SLAB_FLAG_RCU))
		what = o.state == SLAB_FREE_QUARANTINE ? "accessible object in the quarantine"
						       : "accessible object on a free list";
	else if (!open && o.state == SLAB_ALLOCATED)
		what = !generic			 ? "object in use has no tag"
		       : v == KASAN_SLAB_REDZONE ? "object in use was never opened"
						 : "object in use is poisoned as freed";
	return what && !kasan_in_flight(s->k, o.va) ? tell(s, s->pad, what) : NULL;
}

struct err *kasan_check_slab(const struct kasan *k, const struct kasan_object *first,
	kasan_slab_found_fn found, void *cx, uint64_t *io_objects)
{
	const struct kasan_cache *c = &first->cache;
	uint64_t bytes = (uint64_t)c->size * first->nobjects;
	if (c->size % k->granule || c->red_left_pad % k->granule || !c->object_size ||
		bytes > SLAB_MAX)
		return NULL; /* KASAN's caches are aligned; this one it does not watch */
	struct slot s = { .k = k,
		.n = c->size / k->granule,
		.pad = c->red_left_pad / k->granule,
		.object = (c->object_size + k->granule - 1) / k->granule,
		.last_bytes = (c->object_size - 1) % k->granule + 1,
		.found = found,
		.cx = cx };
	if (s.pad + s.object > s.n)
		return NULL;
	uint64_t n = s.n * first->nobjects;
	scoped_free uint8_t *shadow = xcalloc(1, n);
	struct err *err = kasan_read(k, first->base_va, shadow, n);
	for (uint32_t i = 0; !err && i < first->nobjects; i++) {
		s.shadow = shadow + i * s.n;
		s.va = first->base_va + (uint64_t)i * c->size;
		if (k->mode == KASAN_GENERIC)
			err = check_outside(&s);
		if (!err && k->mode == KASAN_GENERIC)
			err = is_open(s.shadow[s.pad]) ? check_open(&s) : check_closed(&s);
		if (!err)
			err = check_state(&s);
		++*io_objects;
	}
	return err;
}
