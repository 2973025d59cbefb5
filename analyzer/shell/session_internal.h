/* What the files that run lines for a session share: session.c, blocks.c, script.c, prompt.c. */
#ifndef ANALYZER_SHELL_SESSION_INTERNAL_H
#define ANALYZER_SHELL_SESSION_INTERNAL_H

#include "analyzer/out/row.h"
#include "analyzer/shell/session.h"

/* Where lines come from: @next gives one without its newline (malloc'ed), or NULL at the end;
 * @continues: it belongs to a block that is open. */
struct line_source {
	char *(*next)(void *cx, bool continues);
	void *cx;
	bool interactive; /* Ctrl-C and failures end the line, not the reading */
	const char *name; /* of the file; NULL: nobody asks. A line that fails is told by name and
			     number */
};

/*
 * Runs lines until the end, quit, Ctrl-C, or a failure after `on error stop`. Beside what
 * session_run() knows: `if PIPELINE` or `if (EXPRESSION)`, `else`, `for PIPELINE` or `for NAME in
 * PIPELINE`, `end`, and `on error stop|continue`.
 */
void session_run_lines(struct session *s, const struct line_source *source);

/* Whether anything failed since the last call, or the session's beginning. */
bool session_take_failure(struct session *s);

/* Says on the error stream that line @number of file @name failed, whose complaint stands above. */
void session_name_failure(struct session *s, const char *name, unsigned number);

/* A line_source's .next for a FILE. */
char *script_next_line(void *file, bool continues);

/* session_run() for a line whose $argN are already replaced. */
void session_run_expanded(struct session *s, const char *line);

/* @line with its $argN replaced, malloc'ed: itself when it has none. Takes @line. NULL after an
 * error, which has been answered. */
char *session_expand_args(struct session *s, char *line);

/* Answers go through this host command (borrowed) unless the line says otherwise; NULL: straight
 * out. */
void session_set_pager(struct session *s, const char *command);

/* An answer that consists of @err, about @line at @caret; takes @err. */
void session_fail(
	struct session *s, const char *name, const char *line, size_t caret, struct err *err);

/* The rows that a command with its stages gives; they live in @a. ERR_USAGE with the place in
 * *ret_at. */
struct kept_rows {
	struct kept_row {
		const struct table *table;
		const struct row *row;
		struct kept_row *next;
	} * first, **end;
};
struct err *session_rows(struct session *s, struct arena *a, const char *text,
	struct kept_rows *ret, size_t *ret_at) MUST_CHECK;

/* The same, handed on one by one; what is complained of is handed on too, and nothing counts as the
 * session's failure. */
struct out_filter;
struct err *session_stream(struct session *s, struct arena *a, const char *text,
	const struct out_filter *to, size_t *ret_at) MUST_CHECK;

/* Whether anything failed, in part or whole, since session_begin_line(); session_run() begins one
 * itself. */
bool session_line_failed(const struct session *s);
void session_begin_line(struct session *s);

#endif
