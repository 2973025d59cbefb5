/*
 * How walks (list, tree) show what they reach: the options -o OFFSET, -s TYPE[.MEMBER,…], which may
 * come several times, -S (the same to us; crash reads more quickly then), -x and -d, which those
 * commands share, and the cells "type" and "value".
 */
#ifndef ANALYZER_SHELL_SHAPE_H
#define ANALYZER_SHELL_SHAPE_H

#include "analyzer/debug/value.h"
#include "analyzer/shell/command.h"

enum { SHAPE_PARTS_MAX = 16 };

struct shape {
	uint64_t offset; /* -o: of the node in its struct */
	size_t nparts;	 /* 0: addresses only */
	struct shape_part {
		const struct type *type;
		char *members; /* "a,b" of it, or NULL: all; the arena's */
	} part[SHAPE_PARTS_MAX];
	struct value_style style;
};

struct err *shape_parse(struct cx *cx, const struct args *a, struct shape *ret) MUST_CHECK;

/* Option @letter as a number or TYPE.MEMBER's offset; 0 when it was not given. */
struct err *shape_parse_offset(
	struct cx *cx, const struct args *a, char letter, uint64_t *ret) MUST_CHECK;

/* The same of any word; ERR_USAGE for what is neither. */
struct err *shape_offset(struct cx *cx, const char *text, uint64_t *ret) MUST_CHECK;

/* The object at @va as the row's cells "type" and "value"; nothing without a type. What cannot be
 * read is a fault in its cell. */
struct err *shape_show(struct cx *cx, const struct shape *s, uint64_t va) MUST_CHECK;

#endif
