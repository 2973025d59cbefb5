/*
 * Return addresses that tracing has replaced by one of its own: kretprobes' trampoline and the
 * function graph tracer's return_to_handler. The kernel keeps the true ones in lists of the task,
 * newest first, as they stand on its stack.
 */
#ifndef ANALYZER_STACK_TRAMPOLINE_H
#define ANALYZER_STACK_TRAMPOLINE_H

#include "analyzer/kernel/task.h"

enum trampoline_answer {
	TRAMPOLINE_NONE,   /* the address is no trampoline's */
	TRAMPOLINE_SURE,   /* the true one: its record names this very frame */
	TRAMPOLINE_LIKELY, /* the next record in order, which says nothing about its frame */
	TRAMPOLINE_LOST,   /* it cannot be found */
};

/* Goes along with one walk up a stack; all zero at its beginning. */
struct trampolines {
	bool looked_up;
	uint64_t kretprobe_va, rethook_va, graph_va; /* 0: this kernel has none */
	uint64_t node;	    /* the last llist node that was used; 0: none yet */
	uint64_t node_list; /* of which trampoline */
	bool graph_begun;
	int64_t graph_at; /* where the last record of the graph tracer stood */
	unsigned walked;
};

/*
 * What stands behind return address @pc. @fp: the frame pointer of the function that it returns
 * into, 0 when that is not known. *ret_pc and *ret_note (a constant for people, also when the
 * address is LOST) are only set for an answer other than NONE, *ret_pc only when there is one.
 */
enum trampoline_answer trampoline_resolve(struct trampolines *w, struct target *t,
	const struct task *task, uint64_t pc, uint64_t fp, uint64_t *ret_pc, const char **ret_note);

#endif
