/*
 * The task that a command is about when none was named: what `set` chose, else the one that
 * panicked, else what CPU 0 was doing.
 */
#ifndef ANALYZER_SHELL_CURRENT_TASK_H
#define ANALYZER_SHELL_CURRENT_TASK_H

#include "analyzer/kernel/task.h"
#include "analyzer/shell/command.h"

struct err *current_task(struct cx *cx, struct task *ret) MUST_CHECK;

/* The same as if nothing had been chosen. */
struct err *first_task(struct cx *cx, struct task *ret) MUST_CHECK;

/* Calls @show for each task that the arguments name, or without any for the current one. What is
 * wrong with one is complained about, and the next follows. */
typedef struct err *(*each_task_fn)(struct cx *cx, const struct args *a, const struct task *task);
struct err *each_named_task(struct cx *cx, const struct args *a, each_task_fn show) MUST_CHECK;

#endif
