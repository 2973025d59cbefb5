/*
 * mm/slub.c, check_object(), check_pad_bytes(), slab_pad_check(), and include/linux/poison.h, 4.19
 * to 7.2. An object in KASAN's quarantine is still an allocated one to SLUB. KASAN's own data in a
 * freed object are left out.
 */
#include "analyzer/kernel/slab_damage.h"

#include <string.h>

enum {
	RED_INACTIVE = 0xbb,
	RED_ACTIVE = 0xcc,
	POISON_FREE = 0x6b,
	POISON_END = 0xa5,
	POISON_INUSE = 0x5a
};

struct looking {
	const uint8_t *object;
	struct slab_damage *ret;
	unsigned n;
};

/* In blocks first: nearly all bytes are what they should be, and compilers make vectors of this. */
static bool same(const uint8_t *p, int64_t n, uint8_t expected)
{
	enum { BLOCK = 64 };
	for (; n >= BLOCK; p += BLOCK, n -= BLOCK) {
		uint8_t differ = 0;
		for (unsigned i = 0; i < BLOCK; i++)
			differ |= p[i] ^ expected;
		if (differ)
			return false;
	}
	for (; n > 0; p++, n--)
		if (*p != expected)
			return false;
	return true;
}

static void look(struct looking *l, const char *what, int64_t from, int64_t to, uint8_t expected)
{
	struct slab_damage d = { .what = what, .expected = expected };
	if (same(l->object + from, to - from, expected))
		return;
	for (int64_t i = from; i < to; i++) {
		if (l->object[i] == expected)
			continue;
		if (!d.bytes++) {
			d.first = i;
			d.found = l->object[i];
		}
		d.last = i;
	}
	if (d.bytes && l->n < SLAB_DAMAGE_MAX)
		l->ret[l->n++] = d;
}

static void look_at_poison(struct looking *at, const struct slab_layout *l, int64_t size)
{
	const struct slab_cache *c = &l->cache;
	int64_t from = 0;
	if (!slab_cache_has(c, SLAB_FLAG_OBJECT_POISON) || c->offset < size)
		return;
	if (slab_cache_has(c, SLAB_FLAG_KASAN)) {
		if (!l->meta_end)
			return; /* where its data lie is not known */
		if (l->kasan_free_at < size)
			from = l->kasan_free_at + l->kasan_free_bytes;
	}
	look(at, "poison", from, size - 1, POISON_FREE);
	if (from < size)
		look(at, "end of poison", size - 1, size, POISON_END);
}

static void look_at_size(struct looking *at, const struct slab_layout *l)
{
	uint32_t orig;
	bool damaged;
	const uint8_t *slot = at->object - l->cache.red_left_pad;
	if (slab_layout_orig_size(l, slot, &orig, &damaged) && l->habits.orig_filled &&
		slab_cache_has(&l->cache, SLAB_FLAG_RED_ZONE))
		look(at, "kmalloc redzone", orig, l->cache.object_size, RED_ACTIVE);
	if (damaged && at->n < SLAB_DAMAGE_MAX)
		at->ret[at->n++] = (struct slab_damage){ .what = "size asked for",
			.first = l->orig_at,
			.last = l->orig_at + l->habits.orig_bytes - 1,
			.found = at->object[l->orig_at],
			.bytes = l->habits.orig_bytes };
}

unsigned slab_damage_look(const struct slab_layout *l, const struct slab *s,
	const uint8_t *slab_bytes, uint32_t index, enum slab_state state,
	struct slab_damage ret[SLAB_DAMAGE_MAX])
{
	const struct slab_cache *c = &l->cache;
	struct looking at = { .ret = ret };
	bool is_free = slab_state_inactive(state), poison = slab_cache_has(c, SLAB_FLAG_POISON);
	int64_t pad = c->red_left_pad, room = l->room, size = c->object_size;
	int64_t inuse = c->inuse < room ? c->inuse : room;

	at.object = slab_bytes + (uint64_t)index * c->size + pad;
	if (slab_cache_has(c, SLAB_FLAG_RED_ZONE)) {
		uint8_t red = is_free ? RED_INACTIVE : RED_ACTIVE;
		look(&at, "left redzone", -pad, 0, red);
		if (!is_free && l->meta_end)
			look_at_size(&at, l);
		if (is_free)
			look_at_poison(&at, l, size);
		look(&at, "right redzone", size, inuse, red);
	} else {
		if (is_free)
			look_at_poison(&at, l, size);
		if (poison && !slab_cache_has(c, SLAB_FLAG_KASAN))
			look(&at, "padding", size, inuse, POISON_INUSE);
	}
	if (poison && s && l->meta_end)
		look(&at, "padding", slab_layout_padding(l, s), room, POISON_INUSE);
	return at.n;
}

unsigned slab_damage_find(const struct slab_cache *c, const uint8_t *slab_bytes, uint32_t index,
	bool is_free, struct slab_damage ret[SLAB_DAMAGE_MAX])
{
	struct slab_layout l = slab_layout_bare(c);
	return slab_damage_look(
		&l, NULL, slab_bytes, index, is_free ? SLAB_FREE : SLAB_ALLOCATED, ret);
}

bool slab_damage_tail(const struct slab_layout *l, const struct slab *s, const uint8_t *tail,
	uint64_t n, struct slab_damage *ret)
{
	uint64_t at = (uint64_t)l->cache.size * s->objects, from = 0;
	struct slab_damage d;
	struct looking look_at = { .object = tail, .ret = &d };
	if (!slab_cache_has(&l->cache, SLAB_FLAG_POISON))
		return false;
	/* 7.0 on: the vector of accounting may stand in front of it */
	uint64_t exts = s->exts_va - s->base_va - at;
	if (s->exts_va && exts < n)
		from = exts + (uint64_t)l->ext_bytes * s->objects;
	if (from >= n || (s->exts_va && exts < n && !l->ext_bytes))
		return false;
	look(&look_at, "slab padding", (int64_t)from, (int64_t)n, POISON_INUSE);
	if (!look_at.n)
		return false;
	d.first += (int64_t)at;
	d.last += (int64_t)at;
	*ret = d;
	return true;
}
