/*
 * What `set` changes for the commands of a session: numbers, lengths, paging. A command's own
 * options come first.
 */
#ifndef ANALYZER_SHELL_SETTINGS_H
#define ANALYZER_SHELL_SETTINGS_H

#include "analyzer/debug/value.h"
#include "analyzer/shell/command.h"

struct settings {
	bool hex;	       /* `set radix 16`: integers of values are hexadecimal */
	bool unpaged;	       /* `set scroll off` */
	unsigned max_elements; /* `set print_max`: of an array; 0: value_format()'s own limit */
};

struct settings *session_settings(struct session *s);

/* How values are shown: as was set, unless @a has -x or -d. */
struct value_style value_style_get(const struct cx *cx, const struct args *a);

/* The same with -D DEPTH and -e COUNT. ERR_USAGE. */
struct err *value_style_read(
	const struct cx *cx, const struct args *a, struct value_style *ret) MUST_CHECK;

#endif
