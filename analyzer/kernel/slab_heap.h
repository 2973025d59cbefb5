/* The whole slab heap of a dump: all caches, and all slabs by one sweep, whatever lists they are
 * on. */
#ifndef ANALYZER_KERNEL_SLAB_HEAP_H
#define ANALYZER_KERNEL_SLAB_HEAP_H

#include "analyzer/kernel/slab_contents.h"
#include "analyzer/kernel/slab_object.h"

struct slab_heap {
	struct target *t;
	struct slab_cache *cache; /* in the kernel's order */
	size_t ncaches;
	struct slab *slab; /* by cache, then by address */
	size_t nslabs;
	uint64_t missing; /* struct pages that the dump lacks, or that cannot be read */
	enum slab_code code;
	unsigned proved;    /* as slab_code_get() */
	struct err *damage; /* NULL, or why caches are left out; the heap's */
};

struct err *slab_heap_read(struct target *t, struct slab_heap *ret) MUST_CHECK;
void slab_heap_deinit(struct slab_heap *h);
#define scoped_slab_heap __attribute__((cleanup(slab_heap_deinit)))

/* The slabs of the cache at @cache_va: *ret_n of them. */
const struct slab *slab_heap_slabs(const struct slab_heap *h, uint64_t cache_va, size_t *ret_n);

/* Calls @each for the contents of each slab of @c, by ascending address; an error of it ends the
 * walk. What cannot be read goes to @unread, which takes the error: a slab, or what CPUs hold; the
 * others go on. */
typedef struct err *(*slab_contents_fn)(
	void *cx, const struct slab_cache *c, const struct slab_contents *s);
struct err *slab_heap_each(const struct slab_heap *h, const struct slab_cache *c,
	slab_contents_fn each, void (*unread)(void *cx, struct err *err), void *cx) MUST_CHECK;

struct slab_totals {
	uint64_t slabs, objects;
	uint64_t inuse; /* allocated: what CPUs and sheaves hold is free */
	/* What /proc/slabinfo says: all but the free objects of slabs on a node's partial list. */
	bool has_kernel;
	uint64_t kernel_slabs, kernel_objects, kernel_active;
};

/* *ret_damage as in slab_held_read(). */
struct err *slab_heap_totals(const struct slab_heap *h, const struct slab_cache *c,
	struct slab_totals *ret, struct err **ret_damage) MUST_CHECK;

#endif
