/*
 * Text for people: aligned columns of declared width, records, headlines; nested lists indented
 * below their row. Nothing is measured over rows, so rows stream. Everything foreign is escaped
 * here: this is the one place where strings of a dump meet the terminal.
 */
#include <ctype.h>
#include <string.h>

#include "analyzer/out/render.h"

enum { LIST_INDENT = 2 };

#define BOLD  "\033[1m"
#define RED   "\033[31m"
#define PLAIN "\033[0m"

static bool colour(const struct out *o)
{
	return o->colour_at_home && o->to == o->home;
}

/* Columns on the screen: code points. Wide and combining characters are not told apart. */
static size_t text_width(const char *s, size_t n)
{
	size_t width = 0;
	for (size_t i = 0; i < n; i++)
		width += ((unsigned char)s[i] & 0xc0) != 0x80;
	return width;
}

/* 512, 64K, 1.5M: a decimal only where it says something. */
static void add_size(struct strbuf *b, uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	if (bytes < 1024) {
		strbuf_addf(b, "%llu", (unsigned long long)bytes);
		return;
	}
	unsigned unit = 0;
	uint64_t tenths;
	for (;; unit++) {
		unsigned __int128 size = (unsigned __int128)1 << (10 * (unit + 1));
		tenths = (uint64_t)(((unsigned __int128)bytes * 10 + size / 2) / size);
		if (tenths < 10240 || !units[unit + 1])
			break;
	}
	strbuf_addf(b, "%llu", (unsigned long long)(tenths / 10));
	if (tenths % 10)
		strbuf_addf(b, ".%u", (unsigned)(tenths % 10));
	strbuf_add_char(b, units[unit]);
}

static void add_fault(struct strbuf *b, const struct fault *f)
{
	strbuf_add_char(b, '<');
	strbuf_add_escaped(b, f->text, strlen(f->text));
	strbuf_add_char(b, '>');
}

/* o->word becomes the cell's text; what stands below the row (blocks, lists) has none. */
static void make_word(struct out *o, const struct cell *cell)
{
	struct strbuf *b = &o->word;
	strbuf_reset(b);
	switch (cell->kind) {
	case CELL_NONE:
	case CELL_BLOCK:
	case CELL_LIST:
		break;
	case CELL_UINT:
		strbuf_addf(b, "%llu", (unsigned long long)cell->u);
		break;
	case CELL_INT:
		strbuf_addf(b, "%lld", (long long)cell->i);
		break;
	case CELL_HEX:
		strbuf_addf(b, "0x%llx", (unsigned long long)cell->u);
		break;
	case CELL_ADDR:
		strbuf_addf(b, "0x%0*llx", (int)o->address_digits, (unsigned long long)cell->u);
		break;
	case CELL_BOOL:
		strbuf_add(b, cell->b ? "yes" : "no");
		break;
	case CELL_BYTES:
		add_size(b, cell->u);
		break;
	case CELL_SECONDS:
		strbuf_addf(b, "%llu.%06u", (unsigned long long)(cell->u / 1000000000),
			(unsigned)(cell->u % 1000000000 / 1000));
		break;
	case CELL_STR:
		strbuf_add_text(b, cell->s, cell->n);
		break;
	case CELL_FAULT:
		add_fault(b, cell->fault);
		break;
	}
}

static void make_title(struct out *o, const struct column *c)
{
	strbuf_reset(&o->word);
	if (c->title) {
		strbuf_add(&o->word, c->title);
		return;
	}
	for (const char *p = c->key; *p; p++)
		strbuf_add_char(&o->word, *p == '_' ? ' ' : (char)toupper((unsigned char)*p));
}

static void start_line(struct out *o, size_t indent)
{
	strbuf_reset(&o->line);
	strbuf_pad(&o->line, ' ', indent);
}

static void trim_line(struct out *o)
{
	while (o->line.len && o->line.s[o->line.len - 1] == ' ')
		o->line.s[--o->line.len] = '\0';
}

static void end_line(struct out *o)
{
	trim_line(o);
	strbuf_add_char(&o->line, '\n');
	out_write(o, o->line.s, o->line.len);
}

static void blank_line(struct out *o)
{
	out_write(o, "\n", 1);
}

/* o->word into the line, filled up to @width. */
static void add_word(struct out *o, size_t width, enum align align, const char *paint)
{
	size_t used = text_width(strbuf_text(&o->word), o->word.len);
	size_t fill = used < width ? width - used : 0;
	if (align == ALIGN_RIGHT)
		strbuf_pad(&o->line, ' ', fill);
	if (paint && o->word.len)
		strbuf_add(&o->line, paint);
	strbuf_add_bytes(&o->line, strbuf_text(&o->word), o->word.len);
	if (paint && o->word.len)
		strbuf_add(&o->line, PLAIN);
	if (align == ALIGN_LEFT)
		strbuf_pad(&o->line, ' ', fill);
}

