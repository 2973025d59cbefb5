/*
 * ARM32 frames by frame pointer, for kernels built with UNWINDER_FRAME_POINTER, which carry no
 * unwind tables. Knows both compilers' records and the pt_regs below an exception's entry code.
 */
#include <string.h>

#include "analyzer/base/scope.h"
#include "arch/arm/arm.h"

/* arch/arm/kernel/entry-armv.S, L8: these call their handlers with sp at the pt_regs. */
static bool is_svc_entry(const char *name)
{
	static const char *const svc[] = { "__dabt_svc", "__irq_svc", "__und_svc", "__pabt_svc",
		"__fiq_svc", "__und_svc_fault", "__und_svc_finish", "__irq_svc_finish" };

	for (size_t i = 0; i < ARRAY_SIZE(svc); i++)
		if (!strcmp(name, svc[i]))
			return true;
	return false;
}

static bool read_word(const struct arch_env *env, const struct abi *abi, uint32_t va, uint32_t *ret)
{
	uint8_t raw[4];
	if (!env_read(env, va, raw, sizeof(raw)))
		return false;
	*ret = get_u32(abi, raw);
	return true;
}

static bool same_function(const struct arch_env *env, uint32_t a, uint32_t b)
{
	const char *name;
	uint64_t sa, sb;
	return env_function(env, a, &name, &sa) && env_function(env, b, &name, &sb) && sa == sb;
}

static void step_exception(const struct arch_env *env, const struct abi *abi, struct regs *io,
	struct unwind_step *step)
{
	uint32_t va = io->v[ARM_SP];
	struct regs r;

	if (!regs_has(io, ARM_SP) || !arm_read_pt_regs(env, abi, va, &r)) {
		arm_unwind_end(step, true, "exception frame not readable");
		return;
	}
	/* svc_entry stores the interrupted sp, which lies above the frame it has just made. */
	uint64_t lo, hi, floor = step->floor_va;
	bool known = env_stack(env, va, &lo, &hi);
	bool below = known && va < floor && floor <= hi;
	bool back = known && r.v[ARM_SP] >= lo && r.v[ARM_SP] <= va;
	if (!known || below || back) {
		arm_unwind_end(step, true, "stack pointer does not advance");
		return;
	}
	*io = r;
	step->how = HOW_REGS;
	step->exact = true;
	step->pt_regs_va = va;
	step->floor_va = r.v[ARM_SP];
}

/*
 * arch/arm/kernel/stacktrace.c, L8: GCC pushes {fp, ip, lr, pc} and sets fp to the last word, so fp
 * stands at -12, sp at -8, lr at -4; clang pushes {fp, lr} and sets fp to the first. What GCC
 * stored as pc lies in the function itself.
 */
void arm_unwind_fp(const struct arch_env *env, const struct abi *abi, struct regs *io,
	struct unwind_step *step)
{
	uint32_t fp = io->v[ARM_FP], pc = io->v[ARM_PC], lookup = step->exact ? pc : pc - 1;
	uint32_t first, new_fp, new_sp, new_pc;
	uint64_t lo, hi, start;
	const char *name;

	if (env_function(env, lookup, &name, &start) && is_svc_entry(name)) {
		step_exception(env, abi, io, step);
		return;
	}
	if (!regs_has(io, ARM_FP) || !fp) {
		arm_unwind_end(step, !regs_has(io, ARM_FP), "no frame pointer");
		return;
	}
	if ((fp & 3) || !env_stack(env, fp, &lo, &hi) || fp < lo + 12 || (uint64_t)fp + 4 > hi) {
		arm_unwind_end(step, true, "frame pointer is on no known stack");
		return;
	}
	if (step->floor_va > fp && step->floor_va >= lo && step->floor_va <= hi) {
		arm_unwind_end(step, true, "frame pointer does not advance");
		return;
	}
	bool ok = read_word(env, abi, fp, &first);
	bool own = ok && same_function(env, first, lookup);
	/* GCC's record of another function: this one has not pushed its own, or never does. */
	if (ok && !own && step->exact && env_function(env, first, &name, &start)) {
		arm_unwind_lr(io, step);
		return;
	}
	if (own) {
		ok = read_word(env, abi, fp - 12, &new_fp) &&
		     read_word(env, abi, fp - 8, &new_sp) && read_word(env, abi, fp - 4, &new_pc);
	} else if (ok) {
		new_fp = first;
		new_sp = fp + 8;
		ok = read_word(env, abi, fp + 4, &new_pc);
	}
	if (!ok) {
		arm_unwind_end(step, true, "frame record not readable");
		return;
	}
	step->thumb = new_pc & 1;
	new_pc &= ~1u;
	if (!new_pc) {
		arm_unwind_end(step, false, "no caller");
		return;
	}
	*io = (struct regs){ 0 };
	regs_set(io, ARM_FP, new_fp);
	regs_set(io, ARM_SP, new_sp);
	regs_set(io, ARM_PC, new_pc);
	step->how = HOW_FP;
	step->exact = false;
	step->floor_va = fp + 4;
}
