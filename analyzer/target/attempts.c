/* The list of attempts, with a clock. */
#include "analyzer/target/attempts.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "analyzer/base/xalloc.h"

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void attempts_mark(struct attempts *a)
{
	a->mark_ns = now_ns();
}

void attempts_add(struct attempts *a, const char *finder, enum attempt_outcome outcome,
	const char *proof, const char *fmt, ...)
{
	uint64_t now = now_ns();
	va_list ap;
	va_start(ap, fmt);
	struct attempt one = {
		.finder = finder,
		.outcome = outcome,
		.found = xvasprintf(fmt, ap),
		.proof = xstrdup(proof ? proof : ""),
		.took_ns = a->mark_ns ? now - a->mark_ns : 0,
	};
	va_end(ap);
	vec_push(&a->v, one);
	a->mark_ns = now;
}

void attempts_deinit(struct attempts *a)
{
	for (size_t i = 0; i < a->v.n; i++) {
		free(a->v.v[i].found);
		free(a->v.v[i].proof);
	}
	vec_deinit(&a->v);
}

const char *attempt_outcome_name(enum attempt_outcome outcome)
{
	static const char *const names[] = {
		[ATTEMPT_NOTHING] = "nothing",
		[ATTEMPT_REFUTED] = "refuted",
		[ATTEMPT_FOUND] = "found",
		[ATTEMPT_PROVED] = "proved",
	};
	return names[outcome];
}
