/* order: sorts rows by keys. It has to keep them all. */
#include <stdlib.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

struct kept_row {
	const struct table *table;
	struct row *row;
	size_t number; /* rows that are equal keep their order */
	struct row_value *value; /* by key */
};

struct order {
	struct row_keys keys;
	struct arena arena;
	VEC(struct kept_row) rows;
};

static struct err *order_open(
	struct cx *cx, const struct args *a, const struct table **io_rows, void **ret)
{
	struct order *o = xcalloc(1, sizeof(*o));
	struct err *err = row_keys_parse(cx, a, *io_rows, &o->keys);
	if (err)
		free(o);
	else
		*ret = o;
	return err;
}

static struct err *order_row(
	struct cx *cx, void *state, const struct table *t, const struct row *row, bool *ret_enough)
{
	struct order *o = state;
	(void)cx;
	(void)ret_enough;
	struct kept_row k = { .table = t, .number = o->rows.n };
	k.value = arena_alloc(&o->arena, o->keys.n * sizeof(*k.value));
	struct err *err = row_keys_read(&o->keys, t, row, &o->arena, k.value);
	if (err)
		return err;
	k.row = row_copy(&o->arena, t, row);
	vec_push(&o->rows, k);
	return NULL;
}

static int compare(const void *a, const void *b, void *keys)
{
	const struct kept_row *x = a, *y = b;
	int order = row_keys_compare(keys, x->value, y->value);
	return order ? order : (x->number > y->number) - (x->number < y->number);
}

static struct err *order_end(struct cx *cx, void *state)
{
	struct order *o = state;
	struct err *err = NULL;
	if (o->rows.n)
		qsort_r(o->rows.v, o->rows.n, sizeof(*o->rows.v), compare, &o->keys);
	for (size_t i = 0; !(err = interrupt_check()) && i < o->rows.n; i++)
		out_forward(cx->out, o->rows.v[i].table, o->rows.v[i].row);
	return err;
}

static void order_close(void *state)
{
	struct order *o = state;
	vec_deinit(&o->rows);
	arena_deinit(&o->arena);
	free(o);
}

static const struct stage_ops order_ops = { .open = order_open, .row = order_row,
	.end = order_end, .close = order_close, .passes = true };

static const char *const order_examples[] = {
	"ps | order by rss desc\tthe largest first",
	"ps | order by state, pid desc\tby two keys",
	"ps | order by it->se.sum_exec_runtime desc | first 5\tby a member of the task",
	NULL,
};

const struct command cmd_order = {
	.name = "order",
	.summary = "sort rows by keys",
	.usage = "by KEY [desc][, KEY…]",
	.details = "A key is a column or any expression over the row, as in `where`. What is empty "
		   "comes last. All rows are kept in memory until the last has come.",
	.examples = order_examples,
	.min_args = 1,
	.max_args = -1,
	.expression = true,
	.stage = &order_ops,
};
