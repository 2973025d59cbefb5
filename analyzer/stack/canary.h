/*
 * The stack protector's canaries, frame by frame: which frames of a trace keep one, where, and what
 * stands there now. A frame of which this is not certain is not looked at, but for the one that
 * itself found its canary wrong.
 */
#ifndef ANALYZER_STACK_CANARY_H
#define ANALYZER_STACK_CANARY_H

#include "analyzer/stack/trace.h"

struct canary_found {
	unsigned frame;	    /* its number in the trace */
	uint64_t lookup_pc; /* where its function is looked up */
	uint64_t slot_va, found;
};

struct canary_counts {
	unsigned frames;	   /* whose functions keep a canary */
	unsigned checked;	   /* of them: those where its place is certain and can be read */
	unsigned damaged;	   /* of these: those where another word stands */
	bool alike;		   /* all of them have the same word */
	struct canary_found found; /* the innermost damaged one */
};

/* What is known of code, for all tasks of a target. */
struct canaries;

/* NULL when the kernel has none, or the types and symbols do not say where it keeps them. */
struct canaries *canaries_create(struct target *t);
void canaries_destroy(struct canaries *c);

/* @expected: the word that the functions of @task check with. The frames of @trace. */
void canaries_check(struct canaries *c, const struct task *task, const struct trace *trace,
	uint64_t expected, struct canary_counts *ret);

static inline void canaries_destroyp(struct canaries **c)
{
	canaries_destroy(*c);
}
#define scoped_canaries __attribute__((cleanup(canaries_destroyp)))

#endif
