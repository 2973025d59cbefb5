/* frame, up, down: the current task's frame that locals and the like are about. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column frame_columns[] = { { "pid" }, { "task" }, { "cpu" },
	{ "comm", .title = "COMMAND" }, { "frames", .list = &frame_rows_table }, { 0 } };
static const struct table frame_table = { .layout = LAYOUT_HEADLINE, .columns = frame_columns };

static const struct option no_options[] = { { 0 } };

static struct err *show(struct cx *cx, const struct task *task, struct trace *trace, size_t n)
{
	const struct frame_style style = { .lines = true, .inlined = true, .all_regs = true };
	current_frame_select(cx, task, n);
	cfi_fill_registers(cx->target, task, trace);
	out_table(cx->out, &frame_table);
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
	out_list_begin(cx->out, "frames");
	frame_rows_show(cx, task, trace, n, style);
	out_list_end(cx->out);
	return NULL;
}

static struct err *frame_run(struct cx *cx, const struct args *a)
{
	struct task task;
	struct trace trace;
	uint64_t wanted;
	size_t n;
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = current_frame(cx, &task, &trace, &n);
	if (!err && args_count(a)) {
		err = args_uint(a, 0, &wanted);
		if (!err && wanted >= trace.nframes)
			err = args_error(
				a, 0, "pid %u has frames 0 to %zu", task.pid, trace.nframes - 1);
		n = (size_t)wanted;
	}
	return err ? err : show(cx, &task, &trace, n);
}

/* By @direction frames times the argument; where there are no more, as far as there are, unless the
 * selected one is the last already. */
static struct err *move(struct cx *cx, const struct args *a, bool up)
{
	struct task task;
	struct trace trace;
	uint64_t by = 1;
	size_t n;
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = current_frame(cx, &task, &trace, &n);
	if (!err && args_count(a))
		err = args_uint(a, 0, &by);
	if (err)
		return err;
	size_t room = up ? trace.nframes - 1 - n : n;
	if (by && !room)
		return err_new(ERR_NOT_FOUND,
			up ? "frame %zu is the outermost one" : "frame %zu is the innermost one",
			n);
	size_t step = by < room ? (size_t)by : room;
	return show(cx, &task, &trace, up ? n + step : n - step);
}

static struct err *up_run(struct cx *cx, const struct args *a)
{
	return move(cx, a, true);
}

static struct err *down_run(struct cx *cx, const struct args *a)
{
	return move(cx, a, false);
}

static const char *const frame_examples[] = {
	"frame\tthe selected frame, at first the innermost one",
	"frame 3\tfrom now on frame 3, as bt numbers them",
	NULL,
};

const struct command cmd_frame = {
	.name = "frame",
	.summary = "show or choose a frame of the current task",
	.usage = "[N]",
	.details = "Shows its function, with what was inlined into it, its line, and the registers "
		   "that are "
		   "known there. bt numbers the frames; set chooses the task.",
	.options = no_options,
	.examples = frame_examples,
	.max_args = 1,
	.run = frame_run,
};

const struct command cmd_up = {
	.name = "up",
	.summary = "choose the frame that called the selected one",
	.usage = "[COUNT]",
	.options = no_options,
	.max_args = 1,
	.run = up_run,
};

const struct command cmd_down = {
	.name = "down",
	.summary = "choose the frame that the selected one called",
	.usage = "[COUNT]",
	.options = no_options,
	.max_args = 1,
	.run = down_run,
};
