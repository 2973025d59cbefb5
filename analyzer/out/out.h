/*
 * Typed rows. A command declares its table once and then emits rows of cells; a renderer (text,
 *JSON, CSV) turns them into bytes. The key serves header, JSON and, later, sorting. Strings are
 *copied and escaped on the way out, so callers hand over dump bytes as they are. Knows nothing of
 *what the cells mean.
 *
 *	static const struct column ps_columns[] = {
 *		{ "pid", .width = 7, .align = ALIGN_RIGHT }, { "comm", .width = 0 }, { 0 } };
 *	static const struct table ps_table = { .layout = LAYOUT_TABLE, .columns = ps_columns };
 *	…
 *	out_table(o, &ps_table);
 *	while (…) {
 *		out_row(o);
 *		out_uint(o, "pid", pid);
 *		out_str(o, "comm", comm);
 *	}
 *
 * A cell whose key is not among the columns is an error of ours (assert). A column without a cell
 *is empty in text and CSV, and null in JSON. A row is complete when the next one begins, or at
 *out_end().
 */
#ifndef ANALYZER_OUT_OUT_H
#define ANALYZER_OUT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "analyzer/base/err.h"

struct out;

enum align { ALIGN_LEFT, ALIGN_RIGHT };

/* A column's width: as wide as an address of the target. */
enum { WIDTH_ADDRESS = 255 };

struct column {
	const char *key;   /* JSON key; NULL ends the array */
	const char *title; /* text header; NULL: the key in capitals, for a list no heading */
	uint8_t width; /* declared width in text; longer cells push the rest right; 0: no padding */
	enum align align;
	bool hidden;		  /* JSON and CSV only */
	bool text_only;		  /* what other columns say, put together for the eye */
	const struct table *list; /* the cells of this column are lists of such rows */
	const char *object; /* its cells are addresses of this: "struct task_struct"; or NULL */
};

/* In every layout cells that were not given and have no declared width take no room. */
enum layout {
	LAYOUT_TABLE,	/* a header line, then a line a row; two blanks between cells */
	LAYOUT_LINES,	/* a line a row, no header, one blank between cells (log, rd, dis) */
	LAYOUT_RECORD,	/* "     KEY: value", a line a cell, keys aligned; a blank line between rows
			 */
	LAYOUT_HEADLINE /* "PID: 1  TASK: 0x…  COMMAND: "init"" on one line, lists below it */
};

struct table {
	enum layout layout;
	const struct column *columns;
};

enum out_format { OUT_TEXT, OUT_JSON, OUT_CSV, OUT_JSONL };

/* The sink writes to @to (borrowed); @colour only matters for text. */
struct out *out_create(enum out_format format, FILE *to, bool colour);
void out_destroy(struct out *o);

/* Redirects later output, without colour unless @to is out_create()'s; used by the shell for
 * `> file` and `| command`, between answers. Forgets a write error. */
void out_set_file(struct out *o, FILE *to);

/* The same to what leads to out_create()'s terminal after all (a pager): colour stays. */
void out_set_terminal(struct out *o, FILE *to);

/* Where complaints go in text and CSV; stderr at first. */
void out_set_errors(struct out *o, FILE *to);

/* errno of the first failed write to the present file, else 0. Nothing more is written then, and
 * the sink calls interrupt_raise() so that the command ends; the shell tells EPIPE, ENOSPC and
 * Ctrl-C apart by this. out_end() flushes, so that it is certain afterwards. */
int out_write_error(const struct out *o);

/* One command's answer: out_begin … rows … out_end. JSON writes one line per command:
 * {"schema":"inquest/1","command":NAME,"rows":[…],"faults":[…]}. out_end() closes what is open,
 * whatever happened in between. OUT_JSONL writes one line per row as it comes,
 * {"command":NAME,"row":{…}}, per fault {"command":NAME,"fault":{…}}, and at the end
 * {"schema":…,"command":NAME,"rows":N,"faults":N}. */
void out_begin(struct out *o, const char *command);
void out_end(struct out *o);

/* An answer may have several tables, one after the other; the same one again goes on with it. */
void out_table(struct out *o, const struct table *t);
void out_row(struct out *o);

void out_uint(struct out *o, const char *key, uint64_t v);  /* decimal, JSON number */
void out_int(struct out *o, const char *key, int64_t v);    /* decimal, JSON number */
void out_hex(struct out *o, const char *key, uint64_t v);   /* 0x…, JSON string */
void out_addr(struct out *o, const char *key, uint64_t va); /* full width, JSON string "0x…" */
void out_bool(struct out *o, const char *key, bool v);	    /* yes/no, JSON true/false */
void out_bytes(
	struct out *o, const char *key, uint64_t bytes);       /* 64K, 1.5M; JSON number of bytes */
void out_seconds(struct out *o, const char *key, uint64_t ns); /* 12.345678; JSON number, seconds */
void out_str(struct out *o, const char *key, const char *s);   /* NULL: as if not called */
void out_str_n(struct out *o, const char *key, const char *s, size_t n); /* NULs are kept: \x00 */
void out_strf(struct out *o, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Text of several lines that is its own layout (a printed struct). In text it stands below the row
 * as it is, but for control bytes other than newline and tab, which are escaped. */
void out_block(struct out *o, const char *key, const char *s);

/* What it means when this answer has no row: "no modules are loaded". Text shows it in a line of
 * its own when nothing else came, neither rows nor complaints; the other formats have their empty
 * list. Without it text says "nothing to show" below a table that was declared. The last call
 * counts. */
void out_nothing(struct out *o, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The size of the target's addresses, 4 or 8 (at first 8): out_addr() prints 8 or 16 digits. */
void out_set_address_bytes(struct out *o, unsigned bytes);

/* A cell that could not be read: "<not mapped>" in text, {"fault":"unmapped","address":"0x…",
 * "message":…} in JSON. Takes @e. Any error may come, not only ERR_FAULT: then text shows its
 * message, JSON has its code in words ("missing", "limit", …) and no address. */
void out_fault(struct out *o, const char *key, struct err *e);

/* A list inside the row: rows of the column's own table until out_list_end(). Lists may nest. */
void out_list_begin(struct out *o, const char *key);
void out_list_end(struct out *o);

/* Something that went wrong beside the rows: into "faults" in JSON, as "COMMAND: message" on stderr
 * in text and CSV, in order with the rows. Takes @e. */
void out_complain(struct out *o, struct err *e);

/* How many complaints this answer has had: a command with any has failed in part. */
unsigned out_complaints(const struct out *o);

#endif
