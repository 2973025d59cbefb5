/*
 * Which of its caller's registers a function has left as they were or has saved, where it made a
 * call or was interrupted. One that never returns saves only what it needs to go back to, nothing
 * mostly, and the compiler may know by itself that it never returns: only its instructions tell.
 */
#include "arch/arm/arm.h"
#include "arch/arm/code_flow.h"

/* The state in front of the call that returns to @pc; it says, too, of what instructions the code
 * is. */
static bool state_at_call(
	const struct arch_env *env, uint32_t start, uint32_t pc, struct code_state *ret)
{
	uint8_t code[4];
	uint64_t target;

	if (pc < 4 || !env_read(env, pc - 4, code, sizeof(code)))
		return false;
	if (!(pc & 3) && arch_arm.is_call(code, pc, &target))
		return arm_code_state(env, start, pc - 4, false, ret);
	return arch_arm.is_call(code, pc | 1, &target) &&
	       (arm_code_state(env, start, pc - 4, true, ret) ||
		       arm_code_state(env, start, pc - 2, true, ret));
}

bool arm_saved_regs(const struct arch_env *env, const struct regs *regs, bool exact,
	uint64_t *ret_lost, uint64_t *ret_saved)
{
	uint32_t pc = (uint32_t)regs->v[ARM_PC];
	struct code_state s;
	const char *name;
	uint64_t start;

	if (!env_function(env, pc - !exact, &name, &start) ||
		(exact && !regs_has(regs, ARM_CPSR)) ||
		!(exact ? arm_code_state(env, start & ~1u, pc, regs->v[ARM_CPSR] & 0x20, &s)
			: state_at_call(env, start & ~1u, pc, &s)))
		return false;
	*ret_lost = *ret_saved = 0;
	for (unsigned i = 4; i <= ARM_FP; i++) {
		*ret_lost |= (uint64_t)(s.place[i].home == CODE_LOST) << i;
		*ret_saved |= (uint64_t)(s.place[i].home == CODE_ON_STACK) << i;
	}
	return true;
}
