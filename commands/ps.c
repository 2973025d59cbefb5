/* ps: every task. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column ps_columns[] = {
	{ "current", .title = "", .width = 1 },
	{ "pid", .width = 7, .align = ALIGN_RIGHT },
	{ "tgid", .hidden = true },
	{ "ppid", .width = 7, .align = ALIGN_RIGHT },
	{ "cpu", .width = 4, .align = ALIGN_RIGHT },
	{ "task", .width = WIDTH_ADDRESS },
	{ "state", .title = "ST", .width = 2 },
	{ "kernel", .hidden = true },
	{ "comm" },
	{ 0 }
};
static const struct table ps_table = { .layout = LAYOUT_TABLE, .columns = ps_columns };

static const struct option ps_options[] = {
	{ 'k', NULL, "kernel threads only" },
	{ 'u', NULL, "user tasks only" },
	{ 'G', NULL, "thread group leaders only" },
	{ 0 }
};

enum { PF_KTHREAD = 0x00200000 }; /* include/linux/sched.h, the same from 4.19 to 7.3 */

static bool wanted(const struct args *a, const struct task *task)
{
	bool is_kernel = task->flags & PF_KTHREAD;
	bool any = !args_count(a);
	for (int i = 0; i < args_count(a) && !any; i++) {
		uint64_t pid;
		any = (number_parse(args_get(a, i), &pid) && pid == task->pid) ||
			(strlen(args_get(a, i)) == (size_t)task_comm_length(task) &&
				!strncmp(args_get(a, i), task->comm, sizeof(task->comm)));
	}
	return any && !(args_flag(a, 'k') && !is_kernel) && !(args_flag(a, 'u') && is_kernel) &&
		!(args_flag(a, 'G') && task->pid != task->tgid);
}

/* The parent's pid: real_parent's thread group, as getppid() gives. */
static void show_parent(struct cx *cx, const struct task *task)
{
	struct task parent;
	struct err *err = task_read(cx->target, task->real_parent, &parent);
	if (err)
		out_fault(cx->out, "ppid", err);
	else
		out_uint(cx->out, "ppid", parent.tgid);
}

static void show_task(struct cx *cx, const struct task *task)
{
	out_row(cx->out);
	out_str(cx->out, "current", task_is_running(cx->target, task) ? ">" : "");
	out_uint(cx->out, "pid", task->pid);
	out_uint(cx->out, "tgid", task->tgid);
	show_parent(cx, task);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_addr(cx->out, "task", task->va);
	out_str(cx->out, "state", task_state_letter(task));
	out_bool(cx->out, "kernel", task->flags & PF_KTHREAD);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
}

static struct err *ps_run(struct cx *cx, const struct args *a)
{
	struct task_iter it;
	bool more = true;
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = task_iter_init(&it, cx->target);
	out_table(cx->out, &ps_table);
	while (!err && more) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (!err && more && wanted(a, &task))
			show_task(cx, &task);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}

static const char *const ps_examples[] = {
	"ps\tall tasks; > marks those that were running",
	"ps -u\tuser tasks",
	"ps 1 kthreadd\tby pid and by name",
	NULL,
};

const struct command cmd_ps = {
	.name = "ps",
	.summary = "tasks: pid, parent, CPU, state, name",
	.usage = "[PID|COMM…]",
	.options = ps_options,
	.examples = ps_examples,
	.max_args = -1,
	.run = ps_run,
};
