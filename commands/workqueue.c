/* workqueue: which works run, which wait, and the pools and queues behind them. */
#include <inttypes.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column work_columns[] = { { "state", .width = 9 },
	{ "pool", .width = 4, .align = ALIGN_RIGHT }, { "cpu", .width = 3, .align = ALIGN_RIGHT },
	{ "workqueue", .width = 20 }, { "function", .width = 28 },
	{ "work", .width = WIDTH_ADDRESS, .object = "struct work_struct" },
	{ "pid", .width = 7, .align = ALIGN_RIGHT },
	{ "task", .hidden = true, .object = "struct task_struct" },
	{ "comm", .title = "WORKER", .width = 15 },
	{ "seconds", .title = "FOR S", .width = 6, .align = ALIGN_RIGHT }, { "note", .title = "" },
	{ 0 } };
static const struct table work_table = { .layout = LAYOUT_TABLE, .columns = work_columns };

static const struct column pool_columns[] = { { "pool", .width = 4, .align = ALIGN_RIGHT },
	{ "va", .title = "ADDRESS", .width = WIDTH_ADDRESS, .object = "struct worker_pool" },
	{ "cpu", .width = 3, .align = ALIGN_RIGHT }, { "flags", .width = 5 },
	{ "workers", .width = 7, .align = ALIGN_RIGHT },
	{ "idle", .width = 4, .align = ALIGN_RIGHT },
	{ "pending", .width = 7, .align = ALIGN_RIGHT },
	{ "without_progress", .title = "WAITS S", .width = 7, .align = ALIGN_RIGHT },
	{ "stalled", .hidden = true }, { "note", .title = "" }, { 0 } };
static const struct table pool_table = { .layout = LAYOUT_TABLE, .columns = pool_columns };

static const struct column queue_columns[] = { { "workqueue", .width = 24 },
	{ "va", .title = "ADDRESS", .width = WIDTH_ADDRESS, .object = "struct workqueue_struct" },
	{ "flags", .width = 10 }, { "pools", .width = 5, .align = ALIGN_RIGHT },
	{ "active", .width = 6, .align = ALIGN_RIGHT },
	{ "inactive", .width = 8, .align = ALIGN_RIGHT }, { 0 } };
static const struct table queue_table = { .layout = LAYOUT_TABLE, .columns = queue_columns };

static const struct option workqueue_options[] = { { 'p', NULL, "the pools of workers" },
	{ 'l', NULL, "the workqueues" }, { 0 } };

static void show_function(struct cx *cx, uint64_t va)
{
	struct symbol s;
	if (symtab_at(cx->target->syms, va, &s) && (va & ~1ull) == (s.va & ~1ull))
		out_str(cx->out, "function", s.name);
	else
		out_strf(cx->out, "function", "0x%" PRIx64, va);
}

static void show_worker(struct cx *cx, uint64_t va)
{
	struct task task;
	if (!va)
		return;
	struct err *err = task_read(cx->target, va, &task);
	out_addr(cx->out, "task", va);
	if (err) {
		out_fault(cx->out, "comm", err);
		return;
	}
	out_uint(cx->out, "pid", task.pid);
	out_str_n(cx->out, "comm", task.comm, (size_t)task_comm_length(&task));
}

static void show_work(struct cx *cx, const struct workqueues *all, const struct work *w)
{
	const struct work_pool *p = all->pool.v + w->pool;
	const struct workqueue *q = workqueues_find(all, w->workqueue);
	out_row(cx->out);
	out_str(cx->out, "state", work_state_name(w->state));
	out_int(cx->out, "pool", p->id);
	if (p->cpu >= 0)
		out_int(cx->out, "cpu", p->cpu);
	if (q)
		out_str(cx->out, "workqueue", q->name);
	show_function(cx, w->function);
	out_addr(cx->out, "work", w->va);
	show_worker(cx, w->task);
	if (w->state == WORK_RUNNING && w->has_since && all->has_now && all->hz &&
		all->now >= w->since)
		out_uint(cx->out, "seconds", (all->now - w->since) / all->hz);
	if (p->stalled && w->state == WORK_PENDING)
		out_str(cx->out, "note", "its pool is stalled");
}

static void show_pool(struct cx *cx, const struct workqueues *all, const struct work_pool *p)
{
	out_row(cx->out);
	out_int(cx->out, "pool", p->id);
	out_addr(cx->out, "va", p->va);
	if (p->cpu >= 0)
		out_int(cx->out, "cpu", p->cpu);
	out_hex(cx->out, "flags", p->flags);
	out_uint(cx->out, "workers", p->workers);
	out_uint(cx->out, "idle", p->idle);
	out_uint(cx->out, "pending", p->pending);
	if (all->hz && p->pending && p->has_progress)
		out_uint(cx->out, "without_progress", p->without_progress / all->hz);
	out_bool(cx->out, "stalled", p->stalled);
	if (p->stalled)
		out_str(cx->out, "note", "stalled: what is pending was not begun");
}

static void show_queue(struct cx *cx, const struct workqueue *q)
{
	out_row(cx->out);
	out_str(cx->out, "workqueue", q->name);
	out_addr(cx->out, "va", q->va);
	out_hex(cx->out, "flags", q->flags);
	out_uint(cx->out, "pools", q->pools);
	out_uint(cx->out, "active", q->active);
	out_uint(cx->out, "inactive", q->inactive);
}

static struct err *workqueue_run(struct cx *cx, const struct args *a)
{
	scoped_workqueues struct workqueues all = { 0 };
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = workqueues_read(cx->target, &all);
	if (args_flag(a, 'p')) {
		out_table(cx->out, &pool_table);
		for (size_t i = 0; i < all.pool.n; i++)
			show_pool(cx, &all, all.pool.v + i);
	} else if (args_flag(a, 'l')) {
		out_table(cx->out, &queue_table);
		for (size_t i = 0; i < all.queue.n; i++)
			show_queue(cx, all.queue.v + i);
	} else {
		out_table(cx->out, &work_table);
		out_nothing(cx->out, "no work runs or waits for a worker");
		for (size_t i = 0; i < all.work.n; i++)
			show_work(cx, &all, all.work.v + i);
	}
	if (all.unread)
		out_complain(cx->out, err_wrap(take_ptr(all.first_unread),
					      "%u parts cannot be read; the first", all.unread));
	return err;
}

static const char *const workqueue_examples[] = {
	"workqueue\tworks that run or wait, with their workers",
	"workqueue -p\tthe pools: how many workers, how much is pending, which one is stalled",
	"workqueue -l\tthe queues",
	"workqueue | where state == \"running\" | bt\twhat the workers are at",
	NULL,
};

const struct command cmd_workqueue = {
	.name = "workqueue",
	.summary = "works that run or wait, and the pools and queues behind them",
	.usage = "",
	.details =
		"An inactive work is kept back by its queue's max_active; a scheduled one stands "
		"behind the one that its worker runs. Works that wait for a timer are the "
		"timer command's. A pool is stalled when it has begun nothing for longer than "
		"wq_watchdog_thresh although works wait.",
	.options = workqueue_options,
	.examples = workqueue_examples,
	.run = workqueue_run,
};
