/* timer: what is to happen later, and when. */
#include <inttypes.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column wheel_columns[] = { { "cpu", .width = 3, .align = ALIGN_RIGHT },
	{ "base", .width = 4, .align = ALIGN_RIGHT },
	{ "expires", .width = 12, .align = ALIGN_RIGHT },
	{ "in", .title = "JIFFIES", .width = 10, .align = ALIGN_RIGHT },
	{ "timer", .width = WIDTH_ADDRESS, .object = "struct timer_list" },
	{ "function", .width = 32 }, { "task", .hidden = true, .object = "struct task_struct" },
	{ "flags", .hidden = true }, { "for", .title = "FOR" }, { 0 } };
static const struct table wheel_table = { .layout = LAYOUT_TABLE, .columns = wheel_columns };

static const struct column hrtimer_columns[] = { { "cpu", .width = 3, .align = ALIGN_RIGHT },
	{ "clock", .width = 14 }, { "soft_expires", .width = 18, .align = ALIGN_RIGHT },
	{ "expires", .width = 18, .align = ALIGN_RIGHT },
	{ "timer", .width = WIDTH_ADDRESS, .object = "struct hrtimer" },
	{ "function", .width = 32 }, { "task", .hidden = true, .object = "struct task_struct" },
	{ "for", .title = "FOR" }, { 0 } };
static const struct table hrtimer_table = { .layout = LAYOUT_TABLE, .columns = hrtimer_columns };

static const struct option timer_options[] = { { 'r', NULL, "the high-resolution timers" },
	{ 'c', "CPUS", "of these CPUs: 0,2-3" }, { 'C', "CPUS", "the same, as crash writes it" },
	{ 0 } };

static void show_function(struct cx *cx, uint64_t va)
{
	scoped_strbuf struct strbuf name = { 0 };
	if (symtab_format(cx->target->syms, va, false, &name))
		out_str(cx->out, "function", strbuf_text(&name));
	else
		out_strf(cx->out, "function", "0x%" PRIx64, va);
}

/* Whom it serves: a task that sleeps, or work that is put off. */
static void show_owner(struct cx *cx, const struct timer *timer)
{
	scoped_strbuf struct strbuf name = { 0 };
	struct task task;
	if (timer->task) {
		struct err *err = task_read(cx->target, timer->task, &task);
		out_addr(cx->out, "task", timer->task);
		if (err)
			out_fault(cx->out, "for", err);
		else
			out_strf(cx->out, "for", "%u %.*s", task.pid, task_comm_length(&task),
				task.comm);
	} else if (timer->work && symtab_format(cx->target->syms, timer->work, false, &name)) {
		out_str(cx->out, "for", strbuf_text(&name));
	}
}

static void show_timer(struct cx *cx, unsigned cpu, const struct timer *timer)
{
	out_row(cx->out);
	out_uint(cx->out, "cpu", cpu);
	out_uint(cx->out, "base", timer->base);
	out_uint(cx->out, "expires", timer->expires);
	out_int(cx->out, "in", timer->left);
	out_addr(cx->out, "timer", timer->va);
	show_function(cx, timer->function);
	out_hex(cx->out, "flags", timer->flags);
	show_owner(cx, timer);
}

static void show_hrtimer(struct cx *cx, unsigned cpu, const struct timer *timer)
{
	out_row(cx->out);
	out_uint(cx->out, "cpu", cpu);
	out_str(cx->out, "clock", timer->clock);
	out_int(cx->out, "soft_expires", (int64_t)timer->soft_expires);
	out_int(cx->out, "expires", (int64_t)timer->expires);
	out_addr(cx->out, "timer", timer->va);
	show_function(cx, timer->function);
	show_owner(cx, timer);
}

/* What cannot be read of one CPU costs the others nothing. */
static struct err *show_cpu(struct cx *cx, unsigned cpu, bool high_resolution)
{
	scoped_timers struct timers all = { 0 };
	struct err *err = high_resolution ? hrtimers_read(cx->target, cpu, &all)
					  : timers_read(cx->target, cpu, &all);
	for (size_t i = 0; i < all.all.n; i++) {
		if (high_resolution)
			show_hrtimer(cx, cpu, &all.all.v[i]);
		else
			show_timer(cx, cpu, &all.all.v[i]);
	}
	if (err && (err->code == ERR_INTERRUPTED || err->code == ERR_MISSING ||
			   err->code == ERR_NOT_FOUND))
		return err;
	if (err)
		out_complain(cx->out, err_wrap(err, "CPU %u", cpu));
	return NULL;
}

static struct err *timer_run(struct cx *cx, const struct args *a)
{
	struct cpu_mask cpus;
	const char *chosen = args_option(a, 'c') ? args_option(a, 'c') : args_option(a, 'C');
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = chosen ? err_wrap(cpu_list_parse(cx->target, chosen, &cpus), "option -c")
			     : cpu_mask_read(cx->target, CPUS_POSSIBLE, &cpus);
	if (err)
		return err;
	out_table(cx->out, args_flag(a, 'r') ? &hrtimer_table : &wheel_table);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++)
		err = show_cpu(cx, cpu, args_flag(a, 'r'));
	return err;
}

static const char *const timer_examples[] = {
	"timer\twhat the timer wheels hold; how many jiffies from then",
	"timer -r\thigh-resolution timers, in nanoseconds of their clock",
	"timer | where function == \"process_timeout+0x0/0x40\" | bt\twho sleeps for a time",
	NULL,
};

const struct command cmd_timer = {
	.name = "timer",
	.summary = "timers that wait to expire",
	.usage = "",
	.details =
		"JIFFIES is counted from where the CPU's wheel stood; what is below 0 was due and "
		"had not "
		"run. FOR is the task that a sleep's timer wakes up, or what a delayed work calls.",
	.options = timer_options,
	.examples = timer_examples,
	.run = timer_run,
};
