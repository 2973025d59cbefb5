/*
 * The objects of a slab: allocated, or free and where. CPUs and sheaves hold free objects that the
 * slab's own counter calls in use; here they are free.
 */
#ifndef ANALYZER_KERNEL_SLAB_CONTENTS_H
#define ANALYZER_KERNEL_SLAB_CONTENTS_H

#include "analyzer/kernel/slab_freelist.h"
#include "analyzer/kernel/slab_held.h"

enum slab_state {
	SLAB_ALLOCATED,
	SLAB_FREE,	      /* on its slab's free list */
	SLAB_FREE_CPU,	      /* on the list that a CPU took off its slab */
	SLAB_FREE_SHEAF,      /* in a sheaf of a CPU or of a node's barn */
	SLAB_FREE_QUARANTINE, /* KASAN holds it back: its redzones are still an allocated object's
			       */
};

/* Whether SLUB itself has it as free, and keeps its redzones so. */
static inline bool slab_state_inactive(enum slab_state s)
{
	return s != SLAB_ALLOCATED && s != SLAB_FREE_QUARANTINE;
}

enum slab_place { SLAB_PLACE_NODE, SLAB_PLACE_CPU, SLAB_PLACE_CPU_PARTIAL, SLAB_PLACE_FULL };

enum { SLAB_TWICE_MAX = 8 };

/* One slab's memory and its objects' states. Zero it first; it may be used for slab after slab. */
struct slab_contents {
	struct slab slab;
	const uint8_t *bytes; /* slab.objects * cache.size; in place, or .buffer */
	uint8_t *buffer;
	uint8_t *state; /* enum slab_state, [slab.objects] */
	size_t bytes_cap, state_cap;
	uint32_t nfree;
	enum slab_place place;
	unsigned cpu;  /* of PLACE_CPU */
	bool given_up; /* the kernel found damage and took the slab out of use: all counted as in
			  use, no list */
	/* Objects that a sheaf or the quarantine has, and another place too: the first of them. */
	uint32_t ntwice, twice[SLAB_TWICE_MAX];
	struct slab_chain chain; /* the slab's own list */
	struct slab_chain cpu_chain;
};

/* ERR_FAULT: the memory cannot be read; ERR_FORMAT: counters make no sense. Damaged lists are no
 * error: they end where the damage is. */
struct err *slab_contents_read(struct target *t, const struct slab_cache *c,
	const struct slab_held *h, enum slab_code code, const struct slab *s,
	struct slab_contents *io) MUST_CHECK;
void slab_contents_deinit(struct slab_contents *s);
#define scoped_slab_contents __attribute__((cleanup(slab_contents_deinit)))

/* "allocated", "free, on CPU 1's list" …: in words. */
const char *slab_state_name(enum slab_state s);
const char *slab_place_name(enum slab_place p);

#endif
