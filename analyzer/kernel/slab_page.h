/*
 * Slabs: struct slab (struct page up to 5.16) with its counters, and the sweep over all struct
 * pages that finds each of them, on a list or not. What its objects are is slab_object.h's.
 */
#ifndef ANALYZER_KERNEL_SLAB_PAGE_H
#define ANALYZER_KERNEL_SLAB_PAGE_H

#include "analyzer/kernel/slab_cache.h"

struct slab {
	uint64_t va;	   /* of its struct */
	uint64_t base_va;  /* of its memory, in the linear map */
	uint64_t cache_va; /* without tag */
	uint64_t freelist; /* the first free object, as it stands there */
	uint32_t inuse, objects;
	uint64_t exts_va;   /* of the vector of accounting and profiling data; 0: none */
	uint32_t stride;    /* of that vector, since 7.0 */
	bool ext_in_object; /* it lies in the objects' slots, since 7.0 */
	uint32_t npages;    /* 0: not counted; a sweep counts */
	bool frozen;
};

enum {
	SLAB_BLOCK_PAGES = 1024
}; /* buddy blocks lie in one such block of frames: no slab is in two */

/* The slab whose struct is at @va. ERR_NOT_FOUND: it is no slab's head page. */
struct err *slab_read(struct target *t, uint64_t va, struct slab *ret) MUST_CHECK;

/* The slab that the address @va lies in. ERR_NOT_FOUND: in none. */
struct err *slab_find(struct target *t, uint64_t va, struct slab *ret) MUST_CHECK;

/* Calls @each for each slab of the machine, by ascending physical address, with one bulk read for
 * many struct pages. An error of @each ends it. *ret_missing (may be NULL): struct pages that the
 * dump lacks. */
typedef struct err *(*slab_each_fn)(void *cx, const struct slab *s);
struct err *slab_sweep(
	struct target *t, slab_each_fn each, void *cx, uint64_t *ret_missing) MUST_CHECK;

/* The same for @n frames from @pfn on. */
struct err *slab_sweep_frames(struct target *t, uint64_t pfn, uint64_t n, slab_each_fn each,
	void *cx, uint64_t *ret_missing) MUST_CHECK;

/* The address in the linear map of @pa; false: there is none. */
bool slab_linear_va(const struct target *t, uint64_t pa, uint64_t *ret);

/* What one CPU works on. */
struct slab_cpu {
	uint64_t va;	   /* of its struct kmem_cache_cpu */
	uint64_t slab_va;  /* 0: none */
	uint64_t freelist; /* of that slab, taken off it */
	uint64_t partial;  /* the first of a chain; 0: none, or this kernel has no such chains */
};

/* ERR_MISSING: this cache has no CPU slabs (sheaves only, SLUB_TINY). */
struct err *slab_cpu_read(struct target *t, const struct slab_cache *c, unsigned cpu,
	struct slab_cpu *ret) MUST_CHECK;

/* The slabs of a CPU's partial chain: *io_va is the present one's struct, then the next one's. */
struct err *slab_cpu_partial_next(struct target *t, uint64_t *io_va) MUST_CHECK;

struct slab_node {
	uint64_t va;
	uint64_t nr_partial, nr_slabs, total_objects;
	uint64_t partial_va, full_va; /* the lists' heads; full: debugging caches only; 0: none */
	bool counted;		      /* nr_slabs and total_objects are there (SLUB_DEBUG) */
};

/* .va 0 where the node has none. */
struct err *slab_node_read(struct target *t, const struct slab_cache *c, unsigned node,
	struct slab_node *ret) MUST_CHECK;

/* Offset of the list_head by which a slab is on its node's lists. */
struct err *slab_list_offset(struct target *t, uint64_t *ret) MUST_CHECK;

#endif
