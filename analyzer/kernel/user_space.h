/* Address spaces of user processes. */
#ifndef ANALYZER_KERNEL_USER_SPACE_H
#define ANALYZER_KERNEL_USER_SPACE_H

#include "analyzer/kernel/task.h"

/* @task's user space, through its mm's pgd; the caller destroys it. ERR_MISSING for a kernel
 * thread. */
struct err *user_space_open(
	struct target *t, const struct task *task, struct vspace **ret) MUST_CHECK;

#endif
