/*
 * What a command is: one constant row that drives parsing, usage, completion and help. A command
 * gets its context and its words, emits rows, and returns an error or NULL. It never prints.
 */
#ifndef ANALYZER_SHELL_COMMAND_H
#define ANALYZER_SHELL_COMMAND_H

#include "analyzer/base/err.h"
#include "analyzer/base/arena.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/out/out.h"

struct target;
struct session;
struct stage_ops;

struct cx {
	struct target *target;
	struct out *out;
	struct arena *arena; /* freed after the command */
	struct session *session;
};

struct option {
	char letter;	 /* 0 ends the array */
	const char *arg; /* NULL: a flag; else the name of its argument, for the usage */
	const char *help;
	const char *word; /* "16" for -16, "-flame" for --flame: typed as a whole word, asked for by
			   * .letter; or NULL */
};

struct args; /* the words, already split into options and the rest */

struct command {
	const char *name;
	const char *alias;   /* a second name, or NULL */
	const char *summary; /* one line, lower case, no full stop */
	const char *usage;   /* what follows the options: "[PID|TASK…]", "" for nothing */
	const char *details; /* paragraphs for help; may be NULL */
	const struct option *options; /* may be NULL */
	const char *const *examples;  /* "COMMAND\tWHAT IT SHOWS", NULL-terminated; may be NULL */
	int min_args, max_args;	      /* max < 0: any number */
	bool expression;	      /* the arguments are one expression for args_rest():
				       * options stand only before it ("p -x a -b") */
	bool needs_no_target;	      /* help, quit */
	const char *complete;	      /* what the arguments are: "symbol", "type", "command", NULL;
				       * "task": tasks, so that foreach may add one */
	/* In a pipeline. */
	const char *takes;	  /* the object that may come as last argument: "struct x", "*":
				   * any; NULL: a task where .complete is "task", else none */
	bool per_row;		  /* behind a `|` it runs once a row, and its arguments know the
				   * row's names; what takes an object does so anyway */
	const struct table *rows; /* what it answers without options, so that names behind a `|`
				   * are checked before it runs; NULL: that depends */
	const struct stage_ops
		*stage; /* stage.h; then .run may be NULL: it only stands behind a `|` */

	struct err *(*run)(struct cx *cx, const struct args *a);
};

bool args_flag(const struct args *a, char letter);
const char *args_option(const struct args *a, char letter); /* its argument; NULL when not given */

/* Of an option that was given several times: argument @i, the first given is 0; NULL behind the
 * last. */
const char *args_option_at(const struct args *a, char letter, size_t i);
int args_count(const struct args *a);
const char *args_get(const struct args *a, int i); /* NULL beyond the end */

/* The rest of the line from argument @i on, as typed but for outer blanks; "" when none. */
const char *args_rest(const struct args *a, int i);

/* Argument @i as a number: decimal, 0x-hex, and what can only be hex ("c0008000"). ERR_USAGE. */
struct err *args_uint(const struct args *a, int i, uint64_t *ret) MUST_CHECK;

/* Argument @i as an address: always hex, with or without 0x ("80008000"), as crash reads it. */
struct err *args_addr(const struct args *a, int i, uint64_t *ret) MUST_CHECK;

/* An option's argument by args_uint()'s rule; @otherwise when it was not given. */
struct err *args_option_uint(
	const struct args *a, char letter, uint64_t otherwise, uint64_t *ret) MUST_CHECK;

/*
 * ERR_USAGE about argument @i: the shell shows the line with a caret under that word. The second
 * form points @offset bytes into args_rest(a, i), for expressions. @i beyond the last: the end.
 */
struct err *args_error(const struct args *a, int i, const char *fmt, ...)
	PRINTF_LIKE(3, 4) MUST_CHECK;
struct err *args_error_at(const struct args *a, int i, size_t offset, const char *fmt, ...)
	PRINTF_LIKE(4, 5) MUST_CHECK;

/* Points at @offset of args_rest(a, i) for an error that a parser below the shell made of that
 * text: ERR_USAGE and ERR_NOT_FOUND get a caret, others stay what they are. Takes @e; NULL stays
 * NULL. */
struct err *args_point(const struct args *a, int i, size_t offset, struct err *e) MUST_CHECK;

/* What `help` and `quit` need of the session. */

/* The commands in order of the list; NULL beyond its end. */
const struct command *session_command(const struct session *s, size_t i);

/* By name or alias; ERR_NOT_FOUND with a suggestion. */
struct err *session_find_command(
	const struct session *s, const char *name, const struct command **ret) MUST_CHECK;

/* The address of the task that `set` chose; 0 when it chose none. See current_task.h. */
uint64_t session_task_va(const struct session *s);
void session_set_task_va(struct session *s, uint64_t va);

/* The frame that `frame`, `up` or `down` chose, and of which task. See current_frame.h. */
struct selected_frame {
	uint64_t task_va; /* 0: none was chosen */
	size_t n;
};
struct selected_frame *session_selected_frame(struct session *s);

/* Whether long answers at a terminal go through a pager: `set scroll on|off`. */
bool session_paged(const struct session *s);
void session_set_paged(struct session *s, bool yes);

/* Alias @i in order; false behind the last. Strings are borrowed until one is set. */
bool session_alias(const struct session *s, size_t i, const char **ret_name, const char **ret_line);

/* @line "" takes it back. ERR_USAGE for a name that is no word or a command's. */
struct err *session_set_alias(struct session *s, const char *name, const char *line) MUST_CHECK;

/* Runs another command, its words in @text (no `>` and no `|`), as a part of the present answer. */
struct err *session_run_inside(struct cx *cx, const char *text) MUST_CHECK;

/* No further line runs: neither of the prompt nor of a script. */
void session_quit(struct session *s);

/* "ps [-al] [-c CPU] [PID|TASK…]". */
void command_usage(const struct command *c, struct strbuf *out);

#endif
