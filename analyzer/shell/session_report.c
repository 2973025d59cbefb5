/* What went wrong with a line, said where the session says such things, with a caret where there is
 * a place. Knows nothing of commands. */
#include "analyzer/shell/session_state.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

/* The line as typed and a caret under the place, both without anything a terminal would obey. */
static void print_caret(struct session *s, const struct report *r)
{
	scoped_strbuf struct strbuf b = { 0 };
	size_t n = strlen(r->line), column = 0;
	while (n && isspace((unsigned char)r->line[n - 1]))
		n--;
	size_t at = r->caret < n ? r->caret : n + 1; /* what is missing belongs behind the end */
	strbuf_add(&b, "    ");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)r->line[i];
		column += i < at && (c & 0xc0) != 0x80;
		strbuf_add_char(&b, isspace(c) ? ' ' : c < ' ' || c == 0x7f ? '?' : (char)c);
	}
	strbuf_add_char(&b, '\n');
	strbuf_pad(&b, ' ', 4 + column + (at > n));
	strbuf_add_char(&b, '^');
	if (r->topic)
		strbuf_addf(&b, " try: help %s", r->topic);
	strbuf_add_char(&b, '\n');
	/* Nobody is left to tell when the error stream itself fails. */
	(void)!fwrite(b.s, 1, b.len, s->errors);
	(void)fflush(s->errors);
}

void session_leave_echo(struct session *s)
{
	if (isatty(fileno(s->errors)))
		fputc('\n', s->errors);
}

void session_end_answer(struct session *s, struct err *err, const struct report *r)
{
	bool caret = err && err->code == ERR_USAGE && s->carets && r->caret != (size_t)NO_CARET;
	if (err && err->code == ERR_INTERRUPTED)
		session_leave_echo(s);
	if (err)
		out_complain(s->out, err);
	s->failed |= out_complaints(s->out) > 0;
	out_end(s->out);
	if (caret)
		print_caret(s, r);
}

void session_answer_error(
	struct session *s, const char *name, struct err *err, const struct report *r)
{
	out_begin(s->out, name);
	session_end_answer(s, err, r);
}

void session_report_lost(struct session *s, const char *name, struct err *err)
{
	if (!err)
		return;
	scoped_strbuf struct strbuf b = { 0 };
	strbuf_addf(&b, "%s: ", name);
	strbuf_add_escaped(&b, err->msg, strlen(err->msg));
	fprintf(s->errors, "%s\n", strbuf_text(&b));
	(void)fflush(s->errors);
	s->failed = true;
	err_drop(err);
}

bool session_take_failure(struct session *s)
{
	bool failed = s->failed;
	s->failed = false;
	return failed;
}

void session_name_failure(struct session *s, const char *name, unsigned number)
{
	scoped_strbuf struct strbuf b = { 0 };
	strbuf_add_escaped(&b, name, strlen(name));
	fprintf(s->errors, "%s:%u: this line failed\n", strbuf_text(&b), number);
	(void)fflush(s->errors);
}
