/* Finds start registers: notes of CPUs for running tasks, struct cpu_context for the others. */
#include "analyzer/stack/task_regs.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "analyzer/stack/crash_notes.h"
#include "analyzer/stack/reg_file.h"
#include "analyzer/stack/stacks.h"

bool task_is_running(struct target *t, const struct task *task)
{
	struct task current;
	scoped_err struct err *err = task_current(t, task->cpu, &current);
	/* A damaged run queue: the task's own word for it, which kernels for one CPU do not have.
	 */
	return err ? task->on_cpu != 0 : current.va == task->va;
}

/* The @n-th NT_PRSTATUS, NULL when there are fewer. One that is too short counts: it is a CPU's,
 * too. */
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
	return prstatus_regs(t->arch, &t->abi, note->desc);
}

/* Whether a note is of the CPU that was running @task: same pid, and a stack pointer into its
 * stack. */
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

/* The dump's copy of @crash, which makes the note that CPU's; NULL: there is none. */
static const struct dump_note *copy_of(const struct target *t, const struct crash_note *crash)
{
	const struct dump_note *note;
	for (unsigned i = 0; crash->saved && (note = prstatus_note(t, i)); i++)
		if (note->desc_size == crash->desc_bytes &&
			!memcmp(note->desc, crash->desc, crash->desc_bytes))
			return note;
	return NULL;
}

/* What the kernel noted of @cpu itself; not .saved where it did not. */
static struct crash_note crash_note_of(struct target *t, unsigned cpu)
{
	struct crash_note crash = { 0 };
	/* A kernel without kexec has none, and a damaged one is none. */
	scoped_err struct err *err = crash_note_read(t, cpu, &crash);
	return err ? (struct crash_note){ 0 } : crash;
}

/* Whether the dump's notes are those that the kernel wrote at its crash, and not a hypervisor's. */
static bool notes_are_copies(struct target *t, const struct cpu_mask *present)
{
	for (unsigned c = cpu_mask_next(present, 0); c < CPUS_MAX;
		c = cpu_mask_next(present, c + 1)) {
		struct crash_note crash = crash_note_of(t, c);
		if (copy_of(t, &crash))
			return true;
	}
	return false;
}

/*
 * The kernel's own buffers tell whose a copy is. Other notes come one a present CPU: the position
 * tells. The capture kernel drops the note of a CPU that did not answer (fs/proc/vmcore.c,
 * update_note_header_size_elf64()); the others then move up, so that each has to prove itself.
 */
static const struct dump_note *cpu_note(
	struct target *t, const struct cpu_mask *present, unsigned cpu)
{
	unsigned position = 0, total = cpu_mask_count(present);
	if (cpu >= CPUS_MAX)
		return NULL;
	struct crash_note crash = crash_note_of(t, cpu);
	const struct dump_note *note = copy_of(t, &crash);
	if (note || notes_are_copies(t, present))
		return note;
	for (unsigned c = cpu_mask_next(present, 0); c < cpu; c = cpu_mask_next(present, c + 1))
		position++;
	if (position >= total || prstatus_note(t, total - 1))
		return prstatus_note(t, position);
	struct task task;
	scoped_err struct err *err = task_current(t, cpu, &task);
	note = NULL;
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
		return err_new(ERR_FORMAT,
			"the NT_PRSTATUS note of CPU %u has %u bytes instead of %u", cpu,
			note->desc_size, t->arch->prstatus_bytes);
	*ret = note_regs(t, note);
	return NULL;
}

static bool same_regs(const struct arch *arch, const struct regs *a, const struct regs *b)
{
	for (unsigned i = 0; i < arch->nregs; i++)
		if (regs_has(a, i) && regs_has(b, i) && a->v[i] != b->v[i])
			return false;
	return true;
}

size_t cpu_regs_list(struct target *t, unsigned cpu, struct cpu_regs ret[CPU_REGS_MAX])
{
	size_t n = 0;
	struct regs regs;
	if (cpu >= CPUS_MAX)
		return 0;
	struct crash_note crash = crash_note_of(t, cpu);
	if (reg_file_get(t->given_regs, cpu, &regs))
		ret[n++] = (struct cpu_regs){ regs, "the given file" };
	/* A note that is too short, or not there, is no source; task_regs_read() says so if there
	 * is no other. */
	scoped_err struct err *err = cpu_note_regs(t, cpu, &regs);
	if (!err && crash.saved && same_regs(t->arch, &regs, &crash.regs))
		ret[n++] = (struct cpu_regs){ regs, "CPU note, as in crash_notes" };
	else if (!err)
		ret[n++] = (struct cpu_regs){ regs, "CPU note" };
	if (crash.saved && (err || !same_regs(t->arch, &regs, &crash.regs)))
		ret[n++] = (struct cpu_regs){ crash.regs, "crash_notes" };
	return n;
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

struct err *task_saved_regs(struct target *t, const struct task *task, struct task_regs *ret)
{
	if (!read_homes(t, "task_struct", task->va, t->arch->switch_home, &ret->regs) &&
		!read_homes(t, "thread_info", task->stack, t->arch->thread_info_home, &ret->regs))
		return err_new(ERR_MISSING,
			"task 0x%" PRIx64 ": its saved registers cannot be read", task->va);
	ret->exact = false;
	ret->source = "switch context";
	return NULL;
}

/* Of a CPU: the first of its sources, or what the stack has to offer. */
static struct err *running_regs(struct target *t, const struct task *task, struct task_regs *io)
{
	struct cpu_regs source[CPU_REGS_MAX];
	io->exact = true;
	if (cpu_regs_list(t, task->cpu, source)) {
		io->regs = source[0].regs;
		io->source = source[0].source;
		return NULL;
	}
	struct err *err = cpu_note_regs(t, task->cpu, &io->regs);
	if (!err || err->code == ERR_INTERRUPTED || !regs_guess(t, task, io))
		return err;
	err_drop(err); /* that nobody says is no reason to say nothing: .guess tells */
	return NULL;
}

struct err *task_regs_read(struct target *t, const struct task *task, struct task_regs *ret)
{
	struct task_regs got = { 0 };
	struct err *err;
	if (task_is_running(t, task)) {
		err = running_regs(t, task, &got);
		if (!err && !got.guess && t->arch->interrupted && t->arch->interrupted(&got.regs)) {
			got.sp_unknown = true;
			got.source = "CPU note, through an exception vector";
		}
	} else {
		err = task_saved_regs(t, task, &got);
	}
	if (!err)
		*ret = got;
	return err;
}
