/*
 * One arm64 frame to its caller by frame records, through exceptions of the kernel itself, up to
 * the entry from user mode. Whether a stack is a stack, and what lies where in pt_regs, comes from
 * the environment.
 */
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "arch/arm64/arm64.h"

/* arch/arm64/include/asm/stacktrace/frame.h, v6.18 … v7.3 */
enum { META_FINAL = 1, META_PT_REGS = 2 };

/* A frame record, with what would be its type when it is a metadata record. */
struct record {
	uint64_t va, fp, lr, type;
};

static void end(struct unwind_step *step, bool broken, const char *why)
{
	step->end = true;
	step->broken = broken;
	step->why = why;
}

/*
 * Exception entry from the kernel: arch/arm64/kernel/entry.S. Names since v5.14 (el1h_64_sync …)
 * are its own. Of the older ones only these are surely not C functions as well; and where the new
 * ones are, the old are KVM's and the hyp stub's (arch/arm64/kvm/hyp/hyp-entry.S,
 * kernel/hyp-stub.S, 4.19 to 7.3), which never were a kernel's own entry.
 */
static bool is_el1_stub(const struct arch_env *env, const char *name)
{
	static const char *const old[] = { "el1_sync", "el1_irq", "el1_error", "el1_fiq",
		"el1_da" };
	uint64_t ignored;

	if (!strncmp(name, "el1h_64_", 8) || !strncmp(name, "el1t_64_", 8))
		return !strstr(name, "_handler"); /* those are C: entry-common.c */
	for (size_t i = 0; i < ARRAY_SIZE(old); i++)
		if (!strcmp(name, old[i]))
			return !env_symbol(env, "el1h_64_sync", &ignored);
	return false;
}

/* ---- pt_regs ----------------------------------------------------------------------------- */

/* arch/arm64/include/asm/ptrace.h, L8: regs[31], sp, pc, pstate: our order from offset 0 */
static bool read_pt_regs(
	const struct arch_env *env, const struct abi *abi, uint64_t va, struct regs *ret)
{
	uint8_t raw[A64_NREGS * 8];
	struct regs r = { 0 };

	if (!env_read(env, va, raw, sizeof(raw)))
		return false;
	for (unsigned i = 0; i < A64_NREGS; i++)
		regs_set(&r, i, get_u64(abi, raw + 8 * i));
	*ret = r;
	return true;
}

/*
 * The pt_regs whose frame record is @rec, given that one is there (@sure: the code is an entry stub
 * or the record says so) or only if its registers agree with the record. An exception fixup may
 * have changed pc since, so a sure one need not agree.
 */
static bool find_pt_regs(const struct arch_env *env, const struct abi *abi,
	const struct record *rec, bool sure, uint64_t *ret_va, struct regs *ret)
{
	/* offsetof(pt_regs.stackframe): 304 up to v6.12, 296 since v6.18 */
	uint64_t off[2] = { 304, 296 };
	unsigned n = 2;

	if (env_number(env, "offsetof(pt_regs.stackframe)", &off[0]))
		n = 1;
	else if (!rec->fp && !rec->lr)
		off[0] = 296, n = 1; /* a metadata record */
	for (unsigned i = 0; i < n; i++) {
		struct regs r;
		uint64_t va = rec->va - off[i];
		if (off[i] > rec->va || (va & 7) || !read_pt_regs(env, abi, va, &r))
			continue;
		uint64_t mode = r.v[A64_PSTATE] & 0x1f;
		bool agree = r.v[A64_FP] == rec->fp && r.v[A64_PC] == rec->lr && rec->lr;
		if (n == 2 ? !agree : !sure && !agree)
			continue;
		if (mode != 0 && mode != 4 && mode != 5 && mode != 8 && mode != 9)
			continue; /* EL0t, EL1t, EL1h, EL2t, EL2h */
		*ret_va = va;
		*ret = r;
		return true;
	}
	return false;
}

static void step_to_pt_regs(const struct arch_env *env, const struct arch_layout *l,
	const struct record *rec, uint64_t va, const struct regs *r, struct regs *io,
	struct unwind_step *step)
{
	uint64_t lo, hi, sp = r->v[A64_SP];

