/*
 * Lines that belong together. A block is collected whole before its first line runs, so that an
 * `end` that is missing is told before anything happened.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/expr.h"
#include "analyzer/shell/row_names.h"
#include "analyzer/shell/session_internal.h"

enum { DEPTH_MAX = 16, LINES_MAX = 100000 };

/* The lines of an outermost block, or one line. */
struct lines {
	VEC(char *) all;
};

struct runner {
	struct session *s;
	struct lines lines;
	unsigned depth;
	bool stop_on_error;
	unsigned nread, first; /* lines of the source so far; where the block began */
};

static const char *skip_blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* Behind the word that @line begins with; NULL when it is another. */
static const char *behind_word(const char *line, const char *word)
{
	const char *p = skip_blanks(line);
	size_t n = strlen(word);
	if (strncmp(p, word, n) || (p[n] && !isspace((unsigned char)p[n]) && p[n] != '('))
		return NULL;
	return skip_blanks(p + n);
}

static bool opens_block(const char *line)
{
	return behind_word(line, "if") || behind_word(line, "for");
}

/* The index of the line behind the block's part that begins at @at: of its `else` (when it has one
 * at this depth and @to_else) or its `end`. */
static size_t find_end(const struct lines *l, size_t at, bool to_else)
{
	unsigned depth = 0;
	for (; at < l->all.n; at++) {
		const char *line = l->all.v[at];
		if (opens_block(line))
			depth++;
		else if (!depth && to_else && behind_word(line, "else"))
			return at;
		else if (behind_word(line, "end") && !depth--)
			return at;
	}
	return at;
}

static void run_range(struct runner *r, size_t from, size_t to);

/* Whether the script goes on behind the last line. */
static bool goes_on(const struct runner *r)
{
	return !session_ended(r->s) && !session_interrupted(r->s) &&
	       !(r->stop_on_error && session_line_failed(r->s));
}

/* "if (EXPRESSION)": the parentheses tell it from a command. */
static struct err *expression_truth(
	struct session *s, struct arena *a, const char *text, bool *ret, size_t *ret_at)
{
	const struct expr *x;
	struct value v;
	struct target *t = session_target(s);
	if (!t)
		return err_new(ERR_MISSING, "no dump is open");
	struct err *err = expr_parse(&t->debug, a, text, EXPR_C, &x, ret_at);
	if (!err)
		err = expr_eval(&t->debug, x, &v, ret_at);
	return err ? err : expr_truth(&t->debug, &v, ret);
}

static void run_if(struct runner *r, size_t at, size_t end)
{
	struct arena a = { 0 };
	const char *line = r->lines.all.v[at], *text = behind_word(line, "if");
	size_t place = 0, other = find_end(&r->lines, at + 1, true);
	struct kept_rows rows;
	bool yes = false;
	struct err *err;
	if (*text == '(') {
		err = expression_truth(r->s, &a, text, &yes, &place);
	} else {
		err = session_rows(r->s, &a, text, &rows, &place);
		yes = !err && rows.first;
	}
	if (err)
		session_fail(r->s, "if", line, (size_t)(text - line) + place, err);
	else if (yes)
		run_range(r, at + 1, other);
	else if (other < end)
		run_range(r, other + 1, end);
	arena_deinit(&a);
}

/* "NAME in PIPELINE": the name, and the pipeline in *io_text; NULL without one. */
static char *loop_name(struct arena *a, const char **io_text)
{
	size_t n = 0;
	while (isalnum((unsigned char)(*io_text)[n]) || (*io_text)[n] == '_')
		n++;
	const char *rest = n ? behind_word(*io_text + n, "in") : NULL;
	if (!rest || !isspace((unsigned char)(*io_text)[n]))
		return NULL;
	char *name = arena_strndup(a, *io_text, n);
	*io_text = rest;
	return name;
}

