/*
 * The objects of a slab: allocated, or free and where. CPUs and sheaves hold free objects that the
 * slab's own counter calls in use; here they are free. KASAN's quarantine is kasan_quarantine.h's: what
 * waits there is allocated here.
 */
#ifndef ANALYZER_KERNEL_SLAB_OBJECT_H
#define ANALYZER_KERNEL_SLAB_OBJECT_H

#include "analyzer/kernel/slab_freelist.h"

enum slab_state {
	SLAB_ALLOCATED,
	SLAB_FREE,	     /* on its slab's free list */
	SLAB_FREE_CPU,	     /* on the list that a CPU took off its slab */
	SLAB_FREE_SHEAF,     /* in a sheaf of a CPU or of a node's barn */
};

enum slab_place { SLAB_PLACE_NODE, SLAB_PLACE_CPU, SLAB_PLACE_CPU_PARTIAL, SLAB_PLACE_FULL };

/* What the CPUs hold of one cache. */
struct slab_held {
	struct slab_cpu *cpu; /* [ncpus]; those that have none are zeroes */
	uint32_t ncpus;
	uint64_t *partial; /* struct slabs on CPUs' partial chains, ascending */
	size_t npartial;
	uint64_t *sheaf; /* objects in sheaves, ascending */
	size_t nsheaf;
};

/* What is damaged is left out, and told by *ret_damage, the first of it (the caller's; NULL: none). */
struct err *slab_held_read(struct target *t, const struct slab_cache *c, struct slab_held *ret,
	struct err **ret_damage) MUST_CHECK;
void slab_held_deinit(struct slab_held *h);
#define scoped_slab_held __attribute__((cleanup(slab_held_deinit)))

/* One slab's memory and its objects' states. Zero it first; it may be used for slab after slab. */
struct slab_contents {
	struct slab slab;
	uint8_t *bytes; /* slab.objects * cache.size */
	uint8_t *state; /* enum slab_state, [slab.objects] */
	size_t bytes_cap, state_cap;
	uint32_t nfree;
	enum slab_place place;
	unsigned cpu;		 /* of PLACE_CPU */
	bool given_up; /* the kernel found damage and took the slab out of use: all counted as in use, no list */
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

struct slab_object {
	struct slab_cache cache;
	struct slab slab;
	uint64_t va; /* without tag */
	uint32_t index;
	int64_t offset; /* of the address asked for from .va; negative: in the left redzone */
	enum slab_state state;
	enum slab_place place;
	unsigned cpu; /* of PLACE_CPU */
	bool broken; /* a free list of its slab ends in damage: the state may be wrong */
};

/* The object that @va lies in, or whose redzone or metadata it is in; behind the last one the last.
 * ERR_NOT_FOUND: no slab. */
struct err *slab_object_find(struct target *t, uint64_t va, struct slab_object *ret) MUST_CHECK;

/* "allocated", "free, on CPU 1's list" …: in words. */
const char *slab_state_name(enum slab_state s);
const char *slab_place_name(enum slab_place p);

#endif
