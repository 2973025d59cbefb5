/* What belongs to one task as lists of rows, for commands whose rows are tasks. */
#ifndef ANALYZER_SHELL_TASK_ROWS_H
#define ANALYZER_SHELL_TASK_ROWS_H

#include "analyzer/kernel/task.h"
#include "analyzer/shell/command.h"

/*
 * Lists "arguments" and "environment", of "string"; a task without memory of its own has a "note"
 * that says why instead.
 */
struct err *task_arguments_show(struct cx *cx, const struct task *task) MUST_CHECK;

/* List "limits", of "limit", "soft" and "hard": numbers, or "unlimited". */
struct err *task_limits_show(struct cx *cx, const struct task *task) MUST_CHECK;

#endif
