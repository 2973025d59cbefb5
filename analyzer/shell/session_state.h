/*
 * A session from the inside, for the files that it is made of: session.c (what it holds),
 * session_run.c (a line, from text to answer), session_report.c (what went wrong), session_rows.c
 * (rows for `if` and `for`), rc.c. Nobody else includes this.
 */
#ifndef ANALYZER_SHELL_SESSION_STATE_H
#define ANALYZER_SHELL_SESSION_STATE_H

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/shell/aliases.h"
#include "analyzer/shell/session_internal.h"
#include "analyzer/shell/settings.h"

struct line;

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
	struct settings settings;
	const char *const *arguments; /* of scripts; borrowed */
	size_t narguments;
	uint64_t task_va; /* what `set` chose; 0: nothing */
	struct selected_frame frame;
	struct plugins *plugins;
	bool own_plugins;
};

enum { NO_CARET = -1, SCRIPTS_MAX = 16 };

/* What may be wrong with a line, and where. */
struct report {
	const char *line;
	const char *topic; /* for the hint: `try: help TOPIC`; NULL: no hint */
	size_t caret;
};

/* Ends the answer that out_begin() began: with @err (NULL: fine) among its faults. Takes @err. */
void session_end_answer(struct session *s, struct err *err, const struct report *r);

/* An answer that consists of @err; takes it. */
void session_answer_error(
	struct session *s, const char *name, struct err *err, const struct report *r);

/* Lost rows cannot be reported among the rows: this goes to the error stream in every format. Takes
 * @err; NULL: nothing. */
void session_report_lost(struct session *s, const char *name, struct err *err);

/* After Ctrl-C the terminal's cursor stands behind the "^C" that it showed. */
void session_leave_echo(struct session *s);

/* For line_parse(): @registry is the session's. */
bool session_is_stage(const void *registry, const char *word);

#endif
