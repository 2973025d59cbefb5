/*
 * Bytes around and in a slab object that slub_debug= fills with patterns: which of them are not
 * what they were. Objects of caches without such flags have no patterns and no damage.
 */
#ifndef ANALYZER_KERNEL_SLAB_DAMAGE_H
#define ANALYZER_KERNEL_SLAB_DAMAGE_H

#include "analyzer/kernel/slab_layout.h"

struct slab_damage {
	const char *what; /* "left redzone", "kmalloc redzone", "right redzone", "poison", "end of
			   * poison", "padding", "size asked for"; a constant */
	int64_t first, last; /* damaged bytes' offsets from the object's start; last is included */
	uint8_t expected, found; /* of the first */
	uint32_t bytes;		 /* damaged, from first to last */
};

enum { SLAB_DAMAGE_MAX = 8 };

/* Object @index of @s, whose @slab_bytes are given: all that the layout knows of. In their order;
 * returns how many were found. Allocates nothing. */
unsigned slab_damage_look(const struct slab_layout *l, const struct slab *s,
	const uint8_t *slab_bytes, uint32_t index, enum slab_state state,
	struct slab_damage ret[SLAB_DAMAGE_MAX]);

/* Redzones and poison only, by the cache alone. */
unsigned slab_damage_find(const struct slab_cache *c, const uint8_t *slab_bytes, uint32_t index,
	bool is_free, struct slab_damage ret[SLAB_DAMAGE_MAX]);

/* Behind the slab's last object, where @n bytes of its memory were read from there on. .first
 * counts from the slab's memory. */
bool slab_damage_tail(const struct slab_layout *l, const struct slab *s, const uint8_t *tail,
	uint64_t n, struct slab_damage *ret);

#endif
