/* Steps by call frame information, and what they are good for. Rules are debug/cfi.h's business. */
#include "analyzer/stack/cfi.h"

#include "analyzer/debug/cfi.h"
#include "analyzer/debug/variables.h"
#include "analyzer/stack/stacks.h"

static uint64_t slide_of(const struct target *t)
{
	return t->image.va ? t->image.va - t->image.link_va : 0;
}

/* The CFA lies above all that the frame has, in its stack. */
static bool proves_cfa(
	struct target *t, const struct task *task, const struct regs *regs, uint64_t cfa)
{
	struct stack stack;
	unsigned sp = t->arch->reg_sp, fp = t->arch->reg_fp;
	bool known = regs_has(regs, sp);
	uint64_t floor = known ? regs->v[sp] : regs->v[fp];
	if (cfa % t->abi.word_bytes || cfa < floor || (!known && !regs_has(regs, fp)))
		return false;
	return stack_find(t, task, floor, &stack) && cfa >= stack.lo && cfa <= stack.hi;
}

/* Makes a saved return address a place in code; false when it is none. */
static bool proves_return(struct target *t, struct cfi_step *io)
{
	const struct arch *arch = t->arch;
	uint64_t *pc = &io->regs.v[arch->reg_pc], callee;
	uint8_t code[4];
	struct symbol sym;
	*pc = arch->strip(&vspace_facts(t->kernel)->layout, *pc);
	io->thumb = arch->capstone_thumb_mode && *pc & 1;
	uint64_t ra = *pc;
	*pc -= io->thumb;
	if (!symtab_at(t->syms, *pc - 1, &sym))
		return false;
	io->called = vspace_try_read(t->kernel, *pc - sizeof(code), code, sizeof(code), NULL) ==
			     FAULT_NONE &&
		     arch->is_call(code, ra, &callee);
	return true;
}

enum cfi_outcome cfi_step(struct target *t, const struct task *task, const struct regs *regs,
	uint64_t lookup_pc, enum cfi_reach reach, struct cfi_step *ret)
{
	const struct cfi_place place = { .arch = t->arch, .abi = &t->abi, .vs = t->kernel };
	struct cfi_step step = { .called = false };
	struct cfi_row row;
	if (!types_cfi(t->types, lookup_pc - slide_of(t), reach == CFI_OPEN_MODULES, &row))
		return CFI_STEP_NONE;
	if (row.reg[row.return_column].how == CFI_UNDEFINED)
		return CFI_STEP_END;
	if (!cfi_cfa(&place, &row, regs, &step.cfa))
		return CFI_STEP_LOST;
	if (!proves_cfa(t, task, regs, step.cfa))
		return CFI_STEP_WRONG;
	if (!cfi_caller(&place, &row, regs, step.cfa, &step.regs))
		return CFI_STEP_LOST;
	if (!proves_return(t, &step))
		return CFI_STEP_WRONG;
	for (unsigned i = 0; i < t->arch->reg_pc; i++)
		if (row.reg[i].how == CFI_OFFSET || row.reg[i].how == CFI_EXPRESSION)
			step.restored |= 1ull << i;
	*ret = step;
	return CFI_STEP_DONE;
}

/* ---- the chain ----------------------------------------------- */

/* What CFI adds to registers that are right but not complete. */
static void add_registers(const struct regs *from, struct regs *io)
{
	uint64_t more = from->valid & ~io->valid;
	for (unsigned i = 0; i < ARCH_MAX_REGS; i++)
		if (more >> i & 1)
			regs_set(io, i, from->v[i]);
}

static void take(struct unwinder *u, const struct cfi_step *step)
{
	u->regs = step->regs;
	u->step =
		(struct unwind_step){ .how = HOW_CFI, .thumb = step->thumb, .floor_va = step->cfa };
}

