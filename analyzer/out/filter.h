/*
 * A sink whose rows go to a function: what stands between the commands of a pipeline. Rows pass one
 * by one, so that a million of them need the memory of one.
 */
#ifndef ANALYZER_OUT_FILTER_H
#define ANALYZER_OUT_FILTER_H

#include "analyzer/out/row.h"

struct out_filter {
	/* A complete row, borrowed until the function returns. */
	void (*row)(void *cx, const struct table *t, const struct row *row);
	/* Something went wrong beside the rows of @command. */
	void (*complain)(void *cx, const char *command, const struct fault *f);
	void *cx;
};

struct out *out_create_filter(const struct out_filter *filter, unsigned address_bytes);

/* A copy of @row into @to's answer; the sinks share nothing afterwards. */
void out_forward(struct out *to, const struct table *t, const struct row *row);

/* Another sink's complaint; @command, who made it, is named when it is not the answer's own. */
void out_forward_fault(struct out *to, const char *command, const struct fault *f);

/* Of the target, in bytes. */
unsigned out_address_bytes(const struct out *o);

#endif
