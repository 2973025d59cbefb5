/*
 * Shadow call stacks: a second copy of the return addresses, which the compiler keeps in memory of
 * its own. A trace that broke off goes on by it, and a return address that it has otherwise is
 * told. For this folder only.
 */
#ifndef ANALYZER_STACK_SHADOW_STACK_H
#define ANALYZER_STACK_SHADOW_STACK_H

#include "analyzer/stack/trace.h"

/* It grows upwards: entries from .lo to below .sp, the innermost last. */
struct shadow_stack {
	uint64_t lo, hi, sp;
};

/* The task's own or one of a CPU's, by a shadow stack pointer into it. False: there is none. */
bool shadow_stack_find(
	struct target *t, const struct task *task, uint64_t sp, struct shadow_stack *ret);

/* The task's own, with its .sp as it was when the task was switched out. */
bool shadow_stack_of_task(struct target *t, const struct task *task, struct shadow_stack *ret);

/* Number @i of @cpu's; false behind the last. One that the kernel lacks is empty (lo == hi); .sp is
 * its base. *ret_ends: it was made with a magic word at its end. */
bool shadow_stack_of_cpu(
	struct target *t, unsigned cpu, unsigned i, struct shadow_stack *ret, bool *ret_ends);

/*
 * Compares the frames of @io, a trace of the kernel, with the shadow call stack and appends what
 * that has beyond a chain that broke off (HOW_SCS). Without a shadow call stack nothing changes.
 */
struct err *shadow_stack_apply(
	struct target *t, const struct task *task, struct arena *a, struct trace *io) MUST_CHECK;

#endif