	if (arch_arm64.user_mode(r)) {
		end(step, false, "user mode entry");
		return;
	}
	/* The interrupted code's stack ends above what entry code has put on it, the record last.
	 */
	if (env_stack(env, va, &lo, &hi) && sp >= lo && sp < hi && sp < rec->va + 16) {
		end(step, true, "stack pointer does not advance");
		return;
	}
	*io = *r;
	io->v[A64_PC] = arm64_strip(l, io->v[A64_PC]);
	step->how = HOW_REGS;
	step->exact = true;
	step->pt_regs_va = va;
	step->floor_va = sp;
}

/* ---- frame records ----------------------------------------------------------------------- */

/* The record at x29, when that can be one: aligned, on a known stack, above all that is used up. */
static bool read_record(const struct arch_env *env, const struct abi *abi, const struct regs *io,
	struct unwind_step *step, struct record *ret)
{
	uint64_t fp = io->v[A64_FP], lo, hi, floor = step->floor_va;
	uint8_t raw[16];

	if (fp & 7) { /* 16 up to v5.10, 8 since (stacktrace/common.h, v6.1) */
		end(step, true, "frame pointer is not aligned");
		return false;
	}
	if (!env_stack(env, fp, &lo, &hi) || hi - fp < sizeof(raw)) {
		end(step, true, "frame pointer is on no known stack");
		return false;
	}
	if (regs_has(io, A64_SP) && io->v[A64_SP] > floor)
		floor = io->v[A64_SP];
	if (floor >= lo && floor <= hi && fp < floor) {
		end(step, true, "frame pointer does not advance");
		return false;
	}
	if (!env_read(env, fp, raw, sizeof(raw))) {
		end(step, true, "frame record not readable");
		return false;
	}
	*ret = (struct record){ .va = fp, .fp = get_u64(abi, raw), .lr = get_u64(abi, raw + 8) };
	if (env_read(env, fp + 16, raw, 8))
		ret->type = get_u64(abi, raw);
	return true;
}

/*
 * A record of two zeroes: up to v6.12 the end (entry.S stores it on entry from user mode), since
 * then metadata. An old pt_regs has other members where the type would be, so the types decide, and
 * without them the kind of pt_regs that is there.
 */
static void step_zero_record(const struct arch_env *env, const struct abi *abi,
	const struct arch_layout *l, const struct record *rec, struct regs *io,
	struct unwind_step *step)
{
	/* arch/arm64/include/asm/ptrace.h: u64 stackframe[2], since v6.13 struct frame_record_meta
	 */
	uint64_t bytes, va;
	struct regs r;
	bool known = env_number(env, "sizeof(pt_regs.stackframe)", &bytes);
	bool meta = known && bytes > 16;

	if ((known && !meta) || rec->type != META_PT_REGS) {
		bool odd = meta && rec->type != META_FINAL;
		end(step, odd, odd ? "frame record of unknown type" : "last frame record");
		return;
	}
	if (!find_pt_regs(env, abi, rec, true, &va, &r)) {
		end(step, true, "exception frame not readable");
		return;
	}
	uint64_t sp = r.v[A64_SP];
	if (!meta && (sp < va || sp - va > 1024)) {
		end(step, false, "last frame record"); /* an old kernel's, then */
		return;
	}
	step_to_pt_regs(env, l, rec, va, &r, io, step);
}

/* ---- the link register ------------------------------------------------------------------- */

/* Entry code is called by nobody: what lr holds there is the interrupted code's. */
static bool in_entry_text(const struct arch_env *env, uint64_t pc)
{
	uint64_t lo, hi;

	return env_symbol(env, "__entry_text_start", &lo) &&
	       env_symbol(env, "__entry_text_end", &hi) && pc >= lo && pc < hi;
}

/* Whether two names are of one function: compilers split "f" into "f" and "f.cold", "f.part.0". */
static bool same_function(const char *a, const char *b)
{
	size_t n = strcspn(a, ".");

	return n == strcspn(b, ".") && !strncmp(a, b, n);
}

/* What tracers put in place of return addresses, which no call stands before:
 * analyzer/stack/trampoline.c. */
static bool is_trampoline(const struct arch_env *env, uint64_t lr)
{
	const char *name;
	uint64_t start;

	return env_function(env, lr, &name, &start) && start == lr &&
	       (!strcmp(name, "return_to_handler") || !strcmp(name, "__kretprobe_trampoline") ||
		       !strcmp(name, "kretprobe_trampoline"));
}

/*
 * Whether code that was interrupted in function @name still has its return address in x30 alone,
 * so that the record at x29 is its caller's: a leaf, or one that has not pushed its record yet, or
 * has popped it. If it has one, then x30 either is what that record says or was set by a call of
 * its own, and leads back into the function itself.
 */
