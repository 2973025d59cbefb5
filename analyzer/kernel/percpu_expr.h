/* Per-CPU variables in expressions, and lists of CPUs as people type them. */
#ifndef ANALYZER_KERNEL_PERCPU_EXPR_H
#define ANALYZER_KERNEL_PERCPU_EXPR_H

#include "analyzer/debug/expr.h"
#include "analyzer/kernel/percpu.h"

/* Adds per_cpu(VARIABLE, CPU) and per_cpu_ptr(POINTER, CPU); @t lives at least as long as @s. */
void percpu_expr_register(struct expr_state *s, struct target *t);

/* "a", "all" (all possible CPUs), "0", "0,2-3". ERR_USAGE, also for a CPU that is not possible. */
struct err *cpu_list_parse(
	const struct target *t, const char *text, struct cpu_mask *ret) MUST_CHECK;

/*
 * For "EXPRESSION:CPU": put .names into a debug_env, and per-CPU variables mean @cpu's copy.
 * .moved says after an evaluation whether there was one.
 */
struct percpu_names {
	struct expr_names names;
	const struct target *t;
	unsigned cpu;
	bool moved;
};
void percpu_names_init(struct percpu_names *n, const struct target *t, unsigned cpu);

/*
 * crash's VAR:CPUS. The length of @text without the colon and what follows it, or 0 when there is
 * no list of CPUs at its end (a colon of ?: is none).
 */
size_t cpu_suffix_find(const char *text);

#endif
