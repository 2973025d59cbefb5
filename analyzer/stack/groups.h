/*
 * Where all tasks stand: their kernel stacks, those that are alike as one group with all its tasks.
 * Two are alike when their tasks are in the same state and every frame is the same, to the
 * instruction or by function only.
 */
#ifndef ANALYZER_STACK_GROUPS_H
#define ANALYZER_STACK_GROUPS_H

#include "analyzer/base/vec.h"
#include "analyzer/stack/trace.h"

struct stack_member {
	uint64_t task_va;
	uint32_t pid;
	char comm[17]; /* terminated */
};

struct stack_group {
	struct trace trace; /* of its first task; without frames: .end says why */
	const char *state;  /* task_state_letter() */
	uint64_t hash;
	size_t order;			  /* of its first task among the groups */
	VEC(struct stack_member) members; /* in the order in which they were added */
};

enum stack_likeness { STACKS_BY_PLACE, STACKS_BY_FUNCTION };

struct stack_groups {
	struct target *t;
	enum stack_likeness likeness;
	struct arena frames, scratch;
	VEC(struct stack_group *) group;
	uint32_t *slot; /* index + 1 of a group, by hash; 0: none */
	size_t nslots;
	size_t ntasks;
};

/* What a stack must hold, or must not hold, to be wanted: borrowed strings, any of which will do. A
 * function is a name, with * and ? as in the shell; a module is its name, "kernel" the kernel
 * itself. */
struct stack_filter {
	VEC(const char *) functions, modules, not_functions, not_modules;
};

void stack_groups_init(struct stack_groups *g, struct target *t, enum stack_likeness likeness);
void stack_groups_deinit(struct stack_groups *g);

/* Unwinds @task's stack and adds it where it belongs, if @filter (may be NULL) wants it. An error
 * is about this task only, unless it is ERR_INTERRUPTED. */
struct err *stack_groups_add(struct stack_groups *g, const struct task *task,
	const struct stack_filter *filter) MUST_CHECK;

/* The largest first, or last; among equals the deeper stack, then the one that was met earlier.
 * Nothing may be added afterwards. */
void stack_groups_sort(struct stack_groups *g, bool rarest_first);

/* Whether such a trace is wanted. */
bool stack_filter_wants(const struct stack_filter *f, struct target *t, const struct trace *trace);

void stack_filter_deinit(struct stack_filter *f);

#define scoped_stack_groups __attribute__((cleanup(stack_groups_deinit)))
#define scoped_stack_filter __attribute__((cleanup(stack_filter_deinit)))

#endif