void cfi_arbitrate(struct unwinder *u, const struct regs *before, const struct unwind_step *prior)
{
	unsigned pc = u->t->arch->reg_pc;
	struct cfi_step step;
	bool broken = u->step.end && u->step.broken;
	/* What was saved by an exception is whole and needs no second opinion. */
	if ((!prior->exact && !broken) || (u->step.pt_regs_va && !u->step.end) ||
		u->t->arch->user_mode(before))
		return;
	if (cfi_step(u->t, u->task, before, before->v[pc] - !prior->exact, CFI_OPEN_KERNEL,
		    &step) != CFI_STEP_DONE ||
		!step.called)
		return;
	if (u->step.end || u->regs.v[pc] != step.regs.v[pc]) {
		if (!u->step.end || broken)
			take(u, &step);
		return;
	}
	u->step.unproved = u->step.aside = false;
	add_registers(&step.regs, &u->regs);
}

/* ---- registers ----------------------------------------------- */

/*
 * A function that is said never to return need not save what it changes: then only what its rules
 * name is known of its caller (gcc/config/arm/arm.c, arm_compute_save_core_reg_mask(), gcc 12).
 */
static uint64_t lost_by_noreturn(struct target *t, uint64_t lookup_pc)
{
	struct cfi_row row;
	uint64_t link_va = lookup_pc - slide_of(t), lost = 0;
	if (!t->arch->noreturn_saves_none || !types_noreturn(t->types, link_va) ||
		!types_cfi(t->types, link_va, true, &row))
		return 0;
	for (unsigned i = 0; i < ARCH_MAX_REGS; i++)
		if (t->arch->saved_regs >> i & 1 && row.reg[i].how == CFI_UNSPECIFIED)
			lost |= 1ull << i;
	return lost;
}

/* CFI's registers of @caller, where it agrees that this is the caller. */
static bool fill_one(struct target *t, const struct task *task, const struct frame *f,
	struct frame *caller, uint64_t *ret_restored)
{
	unsigned pc = t->arch->reg_pc;
	struct cfi_step step;
	if (cfi_step(t, task, &f->regs, f->lookup_pc, CFI_OPEN_MODULES, &step) != CFI_STEP_DONE)
		return false;
	/* A tracer's return address stands in the stack where the frame has the true one. */
	if (step.regs.v[pc] == frame_code_va(caller) || (!step.called && caller->note)) {
		caller->regs = step.regs;
		regs_set(&caller->regs, pc, frame_code_va(caller));
		*ret_restored = step.restored;
		return true;
	}
	if (step.called && !caller->note)
		caller->note = "call frame information leads elsewhere";
	return false;
}

/* What @f's function does to the registers of its caller that the chain below cannot give, @lost;
 * by its instructions, else by what is written of it. */
static uint64_t still_lost(
	struct target *t, const struct task *task, const struct frame *f, uint64_t lost)
{
	struct unwinder u;
	uint64_t overwritten, saved;
	unwinder_init(&u, t, task, &f->regs, f->exact);
	if (t->arch->saved_regs_at &&
		t->arch->saved_regs_at(&u.env, &u.regs, f->exact, &overwritten, &saved))
		return (lost | overwritten) & ~saved;
	return lost | lost_by_noreturn(t, f->lookup_pc);
}

void cfi_fill_registers(struct target *t, const struct task *task, struct trace *io)
{
	uint64_t lost = 0; /* saved registers that the chain cannot give, whatever its steps say */
	for (size_t i = 0; i + 1 < io->nframes; i++) {
		const struct frame *f = &io->frame[i];
		struct frame *caller = &io->frame[i + 1];
		uint64_t restored;
		if (caller->exact || caller->pt_regs_va) {
			lost = 0; /* saved by an exception, whole */
			continue;
		}
		lost = still_lost(t, task, f, lost);
		if (fill_one(t, task, f, caller, &restored))
			lost &= ~restored;
		caller->regs.valid &= ~lost;
	}
}
