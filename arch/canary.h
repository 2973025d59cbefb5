/*
 * Where a function's code has put the stack protector's canary: the walk along all ways through a
 * function, which is the same for both architectures. What an instruction does, each folder's
 * canary.c says. Knows no symbol, no frame and no value of any canary.
 */
#ifndef ARCH_CANARY_H
#define ARCH_CANARY_H

#include "arch/arch.h"

enum step_kind {
	STEP_NEXT,     /* the next instruction follows */
	STEP_JUMP,     /* to .target */
	STEP_CALL,     /* then the next one follows */
	STEP_LEAVE,    /* out of the function */
	STEP_ANYWHERE, /* a jump through a table or a register: maybe back into the function */
};

/* What else it does, as far as canaries, stack pointers and what they are reached by matter. */
enum step_effect {
	EFFECT_NONE,
	EFFECT_NUMBER,	/* to = number */
	EFFECT_BITS,	/* to = (to & keep) | number, keep being .mask */
	EFFECT_SUM,	/* to = of + number */
	EFFECT_SUM_OF,	/* to = of + sign * register .by, sign being .number */
	EFFECT_MASK,	/* to = of & mask */
	EFFECT_CURRENT, /* to = the running task */
	EFFECT_LOADS,	/* the .nlist registers of .list are words from base + offset on … */
	EFFECT_STORES,	/* … or are written there; then base += step */
};

enum { CANARY_REGS = 33, CANARY_LIST = 16 };

struct canary_step {
	enum step_kind kind;
	enum step_effect effect;
	uint8_t bytes;		   /* the instruction's length */
	bool conditional;	   /* it may do nothing at all */
	uint8_t makes_conditional; /* Thumb's IT: so many that follow are conditional */
	uint8_t tracer_pops;	   /* a call: so many bytes that a tracer takes from the stack, if
				    * it is one: see canary_find() */
	uint64_t target;
	uint64_t writes; /* bit i: register i gets a value that is not told here */

	uint8_t to, of, by, base, nlist;
	uint8_t list[CANARY_LIST];
	int64_t number, offset, step;
	uint64_t mask;
};

/* The code of one function, in memory of ours. */
struct canary_text {
	const struct arch_env *env;
	const struct abi *abi; /* of data among it; instructions are little-endian always */
	const struct canary_code *code;
	const uint8_t *raw;
};

struct canary_form {
	uint8_t word, sp, fp;
	uint64_t call_writes; /* bit i: a called function may leave anything in register i */
	uint8_t address_bits; /* bits above these do not count: arm64's tags */
	/* Of the instruction at code->start + @off, which lies inside by the unit (2 or 4 bytes).
	 * False: it does not end inside. */
	bool (*decode)(const struct canary_text *x, uint32_t off, struct canary_step *ret);
	uint8_t (*unit)(const struct canary_code *code);
};

/*
 * As struct arch's canary(). Where two ways meet, what they do not agree about is not known. Behind
 * a jump that may lead anywhere all that no other way reaches is taken for its target.
 */
enum canary_answer canary_find(const struct arch_env *env, const struct abi *abi,
	const struct canary_form *form, const struct canary_source *from,
	const struct canary_code *code, struct canary_slot *ret);

#endif
