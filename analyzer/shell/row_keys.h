/* The keys of `order by rss desc, pid` and `group by comm`: expressions over rows. */
#ifndef ANALYZER_SHELL_ROW_KEYS_H
#define ANALYZER_SHELL_ROW_KEYS_H

#include "analyzer/shell/command.h"
#include "analyzer/shell/row_names.h"

enum { ROW_KEYS_MAX = 8 };

struct row_keys {
	struct row_names names;
	size_t n;
	struct row_key {
		const struct expr *x;
		const char *text; /* as typed */
		bool descends;
	} key[ROW_KEYS_MAX];
};

/* "[by] KEY [asc|desc][, …]" of all arguments. @ret must not move. ERR_USAGE with a caret. */
struct err *row_keys_parse(struct cx *cx, const struct args *a, const struct table *rows,
	struct row_keys *ret) MUST_CHECK;

/* The keys of one row: @ret has room for k->n. Texts live in @arena. */
struct err *row_keys_read(struct row_keys *k, const struct table *t, const struct row *row,
	struct arena *arena, struct row_value *ret) MUST_CHECK;

/* <0, 0, >0 in the keys' order; what is absent comes last, whichever way the key goes. */
int row_keys_compare(
	const struct row_keys *k, const struct row_value *a, const struct row_value *b);

#endif
