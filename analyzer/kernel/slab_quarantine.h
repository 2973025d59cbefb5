/* Objects that KASAN's quarantine holds back, as a table by address: a slab calls them in use. */
#ifndef ANALYZER_KERNEL_SLAB_QUARANTINE_H
#define ANALYZER_KERNEL_SLAB_QUARANTINE_H

#include "analyzer/target/target.h"

struct slab_quarantine {
	uint64_t *va; /* of the objects, without tag, ascending */
	size_t n;
	bool damaged; /* a queue breaks off, or has what is no object: there are more */
};

/* Read at the first call and kept with the target. Kernels without a quarantine have an empty one;
 * so has what cannot be read, with .damaged. The only errors are Ctrl-C's. */
struct err *slab_quarantine_get(struct target *t, const struct slab_quarantine **ret) MUST_CHECK;

/* Index of the first object at @va or behind; .n: none. */
size_t slab_quarantine_from(const struct slab_quarantine *q, uint64_t va);

#endif
