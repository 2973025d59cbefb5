/*
 * Who holds the slab heap: live objects by the stack that allocated them, from SLUB's tracks or
 * KASAN's data. Caches that keep neither are counted, and nothing is known of them.
 */
#ifndef ANALYZER_KERNEL_SLAB_OWNER_H
#define ANALYZER_KERNEL_SLAB_OWNER_H

#include "analyzer/kernel/slab_heap.h"

enum { SLAB_OWNER_FRAMES = 16 }; /* TRACK_ADDRS_COUNT */

struct slab_owner {
	uint64_t key;
	uint32_t handle; /* of the stack depot; 0: .pc has the frames */
	uint64_t caller; /* 0: not kept */
	uint64_t pc[SLAB_OWNER_FRAMES];
	uint32_t nframes;
	uint64_t objects, bytes;	/* bytes with all that slots need */
	const struct slab_cache *cache; /* the last that has one; borrowed from the heap */
	uint32_t ncaches;
	bool has_age;
	uint64_t oldest_ns, newest_ns; /* before the end */
	uint64_t oldest_va;
	uint32_t pid; /* of the newest, or of any */
};

struct slab_owners {
	struct slab_owner *owner; /* most bytes first */
	size_t n;
	uint64_t objects, bytes;		 /* of all owners */
	uint64_t unknown_objects, unknown_bytes; /* live ones without a track */
	uint32_t silent; /* caches that keep no tracks, and have live objects */
	uint64_t unread; /* slabs */
};

/* Of one cache, or of all with NULL. */
struct err *slab_owners_read(const struct slab_heap *h, const struct slab_cache *only,
	struct slab_owners *ret) MUST_CHECK;
void slab_owners_deinit(struct slab_owners *o);
#define scoped_slab_owners __attribute__((cleanup(slab_owners_deinit)))

#endif
