/* bt: backtraces, and what else stacks hold. Rows of frames and of stacks are the shell's; here is
 * who is meant and what of it. */
#include "analyzer/api.h"
#include "analyzer/model.h"

#include <string.h>

static const struct column bt_columns[] = { { "pid" }, { "task" }, { "cpu" },
	{ "comm", .title = "COMMAND" }, { "source", .hidden = true }, { "end", .hidden = true },
	{ "gone", .text_only = true }, { "frames", .list = &frame_rows_table },
	{ "user_block", .text_only = true },
	{ "user_regs", .hidden = true, .list = &register_rows_table },
	{ "user_frames", .list = &user_frame_rows_table }, { "user_end", .hidden = true },
	{ "raw", .list = &raw_rows_table }, { "texts", .list = &text_rows_table },
	{ "exceptions", .list = &exception_rows_table }, { 0 } };
static const struct table bt_table = { .layout = LAYOUT_HEADLINE, .columns = bt_columns };

static const struct column check_columns[] = { { "tasks", .title = "STACKS CHECKED" },
	{ "overflows" }, { 0 } };
static const struct table check_table = { .layout = LAYOUT_RECORD, .columns = check_columns };

static const struct option bt_options[] = { { 'a', NULL, "the task that each CPU was running" },
	{ 'c', "CPUS", "the task that each of these CPUs was running: 3 or 1,8-11" },
	{ 'p', NULL, "the task that panicked" },
	{ 'g', NULL, "all threads of the task's process, the leader first" },
	{ 'n', NULL,
		"frames are numbered, for frame N (they always are); 'bt -a -n idle' leaves idle "
		"tasks out" },
	{ 'l', NULL, "show source lines" },
	{ 'i', NULL, "also the functions that were inlined into each, with source lines" },
	{ 's', NULL, "symbols with offsets (always so)" },
	{ 'x', NULL, "offsets in hex (always so)" },
	{ 'b', NULL,
		"the build-id of each module, as kernels print it with "
		"CONFIG_STACKTRACE_BUILD_ID" },
	{ 'f', NULL, "the words that each frame has on the stack" },
	{ 'F', NULL, "the same, with symbols and, in brackets, slab caches in place of addresses" },
	{ '2', NULL, "the same as -F, and the slab objects' addresses too", .word = "FF" },
	{ 't', NULL, "addresses of code on the stack, from the stack pointer up" },
	{ 'T', NULL, "the same from the stack's lower end" },
	{ 'r', NULL, "the whole stack as words" },
	{ 'e', NULL, "exception frames that a search of the stack finds" },
	{ 'E', NULL, "the same on the stacks of each CPU (irq, overflow, …); -c chooses CPUs" },
	{ 'k', NULL, "the kernel's frames only, not those of the program below them" },
	{ 'v', NULL, "check every task's stack for overflow: its end, thread_info, stack pointer" },
	{ 'R', "SYMBOL", "only tasks whose trace has this function, or this address" },
	{ 'S', "SP", "begin at this stack pointer" },
	{ 'I', "PC", "begin with this program counter" },
	{ 'o', NULL, "refused: crash's older methods do not exist here" },
	{ 'O', NULL, "refused, like -o" }, { 0 } };

/* What the options ask for. */
struct wanted {
	struct frame_style style;
	struct trace_start start;
	const char *reference; /* -R */
	bool texts, texts_from_end, raw, exceptions;
	bool threads, no_idle, kernel_only;
};

/* ---- one task ---------------------------------------------------------------------------- */

static struct err *read_trace(
	struct cx *cx, const struct task *task, const struct wanted *want, struct trace *ret)
{
	if (want->start.has_pc || want->start.has_sp)
		return trace_task_from(cx->target, task, &want->start, cx->arena, ret);
	return trace_task(cx->target, task, cx->arena, ret);
}

/* Whether a frame is in function @text, or has the address @text as its pc or stack pointer. */
static bool trace_has(const struct cx *cx, const struct trace *trace, const char *text)
{
	struct symbol sym;
	uint64_t va;
	bool number = number_parse_hex(text, &va);
	for (size_t i = 0; i < trace->nframes; i++) {
		const struct frame *f = &trace->frame[i];
		if (number && (f->pc == va || f->sp == va))
			return true;
		if (symtab_at(cx->target->syms, f->lookup_pc, &sym) && !strcmp(sym.name, text))
			return true;
	}
	return false;
}

static void show_identity(struct cx *cx, const struct task *task)
{
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
}

/* The registers of user mode: what it was running, or what it left at its entry into the kernel.
 * False: there are none. */
