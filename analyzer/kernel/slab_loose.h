/*
 * Sheaves that neither a CPU nor a barn has: full ones that wait for RCU, and those that somebody
 * had filled in advance. Nothing leads to them; their memory is found among kmalloc()'s objects.
 */
#ifndef ANALYZER_KERNEL_SLAB_LOOSE_H
#define ANALYZER_KERNEL_SLAB_LOOSE_H

#include "analyzer/kernel/slab_held.h"

struct slab_loose_object {
	uint64_t cache_va;
	struct slab_sheaved object;
};

struct slab_loose {
	struct slab_loose_object *object; /* by cache */
	size_t n;
	bool looked, looking;
};

/* Found at the first call and kept with the target. Kernels without sheaves have none; so has what
 * cannot be read. The only errors are Ctrl-C's. While it looks, and for whoever it asks, there are
 * none yet. */
struct err *slab_loose_get(struct target *t, const struct slab_loose **ret) MUST_CHECK;

#endif
