/* locks: what somebody waits for or spins on, as memory proves it: state, holder, waiters. */
#include <inttypes.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column waiter_columns[] = { { "pid", .width = 7, .align = ALIGN_RIGHT },
	{ "task", .width = WIDTH_ADDRESS, .object = "struct task_struct" },
	{ "comm", .title = "COMMAND", .width = 15 }, { "cpu", .width = 3, .align = ALIGN_RIGHT },
	{ "seconds", .title = "FOR S", .width = 7, .align = ALIGN_RIGHT }, { 0 } };
static const struct table waiter_table = { .layout = LAYOUT_TABLE, .columns = waiter_columns };

/* Who gets a queued spinlock next comes first. */
static const struct column queue_columns[] = { { "cpu", .width = 3, .align = ALIGN_RIGHT },
	{ "context" }, { 0 } };
static const struct table queue_table = { .layout = LAYOUT_TABLE, .columns = queue_columns };

static const struct column lock_columns[] = { { "lock" },
	{ "lock_unknown", .title = "LOCK NOT KNOWN" }, { "kind" }, { "symbol" }, { "state" },
	{ "owner", .title = "HELD BY", .object = "struct task_struct" },
	{ "owner_pid", .title = "PID" }, { "owner_comm", .title = "COMMAND" },
	{ "owner_cpu", .title = "CPU" }, { "unknown", .title = "HELD BY" },
	{ "queue", .list = &queue_table }, { "waiters", .list = &waiter_table }, { 0 } };
static const struct table lock_table = { .layout = LAYOUT_HEADLINE, .columns = lock_columns };

static const struct option lock_options[] = {
	{ 't', "TASK", "those that this task holds (a pid, or a task_struct's address)" }, { 0 }
};

struct wait {
	uint64_t lock_va; /* 0: not known, for the reason .why */
	const char *why;
	const struct waiting *sleeps; /* or NULL */
	struct spin_wait spin;
	struct task task;
	size_t seen; /* place in the order of finding */
};
struct locks {
	struct cx *cx;
	VEC(struct wait) v;
	uint64_t only, holder; /* 0: all */
};

static void out_symbol(struct cx *cx, uint64_t va)
{
	struct symbol s;
	if (!symtab_at(cx->target->syms, va, &s))
		return;
	if (va == s.va)
		out_str(cx->out, "symbol", s.name);
	else
		out_strf(cx->out, "symbol", "%s+0x%" PRIx64, s.name, va - s.va);
}

static void show_spinlock(struct cx *cx, const struct spinlock *l)
{
	if (l->debug && l->magic_bad)
		out_str(cx->out, "state", "no spinlock: its magic number is wrong");
	else if (!l->valid)
		out_str(cx->out, "state", "no spinlock: no such lock word");
	else if (!l->held)
		out_str(cx->out, "state", "free");
	else if (l->form == SPINLOCK_TICKET)
		out_strf(cx->out, "state", "held by ticket %u, %u waiting", l->serving, l->waiting);
	else
		out_strf(cx->out, "state", "held%s%s", l->pending ? ", one pending" : "",
			l->has_tail ? ", a queue" : "");
}

/* Each waiter spins in its own node, which only the one before it knows. */
static struct err *show_queue(struct cx *cx, const struct spinlock *l)
{
	static const char *const context[] = { "task", "softirq", "interrupt", "NMI" };
	scoped_spinlock_queue struct spinlock_queue q = { 0 };
	if (l->form != SPINLOCK_QUEUED || !l->has_tail)
		return NULL;
	struct err *err = spinlock_queue_read(cx->target, l, &q);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	if (!err && q.cut)
		err = err_new(ERR_FORMAT, "the chain of waiters is broken: not all are known");
	if (err)
		out_complain(cx->out, err_wrap(err, "queue of 0x%" PRIx64, l->va));
	out_list_begin(cx->out, "queue");
	for (size_t i = 0; i < q.v.n; i++) {
		out_row(cx->out);
		out_uint(cx->out, "cpu", q.v.v[i].cpu);
		out_str(cx->out, "context", context[q.v.v[i].level & 3]);
	}
	out_list_end(cx->out);
	return NULL;
}

