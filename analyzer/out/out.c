/*
 * The sink: collects one row's cells in an arena, checks the keys, keeps nested lists apart, and
 * hands the complete row to a renderer. Knows the shape of an answer, not its looks.
 */
#include "analyzer/out/out.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/progress.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/out/render.h"

struct out *out_create(enum out_format format, FILE *to, bool colour)
{
	static const struct renderer *const renderers[] = {
		[OUT_TEXT] = &render_text,
		[OUT_JSON] = &render_json,
		[OUT_CSV] = &render_csv,
		[OUT_JSONL] = &render_jsonl,
	};
	struct out *o = xcalloc(1, sizeof(*o));
	o->render = renderers[format];
	o->to = o->home = to;
	o->errors = stderr;
	o->colour_at_home = colour;
	o->address_digits = 16;
	o->at = &o->top;
	o->waiting_end = &o->waiting;
	return o;
}

void out_destroy(struct out *o)
{
	if (!o)
		return;
	out_end(o);
	arena_deinit(&o->arena);
	strbuf_deinit(&o->line);
	strbuf_deinit(&o->word);
	strbuf_deinit(&o->faults);
	free(o);
}

void out_set_file(struct out *o, FILE *to)
{
	assert(!o->begun);
	o->to = to;
	o->write_errno = 0;
	o->ntables = 0;
}

void out_set_terminal(struct out *o, FILE *to)
{
	out_set_file(o, to);
	o->home = to;
}

void out_set_errors(struct out *o, FILE *to)
{
	o->errors = to;
}

void out_set_address_bytes(struct out *o, unsigned bytes)
{
	o->address_digits = bytes * 2;
}

static void write_failed(struct out *o)
{
	o->write_errno = errno ? errno : EIO;
	interrupt_raise();
}

void out_write(struct out *o, const char *s, size_t n)
{
	if (o->write_errno || !n)
		return;
	progress_hide();
	errno = 0;
	if (fwrite(s, 1, n, o->to) != n)
		write_failed(o);
}

void out_flush(struct out *o)
{
	errno = 0;
	if (o->to && !o->write_errno && fflush(o->to) != 0)
		write_failed(o);
}

int out_write_error(const struct out *o)
{
	return o->write_errno;
}

/* Rows and answers */

static void complain_waiting(struct out *o)
{
	for (struct fault *f = o->waiting; f; f = f->next)
		o->render->complain(o, f);
	o->waiting = NULL;
	o->waiting_end = &o->waiting;
}

/* The open row is complete: out with it, then with the complaints that came meanwhile. */
void out_finish_row(struct out *o)
{
	o->at = &o->top;
	const struct row *row = o->top.last;
	if (row) {
		o->render->row(o, row);
		o->nrows++;
		o->nrows_all++;
	}
	o->top.first = o->top.last = NULL;
	complain_waiting(o);
	arena_reset(&o->arena);
}

void out_begin(struct out *o, const char *command)
{
	out_end(o);
	o->begun = true;
	o->command = xstrdup(command);
	o->complaints = o->said = 0;
	o->nrows = o->nrows_all = 0;
	o->had_lists = false;
	o->top.table = NULL;
	strbuf_reset(&o->faults);
	o->render->begin(o);
}

void out_end(struct out *o)
{
	if (!o->begun)
		return;
	out_finish_row(o);
	if (o->render->nothing && !o->nrows_all && !o->complaints && (o->nothing || o->top.table))
		o->render->nothing(o);
	o->render->end(o);
	out_flush(o);
	o->begun = false;
	free(o->command);
	o->command = NULL;
	free(o->nothing);
	o->nothing = NULL;
}

void out_nothing(struct out *o, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	free(o->nothing);
	o->nothing = xvasprintf(fmt, ap);
	va_end(ap);
}

void out_table(struct out *o, const struct table *t)
{
	assert(o->begun && o->at == &o->top);
	out_finish_row(o);
	if (t == o->top.table)
		return;
	o->top.table = t;
	o->nrows = 0;
	o->render->table(o);
}

void out_row(struct out *o)
{
	assert(o->begun && o->at->table);
	if (o->at == &o->top)
		out_finish_row(o);
	struct row_list *list = o->at;
	struct row *row = arena_alloc(
		&o->arena, sizeof(*row) + table_columns(list->table) * sizeof(row->cell[0]));
	if (list->last)
		list->last->next = row;
	else
		list->first = row;
	list->last = row;
}

/* Cells */

static size_t find_column(const struct table *t, const char *key)
{
	size_t i = 0;
	bool found = table_find(t, key, &i);
	assert(found && "the key is among the table's columns");
	(void)found;
	return i;
}

static struct cell *add_cell(struct out *o, const char *key, enum cell_kind kind)
{
	assert(o->begun && o->at->last && "out_row() comes before cells");
	const struct table *t = o->at->table;
	size_t i = find_column(t, key);
	struct cell *cell = &o->at->last->cell[i];
	assert(cell->kind == CELL_NONE && "one cell a column and row");
	assert((kind == CELL_FAULT || (kind == CELL_LIST) == (t->columns[i].list != NULL)) &&
		"lists go to list columns, scalars to others");
	cell->kind = kind;
	return cell;
}