static bool show_user_regs(
	struct cx *cx, const struct task *task, bool running_user, struct regs *ret)
{
	struct exception_frame f;
	if (!running_user) {
		if (!exception_frame_of_user(cx->target, task, &f))
			return false;
		register_rows_show(cx, "user_regs", "user_block", &f.regs, &f);
		*ret = f.regs;
		return true;
	}
	struct task_regs now;
	struct err *err = task_regs_read(cx->target, task, &now);
	if (err) {
		out_fault(cx->out, "user_regs", err);
		return false;
	}
	register_rows_show(cx, "user_regs", "user_block", &now.regs, NULL);
	*ret = now.regs;
	return true;
}

/* What the program was doing. That its memory is missing is no failure of the trace. */
static void show_user_frames(struct cx *cx, const struct task *task, const struct regs *regs)
{
	struct user_trace trace;
	scoped_err struct err *err = user_trace_read(cx->target, task, regs, cx->arena, &trace);
	if (err) {
		out_str(cx->out, "user_end", err->msg);
		return;
	}
	user_frame_rows_show(cx, "user_frames", &trace);
	out_str(cx->out, "user_end", trace.end);
}

static void show_trace(struct cx *cx, const struct task *task, const struct trace *trace,
	const struct wanted *want)
{
	out_str(cx->out, "source", trace->source);
	out_str(cx->out, "end", trace->end);
	if (!task->stack)
		out_block(cx->out, "gone", trace->end);
	out_list_begin(cx->out, "frames");
	for (size_t i = 0; i < trace->nframes; i++)
		frame_rows_show(cx, task, trace, i, want->style);
	out_list_end(cx->out);
	struct regs regs;
	if (show_user_regs(cx, task, trace->user, &regs) && !want->kernel_only)
		show_user_frames(cx, task, &regs);
	if (trace->broken)
		out_complain(cx->out, err_new(ERR_FORMAT,
					      "pid %u: the chain breaks off after frame "
					      "%zu: %s",
					      task->pid, trace->nframes - 1, trace->end));
}

/* The stack that the task was on, and where its pointer stood; its own from the lower end when that
 * is not known. */
static void find_stack(struct cx *cx, const struct task *task, struct stack *ret, uint64_t *ret_sp)
{
	struct task_regs regs;
	unsigned sp_reg = cx->target->arch->reg_sp;
	struct err *err = task_regs_read(cx->target, task, &regs);
	*ret_sp =
		!err && !regs.sp_unknown && regs_has(&regs.regs, sp_reg) ? regs.regs.v[sp_reg] : 0;
	err_drop(err); /* a stack can be looked at without */
	if (*ret_sp && stack_find(cx->target, task, *ret_sp, ret))
		return;
	*ret_sp = 0;
	stack_of_task(cx->target, task, 0, ret);
}

/* -e: the task's own stack, and of a task that was running its CPU's others too. */
static struct err *show_exceptions(struct cx *cx, const struct task *task, uint64_t sp)
{
	enum { STACKS_MAX = 8 };
	struct stack stacks[STACKS_MAX];
	size_t n = 0;
	bool running = task_is_running(cx->target, task);
	for (unsigned i = 0; n < STACKS_MAX && (!i || running); i++) {
		if (!stack_of_task(cx->target, task, i, &stacks[n]))
			break;
		n += stacks[n].hi > stacks[n].lo;
	}
	return exception_rows_show(cx, "exceptions", task, stacks, n, sp);
}

static struct err *show_stack(struct cx *cx, const struct task *task, const struct wanted *want)
{
	struct stack stack = { 0 };
	uint64_t sp;
	struct err *err = NULL;
	show_identity(cx, task);
	find_stack(cx, task, &stack, &sp);
	if (stack.hi <= stack.lo)
		return err_new(ERR_MISSING, "pid %u: its stack is gone", task->pid);
	if (want->start.has_sp && stack_find(cx->target, task, want->start.sp, &stack))
		sp = want->start.sp;
	if (want->raw)
		err = raw_rows_show(cx, "raw", &stack, stack.lo);
	if (!err && (want->texts || want->texts_from_end))
		err = text_rows_show(cx, "texts", &stack, want->texts_from_end ? stack.lo : sp);
	if (!err && want->exceptions)
		err = show_exceptions(cx, task, sp);
	return err_wrap(err, "pid %u", task->pid);
}

static struct err *show_task(struct cx *cx, const struct task *task, const struct wanted *want)
{
	struct trace trace;
	bool view = want->raw || want->texts || want->texts_from_end || want->exceptions;
	if (want->no_idle && !task->pid)
		return NULL;
	if (view && !want->reference)
		return show_stack(cx, task, want);
	struct err *err = read_trace(cx, task, want, &trace);
	if (!err && want->reference && !trace_has(cx, &trace, want->reference))
		return NULL;
	if (!err && view)
		return show_stack(cx, task, want);
	show_identity(cx, task);
	if (err)
		return err_wrap(err, "pid %u", task->pid);
	show_trace(cx, task, &trace, want);
	return NULL;
}

