/*
 * CSV as RFC 4180 has it: a header of keys, CRLF, quotes where needed. Cells have the form that
 * JSON gives them (plain numbers, no units); a list is JSON text in one cell; a fault is <its
 * words>. Tables after the first, and answers after the first, begin after an empty line.
 */
#include <json-c/json.h>
#include <string.h>

#include "analyzer/out/render.h"

static void add_csv(struct strbuf *b, const char *s, size_t n)
{
	bool quote = false;
	for (size_t i = 0; i < n && !quote; i++)
		quote = strchr(",\"\r\n", s[i]) != NULL;
	if (!quote) {
		strbuf_add_bytes(b, s, n);
		return;
	}
	strbuf_add_char(b, '"');
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"')
			strbuf_add_char(b, '"');
		strbuf_add_char(b, s[i]);
	}
	strbuf_add_char(b, '"');
}

static void add_cell(struct out *o, const struct cell *cell)
{
	if (cell->kind == CELL_FAULT) {
		strbuf_reset(&o->word);
		strbuf_add_char(&o->word, '<');
		strbuf_add_escaped(&o->word, cell->fault->text, strlen(cell->fault->text));
		strbuf_add_char(&o->word, '>');
		add_csv(&o->line, o->word.s, o->word.len);
		return;
	}
	if (cell->kind == CELL_STR || cell->kind == CELL_BLOCK) {
		strbuf_reset(&o->word);
		strbuf_add_block(&o->word, cell->s, cell->n);
		add_csv(&o->line, strbuf_text(&o->word), o->word.len);
		return;
	}
	struct json_object *obj = cell_to_json(o, cell);
	if (!obj)
		return;
	size_t len;
	const char *s;
	if (json_object_is_type(obj, json_type_string)) {
		s = json_object_get_string(obj);
		len = (size_t)json_object_get_string_len(obj);
	} else {
		s = json_object_to_json_string_length(
			obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	}
	add_csv(&o->line, s, len);
	json_object_put(obj);
}

static void end_line(struct out *o)
{
	strbuf_add(&o->line, "\r\n");
	out_write(o, o->line.s, o->line.len);
}

static void csv_header(struct out *o)
{
	strbuf_reset(&o->line);
	if (o->ntables)
		strbuf_add(&o->line, "\r\n");
	const char *comma = "";
	for (const struct column *c = o->top.table->columns; c->key; c++) {
		if (c->text_only)
			continue;
		strbuf_add(&o->line, comma);
		add_csv(&o->line, c->key, strlen(c->key));
		comma = ",";
	}
	end_line(o);
}

static void csv_begin(struct out *o)
{
	(void)o;
}

/* The header comes even when no row does: a script then sees an empty table, not a missing one. */
static void csv_table(struct out *o)
{
	csv_header(o);
	o->ntables++;
}

static void csv_row(struct out *o, const struct row *row)
{
	const char *comma = "";
	strbuf_reset(&o->line);
	for (size_t i = 0; o->top.table->columns[i].key; i++) {
		if (o->top.table->columns[i].text_only)
			continue;
		strbuf_add(&o->line, comma);
		add_cell(o, &row->cell[i]);
		comma = ",";
	}
	end_line(o);
}

const struct renderer render_csv = {
	.begin = csv_begin,
	.table = csv_table,
	.row = csv_row,
	.complain = out_complain_on_errors,
	.end = out_count_unsaid,
};
