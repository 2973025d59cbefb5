/* Finds start registers: notes of CPUs for running tasks, struct cpu_context for the others. */
#include "analyzer/stack/task_regs.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "analyzer/stack/stacks.h"

bool task_is_running(struct target *t, const struct task *task)
{
	struct task current;
	scoped_err struct err *err = task_current(t, task->cpu, &current);
	/* A damaged run queue: the task's own word for it, which kernels for one CPU do not have. */
	return err ? task->on_cpu != 0 : current.va == task->va;
}

/* The @n-th NT_PRSTATUS, NULL when there are fewer. One that is too short counts: it is a CPU's, too. */
static const struct dump_note *prstatus_note(const struct target *t, unsigned n)
{
	const struct dump_info *info = dump_info(t->dump);
	for (size_t i = 0; i < info->nnotes; i++) {
		const struct dump_note *note = &info->note[i];
		if (note->type == NT_PRSTATUS && !strcmp(note->name, "CORE") && n-- == 0)
			return note;
	}
	return NULL;
}

static struct regs note_regs(const struct target *t, const struct dump_note *note)
{
	struct regs regs = { 0 };
	const uint8_t *p = note->desc + t->arch->prstatus_regs_off;
	for (unsigned i = 0; i < t->arch->nregs; i++)
		regs_set(&regs, i, get_word(&t->abi, p + (size_t)i * t->abi.word_bytes));
	return regs;
}

/* Whether a note is of the CPU that was running @task: same pid, and a stack pointer into its stack. */
static bool note_is_of(struct target *t, const struct dump_note *note, const struct task *task)
{
	uint64_t bytes;
	if (note->desc_size < t->arch->prstatus_bytes ||
		get_u32(&t->abi, note->desc + t->arch->prstatus_pid_off) != task->pid)
		return false;
	struct regs regs = note_regs(t, note);
	scoped_err struct err *err = task_stack_bytes(t, &bytes);
	return !err && regs.v[t->arch->reg_sp] - task->stack <= bytes;
}

/*
 * One note a present CPU: the position tells. The capture kernel drops the note of a CPU that did not
 * answer (fs/proc/vmcore.c, update_note_header_size_elf64()); the others then move up, so that each has
 * to prove itself.
 */
static const struct dump_note *cpu_note(struct target *t, const struct cpu_mask *present, unsigned cpu)
{
	unsigned position = 0, total = cpu_mask_count(present);
	for (unsigned c = cpu_mask_next(present, 0); c < cpu; c = cpu_mask_next(present, c + 1))
		position++;
	if (position >= total || prstatus_note(t, total - 1))
		return prstatus_note(t, position);
	struct task task;
	scoped_err struct err *err = task_current(t, cpu, &task);
	const struct dump_note *note = NULL;
	for (unsigned i = 0; !err && (note = prstatus_note(t, i)); i++)
		if (note_is_of(t, note, &task))
			return note;
	return NULL;
}

struct err *cpu_note_regs(struct target *t, unsigned cpu, struct regs *ret)
{
	struct cpu_mask present;
	struct err *err = cpu_mask_read(t, CPUS_PRESENT, &present);
	if (err)
		return err;
	const struct dump_note *note = cpu_note(t, &present, cpu);
	if (!note)
		return err_new(ERR_MISSING, "the dump has no NT_PRSTATUS note for CPU %u", cpu);
	if (note->desc_size < t->arch->prstatus_bytes)
		return err_new(ERR_FORMAT, "the NT_PRSTATUS note of CPU %u has %u bytes instead of %u",
			cpu, note->desc_size, t->arch->prstatus_bytes);
	*ret = note_regs(t, note);
	return NULL;
}

/* One saved register: the first of its possible homes that the struct has. */
static bool read_home(struct target *t, const struct type *type, uint64_t va,
	const struct reg_home *home, struct regs *io)
{
	for (size_t i = 0; i < ARRAY_SIZE(home->path) && home->path[i]; i++) {
		struct field_ref field;
		uint64_t v;
		scoped_err struct err *err = type_field(t->types, type, home->path[i], &field);
		if (err)
			continue;
		if (!vspace_try_word(t->kernel, va + field.bit_offset / 8, &v))
			return false;
		regs_set(io, home->reg, v);
		return true;
	}
	return false;
}

static bool read_homes(struct target *t, const char *type_name, uint64_t va,
	const struct reg_home *home, struct regs *ret)
{
	const struct type *type;
	scoped_err struct err *err =
		types_find(t->types, TYPE_STRUCT, type_name, "init/main.c", &type);
	*ret = (struct regs){ 0 };
	for (unsigned i = 0; !err && home && i < t->arch->nswitch_home; i++)
		if (!read_home(t, type, va, &home[i], ret))
			return false;
	return !err && home;
}

static struct err *saved_context(struct target *t, const struct task *task, struct task_regs *ret)
{
	if (!read_homes(t, "task_struct", task->va, t->arch->switch_home, &ret->regs) &&
		!read_homes(t, "thread_info", task->stack, t->arch->thread_info_home, &ret->regs))
		return err_new(ERR_MISSING, "task 0x%" PRIx64 ": its saved registers cannot be read",
			task->va);
	ret->exact = false;
	ret->source = "switch context";
	return NULL;
}

struct err *task_regs_read(struct target *t, const struct task *task, struct task_regs *ret)
{
	struct task_regs got = { 0 };
	struct err *err;
	if (task_is_running(t, task)) {
		err = cpu_note_regs(t, task->cpu, &got.regs);
		got.exact = true;
		got.source = "CPU note";
		if (!err && t->arch->interrupted && t->arch->interrupted(&got.regs)) {
			got.sp_unknown = true;
			got.source = "CPU note, through an exception vector";
		}
	} else {
		err = saved_context(t, task, &got);
	}
	if (!err)
		*ret = got;
	return err;
}