static bool lr_is_live(const struct arch_env *env, const struct abi *abi,
	const struct arch_layout *l, const struct regs *io, const char *name)
{
	uint64_t lr = arm64_strip(l, io->v[A64_LR]), fp = io->v[A64_FP], lo, hi, start, target;
	const char *lr_name;
	uint8_t code[4], raw[16];

	if (!is_trampoline(env, lr) &&
		(!env_function(env, lr - 1, &lr_name, &start) || same_function(name, lr_name) ||
			!env_read(env, lr - 4, code, sizeof(code)) ||
			!arch_arm64.is_call(code, lr, &target)))
		return false;
	return regs_has(io, A64_FP) && !(fp & 7) && env_stack(env, fp, &lo, &hi) &&
	       env_read(env, fp, raw, sizeof(raw)) && arm64_strip(l, get_u64(abi, raw + 8)) != lr;
}

/* No record of its own, or no code at all (a call through a wild pointer): the caller is in x30. */
static bool step_to_lr(const struct arch_env *env, const struct abi *abi,
	const struct arch_layout *l, struct regs *io, struct unwind_step *step)
{
	uint64_t pc = io->v[A64_PC], lr = arm64_strip(l, io->v[A64_LR]), start, ignored;
	const char *name, *lr_name;
	bool aside = false;

	if (!step->exact || !regs_has(io, A64_LR) || lr == pc || !env->function)
		return false;
	if (env_function(env, pc, &name, &start) && start != pc) {
		if (in_entry_text(env, pc) || !lr_is_live(env, abi, l, io, name))
			return false;
		aside = true;
	}
	if (!env_function(env, lr - 1, &lr_name, &ignored))
		return false;
	regs_set(io, A64_PC, lr);
	if (regs_has(io, A64_SP))
		step->floor_va = io->v[A64_SP];
	/* Where nothing has run yet x19-x28, x29 and sp are still the caller's; a leaf leaves only
	 * x29. */
	io->valid &=
		1ull << A64_FP | 1ull << A64_PC | (aside ? 0 : 0x3ffull << 19 | 1ull << A64_SP);
	step->how = HOW_REGS;
	step->exact = false;
	step->aside = aside;
	return true;
}

static void step_frame(const struct arch_env *env, const struct abi *abi,
	const struct arch_layout *l, struct regs *io, struct unwind_step *step)
{
	uint64_t start, va, pc = io->v[A64_PC];
	struct record rec;
	struct regs r;
	const char *name;

	if (arch_arm64.user_mode(io)) {
		end(step, false, "user mode");
		return;
	}
	if (step_to_lr(env, abi, l, io, step))
		return;
	if (!regs_has(io, A64_FP) || !io->v[A64_FP]) {
		end(step, !regs_has(io, A64_FP), "no frame pointer");
		return;
	}
	if (!read_record(env, abi, io, step, &rec))
		return;
	bool stub = env_function(env, step->exact ? pc : pc - 1, &name, &start) &&
		    is_el1_stub(env, name);
	if (!stub && !rec.fp && !rec.lr) {
		step_zero_record(env, abi, l, &rec, io, step);
		return;
	}
	if (find_pt_regs(env, abi, &rec, stub && !step->exact, &va, &r)) {
		step_to_pt_regs(env, l, &rec, va, &r, io, step);
		return;
	}
	if (!rec.lr) {
		end(step, true, stub ? "exception frame not readable" : "return address is zero");
		return;
	}
	/* A record tells fp and pc. sp lies somewhere above it; what the callee saved, only CFI
	 * knows. */
	*io = (struct regs){ 0 };
	regs_set(io, A64_FP, rec.fp);
	regs_set(io, A64_PC, arm64_strip(l, rec.lr));
	step->how = HOW_FP;
	step->exact = false;
	step->floor_va = rec.va + 16;
}

struct err *arm64_unwind(const struct arch_env *env, const struct arch_layout *l, struct regs *io,
	struct unwind_step *step)
{
	const struct abi abi = { .word_bytes = 8, .big_endian = l->paging.big_endian };
	struct err *err = interrupt_check();

	if (err)
		return err;
	*step = (struct unwind_step){ .exact = step->exact, .floor_va = step->floor_va };
	if (!regs_has(io, A64_PC)) {
		end(step, true, "program counter is not known");
		return NULL;
	}
	step_frame(env, &abi, l, io, step);
	return NULL;
}
