/* held: the locks that tasks hold, as lockdep has noted them. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column held_columns[] = { { "pid", .width = 7, .align = ALIGN_RIGHT },
	{ "task", .width = WIDTH_ADDRESS, .object = "struct task_struct" },
	{ "comm", .title = "COMMAND", .width = 15 },
	{ "n", .title = "#", .width = 2, .align = ALIGN_RIGHT },
	{ "map", .title = "LOCKDEP MAP", .width = WIDTH_ADDRESS, .object = "struct lockdep_map" },
	{ "name", .title = "LOCK", .width = 24 }, { "at", .title = "ASKED FOR AT", .width = 40 },
	{ "note" }, { "symbol", .hidden = true }, { "held_lock", .hidden = true },
	{ "address", .hidden = true }, { "waits", .hidden = true }, { "shared", .hidden = true },
	{ "tried", .hidden = true }, { "references", .hidden = true }, { 0 } };
static const struct table held_table = { .layout = LAYOUT_TABLE, .columns = held_columns };

struct holders {
	struct cx *cx;
	struct lockdep lockdep;
	struct waiting_tasks *waiting;
	uint64_t mutex_bytes, rwsem_bytes; /* 0: not known */
};

/* The map is a member of the lock. */
static bool waits_for(const struct holders *h, const struct task *task, uint64_t map_va)
{
	const struct waiting_tasks *all = h->waiting;
	size_t i = 0;
	while (i < all->v.n && all->v.v[i].task.va != task->va)
		i++;
	if (i == all->v.n || !all->v.v[i].has_lock)
		return false;
	const struct lock_wait *l = &all->v.v[i].lock;
	return (l->kind == LOCK_MUTEX && map_va - l->lock_va < h->mutex_bytes) ||
	       (l->kind == LOCK_RWSEM && map_va - l->lock_va < h->rwsem_bytes);
}

static void show_lock(
	const struct holders *h, const struct task *task, uint32_t n, const struct lockdep_held *l)
{
	struct out *out = h->cx->out;
	scoped_strbuf struct strbuf at = { 0 }, symbol = { 0 };
	bool waits = waits_for(h, task, l->map_va);
	out_row(out);
	out_uint(out, "pid", task->pid);
	out_addr(out, "task", task->va);
	out_str_n(out, "comm", task->comm, (size_t)task_comm_length(task));
	out_uint(out, "n", n);
	out_addr(out, "map", l->map_va);
	out_str(out, "name", *l->name ? l->name : NULL);
	if (symtab_format(h->cx->target->syms, l->acquire_va, false, &at))
		out_str(out, "at", strbuf_text(&at));
	if (symtab_format(h->cx->target->syms, l->map_va, false, &symbol))
		out_str(out, "symbol", strbuf_text(&symbol));
	out_addr(out, "held_lock", l->va);
	out_addr(out, "address", l->acquire_va);
	out_bool(out, "waits", waits);
	out_bool(out, "shared", l->shared);
	out_bool(out, "tried", l->tried);
	out_uint(out, "references", l->references);
	out_str(out, "note",
		waits	    ? "waits for it"
		: l->shared ? "for reading"
		: l->tried  ? "by trylock"
		: !*l->name ? "its name cannot be read"
			    : NULL);
}

static struct err *show_task(const struct holders *h, const struct task *task)
{
	scoped_free struct lockdep_locks *locks = xmalloc(sizeof(*locks));
	struct err *err = lockdep_read(&h->lockdep, task, locks);
	for (uint32_t i = 0; i < locks->n; i++)
		show_lock(h, task, i, locks->held + i);
	if (!err && locks->cut)
		err = err_new(ERR_FORMAT, "its count of held locks is more than %d: damaged",
			LOCKDEP_DEPTH_MAX);
	return err ? err_wrap(err, "pid %u", task->pid) : NULL;
}

static struct err *show_all(const struct holders *h)
{
	struct task_iter it;
	bool more = true;
	struct err *err = task_iter_init(&it, h->cx->target);
	while (!err && more) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (!err && more)
			err = show_task(h, &task);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(h->cx->out, err);
			err = interrupt_check();
		}
	}
	return err;
}

/* Who panics switches lockdep off (kernel/panic.c, 4.19 to 7.2). */
static bool panicked(struct target *t)
{
	unsigned cpu;
	struct err *err = task_panic_cpu(t, &cpu);
	bool has = !err;
	err_drop(err); /* nobody has, or nothing says so */
	return has;
}

static struct err *held_run(struct cx *cx, const struct args *a)
{
	scoped_waiting struct waiting_tasks waiting = { 0 };
	struct holders h = { .cx = cx, .waiting = &waiting };
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = lockdep_init(&h.lockdep, cx->target);
	if (!err)
		err = waiting_read(&waiting, cx->target, cx->arena);
	if (err)
		return err;
	target_number(cx->target, "sizeof(mutex)", &h.mutex_bytes);
	target_number(cx->target, "sizeof(rw_semaphore)", &h.rwsem_bytes);
	out_table(cx->out, &held_table);
	out_nothing(cx->out, args_count(a) ? "it holds no lock" : "no task holds a lock");
	if (h.lockdep.off && !panicked(cx->target))
		out_complain(cx->out,
			err_new(ERR_FORMAT, "lockdep found a fault and switched itself off: these "
					    "lists are of then; log says which fault"));
	if (!args_count(a))
		return show_all(&h);
	for (int i = 0; !err && i < args_count(a); i++) {
		struct task task;
		err = task_parse(cx->target, args_get(a, i), &task);
		if (!err)
			err = show_task(&h, &task);
	}
	return err;
}

static const char *const held_examples[] = {
	"held\tthe locks of all tasks, in the order in which each asked for them",
	"held 1234\tthose of one task",
	"held | where name == \"mmap_lock\"\twho has that one, or waits for it",
	NULL,
};

const struct command cmd_held = {
	.name = "held",
	.summary = "locks that tasks hold, as lockdep has noted them",
	.usage = "[PID|TASK…]",
	.details =
		"What sysrq-d prints. Needs a kernel with CONFIG_LOCKDEP; without it, locks and "
		"waiters show what memory proves of those that somebody waits for.\n"
		"A task notes a lock before it has it: where it waits for one, that is said. "
		"Lockdep switches itself off when it finds a fault; what was taken or given back "
		"after that is not noted, and a dump of a panic does not tell: look for its report "
		"in the log.",
	.examples = held_examples,
	.max_args = -1,
	.complete = "task",
	.run = held_run,
};