static void add_bytes(struct out *o, const char *key, enum cell_kind kind, const char *s, size_t n)
{
	struct cell *cell = add_cell(o, key, kind);
	char *copy = arena_alloc(&o->arena, n + 1);
	if (n)
		memcpy(copy, s, n);
	cell->s = copy;
	cell->n = n;
}

void out_uint(struct out *o, const char *key, uint64_t v)
{
	add_cell(o, key, CELL_UINT)->u = v;
}

void out_int(struct out *o, const char *key, int64_t v)
{
	add_cell(o, key, CELL_INT)->i = v;
}

void out_hex(struct out *o, const char *key, uint64_t v)
{
	add_cell(o, key, CELL_HEX)->u = v;
}

void out_addr(struct out *o, const char *key, uint64_t va)
{
	add_cell(o, key, CELL_ADDR)->u = va;
}

void out_bool(struct out *o, const char *key, bool v)
{
	add_cell(o, key, CELL_BOOL)->b = v;
}

void out_bytes(struct out *o, const char *key, uint64_t bytes)
{
	add_cell(o, key, CELL_BYTES)->u = bytes;
}

void out_seconds(struct out *o, const char *key, uint64_t ns)
{
	add_cell(o, key, CELL_SECONDS)->u = ns;
}

void out_str(struct out *o, const char *key, const char *s)
{
	if (s)
		add_bytes(o, key, CELL_STR, s, strlen(s));
}

void out_str_n(struct out *o, const char *key, const char *s, size_t n)
{
	add_bytes(o, key, CELL_STR, s, n);
}

void out_strf(struct out *o, const char *key, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	scoped_free char *s = xvasprintf(fmt, ap);
	va_end(ap);
	out_str(o, key, s);
}

void out_block(struct out *o, const char *key, const char *s)
{
	if (s)
		add_bytes(o, key, CELL_BLOCK, s, strlen(s));
}

void out_list_begin(struct out *o, const char *key)
{
	struct cell *cell = add_cell(o, key, CELL_LIST);
	struct row_list *list = arena_alloc(&o->arena, sizeof(*list));
	*list = (struct row_list){ .parent = o->at };
	list->table = o->at->table->columns[find_column(o->at->table, key)].list;
	cell->list = list;
	o->at = list;
}

void out_list_end(struct out *o)
{
	assert(o->at->parent && "a list is open");
	o->at = o->at->parent;
}

/* Faults and complaints */

static const char *code_name(const struct err *e)
{
	switch (e->code) {
	case ERR_IO:
		return "io";
	case ERR_FORMAT:
		return "format";
	case ERR_NOT_FOUND:
		return "not-found";
	case ERR_MISSING:
		return "missing";
	case ERR_MISMATCH:
		return "mismatch";
	case ERR_FAULT:
		return fault_name(e->fault);
	case ERR_USAGE:
		return "usage";
	case ERR_UNSUPPORTED:
		return "unsupported";
	case ERR_LIMIT:
		return "limit";
	case ERR_INTERRUPTED:
		return "interrupted";
	case ERR_NO_MEMORY:
		return "no-memory";
	}
	return "error";
}

static struct fault *copy_fault(struct out *o, const struct err *e)
{
	struct fault *f = arena_alloc(&o->arena, sizeof(*f));
	f->name = code_name(e);
	f->msg = arena_strdup(&o->arena, e->msg);
	f->has_addr = e->code == ERR_FAULT;
	f->addr = e->addr;
	f->text = f->has_addr ? fault_text(e->fault) : f->msg;
	return f;
}

void out_fault(struct out *o, const char *key, struct err *e)
{
	add_cell(o, key, CELL_FAULT)->fault = copy_fault(o, e);
	err_drop(e); /* its content is in the cell now */
}

void out_complain(struct out *o, struct err *e)
{
	assert(o->begun);
	struct fault *f = copy_fault(o, e);
	err_drop(e); /* copied */
	out_add_complaint(o, f);
}

void out_add_complaint(struct out *o, struct fault *f)
{
	o->complaints++;
	*o->waiting_end = f;
	o->waiting_end = &f->next;
	if (!o->top.last)
		complain_waiting(o);
}

unsigned out_complaints(const struct out *o)
{
	return o->complaints;
}

/* "COMMAND: @text" on the error stream, after the rows before it. */
static void say_error(struct out *o, const char *text)
{
	out_flush(o); /* so that a terminal shows both streams in order */
	progress_erase();
	strbuf_reset(&o->line);
	strbuf_add_escaped(&o->line, o->command, strlen(o->command));
	strbuf_add(&o->line, ": ");
	strbuf_add_escaped(&o->line, text, strlen(text));
	strbuf_add_char(&o->line, '\n');
	/* Nobody is left to tell when the error stream itself fails. */
	(void)!fwrite(o->line.s, 1, o->line.len, o->errors);
	(void)fflush(o->errors);
}

void out_complain_on_errors(struct out *o, const struct fault *f)
{
	if (o->said < COMPLAINTS_SAID)
		say_error(o, f->msg);
	o->said++;
}

void out_count_unsaid(struct out *o)
{
	char text[80];
	if (o->said <= COMPLAINTS_SAID)
		return;
	snprintf(text, sizeof(text), "and %u complaints more; --json has them all",
		o->said - COMPLAINTS_SAID);
	say_error(o, text);
}
