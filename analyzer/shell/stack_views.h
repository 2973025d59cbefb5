/* What a task's stack holds, whatever a chain of frames says: its words, the addresses of code and
 * the exception frames among them. For bt. */
#ifndef ANALYZER_SHELL_STACK_VIEWS_H
#define ANALYZER_SHELL_STACK_VIEWS_H

#include "analyzer/shell/command.h"
#include "analyzer/stack/stacks.h"

/* For columns' .list. Raw: address data; texts: address value symbol module call; exceptions:
 * address stack mode stale regs. */
extern const struct table raw_rows_table, text_rows_table, exception_rows_table;

/* Each a list under @key of the present row. @lo: where to begin in @stack. */
struct err *raw_rows_show(
	struct cx *cx, const char *key, const struct stack *stack, uint64_t lo) MUST_CHECK;
struct err *text_rows_show(
	struct cx *cx, const char *key, const struct stack *stack, uint64_t lo) MUST_CHECK;

/* Of @nstacks stacks together. @sp: what lies below it on the stack that holds it was left behind;
 * 0: not known. @task may be NULL. */
struct err *exception_rows_show(struct cx *cx, const char *key, const struct task *task,
	const struct stack *stacks, size_t nstacks, uint64_t sp) MUST_CHECK;

#endif
