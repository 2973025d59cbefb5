/*
 * Where a running task was when nothing says its CPU's registers (raw RAM): what its stacks show.
 * Whatever comes of it is a guess, and says so.
 */
#include "analyzer/stack/exception_frames.h"
#include "analyzer/stack/stacks.h"
#include "analyzer/stack/task_regs.h"
#include "analyzer/stack/unwinder.h"

#include "analyzer/base/interrupt.h"

/* Functions that do not return, or not while a dump is made; the first that is found counts.
 * kernel/panic.c, arch/arm64/kernel/smp.c, arch/arm/kernel/smp.c, kernel/kexec_core.c, v4.19 to
 * v7.2. */
static const struct anchor {
	const char *function, *source;
} anchors[] = {
	{ "vpanic", "a guess: the stack has a call of panic()" },
	{ "panic", "a guess: the stack has a call of panic()" },
	{ "nmi_panic", "a guess: the stack has a call of panic()" },
	{ "machine_crash_shutdown", "a guess: the stack has a call of machine_crash_shutdown()" },
	{ "panic_smp_self_stop", "a guess: the stack has the call that stopped the CPU" },
	{ "local_cpu_stop", "a guess: the stack has the call that stopped the CPU" },
	{ "ipi_cpu_crash_stop", "a guess: the stack has the call that stopped the CPU" },
	{ "ipi_cpu_stop", "a guess: the stack has the call that stopped the CPU" },
	{ "nmi_cpu_backtrace", "a guess: the stack has a call of nmi_cpu_backtrace()" },
};

enum { NOT_A_CHAIN = -100000, NO_CALL_COSTS = 4, BROKEN_COSTS = 10000 };

/* How far a chain from there is believable: its calls, less return addresses without one, but for
 * the last, which entry code put there. A call of something else is a tail call's. A chain that
 * breaks off is the last resort: the stack itself may be what the kernel died of. What @callee was
 * called by is not within it. */
static int chain_score(struct target *t, const struct task *task, const struct symbol *callee,
	const struct regs *start, bool exact)
{
	struct unwinder u;
	int calls = 0, lacking = 0;
	bool odd = false;
	unwinder_init(&u, t, task, start, exact);
	for (;;) {
		uint64_t inner = u.regs.v[t->arch->reg_pc] - !u.step.exact;
		scoped_err struct err *err = unwinder_step(&u);
		if (err)
			return NOT_A_CHAIN;
		if (u.step.end && u.step.broken)
			return calls ? calls - lacking * NO_CALL_COSTS - BROKEN_COSTS : NOT_A_CHAIN;
		if (u.step.end)
			return calls ? calls - (lacking - odd) * NO_CALL_COSTS : NOT_A_CHAIN;
		uint64_t pc = u.regs.v[t->arch->reg_pc];
		if (callee && pc - callee->va < callee->size)
			return NOT_A_CHAIN;
		enum call_match match =
			u.step.exact ? CALL_DIRECT : unwinder_call_before(&u, pc, inner);
		odd = match == CALL_NONE;
		lacking += odd;
		calls += match == CALL_DIRECT || match == CALL_INDIRECT;
	}
}

/* Whether the word is a return address behind a call: of the function at @callee, or with @inside
 * from within it. ARM32: bit 0 is Thumb. */
static bool returns_from(
	struct target *t, uint64_t word, const struct symbol *callee, bool inside, uint64_t *ret_ra)
{
	const struct arch *arch = t->arch;
	uint64_t ra = arch->strip(&vspace_facts(t->kernel)->layout, word), target;
	uint8_t code[4];
	if (inside && (ra & ~1ull) - callee->va - 1 >= callee->size)
		return false;
	if (vspace_try_read(t->kernel, (ra & ~1ull) - sizeof(code), code, sizeof(code), NULL) ||
		!arch->is_call(code, ra, &target) || (!inside && target != callee->va))
		return false;
	*ret_ra = ra;
	return true;
}

/* The caller's stack pointer lies behind what the callee pushed above its return address at @va:
 * four arguments when it has variable ones (panic()), and a word for alignment. */
static int find_sp(struct target *t, const struct task *task, const struct symbol *callee,
	uint64_t va, struct regs *io)
{
	enum { ABOVE_WORDS = 6 };
	unsigned word = t->abi.word_bytes;
	int best = NOT_A_CHAIN;
	struct regs found = *io;
	for (unsigned i = 1; i <= ABOVE_WORDS; i++) {
		struct regs regs = *io;
		regs_set(&regs, t->arch->reg_sp, va + i * word);
		int score = chain_score(t, task, callee, &regs, true);
		if (score <= best)
			continue;
		best = score;
		found = regs;
	}
	*io = found;
	return best;
}

