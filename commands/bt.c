/* bt: backtraces. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column frame_columns[] = {
	{ "number", .width = 3, .align = ALIGN_RIGHT, .text_only = true },
	{ "stack", .text_only = true },
	{ "location", .text_only = true },
	{ "note", .text_only = true },
	{ "n", .hidden = true },
	{ "sp", .hidden = true },
	{ "pc", .hidden = true },
	{ "symbol", .hidden = true },
	{ "offset", .hidden = true },
	{ "size", .hidden = true },
	{ "module", .hidden = true },
	{ "how", .hidden = true },
	{ "trust", .hidden = true },
	{ "inlined", .hidden = true },
	{ "file", .hidden = true },
	{ "line", .hidden = true },
	{ "pt_regs", .hidden = true },
	{ 0 }
};
static const struct table frame_table = { .layout = LAYOUT_LINES, .columns = frame_columns };

static const struct column bt_columns[] = {
	{ "pid" }, { "task" }, { "cpu" }, { "comm", .title = "COMMAND" },
	{ "source", .hidden = true },
	{ "end", .hidden = true },
	{ "frames", .list = &frame_table },
	{ 0 }
};
static const struct table bt_table = { .layout = LAYOUT_HEADLINE, .columns = bt_columns };

static const struct option bt_options[] = {
	{ 'a', NULL, "the task that each CPU was running" },
	{ 'l', NULL, "show source lines" },
	{ 'i', NULL, "also the functions that were inlined into each, with source lines" },
	{ 0 }
};

static void show_symbol(struct cx *cx, const struct frame *f)
{
	const struct target *t = cx->target;
	struct symbol sym;
	scoped_strbuf struct strbuf location = { 0 };
	if (!symtab_at(t->syms, f->lookup_pc, &sym)) {
		out_strf(cx->out, "location", "0x%llx", (unsigned long long)f->pc);
		return;
	}
	symtab_format(t->syms, f->pc, f->lookup_pc != f->pc, &location);
	out_str(cx->out, "location", strbuf_text(&location));
	out_str(cx->out, "symbol", sym.name);
	out_hex(cx->out, "offset", f->pc - sym.va);
	out_hex(cx->out, "size", sym.size);
	if (sym.module)
		out_str(cx->out, "module", sym.module);
}

/* What the options ask for. */
struct wanted {
	bool lines, inlined;
};

static size_t source_frames(const struct target *t, const struct frame *f, struct source_frame *out)
{
	uint64_t slide = t->image.va - t->image.link_va;
	struct symbol sym;
	uint64_t start = symtab_at(t->syms, f->lookup_pc, &sym) ? sym.va - slide : 0;
	return types_source_frames(t->types, f->lookup_pc - slide, start, out);
}

static void show_line(struct cx *cx, const struct source_frame *f, struct strbuf *note)
{
	if (!f->file)
		return;
	out_str(cx->out, "file", f->file);
	out_int(cx->out, "line", f->line);
	strbuf_addf(note, " %s:%d", f->file, f->line);
}

static void show_place(struct cx *cx, const struct frame *f, unsigned n)
{
	out_uint(cx->out, "n", n);
	out_addr(cx->out, "sp", f->sp);
	out_addr(cx->out, "pc", f->pc);
	out_str(cx->out, "how", frame_how_name(f->how));
	out_str(cx->out, "trust", frame_trust_name(f->trust));
}

/* A function that the compiler put into frame @n, which has no frame of its own. */
static void show_inlined(
	struct cx *cx, const struct frame *f, unsigned n, const struct source_frame *inlined)
{
	scoped_strbuf struct strbuf note = { 0 };
	out_row(cx->out);
	show_place(cx, f, n);
	out_str(cx->out, "location", inlined->function);
	out_str(cx->out, "symbol", inlined->function);
	out_bool(cx->out, "inlined", true);
	show_line(cx, inlined, &note);
	strbuf_add(&note, " (inlined)");
	out_str(cx->out, "note", strbuf_text(&note) + 1);
}

