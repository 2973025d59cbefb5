/* Compares. What comes of a disagreement is for whoever shows it. */
#include "analyzer/stack/current_check.h"

#include <inttypes.h>

#include "analyzer/stack/stacks.h"

/* arch/arm/include/asm/thread_info.h, v5.15: current_thread_info()->task. Later thread_info is in
 * task_struct (CONFIG_THREAD_INFO_IN_TASK) and has no such member. */
struct stack_base {
	uint64_t task;
};
static const struct view_field base_fields[] = { FIELD(struct stack_base, task, "task") };
static const struct view_spec base_spec = { .type = "thread_info",
	.hint = "init/main.c",
	.fields = base_fields,
	.nfields = ARRAY_SIZE(base_fields) };

static struct err *by_all_stacks(struct target *t, uint64_t sp, uint64_t bytes, struct task *ret)
{
	struct task_iter it;
	struct task task;
	bool more = true;
	struct err *err = task_iter_init(&it, t);
	while (!err) {
		err = task_iter_next(&it, &task, &more);
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* one task's trouble is ps' to tell */
			err = NULL;
			continue;
		}
		if (err || !more)
			break;
		if (sp - task.stack <= bytes) {
			*ret = task;
			return NULL;
		}
	}
	return err ? err : err_new(ERR_NOT_FOUND, "0x%" PRIx64 " is on no task's stack", sp);
}

struct err *task_by_stack(struct target *t, uint64_t sp, struct task *ret)
{
	const struct view *view;
	struct stack_base base;
	uint64_t bytes;
	struct err *err = task_stack_bytes(t, &bytes);
	if (err)
		return err;
	err = target_view(t, &base_spec, &view);
	if (!err)
		err = view_read(view, t->kernel, sp & -bytes, &base);
	if (!err)
		err = task_read(t, base.task, ret);
	/* Whatever lies at the base of something that is no task's stack: the task has to know it,
	 * too. */
	if (!err && ret->stack == (sp & -bytes))
		return NULL;
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	err_drop(err); /* thread_info is elsewhere, or this is no such stack */
	return by_all_stacks(t, sp, bytes, ret);
}

static void add(struct strbuf *out, const char *who, const struct task *task)
{
	strbuf_addf(out, "%s%s says pid %u %.*s (0x%" PRIx64 ")", out->len ? "; " : "", who,
		task->pid, task_comm_length(task), task->comm, task->va);
}

/* arch/arm64/kernel/process.c since v4.10, arch/arm/kernel/process.c since v5.16 on SMP: per CPU,
 * what entry code takes current from. */
static struct err *check_entry_task(
	struct target *t, unsigned cpu, const struct task *task, struct strbuf *out)
{
	uint64_t va, current;
	struct task other;
	if (!target_has_symbol(t, "__entry_task"))
		return NULL;
	struct err *err = percpu_symbol(t, "__entry_task", cpu, &va);
	if (!err)
		err = vspace_read_word(t->kernel, va, &current);
	if (!err && current == task->va)
		return NULL;
	if (!err)
		err = task_read(t, current, &other);
	if (!err)
		add(out, "__entry_task", &other);
	return err_wrap(err, "__entry_task is no task");
}

/* arch/arm/kernel/setup.c, 4.19 to 7.2: stacks[], three words of each CPU for each exception mode,
 * on which no task ever runs. */
static bool on_exception_stack(struct target *t, uint64_t sp)
{
	struct symbol sym, stacks;
	return symtab_find_kernel(t->syms, "stacks", &stacks) && symtab_at(t->syms, sp, &sym) &&
	       sym.va == stacks.va;
}

static struct err *check_stack(
	struct target *t, const struct task *task, const struct regs *regs, struct strbuf *out)
{
	const struct arch *arch = t->arch;
	struct stack stack;
	struct task other;
	uint64_t sp = regs->v[arch->reg_sp];
	/* In user mode sp is not the kernel's; on an exception vector it is the exception's. */
	struct regs copy = *regs;
	if (!regs_has(regs, arch->reg_sp) || arch->user_mode(regs) ||
		(arch->interrupted && arch->interrupted(&copy)) || on_exception_stack(t, sp) ||
		stack_find(t, task, sp, &stack))
		return NULL;
	struct err *err = task_by_stack(t, sp, &other);
	if (!err && other.va != task->va)
		add(out, "the stack pointer", &other);
	if (err && err->code == ERR_NOT_FOUND)
		strbuf_addf(out, "%sthe stack pointer 0x%" PRIx64 " is on no stack",
			out->len ? "; " : "", sp);
	if (err && err->code != ERR_NOT_FOUND)
		return err;
	err_drop(err); /* said */
	return NULL;
}

struct err *current_check(struct target *t, unsigned cpu, const struct task *task,
	const struct regs *regs, struct strbuf *out)
{
	struct err *err = check_entry_task(t, cpu, task, out);
	if (err && err->code != ERR_INTERRUPTED) {
		strbuf_addf(out, "%s%s", out->len ? "; " : "", err->msg);
		err_drop(err); /* said */
		err = NULL;
	}
	return err ? err : check_stack(t, task, regs, out);
}
