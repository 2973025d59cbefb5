/* Reads and finds struct pt_regs. How the entry code of an architecture lays them out, its table
 * says; where chains of frames lead is trace.c's. */
#include "analyzer/stack/exception_frames.h"

#include "analyzer/base/interrupt.h"

/* What stands beside the registers. arch/arm64/include/asm/ptrace.h, v4.19 … v7.2. ARM32 has its
 * ORIG_r0 among the registers and the system call's number in thread_info only. */
struct beside {
	uint64_t orig;
	int32_t syscall;
};
static const struct view_field beside_fields[] = {
	FIELD_OPTIONAL(struct beside, orig, "orig_x0"),
	FIELD_OPTIONAL(struct beside, syscall, "syscallno"),
};
static const struct view_spec beside_spec = { .type = "pt_regs",
	.hint = "init/main.c",
	.fields = beside_fields,
	.nfields = ARRAY_SIZE(beside_fields) };

enum { WORD_MAX = 8, BEYOND_MAX = 64 };

static void decode(struct target *t, uint64_t va, const uint8_t *raw, struct exception_frame *ret)
{
	unsigned n = t->arch->pt_regs_regs, word = t->abi.word_bytes;
	*ret = (struct exception_frame){ .va = va };
	for (unsigned i = 0; i < n; i++)
		regs_set(&ret->regs, i, get_word(&t->abi, raw + (size_t)i * word));
	ret->user = t->arch->user_mode(&ret->regs);
}

static bool try_read(struct target *t, uint64_t va, struct exception_frame *ret)
{
	uint8_t raw[ARCH_MAX_REGS * WORD_MAX];
	size_t n = (size_t)t->arch->pt_regs_regs * t->abi.word_bytes;
	if (vspace_try_read(t->kernel, va, raw, n, NULL) != FAULT_NONE)
		return false;
	decode(t, va, raw, ret);
	return true;
}

static void read_beside(struct target *t, struct exception_frame *io)
{
	const struct view *view;
	struct beside b = { 0 };
	scoped_err struct err *err = target_view(t, &beside_spec, &view);
	if (err || !view_try_read(view, t->kernel, io->va, &b))
		return;
	io->has_orig = view_has(view, 0);
	io->orig = b.orig;
	io->has_syscall = view_has(view, 1);
	io->syscall = b.syscall;
}

struct err *exception_frame_read(struct target *t, uint64_t va, struct exception_frame *ret)
{
	uint8_t raw[ARCH_MAX_REGS * WORD_MAX];
	struct err *err =
		vspace_read(t->kernel, va, raw, (size_t)t->arch->pt_regs_regs * t->abi.word_bytes);
	if (err)
		return err_wrap(err, "exception frame");
	decode(t, va, raw, ret);
	read_beside(t, ret);
	return NULL;
}

/* sizeof(struct pt_regs), or where no types say it what its registers need. */
static uint64_t pt_regs_bytes(struct target *t)
{
	uint64_t bytes, least = (uint64_t)t->arch->pt_regs_regs * t->abi.word_bytes;
	return target_number(t, "sizeof(pt_regs)", &bytes) && bytes >= least ? bytes : least;
}

/*
 * Entry code makes room below sp and stores the sp from before: it lies just above the frame, with
 * some bytes for alignment or what else is kept there (ARM32: struct svc_pt_regs). An overflow's
 * frame lies elsewhere.
 */
static bool sp_fits(struct target *t, const struct task *task, const struct stack *stack,
	const struct exception_frame *f)
{
	uint64_t sp = f->regs.v[t->arch->reg_sp], end = f->va + pt_regs_bytes(t);
	struct stack other;
	if (sp >= stack->lo && sp <= stack->hi)
		return sp >= end && sp - end <= BEYOND_MAX;
	/* The pointer of a stack that ran over may be in the guard page below. */
	return stack_find(t, task, sp, &other) ||
	       stack_find(t, task, sp + stack->hi - stack->lo, &other);
}

bool exception_frame_plausible(struct target *t, const struct task *task, const struct stack *stack,
	const struct exception_frame *f)
{
	const struct arch_layout *layout = &vspace_facts(t->kernel)->layout;
	const struct arch *arch = t->arch;
	struct symbol sym;
	if (f->user || !arch->kernel_status(f->regs.v[arch->reg_status]))
		return false;
	if (!sp_fits(t, task, stack, f))
		return false;
	/* A call to nowhere has its caller in lr. */
	uint64_t lr = arch->strip(layout, f->regs.v[arch->reg_lr]);
	return symtab_at(t->syms, arch->strip(layout, f->regs.v[arch->reg_pc]), &sym) ||
	       symtab_at(t->syms, lr, &sym);
}

bool exception_frame_of_user(struct target *t, const struct task *task, struct exception_frame *ret)
{
	uint64_t bytes;
	struct exception_frame f;
	scoped_err struct err *err = task_stack_bytes(t, &bytes);
	if (err || !task->stack || !task->mm)
		return false;
	uint64_t va = task->stack + bytes - t->arch->stack_reserve_bytes - pt_regs_bytes(t);
	uint64_t user_end = vspace_facts(t->kernel)->layout.user_end;
	if (!try_read(t, va, &f) || !f.user || !f.regs.v[t->arch->reg_pc] ||
		f.regs.v[t->arch->reg_pc] >= user_end || f.regs.v[t->arch->reg_sp] >= user_end)
		return false;
	read_beside(t, &f);
	*ret = f;
	return true;
}

void exception_frames_deinit(struct exception_frames *f)
{
	vec_deinit(&f->found);
}

struct err *exception_frames_search(struct target *t, const struct task *task,
	const struct stack *stack, uint64_t lo, struct exception_frames *io)
{
	unsigned word = t->abi.word_bytes;
	uint64_t least = (uint64_t)t->arch->pt_regs_regs * word;
	struct exception_frame f;
	if (lo < stack->lo)
		lo = stack->lo;
	for (uint64_t va = (lo + word - 1) & -(uint64_t)word;
		va < stack->hi && stack->hi - va >= least; va += word) {
		struct err *err = interrupt_check();
		if (err)
			return err;
		if (!try_read(t, va, &f) || !exception_frame_plausible(t, task, stack, &f))
			continue;
		read_beside(t, &f);
		vec_push(&io->found, f);
	}
	if (task && stack->lo == task->stack && exception_frame_of_user(t, task, &f) && f.va >= lo)
		vec_push(&io->found, f);
	return NULL;
}
