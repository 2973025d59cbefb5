/*
 * A CPU's run queue: who runs, and who waits in which class: the stopper (migration/N), deadline,
 * real time, fair (CFS, EEVDF). Tasks of extensible scheduling (v6.12) are not looked for. Group
 * scheduling is looked through: a group's tasks come as the queue's own, with their depth.
 */
#ifndef ANALYZER_KERNEL_RUNQUEUE_H
#define ANALYZER_KERNEL_RUNQUEUE_H

#include "analyzer/base/vec.h"
#include "analyzer/kernel/task.h"

enum runqueue_class { RUNQUEUE_STOP, RUNQUEUE_DEADLINE, RUNQUEUE_RT, RUNQUEUE_FAIR };

const char *runqueue_class_name(enum runqueue_class c); /* "stop", "deadline", "rt", "fair" */

struct runqueue {
	uint64_t va;
	uint32_t nr_running;
	uint64_t clock_ns;
	uint64_t curr, idle;
	uint64_t stop;			/* the task of the stop class, queued or not; 0: none */
	uint64_t fair_va, fair_tree_va; /* struct cfs_rq and its rb_root_cached */
	uint64_t rt_va, rt_array_va;	/* struct rt_rq and its rt_prio_array */
	uint64_t deadline_va, deadline_tree_va;
	uint32_t fair_running, rt_running,
		deadline_running; /* the kernel's counts, groups included */
};
struct err *runqueue_read(struct target *t, unsigned cpu, struct runqueue *ret) MUST_CHECK;

struct runqueue_entry {
	struct task task;
	unsigned depth;	   /* of groups above it */
	uint64_t vruntime; /* fair */
	uint64_t deadline; /* fair of EEVDF, deadline; 0: none */
	bool delayed; /* fair of v6.12 and later: asleep, but still to be taken off the queue */
};

/*
 * Calls @each for the entries of one class, in the order in which they are queued; the running task
 * of the fair class is not among them, as it is in no tree. One that cannot be read goes to @wrong,
 * which takes it, and the walk goes on. An error of @each, ERR_INTERRUPTED or ERR_LIMIT ends it.
 */
struct runqueue_walk {
	struct target *t;
	struct err *(*each)(void *cx, const struct runqueue_entry *e);
	void (*wrong)(void *cx, struct err *err);
	void *cx;
	uint64_t seen, groups; /* so far: this ends */
};
struct err *runqueue_each(
	struct runqueue_walk *w, const struct runqueue *rq, enum runqueue_class c) MUST_CHECK;

#endif
