/*
 * Runs one line: parse, find the command, sort its words, send its rows where the line says,
 * report. Each answer is begun and ended exactly once, so that JSON has one valid line whatever
 * happens.
 */
#include "analyzer/shell/session_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/progress.h"

#include "analyzer/shell/args.h"
#include "analyzer/shell/child.h"
#include "analyzer/shell/line.h"
#include "analyzer/shell/pipeline.h"
#include "analyzer/shell/running.h"
#include "analyzer/shell/script_args.h"
#include "analyzer/shell/shorthand.h"

/* Where the rows of one command go. */
struct sink {
	FILE *file;
	struct child child;
	const char *name; /* for a message about a failed write */
	bool paged;
};

static struct err *sink_open(struct session *s, const struct line *l, struct sink *ret)
{
	*ret = (struct sink){ .name = "standard output" };
	if (l->file) {
		ret->file = fopen(l->file, l->append ? "ae" : "we");
		if (!ret->file)
			return err_io(errno, "%s", l->file);
		ret->name = l->file;
		progress_set_redirected(true);
		out_set_file(s->out, ret->file);
	} else if (l->host) {
		(void)fflush(s->to); /* the child writes to the same place */
		struct err *err = child_start(l->host, true, &ret->child);
		if (err)
			return err;
		ret->name = "|";
		out_set_file(s->out, ret->child.to);
	} else if (s->pager && !s->settings.unpaged) {
		(void)fflush(s->to);
		struct err *err = child_start(s->pager, true, &ret->child);
		if (err)
			return err;
		ret->name = "|";
		ret->paged = true;
		progress_set_paged(true);
		out_set_terminal(s->out, ret->child.to);
	}
	return NULL;
}

/* After out_end(). A failed write counts once, for the command whose rows were lost; a reader that
 * had enough (`| head`) is no failure. */
static struct err *sink_close(struct session *s, struct sink *k)
{
	struct err *err = NULL;
	int errnum = out_write_error(s->out);
	bool redirected = k->file || k->child.pid;
	if (k->file && fclose(k->file) != 0 && !errnum)
		errnum = errno;
	if (errnum)
		interrupt_clear(); /* the sink's own, not Ctrl-C */
	if (k->child.pid)
		err = child_finish(&k->child);
	progress_set_redirected(false);
	if (k->paged) {
		out_set_terminal(s->out, s->to);
		progress_set_paged(false);
	}
	if (!k->paged && redirected)
		out_set_file(s->out, s->to);
	else if (!k->paged && errnum)
		s->ended = true; /* nothing that follows could be said either */
	if (!err && errnum && errnum != EPIPE)
		err = err_io(errnum, "%s", k->name);
	return err;
}

static void run_pipeline(
	struct session *s, struct pipeline *p, const struct line *l, struct report *r)
{
	struct sink sink;
	const char *name = pipeline_answer(p)->name;
	struct err *err = sink_open(s, l, &sink);
	out_begin(s->out, name);
	if (err) {
		session_end_answer(s, err, r);
		return;
	}
	/* what comes from a plugin may talk to the terminal itself, as py does */
	progress_command(registry_is_builtin(pipeline_answer(p)) ? name : NULL);
	err = pipeline_run(p);
	progress_command(NULL);
	const struct command *failed = pipeline_failed(p);
	r->topic = failed->name;
	if (err && failed != pipeline_answer(p))
		err = err_wrap(err, "%s", failed->name);
	if (err && err->code == ERR_INTERRUPTED && out_write_error(s->out)) {
		err_drop(err); /* the sink stopped the command; sink_close() says why */
		err = NULL;
	}
	session_end_answer(s, err, r);
	session_report_lost(s, name, sink_close(s, &sink));
}

static void run_parsed(struct session *s, const struct line *l, struct report *r)
{
	struct word *words;
	size_t n;
	const struct command *c = NULL;
	struct args a;
	struct pipeline *p;
	struct err *err = words_split(&s->arena, l->command, &words, &n, &r->caret);
	const char *name = err || !n ? "inquest" : words[0].text;
	if (!err) {
		err = registry_find(&s->registry, name, &c);
		r->caret = (size_t)NO_CARET;
	}
	if (!err) {
		name = r->topic = c->name;
		err = args_parse(&s->arena, c, l->command, &a, &r->caret);
	}
	if (!err) {
		struct cx cx = { s->target, s->out, &s->arena, s };
		const struct command *failed = c;
		err = pipeline_create(&cx, &s->registry, c, &a, l, &r->caret, &failed, &p);
		name = r->topic = failed->name;
	}
	if (err) {
		session_answer_error(s, name, err, r);
		return;
	}
	r->caret = (size_t)NO_CARET;
	run_pipeline(s, p, l, r);
	pipeline_destroy(p);
}

