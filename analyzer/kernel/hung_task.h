/*
 * What khungtaskd knows of a task that sleeps uninterruptibly: since when its count of switches
 * has stood still, as it noted at its last round, and whether it would report it now.
 */
#ifndef ANALYZER_KERNEL_HUNG_TASK_H
#define ANALYZER_KERNEL_HUNG_TASK_H

#include "analyzer/kernel/task.h"

/* Variables that all tasks share. */
struct hung_tasks {
	struct target *t;
	uint64_t now;	    /* jiffies */
	uint64_t hz;	    /* jiffies a second */
	uint64_t timeout_s; /* sysctl_hung_task_timeout_secs; 0: it reports none */
};

/* ERR_MISSING: this kernel has no khungtaskd (CONFIG_DETECT_HUNG_TASK), or says no jiffies. */
struct err *hung_tasks_init(struct hung_tasks *h, struct target *t) MUST_CHECK;

struct hung_task {
	bool noted;	  /* it has not run since khungtaskd's round that saw it first: */
	uint64_t noted_s; /* so many seconds ago */
	bool reported;	  /* it is one that khungtaskd would report now */
};
struct err *hung_task_read(
	const struct hung_tasks *h, const struct task *task, struct hung_task *ret) MUST_CHECK;

#endif