static const char *paint_of(const struct out *o, const struct cell *cell)
{
	return colour(o) && cell->kind == CELL_FAULT ? RED : NULL;
}

/* The declared width; under a header never less than its title. 0: no padding. */
static size_t width_of(const struct out *o, const struct table *t, const struct column *c)
{
	size_t width = c->width == WIDTH_ADDRESS ? o->address_digits + 2 : c->width;
	if (t->layout != LAYOUT_TABLE || !width)
		return width;
	const char *title = c->title ? c->title : c->key;
	size_t least = text_width(title, strlen(title));
	return width > least ? width : least;
}

/* Whether the column has a place in the row's own line. */
static bool inline_column(const struct column *c)
{
	return !c->hidden && !c->list;
}

static void print_header(struct out *o, const struct table *t, size_t indent)
{
	start_line(o, indent);
	if (colour(o))
		strbuf_add(&o->line, BOLD);
	bool any = false;
	for (const struct column *c = t->columns; c->key; c++) {
		if (!inline_column(c))
			continue;
		if (any)
			strbuf_add(&o->line, "  ");
		any = true;
		make_title(o, c);
		add_word(o, width_of(o, t, c), c->align, NULL);
	}
	trim_line(o);
	if (colour(o))
		strbuf_add(&o->line, PLAIN);
	if (any)
		end_line(o);
}

static bool stands_below(const struct column *c, const struct cell *cell)
{
	return !c->hidden && (cell->kind == CELL_BLOCK || (c->list && cell->kind != CELL_NONE));
}

static bool has_below(const struct table *t, const struct row *row)
{
	for (size_t i = 0; t->columns[i].key; i++)
		if (stands_below(&t->columns[i], &row->cell[i]))
			return true;
	return false;
}

/* LAYOUT_TABLE and LAYOUT_LINES. A row of nothing but things below it has no line of its own. */
static void print_line(struct out *o, const struct table *t, const struct row *row, size_t indent)
{
	const char *gap = t->layout == LAYOUT_LINES ? " " : "  ";
	bool any = false, filled = false;
	start_line(o, indent);
	for (size_t i = 0; t->columns[i].key; i++) {
		const struct column *c = &t->columns[i];
		if (!inline_column(c))
			continue;
		make_word(o, &row->cell[i]);
		if (!o->word.len && !c->width)
			continue;
		if (any)
			strbuf_add(&o->line, gap);
		any = true;
		filled |= o->word.len > 0;
		add_word(o, width_of(o, t, c), c->align, paint_of(o, &row->cell[i]));
	}
	if (filled || !has_below(t, row))
		end_line(o);
}

static size_t title_width(struct out *o, const struct table *t)
{
	size_t widest = 0;
	for (const struct column *c = t->columns; c->key; c++) {
		if (!inline_column(c))
			continue;
		make_title(o, c);
		size_t width = text_width(strbuf_text(&o->word), o->word.len);
		widest = width > widest ? width : widest;
	}
	return widest;
}

static void print_record(struct out *o, const struct table *t, const struct row *row, size_t indent)
{
	size_t width = title_width(o, t);
	for (size_t i = 0; t->columns[i].key; i++) {
		const struct column *c = &t->columns[i];
		const struct cell *cell = &row->cell[i];
		if (!inline_column(c) || cell->kind == CELL_NONE || cell->kind == CELL_BLOCK)
			continue;
		start_line(o, indent);
		make_title(o, c);
		add_word(o, width, ALIGN_RIGHT, colour(o) ? BOLD : NULL);
		strbuf_add(&o->line, ": ");
		make_word(o, cell);
		add_word(o, 0, ALIGN_LEFT, paint_of(o, cell));
		end_line(o);
	}
}

/* Puts o->word between quotes, as C would write it. */
static void quote_word(struct out *o)
{
	scoped_strbuf struct strbuf b = { 0 };
	strbuf_add_char(&b, '"');
	for (size_t i = 0; i < o->word.len; i++) {
		if (o->word.s[i] == '"')
			strbuf_add_char(&b, '\\');
		strbuf_add_char(&b, o->word.s[i]);
	}
	strbuf_add_char(&b, '"');
	strbuf_reset(&o->word);
	strbuf_add_bytes(&o->word, b.s, b.len);
}