static void show_frame(struct cx *cx, const struct frame *f, unsigned n, struct wanted want)
{
	scoped_strbuf struct strbuf note = { 0 };
	struct source_frame source[SOURCE_FRAMES_MAX] = { 0 };
	size_t nsource = want.lines || want.inlined ? source_frames(cx->target, f, source) : 0;
	for (size_t i = 0; want.inlined && i + 1 < nsource; i++)
		show_inlined(cx, f, n, &source[i]);
	out_row(cx->out);
	out_strf(cx->out, "number", "#%u", n);
	out_strf(cx->out, "stack", "[%0*llx]", cx->target->abi.word_bytes * 2,
		(unsigned long long)f->sp);
	show_place(cx, f, n);
	show_symbol(cx, f);
	out_bool(cx->out, "inlined", false);
	if (f->pt_regs_va) {
		out_addr(cx->out, "pt_regs", f->pt_regs_va);
		strbuf_addf(&note, " <exception frame at 0x%llx>", (unsigned long long)f->pt_regs_va);
	}
	/* With -i each function has its own line, without it the innermost one's stands for all. */
	if (nsource)
		show_line(cx, &source[want.inlined ? nsource - 1 : 0], &note);
	if (f->trust != TRUST_SURE)
		strbuf_addf(&note, " (%s)", frame_trust_name(f->trust));
	if (note.len)
		out_str(cx->out, "note", strbuf_text(&note) + 1);
}

static struct err *show_task(struct cx *cx, const struct task *task, struct wanted want)
{
	struct trace trace;
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
	struct err *err = trace_task(cx->target, task, cx->arena, &trace);
	if (err)
		return err_wrap(err, "pid %u", task->pid);
	out_str(cx->out, "source", trace.source);
	out_str(cx->out, "end", trace.end);
	out_list_begin(cx->out, "frames");
	for (size_t i = 0; i < trace.nframes; i++)
		show_frame(cx, &trace.frame[i], (unsigned)i, want);
	out_list_end(cx->out);
	if (trace.broken)
		out_complain(cx->out, err_new(ERR_FORMAT, "pid %u: the chain breaks off after frame "
			"%zu: %s", task->pid, trace.nframes - 1, trace.end));
	return NULL;
}

static struct err *show_all_cpus(struct cx *cx, struct wanted want)
{
	struct cpu_mask cpus;
	struct err *err = cpu_mask_read(cx->target, CPUS_PRESENT, &cpus);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		struct task task;
		err = task_current(cx->target, cpu, &task);
		if (!err)
			err = show_task(cx, &task, want);
		if (err && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err_wrap(err, "CPU %u", cpu));
			err = NULL;
		}
	}
	return err;
}

static struct err *bt_run(struct cx *cx, const struct args *a)
{
	struct task task;
	struct wanted want = { .lines = args_flag(a, 'l'), .inlined = args_flag(a, 'i') };
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	out_table(cx->out, &bt_table);
	if (args_flag(a, 'a'))
		return show_all_cpus(cx, want);
	if (!args_count(a)) {
		err = current_task(cx, &task);
		return err ? err : show_task(cx, &task, want);
	}
	for (int i = 0; i < args_count(a); i++) {
		err = arg_task(cx, a, i, &task);
		if (!err)
			err = show_task(cx, &task, want);
		if (err && (err->code == ERR_USAGE || err->code == ERR_INTERRUPTED))
			return err;
		if (err)
			out_complain(cx->out, err);
	}
	return NULL;
}

static const char *const bt_examples[] = {
	"bt\tthe current task (set), at first the one that panicked",
	"bt 1\tpid 1",
	"bt -a\twhat every CPU was doing",
	NULL,
};

const struct command cmd_bt = {
	.name = "bt",
	.summary = "backtrace of a task's kernel stack",
	.usage = "[PID|TASK…]",
	.options = bt_options,
	.examples = bt_examples,
	.max_args = -1,
	.complete = "task",
	.run = bt_run,
};
