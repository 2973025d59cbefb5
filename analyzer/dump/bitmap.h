/* A bitmap with ranks: which pages there are, and the how-manieth each one is. */
#ifndef ANALYZER_DUMP_BITMAP_H
#define ANALYZER_DUMP_BITMAP_H

#include "analyzer/dump/reader.h"

struct bitmap_word {
	uint64_t bits;
	uint64_t rank; /* bits set before this word */
};

struct bitmap {
	struct bitmap_word *word;
	uint64_t nbits;
	uint64_t total; /* bits set */
};

/* Loads @nbits bits, lowest bit of the lowest byte first, from @off of @b. */
struct err *bitmap_load(const struct bytes *b, uint64_t off, uint64_t nbits, struct bitmap *ret)
	MUST_CHECK;
void bitmap_deinit(struct bitmap *m);

/* The first bit at or behind @from whose value is @value; nbits when there is none. */
uint64_t bitmap_next(const struct bitmap *m, uint64_t from, bool value);

/* True when bit @i is set; then *ret_rank is the number of bits set before it. */
static inline bool bitmap_rank(const struct bitmap *m, uint64_t i, uint64_t *ret_rank)
{
	if (i >= m->nbits)
		return false;
	const struct bitmap_word *w = &m->word[i / 64];
	uint64_t bit = (uint64_t)1 << (i % 64);
	if (!(w->bits & bit))
		return false;
	*ret_rank = w->rank + (uint64_t)__builtin_popcountll(w->bits & (bit - 1));
	return true;
}

/* How many bits before bit @i are set; @i may be nbits. */
static inline uint64_t bitmap_rank_at(const struct bitmap *m, uint64_t i)
{
	if (i >= m->nbits)
		return m->total;
	const struct bitmap_word *w = &m->word[i / 64];
	return w->rank + (uint64_t)__builtin_popcountll(w->bits & (((uint64_t)1 << (i % 64)) - 1));
}

#endif
