/*
 * What may stand behind a `|`. A stage sees the rows of the command before it and writes rows of
 * its own, or passes them on. Most commands are none: they are run once a row, on the object that
 * the row stands for (pipeline.c); where, order, first, count, group and walk say here what they
 * do.
 */
#ifndef ANALYZER_SHELL_STAGE_H
#define ANALYZER_SHELL_STAGE_H

#include "analyzer/out/row.h"
#include "analyzer/shell/command.h"

struct stage_ops {
	/* Before anything runs. *io_rows: the rows that will come, NULL when that is not known; it
	 * becomes what this stage will give. cx->arena lives as long as the pipeline, and @ret with
	 * it. */
	struct err *(*open)(
		struct cx *cx, const struct args *a, const struct table **io_rows, void **ret);
	/* A row, borrowed. cx->out is where to write. *ret_enough: no further row is wanted. */
	struct err *(*row)(struct cx *cx, void *state, const struct table *t, const struct row *row,
		bool *ret_enough);
	/* Behind the last row; NULL: nothing is left to say. */
	struct err *(*end)(struct cx *cx, void *state);
	/* Gives back what the arena does not; NULL: nothing. Also after an error of row() or end().
	 */
	void (*close)(void *state);
	bool passes; /* rows go on as they are: the answer keeps the name of who made them */
};

#endif
