/*
 * Runs one line: parse, find the command, sort its words, send its rows where the line says,
 * report. Each answer is begun and ended exactly once, so that JSON has one valid line whatever
 * happens.
 */
#include "analyzer/shell/session_internal.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/expr.h"
#include "analyzer/kernel/percpu_expr.h"
#include "analyzer/out/filter.h"
#include "analyzer/shell/aliases.h"
#include "analyzer/shell/args.h"
#include "analyzer/shell/child.h"
#include "analyzer/shell/line.h"
#include "analyzer/shell/pipeline.h"
#include "analyzer/shell/plugins.h"
#include "analyzer/shell/running.h"
#include "analyzer/target/target.h"

struct session {
	struct registry registry;
	struct target *target;
	struct out *out;
	FILE *to, *errors;
	bool carets; /* errors are for people: show the line and the place */
	struct arena arena;
	struct expr_state *expr_state; /* borrowed by the target while the session lasts */
	bool ended, failed, line_failed, interrupted;
	unsigned scripts; /* that are running, one inside the other */
	struct aliases aliases;
	const char *pager;
	bool unpaged;     /* `set scroll off` */
	uint64_t task_va; /* what `set` chose; 0: nothing */
	struct selected_frame frame;
	struct plugins *plugins;
};

enum { NO_CARET = -1, SCRIPTS_MAX = 16 };

struct err *session_create(const struct session_options *o, struct session **ret)
{
	struct session *s = xcalloc(1, sizeof(*s));
	s->target = o->target;
	s->expr_state = expr_state_create();
	if (s->target) {
		s->target->debug.state = s->expr_state;
		percpu_expr_register(s->expr_state, s->target);
	}
	s->to = o->to ? o->to : stdout;
	s->errors = o->errors ? o->errors : stderr;
	s->carets = o->format != OUT_JSON;
	s->out = out_create(o->format, s->to, o->colour);
	out_set_errors(s->out, s->errors);
	if (o->address_bytes)
		out_set_address_bytes(s->out, o->address_bytes);
	signal(SIGPIPE,
		SIG_IGN); /* a reader that goes away is an EPIPE, not the end of the session */
	for (size_t i = 0; o->commands[i]; i++) {
		struct err *err = registry_add(&s->registry, o->commands[i]);
		if (err) {
			session_destroy(s);
			return err;
		}
	}
	for (size_t i = 0; builtin_walkers[i]; i++) {
		struct err *err = registry_add_walker(&s->registry, builtin_walkers[i]);
		if (err) {
			session_destroy(s);
			return err;
		}
	}
	s->plugins = plugins_create(&s->registry, s->target);
	*ret = s;
	return NULL;
}

void session_destroy(struct session *s)
{
	if (!s)
		return;
	if (s->target)
		s->target->debug.state = NULL;
	expr_state_destroy(s->expr_state);
	out_destroy(s->out);
	plugins_destroy(s->plugins);
	registry_deinit(&s->registry);
	aliases_deinit(&s->aliases);
	arena_deinit(&s->arena);
	free(s);
}

/* What may be wrong with a line, and where. */
struct report {
	const char *line;
	const char *topic; /* for the hint: `try: help TOPIC`; NULL: no hint */
	size_t caret;
};

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

/* After Ctrl-C the terminal's cursor stands behind the "^C" that it showed. */
static void leave_echo(struct session *s)
{
	if (isatty(fileno(s->errors)))
		fputc('\n', s->errors);
}

/* Ends the answer that out_begin() began: with @err (NULL: fine) among its faults. Takes @err. */
static void end_answer(struct session *s, struct err *err, const struct report *r)
{
	bool caret = err && err->code == ERR_USAGE && s->carets && r->caret != (size_t)NO_CARET;
	if (err && err->code == ERR_INTERRUPTED)
		leave_echo(s);
	if (err)
		out_complain(s->out, err);
	s->failed |= out_complaints(s->out) > 0;
	out_end(s->out);
	if (caret)
		print_caret(s, r);
}

