/*
 * SLUB's free lists: words in free objects, each the address of the next one, on hardened kernels
 * mixed with a secret. Knows nothing of who holds the list's head.
 */
#ifndef ANALYZER_KERNEL_SLAB_FREELIST_H
#define ANALYZER_KERNEL_SLAB_FREELIST_H

#include "analyzer/kernel/slab_page.h"

enum slab_code {
	SLAB_CODE_PLAIN,
	SLAB_CODE_XOR,	    /* pointer ^ random ^ address: 4.14 to 5.4 */
	SLAB_CODE_XOR_SWAB, /* pointer ^ random ^ address with its bytes reversed: since 5.4.59
			       and 5.7 */
};

enum slab_chain_end {
	SLAB_CHAIN_WHOLE,
	SLAB_CHAIN_STRAY, /* a link leads to what is no object of this slab */
	SLAB_CHAIN_TWICE, /* to an object that is free already */
};

struct slab_chain {
	enum slab_chain_end end;
	uint32_t free; /* objects that were marked */
	uint64_t link_va,
		link; /* of a bad end: the word's address (0: the list's head) and what it says */
};

/* The pointer that stands as @word at @at_va. */
uint64_t slab_freelist_decode(const struct target *t, const struct slab_cache *c,
	enum slab_code code, uint64_t word, uint64_t at_va);

/*
 * Walks the list from @head through @bytes, the slab's memory (c->size * s->objects of them), and
 * sets state[index] of each object from 0 to @mark (not 0). Ends after s->objects steps at the
 * latest. Allocates nothing.
 */
struct slab_chain slab_freelist_mark(const struct target *t, const struct slab_cache *c,
	const struct slab *s, enum slab_code code, uint64_t head, const uint8_t *bytes,
	uint8_t *state, uint8_t mark);

/* Which code this kernel uses, proved by walking free lists of partial slabs. *ret_proved: that
 * many lists came to their end with it; 0: there was none to try, and the newest is assumed. */
struct err *slab_freelist_code(
	struct target *t, enum slab_code *ret, unsigned *ret_proved) MUST_CHECK;

/* The object at @va (of its first byte) by its number; false: no object begins there. */
bool slab_object_index(
	const struct slab_cache *c, const struct slab *s, uint64_t va, uint32_t *ret);

static inline uint64_t slab_object_va(
	const struct slab_cache *c, const struct slab *s, uint32_t index)
{
	return s->base_va + (uint64_t)index * c->size + c->red_left_pad;
}

/* ERR_FORMAT: counters that no slab has. All that walks a slab's bytes asks this first. */
struct err *slab_check_counts(const struct slab_cache *c, const struct slab *s) MUST_CHECK;

#endif
