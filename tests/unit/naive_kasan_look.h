/* kasan_look() against the same question asked byte by byte. */
#ifndef TESTS_UNIT_NAIVE_KASAN_LOOK_H
#define TESTS_UNIT_NAIVE_KASAN_LOOK_H

#include <stdlib.h>
#include <string.h>

#include "analyzer/kernel/kasan_look.h"

struct naive_look {
	uint64_t count[256];
	uint64_t nfound, sum; /* of what is wrong; a checksum of places, values and kinds */
};

static inline void naive_found(struct naive_look *n, unsigned kind, uint64_t addr, uint8_t value)
{
	n->nfound++;
	n->sum += (addr * 31 + value) * 31 + kind;
}

static inline struct naive_look naive_look(const struct kasan_look *l, const struct sweep_run *run)
{
	struct naive_look ret = { .nfound = 0 };
	int before = run->nbefore ? run->before[run->nbefore - 1] : -1;
	for (size_t i = 0; i < run->n; i++) {
		uint8_t v = run->p[i];
		ret.count[v]++;
		if (l->class[v] == LOOK_STRANGE)
			naive_found(&ret, TOLD_STRANGE, run->addr + i, v);
		if (before >= 0 && l->class[before] == LOOK_EARLY && !v)
			naive_found(&ret, TOLD_EARLY, run->addr + i, (uint8_t)before);
		before = v;
	}
	return ret;
}

static inline struct naive_look told_look(const struct kasan_look *l, const struct sweep_run *run)
{
	struct naive_look ret = { .nfound = 0 };
	struct sweep_hits hits = { .tag = 0 };
	kasan_look(l, run, &hits);
	for (size_t i = 0; i < hits.hit.n; i++) {
		struct kasan_told t = kasan_told(&hits.hit.v[i]);
		if (t.kind == TOLD_COUNT)
			ret.count[t.value] += t.n;
		else
			naive_found(&ret, t.kind, hits.hit.v[i].addr, t.value);
	}
	vec_deinit(&hits.hit);
	return ret;
}

static inline bool looks_agree(const struct kasan_look *l, const struct sweep_run *run)
{
	struct naive_look want = naive_look(l, run), got = told_look(l, run);
	return !memcmp(&want, &got, sizeof(want));
}

#endif