static void print_headline(
	struct out *o, const struct table *t, const struct row *row, size_t indent)
{
	bool any = false;
	start_line(o, indent);
	for (size_t i = 0; t->columns[i].key; i++) {
		const struct column *c = &t->columns[i];
		const struct cell *cell = &row->cell[i];
		if (!inline_column(c) || cell->kind == CELL_NONE || cell->kind == CELL_BLOCK)
			continue;
		if (any)
			strbuf_add(&o->line, "  ");
		any = true;
		make_title(o, c);
		add_word(o, 0, ALIGN_LEFT, colour(o) ? BOLD : NULL);
		strbuf_add(&o->line, ": ");
		make_word(o, cell);
		if (cell->kind == CELL_STR)
			quote_word(o);
		add_word(o, c->width, c->align, paint_of(o, cell));
	}
	if (any)
		end_line(o);
}

static void print_block(struct out *o, const struct cell *cell, size_t indent)
{
	scoped_strbuf struct strbuf b = { 0 };
	strbuf_add_block(&b, cell->s, cell->n);
	const char *s = strbuf_text(&b);
	while (*s) {
		size_t len = strcspn(s, "\n");
		start_line(o, indent);
		strbuf_add_bytes(&o->line, s, len);
		end_line(o);
		s += len + (s[len] == '\n');
	}
}

static void print_row(struct out *o, const struct table *t, const struct row *row, size_t indent);

static void print_list(struct out *o, const struct row_list *list, size_t indent)
{
	bool record = list->table->layout == LAYOUT_RECORD;
	if (list->table->layout == LAYOUT_TABLE && list->first)
		print_header(o, list->table, indent);
	for (const struct row *row = list->first; row; row = row->next) {
		if (record && row != list->first)
			blank_line(o);
		print_row(o, list->table, row, indent);
	}
}

static void print_below(struct out *o, const struct table *t, const struct row *row, size_t indent)
{
	for (size_t i = 0; t->columns[i].key; i++) {
		const struct column *c = &t->columns[i];
		const struct cell *cell = &row->cell[i];
		if (!stands_below(c, cell))
			continue;
		bool empty = cell->kind == CELL_LIST && !cell->list->first;
		if (c->list && c->title && !empty) {
			start_line(o, indent);
			make_title(o, c);
			add_word(o, 0, ALIGN_LEFT, colour(o) ? BOLD : NULL);
			strbuf_add_char(&o->line, ':');
			end_line(o);
		}
		if (cell->kind == CELL_LIST) {
			print_list(o, cell->list, indent + LIST_INDENT);
		} else if (cell->kind == CELL_BLOCK) {
			print_block(o, cell, indent);
		} else {
			start_line(o, indent + LIST_INDENT);
			make_word(o, cell);
			add_word(o, 0, ALIGN_LEFT, paint_of(o, cell));
			end_line(o);
		}
	}
}

/* Lists nest as deep as the command's own code does, so this recursion is bounded by ours. */
static void print_row(struct out *o, const struct table *t, const struct row *row, size_t indent)
{
	switch (t->layout) {
	case LAYOUT_TABLE:
	case LAYOUT_LINES:
		print_line(o, t, row, indent);
		break;
	case LAYOUT_RECORD:
		print_record(o, t, row, indent);
		break;
	case LAYOUT_HEADLINE:
		print_headline(o, t, row, indent);
		break;
	}
	print_below(o, t, row, indent);
}

static void text_skip(struct out *o)
{
	(void)o; /* headers wait for the first row: there may be none */
}

/* An empty answer is one quiet line: silence could also mean that nobody looked. */
static void text_nothing(struct out *o)
{
	start_line(o, 0);
	strbuf_add_text(&o->line, o->nothing ? o->nothing : "nothing to show",
		strlen(o->nothing ? o->nothing : "nothing to show"));
	end_line(o);
}

static void text_row(struct out *o, const struct row *row)
{
	const struct table *t = o->top.table;
	bool below = has_below(t, row);
	bool apart = t->layout == LAYOUT_RECORD || (t->layout == LAYOUT_HEADLINE && o->had_lists);
	if (o->nrows_all && (!o->nrows || apart))
		blank_line(o);
	if (!o->nrows && t->layout == LAYOUT_TABLE)
		print_header(o, t, 0);
	print_row(o, t, row, 0);
	o->had_lists = below;
}

const struct renderer render_text = {
	.begin = text_skip,
	.table = text_skip,
	.row = text_row,
	.complain = out_complain_on_errors,
	.end = out_count_unsaid,
	.nothing = text_nothing,
};