static void show_owner(struct cx *cx, uint64_t owner_va, const char *unknown)
{
	struct task owner;
	struct err *err;
	if (!owner_va) {
		out_str(cx->out, "unknown", unknown);
		return;
	}
	out_addr(cx->out, "owner", owner_va);
	err = task_read(cx->target, owner_va, &owner);
	if (err) {
		out_fault(cx->out, "owner_comm", err);
		return;
	}
	out_uint(cx->out, "owner_pid", owner.pid);
	out_str_n(cx->out, "owner_comm", owner.comm, (size_t)task_comm_length(&owner));
}

static void show_wait(struct cx *cx, const struct wait *w)
{
	out_row(cx->out);
	out_uint(cx->out, "pid", w->task.pid);
	out_addr(cx->out, "task", w->task.va);
	out_str_n(cx->out, "comm", w->task.comm, (size_t)task_comm_length(&w->task));
	if (!w->sleeps)
		out_uint(cx->out, "cpu", w->task.cpu);
	else if (w->sleeps->has_since)
		out_uint(cx->out, "seconds", w->sleeps->since_ns / 1000000000);
}

static uint64_t owner_of(const struct wait *w)
{
	return w->sleeps ? w->sleeps->lock.owner_va : w->spin.owner_va;
}

static const char *kind_of(const struct wait *w)
{
	if (!w->sleeps)
		return "spinlock";
	return w->lock_va ? lock_kind_name(w->sleeps->lock.kind) : NULL;
}

/* All waits from @i on for the same lock; of what is not known each stands alone. */
static struct err *show_lock(struct locks *l, size_t i)
{
	struct cx *cx = l->cx;
	struct err *err = NULL;
	const struct wait *w = l->v.v + i;
	out_row(cx->out);
	if (w->lock_va)
		out_addr(cx->out, "lock", w->lock_va);
	out_str(cx->out, "kind", kind_of(w));
	if (w->lock_va) {
		out_symbol(cx, w->lock_va);
		if (w->sleeps)
			out_str(cx->out, "state",
				w->sleeps->lock.readers ? "held by readers" : NULL);
		else
			show_spinlock(cx, &w->spin.lock);
		show_owner(cx, owner_of(w),
			w->sleeps ? w->sleeps->lock.owner_unknown : w->spin.owner_unknown);
		if (!w->sleeps && w->spin.owner_va)
			out_uint(cx->out, "owner_cpu", w->spin.lock.owner_cpu);
		if (!w->sleeps)
			err = show_queue(cx, &w->spin.lock);
	} else {
		out_str(cx->out, "lock_unknown", w->why);
	}
	out_list_begin(cx->out, "waiters");
	for (size_t k = i; k < l->v.n && l->v.v[k].lock_va == w->lock_va; k++) {
		show_wait(cx, l->v.v + k);
		if (!w->lock_va)
			break;
	}
	out_list_end(cx->out);
	return err;
}

/* What the task that runs on @cpu spins on. */
static struct err *look_at_cpu(struct locks *l, unsigned cpu)
{
	struct wait w = { .seen = l->v.n };
	struct target *t = l->cx->target;
	struct trace trace;
	struct err *err = task_current(t, cpu, &w.task);
	if (!err)
		err = trace_task(t, &w.task, l->cx->arena, &trace);
	if (err)
		return err_wrap(err, "CPU %u", cpu);
	err = spin_wait_find(t, &w.task, &trace, &w.spin);
	if (err && err->code == ERR_NOT_FOUND) {
		err_drop(err); /* it does not spin */
		return NULL;
	}
	if (err && err->code == ERR_FORMAT) {
		w.why = arena_strdup(l->cx->arena, err->msg);
		err_drop(err); /* the row has it */
		err = NULL;
	} else if (!err) {
		w.lock_va = w.spin.lock.va;
	}
	if (!err)
		vec_push(&l->v, w);
	return err;
}

/* A CPU that cannot be looked at is complained of: it may be one that spins. */
static struct err *add_spinning(struct locks *l)
{
	struct cpu_mask cpus;
	struct err *err = cpu_mask_read(l->cx->target, CPUS_PRESENT, &cpus);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		err = look_at_cpu(l, cpu);
		if (err && err->code != ERR_INTERRUPTED) {
			out_complain(l->cx->out, err);
			err = NULL;
		}
		if (!err)
			err = interrupt_check();
	}
	return err;
}

