/*
 * The words behind `--` on the program's command line: $arg1, $arg2, … and their number $argc in a
 * line. A word that is more than a number, a name or an expression of those is put between quotes,
 * so that it stays one word and never becomes a `|` or a `>`.
 */
#ifndef ANALYZER_SHELL_SCRIPT_ARGS_H
#define ANALYZER_SHELL_SCRIPT_ARGS_H

#include <stddef.h>

#include "analyzer/base/err.h"

/* *ret is malloc'ed, or NULL when @line names none. ERR_USAGE for a number beyond @n, its place in
 * *ret_at. */
struct err *script_args_expand(
	const char *const *args, size_t n, const char *line, char **ret, size_t *ret_at) MUST_CHECK;

/* Whether @arg may be one: no quotes and no control characters, which no quoting here could keep.
 */
bool script_args_valid(const char *arg);

#endif