/* ---- who is meant ------------------------------------------------------------------------ */

/* What is wrong with one is complained about, so that the next follows. */
static struct err *one_of_many(struct cx *cx, struct err *err)
{
	if (!err || err->code == ERR_INTERRUPTED || err->code == ERR_USAGE)
		return err;
	out_complain(cx->out, err);
	return NULL;
}

static struct err *show_process(struct cx *cx, const struct task *one, const struct wanted *want)
{
	struct task_iter it;
	struct task task;
	bool more = true;
	struct err *err = task_iter_init(&it, cx->target);
	while (!err && more) {
		err = task_iter_next(&it, &task, &more);
		if (!err && more && task.tgid == one->tgid && task.pid)
			err = show_task(cx, &task, want);
		if (more)
			err = one_of_many(cx, err);
	}
	return err;
}

static struct err *show_wanted(struct cx *cx, const struct task *task, const struct wanted *want)
{
	return want->threads && task->pid ? show_process(cx, task, want)
					  : show_task(cx, task, want);
}

static struct err *show_cpus(struct cx *cx, const struct args *a, const struct wanted *want)
{
	struct cpu_mask cpus;
	const char *list = args_option(a, 'c');
	struct err *err = list ? cpu_list_parse(cx->target, list, &cpus)
			       : cpu_mask_read(cx->target, CPUS_PRESENT, &cpus);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		struct task task;
		err = task_current(cx->target, cpu, &task);
		if (!err)
			err = show_wanted(cx, &task, want);
		if (err && err->code != ERR_INTERRUPTED)
			err = err_wrap(err, "CPU %u", cpu);
		err = one_of_many(cx, err);
	}
	return err;
}

/* -E: the stacks of CPUs, whoever used them. */
static struct err *show_cpu_stacks(struct cx *cx, const struct args *a)
{
	enum { STACKS_MAX = 8 };
	struct cpu_mask cpus;
	const char *list = args_option(a, 'c');
	struct err *err = list ? cpu_list_parse(cx->target, list, &cpus)
			       : cpu_mask_read(cx->target, CPUS_PRESENT, &cpus);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		struct stack stacks[STACKS_MAX];
		size_t n = 0;
		struct task on_cpu = { .cpu = cpu };
		for (unsigned i = 1; n < STACKS_MAX; i++) {
			if (!stack_of_task(cx->target, &on_cpu, i, &stacks[n]))
				break;
			n += stacks[n].hi > stacks[n].lo;
		}
		out_row(cx->out);
		out_uint(cx->out, "cpu", cpu);
		err = one_of_many(cx, exception_rows_show(cx, "exceptions", NULL, stacks, n, 0));
	}
	return err;
}

/* ---- -v ---------------------------------------------------------------------------------- */

/* What crash calls an overflow: stackcheck says more, of all stacks. */
static struct err *check_stack_of(struct cx *cx, const struct task *task, struct arena *scratch,
	uint64_t *io_checked, uint64_t *io_bad)
{
	struct stack_check c;
	struct err *err = stack_check_task(cx->target, task, scratch, &c);
	if (err)
		return err;
	if (c.has_end && !c.end_known)
		return err_new(ERR_FORMAT, "pid %u: its stack's end, 0x%llx, cannot be read",
			task->pid, (unsigned long long)c.end_va);
	++*io_checked;
	const char *what = c.findings & STACK_OVERFLOWED ? "its stack pointer was below it"
			   : c.findings & STACK_INFO_LOST
				   ? "thread_info at its end is not this task's"
				   : NULL;
	if (c.findings & STACK_END_LOST)
		out_complain(cx->out, err_new(ERR_FORMAT,
					      "pid %u: stack overflow: at its stack's end, "
					      "0x%llx, is 0x%llx and not 0x%x",
					      task->pid, (unsigned long long)c.end_va,
					      (unsigned long long)c.end_word, STACK_END_MAGIC));
	else if (what)
		out_complain(
			cx->out, err_new(ERR_FORMAT, "pid %u: stack overflow: %s (stack 0x%llx)",
					 task->pid, what, (unsigned long long)task->stack));
	*io_bad += what || c.findings & STACK_END_LOST;
	return NULL;
}

