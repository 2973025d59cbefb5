/* Tasks that wait on a wait queue. Knows the queue, not what it is for. */
#ifndef ANALYZER_KERNEL_WAIT_QUEUE_H
#define ANALYZER_KERNEL_WAIT_QUEUE_H

#include "analyzer/kernel/list.h"

struct waiter {
	uint64_t va;	   /* struct wait_queue_entry */
	uint64_t task;	   /* 0: not a task's, or not to be known */
	uint64_t function; /* that wakes it up */
	uint32_t flags;	   /* WQ_FLAG_… */
};

struct waiter_iter {
	struct target *t;
	struct list_iter list;
};

/* Over the wait_queue_head (wait_queue_head_t) at @va. */
struct err *waiter_iter_init(struct waiter_iter *it, struct target *t, uint64_t va) MUST_CHECK;

/* An error with *ret_more true is about one of them. */
struct err *waiter_iter_next(struct waiter_iter *it, struct waiter *ret, bool *ret_more) MUST_CHECK;

#endif
