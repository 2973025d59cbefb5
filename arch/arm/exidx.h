/*
 * ARM exception-handling tables: find the entry of a function, run its opcodes over a register set.
 * What a frame, a stack or an entry function is, unwind.c knows.
 */
#ifndef ARCH_ARM_EXIDX_H
#define ARCH_ARM_EXIDX_H

#include "arch/arch.h"

struct exidx_entry {
	uint32_t fn;	  /* first address that the entry covers */
	uint32_t word;	  /* second word of the index entry */
	uint32_t word_va; /* where it stands */
};

enum { EXIDX_CANTUNWIND = 1 };

/* The last entry at or below @pc of the index [@start, @stop); false when there is none or memory
 * is missing. Reads about log2(entries) of them. */
bool exidx_find(const struct arch_env *env, const struct abi *abi, uint32_t start, uint32_t stop,
	uint32_t pc, struct exidx_entry *ret);

/* The registers while opcodes run. r[13] is vsp. */
struct exidx_vm {
	const struct arch_env *env;
	struct abi abi;
	uint32_t r[16];
	uint32_t valid;	     /* bit i: r[i] is known; bit 15 is clear at first */
	uint32_t popped;     /* bit i: r[i] came from the stack */
	uint32_t pop_va[16]; /* .popped: from where */
	uint64_t lo, hi;     /* vsp stays in [lo, hi] … */
	bool stack_changed;  /* … or was set to another known stack, whose bounds these are now */
	bool takes_generic;  /* in: entries of the generic model may be run … */
	bool generic;	     /* … and this was one: see exidx_run() */
};

/*
 * Runs @e's opcodes; NULL, or why it cannot be done, in words. The opcodes are at most 1023 bytes
 * long and each takes at least one, so it ends.
 *
 * Entries of the generic model name a personality routine of their own (C++, or C with cleanups),
 * and what follows is that routine's business (EHABI section 6.2). GNU's and LLVM's all begin with
 * a count of words and three opcodes, as the third compact model does but for its first byte: that
 * is what is run, on the caller's wish, and the caller must prove what comes out. The kernel has
 * none (arch/arm/kernel/unwind.c, 4.19 to 7.2: unwind_frame() refuses them).
 */
const char *exidx_run(const struct exidx_entry *e, struct exidx_vm *vm);

#endif
