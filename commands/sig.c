/* sig: a task's signals: what is blocked, pending, queued, and who handles what. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column action_columns[] = {
	{ "number", .title = "SIG", .width = 4, .align = ALIGN_RIGHT }, { "name", .width = 11 },
	{ "sigaction", .width = WIDTH_ADDRESS }, { "handler", .width = WIDTH_ADDRESS },
	{ "mask", .width = 16 }, { "flags" }, { "symbol", .hidden = true }, { 0 }
};
static const struct table action_table = { .layout = LAYOUT_TABLE, .columns = action_columns };

static const struct column queue_columns[] = { { "queue", .width = 7 },
	{ "number", .title = "SIG", .width = 4, .align = ALIGN_RIGHT }, { "name", .width = 11 },
	{ "sigqueue", .width = WIDTH_ADDRESS }, { "code", .width = 5, .align = ALIGN_RIGHT },
	{ "pid", .title = "FROM PID", .width = 8, .align = ALIGN_RIGHT },
	{ "uid", .width = 6, .align = ALIGN_RIGHT }, { 0 } };
static const struct table queue_table = { .layout = LAYOUT_TABLE, .columns = queue_columns };

static const struct column names_columns[] = { { "set" }, { "signals" }, { 0 } };
static const struct table names_table = { .layout = LAYOUT_LINES, .columns = names_columns };

static const struct column sig_columns[] = { { "pid" }, { "task" }, { "cpu" },
	{ "comm", .title = "COMMAND" }, { "note" }, { "signal_struct", .hidden = true },
	{ "sighand", .hidden = true }, { "pending", .hidden = true },
	{ "shared_pending", .hidden = true }, { "blocked", .hidden = true },
	{ "ignored", .hidden = true }, { "caught", .hidden = true },
	{ "sets", .list = &names_table }, { "queued", .list = &queue_table },
	{ "actions", .list = &action_table }, { 0 } };
static const struct table sig_table = { .layout = LAYOUT_HEADLINE, .columns = sig_columns };

static const struct column number_columns[] = { { "number", .width = 4, .align = ALIGN_RIGHT },
	{ "name" }, { 0 } };
static const struct table number_table = { .layout = LAYOUT_LINES, .columns = number_columns };

static const struct option sig_options[] = {
	{ 'a', NULL, "also the signals whose handling is the default" },
	{ 'l', NULL, "the names of all signals" },
	{ 's', "SET", "only the names of the signals in a set: bits in hex, as /proc has them" },
	{ 'g', NULL, "the task's whole thread group" }, { 0 }
};

static void add_names(uint64_t set, struct strbuf *out)
{
	for (unsigned n = 1; n <= SIGNALS; n++)
		if (set >> (n - 1) & 1)
			strbuf_addf(out, "%s%s", out->len ? " " : "", signal_name(n));
}

static void show_set(struct cx *cx, const char *name, uint64_t set)
{
	scoped_strbuf struct strbuf names = { 0 };
	add_names(set, &names);
	out_row(cx->out);
	out_strf(cx->out, "set", "%15s %016llx", name, (unsigned long long)set);
	out_str(cx->out, "signals", strbuf_text(&names));
}

static void show_sets(struct cx *cx, const struct signal_state *s)
{
	out_strf(cx->out, "pending", "%016llx", (unsigned long long)s->pending);
	out_strf(cx->out, "shared_pending", "%016llx", (unsigned long long)s->shared_pending);
	out_strf(cx->out, "blocked", "%016llx", (unsigned long long)s->blocked);
	out_strf(cx->out, "ignored", "%016llx", (unsigned long long)s->ignored);
	out_strf(cx->out, "caught", "%016llx", (unsigned long long)s->caught);
	out_list_begin(cx->out, "sets");
	show_set(cx, "pending", s->pending);
	show_set(cx, "shared pending", s->shared_pending);
	show_set(cx, "blocked", s->blocked);
	show_set(cx, "ignored", s->ignored);
	show_set(cx, "caught", s->caught);
	out_list_end(cx->out);
}

static void show_queued(struct cx *cx, const char *queue, const struct signal_queued *q)
{
	out_row(cx->out);
	out_str(cx->out, "queue", queue);
	out_int(cx->out, "number", q->number);
	out_str(cx->out, "name", q->number > 0 ? signal_name((unsigned)q->number) : NULL);
	out_addr(cx->out, "sigqueue", q->va);
	out_int(cx->out, "code", q->code);
	if (q->has_sender) {
		out_uint(cx->out, "pid", q->pid);
		out_uint(cx->out, "uid", q->uid);
	}
}

static struct err *show_queue(struct cx *cx, const char *queue, uint64_t head)
{
	struct signal_queue_iter it;
	bool more = head != 0;
	struct err *err = NULL;
	signal_queue_init(&it, cx->target, head);
	while (!err && more) {
		struct signal_queued q;
		err = signal_queue_next(&it, &q, &more);
		if (!err && more)
			show_queued(cx, queue, &q);
		if (err && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err_wrap(err, "%s queue", queue));
			err = NULL;
		}
	}
	return err;
}

static void show_action(struct cx *cx, unsigned n, const struct signal_action *a)
{
	scoped_strbuf struct strbuf flags = { 0 };
	struct symbol sym;
	out_row(cx->out);
	out_uint(cx->out, "number", n);
	out_str(cx->out, "name", signal_name(n));
	out_addr(cx->out, "sigaction", a->va);
	if (a->handler > 1)
		out_addr(cx->out, "handler", a->handler);
	else
		out_str(cx->out, "handler", a->handler ? "SIG_IGN" : "SIG_DFL");
	/* A kernel thread's handler (kthread_signal: the kernel's own marks) has no symbol. */
	if (symtab_at(cx->target->syms, a->handler, &sym))
		out_str(cx->out, "symbol", sym.name);
	out_strf(cx->out, "mask", "%016llx", (unsigned long long)a->mask);
	signal_flags_format(a->flags, &flags);
	out_str(cx->out, "flags", strbuf_text(&flags));
}

