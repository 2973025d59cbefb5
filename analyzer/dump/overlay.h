/*
 * Ranges laid over each other: what covers each address when several claim it. Used for flattened
 * streams (the last write wins) and for ELF segments (bytes win over their absence).
 */
#ifndef ANALYZER_DUMP_OVERLAY_H
#define ANALYZER_DUMP_OVERLAY_H

#include "analyzer/base/err.h"

#include <stddef.h>

struct span {
	uint64_t start, end; /* [start, end) */
	uint64_t src;        /* where start's byte is; counts up with the address */
	uint64_t prio;       /* the highest wins */
	uint32_t kind;       /* the caller's */
};

/*
 * Turns @n spans in any order into ascending ones that do not overlap, joined where kind and src
 * run on. Sorts @in. The result is malloc'ed, at most 2n long; empty spans vanish.
 */
struct err *overlay_flatten(struct span *in, size_t n, struct span **ret, size_t *ret_n) MUST_CHECK;

/* The span that holds @at, or NULL. */
const struct span *overlay_find(const struct span *v, size_t n, uint64_t at);

#endif
