/* regs: the registers of each CPU by all that say them, decoded. Not those of a task's frames. */
#include "analyzer/api.h"
#include "analyzer/model.h"

#include <string.h>

static const struct column register_columns[] = { { "name", .width = 8, .align = ALIGN_RIGHT },
	{ "value" }, { "symbol" }, { "meaning" }, { "stripped", .hidden = true }, { 0 } };
static const struct table register_table = { .layout = LAYOUT_LINES, .columns = register_columns };

static const struct column other_columns[] = { { "source" }, { "pc" }, { "symbol" },
	{ "sp", .hidden = true }, { "pt_regs", .hidden = true },
	{ "registers", .list = &register_table }, { 0 } };
static const struct table other_table = { .layout = LAYOUT_LINES, .columns = other_columns };

static const struct column regs_columns[] = { { "cpu" }, { "pid" }, { "task" },
	{ "comm", .title = "COMMAND" }, { "source" }, { "guess", .hidden = true },
	{ "fault_address", .title = "LAST USER FAULT" }, { "fault_code", .title = "CODE" },
	{ "fault_trap", .title = "TRAP" }, { "fault_meaning", .title = "THAT IS" },
	{ "disagreement" }, { "registers", .list = &register_table },
	{ "others", .title = "OTHER SOURCES", .list = &other_table }, { 0 } };
static const struct table regs_table = { .layout = LAYOUT_HEADLINE, .columns = regs_columns };

static const struct option regs_options[] = { { 'c', "CPU", "only this CPU" },
	{ 'a', NULL, "all registers of the other sources, too" }, { 0 } };

/* What the kernel noted of the task's last fault in user mode: arch/arm64/include/asm/processor.h
 * and arch/arm/include/asm/processor.h, v6.1, struct thread_struct. Zero where it had none. */
struct last_fault {
	uint64_t address, code, trap;
};
static const struct view_field fault_fields[] = {
	FIELD_OPTIONAL(struct last_fault, address, "thread.fault_address", "thread.address"),
	FIELD_OPTIONAL(struct last_fault, code, "thread.fault_code", "thread.error_code"),
	FIELD_OPTIONAL(struct last_fault, trap, "thread.trap_no"),
};
static const struct view_spec fault_spec = { .type = "task_struct",
	.hint = "init/main.c",
	.fields = fault_fields,
	.nfields = ARRAY_SIZE(fault_fields) };

static void show_fault(struct cx *cx, const struct task *task)
{
	const struct view *view;
	struct last_fault fault = { 0 };
	struct fault_status said;
	struct err *err = target_view(cx->target, &fault_spec, &view);
	if (!err)
		err = view_read(view, cx->target->kernel, task->va, &fault);
	if (err) {
		out_fault(cx->out, "fault_address", err);
		return;
	}
	if (!fault.address && !fault.code)
		return;
	out_addr(cx->out, "fault_address", fault.address);
	out_hex(cx->out, "fault_code", fault.code);
	if (view_has(view, 2))
		out_uint(cx->out, "fault_trap", fault.trap);
	cx->target->arch->describe_fault(fault.code, &said);
	out_strf(cx->out, "fault_meaning", "%s%s%s", said.what, said.details ? ", " : "",
		said.details ? said.details : "");
}

/* A pointer into code has its symbol, also under a signature, which is shown then. */
static void show_symbol(struct cx *cx, uint64_t va)
{
	struct target *t = cx->target;
	struct symbol sym;
	scoped_strbuf struct strbuf name = { 0 };
	uint64_t plain = t->arch->strip(&vspace_facts(t->kernel)->layout, va);
	if (!symtab_at(t->syms, plain, &sym))
		return;
	symtab_format(t->syms, plain, false, &name);
	out_str(cx->out, "symbol", strbuf_text(&name));
	if (plain == va)
		return;
	out_addr(cx->out, "stripped", plain);
	out_strf(cx->out, "meaning", "(without its signature 0x%llx)", (unsigned long long)plain);
}

