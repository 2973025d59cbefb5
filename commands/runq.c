/* runq: what each CPU was running, and who waited for it. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column entry_columns[] = { { "class", .width = 8 },
	{ "prio", .width = 5, .align = ALIGN_RIGHT }, { "pid", .width = 7, .align = ALIGN_RIGHT },
	{ "task", .width = WIDTH_ADDRESS, .object = "struct task_struct" },
	{ "comm", .title = "COMMAND", .width = 15 }, { "note" },
	{ "vruntime", .hidden = true }, { "deadline", .hidden = true }, { "depth", .hidden = true },
	{ "last_run", .hidden = true }, { 0 } };
static const struct table entry_table = { .layout = LAYOUT_TABLE, .columns = entry_columns };

static const struct column runq_columns[] = { { "cpu" }, { "rq" }, { "clock" },
	{ "running_for", .title = "RUNNING FOR" }, { "current", .title = "CURRENT" },
	{ "pid", .hidden = true }, { "task", .hidden = true, .object = "struct task_struct" },
	{ "comm", .hidden = true },
	{ "prio", .hidden = true }, { "last_run", .hidden = true },
	{ "nr_running", .hidden = true }, { "fair_running", .hidden = true },
	{ "rt_running", .hidden = true }, { "deadline_running", .hidden = true },
	{ "fair", .hidden = true }, { "rt", .hidden = true }, { "deadline", .hidden = true },
	{ "queued", .list = &entry_table }, { 0 } };
static const struct table runq_table = { .layout = LAYOUT_HEADLINE, .columns = runq_columns };

static const struct option runq_options[] = {
	{ 't', NULL, "with the queue's clock, and when each task last got a CPU by it" },
	{ 'm', NULL, "with how long the current task has been running" },
	{ 'c', "CPU", "only this CPU" }, { 0 }
};

struct queue_state {
	struct cx *cx;
	const struct args *a;
	const struct runqueue *rq;
	enum runqueue_class class;
};

static void complain(void *cx, struct err *err)
{
	struct queue_state *s = cx;
	out_complain(s->cx->out, err_wrap(err, "%s queue", runqueue_class_name(s->class)));
}

static void show_note(struct queue_state *s, const struct runqueue_entry *e)
{
	struct task_times times;
	scoped_strbuf struct strbuf note = { 0 };
	struct err *err = task_times_read(s->cx->target, &e->task, &times);
	if (err) {
		out_fault(s->cx->out, "last_run", err);
	} else {
		out_seconds(s->cx->out, "last_run", times.last_run_ns);
		if (args_flag(s->a, 't'))
			strbuf_addf(&note, " [%llu.%09llu]",
				(unsigned long long)(times.last_run_ns / 1000000000),
				(unsigned long long)(times.last_run_ns % 1000000000));
	}
	if (e->task.va == s->rq->curr)
		strbuf_add(&note, " current");
	if (e->delayed)
		strbuf_add(&note, " asleep, not yet taken off");
	if (note.len)
		out_str(s->cx->out, "note", strbuf_text(&note) + 1);
}

static struct err *show_entry(void *cx, const struct runqueue_entry *e)
{
	struct queue_state *s = cx;
	struct out *o = s->cx->out;
	out_row(o);
	out_str(o, "class", runqueue_class_name(s->class));
	out_int(o, "prio", e->task.prio);
	out_uint(o, "pid", e->task.pid);
	out_addr(o, "task", e->task.va);
	out_str_n(o, "comm", e->task.comm, (size_t)task_comm_length(&e->task));
	if (s->class == RUNQUEUE_FAIR)
		out_uint(o, "vruntime", e->vruntime);
	if (e->deadline)
		out_uint(o, "deadline", e->deadline);
	out_uint(o, "depth", e->depth);
	show_note(s, e);
	return NULL;
}

static void show_current(struct queue_state *s)
{
	struct out *o = s->cx->out;
	struct task task;
	struct task_times times;
	struct err *err = task_read(s->cx->target, s->rq->curr, &task);
	if (!err)
		err = task_times_read(s->cx->target, &task, &times);
	if (err) {
		out_fault(o, "current", err);
		return;
	}
	uint64_t since =
		s->rq->clock_ns > times.last_run_ns ? s->rq->clock_ns - times.last_run_ns : 0;
	if (args_flag(s->a, 'm'))
		out_seconds(o, "running_for", since);
	out_strf(o, "current", "%u %.*s%s", task.pid, task_comm_length(&task), task.comm,
		task.va == s->rq->idle ? " (idle)" : "");
	out_uint(o, "pid", task.pid);
	out_addr(o, "task", task.va);
	out_str_n(o, "comm", task.comm, (size_t)task_comm_length(&task));
	out_int(o, "prio", task.prio);
	out_seconds(o, "last_run", times.last_run_ns);
}

static struct err *show_queue(struct cx *cx, const struct args *a, unsigned cpu)
{
	struct runqueue rq;
	struct out *o = cx->out;
	struct err *err = runqueue_read(cx->target, cpu, &rq);
	if (err)
		return err;
	struct queue_state s = { .cx = cx, .a = a, .rq = &rq };
	struct runqueue_walk w = {
		.t = cx->target, .each = show_entry, .wrong = complain, .cx = &s
	};
	out_row(o);
	out_uint(o, "cpu", cpu);
	out_addr(o, "rq", rq.va);
	if (args_flag(a, 't'))
		out_seconds(o, "clock", rq.clock_ns);
	if (rq.curr)
		show_current(&s);
	else
		out_str(o, "current", "none: this CPU never came up");
	out_uint(o, "nr_running", rq.nr_running);
	out_uint(o, "fair_running", rq.fair_running);
	out_uint(o, "rt_running", rq.rt_running);
	out_uint(o, "deadline_running", rq.deadline_running);
	out_addr(o, "fair", rq.fair_va);
	out_addr(o, "rt", rq.rt_va);
	out_addr(o, "deadline", rq.deadline_va);
	out_list_begin(o, "queued");
	for (unsigned c = RUNQUEUE_STOP; rq.curr && !err && c <= RUNQUEUE_FAIR; c++) {
		s.class = c;
		err = runqueue_each(&w, &rq, c);
	}
	out_list_end(o);
	return err;
}

static struct err *runq_run(struct cx *cx, const struct args *a)
{
	struct cpu_mask cpus;
	uint64_t only;
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = cpu_mask_read(cx->target, CPUS_POSSIBLE, &cpus);
	if (!err)
		err = args_option_uint(a, 'c', CPUS_MAX, &only);
	if (!err && args_option(a, 'c') &&
		(only >= CPUS_MAX || !cpu_mask_has(&cpus, (unsigned)only)))
		err = err_new(ERR_USAGE, "there is no CPU %s", args_option(a, 'c'));
	out_table(cx->out, &runq_table);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		if (only < CPUS_MAX && cpu != only)
			continue;
		err = show_queue(cx, a, cpu);
		if (err && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err_wrap(err, "CPU %u", cpu));
			err = NULL;
		}
	}
	return err;
}

static const char *const runq_examples[] = {
	"runq\tcurrent and waiting tasks of every CPU",
	"runq -t\twith time stamps",
	"runq -c 1\tonly CPU 1",
	NULL,
};

const struct command cmd_runq = {
	.name = "runq",
	.summary = "run queues: the current task and who waits, by class",
	.usage = "",
	.details = "The fair class's current task is in no queue; the real-time class's is, and is "
		   "marked. "
		   "Tasks of groups stand among their CPU's.",
	.options = runq_options,
	.examples = runq_examples,
	.run = runq_run,
};
