/* first: passes the first rows and stops who makes them. */
#include "analyzer/api.h"
#include "analyzer/model.h"

struct first {
	uint64_t left;
};

static struct err *first_open(
	struct cx *cx, const struct args *a, const struct table **io_rows, void **ret)
{
	struct first *f = arena_alloc(cx->arena, sizeof(*f));
	(void)io_rows;
	f->left = 10;
	*ret = f;
	return arg_limited(a, 0, UINT64_MAX, &f->left);
}

static struct err *first_row(
	struct cx *cx, void *state, const struct table *t, const struct row *row, bool *ret_enough)
{
	struct first *f = state;
	out_forward(cx->out, t, row);
	*ret_enough = !--f->left;
	return NULL;
}

static const struct stage_ops first_ops = { .open = first_open, .row = first_row, .passes = true };

static const char *const first_examples[] = {
	"ps | order by rss desc | first 5\tthe five largest tasks",
	"search -k deadbeef | first 1\tstops at the first hit",
	NULL,
};

const struct command cmd_first = {
	.name = "first",
	.summary = "pass the first rows, 10 at first",
	.usage = "[N]",
	.examples = first_examples,
	.max_args = 1,
	.needs_no_target = true,
	.stage = &first_ops,
};
