/* foreach: one command for many tasks. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column who_columns[] = { { "pid" }, { "task" }, { "cpu" },
	{ "comm", .title = "COMMAND" }, { 0 } };
static const struct table who_table = { .layout = LAYOUT_HEADLINE, .columns = who_columns };

/* Commands that have no argument for a task, but are about the current one: foreach chooses it for
 * them. */
static bool is_about_current(const struct command *c)
{
	static const char *const names[] = { "set", "vtop", "search" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(c->name, names[i]))
			return true;
	return false;
}

/* One command of several, as typed. */
struct part {
	const struct command *command;
	int first; /* argument */
	const char *text;
};

/* The command that @word names, when it can be run for a task; else NULL. */
static const struct command *task_command(const struct cx *cx, const char *word)
{
	const struct command *c;
	struct err *err = session_find_command(cx->session, word, &c);
	bool found = !err && strcmp(c->name, "foreach") &&
		     ((c->complete && !strcmp(c->complete, "task")) || is_about_current(c));
	err_drop(err); /* then the word is about something else */
	return found ? c : NULL;
}

/* Whether @word is an option of @c that the next word is the argument of. */
static bool wants_argument(const struct command *c, const char *word)
{
	if (word[0] != '-' || !word[1])
		return false;
	char letter = word[strlen(word) - 1];
	for (const struct option *o = c->options; o && o->letter; o++) {
		if (o->word && !strcmp(o->word, word + 1))
			return o->arg;
		if (!o->word && o->letter == letter && o->arg)
			return true;
	}
	return false;
}

/* The commands of the line, behind the words that choose tasks; the first is at *ret_at, the
 * arguments' count when there is none. */
static size_t find_parts(struct cx *cx, const struct args *a, int *ret_at, struct part **ret)
{
	int count = args_count(a);
	struct part *part = arena_alloc(cx->arena, (size_t)(count + 1) * sizeof(*part));
	size_t n = 0;
	for (int i = 0; i < count; i++) {
		const struct command *c = task_command(cx, args_get(a, i));
		if (!c || args_rest(a, i)[0] == '\\' ||
			(n && wants_argument(part[n - 1].command, args_get(a, i - 1))))
			continue;
		part[n++] = (struct part){ .command = c, .first = i };
	}
	for (size_t k = 0; k < n; k++) {
		const char *from = args_rest(a, part[k].first);
		size_t bytes =
			k + 1 < n ? (size_t)(args_rest(a, part[k + 1].first) - from) : strlen(from);
		part[k].text = arena_strndup(cx->arena, from, bytes);
	}
	*ret_at = n ? part[0].first : count;
	*ret = part;
	return n;
}

/* A word that chooses tasks. As in crash, 'x' in apostrophes is a regular expression, and a
 * backslash keeps a name from being taken for something else. */
static struct err *select_by(struct cx *cx, const struct args *a, int i, struct task_select *s)
{
	const char *word = args_get(a, i), *typed = args_rest(a, i);
	bool literal = typed[0] == '\\';
	if (typed[0] == '\'')
		return task_select_add(s, arena_printf(cx->arena, "/%s/", word));
	if (!literal && task_select_keyword(s, word))
		return NULL;
	return task_select_add(s, literal && word[0] == '\\' ? word + 1 : word);
}

static struct err *select_tasks(struct cx *cx, const struct args *a, int n, struct task_select *s)
{
	struct err *err = NULL;
	for (int i = 0; !err && i < n; i++) {
		err = select_by(cx, a, i, s);
		if (err)
			err = args_point(a, i, 0, err);
	}
	return err;
}

/* Whose the rows are that follow, of commands that do not say so. */
static void show_who(struct cx *cx, const struct command *c, const struct task *task)
{
	if (!strcmp(c->name, "set") || (!is_about_current(c) && strcmp(c->name, "locals")))
		return;
	out_table(cx->out, &who_table);
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
}

static struct err *run_for(struct cx *cx, const struct part *part, const struct task *task)
{
	scoped_strbuf struct strbuf text = { 0 };
	bool set = !strcmp(part->command->name, "set");
	show_who(cx, part->command, task);
	if (!is_about_current(part->command) || set) {
		strbuf_addf(&text, "%s 0x%llx", part->text, (unsigned long long)task->va);
		return session_run_inside(cx, strbuf_text(&text));
	}
	session_set_task_va(cx->session, task->va);
	return session_run_inside(cx, part->text);
}

/* What is wrong with one task or one of its commands is complained about, and the next follows. */
static struct err *run_parts(
	struct cx *cx, const struct part *part, size_t n, const struct task *task)
{
	struct err *err = NULL;
	for (size_t k = 0; !err && k < n; k++) {
		err = run_for(cx, &part[k], task);
		if (err && err->code != ERR_INTERRUPTED && err->code != ERR_USAGE) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}

static struct err *run_all(struct cx *cx, const struct part *part, size_t n, struct task_select *s)
{
	struct task_iter it;
	bool more = true;
	uint64_t current = session_task_va(cx->session);
	struct err *err = task_iter_init(&it, cx->target);
	while (!err && more) {
		struct task task;
		bool wanted = false;
		err = task_iter_next(&it, &task, &more);
		if (!err && more)
			err = task_select_wants(s, cx->target, &task, &wanted);
		if (!err && wanted)
			err = run_parts(cx, part, n, &task);
		if (err && more && err->code != ERR_INTERRUPTED && err->code != ERR_USAGE) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	if (session_task_va(cx->session) !=
		current) /* a frame that was selected stays so otherwise */
		session_set_task_va(cx->session, current);
	return err;
}

static struct err *foreach_run(struct cx *cx, const struct args *a)
{
	scoped_task_select struct task_select s = { 0 };
	struct part *part;
	const char *unmet;
	struct err *err = target_need_kernel(cx->target);
	int at;
	size_t n = find_parts(cx, a, &at, &part);
	if (!err && !n)
		err = args_error(a, at,
			"a command for each task is missing: bt, vm, task, sig, ps, locals, set or "
			"vtop");
	if (!err)
		err = select_tasks(cx, a, at, &s);
	if (!err)
		err = run_all(cx, part, n, &s);
	for (size_t i = 0; !err && (unmet = task_select_unmet(&s, &i));)
		out_complain(cx->out, err_new(ERR_NOT_FOUND, "no task is %s", unmet));
	return err;
}

static const char *const foreach_examples[] = {
	"foreach bt\tbacktraces of all tasks",
	"foreach user bt -l\tof user tasks, with lines",
	"foreach UN bt\tof those in uninterruptible sleep",
	"foreach /kworker/ kernel task -R comm,pid\tby name",
	"foreach RU ps -m bt -f\tseveral commands, each with its own options",
	"foreach locals -a\tlocal variables of every frame",
	NULL,
};

const struct command cmd_foreach = {
	.name = "foreach",
	.summary = "run bt, vm, task, sig, ps and others for many tasks",
	.usage = "[PID|TASK|COMM|/REGEX/|kernel|user|active|gleader|STATE…] COMMAND [ARGUMENT…] "
		 "[COMMAND [ARGUMENT…]]…",
	.details = "Names and numbers add up; a state (RU IN UN ST TR ZO DE PA ID, or ps's "
		   "letter), kernel, "
		   "user, active and gleader narrow them down. Without any of them: all tasks. "
		   "'x' in apostrophes is a regular expression, \\\\x a task whose name is that of "
		   "a command. A word that names a command begins another one.",
	.examples = foreach_examples,
	.min_args = 1,
	.max_args = -1,
	.expression = true,
	.complete = "command",
	.run = foreach_run,
};
