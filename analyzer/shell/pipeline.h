/*
 * A command and the stages behind it: `ps | where state == "UN" | bt`. Each has a sink of its own
 * that hands complete rows to the next; the last writes the answer. Nothing is collected on the way
 * but by the stages that must see all (order, group).
 */
#ifndef ANALYZER_SHELL_PIPELINE_H
#define ANALYZER_SHELL_PIPELINE_H

#include "analyzer/shell/args.h"
#include "analyzer/shell/registry.h"

struct pipeline;

/*
 * @cx->out gets the answer; @cx->arena outlives the pipeline. All that can be wrong with the words
 * is found here: unknown options, names that no row has, a stage that cannot take what comes. Then
 * *caret is the offset in the line, and *ret_failed the stage's command if it is one. @l, @source
 * and @a are borrowed.
 */
struct err *pipeline_create(const struct cx *cx, const struct registry *registry,
	const struct command *source, const struct args *a, const struct line *l, size_t *caret,
	const struct command **ret_failed, struct pipeline **ret) MUST_CHECK;
void pipeline_destroy(struct pipeline *p);

/* The command that the answer's rows are of. */
const struct command *pipeline_answer(const struct pipeline *p);

/* After an error of pipeline_run(): whose words it is about. */
const struct command *pipeline_failed(const struct pipeline *p);

/* Between out_begin() and out_end() of the answer. ERR_USAGE sets the caret. */
struct err *pipeline_run(struct pipeline *p) MUST_CHECK;

#endif
