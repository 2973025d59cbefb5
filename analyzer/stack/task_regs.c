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
	return !err && current.va == task->va;
}

/* The @n-th NT_PRSTATUS of the right size; NULL when there are fewer. */
static const struct dump_note *prstatus_note(const struct target *t, unsigned n)
{
	const struct dump_info *info = dump_info(t->dump);
	for (size_t i = 0; i < info->nnotes; i++) {
		const struct dump_note *note = &info->note[i];
		if (note->type == NT_PRSTATUS && !strcmp(note->name, "CORE") &&
			note->desc_size >= t->arch->prstatus_bytes && n-- == 0)
			return note;
	}
	return NULL;
}

struct err *cpu_note_regs(struct target *t, unsigned cpu, struct regs *ret)
{
	struct cpu_mask present;
	struct err *err = cpu_mask_read(t, CPUS_PRESENT, &present);
	if (err)
		return err;
	unsigned n = 0;
	for (unsigned c = cpu_mask_next(&present, 0); c < cpu; c = cpu_mask_next(&present, c + 1))
		n++;
	const struct dump_note *note = prstatus_note(t, n);
	if (!note)
		return err_new(ERR_MISSING, "the dump has no NT_PRSTATUS note for CPU %u", cpu);
	unsigned word = t->abi.word_bytes;
	const uint8_t *p = note->desc + t->arch->prstatus_regs_off;
	*ret = (struct regs){ 0 };
	for (unsigned i = 0; i < t->arch->nregs; i++)
		regs_set(ret, i, get_word(&t->abi, p + (size_t)i * word));
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
