/*
 * Names near to one that was mistyped: "did you mean …?". Names are offered one by one, some
 * hundred thousand a second's tenth; the best few stay. Knows nothing of what the names stand for.
 */
#ifndef ANALYZER_BASE_NEAR_H
#define ANALYZER_BASE_NEAR_H

#include <stddef.h>
#include <stdint.h>

#include "analyzer/base/err.h"

enum { NEAR_MAX = 5, EDIT_LIMIT = 8 };

/* Single-character edits from @a to @b: insert, delete, replace, swap of neighbours. More than
 * EDIT_LIMIT, or names longer than 63 characters, count as EDIT_LIMIT + 1. */
unsigned edit_distance(const char *a, const char *b);

struct near_names {
	const char *typed;
	size_t len;
	uint64_t letters; /* of typed, as bits: sorts most names out */
	unsigned limit;	  /* so many edits are near */
	struct {
		const char *name;
		unsigned distance;
		size_t len;
	} best[NEAR_MAX];
	size_t n; /* the nearest first; of equal ones the shortest, then the first offered */
};

/* @typed is borrowed. To a word of one letter nothing is near. */
void near_init(struct near_names *n, const char *typed);

/*
 * Keeps @name (borrowed) if it is near: a few edits away for its length, underscores in front and
 * upper case not counted as much, or a name that goes on where @typed ends. The same name twice
 * counts once, and @typed itself, which names something of another kind, not at all.
 */
void near_offer(struct near_names *n, const char *name);

/* Puts "; did you mean a, b or c?" behind @e's message when something was near. Takes @e, returns
 * it. */
struct err *near_suggest(const struct near_names *n, struct err *e) MUST_CHECK;

#endif
