/* Whether all that tells which task a CPU was running agrees: its run queue, the kernel's own
 * pointer to the current task, and the stack that the CPU was on. */
#ifndef ANALYZER_STACK_CURRENT_CHECK_H
#define ANALYZER_STACK_CURRENT_CHECK_H

#include "analyzer/kernel/task.h"

/*
 * Appends what disagrees with @task, which @cpu's run queue names; nothing when all that could be
 * asked agree. @regs are the CPU's. In the middle of a switch a disagreement is no damage. Only
 * ERR_INTERRUPTED and the like are errors.
 */
struct err *current_check(struct target *t, unsigned cpu, const struct task *task,
	const struct regs *regs, struct strbuf *out) MUST_CHECK;

/* The task whose stack holds @sp: by struct thread_info at the stack's base where the kernel keeps
 * it there (ARM32 up to v5.15, sp & ~(THREAD_SIZE - 1)), else by all tasks' stacks. ERR_NOT_FOUND.
 */
struct err *task_by_stack(struct target *t, uint64_t sp, struct task *ret) MUST_CHECK;

#endif
