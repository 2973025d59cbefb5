/* Who allocated and who freed a slab object last, as caches with SLAB_STORE_USER (slub_debug=U)
 * keep it behind each object. What wrote over it meanwhile is slab_damage.h's to find. */
#ifndef ANALYZER_KERNEL_SLAB_TRACK_H
#define ANALYZER_KERNEL_SLAB_TRACK_H

#include "analyzer/kernel/slab_object.h"

enum { SLAB_TRACK_FRAMES = 64 };
enum slab_track_kind { SLAB_TRACK_ALLOC, SLAB_TRACK_FREE };

struct slab_track {
	bool known;		   /* false: it never happened */
	uint64_t addr;		   /* the caller */
	uint32_t pid, cpu, handle; /* handle: of the stack depot; 0: none */
	bool has_age;
	uint64_t age_ns; /* before the dump, by jiffies */
	uint32_t nframes;
	uint64_t pc[SLAB_TRACK_FRAMES]; /* innermost first */
};

/* ERR_MISSING: this cache keeps none, or there are no types. Where the record stands and only its
 * stack cannot be had, *ret is filled all the same, .known and without frames. */
struct err *slab_track_read(struct target *t, const struct slab_cache *c, uint64_t object_va,
	enum slab_track_kind kind, struct slab_track *ret) MUST_CHECK;

#endif
