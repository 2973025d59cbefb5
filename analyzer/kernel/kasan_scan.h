/* All of KASAN's shadow at once: how often each value stands there, and where it contradicts itself
 * or the page allocator. */
#ifndef ANALYZER_KERNEL_KASAN_SCAN_H
#define ANALYZER_KERNEL_KASAN_SCAN_H

#include "analyzer/kernel/kasan.h"
#include "analyzer/space/sweep.h"

struct kasan_histogram {
	uint64_t count[256]; /* granules, by shadow byte */
	struct sweep_totals totals;
};

/* What is wrong somewhere. */
struct kasan_finding {
	uint64_t va;	   /* of the memory, not of its shadow */
	uint64_t granules; /* how much of it */
	uint8_t value;	   /* the first shadow byte there */
	const char *what;
};
typedef struct err *(*kasan_finding_fn)(void *cx, const struct kasan_finding *f);

/* Real shadow (not the zero page) of [lo, last], memory addresses. Values that KASAN does not have,
 * and granules that end early with accessible ones behind, are findings for @found (may be NULL).
 */
struct err *kasan_scan_shadow(const struct kasan *k, uint64_t lo, uint64_t last,
	struct kasan_histogram *ret, kasan_finding_fn found, void *cx) MUST_CHECK;

/* How much was compared. */
struct kasan_compared {
	uint64_t pages, slabs, objects;
};

/*
 * Page by page in the linear map's [lo, last]: a free page must be poisoned as freed, a page in use
 * must not be, what only slabs have must be in slabs, and a slab's shadow must fit its objects
 * (kasan_scan_slab.h). With @cache (may be NULL) only the slabs of this cache. Tags say nothing of
 * pages: with them only slab objects are compared with what SLUB has as free.
 */
struct err *kasan_scan_pages(const struct kasan *k, uint64_t lo, uint64_t last, const char *cache,
	struct kasan_compared *ret, kasan_finding_fn found, void *cx) MUST_CHECK;

/* ---- where shadow is ---- */

struct kasan_extent {
	uint64_t va, size; /* of memory; va + size may be 2^64 */
	enum kasan_backing backing;
};

/* What stands behind the shadow of [lo, last], by ascending address. */
struct kasan_extents;
struct kasan_extents *kasan_extents_create(const struct kasan *k, uint64_t lo, uint64_t last);
struct err *kasan_extents_next(
	struct kasan_extents *it, struct kasan_extent *ret, bool *ret_more) MUST_CHECK;
void kasan_extents_destroy(struct kasan_extents *it);

#endif