static void show_register(struct cx *cx, const struct regs *regs, unsigned i, bool user)
{
	const struct arch *arch = cx->target->arch;
	scoped_strbuf struct strbuf words = { 0 };
	out_row(cx->out);
	out_str(cx->out, "name", arch->reg_name[i]);
	out_addr(cx->out, "value", regs->v[i]);
	if (i == arch->reg_status) {
		arch->describe_status(regs->v[i], &words);
		out_str(cx->out, "meaning", strbuf_text(&words));
	} else if (!user) {
		show_symbol(cx, regs->v[i]);
	}
}

/* The ones that say most come first; what a source does not know is left out. */
static void show_registers(struct cx *cx, const struct regs *regs)
{
	const struct arch *arch = cx->target->arch;
	const unsigned first[] = { arch->reg_pc, arch->reg_lr, arch->reg_sp, arch->reg_status };
	bool user = arch->user_mode(regs);
	uint64_t left = regs->valid;
	out_list_begin(cx->out, "registers");
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		if (left >> first[i] & 1)
			show_register(cx, regs, first[i], user);
		left &= ~(1ull << first[i]);
	}
	for (unsigned i = 0; i < arch->nregs; i++)
		if (left >> i & 1)
			show_register(cx, regs, i, user);
	out_list_end(cx->out);
}

/* ---- the other sources ------------------------------------------------------------------- */

/* Another source, in the list of them. */
static void show_other(
	struct cx *cx, const char *source, const struct regs *regs, uint64_t pt_regs_va, bool all)
{
	const struct arch *arch = cx->target->arch;
	scoped_strbuf struct strbuf name = { 0 };
	uint64_t pc = regs->v[arch->reg_pc];
	out_row(cx->out);
	out_str(cx->out, "source", source);
	out_addr(cx->out, "pc", pc);
	if (arch->user_mode(regs))
		out_str(cx->out, "symbol", "(user mode)");
	else if (symtab_format(cx->target->syms, pc, false, &name))
		out_str(cx->out, "symbol", strbuf_text(&name));
	if (regs_has(regs, arch->reg_sp))
		out_addr(cx->out, "sp", regs->v[arch->reg_sp]);
	if (pt_regs_va)
		out_addr(cx->out, "pt_regs", pt_regs_va);
	if (all)
		show_registers(cx, regs);
}

/* What a CPU that was stopped runs: arch/arm64/kernel/smp.c, arch/arm/kernel/smp.c, v4.19 to
 * v7.2. */
static bool stops_a_cpu(const struct target *t, const struct frame *f)
{
	static const char *const names[] = { "local_cpu_stop", "ipi_cpu_stop", "ipi_cpu_crash_stop",
		"cpu_park_loop", "ipi_handler", "handle_IPI", "do_handle_IPI",
		"panic_smp_self_stop" };
	struct symbol sym;
	for (size_t i = 0; i < ARRAY_SIZE(names) && symtab_at(t->syms, f->lookup_pc, &sym); i++)
		if (!strcmp(sym.name, names[i]))
			return true;
	return false;
}

/* Exception frames that the CPU's stack leads through: where it was before each exception. */
static struct err *show_frames(struct cx *cx, const struct task *task, bool all)
{
	struct trace trace;
	bool stopped = false;
	struct err *err = trace_task(cx->target, task, cx->arena, &trace);
	if (err)
		return err;
	for (size_t i = 0; i < trace.nframes; i++) {
		const struct frame *f = &trace.frame[i];
		enum exception_kind kind;
		struct symbol sym;
		stopped |= stops_a_cpu(cx->target, f);
		if (!f->pt_regs_va)
			continue;
		bool known = i && symtab_at(cx->target->syms, trace.frame[i - 1].lookup_pc, &sym);
		const char *what = cx->target->arch->exception_name(known ? sym.name : NULL, &kind);
		scoped_strbuf struct strbuf source = { 0 };
		if (stopped)
			strbuf_add(&source, "before the CPU was stopped");
		else
			strbuf_addf(&source, "before the %s", what ? what : "exception");
		strbuf_addf(&source, ", frame #%zu of bt", i);
		stopped = false;
		show_other(cx, strbuf_text(&source), &f->regs, f->pt_regs_va, all);
	}
	return NULL;
}

