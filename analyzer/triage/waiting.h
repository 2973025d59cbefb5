/* Tasks that sleep uninterruptibly: for how long, in which function, for which lock, and who holds
 * that. */
#ifndef ANALYZER_TRIAGE_WAITING_H
#define ANALYZER_TRIAGE_WAITING_H

#include "analyzer/base/vec.h"
#include "analyzer/stack/lock_wait.h"
#include "analyzer/triage/calls.h"

struct waiting {
	struct task task;
	struct calls *calls; /* the arena's; no calls where the stack cannot be walked */
	bool has_lock;
	struct lock_wait lock;
	const char *no_lock; /* why it is not known what for; NULL: for none of these locks */
	bool has_since;
	uint64_t since_ns; /* how long it has not run, by its CPU's clock */
	size_t owner;	   /* number of the waiting task that holds .lock; SIZE_MAX: none of them */
	bool in_circle;	   /* following .owner leads back to it */
};

struct waiting_tasks {
	struct target *t;
	struct arena *a;
	struct lock_waits locks;
	VEC(struct waiting) v;
	uint64_t now_ns; /* the newest of the run queues' clocks */
};

/* Zero it first. What cannot be read (tasks, clocks, times) is counted in .locks.unread. */
struct err *waiting_read(struct waiting_tasks *w, struct target *t, struct arena *a) MUST_CHECK;
void waiting_deinit(struct waiting_tasks *w);
#define scoped_waiting __attribute__((cleanup(waiting_deinit)))

/* What any one task waits for, whatever its state. */
struct err *waiting_one(
	struct waiting_tasks *w, const struct task *task, struct waiting *ret) MUST_CHECK;

/* TASK_UNINTERRUPTIBLE, and not one of those that idle so (TASK_IDLE): include/linux/sched.h. */
bool waiting_is_blocked(const struct task *task);

/* Why it is not known where the chain of owners from number @i ends, in words: some task in it
 * waits for what could not be found out, and so a circle may be behind it. NULL: it is known. */
const char *waiting_doubt(const struct waiting_tasks *w, size_t i);

/* Follows owners from number @i: when that leads back to it, *ret_last is the one of the circle
 * that has waited least and so closed it. */
bool waiting_circle(const struct waiting_tasks *w, size_t i, size_t *ret_last);

#endif
