/*
 * Bytes around and in a slab object that slub_debug= fills with patterns: which of them are not what
 * they were. Objects of caches without such flags have no patterns and no damage.
 */
#ifndef ANALYZER_KERNEL_SLAB_DAMAGE_H
#define ANALYZER_KERNEL_SLAB_DAMAGE_H

#include "analyzer/kernel/slab_object.h"

struct slab_damage {
	const char *what;   /* "left redzone", "right redzone", "poison", "end of poison"; a constant */
	int64_t first, last; /* damaged bytes' offsets from the object's start; last is included */
	uint8_t expected, found; /* of the first */
	uint32_t bytes;	    /* damaged, from first to last */
};

enum { SLAB_DAMAGE_MAX = 4 };

/* @bytes are the slab's, object @index's state is @is_free. Returns how many were found. Allocates
 * nothing. */
unsigned slab_damage_find(const struct slab_cache *c, const uint8_t *slab_bytes, uint32_t index,
	bool is_free, struct slab_damage ret[SLAB_DAMAGE_MAX]);

#endif
