/* One walk up a stack, as trace.c and sp_search.c both need it. For this folder only. */
#ifndef ANALYZER_STACK_UNWINDER_H
#define ANALYZER_STACK_UNWINDER_H

#include "analyzer/stack/trace.h"
#include "analyzer/stack/trampoline.h"

struct unwinder {
	struct target *t;
	const struct task *task;
	struct arch_env env; /* cx is this unwinder */
	struct regs regs;
	struct unwind_step step; /* the last one; .exact is about regs' pc */
	struct trampolines trampolines;
	enum trampoline_answer replaced; /* what became of regs' pc by the last step */
	const char *note;		 /* about it; NULL: nothing */
	unsigned frames;
};

void unwinder_init(struct unwinder *u, struct target *t, const struct task *task,
	const struct regs *start, bool exact);

/* One frame up: u->regs and u->step change. step.end when there is none. A return address that was
 * a tracer's is the true one already, as far as .replaced says. */
struct err *unwinder_step(struct unwinder *u) MUST_CHECK;

/* What stands before return address @ra: no call, a call of something unknown (through a register,
 * or of a function that jumps through one), of the function that @callee_pc is in or of one whose
 * tail jumps there, or of another one. */
enum call_match { CALL_NONE, CALL_INDIRECT, CALL_DIRECT, CALL_OTHER };
enum call_match unwinder_call_before(const struct unwinder *u, uint64_t ra, uint64_t callee_pc);

/*
 * The registers but for sp are known (a CPU stopped on an exception vector has its own sp there):
 * tries each place of the task's stack and its CPU's others and takes the one with the longest
 * chain to its proper end that has calls before its return addresses. False: there is none.
 */
bool sp_search(struct target *t, const struct task *task, struct regs *io);

#endif
