/* Short names for lines: the first word of a line, replaced before anything else looks at it. */
#ifndef ANALYZER_SHELL_ALIASES_H
#define ANALYZER_SHELL_ALIASES_H

#include "analyzer/base/vec.h"
#include "analyzer/shell/registry.h"

struct alias {
	char *name, *line;
};

struct aliases {
	VEC(struct alias) all;
};

void aliases_deinit(struct aliases *a);

/* Sets, replaces, or with @line "" removes. ERR_USAGE for a name that is no word or a command's. */
struct err *aliases_set(struct aliases *a, const struct registry *r, const char *name,
	const char *line) MUST_CHECK;

/* @text with its first word replaced if it is an alias, once; NULL: it is none. malloc'ed. */
char *aliases_expand(const struct aliases *a, const char *text);

#endif
