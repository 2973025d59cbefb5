/*
 * Where the registers of a function's caller are when its code stands at some instruction, by
 * following all ways that lead there from the function's start: what unwind tables tell of a
 * function's body, this tells of each of its instructions, prologues and epilogues among them.
 * Jumps through tables are not followed.
 */
#ifndef ARCH_ARM_CODE_FLOW_H
#define ARCH_ARM_CODE_FLOW_H

#include "arch/arch.h"

enum code_home {
	CODE_LOST,	  /* overwritten, and saved nowhere that is known */
	CODE_IN_REGISTER, /* .reg */
	CODE_ON_STACK,	  /* .below: bytes below the stack pointer at the function's start */
};

struct code_place {
	enum code_home home;
	uint8_t reg;
	uint16_t below;
};

struct code_state {
	uint32_t down; /* from the stack pointer at the function's start to the present one */
	struct code_place place[15]; /* [4 … 11] and [14]: of the caller's r4 … fp and of the return
					address */
};

/* How many bytes the function that begins at @start has; 16 KiB for larger ones. */
uint32_t arm_code_size(const struct arch_env *env, uint32_t start, bool thumb);

/* The state in front of the instruction at @pc of the function that begins at @start. False: the
 * code cannot be read, no way that can be followed leads to @pc, or they do not agree about the
 * stack pointer. */
bool arm_code_state(const struct arch_env *env, uint32_t start, uint32_t pc, bool thumb,
	struct code_state *ret);

/*
 * From registers that were in the code's state to the caller's: @io's pc, sp, r4 … fp; what is
 * lost, or cannot be read, is not known. The stack pointer is to stay at or below @hi. False: the
 * return address is not known.
 */
bool arm_code_step(const struct arch_env *env, const struct abi *abi, const struct code_state *s,
	uint64_t hi, struct regs *io);

#endif