static void run_host(struct session *s, const char *command)
{
	struct child child;
	(void)fflush(s->to);
	struct err *err = child_start(command, false, &child);
	if (!err)
		err = child_finish(&child);
	if (interrupt_pending())
		session_leave_echo(s);
	session_report_lost(s, "!", err);
}

/* `< file` */
static void run_script(struct session *s, const struct line *l)
{
	struct err *err = NULL;
	if (s->scripts >= SCRIPTS_MAX)
		err = err_new(ERR_LIMIT, "scripts call each other more than %d deep", SCRIPTS_MAX);
	s->scripts++;
	if (!err)
		err = session_run_script(s, l->file);
	s->scripts--;
	session_report_lost(s, "<", err);
}

bool session_is_stage(const void *registry, const char *word)
{
	return registry_has(registry, word);
}

char *session_expand_args(struct session *s, char *line)
{
	char *expanded;
	struct report r = { .line = line };
	if (line[strspn(line, " \t")] == '#')
		return line;
	struct err *err =
		script_args_expand(s->arguments, s->narguments, line, &expanded, &r.caret);
	if (!err && !expanded)
		return line;
	if (err)
		session_fail(s, "inquest", r.line, r.caret, err);
	free(line);
	return err ? NULL : expanded;
}

void session_run(struct session *s, const char *typed)
{
	scoped_free char *line = session_expand_args(s, xstrdup(typed));
	if (line)
		session_run_expanded(s, line);
}

void session_run_expanded(struct session *s, const char *typed)
{
	scoped_free char *alias = aliases_expand(&s->aliases, typed);
	scoped_free char *longer = shorthand_expand(s, alias ? alias : typed);
	const char *text = longer ? longer : alias ? alias : typed;
	struct report r = { .line = text, .caret = (size_t)NO_CARET };
	struct line line;
	bool before = s->failed;
	s->failed = false;
	interrupt_clear();
	struct err *err =
		line_parse(&s->arena, text, session_is_stage, &s->registry, &line, &r.caret);
	if (err) {
		/* The first word names the answer, as far as the line can be read. */
		const char *start = text + strspn(text, " \t");
		char *name = arena_strndup(&s->arena, start, strcspn(start, " \t|>'\""));
		const struct command *c;
		struct err *unknown = registry_find(&s->registry, name, &c);
		if (!unknown)
			r.topic = c->name;
		err_drop(unknown); /* the line's own error comes first */
		session_answer_error(s, *name ? name : "inquest", err, &r);
	} else if (line.kind == LINE_HOST) {
		run_host(s, line.host);
	} else if (line.kind == LINE_SCRIPT) {
		run_script(s, &line);
	} else if (line.kind == LINE_COMMAND) {
		run_parsed(s, &line, &r);
	}
	arena_reset(&s->arena);
	s->interrupted = interrupt_pending();
	s->line_failed = s->failed || s->interrupted;
	s->failed = s->line_failed || before;
}

void session_fail(
	struct session *s, const char *name, const char *line, size_t caret, struct err *err)
{
	struct report r = { .line = line, .caret = caret };
	if (err->code == ERR_NOT_FOUND)
		err->code = ERR_USAGE; /* a name in the line that is none: it has a place */
	s->interrupted = err->code == ERR_INTERRUPTED;
	session_answer_error(s, name, err, &r);
	s->line_failed = true;
}

struct err *session_run_inside(struct cx *cx, const char *text)
{
	struct word *words;
	size_t n = 0, caret = 0;
	const struct command *c;
	struct args a;
	struct err *err = words_split(cx->arena, text, &words, &n, &caret);
	if (!err)
		err = registry_find(&cx->session->registry, n ? words[0].text : "", &c);
	if (!err)
		err = args_parse(cx->arena, c, text, &a, &caret);
	if (err)
		return n ? err_wrap(err, "%s", words[0].text) : err;
	return command_run(c, cx, &a);
}
