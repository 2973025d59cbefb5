/* Tasks: every process and thread, the idle tasks, and which task a CPU was running. */
#ifndef ANALYZER_KERNEL_TASK_H
#define ANALYZER_KERNEL_TASK_H

#include "analyzer/kernel/list.h"
#include "analyzer/kernel/percpu.h"

enum { TASK_CPU_UNKNOWN = INT32_MAX };

struct task {
	uint64_t va;
	uint32_t pid, tgid;
	char comm[16]; /* as in the dump: terminated unless damaged */
	uint64_t state;
	uint32_t exit_state, flags;
	uint32_t cpu;	 /* where it runs or last ran; TASK_CPU_UNKNOWN when its stack is gone */
	uint32_t on_cpu; /* not 0: running (always 0 on kernels for one CPU) */
	uint64_t stack;	 /* lowest address of its kernel stack */
	uint64_t mm;	 /* 0: kernel thread */
	uint64_t active_mm;
	uint64_t real_parent, group_leader, signal;
	uint64_t tasks_va, thread_node_va; /* its list nodes */
	int32_t prio;
};

struct err *task_read(struct target *t, uint64_t va, struct task *ret) MUST_CHECK;

/* "R", "S", "D", "T", "t", "X", "Z", "P", "I": /proc/PID/status' letters. */
const char *task_state_letter(const struct task *task);

/* A name length for printing: comm may lack its terminator. */
int task_comm_length(const struct task *task);

/*
 * Idle tasks of all possible CPUs, then each process with its threads behind it. An error that
 * comes with *ret_more true concerns one task only: the walk goes on.
 */
struct task_iter {
	struct target *t;
	struct cpu_mask cpus;
	bool mask_failed; /* that is still to be reported */
	unsigned idle_cpu;
	uint64_t init_task;
	struct list_iter leaders, threads;
	bool in_threads;
	uint64_t leader, leader_signal; /* the latter 0: its threads are being walked */
};

struct err *task_iter_init(struct task_iter *it, struct target *t) MUST_CHECK;
struct err *task_iter_next(struct task_iter *it, struct task *ret, bool *ret_more) MUST_CHECK;

/* The task that @cpu was running: its run queue's curr (kernel/sched/sched.h, struct rq). */
struct err *task_current(struct target *t, unsigned cpu, struct task *ret) MUST_CHECK;

/* Idle tasks share pid 0: that is CPU 0's. ERR_NOT_FOUND. */
struct err *task_find_pid(struct target *t, uint32_t pid, struct task *ret) MUST_CHECK;

/* Whose task_struct or kernel stack holds an address. */
struct task_place {
	struct task task;
	bool in_stack;
	uint64_t offset; /* from the start of the one or the other */
};

/* @va may have a tag. ERR_NOT_FOUND: no task's that can be read. Where the size of a task_struct is
 * not known, only stacks are. */
struct err *task_holding(struct target *t, uint64_t va, struct task_place *ret) MUST_CHECK;

/* A task as people name it: a pid in decimal, or the address of its task_struct (0x…, or hex too
 * large for a pid). ERR_USAGE when @text is neither, ERR_NOT_FOUND when there is no such task. */
struct err *task_parse(struct target *t, const char *text, struct task *ret) MUST_CHECK;

/* THREAD_SIZE, a power of two. */
struct err *task_stack_bytes(struct target *t, uint64_t *ret) MUST_CHECK;

/* The kernel's own word for the panicking CPU, panic_cpu (kernel/panic.c, since v4.5):
 * ERR_NOT_FOUND when nobody panicked; any other error: it is not known. */
struct err *task_panic_cpu(struct target *t, unsigned *ret) MUST_CHECK;

/* The task that runs there; errors as of both. */
struct err *task_panicking(struct target *t, struct task *ret, unsigned *ret_cpu) MUST_CHECK;

#endif
