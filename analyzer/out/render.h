/*
 * What the sink hands to a renderer: a row as a tree of typed cells, complete and in the columns'
 * order. Private to analyzer/out. All of a row lives in the sink's arena until the next row begins.
 */
#ifndef ANALYZER_OUT_RENDER_H
#define ANALYZER_OUT_RENDER_H

#include "analyzer/base/arena.h"
#include "analyzer/base/strbuf.h"
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

struct renderer {
	void (*begin)(struct out *o);
	void (*table)(struct out *o); /* o->top.table is another one than before */
	void (*row)(struct out *o, const struct row *row);
	void (*complain)(struct out *o, const struct fault *f);
	void (*end)(struct out *o);
};

struct out {
	const struct renderer *render;
	FILE *to;   /* where rows go now */
	FILE *home; /* where they went at first: only there is colour wanted */
	FILE *errors;
	bool colour_at_home;
	unsigned address_digits;
	int write_errno;

	bool begun;
	char *command;
	unsigned complaints;
	struct arena arena;
	struct row_list top; /* holds the one open row, or none */
	struct row_list *at; /* the list that cells and rows go to now */
	struct fault *waiting, **waiting_end;

	/* What the renderers remember. */
	uint64_t nrows;	      /* of the present table, already rendered */
	uint64_t nrows_all;   /* of the answer */
	uint64_t ntables;     /* in the present file: CSV parts them with an empty line */
	bool had_lists;	      /* the last row had something below it */
	struct strbuf line;   /* under construction */
	struct strbuf word;   /* one cell of it */
	struct strbuf faults; /* JSON: the array's inside so far */
};

extern const struct renderer render_text, render_json, render_csv;

/* Columns of @t. */
size_t table_columns(const struct table *t);

/* Hands bytes to the file; a failure is kept and stops the command (see out_write_error()). */
void out_write(struct out *o, const char *s, size_t n);

/* "COMMAND: message" on the error stream, after the rows before it. */
void out_complain_on_errors(struct out *o, const struct fault *f);


/* A cell as a JSON value (the caller's reference); NULL for none, which json-c prints as null. */
struct json_object *cell_to_json(const struct out *o, const struct cell *cell);

#endif