static void run_for(struct runner *r, size_t at, size_t end)
{
	struct arena a = { 0 };
	const char *line = r->lines.all.v[at], *text = behind_word(line, "for");
	const char *name = loop_name(&a, &text);
	struct target *t = session_target(r->s);
	struct kept_rows rows = { 0 };
	size_t place = 0;
	struct err *err = t ? session_rows(r->s, &a, text, &rows, &place)
			    : err_new(ERR_MISSING, "no dump is open");
	if (err)
		session_fail(r->s, "for", line, (size_t)(text - line) + place, err);
	for (const struct kept_row *k = err ? NULL : rows.first; k; k = k->next) {
		struct row_names names;
		row_names_init(&names, t, k->table);
		names.object_name = name;
		row_names_set(&names, k->table, k->row);
		t->debug.names = &names.names;
		run_range(r, at + 1, end);
		t->debug.names = names.outer;
		if (!goes_on(r))
			break;
	}
	arena_deinit(&a);
}

static void run_on(struct runner *r, const char *line, const char *text)
{
	const char *what = behind_word(text, "error");
	if (what && behind_word(what, "stop") && !*behind_word(what, "stop"))
		r->stop_on_error = true;
	else if (what && behind_word(what, "continue") && !*behind_word(what, "continue"))
		r->stop_on_error = false;
	else
		session_fail(r->s, "on", line, (size_t)(text - line),
			err_new(ERR_USAGE, "on error stop, or on error continue"));
}

/* Runs what begins at line @at; returns the line behind it. */
static size_t run_one(struct runner *r, size_t at)
{
	const char *line = r->lines.all.v[at];
	session_begin_line(r->s);
	if (opens_block(line)) {
		size_t end = find_end(&r->lines, at + 1, false);
		if (r->depth == DEPTH_MAX) {
			session_fail(r->s, "inquest", line, 0,
				err_new(ERR_LIMIT, "blocks nest deeper than %d", DEPTH_MAX));
			return end + 1;
		}
		r->depth++;
		if (behind_word(line, "if"))
			run_if(r, at, end);
		else
			run_for(r, at, end);
		r->depth--;
		return end + 1;
	}
	if (behind_word(line, "end") || behind_word(line, "else"))
		session_fail(r->s, "inquest", line, 0,
			err_new(ERR_USAGE, "nothing is open that this could end: if or for"));
	else if (behind_word(line, "on"))
		run_on(r, line, behind_word(line, "on"));
	else
		session_run_expanded(r->s, line);
	return at + 1;
}

static void run_range(struct runner *r, size_t from, size_t to)
{
	while (from < to && from < r->lines.all.n) {
		from = run_one(r, from);
		if (!goes_on(r))
			return;
	}
}

static void forget(struct lines *l)
{
	for (size_t i = 0; i < l->all.n; i++)
		free(l->all.v[i]);
	l->all.n = 0;
}

/* A line, and when it opens a block all lines to its end; none of them when one is wrong. False:
 * there are no more, or a block is too long: what its lines stand under would not be obeyed. */
static bool collect(struct runner *r, const struct line_source *source)
{
	unsigned depth = 0;
	bool wrong = false;
	forget(&r->lines);
	r->first = r->nread + 1;
	do {
		char *line = source->next(source->cx, depth > 0);
		if (!line && depth)
			session_fail(r->s, "inquest", r->lines.all.v[0], 0,
				err_new(ERR_USAGE, "the end of this block is missing"));
		if (!line)
			return false;
		r->nread++;
		line = session_expand_args(r->s, line);
		wrong |= !line;
		if (!line)
			line = xstrdup("");
		vec_push(&r->lines.all, line);
		if (opens_block(line))
			depth++;
		else if (depth && behind_word(line, "end"))
			depth--;
	} while (depth && r->lines.all.n < LINES_MAX);
	if (depth) {
		session_fail(r->s, "inquest", r->lines.all.v[0], 0,
			err_new(ERR_LIMIT, "this block is longer than %d lines", LINES_MAX));
		return false;
	}
	if (wrong)
		forget(&r->lines);
	return true;
}

void session_run_lines(struct session *s, const struct line_source *source)
{
	struct runner r = { .s = s };
	if (source->name)
		(void)session_take_failure(s);
	while (!session_ended(s) && collect(&r, source)) {
		run_range(&r, 0, r.lines.all.n);
		if (source->name && session_take_failure(s))
			session_name_failure(s, source->name, r.first);
		if (!source->interactive && !goes_on(&r))
			break;
	}
	forget(&r.lines);
	vec_deinit(&r.lines.all);
}
