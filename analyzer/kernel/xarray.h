/*
 * XArrays of the target, and the radix trees that they grew out of (4.19 and before), by ascending
 * index. An IDR is one of them: its idr_rt. Knows the entries, not what they point to.
 */
#ifndef ANALYZER_KERNEL_XARRAY_H
#define ANALYZER_KERNEL_XARRAY_H

#include "analyzer/target/target.h"

/* 64 index bits at 4 bits a level, the fewest that there are (CONFIG_BASE_SMALL). */
enum { XARRAY_DEPTH_MAX = 16 };

struct xarray_entry {
	uint64_t index, last; /* it is there for all indices from one to the other */
	uint64_t entry;	      /* as it is stored, mostly a pointer */
	bool is_value;	      /* a number instead of a pointer: */
	uint64_t value;
};

struct xarray_iter {
	struct target *t;
	const struct view *node;
	uint64_t root; /* where the struct xarray or radix_tree_root lies, or the topmost node */
	uint64_t head; /* the root's entry */
	uint64_t index_base; /* what an IDR adds to all indices */
	bool is_radix; /* the dialect of 4.19 */
	bool started;
	unsigned chunk_shift;
	uint64_t count;
	unsigned depth;
	struct xarray_frame {
		uint64_t va, slots_va;
		uint64_t index; /* of the first slot */
		unsigned shift, slot;
	} stack[XARRAY_DEPTH_MAX];
};

/* Over the struct xarray (radix_tree_root) at @root. ERR_MISSING without their types. */
struct err *xarray_iter_init(struct xarray_iter *it, struct target *t, uint64_t root) MUST_CHECK;

/* Over the struct idr at @idr; indices are its numbers, which begin at idr_base (since 4.17). */
struct err *xarray_iter_init_idr(struct xarray_iter *it, struct target *t, uint64_t idr) MUST_CHECK;

/* Over the struct xa_node (radix_tree_node) at @node, its first slot taken as index 0. */
struct err *xarray_iter_init_node(
	struct xarray_iter *it, struct target *t, uint64_t node) MUST_CHECK;

/*
 * The next entry; reserved and sibling ones are no entries of their own. An error with *ret_more
 * true is about one slot, and the walk goes on behind it; with false it is the end.
 */
struct err *xarray_iter_next(
	struct xarray_iter *it, struct xarray_entry *ret, bool *ret_more) MUST_CHECK;

/* The slots on the way to the entry that came last: "root/0/63". */
void xarray_iter_position(const struct xarray_iter *it, struct strbuf *out);

#endif
