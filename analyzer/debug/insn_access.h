/*
 * What an instruction does to memory, with the registers that it had when it began: the operands'
 * values, the address, and how that was put together. Knows single instructions, no flow of
 * control.
 */
#ifndef ANALYZER_DEBUG_INSN_ACCESS_H
#define ANALYZER_DEBUG_INSN_ACCESS_H

#include "arch/arch.h"

enum { INSN_OPERANDS_MAX = 18, INSN_NO_REGISTER = 0xff };

struct insn_operand {
	char name[8]; /* as the disassembly has it: "x20", "w2", "r3" */
	uint8_t reg;  /* number in struct regs */
	bool read;    /* it was one of the inputs */
	bool known;
	uint64_t value; /* of the name: a w register has 32 bits */
};

struct insn_access {
	bool memory;	      /* the rest means something */
	bool reads, writes;   /* both for atomics */
	uint8_t base, index;  /* numbers in struct regs, or INSN_NO_REGISTER */
	int64_t offset;	      /* constant, from the base */
	uint64_t index_value; /* shifted and extended */
	bool known;	      /* the registers are: .va */
	uint64_t va;	      /* first byte */
	unsigned bytes;	      /* 0: not known (cache maintenance) */

	struct insn_operand operand[INSN_OPERANDS_MAX]; /* general registers, each once */
	unsigned noperands;
};

/* Number in struct regs of capstone's general register @r, of arm64 or ARM32; *ret_bits is 32 for
 * arm64's w registers, and the register's width else. INSN_NO_REGISTER: it is none. */
uint8_t insn_register(bool arm64, unsigned r, unsigned *ret_bits);

/* Of the instruction whose @n (2 or 4) bytes at @pc are @code. False when it cannot be decoded. */
bool insn_access_read(const struct arch *arch, bool thumb, const uint8_t *code, size_t n,
	uint64_t pc, const struct regs *regs, struct insn_access *ret);

#endif
