/*
 * The frame of the current task that a command is about when none was named: what frame, up or down
 * chose, as long as it is still that task; else the innermost one.
 */
#ifndef ANALYZER_SHELL_CURRENT_FRAME_H
#define ANALYZER_SHELL_CURRENT_FRAME_H

#include "analyzer/shell/current_task.h"
#include "analyzer/stack/trace.h"

/* *ret_trace: the current task's, in the command's arena; it has at least *ret_n + 1 frames.
 * ERR_MISSING when the task has none (it was in user mode, its stack is gone). */
struct err *current_frame(
	struct cx *cx, struct task *ret_task, struct trace *ret_trace, size_t *ret_n) MUST_CHECK;

/* From now on frame @n of @task, which is the current one. */
void current_frame_select(struct cx *cx, const struct task *task, size_t n);

#endif
