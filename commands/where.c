/* where: passes the rows that satisfy a condition. */
#include "analyzer/api.h"
#include "analyzer/model.h"

enum { FAILURES_SHOWN = 3 };

struct where {
	struct row_names names;
	const struct expr *condition;
	uint64_t failures;
};

static struct err *where_open(
	struct cx *cx, const struct args *a, const struct table **io_rows, void **ret)
{
	struct where *w = arena_alloc(cx->arena, sizeof(*w));
	size_t at;
	if (!args_count(a))
		return args_error(a, 0, "a condition is missing, as in: where pid == 1");
	row_names_init(&w->names, cx->target, *io_rows);
	struct err *err = row_expr_parse(&w->names, cx->arena, args_rest(a, 0), &w->condition, &at);
	*ret = w;
	return args_point(a, 0, at, err);
}

/* A row that cannot be judged is left out and, at first, told of: one bad pointer is no reason to
 * stop. */
static struct err *where_row(
	struct cx *cx, void *state, const struct table *t, const struct row *row, bool *ret_enough)
{
	struct where *w = state;
	bool yes = false;
	(void)ret_enough;
	row_names_set(&w->names, t, row);
	struct err *err = row_expr_truth(&w->names, w->condition, &yes);
	if (err && (err->code == ERR_FAULT || err->code == ERR_FORMAT)) {
		if (w->failures++ < FAILURES_SHOWN)
			out_complain(cx->out, err);
		else
			err_drop(err); /* counted */
		return NULL;
	}
	if (!err && yes)
		out_forward(cx->out, t, row);
	return err;
}

static struct err *where_end(struct cx *cx, void *state)
{
	const struct where *w = state;
	if (w->failures > FAILURES_SHOWN)
		out_complain(cx->out, err_new(ERR_FORMAT, "%llu more rows could not be judged",
					      (unsigned long long)(w->failures - FAILURES_SHOWN)));
	return NULL;
}

static const struct stage_ops where_ops = {
	.open = where_open, .row = where_row, .end = where_end, .passes = true
};

static const char *const where_examples[] = {
	"ps | where state == \"D\"\ttasks in uninterruptible sleep",
	"ps | where (rss > 1000000)\tmore than a million bytes resident",
	"ps | where it->mm == 0 && cpu == 1\tby a member of the task",
	"ps | where flags & 0x200000\tthe same by its bare name, where no column has it",
	NULL,
};

const struct command cmd_where = {
	.name = "where",
	.summary = "pass the rows that satisfy a condition",
	.usage = "EXPRESSION",
	.details =
		"Names are the row's columns by their JSON keys, `it` (a pointer to the object "
		"that "
		"the row stands for) and that object's members, then symbols. Texts are compared "
		"by == and !=. `>` and `|` stand in parentheses. A cell that is empty satisfies "
		"nothing.",
	.examples = where_examples,
	.max_args = -1,
	.expression = true,
	.stage = &where_ops,
};
