/* What was tried while a dump was opened: for `sys -b` and for messages. Proves nothing itself. */
#ifndef ANALYZER_TARGET_ATTEMPTS_H
#define ANALYZER_TARGET_ATTEMPTS_H

#include <stdint.h>

#include "analyzer/base/strbuf.h"
#include "analyzer/base/vec.h"

enum attempt_outcome {
	ATTEMPT_NOTHING, /* what it looks for is not there */
	ATTEMPT_REFUTED, /* found, and contradicted by memory */
	ATTEMPT_FOUND,   /* found; no proof was possible or needed */
	ATTEMPT_PROVED,
};

struct attempt {
	const char *finder; /* static words */
	enum attempt_outcome outcome;
	char *found; /* what, in words; "" when nothing */
	char *proof; /* what proved it, or why it does not count; "" */
	uint64_t took_ns;
};

struct attempts {
	VEC(struct attempt) v;
	uint64_t mark_ns; /* since when the next one has been running */
};

/* The next attempt's time counts from here; without it, from the end of the last. */
void attempts_mark(struct attempts *a);

/* Ends one: @proof (copied; NULL is "") and what was found, as printf has it. */
void attempts_add(struct attempts *a, const char *finder, enum attempt_outcome outcome,
	const char *proof, const char *fmt, ...) PRINTF_LIKE(5, 6);

void attempts_deinit(struct attempts *a);

/* "proved", … for people. */
const char *attempt_outcome_name(enum attempt_outcome outcome);

#endif
