/*
 * mm/slub.c, struct track, 4.19 to 7.2; mm/kasan/kasan.h, struct kasan_alloc_meta. Tracks are
 * decoded from the slabs' bytes, since there may be millions of them.
 */
#include "analyzer/kernel/slab_owner.h"

#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/load.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/jiffies.h"
#include "analyzer/kernel/slab_layout.h"

/* Where a slot says who allocated it; offsets from the object's start. */
struct source {
	bool known, is_kasan, has_handle;
	uint32_t addr_at, when_at, pid_at, stack_at; /* stack: a handle, or words */
	uint32_t nwords;
};

struct grouping {
	const struct slab_heap *h;
	struct slab_layout layout;
	struct source source;
	VEC(struct slab_owner) owner;
	uint32_t *slot; /* index + 1 into owner; a power of two of them */
	size_t nslots;
	uint64_t now, hz;
	struct slab_owners *ret;
};

/* ---- where tracks are ----------------------------------------------- */

static bool place(struct target *t, const char *key, uint32_t base, uint32_t bytes, uint32_t room,
	uint32_t *ret)
{
	uint64_t at;
	if (!target_number(t, key, &at) || !range_inside(base + at, bytes, room))
		return false;
	*ret = base + (uint32_t)at;
	return true;
}

static struct source find_source(struct target *t, const struct slab_layout *l)
{
	struct source s = { 0 };
	uint32_t word = t->abi.word_bytes, at = l->track_at, room = l->room;
	if (l->track_bytes) {
		uint64_t bytes = 0;
		s.known = place(t, "offsetof(track.addr)", at, word, room, &s.addr_at) &&
			  place(t, "offsetof(track.when)", at, word, room, &s.when_at) &&
			  place(t, "offsetof(track.pid)", at, 4, room, &s.pid_at);
		s.has_handle = place(t, "offsetof(track.handle)", at, 4, room, &s.stack_at);
		if (!s.has_handle && target_number(t, "sizeof(track.addrs)", &bytes) &&
			place(t, "offsetof(track.addrs)", at, (uint32_t)bytes, room, &s.stack_at))
			s.nwords = (uint32_t)(bytes / word);
		if (s.nwords > SLAB_OWNER_FRAMES)
			s.nwords = SLAB_OWNER_FRAMES;
	} else if (l->kasan_alloc_bytes) {
		s.is_kasan = s.has_handle = true;
		s.known = place(t, "offsetof(kasan_alloc_meta.alloc_track.pid)", l->kasan_alloc_at,
				  4, room, &s.pid_at) &&
			  place(t, "offsetof(kasan_alloc_meta.alloc_track.stack)",
				  l->kasan_alloc_at, 4, room, &s.stack_at);
	}
	return s;
}

/* ---- groups ----------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static void grow(struct grouping *g)
{
	size_t n = g->nslots ? g->nslots * 2 : 1024;
	free(g->slot);
	g->slot = xcalloc(n, sizeof(*g->slot));
	g->nslots = n;
	for (size_t i = 0; i < g->owner.n; i++) {
		size_t at = g->owner.v[i].key & (n - 1);
		while (g->slot[at])
			at = (at + 1) & (n - 1);
		g->slot[at] = (uint32_t)i + 1;
	}
}

static struct slab_owner *owner_of(struct grouping *g, const struct slab_owner *new)
{
	if (g->owner.n * 2 >= g->nslots)
		grow(g);
	size_t at = new->key &(g->nslots - 1);
	for (; g->slot[at]; at = (at + 1) & (g->nslots - 1))
		if (g->owner.v[g->slot[at] - 1].key == new->key)
			return &g->owner.v[g->slot[at] - 1];
	vec_push(&g->owner, *new);
	g->slot[at] = (uint32_t)g->owner.n;
	return &g->owner.v[g->owner.n - 1];
}

/* False: nobody is known. */
static bool decode(const struct grouping *g, const uint8_t *object, struct slab_owner *ret)
{
	const struct source *s = &g->source;
	const struct abi *abi = &g->h->t->abi;
	if (!s->known)
		return false;
	if (!s->is_kasan)
		ret->caller = get_word(abi, object + s->addr_at);
	ret->pid = load_u32le(object + s->pid_at);
	if (s->has_handle)
		ret->handle = load_u32le(object + s->stack_at);
	for (uint32_t i = 0; i < s->nwords; i++) {
		ret->pc[i] = get_word(abi, object + s->stack_at + i * abi->word_bytes);
		if (!ret->pc[i])
			break;
		ret->nframes++;
	}
	/* a stack that could not be saved leaves its caller */
	ret->key = mix(s->is_kasan ? 1 : 0, ret->handle ? ret->handle : ret->caller);
	for (uint32_t i = 0; i < ret->nframes; i++)
		ret->key = mix(ret->key, ret->pc[i]);
	return ret->handle || ret->caller;
}