/* The registers of user mode lie at a fixed place, whatever happened since. */
static void show_user(struct cx *cx, const struct task *task, bool all)
{
	struct exception_frame f;
	if (exception_frame_of_user(cx->target, task, &f))
		show_other(cx, "as user mode was left", &f.regs, f.va, all);
}

static struct err *show_others(struct cx *cx, const struct task *task,
	const struct cpu_regs *source, size_t n, bool user, bool all)
{
	out_list_begin(cx->out, "others");
	for (size_t i = 1; i < n; i++)
		show_other(cx, source[i].source, &source[i].regs, 0, all);
	struct err *err = user ? NULL : show_frames(cx, task, all);
	if (!err && !user)
		show_user(cx, task, all);
	out_list_end(cx->out);
	return err;
}

/* ---- who it was -------------------------------------------------------------------------- */

static void show_disagreement(
	struct cx *cx, unsigned cpu, const struct task *task, const struct regs *regs)
{
	scoped_strbuf struct strbuf words = { 0 };
	struct err *err = current_check(cx->target, cpu, task, regs, &words);
	if (err)
		out_fault(cx->out, "disagreement", err);
	else if (words.len)
		out_str(cx->out, "disagreement", strbuf_text(&words));
}

/* Without a run queue there is no task, and registers still. */
static struct err *show_cpu(struct cx *cx, unsigned cpu, bool all)
{
	struct cpu_regs source[CPU_REGS_MAX];
	struct task_regs start = { 0 };
	struct task task;
	size_t n = cpu_regs_list(cx->target, cpu, source);
	struct err *task_err = task_current(cx->target, cpu, &task), *err = NULL;
	if (n)
		start = (struct task_regs){ .regs = source[0].regs, .source = source[0].source };
	else if (task_err)
		err = cpu_note_regs(cx->target, cpu, &start.regs);
	else
		err = task_regs_read(cx->target, &task, &start);
	if (err) {
		err_drop(task_err); /* the other says more */
		return err;
	}
	out_row(cx->out);
	out_uint(cx->out, "cpu", cpu);
	out_str(cx->out, "source", start.source);
	out_bool(cx->out, "guess", start.guess);
	if (task_err) {
		out_fault(cx->out, "task", task_err);
		show_registers(cx, &start.regs);
		return NULL;
	}
	out_uint(cx->out, "pid", task.pid);
	out_addr(cx->out, "task", task.va);
	out_str_n(cx->out, "comm", task.comm, (size_t)task_comm_length(&task));
	show_fault(cx, &task);
	if (!start.guess)
		show_disagreement(cx, cpu, &task, &start.regs);
	show_registers(cx, &start.regs);
	return show_others(cx, &task, source, n, cx->target->arch->user_mode(&start.regs), all);
}

static struct err *regs_run(struct cx *cx, const struct args *a)
{
	struct cpu_mask cpus;
	uint64_t only = CPUS_MAX;
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = args_option_uint(a, 'c', CPUS_MAX, &only);
	if (!err)
		err = cpu_mask_read(cx->target, CPUS_PRESENT, &cpus);
	if (err)
		return err;
	if (args_option(a, 'c') && (only >= CPUS_MAX || !cpu_mask_has(&cpus, (unsigned)only)))
		return err_new(ERR_USAGE, "CPU %llu is not present; sys says how many there are",
			(unsigned long long)only);
	out_table(cx->out, &regs_table);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		if (only == CPUS_MAX || cpu == only)
			err = show_cpu(cx, cpu, args_flag(a, 'a'));
		if (err && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
		if (!err)
			err = interrupt_check();
	}
	return err;
}

static const char *const regs_examples[] = {
	"regs\tof every CPU",
	"regs -c 1\tof CPU 1",
	"regs -a\twith all registers of what was interrupted, and of other sources",
	NULL,
};

const struct command cmd_regs = {
	.name = "regs",
	.summary = "the registers of each CPU, decoded",
	.details =
		"SOURCE is what says them: a file that was given (--regs), the dump's CPU notes, "
		"the\n"
		"kernel's own crash_notes; where there is none of them, a guess by what lies on "
		"the\n"
		"stack. Other sources follow: those that say something else, and what the CPU had\n"
		"before each exception that it is in.",
	.options = regs_options,
	.examples = regs_examples,
	.run = regs_run,
};
