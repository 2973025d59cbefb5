/* hung: tasks that sleep uninterruptibly, longest first, with what for and who has it. */
#include <inttypes.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column hung_columns[] = { { "seconds", .title = "FOR S", .width = 7,
						      .align = ALIGN_RIGHT },
	{ "noted", .title = "NOTED S", .width = 7, .align = ALIGN_RIGHT },
	{ "reported", .title = "HUNG", .width = 4 }, { "pid", .width = 7, .align = ALIGN_RIGHT },
	{ "task", .width = WIDTH_ADDRESS, .object = "struct task_struct" },
	{ "comm", .title = "COMMAND", .width = 15 }, { "function", .title = "IN", .width = 20 },
	{ "kind", .title = "WAITS FOR", .width = 10 }, { "lock", .width = WIDTH_ADDRESS },
	{ "owner_pid", .title = "OWNER", .width = 7, .align = ALIGN_RIGHT },
	{ "owner", .hidden = true, .object = "struct task_struct" },
	{ "owner_comm", .title = "COMMAND", .width = 15 }, { "owner_state", .title = "STATE" },
	{ "circle", .title = "" }, { "unknown", .title = "NOTE" }, { 0 } };
static const struct table hung_table = { .layout = LAYOUT_TABLE, .columns = hung_columns };

static const struct option hung_options[] = {
	{ 'k', NULL, "only what khungtaskd would report now" }, { 0 }
};

static void show_lock(struct cx *cx, const struct lock_wait *l)
{
	struct task owner;
	out_str(cx->out, "kind", lock_kind_name(l->kind));
	out_addr(cx->out, "lock", l->lock_va);
	out_str(cx->out, "unknown", l->owner_unknown);
	if (!l->owner_va)
		return;
	struct err *err = task_read(cx->target, l->owner_va, &owner);
	if (err) {
		out_fault(cx->out, "owner_comm", err);
		return;
	}
	out_uint(cx->out, "owner_pid", owner.pid);
	out_addr(cx->out, "owner", owner.va);
	out_str_n(cx->out, "owner_comm", owner.comm, (size_t)task_comm_length(&owner));
	out_str(cx->out, "owner_state", task_state_letter(&owner));
}

static void show(
	struct cx *cx, const struct waiting_tasks *all, size_t i, const struct hung_task *noted)
{
	const struct waiting *w = all->v.v + i;
	size_t culprit, last;
	out_row(cx->out);
	if (w->has_since)
		out_uint(cx->out, "seconds", w->since_ns / 1000000000);
	if (noted && noted->noted)
		out_uint(cx->out, "noted", noted->noted_s);
	if (noted)
		out_bool(cx->out, "reported", noted->reported);
	out_uint(cx->out, "pid", w->task.pid);
	out_addr(cx->out, "task", w->task.va);
	out_str_n(cx->out, "comm", w->task.comm, (size_t)task_comm_length(&w->task));
	if (calls_culprit(w->calls, 0, &culprit))
		out_str(cx->out, "function", w->calls->call[culprit].function);
	if (w->has_lock)
		show_lock(cx, &w->lock);
	else
		out_str(cx->out, "unknown", w->no_lock);
	out_str(cx->out, "circle", waiting_circle(all, i, &last) ? "in a circle" : NULL);
}

struct place {
	size_t i;
	uint64_t ns;
};

/* Those of which nothing says for how long come last. */
static int by_time(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	return (x->i > y->i) - (x->i < y->i);
}

static struct err *show_all(struct cx *cx, const struct waiting_tasks *w,
	const struct hung_tasks *account, bool only_reported)
{
	scoped_free struct place *order = xcalloc(w->v.n + 1, sizeof(*order));
	struct err *err = NULL;
	for (size_t i = 0; i < w->v.n; i++)
		order[i] = (struct place){ i, w->v.v[i].has_since ? w->v.v[i].since_ns : 0 };
	qsort(order, w->v.n, sizeof(*order), by_time);
	for (size_t i = 0; !err && i < w->v.n; i++) {
		struct hung_task noted = { 0 };
		struct err *one =
			account ? hung_task_read(account, &w->v.v[order[i].i].task, &noted) : NULL;
		if (only_reported && !one && !noted.reported)
			continue;
		show(cx, w, order[i].i, account && !one ? &noted : NULL);
		if (one)
			out_fault(cx->out, "noted", one);
		err = interrupt_check();
	}
	return err;
}

static struct err *hung_run(struct cx *cx, const struct args *a)
{
	scoped_waiting struct waiting_tasks w = { 0 };
	struct hung_tasks account;
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	out_table(cx->out, &hung_table);
	out_nothing(cx->out, args_flag(a, 'k') ? "khungtaskd would report no task"
					       : "no task sleeps uninterruptibly");
	struct err *missing = hung_tasks_init(&account, cx->target);
	if (missing && args_flag(a, 'k'))
		return err_wrap(missing, "khungtaskd");
	err = waiting_read(&w, cx->target, cx->arena);
	if (w.locks.unread)
		out_complain(cx->out, lock_waits_take_unread(&w.locks));
	if (!err)
		err = show_all(cx, &w, missing ? NULL : &account, args_flag(a, 'k'));
	if (missing && missing->code != ERR_MISSING)
		out_complain(cx->out, take_ptr(missing));
	err_drop(missing); /* this kernel has no khungtaskd: its columns are empty */
	return err;
}

static const char *const hung_examples[] = {
	"hung\ttasks in state D, those that wait longest first",
	"hung -k\tthose that khungtaskd would have reported",
	"hung | first 1 | bt\twhere the first of them stands",
	NULL,
};

const struct command cmd_hung = {
	.name = "hung",
	.summary = "tasks that sleep uninterruptibly, longest first, with what for",
	.usage = "",
	.details =
		"FOR S is counted from when a task last ran, by its run queue's clock. NOTED S is "
		"khungtaskd's own account, which begins at its first round after that; HUNG says "
		"whether that is beyond sysctl_hung_task_timeout_secs.",
	.options = hung_options,
	.examples = hung_examples,
	.run = hung_run,
};
