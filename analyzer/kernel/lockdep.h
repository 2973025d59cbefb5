/*
 * Lockdep's own account of the locks that tasks hold (CONFIG_LOCKDEP). A task notes a lock when it
 * asks for it, so that the last one may be what it still waits for.
 */
#ifndef ANALYZER_KERNEL_LOCKDEP_H
#define ANALYZER_KERNEL_LOCKDEP_H

#include "analyzer/kernel/task.h"

enum { LOCKDEP_DEPTH_MAX = 48 /* include/linux/sched.h, 4.19 to 7.2: MAX_LOCK_DEPTH */ };

/* Variables that all tasks share. */
struct lockdep {
	struct target *t;
	bool off; /* it found a fault and noted nothing since: lists may be old */
	uint64_t classes_va, classes_bytes;
};

/* ERR_MISSING: this kernel has no lockdep. */
struct err *lockdep_init(struct lockdep *l, struct target *t) MUST_CHECK;

struct lockdep_held {
	uint64_t va;	     /* the struct held_lock */
	uint64_t map_va;     /* the lock's struct lockdep_map, a member of the lock */
	uint64_t acquire_va; /* code that asked for it */
	char name[64];	     /* as the kernel prints it, with "#2" and "/1" of its class; "": none
				can be read */
	unsigned references; /* of one that was taken again and again; else 0 */
	bool shared;	     /* for reading */
	bool tried;	     /* by trylock: it has not waited */
};

struct lockdep_locks {
	struct lockdep_held held[LOCKDEP_DEPTH_MAX]; /* in the order of asking */
	uint32_t n;
	bool cut; /* the count in the task was more than can be: none was read */
};

/* A lock whose name or class cannot be read is told with what can. Errors are about the task. */
struct err *lockdep_read(
	const struct lockdep *l, const struct task *task, struct lockdep_locks *ret) MUST_CHECK;

#endif
