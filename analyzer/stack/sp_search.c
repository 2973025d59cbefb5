/* Recovers a lost stack pointer by trying all and believing the chain that proves itself best. */
#include "analyzer/stack/unwinder.h"

#include "analyzer/base/interrupt.h"

/*
 * How convincing a chain is. Code that is gone (init sections) or entry stubs may stand before a return
 * address without a call, and a call of another function is seen where its tail jumped: both are odd,
 * and rare. A chance hit is the outer part of the true chain at most, so the longest good chain wins.
 */
enum { SCORE_MIN = 3, NOT_A_CHAIN = -1 };

/* What the stopped function's own callees have left below its frame returns into itself. */
static bool same_function(const struct target *t, uint64_t a, uint64_t b)
{
	struct symbol x, y;
	return symtab_at(t->syms, a, &x) && symtab_at(t->syms, b, &y) && x.va == y.va;
}

static int chain_score(struct target *t, const struct task *task, const struct regs *start)
{
	struct unwinder u;
	int matched = 0, odd = 0;
	bool last_odd = false;
	unsigned pc_reg = t->arch->reg_pc;
	unwinder_init(&u, t, task, start, true);
	for (;;) {
		uint64_t pc = u.regs.v[pc_reg];
		scoped_err struct err *err = unwinder_step(&u);
		if (err || (u.step.end && u.step.broken))
			return NOT_A_CHAIN;
		if (u.step.end)
			break;
		enum call_match match = u.step.exact ?
			CALL_DIRECT : unwinder_call_before(&u, u.regs.v[pc_reg], pc);
		last_odd = match == CALL_NONE || match == CALL_OTHER;
		if (u.frames == 1 && (last_odd || same_function(t, u.regs.v[pc_reg] - 1, pc)))
			return NOT_A_CHAIN;
		matched += !last_odd;
		odd += last_odd;
	}
	/* The outermost return address was never a call's: entry code put it there. */
	odd -= last_odd;
	return matched >= SCORE_MIN && matched > odd ? matched - odd : NOT_A_CHAIN;
}

bool sp_search(struct target *t, const struct task *task, struct regs *io)
{
	uint64_t bytes, best_sp = 0;
	int best = NOT_A_CHAIN;
	scoped_err struct err *err = task_stack_bytes(t, &bytes);
	if (err)
		return false;
	/* After Ctrl-C whoever asked finds out by itself. */
	for (uint64_t off = 0; off < bytes && !interrupt_pending(); off += t->abi.word_bytes) {
		uint64_t sp = task->stack + off;
		struct regs regs = *io;
		regs_set(&regs, t->arch->reg_sp, sp);
		int score = chain_score(t, task, &regs);
		if (score > best) {
			best = score;
			best_sp = sp;
		}
	}
	if (best == NOT_A_CHAIN)
		return false;
	regs_set(io, t->arch->reg_sp, best_sp);
	return true;
}
