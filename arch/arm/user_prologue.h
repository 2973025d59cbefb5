/*
 * What the first instructions of a program's function put on the stack, found from an address
 * within it: for code that has neither unwind tables nor frame pointers. The rules are compilers'
 * habits, not law: who uses the answer must prove it.
 */
#ifndef ARCH_ARM_USER_PROLOGUE_H
#define ARCH_ARM_USER_PROLOGUE_H

#include "arch/user_code.h"

enum { ARM_PROLOGUE_BYTES = 16 }; /* the push of lr is at most so far into its function */

struct arm_prologue {
	uint32_t va;	 /* of the instruction that pushes lr */
	uint16_t pushed; /* bit i: register i; lr, bit 14, is among them */
	uint32_t below;	 /* bytes from sp, as it is in the body, up to the pushed registers */
	uint32_t above;	 /* bytes above them that were pushed before (arguments of variadic
			    functions) */
};

/* The nearest before @pc, which is in the body. False: there is none near, or the stack pointer
 * moves in ways that are not followed. */
bool arm_find_prologue(
	const struct arch_env *env, uint32_t pc, bool thumb, struct arm_prologue *ret);

/* A code_event_fn. */
bool arm_code_event(const struct arch_env *env, uint64_t va, bool thumb, struct code_event *ret);

#endif
