/* set: the session's current task. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column set_columns[] = { { "pid" }, { "comm", .title = "COMMAND" }, { "task" },
	{ "cpu" }, { "state" }, { "note" }, { 0 } };
static const struct table set_table = { .layout = LAYOUT_RECORD, .columns = set_columns };

static const struct option set_options[] = { { 'p', NULL, "back to the task that panicked" },
	{ 'c', "CPU", "to the task that this CPU was running" }, { 0 } };

static void show(struct cx *cx, const struct task *task)
{
	struct task panicking;
	unsigned cpu;
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
	out_addr(cx->out, "task", task->va);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_str(cx->out, "state", task_state_name(task));
	struct err *err = task_panicking(cx->target, &panicking, &cpu);
	if (!err && panicking.va == task->va)
		out_str(cx->out, "note", "it panicked");
	else if (task_is_current(cx->target, task))
		out_str(cx->out, "note", "it was running");
	err_drop(err); /* nobody panicked, which is no news here */
}

/* Keeps what is no task at all from being chosen by a wrong address. */
static struct err *check_task(struct cx *cx, const struct task *task)
{
	struct task leader;
	struct err *err = task_read(cx->target, task->group_leader, &leader);
	if (!err && leader.tgid != task->tgid)
		err = err_new(ERR_FORMAT, "its group leader is of another process");
	return err_wrap(err, "0x%llx is no task", (unsigned long long)task->va);
}

static struct err *chosen_task(struct cx *cx, const struct args *a, struct task *ret)
{
	uint64_t cpu;
	if (args_flag(a, 'p'))
		return first_task(cx, ret);
	if (args_option(a, 'c')) {
		struct err *err = args_option_uint(a, 'c', 0, &cpu);
		if (!err && cpu >= CPUS_MAX)
			err = err_new(ERR_USAGE, "there is no CPU %llu", (unsigned long long)cpu);
		return err ? err : task_current(cx->target, (unsigned)cpu, ret);
	}
	if (!args_count(a))
		return current_task(cx, ret);
	struct err *err = arg_task(cx, a, 0, ret);
	return err ? err : check_task(cx, ret);
}

static const struct column scroll_columns[] = { { "scroll" }, { 0 } };
static const struct table scroll_table = { .layout = LAYOUT_RECORD, .columns = scroll_columns };

/* "scroll [on|off]", as crash has it. */
static struct err *set_scroll(struct cx *cx, const struct args *a)
{
	const char *word = args_get(a, 1);
	bool on = word && !strcmp(word, "on");
	if (word && !on && strcmp(word, "off"))
		return args_error(a, 1, "scroll is on or off, not %s", word);
	if (word)
		session_set_paged(cx->session, on);
	out_table(cx->out, &scroll_table);
	out_row(cx->out);
	out_str(cx->out, "scroll", session_paged(cx->session) ? "on" : "off");
	return NULL;
}

static struct err *set_run(struct cx *cx, const struct args *a)
{
	struct task task;
	if (args_count(a) && !strcmp(args_get(a, 0), "scroll"))
		return set_scroll(cx, a);
	if (args_count(a) > 1)
		return args_error(a, 1, "one argument too many");
	struct err *err = target_need_kernel(cx->target);
	if (!err && args_count(a) + args_flag(a, 'p') + (args_option(a, 'c') != NULL) > 1)
		err = err_new(ERR_USAGE, "a task, -p or -c: one of them");
	if (!err)
		err = chosen_task(cx, a, &task);
	if (err)
		return err;
	if (args_flag(a, 'p'))
		session_set_task_va(cx->session, 0);
	else if (args_count(a) || args_option(a, 'c'))
		session_set_task_va(cx->session, task.va);
	out_table(cx->out, &set_table);
	show(cx, &task);
	return NULL;
}

static const char *const set_examples[] = {
	"set\tthe current task",
	"set 1\tfrom now on pid 1",
	"set -c 1\twhat CPU 1 was running",
	"set -p\tback to the task that panicked",
	"set scroll off\tno pager at the prompt",
	NULL,
};

const struct command cmd_set = {
	.name = "set",
	.summary = "show or choose the task that commands are about when none is named",
	.usage = "[PID|TASK | scroll [on|off]]",
	.details = "At first it is the task that panicked; of a machine that did not, what CPU 0 "
		   "was doing.",
	.options = set_options,
	.examples = set_examples,
	.max_args = 2,
	.complete = "task",
	.run = set_run,
};
