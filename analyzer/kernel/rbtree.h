/*
 * Red-black trees of the target, in order. Each node is held against its parent's word, so that a
 * damaged or half-rotated tree costs a subtree and never an endless walk.
 */
#ifndef ANALYZER_KERNEL_RBTREE_H
#define ANALYZER_KERNEL_RBTREE_H

#include "analyzer/target/target.h"

/* A red-black tree of n nodes is at most 2 * log2(n + 1) high. */
enum { RBTREE_DEPTH_MAX = 128 };

struct rbtree_iter {
	const struct target *t;
	uint64_t root; /* where the struct rb_root lies, or the topmost node */
	bool is_node;  /* .root is a node */
	bool started;
	uint64_t count; /* nodes so far */
	unsigned depth;
	struct rbtree_frame {
		uint64_t va, left, right;
		unsigned step;
	} stack[RBTREE_DEPTH_MAX];
};

/* Over the tree of the struct rb_root (or rb_root_cached, which begins with one) at @root. */
void rbtree_iter_init(struct rbtree_iter *it, const struct target *t, uint64_t root);

/* Over @node and what is below it, whatever is above. */
void rbtree_iter_init_node(struct rbtree_iter *it, const struct target *t, uint64_t node);

/*
 * The address of the next struct rb_node, in order. An error with *ret_more true is about one child
 * of a node, and the walk goes on without what is below it; with false it is the end (ERR_LIMIT,
 * ERR_INTERRUPTED, or a root that cannot be read).
 */
struct err *rbtree_iter_next(struct rbtree_iter *it, uint64_t *ret_node, bool *ret_more) MUST_CHECK;

/* The way to the node that came last: "root/l/r", as crash writes it. */
void rbtree_iter_position(const struct rbtree_iter *it, struct strbuf *out);

#endif
