/*
 * What value an instruction gives to a register, as far as that is a copy, a constant, a sum or a
 * load, and where control goes from it. Knows single instructions: who walks over them keeps
 * the values.
 */
#ifndef ANALYZER_DEBUG_INSN_DEFINE_H
#define ANALYZER_DEBUG_INSN_DEFINE_H

#include "analyzer/debug/insn_access.h"

enum insn_flow {
	INSN_NEXT,
	INSN_BRANCH,	   /* to .target or on */
	INSN_JUMP,	   /* to .target */
	INSN_CALL,	   /* of .target, and on */
	INSN_CALL_POINTER, /* of what is not known, and on */
	INSN_LEAVE,	   /* returns, or jumps to what is not known */
};

enum insn_define_kind {
	DEFINE_NOTHING, /* the register stays as it is */
	DEFINE_VALUE,	/* base + index + offset, each part that there is */
	DEFINE_LOAD,	/* what memory holds there */
	DEFINE_INSERT,	/* itself, with .offset in the bits of .mask */
	DEFINE_OTHER,	/* something else, or under a condition */
};

struct insn_define {
	enum insn_define_kind kind;
	uint8_t base, index; /* numbers in struct regs, or INSN_NO_REGISTER */
	unsigned index_bits; /* of the index that count: 32 or 64, extended by its sign or not */
	bool index_signed;
	unsigned shift; /* of the index, to the left */
	int64_t offset;
	uint64_t mask;
	unsigned bits;	     /* of the register that are written; the rest becomes zero */
	unsigned load_bytes; /* LOAD */
	bool load_signed;
};

struct insn_step {
	uint64_t va;
	uint8_t code[4];
	unsigned bytes; /* 2 or 4 */
	bool decoded;
	enum insn_flow flow;
	uint64_t target;
};

struct insn_decoder;

/* NULL when the disassembler cannot be had. */
struct insn_decoder *insn_decoder_open(const struct arch *arch, bool thumb);
void insn_decoder_close(struct insn_decoder *d);

/* The instruction at @va, of whose code @n bytes (4 where there are so many) stand at @code. One
 * that the disassembler does not know is .decoded false, and goes on to the next. */
void insn_decoder_step(
	struct insn_decoder *d, const uint8_t *code, size_t n, uint64_t va, struct insn_step *ret);

/* What it does to register @reg of struct regs. */
void insn_decoder_define(
	struct insn_decoder *d, const struct insn_step *s, uint8_t reg, struct insn_define *ret);

#endif
