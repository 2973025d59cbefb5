/* Arguments as what they mean in a target: addresses, tasks, counts. Errors point at the word. */
#ifndef ANALYZER_SHELL_ARG_TYPES_H
#define ANALYZER_SHELL_ARG_TYPES_H

#include "analyzer/kernel/task.h"
#include "analyzer/shell/command.h"

/* Argument @i as address_parse() reads it: hexadecimal, a symbol, either with an offset. */
struct err *arg_address(struct cx *cx, const struct args *a, int i, uint64_t *ret) MUST_CHECK;

/* Argument @i as a pid or the address of a task_struct. */
struct err *arg_task(struct cx *cx, const struct args *a, int i, struct task *ret) MUST_CHECK;

/* Argument @i as a count from 1 to @most; *ret stays what it was when there is no such argument. */
struct err *arg_limited(const struct args *a, int i, uint64_t most, uint64_t *ret) MUST_CHECK;

#endif
