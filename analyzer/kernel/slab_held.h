/*
 * Free objects of a cache that are not on their slabs' own lists: on lists that CPUs took, in
 * sheaves. Whole slabs on CPUs' chains, too.
 */
#ifndef ANALYZER_KERNEL_SLAB_HELD_H
#define ANALYZER_KERNEL_SLAB_HELD_H

#include "analyzer/kernel/slab_page.h"
#include "analyzer/kernel/slab_quarantine.h"

enum slab_sheaf_kind {
	SLAB_SHEAF_MAIN,
	SLAB_SHEAF_SPARE,
	SLAB_SHEAF_RCU, /* freed by kfree_rcu(), and waiting */
	SLAB_SHEAF_BARN,
	SLAB_SHEAF_LOOSE, /* full and waiting for RCU, or filled in advance: no CPU has it */
};

struct slab_sheaved {
	uint64_t va, sheaf_va; /* of the object, without tag; of its sheaf */
	enum slab_sheaf_kind kind;
	uint16_t owner; /* the CPU; of a barn the node */
};

/* What CPUs and nodes hold of one cache. */
struct slab_held {
	struct slab_cpu *cpu; /* [ncpus]; those that have none are zeroes */
	uint32_t ncpus;
	uint64_t *partial; /* struct slabs on CPUs' partial chains, ascending */
	size_t npartial;
	struct slab_sheaved *sheaved; /* ascending; one that is in two sheaves comes twice */
	size_t nsheaved;
	const struct slab_quarantine *quarantine; /* of all caches; borrowed */
};

/* What is damaged is left out, and told by *ret_damage, the first of it (the caller's; NULL: none).
 */
struct err *slab_held_read(struct target *t, const struct slab_cache *c, struct slab_held *ret,
	struct err **ret_damage) MUST_CHECK;
void slab_held_deinit(struct slab_held *h);
#define scoped_slab_held __attribute__((cleanup(slab_held_deinit)))

/* Whether a CPU has the slab on its partial chain. */
bool slab_held_partial(const struct slab_held *h, uint64_t slab_va);

/* Index of the first sheaved object at @va or behind; .nsheaved: none. */
size_t slab_held_sheaved(const struct slab_held *h, uint64_t va);

const char *slab_sheaf_name(enum slab_sheaf_kind kind);

#endif
