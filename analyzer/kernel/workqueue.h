/*
 * Workqueues: the queues, the pools of workers behind them, and the works that run or wait. Works
 * that wait for a timer first (delayed works) are timer.h's. Knows what is queued, not why.
 */
#ifndef ANALYZER_KERNEL_WORKQUEUE_H
#define ANALYZER_KERNEL_WORKQUEUE_H

#include "analyzer/base/vec.h"
#include "analyzer/kernel/list.h"

enum { WORKQUEUE_NAME_BYTES = 32 };

struct workqueue {
	uint64_t va;
	char name[WORKQUEUE_NAME_BYTES]; /* terminated; cut where the kernel's is longer */
	uint32_t flags;			 /* WQ_* of include/linux/workqueue.h */
	unsigned pools;			 /* pool_workqueues of it */
	uint64_t active, inactive;	 /* works handed to pools; works kept back by max_active */
};

struct work_pool {
	uint64_t va;
	int32_t id, cpu; /* cpu below 0: of no CPU (unbound) */
	uint32_t flags, workers, idle;
	uint64_t pending;	   /* works that no worker has begun */
	bool has_progress;	   /* and .now: jiffies are known */
	uint64_t progress_ts;	   /* jiffies when it last took up a work */
	uint64_t without_progress; /* jiffies since then, 0 where nothing is pending */
	bool stalled; /* for longer than the kernel's own watchdog allows, its pauses counted */
};

enum work_state {
	WORK_RUNNING,	/* a worker is at it */
	WORK_SCHEDULED, /* a worker has it behind the one that it runs */
	WORK_PENDING,	/* its pool has it */
	WORK_INACTIVE	/* kept back by its queue's max_active */
};
const char *work_state_name(enum work_state s); /* "running", "scheduled", … */

struct work {
	enum work_state state;
	uint64_t va, function;
	uint64_t workqueue; /* struct workqueue_struct; 0: not known */
	size_t pool;	    /* number in .pool */
	uint64_t task;	    /* of its worker; 0: none has it */
	bool has_since;
	uint64_t since; /* jiffies: running since (kernels that keep it: v7.1) */
};

struct workqueues {
	VEC(struct workqueue) queue;
	VEC(struct work_pool) pool; /* by number */
	VEC(struct work) work;	    /* by pool; running, scheduled, pending, inactive ones */
	bool has_now;
	uint64_t now, hz;   /* jiffies and their number in a second; hz 0: not known */
	uint64_t threshold; /* wq_watchdog_thresh, seconds; 0: the watchdog is off or not there */
	unsigned unread;    /* parts that could not be read */
	struct err *first_unread; /* why, for the first of them */
};

/* Zero it first. What was read before an error is there. */
struct err *workqueues_read(struct target *t, struct workqueues *ret) MUST_CHECK;
void workqueues_deinit(struct workqueues *w);
#define scoped_workqueues __attribute__((cleanup(workqueues_deinit)))

/* The queue at @va; NULL. */
const struct workqueue *workqueues_find(const struct workqueues *w, uint64_t va);

#endif
