/* A command's words, sorted into options and arguments by what its struct command declares. */
#ifndef ANALYZER_SHELL_ARGS_H
#define ANALYZER_SHELL_ARGS_H

#include "analyzer/shell/command.h"
#include "analyzer/shell/line.h"

/* Offsets into the command part of the line are offsets into the line as typed. */
struct args {
	const char *text;	/* the command part without trailing blanks */
	const struct word *arg; /* without the command's name and the options */
	int narg;
	const struct word *option[128]; /* by letter: what was given (flags: the word), or NULL */
	size_t *caret;			/* where an error points; the shell's */
};

/*
 * Splits @text (name first) by @c's declarations. Options stand anywhere, for an expression only
 * before it: -abc, -cVALUE, -c VALUE, `--` ends them; the last of the same wins. "-" and "-5"
 * (unless '5' is declared) are arguments. ERR_USAGE, with the offset of the offending word in
 * *caret. *ret borrows @caret for later errors; everything else lives in @arena.
 */
struct err *args_parse(struct arena *arena, const struct command *c, const char *text,
	struct args *ret, size_t *caret) MUST_CHECK;

#endif
