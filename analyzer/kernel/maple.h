/*
 * Maple trees of the target (since 6.1), by ascending range. Knows the ranges and their entries,
 * not what the entries point to.
 */
#ifndef ANALYZER_KERNEL_MAPLE_H
#define ANALYZER_KERNEL_MAPLE_H

#include "analyzer/target/target.h"

/* MAPLE_HEIGHT_MAX, include/linux/maple_tree.h 6.1. */
enum { MAPLE_DEPTH_MAX = 31, MAPLE_NODE_BYTES = 256 };

struct maple_entry {
	uint64_t first, last; /* the range, both ends included */
	uint64_t entry;	      /* as it is stored: a pointer, or a number with bit 0 set */
};

/* Where a kind of node has what, from the target's types. */
struct maple_shape {
	unsigned npivots, nslots;
	unsigned pivot_at, slot_at; /* bytes */
};

struct maple_iter {
	struct target *t;
	uint64_t tree; /* where the struct maple_tree lies */
	uint64_t root; /* its entry */
	bool started;
	struct maple_shape shape[4]; /* by enum maple_type */
	uint64_t count;
	unsigned depth;
	struct maple_frame {
		uint64_t va;
		uint64_t first, max; /* what is not looked at yet */
		unsigned type;	     /* enum maple_type */
		unsigned slot;	     /* the last one looked at */
		unsigned next_slot;
		uint8_t bytes[MAPLE_NODE_BYTES];
	} stack[MAPLE_DEPTH_MAX];
};

/* Over the struct maple_tree at @tree. ERR_MISSING on kernels without maple trees. */
struct err *maple_iter_init(struct maple_iter *it, struct target *t, uint64_t tree) MUST_CHECK;

/*
 * The next range that has an entry; reserved ones (XA_ZERO_ENTRY) have none. An error with
 * *ret_more true is about one slot or node, and the walk goes on behind it; with false it is the
 * end.
 */
struct err *maple_iter_next(
	struct maple_iter *it, struct maple_entry *ret, bool *ret_more) MUST_CHECK;

/* The slots on the way to the entry that came last: "root/3/0". */
void maple_iter_position(const struct maple_iter *it, struct strbuf *out);

#endif
