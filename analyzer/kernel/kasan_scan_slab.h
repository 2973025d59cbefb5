/* One slab's shadow against the layout of its objects. For kasan_scan.c. */
#ifndef ANALYZER_KERNEL_KASAN_SCAN_SLAB_H
#define ANALYZER_KERNEL_KASAN_SCAN_SLAB_H

#include "analyzer/kernel/kasan_meta.h"

/* @what is a constant; @granules of them from @va on. */
typedef struct err *(*kasan_slab_found_fn)(
	void *cx, uint64_t va, uint64_t granules, uint8_t value, const char *what);

/*
 * The slab that @first (any of its objects) is in: between objects nothing may be accessible; an
 * object is accessible from its first byte to some end within its size and not behind it, or not at
 * all, and then wholly as freed, or wholly as never used (generic mode only). What SLUB's lists
 * have as free is not accessible, what it has in use is, but for KASAN's quarantine. *io_objects
 * goes up by its objects.
 */
struct err *kasan_check_slab(const struct kasan *k, const struct kasan_object *first,
	kasan_slab_found_fn found, void *cx, uint64_t *io_objects) MUST_CHECK;

#endif
