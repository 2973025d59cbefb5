/*
 * Which tasks a person means: by pid, task_struct address, command name or /regular expression/,
 * and narrowed down to a state, kernel threads, user tasks, group leaders, those that were running,
 * a CPU or a policy. Names and numbers add up (any of them will do); the rest must all hold.
 */
#ifndef ANALYZER_KERNEL_TASK_SELECT_H
#define ANALYZER_KERNEL_TASK_SELECT_H

#include <regex.h>

#include "analyzer/base/vec.h"
#include "analyzer/kernel/task.h"

struct task_wish {
	const char *text;		   /* borrowed, as typed */
	bool by_pid, by_address, by_regex; /* none of them: by name */
	uint64_t number;
	regex_t regex;
	bool met; /* some task was what it asks for */
};

struct task_select {
	VEC(struct task_wish *) wishes;
	uint32_t states; /* bit i: the i-th letter of "RSDTtXZPI"; 0: any */
	bool kernel, user, active, leaders;
	bool by_cpu, by_policy;
	struct cpu_mask cpus;
	uint32_t policy;
};

void task_select_deinit(struct task_select *s);

/* A pid in decimal, an address (0x…, or hex too large for a pid), /regex/, or else a name. @text is
 * borrowed. ERR_USAGE for a wrong expression. */
struct err *task_select_add(struct task_select *s, const char *text) MUST_CHECK;

/* The words that foreach has: "kernel", "user", "active", "gleader", a state as crash ("RU", "IN",
 * "UN") or ps has it. False when @text is none of them. */
bool task_select_keyword(struct task_select *s, const char *text);

/* Whether @task is meant. An error is about reading what decides it. */
struct err *task_select_wants(
	struct task_select *s, struct target *t, const struct task *task, bool *ret) MUST_CHECK;

/* The next wish, from *io_i on, that no task has met; NULL when there is none. */
const char *task_select_unmet(const struct task_select *s, size_t *io_i);

/* A kernel thread, not a process whose user space is gone. */
bool task_is_kernel(const struct task *task);

/* Whether its CPU's run queue had it as curr. */
bool task_is_current(struct target *t, const struct task *task);

#define scoped_task_select __attribute__((cleanup(task_select_deinit)))

#endif