/*
 * The caller's registers by a return address @ra at @va, and how believable they are. Where frame
 * records are, the caller's frame pointer stands before it; where they are not, the caller is known
 * to stand in its call, and its stack pointer has to be searched for.
 */
static int regs_at(struct target *t, const struct task *task, const struct symbol *callee,
	const struct stack *s, uint64_t va, uint64_t ra, struct task_regs *io)
{
	const struct arch *arch = t->arch;
	unsigned word = t->abi.word_bytes;
	uint64_t fp;
	io->regs = (struct regs){ 0 };
	if (arch->frame_records) {
		if (!vspace_try_word(t->kernel, va - word, &fp) ||
			(fp && (fp <= va || fp & (word - 1))))
			return NOT_A_CHAIN;
		regs_set(&io->regs, arch->reg_pc, ra);
		regs_set(&io->regs, arch->reg_fp, fp);
		regs_set(&io->regs, arch->reg_sp, va + word);
		io->exact = false;
		return chain_score(t, task, callee, &io->regs, false);
	}
	regs_set(&io->regs, arch->reg_pc, (ra & ~1ull) - 4);
	regs_set(&io->regs, arch->reg_status, 0x13 | (ra & 1) << 5); /* SVC, and Thumb */
	/* arch/arm/kernel/stacktrace.c, v5.10: fp, sp, lr, pc are pushed; the frame pointer two
	 * below lr. */
	if (!target_has_symbol(t, "__start_unwind_idx") &&
		vspace_try_word(t->kernel, va - 2 * word, &fp) && fp > va && fp < s->hi)
		regs_set(&io->regs, arch->reg_fp, fp);
	io->exact = true;
	return find_sp(t, task, callee, va, &io->regs);
}

/* Deeper functions save the return address as well, with the register that holds it, and the
 * address of a function that follows a call that never returns looks like one: the best chain is
 * the call's own, and of two the higher. */
static bool call_of(struct target *t, const struct task *task, const struct stack *s,
	const struct symbol *callee, bool inside, struct task_regs *io)
{
	unsigned word = t->abi.word_bytes;
	int best = NOT_A_CHAIN;
	for (uint64_t va = s->lo + word; va < s->hi && !interrupt_pending(); va += word) {
		struct task_regs at = *io;
		uint64_t v, ra;
		if (!vspace_try_word(t->kernel, va, &v) || !returns_from(t, v, callee, inside, &ra))
			continue;
		int score = regs_at(t, task, inside ? NULL : callee, s, va, ra, &at);
		if (score < best || score <= NOT_A_CHAIN)
			continue;
		best = score;
		*io = at;
	}
	return best > NOT_A_CHAIN;
}

static bool on_any_stack(struct target *t, const struct task *task, const struct anchor *a,
	bool inside, struct task_regs *io)
{
	struct symbol sym;
	struct stack s;
	if (!symtab_find_kernel(t->syms, a->function, &sym))
		return false;
	for (unsigned n = 0; stack_of_task(t, task, n, &s); n++)
		if (s.lo < s.hi && call_of(t, task, &s, &sym, inside, io)) {
			io->source = a->source;
			return true;
		}
	return false;
}

/* Modules call through veneers, so that what they call is not seen; what it has called is. */
static bool from_anchor(struct target *t, const struct task *task, struct task_regs *io)
{
	for (unsigned inside = 0; inside < 2; inside++)
		for (size_t i = 0; i < ARRAY_SIZE(anchors); i++)
			if (on_any_stack(t, task, &anchors[i], inside, io))
				return true;
	return false;
}

/* The outermost of the task's own stack: one further in may have been left there long ago. Where
 * there is none of the kernel's, the one that user mode was left by. */
static bool from_exception(struct target *t, const struct task *task, struct task_regs *io)
{
	scoped_exception_frames struct exception_frames found = { 0 };
	struct stack s;
	if (!stack_of_task(t, task, 0, &s))
		return false;
	scoped_err struct err *err = exception_frames_search(t, task, &s, s.lo, &found);
	if (err || !found.found.n)
		return false;
	size_t last = found.found.n - 1;
	io->regs = found.found.v[last && found.found.v[last].user ? last - 1 : last].regs;
	io->exact = true;
	io->source = "a guess: an exception frame on the stack";
	return true;
}

bool regs_guess(struct target *t, const struct task *task, struct task_regs *ret)
{
	struct task_regs got = { .guess = true };
	if (!from_anchor(t, task, &got) && !from_exception(t, task, &got)) {
		scoped_err struct err *err = task_saved_regs(t, task, &got);
		if (err)
			return false;
		got.guess = true;
		got.source = "a guess: where it last slept";
	}
	*ret = got;
	return true;
}
