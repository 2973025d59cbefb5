/* All places that hold an object as free. One that is in two of them was freed twice, or a list was
 * written over. */
#ifndef ANALYZER_KERNEL_SLAB_WHERE_H
#define ANALYZER_KERNEL_SLAB_WHERE_H

#include "analyzer/kernel/slab_object.h"

struct slab_where {
	enum slab_state state; /* which kind of place; not SLAB_ALLOCATED */
	unsigned owner; /* SLAB_FREE_CPU: the CPU; SLAB_FREE_SHEAF: the CPU, or a barn's node */
	enum slab_sheaf_kind sheaf_kind;
	uint64_t sheaf_va;
};

enum { SLAB_WHERE_MAX = 8 };

/* *ret_n: how many were found; 0: allocated, as far as lists tell. */
struct err *slab_where_read(struct target *t, const struct slab_object *o,
	struct slab_where ret[SLAB_WHERE_MAX], unsigned *ret_n) MUST_CHECK;

/* "on its slab's free list", "in CPU 1's main sheaf" … */
void slab_where_format(const struct slab_where *w, struct strbuf *out);

#endif