/* An answer that consists of @err. */
static void answer_error(
	struct session *s, const char *name, struct err *err, const struct report *r)
{
	out_begin(s->out, name);
	end_answer(s, err, r);
}

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
		out_set_file(s->out, ret->file);
	} else if (l->host) {
		(void)fflush(s->to); /* the child writes to the same place */
		struct err *err = child_start(l->host, true, &ret->child);
		if (err)
			return err;
		ret->name = "|";
		out_set_file(s->out, ret->child.to);
	} else if (s->pager && !s->unpaged) {
		(void)fflush(s->to);
		struct err *err = child_start(s->pager, true, &ret->child);
		if (err)
			return err;
		ret->name = "|";
		ret->paged = true;
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
	if (k->paged)
		out_set_terminal(s->out, s->to);
	else if (redirected)
		out_set_file(s->out, s->to);
	else if (errnum)
		s->ended = true; /* nothing that follows could be said either */
	if (!err && errnum && errnum != EPIPE)
		err = err_io(errnum, "%s", k->name);
	return err;
}

/* Lost rows cannot be reported among the rows: this goes to the error stream in every format. */
static void report_lost(struct session *s, const char *name, struct err *err)
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

static void run_pipeline(
	struct session *s, struct pipeline *p, const struct line *l, struct report *r)
{
	struct sink sink;
	const char *name = pipeline_answer(p)->name;
	struct err *err = sink_open(s, l, &sink);
	out_begin(s->out, name);
	if (err) {
		end_answer(s, err, r);
		return;
	}
	err = pipeline_run(p);
	r->topic = pipeline_failed(p)->name;
	if (err && err->code == ERR_INTERRUPTED && out_write_error(s->out)) {
		err_drop(err); /* the sink stopped the command; sink_close() says why */
		err = NULL;
	}
	end_answer(s, err, r);
	report_lost(s, name, sink_close(s, &sink));
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
		answer_error(s, name, err, r);
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
		leave_echo(s);
	report_lost(s, "!", err);
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
	report_lost(s, "<", err);
}

static bool is_stage(const void *registry, const char *word)
{
	return registry_has(registry, word);
}

bool session_alias(const struct session *s, size_t i, const char **ret_name, const char **ret_line)
{
	if (i >= s->aliases.all.n)
		return false;
	*ret_name = s->aliases.all.v[i].name;
	*ret_line = s->aliases.all.v[i].line;
	return true;
}

struct err *session_set_alias(struct session *s, const char *name, const char *line)
{
	return aliases_set(&s->aliases, &s->registry, name, line);
}

