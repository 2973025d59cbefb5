/* The policy of a backtrace: start registers, then the architecture's unwinder frame by frame. */
#include "analyzer/stack/trace.h"

#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/vec.h"
#include "analyzer/stack/unwinder.h"

const char *frame_how_name(enum frame_how how)
{
	static const char *const name[] = { [HOW_REGS] = "regs", [HOW_FP] = "fp",
		[HOW_EXIDX] = "exidx", [HOW_CFI] = "cfi", [HOW_SCS] = "scs", [HOW_SCAN] = "scan" };
	return name[how];
}

const char *frame_trust_name(enum frame_trust trust)
{
	static const char *const name[] = { [TRUST_SURE] = "sure", [TRUST_LIKELY] = "likely",
		[TRUST_GUESS] = "guess" };
	return name[trust];
}

/* The init sections are given back after boot: what stands there is no code any more. */
static bool was_freed(const struct target *t, uint64_t pc)
{
	struct symbol begin, end;
	return symtab_find_kernel(t->syms, "__init_begin", &begin) &&
		symtab_find_kernel(t->syms, "__init_end", &end) && pc >= begin.va && pc < end.va;
}

/*
 * A call that never returns may be its function's last instruction, so a return address is looked up
 * one byte before. But entry code hands out return addresses that no call made (ARM's ret_fast_syscall
 * behind a system call): those stand for themselves.
 */
static uint64_t lookup_address(
	const struct target *t, uint64_t pc, const struct unwind_step *step)
{
	uint8_t code[4];
	uint64_t callee;
	if (step->exact)
		return pc;
	if (!was_freed(t, pc) && vspace_try_read(t->kernel, pc - sizeof(code), code, sizeof(code), NULL) == FAULT_NONE &&
		!t->arch->is_call(code, pc | step->thumb, &callee))
		return pc;
	return pc - 1;
}

static struct frame frame_of(const struct target *t, const struct unwinder *u)
{
	uint64_t pc = u->regs.v[t->arch->reg_pc];
	return (struct frame){
		.pc = pc,
		.sp = regs_has(&u->regs, t->arch->reg_sp) ? u->regs.v[t->arch->reg_sp] :
			regs_has(&u->regs, t->arch->reg_fp) ? u->regs.v[t->arch->reg_fp] : 0,
		.exact = u->step.exact,
		.lookup_pc = lookup_address(t, pc, &u->step),
	};
}

static struct err *walk(struct target *t, struct unwinder *u, enum frame_trust trust,
	struct arena *a, struct trace *ret)
{
	VEC(struct frame) frames = { 0 };
	struct frame first = frame_of(t, u);
	first.trust = trust;
	vec_push(&frames, first);
	struct err *err;
	while (!(err = interrupt_check()) && !(err = unwinder_step(u)) && !u->step.end) {
		struct frame f = frame_of(t, u);
		if (u->step.unproved &&
			unwinder_call_before(u, f.pc, frames.v[frames.n - 1].lookup_pc) != CALL_DIRECT)
			trust = TRUST_LIKELY;
		f.how = u->step.how;
		f.trust = trust;
		f.pt_regs_va = u->step.pt_regs_va;
		vec_push(&frames, f);
	}
	ret->frame = arena_alloc(a, frames.n * sizeof(*frames.v));
	memcpy(ret->frame, frames.v, frames.n * sizeof(*frames.v));
	ret->nframes = frames.n;
	ret->end = u->step.why;
	ret->broken = u->step.broken;
	vec_deinit(&frames);
	return err;
}

struct err *trace_task(struct target *t, const struct task *task, struct arena *a,
	struct trace *ret)
{
	struct task_regs start;
	struct err *err = task_regs_read(t, task, &start);
	if (err)
		return err;
	struct trace trace = { .source = start.source };
	if (t->arch->user_mode(&start.regs) && start.exact) {
		trace.user = true;
		trace.end = "in user mode";
		*ret = trace;
		return NULL;
	}
	enum frame_trust trust = TRUST_SURE;
	if (start.sp_unknown) {
		trust = TRUST_LIKELY;
		if (!sp_search(t, task, &start.regs))
			start.regs.valid &= ~(1ull << t->arch->reg_sp);
	}
	struct unwinder u;
	unwinder_init(&u, t, task, &start.regs, start.exact);
	err = walk(t, &u, trust, a, &trace);
	if (!err)
		*ret = trace;
	return err;
}
