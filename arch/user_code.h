/*
 * User mode's frames, as far as both architectures go about them alike: whether the code that was
 * interrupted still has its return address in the link register. No symbols are needed.
 */
#ifndef ARCH_USER_CODE_H
#define ARCH_USER_CODE_H

#include "arch/arch.h"

/* What an instruction does to the return address of its function. */
enum ra_event {
	RA_NOTHING,
	RA_SAVED,    /* the link register goes to the stack */
	RA_RESTORED, /* … and comes back */
	RA_CALL,     /* it is overwritten by a call's */
	RA_LEAVES,   /* what follows is reached from elsewhere: a return, a jump */
	RA_LOST,     /* the stack pointer moves by what only registers knew */
};

struct code_event {
	enum ra_event what;
	uint8_t bytes; /* the instruction's length */
	int32_t down;  /* how many bytes the stack pointer goes down */
};

/* Of the instruction at @va. False: it cannot be read. */
typedef bool (*code_event_fn)(
	const struct arch_env *env, uint64_t va, bool thumb, struct code_event *ret);

/*
 * Whether at @pc the function that begins at @start has its return address in the link register,
 * going by the instructions between the two in the order in which they stand; then *ret_down is how
 * far the stack pointer is below where it was at @start. Where they say nothing for certain (a
 * return behind a save: what follows is some other path) it is false.
 */
bool ra_is_live(const struct arch_env *env, uint64_t start, uint64_t pc, bool thumb,
	code_event_fn event, int32_t *ret_down);

#endif
