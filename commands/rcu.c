/* rcu: the grace period, and which CPUs and tasks hold it up. */
#include <inttypes.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column cpu_columns[] = { { "cpu", .width = 3, .align = ALIGN_RIGHT },
	{ "holds_up", .title = "HOLDS UP", .width = 8 },
	{ "wanted", .title = "QS WANTED", .width = 9 },
	{ "passed", .title = "QS SEEN", .width = 7 }, { "ticks", .width = 6, .align = ALIGN_RIGHT },
	{ "behind", .title = "GPS BEHIND", .width = 10, .align = ALIGN_RIGHT },
	{ "callbacks", .width = 9, .align = ALIGN_RIGHT }, { "watching", .width = 10 },
	{ "pid", .width = 7, .align = ALIGN_RIGHT },
	{ "task", .hidden = true, .object = "struct task_struct" }, { "comm", .title = "COMMAND" },
	{ 0 } };
static const struct table cpu_table = { .layout = LAYOUT_TABLE, .columns = cpu_columns };

static const struct column task_columns[] = { { "pid", .width = 7, .align = ALIGN_RIGHT },
	{ "task", .width = WIDTH_ADDRESS, .object = "struct task_struct" },
	{ "comm", .title = "COMMAND", .width = 15 }, { "state", .width = 5 },
	{ "holds_up", .title = "HOLDS UP", .width = 8 }, { "cpus", .title = "OF CPUS" }, { 0 } };
static const struct table task_table = { .layout = LAYOUT_TABLE, .columns = task_columns };

static const struct column rcu_columns[] = { { "grace_period", .title = "GRACE PERIOD" },
	{ "state" }, { "age", .title = "JIFFIES" }, { "seconds", .title = "S" },
	{ "stall_in", .hidden = true }, { "stalled", .title = "STALLED" },
	{ "forced", .title = "FORCED" }, { "callbacks", .title = "CALLBACKS" },
	{ "thread", .title = "THREAD", .object = "struct task_struct" },
	{ "thread_state", .title = "IN" }, { "thread_idle", .title = "JIFFIES SINCE" },
	{ "cpus", .list = &cpu_table }, { "tasks", .list = &task_table }, { 0 } };
static const struct table rcu_table = { .layout = LAYOUT_HEADLINE, .columns = rcu_columns };

static void show_task(struct cx *cx, const struct task *task)
{
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
}

static void show_cpu(struct cx *cx, const struct rcu_cpu *c)
{
	struct task task;
	out_row(cx->out);
	out_uint(cx->out, "cpu", c->cpu);
	out_bool(cx->out, "holds_up", c->holds_up);
	out_bool(cx->out, "wanted", c->needs_qs);
	out_bool(cx->out, "passed", c->passed_qs);
	out_uint(cx->out, "ticks", c->ticks);
	out_uint(cx->out, "behind", c->behind);
	out_int(cx->out, "callbacks", c->callbacks);
	if (c->has_watching)
		out_hex(cx->out, "watching", c->watching);
	struct err *err = task_current(cx->target, c->cpu, &task);
	if (err)
		out_fault(cx->out, "comm", err);
	else
		show_task(cx, &task);
}

static void show_blocked(struct cx *cx, const struct rcu_blocked *b)
{
	struct task task;
	struct err *err = task_read(cx->target, b->task_va, &task);
	out_row(cx->out);
	out_bool(cx->out, "holds_up", b->holds_up);
	out_strf(cx->out, "cpus", "%u-%u", b->first_cpu, b->last_cpu);
	if (err) {
		out_addr(cx->out, "task", b->task_va);
		out_fault(cx->out, "comm", err);
		return;
	}
	show_task(cx, &task);
	out_str(cx->out, "state", task_state_letter(&task));
}

static void show_state(struct cx *cx, const struct rcu *r)
{
	const struct rcu_grace_period *gp = &r->gp;
	int64_t callbacks = 0;
	unsigned bits = cx->target->abi.word_bytes * 8u;
	for (size_t i = 0; i < r->cpu.n; i++)
		callbacks = (int64_t)((uint64_t)callbacks + (uint64_t)r->cpu.v[i].callbacks);
	out_int(cx->out, "grace_period", sign_extend(gp->seq, bits));
	out_str(cx->out, "state", gp->running ? "running" : "none");
	out_uint(cx->out, "age", gp->age);
	if (r->hz)
		out_uint(cx->out, "seconds", gp->age / r->hz);
	out_int(cx->out, "stall_in", gp->stall_in);
	out_bool(cx->out, "stalled", rcu_stalls(r));
	out_uint(cx->out, "forced", gp->forced);
	out_int(cx->out, "callbacks", callbacks);
	if (gp->thread_va)
		out_addr(cx->out, "thread", gp->thread_va);
	out_str(cx->out, "thread_state", rcu_state_name(gp->state));
	out_uint(cx->out, "thread_idle", gp->thread_idle);
}

static struct err *rcu_run(struct cx *cx, const struct args *a)
{
	scoped_rcu struct rcu r = { 0 };
	struct err *err = target_need_kernel(cx->target);
	(void)a;
	if (!err)
		err = rcu_read(cx->target, &r);
	if (err)
		return err;
	out_table(cx->out, &rcu_table);
	out_row(cx->out);
	show_state(cx, &r);
	out_list_begin(cx->out, "cpus");
	for (size_t i = 0; i < r.cpu.n; i++)
		show_cpu(cx, r.cpu.v + i);
	out_list_end(cx->out);
	out_list_begin(cx->out, "tasks");
	for (size_t i = 0; i < r.blocked.n; i++)
		show_blocked(cx, r.blocked.v + i);
	out_list_end(cx->out);
	if (r.unread)
		out_complain(cx->out, err_wrap(take_ptr(r.first_unread),
					      "%u parts cannot be read; the first", r.unread));
	return NULL;
}

static const char *const rcu_examples[] = {
	"rcu\tsince when the grace period runs, and who holds it up",
	NULL,
};

const struct command cmd_rcu = {
	.name = "rcu",
	.summary = "RCU's grace period, and which CPUs and tasks hold it up",
	.usage = "",
	.details = "STALLED says that the grace period runs and the kernel's own time limit for it "
		   "is over. A CPU holds it up until it passes a quiescent state; a task, while it "
		   "sleeps inside of a critical section (preemptible kernels).",
	.examples = rcu_examples,
	.run = rcu_run,
};