static struct err *check_stacks(struct cx *cx)
{
	struct task_iter it;
	struct task task;
	struct arena scratch = { 0 };
	bool more = true;
	uint64_t ignored, checked = 0, overflows = 0;
	if (!target_number(cx->target, "offsetof(task_struct.thread_info)", &ignored) &&
		!target_number(cx->target, "sizeof(thread_info)", &ignored))
		return err_new(ERR_MISSING,
			"where stacks end cannot be told without types; sys -b says "
			"what was looked for");
	struct err *err = task_iter_init(&it, cx->target);
	while (!err && more) {
		err = task_iter_next(&it, &task, &more);
		arena_reset(&scratch);
		/* The first task's stack is the image's own and has its magic too; a dead one's is
		 * gone. */
		if (!err && more && task.stack)
			err = check_stack_of(cx, &task, &scratch, &checked, &overflows);
		if (more)
			err = one_of_many(cx, err);
	}
	arena_deinit(&scratch);
	if (err)
		return err;
	out_table(cx->out, &check_table);
	out_row(cx->out);
	out_uint(cx->out, "tasks", checked);
	out_uint(cx->out, "overflows", overflows);
	return NULL;
}

/* ---- options ----------------------------------------------------------------------------- */

static struct err *read_options(const struct args *a, struct wanted *ret)
{
	*ret = (struct wanted){
		.style = { .lines = args_flag(a, 'l'),
			.inlined = args_flag(a, 'i'),
			.build_id = args_flag(a, 'b') },
		.start = { .has_pc = args_option(a, 'I'), .has_sp = args_option(a, 'S') },
		.reference = args_option(a, 'R'),
		.texts = args_flag(a, 't'),
		.texts_from_end = args_flag(a, 'T'),
		.raw = args_flag(a, 'r'),
		.exceptions = args_flag(a, 'e'),
		.threads = args_flag(a, 'g'),
		.kernel_only = args_flag(a, 'k'),
	};
	ret->style.words = args_flag(a, '2')   ? WORDS_OWNERS
			   : args_flag(a, 'F') ? WORDS_SYMBOLS
			   : args_flag(a, 'f') ? WORDS_HEX
					       : WORDS_NONE;
	if (args_flag(a, 'o') || args_flag(a, 'O'))
		return err_new(ERR_USAGE,
			"-o and -O choose among methods that crash has for x86 and for old "
			"arm64 kernels; here all that is known is used, and each frame says how it "
			"was "
			"found (with --json: how, trust)");
	if (ret->start.has_pc && !number_parse_hex(args_option(a, 'I'), &ret->start.pc))
		return err_new(ERR_USAGE, "-I needs an address, not \"%s\"", args_option(a, 'I'));
	if (ret->start.has_sp && !number_parse_hex(args_option(a, 'S'), &ret->start.sp))
		return err_new(ERR_USAGE, "-S needs an address, not \"%s\"", args_option(a, 'S'));
	return NULL;
}

static struct err *show_named(
	struct cx *cx, const struct args *a, const struct wanted *want, int first)
{
	struct task task;
	struct err *err = NULL;
	if (args_flag(a, 'p') || args_count(a) == first) {
		err = args_flag(a, 'p') ? first_task(cx, &task) : current_task(cx, &task);
		return err ? err : show_wanted(cx, &task, want);
	}
	for (int i = first; !err && i < args_count(a); i++) {
		err = arg_task(cx, a, i, &task);
		if (!err)
			err = show_wanted(cx, &task, want);
		err = one_of_many(cx, err);
	}
	return err;
}

static struct err *show_who(struct cx *cx, const struct args *a, struct wanted *want)
{
	int first = 0;
	/* crash: "bt -a -n idle" */
	if (args_flag(a, 'n') && args_count(a) && !strcmp(args_get(a, 0), "idle")) {
		want->no_idle = true;
		first = 1;
	}
	out_table(cx->out, &bt_table);
	if (args_flag(a, 'E'))
		return show_cpu_stacks(cx, a);
	if (args_flag(a, 'a') || args_option(a, 'c'))
		return show_cpus(cx, a, want);
	return show_named(cx, a, want, first);
}

static struct err *bt_run(struct cx *cx, const struct args *a)
{
	struct wanted want;
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = read_options(a, &want);
	if (err)
		return err;
	if (args_flag(a, 'v'))
		return check_stacks(cx);
	return show_who(cx, a, &want);
}

static const char *const bt_examples[] = {
	"bt\tthe current task (set), at first the one that panicked",
	"bt 1\tpid 1",
	"bt -a\twhat every CPU was doing",
	"bt -t\tthe addresses of code on the stack, where a trace breaks off",
	"foreach bt -R schedule_timeout\ttasks that are in this function",
	NULL,
};

const struct command cmd_bt = {
	.name = "bt",
	.summary = "backtrace of a task's kernel stack",
	.usage = "[PID|TASK…]",
	.details = "Below a frame that was interrupted stand the registers of its exception frame, "
		   "and below "
		   "the last one those of user mode. Frames that are not sure say so: a \"likely\" "
		   "one was "
		   "only in a register, or its chain began with a searched stack pointer.",
	.options = bt_options,
	.examples = bt_examples,
	.max_args = -1,
	.complete = "task",
	.run = bt_run,
};
