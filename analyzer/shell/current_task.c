/* Chooses the task that is meant. */
#include "analyzer/shell/current_task.h"

#include "analyzer/shell/arg_types.h"

struct err *first_task(struct cx *cx, struct task *ret)
{
	unsigned cpu;
	struct err *err = task_panicking(cx->target, ret, &cpu);
	if (err && err->code == ERR_FORMAT)
		target_warn(cx->target, "%s; the first task is taken from CPU 0", err->msg);
	if (err && (err->code == ERR_NOT_FOUND || err->code == ERR_FORMAT)) {
		err_drop(err); /* nobody panicked, or that cannot be told, which was said */
		err = task_current(cx->target, 0, ret);
	}
	return err;
}

struct err *current_task(struct cx *cx, struct task *ret)
{
	uint64_t va = cx->session ? session_task_va(cx->session) : 0;
	return va ? task_read(cx->target, va, ret) : first_task(cx, ret);
}

struct err *each_named_task(struct cx *cx, const struct args *a, each_task_fn show)
{
	struct task task;
	struct err *err = NULL;
	if (!args_count(a)) {
		err = current_task(cx, &task);
		return err ? err : show(cx, a, &task);
	}
	for (int i = 0; i < args_count(a); i++) {
		err = arg_task(cx, a, i, &task);
		if (!err)
			err = show(cx, a, &task);
		if (err && (err->code == ERR_USAGE || err->code == ERR_INTERRUPTED))
			return err;
		if (err)
			out_complain(cx->out, err);
	}
	return NULL;
}
