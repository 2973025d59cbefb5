/*
 * Steps by call frame information: from a frame's registers to its caller's, all that are known,
 * proved. The architecture's own way (frame records, EHABI tables) is faster and does for the chain
 * of frames; this one decides where that is weak, and gives the registers that it does not know.
 */
#ifndef ANALYZER_STACK_CFI_H
#define ANALYZER_STACK_CFI_H

#include "analyzer/stack/trace.h"
#include "analyzer/stack/unwinder.h"

enum cfi_outcome {
	CFI_STEP_DONE,
	CFI_STEP_NONE,	/* nothing is known of this code (assembler) */
	CFI_STEP_LOST,	/* the registers or the memory that the rules ask for are not there */
	CFI_STEP_END,	/* the rules say that nothing called this */
	CFI_STEP_WRONG, /* what came out is no caller */
};

struct cfi_step {
	struct regs regs;  /* the caller's */
	uint64_t restored; /* bit i: register i was read from the stack */
	uint64_t cfa;
	bool thumb;  /* pc returns into Thumb code (ARM32) */
	bool called; /* a call stands before pc; else entry code made it up */
};

/* How far a question may go: a module's file is opened for it, or not. */
enum cfi_reach { CFI_OPEN_KERNEL, CFI_OPEN_MODULES };

/*
 * From @regs, whose code is looked up at @lookup_pc. Proofs: the CFA is not below the stack
 * pointer, in the same stack, aligned; the return address is in a function. @ret only with
 * CFI_STEP_DONE.
 */
enum cfi_outcome cfi_step(struct target *t, const struct task *task, const struct regs *regs,
	uint64_t lookup_pc, enum cfi_reach reach, struct cfi_step *ret);

/*
 * After the architecture's step of @u from @before: at an instruction that was interrupted, where
 * only CFI knows whether a frame record stands already, and where the architecture's chain broke
 * off, CFI's word counts if a call proves it. Where both agree, the step is as sure as one by a
 * table, and has more registers.
 */
void cfi_arbitrate(struct unwinder *u, const struct regs *before, const struct unwind_step *prior);

/*
 * Makes each frame's registers those that CFI gives, frame by frame upwards, where it agrees with
 * the chain. Where it contradicts the frame gets a note that says so, and keeps what it had; so it
 * does where CFI knows nothing. What surely was overwritten on the way is not known in either case.
 */
void cfi_fill_registers(struct target *t, const struct task *task, struct trace *io);

#endif