/* By lock, those that are not known last; who has waited longest first. */
static int by_lock(const void *a, const void *b)
{
	const struct wait *x = a, *y = b;
	uint64_t for_x = x->sleeps ? x->sleeps->since_ns : 0;
	uint64_t for_y = y->sleeps ? y->sleeps->since_ns : 0;
	if (x->lock_va != y->lock_va)
		return x->lock_va - 1 < y->lock_va - 1 ? -1 : 1;
	if (for_x != for_y)
		return for_x > for_y ? -1 : 1;
	return (x->seen > y->seen) - (x->seen < y->seen);
}

/* One that nobody waits for: a kernel that marks its spinlocks lets them be known. */
static struct err *show_alone(struct cx *cx, uint64_t va)
{
	struct spinlock s;
	struct err *err = spinlock_read(cx->target, va, &s);
	if (!err && (!s.debug || s.magic_bad))
		err = err_new(ERR_NOT_FOUND,
			"nobody waits for 0x%" PRIx64
			", and nothing there says which kind of lock it is; its type shows it: "
			"p *(struct mutex *)0x%" PRIx64,
			va, va);
	if (err)
		return err;
	out_row(cx->out);
	out_addr(cx->out, "lock", va);
	out_str(cx->out, "kind", "spinlock");
	out_symbol(cx, va);
	show_spinlock(cx, &s);
	show_owner(cx, s.owner_va, NULL);
	if (s.owner_va)
		out_uint(cx->out, "owner_cpu", s.owner_cpu);
	return show_queue(cx, &s);
}

static struct err *show_all(struct locks *l, struct waiting_tasks *w)
{
	bool shown = false;
	struct err *err = waiting_read(w, l->cx->target, l->cx->arena);
	if (w->locks.unread)
		out_complain(l->cx->out, lock_waits_take_unread(&w->locks));
	for (size_t i = 0; !err && i < w->v.n; i++) {
		struct waiting *one = w->v.v + i;
		struct wait wait = { .sleeps = one, .task = one->task, .seen = l->v.n };
		wait.lock_va = one->has_lock ? one->lock.lock_va : 0;
		wait.why = one->no_lock;
		if (wait.lock_va || wait.why)
			vec_push(&l->v, wait);
	}
	if (!err)
		err = add_spinning(l);
	if (err)
		return err;
	if (l->v.n)
		qsort(l->v.v, l->v.n, sizeof(*l->v.v), by_lock);
	for (size_t i = 0; !err && i < l->v.n; i++) {
		uint64_t va = l->v.v[i].lock_va;
		if ((i && va && va == l->v.v[i - 1].lock_va) || (l->only && va != l->only) ||
			(l->holder && owner_of(l->v.v + i) != l->holder))
			continue;
		err = show_lock(l, i);
		shown = true;
	}
	return !err && l->only && !shown ? show_alone(l->cx, l->only) : err;
}

static struct err *locks_run(struct cx *cx, const struct args *a)
{
	scoped_waiting struct waiting_tasks w = { 0 };
	struct locks l = { .cx = cx };
	struct task holder;
	struct err *err = target_need_kernel(cx->target);
	if (!err && args_option(a, 't')) {
		err = task_parse(cx->target, args_option(a, 't'), &holder);
		l.holder = err ? 0 : holder.va;
	}
	if (!err && args_count(a))
		err = arg_address(cx, a, 0, &l.only);
	if (err)
		return err;
	out_table(cx->out, &lock_table);
	out_nothing(cx->out, l.holder ? "nobody waits for a lock that this task holds"
				      : "nobody waits for a lock");
	err = show_all(&l, &w);
	vec_deinit(&l.v);
	return err;
}

static const char *const locks_examples[] = {
	"locks\tevery lock that a task waits for or a CPU spins on, with its holder",
	"locks 0xffffff8000123440\tthat one",
	"locks -t 1234\twhat others want of this task",
	NULL,
};

const struct command cmd_locks = {
	.name = "locks",
	.summary = "locks that are waited for: state, holder, waiters",
	.usage = "[ADDRESS]",
	.details =
		"Mutexes, rwsems, semaphores, completions and work items by the waiters on the "
		"stacks of tasks; spinlocks by the registers of CPUs that spin. Who holds a "
		"spinlock is known where the kernel notes it (CONFIG_DEBUG_SPINLOCK). A queued one "
		"(arm64) has the CPUs that wait in its queue, who gets it next first. Locks that "
		"nobody waits for leave no trace and are not listed.",
	.options = lock_options,
	.examples = locks_examples,
	.max_args = 1,
	.complete = "symbol",
	.run = locks_run,
};
