/*
 * What a command is: one constant row that drives parsing, usage, completion and help. A command gets
 * its context and its words, emits rows, and returns an error or NULL. It never prints.
 */
#ifndef ANALYZER_SHELL_COMMAND_H
#define ANALYZER_SHELL_COMMAND_H

#include "analyzer/base/err.h"
#include "analyzer/base/arena.h"
#include "analyzer/out/out.h"

struct target;
struct session;

struct cx {
	struct target *target;
	struct out *out;
	struct arena *arena; /* freed after the command */
	struct session *session;
};

struct option {
	char letter;      /* 0 ends the array */
	const char *arg;  /* NULL: a flag; else the name of its argument, for the usage */
	const char *help;
};

struct args; /* the words, already split into options and the rest */

struct command {
	const char *name;
	const char *alias;    /* a second name, or NULL */
	const char *summary;  /* one line, lower case, no full stop */
	const char *usage;    /* what follows the options: "[PID|TASK…]", "" for nothing */
	const char *details;  /* paragraphs for help; may be NULL */
	const struct option *options;      /* may be NULL */
	const char *const *examples;       /* "COMMAND\tWHAT IT SHOWS", NULL-terminated; may be NULL */
	int min_args, max_args;            /* max < 0: any number */
	bool needs_no_target;              /* help, quit */
	const char *complete;              /* what the arguments are: "symbol", "type", "command", NULL */
	struct err *(*run)(struct cx *cx, const struct args *a);
};

bool args_flag(const struct args *a, char letter);
const char *args_option(const struct args *a, char letter); /* its argument; NULL when not given */
int args_count(const struct args *a);
const char *args_get(const struct args *a, int i); /* NULL beyond the end */

/* The rest of the line from argument @i on, as typed but for outer blanks; "" when none. */
const char *args_rest(const struct args *a, int i);

/* Argument @i as a number with the usual prefixes; hex without prefix for addresses. ERR_USAGE. */
struct err *args_uint(const struct args *a, int i, uint64_t *ret) MUST_CHECK;
struct err *args_option_uint(const struct args *a, char letter, uint64_t otherwise, uint64_t *ret)
	MUST_CHECK;

#endif
