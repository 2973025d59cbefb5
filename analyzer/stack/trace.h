/*
 * Backtraces: from a task's registers to its physical frames, each with how it was found and how
 * far it can be trusted.
 */
#ifndef ANALYZER_STACK_TRACE_H
#define ANALYZER_STACK_TRACE_H

#include "analyzer/base/arena.h"
#include "analyzer/kernel/task.h"
#include "analyzer/stack/task_regs.h"

enum frame_trust {
	TRUST_SURE,   /* registers of the dump, or an unbroken chain from them */
	TRUST_LIKELY, /* a chain that began with a searched stack pointer and proved consistent */
	TRUST_GUESS,  /* a return address seen on the stack, nothing more */
};

struct frame {
	uint64_t pc; /* a return address as memory has it: bit 0 is set for ARM32's Thumb code */
	uint64_t sp; /* or, where a frame record is all there is, the record's address */
	bool exact;  /* pc was interrupted there; else a return address */
	uint64_t lookup_pc; /* where its function and line are looked up: inside the call that pc
			     * returns from, or pc itself where no call stands before it */
	enum frame_how how;
	enum frame_trust trust;
	uint64_t pt_regs_va; /* not 0: the registers came from this exception frame */
	struct regs regs;    /* what is known of the registers while this frame's code ran */
	const char *note;    /* a constant for people: what else is known about it; or NULL */
};

/* Where the frame's code goes on: its pc register. */
static inline uint64_t frame_code_va(const struct frame *f)
{
	return f->exact ? f->pc : f->pc & ~1ull;
}

struct trace {
	struct frame *frame; /* innermost first; the arena's */
	size_t nframes;
	bool user;	    /* the task was in user mode: no kernel frames */
	bool broken;	    /* the chain broke off before its proper end */
	const char *end;    /* why it ended, in words */
	const char *source; /* where the first registers came from */
};

/* Where else than at a task's registers a trace begins. */
struct trace_start {
	bool has_pc, has_sp;
	uint64_t pc, sp;
};

/* Errors are about the start (no registers, no types); a chain that breaks is a trace that says so.
 */
struct err *trace_task(
	struct target *t, const struct task *task, struct arena *a, struct trace *ret) MUST_CHECK;

/*
 * The same from a program counter or a stack pointer that somebody believes in. Without a pc the
 * first place at or above @start->sp from which a chain goes on well is taken; with both, the frame
 * pointer is looked for in this way. The frames are likely, not sure. ERR_NOT_FOUND when no chain
 * begins there.
 */
struct err *trace_task_from(struct target *t, const struct task *task,
	const struct trace_start *start, struct arena *a, struct trace *ret) MUST_CHECK;

const char *frame_how_name(enum frame_how how);	      /* "regs", "fp", "exidx", … */
const char *frame_trust_name(enum frame_trust trust); /* "sure", "likely", "guess" */

#endif
