/* The policy of a backtrace: start registers, then the architecture's unwinder frame by frame. */
#include "analyzer/stack/trace.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/vec.h"
#include "analyzer/stack/shadow_stack.h"
#include "analyzer/stack/stacks.h"
#include "analyzer/stack/unwinder.h"

const char *frame_how_name(enum frame_how how)
{
	static const char *const name[] = { [HOW_REGS] = "regs",
		[HOW_FP] = "fp",
		[HOW_EXIDX] = "exidx",
		[HOW_CFI] = "cfi",
		[HOW_SCS] = "scs",
		[HOW_SCAN] = "scan",
		[HOW_CODE] = "code" };
	return name[how];
}

const char *frame_trust_name(enum frame_trust trust)
{
	static const char *const name[] = {
		[TRUST_SURE] = "sure", [TRUST_LIKELY] = "likely", [TRUST_GUESS] = "guess"
	};
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
 * A call that never returns may be its function's last instruction, so a return address is looked
 * up one byte before. But entry code hands out return addresses that no call made (ARM's
 * ret_fast_syscall behind a system call): those stand for themselves.
 */
static uint64_t lookup_address(const struct target *t, uint64_t pc, const struct unwind_step *step)
{
	uint8_t code[4];
	uint64_t callee;
	if (step->exact)
		return pc;
	if (vspace_try_read(t->kernel, pc - sizeof(code), code, sizeof(code), NULL) == FAULT_NONE &&
		!t->arch->is_call(code, pc | step->thumb, &callee) && !was_freed(t, pc))
		return pc;
	return pc - 1;
}

static struct frame frame_of(const struct target *t, const struct unwinder *u)
{
	uint64_t pc = u->regs.v[t->arch->reg_pc];
	return (struct frame){
		.pc = u->step.exact ? pc : pc | u->step.thumb,
		.sp = regs_has(&u->regs, t->arch->reg_sp)   ? u->regs.v[t->arch->reg_sp]
		      : regs_has(&u->regs, t->arch->reg_fp) ? u->regs.v[t->arch->reg_fp]
							    : 0,
		.exact = u->step.exact,
		.lookup_pc = lookup_address(t, pc, &u->step),
		.regs = u->regs,
	};
}

/*
 * What the last step makes of the trust so far: *io_trust is that of the chain, the answer this
 * frame's own.
 * @inner is the frame below. ARM32's tables and frame pointers speak of a function's body: where it
 * was interrupted before or behind that, they lead astray, and hardly ever to a call.
 */
static enum frame_trust judge(
	const struct unwinder *u, const struct frame *inner, enum frame_trust *io_trust)
{
	bool by_lr = u->step.unproved || u->step.aside;
	bool by_body = inner->exact && !u->step.exact && u->t->arch->capstone_thumb_mode &&
		       (u->step.how == HOW_EXIDX || u->step.how == HOW_FP);
	enum call_match call =
		!by_lr && !by_body
			? CALL_DIRECT
			: unwinder_call_before(u, u->regs.v[u->t->arch->reg_pc], inner->lookup_pc);
	bool doubtful = by_lr ? call != CALL_DIRECT : call == CALL_NONE;
	bool lost = u->replaced == TRAMPOLINE_LIKELY || u->replaced == TRAMPOLINE_LOST;
	enum frame_trust own = *io_trust;
	if ((doubtful || lost) && own < TRUST_LIKELY)
		own = TRUST_LIKELY;
	/* Frame records lead on by themselves; tables are looked up by what may be wrong. */
	if ((doubtful && !u->step.aside) || (lost && u->step.how != HOW_FP && !u->step.aside))
		*io_trust = own;
	return own;
}

static const char *note_of(const struct unwinder *u)
{
	bool by_lr = u->step.how == HOW_REGS && !u->step.exact;
	return u->note ? u->note : by_lr ? "by the link register" : NULL;
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
		f.how = u->step.how;
		f.trust = judge(u, &frames.v[frames.n - 1], &trust);
		f.pt_regs_va = u->step.pt_regs_va;
		f.note = note_of(u);
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

/* A CPU that was stopped where entry code saves what it interrupted: on with that. */
static void leave_entry(struct target *t, const struct task *task, struct task_regs *io)
{
	struct unwinder u;
	if (!io->exact || io->sp_unknown || !t->arch->interrupted_entry)
		return;
	unwinder_init(&u, t, task, &io->regs, true);
	if (!t->arch->interrupted_entry(&u.env, &t->abi, &io->regs))
		return;
	io->sp_unknown = true;
	io->source = "CPU note, through an exception vector's stack";
}

struct err *trace_task(
	struct target *t, const struct task *task, struct arena *a, struct trace *ret)
{
	struct task_regs start;
	/* A dead task has given its stack back (kernel/fork.c, put_task_stack(); 4.19 to 7.2). */
	if (!task->stack) {
		*ret = (struct trace){ .source = "nothing",
			.end = "it has exited, and its stack is gone" };
		return NULL;
	}
	struct err *err = task_regs_read(t, task, &start);
	if (err)
		return err;
	leave_entry(t, task, &start);
	struct trace trace = { .source = start.source };
	if (t->arch->user_mode(&start.regs) && start.exact) {
		trace.user = true;
		trace.end = "in user mode";
		*ret = trace;
		return NULL;
	}
	enum frame_trust trust = TRUST_SURE;
	if (start.sp_unknown) {
		struct task_regs guess;
		trust = TRUST_LIKELY;
		if (!sp_search(t, task, &start.regs)) {
			start.regs.valid &= ~(1ull << t->arch->reg_sp);
			/* A function that pushed nothing: lr knew its caller, and is lost, too. */
			if (regs_guess(t, task, &guess)) {
				start = guess;
				trace.source = start.source;
			}
		}
	}
	if (start.guess)
		trust = TRUST_GUESS;
	struct unwinder u;
	unwinder_init(&u, t, task, &start.regs, start.exact);
	err = walk(t, &u, trust, a, &trace);
	if (!err)
		err = shadow_stack_apply(t, task, a, &trace);
	if (!err)
		*ret = trace;
	return err;
}

/* ---- from where somebody says ------------------------------------------------------------ */

/* Whether a chain of the few frames that chance hardly makes goes on from here, and ends well. */
static bool chain_is_good(const struct unwinder *at, uint64_t first_pc)
{
	enum { CALLS_MIN = 3 };
	struct unwinder u = *at;
	u.env.cx = &u;
	unsigned calls = 0;
	uint64_t inner = first_pc;
	for (;;) {
		scoped_err struct err *err = unwinder_step(&u);
		if (err || (u.step.end && u.step.broken))
			return false;
		if (u.step.end)
			return calls >= CALLS_MIN;
		uint64_t pc = u.regs.v[u.t->arch->reg_pc];
		calls += u.step.exact || unwinder_call_before(&u, pc, inner) != CALL_NONE;
		inner = pc - !u.step.exact;
	}
}

/* The registers if a frame record begins at @va: of the function that has it, where its pc was
 * given, else of the caller to which it leads. Both architectures push the frame pointer below the
 * return address. */
static bool guess_regs(
	struct target *t, const struct trace_start *start, uint64_t va, struct regs *ret)
{
	unsigned word = t->abi.word_bytes;
	uint64_t pc, fp;
	*ret = (struct regs){ 0 };
	if (start->has_pc) {
		regs_set(ret, t->arch->reg_pc, start->pc);
		regs_set(ret, t->arch->reg_sp, start->sp);
		regs_set(ret, t->arch->reg_fp, va);
		return true;
	}
	if (!vspace_try_word(t->kernel, va, &fp) || !vspace_try_word(t->kernel, va + word, &pc))
		return false;
	regs_set(ret, t->arch->reg_pc, t->arch->strip(&vspace_facts(t->kernel)->layout, pc));
	regs_set(ret, t->arch->reg_sp, va + 2 * word);
	regs_set(ret, t->arch->reg_fp, fp);
	return true;
}

struct err *trace_task_from(struct target *t, const struct task *task,
	const struct trace_start *start, struct arena *a, struct trace *ret)
{
	struct stack stack;
	struct unwinder u;
	struct regs regs;
	if (!start->has_sp) {
		struct task_regs own;
		struct err *err = task_regs_read(t, task, &own);
		if (err)
			return err;
		regs_set(&own.regs, t->arch->reg_pc, start->pc);
		struct trace trace = { .source = "the given program counter" };
		unwinder_init(&u, t, task, &own.regs, true);
		err = walk(t, &u, TRUST_LIKELY, a, &trace);
		if (!err)
			*ret = trace;
		return err;
	}
	if (!stack_find(t, task, start->sp, &stack))
		return err_new(ERR_NOT_FOUND,
			"0x%" PRIx64 " is on no stack of this task or of a CPU", start->sp);
	for (uint64_t va = start->sp & -(uint64_t)t->abi.word_bytes; va < stack.hi;
		va += t->abi.word_bytes) {
		struct err *err = interrupt_check();
		if (err)
			return err;
		if (!guess_regs(t, start, va, &regs))
			continue;
		unwinder_init(&u, t, task, &regs, start->has_pc);
		if (!chain_is_good(&u, regs.v[t->arch->reg_pc]))
			continue;
		struct trace trace = { .source = "the given stack pointer" };
		err = walk(t, &u, TRUST_LIKELY, a, &trace);
		if (!err)
			*ret = trace;
		return err;
	}
	return err_new(ERR_NOT_FOUND,
		"no chain of frames begins at 0x%" PRIx64 " or above it on this "
		"stack; bt -t shows what addresses of code are there",
		start->sp);
}
