/* The registers that a task's backtrace starts from, and where they were found. */
#ifndef ANALYZER_STACK_TASK_REGS_H
#define ANALYZER_STACK_TASK_REGS_H

#include "analyzer/kernel/task.h"

struct task_regs {
	struct regs regs;
	bool exact;         /* pc is where it was; else it is a return address */
	bool sp_unknown;    /* the stack pointer was lost: it has to be searched for */
	const char *source; /* "switch context", "CPU note", "CPU note, through an exception vector" */
};

/* Whether @task is what its CPU was running. */
bool task_is_running(struct target *t, const struct task *task);

/* A running task's come from its CPU's NT_PRSTATUS, another's from what the scheduler saved. ERR_MISSING
 * when it ran and the dump has no note for its CPU. */
struct err *task_regs_read(struct target *t, const struct task *task, struct task_regs *ret)
	MUST_CHECK;

/* NT_PRSTATUS registers of @cpu: the note's position among its kind is the CPU's among the present
 * ones; where notes are missing, the one whose pid and stack pointer fit what the CPU was running. */
struct err *cpu_note_regs(struct target *t, unsigned cpu, struct regs *ret) MUST_CHECK;

#endif
