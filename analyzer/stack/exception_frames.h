/*
 * struct pt_regs on stacks: the registers that entry code saved, with what the kernel keeps beside
 * them, and the search for them where no chain of frames leads.
 */
#ifndef ANALYZER_STACK_EXCEPTION_FRAMES_H
#define ANALYZER_STACK_EXCEPTION_FRAMES_H

#include "analyzer/base/vec.h"
#include "analyzer/kernel/task.h"
#include "analyzer/stack/stacks.h"

struct exception_frame {
	uint64_t va;
	struct regs regs;
	bool user;     /* of user mode */
	bool has_orig; /* .orig is known: the first argument's register as the system call got it */
	uint64_t orig;
	bool has_syscall; /* .syscall is known; -1: none */
	int64_t syscall;
};

/* The pt_regs at @va. ERR_FAULT. Nothing is checked: see exception_frame_plausible(). */
struct err *exception_frame_read(
	struct target *t, uint64_t va, struct exception_frame *ret) MUST_CHECK;

/* Whether these can be the kernel's registers at an exception that happened on @stack (or, of an
 * overflow stack, elsewhere): a status, a pc and an sp as entry code leaves them. */
bool exception_frame_plausible(struct target *t, const struct task *task, const struct stack *stack,
	const struct exception_frame *f);

/* Where @task's registers of user mode are, at its stack's upper end; false when it has none or
 * they cannot be read (a kernel thread; a task that has not been in user mode yet). */
bool exception_frame_of_user(
	struct target *t, const struct task *task, struct exception_frame *ret);

struct exception_frames {
	VEC(struct exception_frame) found; /* by ascending address */
};
void exception_frames_deinit(struct exception_frames *f);

/* Adds all plausible ones that lie in [@lo, stack->hi), and @task's of user mode if @stack is its
 * own. */
struct err *exception_frames_search(struct target *t, const struct task *task,
	const struct stack *stack, uint64_t lo, struct exception_frames *io) MUST_CHECK;

#define scoped_exception_frames __attribute__((cleanup(exception_frames_deinit)))

#endif