static bool age_of(const struct grouping *g, const uint8_t *object, uint64_t *ret_ns)
{
	if (!g->hz || g->source.is_kasan)
		return false;
	uint64_t ticks = g->now - get_word(&g->h->t->abi, object + g->source.when_at);
	if (g->h->t->abi.word_bytes == 4)
		ticks = (uint32_t)ticks;
	if (ticks > UINT64_MAX / 1000000000)
		return false;
	*ret_ns = ticks * 1000000000 / g->hz;
	return true;
}

static void add(struct grouping *g, const struct slab_cache *c, uint64_t va, const uint8_t *object)
{
	struct slab_owner new = { 0 };
	uint64_t age;
	if (!decode(g, object, &new)) {
		g->ret->unknown_objects++;
		g->ret->unknown_bytes += c->size;
		return;
	}
	struct slab_owner *o = owner_of(g, &new);
	o->objects++;
	o->bytes += c->size;
	o->ncaches += o->cache != c;
	o->cache = c;
	g->ret->objects++;
	g->ret->bytes += c->size;
	if (!age_of(g, object, &age))
		return;
	if (!o->has_age || age > o->oldest_ns) {
		o->oldest_ns = age;
		o->oldest_va = va;
	}
	if (!o->has_age || age < o->newest_ns) {
		o->newest_ns = age;
		o->pid = new.pid;
	}
	o->has_age = true;
}

/* ---- all ----------------------------------------------- */

static struct err *add_cache(struct grouping *g, const struct slab_cache *c)
{
	scoped_slab_held struct slab_held held = { 0 };
	scoped_slab_contents struct slab_contents s = { 0 };
	scoped_err struct err *damage = NULL;
	uint64_t before = g->ret->unknown_objects;
	size_t n;
	const struct slab *slab = slab_heap_slabs(g->h, c->va, &n);
	struct err *err = slab_layout_read(g->h->t, c, &g->layout);
	if (!err)
		err = slab_held_read(g->h->t, c, &held, &damage);
	g->source = find_source(g->h->t, &g->layout);
	for (size_t i = 0; !err && i < n; i++) {
		err = interrupt_check();
		if (err)
			return err;
		struct err *bad = slab_contents_read(g->h->t, c, &held, g->h->code, &slab[i], &s);
		g->ret->unread += bad != NULL;
		if (bad) {
			err_drop(bad); /* slub check tells which */
			continue;
		}
		for (uint32_t k = 0; k < s.slab.objects; k++)
			if (s.state[k] == SLAB_ALLOCATED)
				add(g, c, slab_object_va(c, &s.slab, k),
					s.bytes + (uint64_t)k * c->size + c->red_left_pad);
	}
	g->ret->silent += !g->source.known && g->ret->unknown_objects > before;
	return err;
}

static int by_bytes(const void *a, const void *b)
{
	const struct slab_owner *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->key < y->key ? -1 : x->key > y->key;
}

struct err *slab_owners_read(
	const struct slab_heap *h, const struct slab_cache *only, struct slab_owners *ret)
{
	scoped_slab_owners struct slab_owners all = { 0 };
	struct grouping g = { .h = h, .ret = &all };
	struct err *err = NULL;
	if (!target_try_variable(h->t, "jiffies", &g.now) || !jiffies_hz(h->t, &g.hz) ||
		g.hz > 10000)
		g.hz = 0;
	for (size_t i = 0; !err && i < h->ncaches; i++)
		if (!only || only == &h->cache[i])
			err = add_cache(&g, &h->cache[i]);
	if (g.owner.n)
		qsort(g.owner.v, g.owner.n, sizeof(*g.owner.v), by_bytes);
	all.owner = g.owner.v;
	all.n = g.owner.n;
	free(g.slot);
	if (err)
		return err;
	*ret = all;
	all = (struct slab_owners){ 0 };
	return NULL;
}

void slab_owners_deinit(struct slab_owners *o)
{
	free(o->owner);
	*o = (struct slab_owners){ 0 };
}
