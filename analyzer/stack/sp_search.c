/* Recovers a lost stack pointer by trying all and believing only a chain that proves itself. */
#include "analyzer/stack/unwinder.h"

enum { FRAMES_MIN = 3 };

/* How convincing a chain is. Code that is gone (init sections) or entry stubs may stand before a
 * return address without a call, and a tail call is a call of another function: both are rare. */
struct score {
	unsigned frames, matched, odd;
};

static bool chain_holds(struct target *t, const struct task *task, const struct regs *start)
{
	struct unwinder u;
	struct score score = { 0 };
	unsigned pc_reg = t->arch->reg_pc;
	unwinder_init(&u, t, task, start, true);
	for (;;) {
		uint64_t pc = u.regs.v[pc_reg];
		scoped_err struct err *err = unwinder_step(&u);
		if (err || (u.step.end && u.step.broken))
			return false;
		if (u.step.end)
			return score.frames >= FRAMES_MIN && score.matched > score.odd * 2;
		score.frames++;
		if (u.step.exact)
			continue;
		enum call_match match = unwinder_call_before(&u, u.regs.v[pc_reg], pc);
		if (match == CALL_DIRECT || match == CALL_INDIRECT)
			score.matched++;
		else if (score.frames == 1)
			return false;
		else
			score.odd++;
	}
}

bool sp_search(struct target *t, const struct task *task, struct regs *io)
{
	uint64_t bytes;
	scoped_err struct err *err = task_stack_bytes(t, &bytes);
	if (err)
		return false;
	for (uint64_t sp = task->stack; sp < task->stack + bytes; sp += t->abi.word_bytes) {
		struct regs regs = *io;
		regs_set(&regs, t->arch->reg_sp, sp);
		if (chain_holds(t, task, &regs)) {
			*io = regs;
			return true;
		}
	}
	return false;
}