static struct err *show_task(struct cx *cx, const struct args *args, const struct task *task)
{
	struct signal_state s;
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
	struct err *err = signal_read(cx->target, task, &s);
	if (err)
		return err;
	if (s.signal)
		out_addr(cx->out, "signal_struct", s.signal);
	if (s.sighand)
		out_addr(cx->out, "sighand", s.sighand);
	else
		out_str(cx->out, "note", "it has exited: its handlers are gone");
	show_sets(cx, &s);
	out_list_begin(cx->out, "queued");
	err = show_queue(cx, "private", s.pending_list);
	if (!err)
		err = show_queue(cx, "shared", s.shared_list);
	out_list_end(cx->out);
	out_list_begin(cx->out, "actions");
	for (unsigned n = 1; s.sighand && n <= SIGNALS; n++)
		if (args_flag(args, 'a') || s.action[n].handler || s.action[n].flags)
			show_action(cx, n, &s.action[n]);
	out_list_end(cx->out);
	return err;
}

static struct err *show_group(struct cx *cx, const struct args *a, const struct task *of)
{
	struct task_iter it;
	bool more = true;
	struct err *err = task_iter_init(&it, cx->target);
	while (!err && more) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (!err && more && task.tgid == of->tgid && (task.tgid || task.va == of->va))
			err = show_task(cx, a, &task);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}

static struct err *show_one(struct cx *cx, const struct args *a, const struct task *task)
{
	return args_flag(a, 'g') ? show_group(cx, a, task) : show_task(cx, a, task);
}

static void show_numbers(struct cx *cx)
{
	out_table(cx->out, &number_table);
	for (unsigned n = 1; n <= SIGNALS; n++) {
		out_row(cx->out);
		out_uint(cx->out, "number", n);
		out_str(cx->out, "name", signal_name(n));
	}
}

static struct err *show_given_set(struct cx *cx, const char *text)
{
	uint64_t set;
	scoped_strbuf struct strbuf names = { 0 };
	if (!number_parse_hex(text, &set))
		return err_new(ERR_USAGE, "%s: no set of signals in hex", text);
	add_names(set, &names);
	out_table(cx->out, &names_table);
	out_row(cx->out);
	out_strf(cx->out, "set", "%016llx", (unsigned long long)set);
	out_str(cx->out, "signals", strbuf_text(&names));
	return NULL;
}

static struct err *sig_run(struct cx *cx, const struct args *a)
{
	if (args_flag(a, 'l')) {
		show_numbers(cx);
		return NULL;
	}
	if (args_option(a, 's'))
		return show_given_set(cx, args_option(a, 's'));
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	out_table(cx->out, &sig_table);
	return each_named_task(cx, a, show_one);
}

static const char *const sig_examples[] = {
	"sig 1\tpid 1's signals",
	"sig -g 94\tthose of all its threads",
	"sig -l\tnumbers and names",
	"sig -s 4a02\twhich signals those bits are",
	NULL,
};

const struct command cmd_sig = {
	.name = "sig",
	.summary = "signals: blocked, pending, queued, and their handlers",
	.usage = "[PID|TASK…]",
	.options = sig_options,
	.examples = sig_examples,
	.max_args = -1,
	.complete = "task",
	.run = sig_run,
};
