/*
 * What a sleeping task waits for: the lock that its waiter, a struct on its own stack, is queued
 * at, and who holds it. Mutexes, read-write semaphores, semaphores, completions, and work items
 * that are waited for. Spinning is no waiting here.
 */
#ifndef ANALYZER_STACK_LOCK_WAIT_H
#define ANALYZER_STACK_LOCK_WAIT_H

#include "analyzer/base/vec.h"
#include "analyzer/stack/trace.h"

enum lock_kind { LOCK_MUTEX, LOCK_RWSEM, LOCK_SEMAPHORE, LOCK_COMPLETION, LOCK_WORK };
const char *lock_kind_name(enum lock_kind k); /* "mutex", "rwsem", … */

struct lock_wait {
	enum lock_kind kind;
	uint64_t lock_va;   /* of the lock, or of the completion */
	uint64_t waiter_va; /* on the task's stack */
	uint64_t owner_va;  /* the task that holds it, or that runs the work; 0: not known */
	bool readers; /* it is held by readers: .owner_va is one of them, perhaps gone since */
	const char *owner_unknown; /* why, in words; NULL: it is known */
	bool damaged;		   /* it should say who holds it, and does not */
	uint64_t work_fn;	   /* LOCK_WORK: the function of the work that runs; 0: not known */
};

struct lock_sleeper {
	uint64_t stack, end, task_va;
};

/* All tasks with their stacks: asked for each waiter. Zero it first. */
struct lock_waits {
	struct target *t;
	VEC(struct lock_sleeper) sleeper; /* by stack, ascending */
	unsigned unread; /* tasks, and what else of all of them, that could not be read */
	struct err *first_unread;
};

/* What cannot be read is counted: who waits may be missing then, and so may who holds. */
struct err *lock_waits_init(struct lock_waits *w, struct target *t) MUST_CHECK;
void lock_waits_deinit(struct lock_waits *w);
#define scoped_lock_waits __attribute__((cleanup(lock_waits_deinit)))

/* Counts @err, which is taken, as .unread and gives back what must end it all. */
struct err *lock_waits_set_aside(struct lock_waits *w, struct err *err) MUST_CHECK;

/* What was counted, in words: the caller's. NULL: all could be read. */
struct err *lock_waits_take_unread(struct lock_waits *w) MUST_CHECK;

/* ERR_NOT_FOUND: no function of its backtrace waits for one of these. ERR_FORMAT: one does, but
 * nothing on its stack says for which. */
struct err *lock_wait_find(const struct lock_waits *w, const struct task *task,
	const struct trace *trace, struct lock_wait *ret) MUST_CHECK;

#endif
