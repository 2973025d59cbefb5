/* Chooses the frame that is meant. */
#include "analyzer/shell/current_frame.h"

struct err *current_frame(
	struct cx *cx, struct task *ret_task, struct trace *ret_trace, size_t *ret_n)
{
	const struct selected_frame *chosen =
		cx->session ? session_selected_frame(cx->session) : NULL;
	struct task task;
	struct trace trace;
	struct err *err = current_task(cx, &task);
	if (!err)
		err = trace_task(cx->target, &task, cx->arena, &trace);
	if (err)
		return err;
	if (!trace.nframes)
		return err_new(ERR_MISSING, "pid %u has no kernel frames: %s", task.pid, trace.end);
	bool ours = chosen && chosen->task_va == task.va && chosen->n < trace.nframes;
	*ret_task = task;
	*ret_trace = trace;
	*ret_n = ours ? chosen->n : 0;
	return NULL;
}

void current_frame_select(struct cx *cx, const struct task *task, size_t n)
{
	if (cx->session)
		*session_selected_frame(cx->session) = (struct selected_frame){ task->va, n };
}
