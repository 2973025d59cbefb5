/* A sink from the inside, and what a renderer is to it. Private to analyzer/out. */
#ifndef ANALYZER_OUT_RENDER_H
#define ANALYZER_OUT_RENDER_H

#include "analyzer/base/arena.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/out/filter.h"
#include "analyzer/out/row.h"

struct renderer {
	void (*begin)(struct out *o);
	void (*table)(struct out *o); /* o->top.table is another one than before */
	void (*row)(struct out *o, const struct row *row);
	void (*complain)(struct out *o, const struct fault *f);
	void (*end)(struct out *o);
	void (*nothing)(struct out *o); /* NULL: an empty answer shows by itself */
};

struct out {
	const struct renderer *render;
	struct out_filter filter; /* of a sink whose rows go to a function */
	FILE *to;		  /* where rows go now */
	FILE *home;		  /* where they went at first: only there is colour wanted */
	FILE *errors;
	bool colour_at_home;
	unsigned address_digits;
	int write_errno;

	bool begun;
	char *command;
	unsigned complaints, said; /* of all; text and CSV: handed to the error stream */
	struct arena arena;
	struct row_list top; /* holds the one open row, or none */
	struct row_list *at; /* the list that cells and rows go to now */
	struct fault *waiting, **waiting_end;

	/* What the renderers remember. */
	char *nothing;	      /* what an answer without rows means; NULL: not told */
	uint64_t nrows;	      /* of the present table, already rendered */
	uint64_t nrows_all;   /* of the answer */
	uint64_t flushed_ns;  /* JSONL: when a reader last got everything */
	uint64_t ntables;     /* in the present file: CSV parts them with an empty line */
	bool had_lists;	      /* the last row had something below it */
	struct strbuf line;   /* under construction */
	struct strbuf word;   /* one cell of it */
	struct strbuf faults; /* JSON: the array's inside so far */
};

extern const struct renderer render_text, render_json, render_csv, render_jsonl, render_filter;

/* The open row of the top list, if any, goes out; the arena is empty afterwards. */
void out_finish_row(struct out *o);

/* @f, in the sink's arena, stands behind the open row. */
void out_add_complaint(struct out *o, struct fault *f);

/* Hands bytes to the file; a failure is kept and stops the command (see out_write_error()). */
void out_write(struct out *o, const char *s, size_t n);

/* What was written so far reaches the file now. */
void out_flush(struct out *o);

/* A damaged dump has a complaint for every structure: text and CSV print so many, and count the
 * rest. */
enum { COMPLAINTS_SAID = 20 };

/* "COMMAND: message" on the error stream, after the rows before it; at the end of the answer, how
 * many there were beyond COMPLAINTS_SAID. */
void out_complain_on_errors(struct out *o, const struct fault *f);
void out_count_unsaid(struct out *o);

/* A cell as a JSON value (the caller's reference); NULL for none, which json-c prints as null. */
struct json_object *cell_to_json(const struct out *o, const struct cell *cell);

#endif
