/*
 * The frames of user mode below a task's kernel frames, as far as its memory is in the dump: by the
 * architecture's own frame records and unwind tables. Names come from what is mapped there, since a
 * program's symbols are mostly not in memory.
 */
#ifndef ANALYZER_STACK_USER_TRACE_H
#define ANALYZER_STACK_USER_TRACE_H

#include "analyzer/base/arena.h"
#include "analyzer/kernel/task.h"
#include "analyzer/stack/trace.h"

struct user_frame {
	uint64_t pc;
	uint64_t sp; /* or, where a frame record is all there is, the record's address */
	bool exact;  /* pc was interrupted there; else a return address */
	enum frame_how how;
	enum frame_trust trust;
	bool by_signal; /* a signal came upon it: its registers are those of the signal's frame */
	bool thumb;
	const char *file;     /* mapped there: a path, "[vdso]"; NULL: nothing that has a name */
	uint64_t file_offset; /* of pc in it */
	bool has_elf_va; /* .elf_va is known: the address as the file itself has it, for addr2line
			  */
	uint64_t elf_va;
	const char *symbol; /* NULL: no dynamic symbol tells */
	uint64_t symbol_offset, symbol_size;
};

struct user_trace {
	struct user_frame *frame; /* innermost first; the arena's */
	size_t nframes;
	bool compat;	 /* of an ARM program of 32 bits on an arm64 kernel */
	bool broken;	 /* the chain broke off before its proper end */
	const char *end; /* why it ended, in words */
};

/*
 * From @task's registers of user mode, @regs in the order of the kernel's architecture. Errors are
 * about the start (no mm, areas that cannot be read, Ctrl-C); a chain that breaks is a trace that
 * says so.
 */
struct err *user_trace_read(struct target *t, const struct task *task, const struct regs *regs,
	struct arena *a, struct user_trace *ret) MUST_CHECK;

#endif
