/*
 * A command as a stage: it runs once a row. The row's object becomes its last argument, unless the
 * arguments name the row themselves: by `it`, by a column's key, or by an expression that begins
 * so.
 */
#ifndef ANALYZER_SHELL_COMMAND_STAGE_H
#define ANALYZER_SHELL_COMMAND_STAGE_H

#include "analyzer/shell/stage.h"

/* @text: the command with its words. ERR_USAGE when it takes no objects or not these. *caret is an
 * offset in @text, now and when a row fails. */
struct err *command_stage_open(const struct cx *cx, const struct command *c, const char *text,
	size_t *caret, const struct table **io_rows, const struct stage_ops **ret_ops,
	void **ret) MUST_CHECK;

#endif
