/*
 * A look at a run of shadow bytes, as fast as memory gives them: how often each value stands there,
 * and what is wrong with them by themselves. Knows no shadow address and asks nothing of the
 * kernel.
 */
#ifndef ANALYZER_KERNEL_KASAN_LOOK_H
#define ANALYZER_KERNEL_KASAN_LOOK_H

#include "analyzer/kernel/kasan.h"
#include "analyzer/space/sweep.h"

/* What a byte may be to the look. In modes with tags all are ordinary. */
enum {
	LOOK_ORDINARY,
	LOOK_STRANGE /* KASAN has no such value */,
	LOOK_EARLY /* its granule ends early */
};

struct kasan_look {
	uint8_t class[256]; /* of each value */
	bool tags;	    /* every value is as likely as another */
};
void kasan_look_init(const struct kasan *k, struct kasan_look *ret);

/* For sweep.look. */
void kasan_look(const struct kasan_look *l, const struct sweep_run *run, struct sweep_hits *hits);

/* What one of its hits means: .n bytes of the run are .value; the byte at hit->addr is strange; the
 * one at hit->addr is accessible although the granule before it, .value, ends early. */
struct kasan_told {
	enum { TOLD_COUNT, TOLD_STRANGE, TOLD_EARLY } kind;
	uint8_t value;
	uint64_t n;
};
struct kasan_told kasan_told(const struct sweep_hit *hit);

#endif
