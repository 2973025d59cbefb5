/* Recovers a lost stack pointer by trying all and believing the chain that proves itself best. */
#include "analyzer/stack/stacks.h"
#include "analyzer/stack/unwinder.h"

#include "analyzer/base/interrupt.h"

/*
 * How convincing a chain is. Code that is gone (init sections) or entry stubs may stand before a
 * return address without a call, and a call of another function is seen where its tail jumped: both
 * are odd, and rare. A chance hit is the outer part of the true chain at most, so the longest good
 * chain wins.
 */
enum { SCORE_MIN = 3, NOT_A_CHAIN = -1 };

/* What the stopped function's own callees have left below its frame returns into itself. */
static bool same_function(const struct target *t, uint64_t a, uint64_t b)
{
	struct symbol x, y;
	return symtab_at(t->syms, a, &x) && symtab_at(t->syms, b, &y) && x.va == y.va;
}

static int chain_score(
	struct target *t, const struct task *task, const struct regs *start, bool broken_too)
{
	struct unwinder u;
	int matched = 0, odd = 0;
	bool last_odd = false;
	unsigned pc_reg = t->arch->reg_pc;
	unwinder_init(&u, t, task, start, true);
	for (;;) {
		uint64_t pc = u.regs.v[pc_reg];
		scoped_err struct err *err = unwinder_step(&u);
		if (err || (u.step.end && u.step.broken && !broken_too))
			return NOT_A_CHAIN;
		if (u.step.end)
			break;
		enum call_match match =
			u.step.exact ? CALL_DIRECT : unwinder_call_before(&u, u.regs.v[pc_reg], pc);
		last_odd = match == CALL_NONE || match == CALL_OTHER;
		if (u.frames == 1 && (last_odd || same_function(t, u.regs.v[pc_reg] - 1, pc)))
			return NOT_A_CHAIN;
		/* So do they where they were called twice from one place. */
		if (u.frames == 2 && u.regs.v[pc_reg] == pc)
			return NOT_A_CHAIN;
		matched += !last_odd;
		odd += last_odd;
	}
	/* The outermost return address was never a call's: entry code put it there, or what
	 * overwrote the stack did. */
	odd -= last_odd;
	if (u.step.broken)
		return matched >= SCORE_MIN && odd <= 1 ? matched - odd : NOT_A_CHAIN;
	return matched >= SCORE_MIN && matched > odd ? matched - odd : NOT_A_CHAIN;
}

/* Whether @io stands on the first instruction of its function, where lr, which was lost with sp,
 * alone knows the caller. */
static bool at_first_instruction(const struct target *t, const struct regs *io)
{
	struct symbol sym;
	uint64_t pc = io->v[t->arch->reg_pc];
	return !regs_has(io, t->arch->reg_lr) && symtab_at(t->syms, pc, &sym) && sym.va == pc;
}

/* A caller that has called this function before (a delay loop does) finds what that call pushed
 * first, its return address, right below its own frame. */
static void lr_from_last_call(struct target *t, uint64_t sp, struct regs *io)
{
	uint64_t lr;
	if (vspace_try_word(t->kernel, sp - t->abi.word_bytes, &lr))
		regs_set(io, t->arch->reg_lr, lr);
}

/* Tries the places of one stack; @io_found and *io_best change when one is better. */
static void search_stack(struct target *t, const struct task *task, const struct stack *stack,
	const struct regs *start, bool broken_too, struct regs *io_found, int *io_best)
{
	bool needs_lr = at_first_instruction(t, start);
	/* After Ctrl-C whoever asked finds out by itself. */
	for (uint64_t sp = stack->lo; sp < stack->hi && !interrupt_pending();
		sp += t->abi.word_bytes) {
		struct regs regs = *start;
		regs_set(&regs, t->arch->reg_sp, sp);
		if (needs_lr)
			lr_from_last_call(t, sp, &regs);
		int score = chain_score(t, task, &regs, broken_too);
		if (score > *io_best) {
			*io_best = score;
			*io_found = regs;
		}
	}
}

bool sp_search(struct target *t, const struct task *task, struct regs *io)
{
	int best = NOT_A_CHAIN;
	struct regs found = *io;
	struct stack stack;
	for (unsigned i = 0; stack_of_task(t, task, i, &stack); i++)
		search_stack(t, task, &stack, io, false, &found, &best);
	/* A stack that was written over has no whole chain: then the longest piece of one that is
	 * nearly without a flaw. */
	for (unsigned i = 0; best == NOT_A_CHAIN && stack_of_task(t, task, i, &stack); i++)
		search_stack(t, task, &stack, io, true, &found, &best);
	if (best == NOT_A_CHAIN)
		return false;
	*io = found;
	return true;
}
