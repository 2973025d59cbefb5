/* foreach: one command for many tasks. */
#include "analyzer/api.h"
#include "analyzer/model.h"

/* The argument that begins the command; the count when there is none. */
static int find_command(struct cx *cx, const struct args *a, const struct command **ret)
{
	for (int i = 0; i < args_count(a); i++) {
		struct err *err = session_find_command(cx->session, args_get(a, i), ret);
		bool found = !err && (*ret)->complete && !strcmp((*ret)->complete, "task");
		err_drop(err); /* then it chooses tasks */
		if (found)
			return i;
	}
	return args_count(a);
}

static struct err *select_tasks(const struct args *a, int n, struct task_select *s)
{
	struct err *err = NULL;
	for (int i = 0; !err && i < n; i++) {
		if (task_select_keyword(s, args_get(a, i)))
			continue;
		err = task_select_add(s, args_get(a, i));
		if (err)
			err = args_point(a, i, 0, err);
	}
	return err;
}

static struct err *run_for(struct cx *cx, const char *command, const struct task *task)
{
	scoped_strbuf struct strbuf text = { 0 };
	strbuf_addf(&text, "%s 0x%llx", command, (unsigned long long)task->va);
	return session_run_inside(cx, strbuf_text(&text));
}

static struct err *run_all(struct cx *cx, const char *command, struct task_select *s)
{
	struct task_iter it;
	bool more = true;
	struct err *err = task_iter_init(&it, cx->target);
	while (!err && more) {
		struct task task;
		bool wanted = false;
		err = task_iter_next(&it, &task, &more);
		if (!err && more)
			err = task_select_wants(s, cx->target, &task, &wanted);
		if (!err && wanted)
			err = run_for(cx, command, &task);
		if (err && more && err->code != ERR_INTERRUPTED && err->code != ERR_USAGE) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}

static struct err *foreach_run(struct cx *cx, const struct args *a)
{
	scoped_task_select struct task_select s = { 0 };
	const struct command *c = NULL;
	const char *unmet;
	struct err *err = target_need_kernel(cx->target);
	int at = find_command(cx, a, &c);
	if (!err && (at == args_count(a) || !strcmp(c->name, "set")))
		err = args_error(
			a, at, "a command that takes a task is missing: bt, vm, task, sig or ps");
	if (!err)
		err = select_tasks(a, at, &s);
	if (!err)
		err = run_all(cx, args_rest(a, at), &s);
	for (size_t i = 0; !err && (unmet = task_select_unmet(&s, &i));)
		out_complain(cx->out, err_new(ERR_NOT_FOUND, "no task is %s", unmet));
	return err;
}

static const char *const foreach_examples[] = {
	"foreach bt\tbacktraces of all tasks",
	"foreach user bt -l\tof user tasks, with lines",
	"foreach UN bt\tof those in uninterruptible sleep",
	"foreach /kworker/ kernel task -R comm,pid\tby name",
	NULL,
};

const struct command cmd_foreach = {
	.name = "foreach",
	.summary = "run bt, vm, task, sig or ps for many tasks",
	.usage = "[PID|TASK|COMM|/REGEX/|kernel|user|active|gleader|STATE…] COMMAND [ARGUMENT…]",
	.details = "Names and numbers add up; a state (RU IN UN ST TR ZO DE PA ID, or ps's "
		   "letter), kernel, "
		   "user, active and gleader narrow them down. Without any of them: all tasks.",
	.examples = foreach_examples,
	.min_args = 1,
	.max_args = -1,
	.expression = true,
	.complete = "command",
	.run = foreach_run,
};
