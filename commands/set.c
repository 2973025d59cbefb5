/* set: the session's current task, and how the session shows things. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column set_columns[] = { { "pid" }, { "comm", .title = "COMMAND" }, { "task" },
	{ "cpu" }, { "state" }, { "note" }, { 0 } };
static const struct table set_table = { .layout = LAYOUT_RECORD, .columns = set_columns };

static const struct option set_options[] = { { 'p', NULL, "back to the task that panicked" },
	{ 'c', "CPU", "to the task that this CPU was running" },
	{ 'v', NULL, "what else can be set, and how it is" }, { 0 } };

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

/* ---- settings ---------------------------------------------------------------------------- */

static const struct column setting_columns[] = { { "setting", .width = 10 },
	{ "value", .width = 6 }, { "meaning" }, { 0 } };
static const struct table setting_table = { .layout = LAYOUT_LINES, .columns = setting_columns };

struct setting {
	const char *name, *meaning, *values; /* what may stand behind the name, for a complaint */
	void (*show)(struct cx *cx, struct strbuf *b);
	bool (*set)(struct cx *cx, const char *value); /* false: not such a value */
};

static bool is_on(const char *value, bool *ret)
{
	*ret = !strcmp(value, "on");
	return *ret || !strcmp(value, "off");
}

static void show_scroll(struct cx *cx, struct strbuf *b)
{
	strbuf_add(b, session_paged(cx->session) ? "on" : "off");
}

static bool set_scroll(struct cx *cx, const char *value)
{
	bool on;
	if (!is_on(value, &on))
		return false;
	session_set_paged(cx->session, on);
	return true;
}

static void show_radix(struct cx *cx, struct strbuf *b)
{
	strbuf_add(b, session_settings(cx->session)->hex ? "16" : "10");
}

static bool set_radix(struct cx *cx, const char *value)
{
	bool hex = !strcmp(value, "16") || !strcmp(value, "hex");
	if (!hex && strcmp(value, "10") && strcmp(value, "dec"))
		return false;
	session_settings(cx->session)->hex = hex;
	return true;
}

static void show_print_max(struct cx *cx, struct strbuf *b)
{
	unsigned n = session_settings(cx->session)->max_elements;
	if (n)
		strbuf_addf(b, "%u", n);
	else
		strbuf_add(b, "default");
}

static bool set_print_max(struct cx *cx, const char *value)
{
	uint64_t n;
	if (!number_parse(value, &n) || !n || n > UINT32_MAX)
		return false;
	session_settings(cx->session)->max_elements = (unsigned)n;
	return true;
}

static const struct setting settings[] = {
	{ "scroll", "long answers at the prompt go through a pager", "on or off", show_scroll,
		set_scroll },
	{ "radix", "integers of p, struct, list, tree and locals", "10 or 16", show_radix,
		set_radix },
	{ "print_max", "elements of an array that are shown", "a number", show_print_max,
		set_print_max },
};

static void show_setting(struct cx *cx, const struct setting *s)
{
	scoped_strbuf struct strbuf value = { 0 };
	s->show(cx, &value);
	out_row(cx->out);
	out_str(cx->out, "setting", s->name);
	out_str(cx->out, "value", strbuf_text(&value));
	out_str(cx->out, "meaning", s->meaning);
}

static const struct setting *find_setting(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (!strcmp(settings[i].name, name))
			return &settings[i];
	return NULL;
}

/* "scroll [on|off]", as crash has it. */
static struct err *set_setting(struct cx *cx, const struct args *a, const struct setting *s)
{
	const char *value = args_get(a, 1);
	if (value && !s->set(cx, value))
		return args_error(a, 1, "%s is %s, not %s", s->name, s->values, value);
	out_table(cx->out, &setting_table);
	show_setting(cx, s);
	return NULL;
}

static struct err *show_settings(struct cx *cx)
{
	out_table(cx->out, &setting_table);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		show_setting(cx, &settings[i]);
	return NULL;
}

static struct err *set_run(struct cx *cx, const struct args *a)
{
	struct task task;
	const struct setting *s = args_count(a) ? find_setting(args_get(a, 0)) : NULL;
	if (s)
		return set_setting(cx, a, s);
	if (args_flag(a, 'v'))
		return show_settings(cx);
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
	"set radix 16\tintegers in hexadecimal; also as hex, and back as dec",
	NULL,
};

const struct command cmd_set = {
	.name = "set",
	.summary = "show or choose the task that commands are about when none is named",
	.usage = "[PID|TASK | SETTING [VALUE]]",
	.details = "At first it is the task that panicked; of a machine that did not, what CPU 0 "
		   "was doing.",
	.options = set_options,
	.examples = set_examples,
	.max_args = 2,
	.complete = "task",
	.run = set_run,
};
