/*
 * What one instruction does, as far as frames are concerned: which registers it writes, what it
 * puts on a stack and takes from there, where it leads. Knows no function and no memory. Where the
 * manual leaves something open, or where this does not know an instruction, it is said to write
 * what might be its destination.
 */
#ifndef ARCH_ARM_INSN_H
#define ARCH_ARM_INSN_H

#include <stdbool.h>
#include <stdint.h>

enum insn_kind {
	INSN_PLAIN, /* the next one follows */
	INSN_JUMP,  /* to .target */
	INSN_CALL,  /* of .target, which may be 0: unknown; then the next one follows */
	INSN_LEAVE, /* a return, a jump through a register or a table, an undefined instruction */
};

enum insn_memory { INSN_NO_MEMORY, INSN_LOADS, INSN_STORES };

struct insn {
	enum insn_kind kind;
	uint8_t bytes;
	bool conditional;	   /* it may do nothing at all */
	uint8_t makes_conditional; /* Thumb's IT: so many that follow are conditional */
	uint32_t target;
	uint32_t writes; /* bit i: register i gets a value that is not told here */

	/* sum_to = sum_of + addend */
	bool sum;
	uint8_t sum_to, sum_of;
	int32_t addend;

	/* The registers of .list, lowest first, from or to consecutive words at base + offset; then
	 * base += step. */
	enum insn_memory memory;
	uint8_t base;
	int32_t offset, step;
	uint32_t list;
};

/* Of ARM's instruction @code at @va; of Thumb's, whose first halfword is @h1 (@h2 counts where
 * there is one). */
void arm_insn(uint32_t code, uint32_t va, struct insn *ret);
void thumb_insn(uint16_t h1, uint16_t h2, uint32_t va, struct insn *ret);

/* What both sets have in common; @io has its kind and length. */
void arm_insn_coprocessor(uint32_t code, struct insn *io);

static inline uint32_t insn_rotated(uint32_t v, unsigned by)
{
	return by ? v >> by | v << (32 - by) : v;
}

#endif
