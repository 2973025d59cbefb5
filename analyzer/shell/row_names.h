/*
 * A row's names in expressions: its columns by key, `it`, a pointer to the object that the row
 * stands for, and the members of that object. Columns come before members, both before symbols.
 */
#ifndef ANALYZER_SHELL_ROW_NAMES_H
#define ANALYZER_SHELL_ROW_NAMES_H

#include "analyzer/debug/expr.h"
#include "analyzer/out/row.h"
#include "analyzer/target/target.h"

struct row_names {
	struct debug_env env; /* the target's, with these names */
	struct expr_names names;
	const struct expr_names *outer; /* the target's own, asked behind these */
	const struct table *table;	/* NULL: no row was seen yet */
	const struct row *row;		/* NULL: only the types of the answers matter */
	const struct table *bound;	/* what .object and .object_column are about */
	const struct type *object;
	size_t object_column;
	const char *object_name; /* another name for `it`, or NULL */
	bool absent;		 /* the last expression asked for a cell that the row lacks */
};

/* @ret must not move afterwards: .env points into it. @rows: what is known of the rows to come, or
 * NULL. */
void row_names_init(struct row_names *ret, struct target *t, const struct table *rows);
void row_names_set(struct row_names *n, const struct table *t, const struct row *row);

/* The object's address; false when the row stands for none. @ret_type (may be NULL): "struct x". */
bool row_object(
	const struct table *t, const struct row *row, uint64_t *ret_va, const char **ret_type);

/* Parses @text for rows of @n; where the rows are known (n->table), an unknown name is an error now
 * and not at the first row. Offsets as expr_parse() gives them. */
struct err *row_expr_parse(struct row_names *n, struct arena *a, const char *text,
	const struct expr **ret, size_t *ret_at) MUST_CHECK;

/* What an expression is for a row, for ordering and grouping: nothing, a text or a number. */
struct row_value {
	enum { ROW_ABSENT, ROW_TEXT, ROW_SIGNED, ROW_UNSIGNED } kind;
	uint64_t number;
	const char *text; /* the arena's */
};
struct err *row_expr_value(struct row_names *n, const struct expr *x, struct arena *a,
	struct row_value *ret) MUST_CHECK;

/* Whether the row satisfies @x; what it lacks satisfies nothing. */
struct err *row_expr_truth(struct row_names *n, const struct expr *x, bool *ret) MUST_CHECK;

#endif
