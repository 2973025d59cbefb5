/* struct list_head rings of the target, walked with an end: cycles, counts and Ctrl-C stop them. */
#ifndef ANALYZER_KERNEL_LIST_H
#define ANALYZER_KERNEL_LIST_H

#include "analyzer/target/target.h"

struct list_iter {
	const struct target *t;
	uint64_t head, pos;
	uint64_t count;
	bool backwards;
	uint64_t mark, mark_at; /* Brent's cycle search: a node seen, and when to choose the next */
};

/* Over the nodes of the list whose list_head is at @head; the head itself is not a node. */
void list_iter_init(struct list_iter *it, const struct target *t, uint64_t head);

/* The same from the last to the first, by what the nodes call the one before them. */
void list_iter_init_backwards(struct list_iter *it, const struct target *t, uint64_t head);

/* The structure whose list_head, @offset bytes into it, is at @node: container_of() of the target.
 */
uint64_t list_entry(const struct target *t, uint64_t node, uint64_t offset);

/* The next node's address. A node of a loop may come more than once before ERR_LIMIT. *ret_more is
 * false at the end, and with an error. */
struct err *list_iter_next(struct list_iter *it, uint64_t *ret_node, bool *ret_more) MUST_CHECK;

#endif
