/* regs: the registers of each CPU as the dump's notes have them, decoded. Not those of a task's frames. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column register_columns[] = {
	{ "name", .width = 8, .align = ALIGN_RIGHT },
	{ "value" },
	{ "symbol" },
	{ "meaning" },
	{ "stripped", .hidden = true },
	{ 0 }
};
static const struct table register_table = { .layout = LAYOUT_LINES, .columns = register_columns };

static const struct column regs_columns[] = {
	{ "cpu" }, { "pid" }, { "task" }, { "comm", .title = "COMMAND" },
	{ "source", .hidden = true },
	{ "fault_address", .title = "LAST USER FAULT" },
	{ "fault_code", .title = "CODE" },
	{ "registers", .list = &register_table },
	{ 0 }
};
static const struct table regs_table = { .layout = LAYOUT_HEADLINE, .columns = regs_columns };

static const struct option regs_options[] = { { 'c', "CPU", "only this CPU" }, { 0 } };

/* What the kernel noted of the task's last fault in user mode: arch/arm64/include/asm/processor.h and
 * arch/arm/include/asm/processor.h, v6.1, struct thread_struct. Zero where it had none. */
struct last_fault {
	uint64_t address, code;
};
static const struct view_field fault_fields[] = {
	FIELD_OPTIONAL(struct last_fault, address, "thread.fault_address", "thread.address"),
	FIELD_OPTIONAL(struct last_fault, code, "thread.fault_code", "thread.error_code"),
};
static const struct view_spec fault_spec = { .type = "task_struct", .hint = "init/main.c",
	.fields = fault_fields, .nfields = ARRAY_SIZE(fault_fields) };

static void show_fault(struct cx *cx, const struct task *task)
{
	const struct view *view;
	struct last_fault fault = { 0 };
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

/* The ones that say most come first. */
static void show_registers(struct cx *cx, const struct regs *regs)
{
	const struct arch *arch = cx->target->arch;
	const unsigned first[] = { arch->reg_pc, arch->reg_lr, arch->reg_sp, arch->reg_status };
	bool user = arch->user_mode(regs);
	uint64_t shown = 0;
	out_list_begin(cx->out, "registers");
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		show_register(cx, regs, first[i], user);
		shown |= 1ull << first[i];
	}
	for (unsigned i = 0; i < arch->nregs; i++)
		if (!(shown >> i & 1))
			show_register(cx, regs, i, user);
	out_list_end(cx->out);
}

static void show_cpu(struct cx *cx, unsigned cpu)
{
	struct regs regs;
	struct task task;
	struct err *err = cpu_note_regs(cx->target, cpu, &regs);
	if (err) {
		out_complain(cx->out, err);
		return;
	}
	out_row(cx->out);
	out_uint(cx->out, "cpu", cpu);
	out_str(cx->out, "source", "CPU note");
	err = task_current(cx->target, cpu, &task);
	if (err) {
		out_fault(cx->out, "task", err);
	} else {
		out_uint(cx->out, "pid", task.pid);
		out_addr(cx->out, "task", task.va);
		out_str_n(cx->out, "comm", task.comm, (size_t)task_comm_length(&task));
		show_fault(cx, &task);
	}
	show_registers(cx, &regs);
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
			show_cpu(cx, cpu);
		err = interrupt_check();
	}
	return err;
}

static const char *const regs_examples[] = {
	"regs\tof every CPU",
	"regs -c 1\tof CPU 1",
	NULL,
};

const struct command cmd_regs = {
	.name = "regs",
	.summary = "the registers of each CPU, decoded",
	.options = regs_options,
	.examples = regs_examples,
	.run = regs_run,
};
