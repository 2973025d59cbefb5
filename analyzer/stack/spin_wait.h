/*
 * Which spinlock a running task spins on: by the registers of the frames that spin, proved by the
 * lock's own state. Sleeping is no spinning: lock_wait.h.
 */
#ifndef ANALYZER_STACK_SPIN_WAIT_H
#define ANALYZER_STACK_SPIN_WAIT_H

#include "analyzer/kernel/spinlock.h"
#include "analyzer/stack/trace.h"

struct spin_wait {
	struct spinlock lock;
	size_t frame;	   /* of the trace: the innermost function that takes spinlocks */
	bool sure;	   /* the lock says so itself: its magic, or its queue has this CPU */
	uint64_t owner_va; /* the task that holds it; 0: not known */
	const char *owner_unknown; /* why, in words; NULL: it is known */
};

/* ERR_NOT_FOUND: it does not spin. ERR_FORMAT: it does, and nothing says on which lock. */
struct err *spin_wait_find(struct target *t, const struct task *task, const struct trace *trace,
	struct spin_wait *ret) MUST_CHECK;

#endif
