/* The plugins' way to other commands' rows, and to commands that they add while they run. */
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/out/filter.h"
#include "analyzer/shell/api.h"
#include "analyzer/shell/plugin_check.h"
#include "analyzer/shell/running.h"
#include "analyzer/shell/session_state.h"

struct api_row {
	const struct table *table;
	const struct row *row;
	const struct api_row *next;
	struct arena *arena;
};

/* ---- cells ------------------------------------------------------------------------------- */

static const struct api_row *list_of(struct arena *a, const struct row_list *list)
{
	const struct api_row *first = NULL, **end = &first;
	for (const struct row *r = list->first; r; r = r->next) {
		struct api_row *one = arena_alloc(a, sizeof(*one));
		*one = (struct api_row){ .table = list->table, .row = r, .arena = a };
		*end = one;
		end = &one->next;
	}
	return first;
}

static void show_cell(struct arena *a, const struct cell *c, struct api_cell *ret)
{
	static const enum api_cell_kind kind[] = {
		[CELL_NONE] = API_CELL_NONE,
		[CELL_UINT] = API_CELL_UINT,
		[CELL_INT] = API_CELL_INT,
		[CELL_HEX] = API_CELL_ADDRESS,
		[CELL_ADDR] = API_CELL_ADDRESS,
		[CELL_BOOL] = API_CELL_BOOL,
		[CELL_BYTES] = API_CELL_UINT,
		[CELL_SECONDS] = API_CELL_SECONDS,
		[CELL_STR] = API_CELL_TEXT,
		[CELL_BLOCK] = API_CELL_TEXT,
		[CELL_FAULT] = API_CELL_FAULT,
		[CELL_LIST] = API_CELL_LIST,
	};
	ret->kind = kind[c->kind];
	if (ret->kind == API_CELL_TEXT) {
		ret->text = c->s;
		ret->bytes = c->n;
	} else if (ret->kind == API_CELL_FAULT) {
		ret->text = c->fault->msg;
		ret->bytes = strlen(c->fault->msg);
		ret->fault = c->fault->name;
		ret->number = c->fault->addr;
	} else if (ret->kind == API_CELL_LIST) {
		ret->list = list_of(a, c->list);
	} else if (ret->kind == API_CELL_BOOL) {
		ret->number = c->b;
	} else if (ret->kind != API_CELL_NONE) {
		ret->number = c->u;
	}
}

bool api_row_cell(const struct api_row *r, size_t i, struct api_cell *ret)
{
	if (i >= table_columns(r->table))
		return false;
	*ret = (struct api_cell){ .key = r->table->columns[i].key };
	if (!r->table->columns[i].text_only)
		show_cell(r->arena, &r->row->cell[i], ret);
	return true;
}

const struct api_row *api_row_next(const struct api_row *row)
{
	return row->next;
}

/* ---- running ----------------------------------------------------------------------------- */

struct handing {
	struct arena arena; /* of one row */
	api_row_fn row;
	api_complain_fn complain;
	void *with;
};

static void hand_row(void *cx, const struct table *t, const struct row *row)
{
	struct handing *h = cx;
	const struct api_row one = { .table = t, .row = row, .arena = &h->arena };
	h->row(h->with, &one);
	arena_reset(&h->arena);
}

static void hand_fault(void *cx, const char *command, const struct fault *f)
{
	const struct handing *h = cx;
	scoped_free char *text = xasprintf("%s: %s", command, f->msg);
	h->complain(h->with, text);
}

struct err *api_rows(struct cx *cx, const char *line, api_row_fn row, api_complain_fn complain,
	void *with, size_t *ret_at)
{
	struct handing h = { .row = row, .complain = complain, .with = with };
	struct arena arena = { 0 }; /* a script may run many */
	*ret_at = 0;
	struct err *err = interrupt_check();
	if (!err)
		err = session_stream(cx->session, &arena, line,
			&(struct out_filter){ hand_row, hand_fault, &h }, ret_at);
	arena_deinit(&h.arena);
	arena_deinit(&arena);
	return err;
}

struct err *api_add_command(struct cx *cx, const struct command *c, const char *owner)
{
	struct err *err = plugin_check_command(c);
	if (!err)
		err = registry_add(&cx->session->registry, c);
	if (!err)
		running_watch(c, owner);
	return err;
}

void api_remove_command(struct cx *cx, const struct command *c)
{
	registry_remove(&cx->session->registry, c);
}

const struct command *api_running_command(void)
{
	return running_row();
}
