/*
 * The shape of a typed line: words and their quotes, `| stage`, `> file`, `>> file`, `| shell
 * command`,
 * `!command`, `< file`. Knows nothing of commands or options; which words are stages it is told.
 */
#ifndef ANALYZER_SHELL_LINE_H
#define ANALYZER_SHELL_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "analyzer/base/arena.h"
#include "analyzer/base/err.h"

/* A word without its quotes, and where it stood: bytes [start, end) of the text. */
struct word {
	const char *text;
	size_t start, end;
	const struct word *before; /* the same option's earlier argument (args.c); NULL: none */
};

/*
 * Splits at blanks. Between single quotes all stands for itself; between double quotes a backslash
 * keeps its own kind and the quote from meaning anything; outside, it does so for any character.
 * ERR_USAGE for an open quote, with its offset in *ret_at. The words live in @a.
 */
struct err *words_split(struct arena *a, const char *s, struct word **ret, size_t *ret_n,
	size_t *ret_at) MUST_CHECK;

enum line_kind {
	LINE_EMPTY, /* blank, or a comment */
	LINE_COMMAND,
	LINE_HOST,   /* !command: .host */
	LINE_SCRIPT, /* < file: .file */
};

/* What stands between a `|` and the next; its text begins at byte .at of the line. */
struct line_stage {
	const char *text;
	size_t at;
};

struct line {
	enum line_kind kind;
	const char *command;		/* our part; offsets in it are offsets in the line */
	const struct line_stage *stage; /* what it is piped into, one after the other */
	size_t nstages;
	const char *host; /* for the host's shell, after `|` or `!`; else NULL */
	const char *file; /* after `>`, or `<`; else NULL */
	bool append;	  /* it was `>>` */
	size_t host_at;	  /* where .host began */
	size_t file_at;
};

/*
 * `>` and `|` count outside of quotes, (…) and […] only; `->` is an arrow. What looks like an
 * operator of an expression (`>=`, `||`, `>> 2`) is an error that asks for parentheses, because it
 * would else write a file named "= 3". What @is_stage does not know, behind a `|`, is the host's
 * shell's with all that follows. ERR_USAGE with the offset in *ret_at. All lives in @a.
 */
typedef bool (*is_stage_fn)(const void *cx, const char *word);
struct err *line_parse(struct arena *a, const char *text, is_stage_fn is_stage, const void *cx,
	struct line *ret, size_t *ret_at) MUST_CHECK;

#endif
