/* walk: the objects that a walker finds, as rows that stand for them. */
#include <string.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column list_columns[] = { { "walker", .width = 12 }, { "over", .width = 22 },
	{ "yields", .width = 24 }, { "summary" }, { 0 } };
static const struct table list_table = { .layout = LAYOUT_TABLE, .columns = list_columns };

enum { ADDRESS, TYPE, END, NCOLUMNS };

/* Rows of one type: only then may a member's name stand for the object's. */
static const struct table *table_of(struct arena *a, const char *type)
{
	struct column *columns = arena_alloc(a, NCOLUMNS * sizeof(*columns));
	struct table *t = arena_alloc(a, sizeof(*t));
	columns[ADDRESS] = (struct column){ "address", .width = WIDTH_ADDRESS, .object = type };
	columns[TYPE] = (struct column){ "type", .hidden = true };
	*t = (struct table){ .layout = LAYOUT_LINES, .columns = columns };
	return t;
}

void walk_emit(struct walking *w, uint64_t va)
{
	if (!w->table || w->table->columns[ADDRESS].object != w->yields)
		w->table = table_of(w->cx->arena, w->yields);
	out_table(w->cx->out, w->table);
	out_row(w->cx->out);
	out_addr(w->cx->out, "address", va);
	out_str(w->cx->out, "type", w->yields);
}

static struct err *find_walker(struct cx *cx, const struct args *a, const struct walker **ret)
{
	return args_point(a, 0, 0, session_find_walker(cx->session, args_get(a, 0), ret));
}

static struct err *check_count(const struct args *a, const struct walker *k, int extra)
{
	int n = args_count(a) - 1 - extra;
	if (n < k->min_args)
		return args_error(a, args_count(a), "an argument is missing: walk %s%s%s%s%s",
			k->name, extra ? " ADDRESS of a " : "", extra ? k->over : "",
			k->usage ? " " : "", k->usage ? k->usage : "");
	if (n > k->max_args)
		return args_error(a, 1 + extra + k->max_args, "one argument too many");
	return NULL;
}

static struct err *list_walkers(struct cx *cx)
{
	out_table(cx->out, &list_table);
	const struct walker *k;
	for (size_t i = 0; (k = session_walker(cx->session, i)); i++) {
		out_row(cx->out);
		out_str(cx->out, "walker", k->name);
		out_str(cx->out, "over", k->over);
		out_str(cx->out, "yields", strcmp(k->yields, "*") ? k->yields : k->usage);
		out_str(cx->out, "summary", k->summary);
	}
	return NULL;
}

static struct err *walk_run(struct cx *cx, const struct args *a)
{
	const struct walker *k;
	if (!args_count(a))
		return list_walkers(cx);
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = find_walker(cx, a, &k);
	if (err)
		return err;
	struct walking w = { .cx = cx, .args = a, .first = 1, .yields = k->yields };
	err = check_count(a, k, k->over != NULL);
	if (!err && k->over) {
		w.first = 2;
		err = args_point(
			a, 1, 0, address_parse(&cx->target->debug, args_get(a, 1), &w.from));
	}
	return err ? err : walker_run(k, &w);
}

/* ---- behind a `|`: from each row's object ------------------------------------------------ */

struct walk_stage {
	const struct walker *walker;
	struct walking walk;
};

static struct err *walk_open(
	struct cx *cx, const struct args *a, const struct table **io_rows, void **ret)
{
	struct walk_stage *st = arena_alloc(cx->arena, sizeof(*st));
	size_t i;
	if (!args_count(a))
		return args_error(a, 0, "a walker is missing; `walk` alone lists them");
	struct err *err = find_walker(cx, a, &st->walker);
	if (!err && !st->walker->over)
		err = args_error(
			a, 0, "%s begins at nothing that a row could stand for", st->walker->name);
	if (!err)
		err = check_count(a, st->walker, 0);
	if (!err && *io_rows &&
		(!table_object(*io_rows, &i) ||
			strcmp((*io_rows)->columns[i].object, st->walker->over)))
		err = args_error(a, 0, "%s begins at a %s; these rows stand for another thing",
			st->walker->name, st->walker->over);
	if (err)
		return err;
	st->walk = (struct walking){ .args = a, .first = 1, .yields = st->walker->yields };
	if (strcmp(st->walker->yields, "*"))
		st->walk.table = table_of(cx->arena, st->walker->yields);
	*io_rows = st->walk.table;
	*ret = st;
	return NULL;
}

static struct err *walk_row(
	struct cx *cx, void *state, const struct table *t, const struct row *row, bool *ret_enough)
{
	struct walk_stage *st = state;
	const char *type;
	(void)ret_enough;
	if (!row_object(t, row, &st->walk.from, &type) || strcmp(type, st->walker->over))
		return err_new(ERR_USAGE, "%s begins at a %s; this row stands for another thing",
			st->walker->name, st->walker->over);
	st->walk.cx = cx;
	struct err *err = walker_run(st->walker, &st->walk);
	if (err && err->code != ERR_INTERRUPTED && err->code != ERR_USAGE) {
		out_complain(cx->out, err);
		err = NULL;
	}
	return err;
}

static const struct stage_ops walk_ops = { .open = walk_open, .row = walk_row };

static const char *const walk_examples[] = {
	"walk\twhich walkers there are",
	"walk task | where mm == 0 | count\thow many kernel threads",
	"ps | where comm == \"init\" | walk vma | where vm_flags & 4 | p vm_start\tits code",
	"walk list module.list modules | struct module.name\tany list",
	NULL,
};

const struct command cmd_walk = {
	.name = "walk",
	.summary = "the objects that a walker finds",
	.usage = "[WALKER [ARGUMENT…]]",
	.details = "A walker that begins at an object takes its address as first argument, or "
		   "behind a "
		   "`|` the rows' objects.",
	.examples = walk_examples,
	.max_args = -1,
	.complete = "walker",
	.stage = &walk_ops,
	.run = walk_run,
};
