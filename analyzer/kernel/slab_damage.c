/*
 * mm/slub.c, check_object(), and include/linux/poison.h, 4.19 to 7.2. KASAN writes to freed objects
 * and redzones by itself: there poison is not looked at. What kmalloc() left unused inside an
 * object (orig_size, since 6.1) and the padding behind the tracks are not looked at.
 */
#include "analyzer/kernel/slab_damage.h"

enum { RED_INACTIVE = 0xbb, RED_ACTIVE = 0xcc, POISON_FREE = 0x6b, POISON_END = 0xa5,
	POISON_INUSE = 0x5a };

struct looking {
	const uint8_t *object;
	struct slab_damage *ret;
	unsigned n;
};

static void look(struct looking *l, const char *what, int64_t from, int64_t to, uint8_t expected)
{
	struct slab_damage d = { .what = what, .expected = expected };
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

unsigned slab_damage_find(const struct slab_cache *c, const uint8_t *slab_bytes, uint32_t index,
	bool is_free, struct slab_damage ret[SLAB_DAMAGE_MAX])
{
	struct looking l = { .ret = ret };
	int64_t pad = c->red_left_pad, room = (int64_t)c->size - pad;
	int64_t size = c->object_size, inuse = c->inuse < room ? c->inuse : room;

	l.object = slab_bytes + (uint64_t)index * c->size + pad;
	if (slab_cache_has(c, SLAB_FLAG_RED_ZONE)) {
		uint8_t red = is_free ? RED_INACTIVE : RED_ACTIVE;
		look(&l, "left redzone", -pad, 0, red);
		look(&l, "right redzone", size, inuse, red);
	} else if (slab_cache_has(c, SLAB_FLAG_POISON) && !slab_cache_has(c, SLAB_FLAG_KASAN)) {
		look(&l, "padding", size, inuse, POISON_INUSE);
	}
	if (is_free && slab_cache_has(c, SLAB_FLAG_OBJECT_POISON) &&
		!slab_cache_has(c, SLAB_FLAG_KASAN) && c->offset >= size) {
		look(&l, "poison", 0, size - 1, POISON_FREE);
		look(&l, "end of poison", size - 1, size, POISON_END);
	}
	return l.n;
}
