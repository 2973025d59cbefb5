/* waiters: who waits for which lock, and who holds it. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column waiter_columns[] = { { "pid", .width = 7, .align = ALIGN_RIGHT },
	{ "task", .width = WIDTH_ADDRESS, .object = "struct task_struct" },
	{ "comm", .title = "COMMAND", .width = 15 },
	{ "seconds", .title = "FOR S", .width = 7, .align = ALIGN_RIGHT }, { "kind", .width = 10 },
	{ "lock", .width = WIDTH_ADDRESS }, { "symbol", .width = 20 },
	{ "owner_pid", .title = "OWNER", .width = 7, .align = ALIGN_RIGHT },
	{ "owner", .hidden = true, .object = "struct task_struct" },
	{ "owner_comm", .title = "COMMAND", .width = 15 }, { "function", .title = "IN" },
	{ "circle", .title = "" }, { "work", .hidden = true }, { "unknown", .title = "NOTE" },
	{ 0 } };
static const struct table waiter_table = { .layout = LAYOUT_TABLE, .columns = waiter_columns };

static void show_lock(struct cx *cx, const struct lock_wait *l)
{
	scoped_strbuf struct strbuf name = { 0 };
	struct symbol s;
	out_str(cx->out, "kind", lock_kind_name(l->kind));
	out_addr(cx->out, "lock", l->lock_va);
	if (symtab_at(cx->target->syms, l->work_fn ? l->work_fn : l->lock_va, &s)) {
		uint64_t offset = (l->work_fn ? l->work_fn : l->lock_va) - s.va;
		strbuf_add(&name, s.name);
		if (offset)
			strbuf_addf(&name, "+0x%llx", (unsigned long long)offset);
		out_str(cx->out, "symbol", strbuf_text(&name));
	}
	if (l->work_fn)
		out_addr(cx->out, "work", l->work_fn);
	out_str(cx->out, "unknown", l->owner_unknown);
	struct task owner;
	struct err *err = l->owner_va ? task_read(cx->target, l->owner_va, &owner) : NULL;
	if (err) {
		out_fault(cx->out, "owner_comm", err);
	} else if (l->owner_va) {
		out_uint(cx->out, "owner_pid", owner.pid);
		out_addr(cx->out, "owner", owner.va);
		out_str_n(cx->out, "owner_comm", owner.comm, (size_t)task_comm_length(&owner));
	}
}

static void show_waiting(struct cx *cx, const struct waiting *w, bool circle)
{
	size_t culprit;
	out_row(cx->out);
	out_uint(cx->out, "pid", w->task.pid);
	out_addr(cx->out, "task", w->task.va);
	out_str_n(cx->out, "comm", w->task.comm, (size_t)task_comm_length(&w->task));
	if (w->has_since)
		out_strf(
			cx->out, "seconds", "%llu", (unsigned long long)(w->since_ns / 1000000000));
	if (w->has_lock)
		show_lock(cx, &w->lock);
	else
		out_str(cx->out, "unknown", w->no_lock);
	if (calls_culprit(w->calls, 0, &culprit))
		out_str(cx->out, "function", w->calls->call[culprit].function);
	out_str(cx->out, "circle", circle ? "in a circle" : NULL);
}

static struct err *show_all(struct cx *cx, struct waiting_tasks *w)
{
	struct err *err = waiting_read(w, cx->target, cx->arena);
	if (w->locks.unread)
		out_complain(cx->out, lock_waits_take_unread(&w->locks));
	for (size_t i = 0; !err && i < w->v.n; i++) {
		size_t last;
		show_waiting(cx, w->v.v + i, waiting_circle(w, i, &last));
	}
	return err;
}

static struct err *waiters_run(struct cx *cx, const struct args *a)
{
	scoped_waiting struct waiting_tasks w = { 0 };
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	out_table(cx->out, &waiter_table);
	out_nothing(cx->out, "no task waits for a lock");
	if (!args_count(a))
		return show_all(cx, &w);
	w.t = cx->target;
	w.a = cx->arena;
	err = lock_waits_init(&w.locks, cx->target);
	if (w.locks.unread)
		out_complain(cx->out, lock_waits_take_unread(&w.locks));
	for (int i = 0; !err && i < args_count(a); i++) {
		struct task task;
		struct waiting one;
		err = task_parse(cx->target, args_get(a, i), &task);
		if (!err)
			err = waiting_one(&w, &task, &one);
		if (!err)
			show_waiting(cx, &one, false);
	}
	return err;
}

static const char *const waiters_examples[] = {
	"waiters\tall tasks that sleep uninterruptibly, with what for and who has it",
	"waiters 1234\tthat task, whatever its state",
	NULL,
};

const struct command cmd_waiters = {
	.name = "waiters",
	.summary = "who waits for which lock, and who holds it",
	.usage = "[PID|TASK…]",
	.details = "Mutexes, rwsems, semaphores, completions and work items, by the waiter that "
		   "stands on the task's stack.\n"
		   "A circle of waiters is a deadlock.",
	.examples = waiters_examples,
	.max_args = -1,
	.complete = "task",
	.run = waiters_run,
};
