/* The registers that a task's backtrace starts from, and where they were found. */
#ifndef ANALYZER_STACK_TASK_REGS_H
#define ANALYZER_STACK_TASK_REGS_H

#include "analyzer/kernel/task.h"

struct task_regs {
	struct regs regs;
	bool exact;	    /* pc is where it was; else it is a return address */
	bool sp_unknown;    /* the stack pointer was lost: it has to be searched for */
	bool guess;	    /* nothing says what the CPU had: the stack was searched */
	const char *source; /* "switch context", "CPU note", "CPU note, through an exception
			     * vector", "a guess: …" */
};

/* Whether @task is what its CPU was running. */
bool task_is_running(struct target *t, const struct task *task);

/* A running task's are its CPU's: the first of cpu_regs_list(), else a guess by its stack.
 * Another's are what the scheduler saved. ERR_MISSING when it ran, nothing says its CPU's
 * registers, and its stack has nothing either. */
struct err *task_regs_read(
	struct target *t, const struct task *task, struct task_regs *ret) MUST_CHECK;

/* What somebody says that a CPU's registers were when the dump was made; the first is believed. */
enum { CPU_REGS_MAX = 3 };
struct cpu_regs {
	struct regs regs;
	const char *source; /* "the given file", "CPU note", "CPU note, as in crash_notes",
			       "crash_notes" */
};
size_t cpu_regs_list(struct target *t, unsigned cpu, struct cpu_regs ret[CPU_REGS_MAX]);

/*
 * regs_guess.c: where @task, which ran, may have been, by its stacks: the caller of panic() or of
 * what stops a CPU, else an exception frame, else where it last slept. False: there is nothing.
 */
bool regs_guess(struct target *t, const struct task *task, struct task_regs *ret);

/* What the scheduler saved of a task that does not run; of one that does, when it last slept. */
struct err *task_saved_regs(
	struct target *t, const struct task *task, struct task_regs *ret) MUST_CHECK;

/* NT_PRSTATUS registers of @cpu: the note that is a copy of the CPU's crash_notes; else the note's
 * position among its kind is the CPU's among the present ones; where notes are missing, the one
 * whose pid and stack pointer fit what the CPU was running. */
struct err *cpu_note_regs(struct target *t, unsigned cpu, struct regs *ret) MUST_CHECK;

#endif
