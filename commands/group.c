/* group: how many rows there are of each key, the most frequent first. */
#include <inttypes.h>
#include <stdlib.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

struct bucket {
	uint64_t count;
	size_t number; /* which came first */
	struct cell cell[ROW_KEYS_MAX];
};

struct group {
	struct row_keys keys;
	struct arena arena;
	struct strmap map;
	VEC(struct bucket *) buckets;
	struct table table; /* of our rows: the count, then the keys */
	struct column columns[ROW_KEYS_MAX + 2];
	struct strbuf name;
};

static struct err *group_open(
	struct cx *cx, const struct args *a, const struct table **io_rows, void **ret)
{
	struct group *g = xcalloc(1, sizeof(*g));
	struct err *err = row_keys_parse(cx, a, *io_rows, &g->keys);
	if (err) {
		free(g);
		return err;
	}
	g->columns[0] = (struct column){ "count", .width = 7, .align = ALIGN_RIGHT };
	for (size_t i = 0; i < g->keys.n; i++)
		g->columns[i + 1] =
			(struct column){ g->keys.key[i].text, .width = i + 1 < g->keys.n ? 20 : 0 };
	g->table = (struct table){ .layout = LAYOUT_TABLE, .columns = g->columns };
	*io_rows = &g->table;
	*ret = g;
	return NULL;
}

/* A column's own cell, so that an address stays one; else the expression's value. */
static struct cell key_cell(struct group *g, size_t i, const struct table *t, const struct row *row,
	const struct row_value *v)
{
	size_t column;
	bool plain = table_find(t, g->keys.key[i].text, &column);
	if (v->kind == ROW_ABSENT)
		return (struct cell){ .kind = CELL_NONE };
	if (v->kind == ROW_TEXT)
		return (struct cell){ .kind = CELL_STR, .s = v->text, .n = strlen(v->text) };
	if (plain && row->cell[column].kind != CELL_SECONDS)
		return row->cell[column];
	return (struct cell){ .kind = v->kind == ROW_SIGNED ? CELL_INT : CELL_UINT,
		.u = v->number };
}

static void name_bucket(struct group *g, const struct row_value *v)
{
	strbuf_reset(&g->name);
	for (size_t i = 0; i < g->keys.n; i++)
		if (v[i].kind == ROW_TEXT)
			strbuf_addf(&g->name, "%zu:%s,", strlen(v[i].text), v[i].text);
		else
			strbuf_addf(
				&g->name, "%d:%" PRIu64 ",", v[i].kind == ROW_ABSENT, v[i].number);
}

static struct err *group_row(
	struct cx *cx, void *state, const struct table *t, const struct row *row, bool *ret_enough)
{
	struct group *g = state;
	struct row_value value[ROW_KEYS_MAX];
	(void)ret_enough;
	struct err *err = row_keys_read(&g->keys, t, row, cx->arena, value);
	if (err)
		return err;
	name_bucket(g, value);
	struct bucket *b = strmap_get(&g->map, strbuf_text(&g->name));
	if (!b) {
		b = arena_alloc(&g->arena, sizeof(*b));
		b->number = g->buckets.n;
		for (size_t i = 0; i < g->keys.n; i++) {
			b->cell[i] = key_cell(g, i, t, row, &value[i]);
			if (b->cell[i].kind == CELL_STR)
				b->cell[i].s = arena_strdup(&g->arena, b->cell[i].s);
		}
		strmap_set(&g->map, arena_strdup(&g->arena, strbuf_text(&g->name)), b);
		vec_push(&g->buckets, b);
	}
	b->count++;
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const struct bucket *x = *(struct bucket *const *)a, *y = *(struct bucket *const *)b;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (x->number > y->number) - (x->number < y->number);
}

static struct err *group_end(struct cx *cx, void *state)
{
	struct group *g = state;
	struct err *err = NULL;
	if (g->buckets.n)
		qsort(g->buckets.v, g->buckets.n, sizeof(*g->buckets.v), compare);
	struct row *row =
		arena_alloc(&g->arena, sizeof(*row) + (g->keys.n + 1) * sizeof(row->cell[0]));
	for (size_t i = 0; !(err = interrupt_check()) && i < g->buckets.n; i++) {
		const struct bucket *b = g->buckets.v[i];
		row->cell[0] = (struct cell){ .kind = CELL_UINT, .u = b->count };
		for (size_t k = 0; k < g->keys.n; k++)
			row->cell[k + 1] = b->cell[k];
		out_forward(cx->out, &g->table, row);
	}
	return err;
}

static void group_close(void *state)
{
	struct group *g = state;
	vec_deinit(&g->buckets);
	strmap_deinit(&g->map);
	strbuf_deinit(&g->name);
	arena_deinit(&g->arena);
	free(g);
}

static const struct stage_ops group_ops = {
	.open = group_open, .row = group_row, .end = group_end, .close = group_close
};

static const char *const group_examples[] = {
	"ps | group by state\thow many tasks are in each state",
	"ps | where state == \"D\" | group by comm\twho waits",
	NULL,
};

const struct command cmd_group = {
	.name = "group",
	.summary = "how many rows there are of each key",
	.usage = "by KEY[, KEY…]",
	.details = "Keys are as in `order`. The most frequent comes first.",
	.examples = group_examples,
	.min_args = 1,
	.max_args = -1,
	.expression = true,
	.stage = &group_ops,
};
