/* count: how many rows came. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column count_columns[] = { { "count" }, { 0 } };
static const struct table count_table = { .layout = LAYOUT_LINES, .columns = count_columns };

static struct err *count_open(
	struct cx *cx, const struct args *a, const struct table **io_rows, void **ret)
{
	(void)a;
	*io_rows = &count_table;
	*ret = arena_alloc(cx->arena, sizeof(uint64_t));
	return NULL;
}

static struct err *count_row(
	struct cx *cx, void *state, const struct table *t, const struct row *row, bool *ret_enough)
{
	uint64_t *n = state;
	(void)cx;
	(void)t;
	(void)row;
	(void)ret_enough;
	++*n;
	return NULL;
}

static struct err *count_end(struct cx *cx, void *state)
{
	const uint64_t *n = state;
	out_table(cx->out, &count_table);
	out_row(cx->out);
	out_uint(cx->out, "count", *n);
	return NULL;
}

static const struct stage_ops count_ops = {
	.open = count_open, .row = count_row, .end = count_end
};

static const char *const count_examples[] = {
	"ps | where mm == 0 | count\thow many kernel threads",
	NULL,
};

const struct command cmd_count = {
	.name = "count",
	.summary = "how many rows came",
	.usage = "",
	.examples = count_examples,
	.rows = &count_table,
	.needs_no_target = true,
	.stage = &count_ops,
};