void session_run(struct session *s, const char *typed)
{
	scoped_free char *expanded = aliases_expand(&s->aliases, typed);
	const char *text = expanded ? expanded : typed;
	struct report r = { .line = text, .caret = (size_t)NO_CARET };
	struct line line;
	bool before = s->failed;
	s->failed = false;
	interrupt_clear();
	struct err *err = line_parse(&s->arena, text, is_stage, &s->registry, &line, &r.caret);
	if (err) {
		/* The first word names the answer, as far as the line can be read. */
		const char *start = text + strspn(text, " \t");
		char *name = arena_strndup(&s->arena, start, strcspn(start, " \t|>'\""));
		const struct command *c;
		struct err *unknown = registry_find(&s->registry, name, &c);
		if (!unknown)
			r.topic = c->name;
		err_drop(unknown); /* the line's own error comes first */
		answer_error(s, *name ? name : "inquest", err, &r);
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

void session_set_pager(struct session *s, const char *command)
{
	s->pager = command;
}

bool session_paged(const struct session *s)
{
	return !s->unpaged;
}

void session_set_paged(struct session *s, bool yes)
{
	s->unpaged = !yes;
}

bool session_line_failed(const struct session *s)
{
	return s->line_failed;
}

void session_begin_line(struct session *s)
{
	s->line_failed = false;
}

void session_fail(
	struct session *s, const char *name, const char *line, size_t caret, struct err *err)
{
	struct report r = { .line = line, .caret = caret };
	if (err->code == ERR_NOT_FOUND)
		err->code = ERR_USAGE; /* a name in the line that is none: it has a place */
	s->interrupted = err->code == ERR_INTERRUPTED;
	answer_error(s, name, err, &r);
	s->line_failed = true;
}

/* ---- rows for `if` and `for` ------------------------------------------------------------------- */

struct keeper {
	struct session *s;
	struct arena *arena;
	struct kept_rows *rows;
};

static void keep_row(void *cx, const struct table *t, const struct row *row)
{
	struct keeper *k = cx;
	struct kept_row *kept = arena_alloc(k->arena, sizeof(*kept));
	*kept = (struct kept_row){ .table = t, .row = row_copy(k->arena, t, row) };
	*k->rows->end = kept;
	k->rows->end = &kept->next;
}

static void keep_fault(void *cx, const char *command, const struct fault *f)
{
	const struct keeper *k = cx;
	report_lost(k->s, command, err_new(ERR_FORMAT, "%s", f->msg));
}

static struct err *run_into(
	struct session *s, const struct line *l, struct out *out, struct arena *a, size_t *ret_at)
{
	struct word *words;
	size_t n;
	struct args args;
	struct pipeline *p;
	const struct command *c, *failed;
	struct cx cx = { s->target, out, a, s };
	struct err *err = words_split(a, l->command, &words, &n, ret_at);
	if (!err)
		err = registry_find(&s->registry, n ? words[0].text : "", &c);
	if (!err)
		err = args_parse(a, c, l->command, &args, ret_at);
	if (!err)
		err = pipeline_create(&cx, &s->registry, c, &args, l, ret_at, &failed, &p);
	if (err)
		return err;
	out_begin(out, pipeline_answer(p)->name);
	err = pipeline_run(p);
	out_end(out);
	pipeline_destroy(p);
	return err;
}

struct err *session_rows(struct session *s, struct arena *a, const char *text,
	struct kept_rows *ret, size_t *ret_at)
{
	struct line line;
	*ret_at = 0;
	interrupt_clear();
	*ret = (struct kept_rows){ .end = &ret->first };
	struct err *err = line_parse(a, text, is_stage, &s->registry, &line, ret_at);
	if (!err && (line.kind != LINE_COMMAND || line.file || line.host)) {
		*ret_at = line.host ? line.host_at : line.file_at;
		err = err_new(ERR_USAGE, "a command with its stages stands here, and nothing of the host's");
	}
	if (err)
		return err;
	struct keeper k = { s, a, ret };
	struct out *out = out_create_filter(&(struct out_filter){ keep_row, keep_fault, &k },
		out_address_bytes(s->out));
	err = run_into(s, &line, out, a, ret_at);
	out_destroy(out);
	return err;
}

bool session_interrupted(const struct session *s)
{
	return s->interrupted;
}

bool session_ended(const struct session *s)
{
	return s->ended;
}

bool session_failed(const struct session *s)
{
	return s->failed;
}

const struct registry *session_registry(const struct session *s)
{
	return &s->registry;
}

struct target *session_target(const struct session *s)
{
	return s->target;
}

const struct command *session_command(const struct session *s, size_t i)
{
	return i < s->registry.commands.n ? s->registry.commands.v[i] : NULL;
}

struct err *session_find_command(
	const struct session *s, const char *name, const struct command **ret)
{
	return registry_find(&s->registry, name, ret);
}

const struct walker *session_walker(const struct session *s, size_t i)
{
	return i < s->registry.walkers.n ? s->registry.walkers.v[i] : NULL;
}

struct err *session_find_walker(
	const struct session *s, const char *name, const struct walker **ret)
{
	return registry_find_walker(&s->registry, name, ret);
}

struct plugins *session_plugins(struct session *s)
{
	return s->plugins;
}

uint64_t session_task_va(const struct session *s)
{
	return s->task_va;
}

void session_set_task_va(struct session *s, uint64_t va)
{
	s->task_va = va;
}

struct selected_frame *session_selected_frame(struct session *s)
{
	return &s->frame;
}

struct err *session_run_inside(struct cx *cx, const char *text)
{
	struct word *words;
	size_t n, caret = 0;
	const struct command *c;
	struct args a;
	struct err *err = words_split(cx->arena, text, &words, &n, &caret);
	if (!err)
		err = registry_find(&cx->session->registry, n ? words[0].text : "", &c);
	if (!err)
		err = args_parse(cx->arena, c, text, &a, &caret);
	return err ? err : command_run(c, cx, &a);
}

void session_quit(struct session *s)
{
	s->ended = true;
}
