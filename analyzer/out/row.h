/*
 * A complete row: a tree of typed cells in the columns' order. What the sink hands to a renderer,
 * and what a pipeline's stages look at. All of a row lives in its sink's arena until the next row
 * begins.
 */
#ifndef ANALYZER_OUT_ROW_H
#define ANALYZER_OUT_ROW_H

#include "analyzer/base/arena.h"
#include "analyzer/out/out.h"

enum cell_kind {
	CELL_NONE, /* never set */
	CELL_UINT,
	CELL_INT,
	CELL_HEX,
	CELL_ADDR,
	CELL_BOOL,
	CELL_BYTES,
	CELL_SECONDS, /* nanoseconds in .u */
	CELL_STR,
	CELL_BLOCK,
	CELL_FAULT,
	CELL_LIST,
};

/* An error's content, copied so that it lives and dies with the row. */
struct fault {
	const char *name; /* one word: "unmapped", "not-found", … */
	const char *text; /* "not mapped"; the message when the error is no read fault */
	const char *msg;
	bool has_addr;
	uint64_t addr;
	struct fault *next; /* complaints that wait for the end of the open row */
};

struct cell {
	enum cell_kind kind;
	size_t n; /* STR, BLOCK: bytes of .s */
	union {
		uint64_t u;
		int64_t i;
		bool b;
		const char *s;
		const struct fault *fault;
		struct row_list *list;
	};
};

struct row {
	struct row *next;
	struct cell cell[]; /* one per column of the table, in its order */
};

struct row_list {
	const struct table *table;
	struct row *first, *last;
	struct row_list *parent; /* NULL: the answer itself */
};

/* Columns of @t. */
size_t table_columns(const struct table *t);

/* Where column @key stands in @t; false: nowhere. */
bool table_find(const struct table *t, const char *key, size_t *ret);

/* The first column whose cells are addresses of objects; false: rows of @t stand for none. */
bool table_object(const struct table *t, size_t *ret);

/* A copy that shares nothing with @row but the tables. */
struct row *row_copy(struct arena *a, const struct table *t, const struct row *row);

#endif
