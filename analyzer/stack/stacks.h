/* Which stack does an address lie in? A task's own, or one of a CPU's (irq, overflow, …). */
#ifndef ANALYZER_STACK_STACKS_H
#define ANALYZER_STACK_STACKS_H

#include "analyzer/kernel/task.h"

struct stack {
	uint64_t lo, hi;  /* [lo, hi); an empty stack's pointer is hi */
	const char *name; /* "task", or the architecture's name for it */
	bool shared;	  /* of all CPUs: the machine has one such stack */
};

/* @task may be NULL: then only the CPUs' stacks count. False when @sp is in none of them. */
bool stack_find(struct target *t, const struct task *task, uint64_t sp, struct stack *ret);

/* The stacks that @task can have been on, on its CPU: number 0 is its own, then the CPU's; false
 * behind the last. One that this kernel lacks is empty (lo == hi). */
bool stack_of_task(struct target *t, const struct task *task, unsigned i, struct stack *ret);

#endif
