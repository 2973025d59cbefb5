/* Gives an architecture's unwinder what it asks for, and counts its steps. */
#include "analyzer/stack/unwinder.h"

#include <string.h>

#include "analyzer/kernel/module.h"
#include "analyzer/stack/cfi.h"
#include "analyzer/stack/stacks.h"

/* The largest kernel stack is 64 KiB (arm64 with such pages), the smallest frame 16 bytes. */
enum { FRAMES_MAX = 4096 };

static bool answer_read(void *cx, uint64_t va, void *buf, size_t n)
{
	struct unwinder *u = cx;
	return vspace_try_read(u->t->kernel, va, buf, n, NULL) == FAULT_NONE;
}

static bool answer_symbol(void *cx, const char *name, uint64_t *ret_va)
{
	struct unwinder *u = cx;
	struct symbol sym;
	if (!symtab_find_kernel(u->t->syms, name, &sym))
		return false;
	*ret_va = sym.va;
	return true;
}

/* A pc that went astray may be in data, which has symbols too. */
static bool is_data(const struct symbol *sym)
{
	return sym->type && strchr("bBdDrR", sym->type);
}

static bool answer_function(void *cx, uint64_t pc, const char **ret_name, uint64_t *ret_start)
{
	struct unwinder *u = cx;
	struct symbol sym;
	if (!symtab_at(u->t->syms, pc, &sym) || is_data(&sym))
		return false;
	*ret_name = sym.name;
	*ret_start = sym.va;
	return true;
}

static bool answer_number(void *cx, const char *key, uint64_t *ret)
{
	struct unwinder *u = cx;
	return target_number(u->t, key, ret);
}

static bool answer_stack(void *cx, uint64_t sp, uint64_t *ret_lo, uint64_t *ret_hi)
{
	struct unwinder *u = cx;
	struct stack s;
	if (!stack_find(u->t, u->task, sp, &s))
		return false;
	*ret_lo = s.lo;
	*ret_hi = s.hi;
	return true;
}

/* What is no code has no table: a call to nowhere is told by that. */
static bool answer_unwind_table(void *cx, uint64_t pc, uint64_t *ret_start, uint64_t *ret_stop)
{
	struct unwinder *u = cx;
	struct symbol sym;
	if (!symtab_at(u->t->syms, pc, &sym) || is_data(&sym))
		return false;
	if (sym.module)
		return module_unwind_table(u->t, pc, ret_start, ret_stop);
	return answer_symbol(cx, "__start_unwind_idx", ret_start) &&
	       answer_symbol(cx, "__stop_unwind_idx", ret_stop);
}

void unwinder_init(struct unwinder *u, struct target *t, const struct task *task,
	const struct regs *start, bool exact)
{
	*u = (struct unwinder){
		.t = t,
		.task = task,
		.regs = *start,
		.step = { .exact = exact },
		.env = {
			.cx = u,
			.read = answer_read,
			.symbol = answer_symbol,
			.function = answer_function,
			.number = answer_number,
			.stack = answer_stack,
			.unwind_table = answer_unwind_table,
		},
	};
	/* A task that sleeps in Thumb code (ARM32) left pc as the address that __switch_to()
	 * returns to. */
	uint64_t *pc = &u->regs.v[t->arch->reg_pc];
	if (t->arch->capstone_thumb_mode && !exact && *pc & 1) {
		u->step.thumb = true;
		*pc &= ~1ull;
	}
}

/*
 * Puts the true return address in place of a tracer's; @inner_pc is where the frame below stands. A
 * function that another one jumped to was entered with what the other's tracer had put into lr:
 * then behind one trampoline there is another.
 */
static void replace_trampoline(struct unwinder *u, uint64_t inner_pc)
{
	enum { TRACERS_MAX = 4 };
	const struct arch *arch = u->t->arch;
	uint64_t true_pc, *pc = &u->regs.v[arch->reg_pc];
	uint64_t fp = regs_has(&u->regs, arch->reg_fp) ? u->regs.v[arch->reg_fp] : 0;
	enum trampoline_answer answer = TRAMPOLINE_NONE;
	u->note = NULL;
	u->replaced = TRAMPOLINE_NONE;
	if (u->step.end || u->step.exact)
		return;
	for (unsigned i = 0; i < TRACERS_MAX && answer != TRAMPOLINE_LOST; i++) {
		answer = trampoline_resolve(
			&u->trampolines, u->t, u->task, *pc, fp, &true_pc, &u->note);
		if (answer == TRAMPOLINE_NONE)
			break;
		if (answer > u->replaced)
			u->replaced = answer;
		if (answer == TRAMPOLINE_LOST)
			return;
		*pc = arch->strip(&vspace_facts(u->t->kernel)->layout, true_pc);
		u->step.thumb = arch->capstone_thumb_mode && *pc & 1;
		if (u->step.thumb)
			*pc &= ~1ull;
	}
	if (u->replaced == TRAMPOLINE_LIKELY &&
		unwinder_call_before(u, *pc, inner_pc) == CALL_DIRECT)
		u->replaced = TRAMPOLINE_SURE;
}

struct err *unwinder_step(struct unwinder *u)
{
	uint64_t inner_pc = u->regs.v[u->t->arch->reg_pc] - !u->step.exact;
	if (++u->frames > FRAMES_MAX) {
		u->step.end = u->step.broken = true;
		u->step.why = "too many frames";
		return NULL;
	}
	const struct arch_layout *layout = &vspace_facts(u->t->kernel)->layout;
	const struct regs before = u->regs;
	const struct unwind_step prior = u->step;
	struct err *err = u->t->arch->unwind(&u->env, layout, &u->regs, &u->step);
	if (!err)
		cfi_arbitrate(u, &before, &prior);
	if (!err)
		replace_trampoline(u, inner_pc);
	return err;
}

enum call_match unwinder_call_before(const struct unwinder *u, uint64_t ra, uint64_t callee_pc)
{
	uint8_t code[4];
	uint64_t target;
	struct symbol callee;
	if (vspace_try_read(u->t->kernel, ra - sizeof(code), code, sizeof(code), NULL) ||
		!u->t->arch->is_call(code, ra | u->step.thumb, &target))
		return CALL_NONE;
	if (!target)
		return CALL_INDIRECT;
	if (!symtab_at(u->t->syms, callee_pc, &callee))
		return CALL_OTHER;
	uint64_t start = callee.va & ~(uint64_t)u->step.thumb;
	if (target == start)
		return CALL_DIRECT;
	enum tail_answer tail = u->t->arch->tail ? u->t->arch->tail(&u->env, &u->t->abi, target,
							   start, u->step.thumb)
						 : TAIL_ELSEWHERE;
	return tail == TAIL_REACHES	? CALL_DIRECT
	       : tail == TAIL_MAY_REACH ? CALL_INDIRECT
					: CALL_OTHER;
}
