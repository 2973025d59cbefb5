/*
 * Everything that is wrong with the slab heap, one finding after the other. Damage never ends it:
 * the other slabs go on.
 */
#ifndef ANALYZER_KERNEL_SLAB_CHECK_H
#define ANALYZER_KERNEL_SLAB_CHECK_H

#include "analyzer/kernel/slab_damage.h"
#include "analyzer/kernel/slab_heap.h"

enum slab_finding_kind {
	SLAB_FINDING_GIVEN_UP, /* the kernel took the slab out of use */
	SLAB_FINDING_CHAIN,    /* .chain: a list that leads astray, or into itself */
	SLAB_FINDING_LENGTH,   /* the list has .found objects, the counter says .said */
	SLAB_FINDING_DAMAGE,   /* .damage of the object at .object_va */
	SLAB_FINDING_TAIL, /* .damage of the padding behind the last object, offsets from the slab's
			      start */
	SLAB_FINDING_POINTER, /* the free pointer behind an allocated object leads to .found */
	SLAB_FINDING_TWICE,   /* the object is free in two places */
	SLAB_FINDING_STRAY,   /* .object_va, in the sheaf .found, is no object of the cache */
	SLAB_FINDING_COUNT,   /* of .node: .what is .said, and .found were found */
	SLAB_FINDING_LIST, /* .node's list .what breaks off or has a slab of another cache: .error
			    */
	SLAB_FINDING_UNLISTED, /* .found slabs of .cache, which the list slab_caches lacks */
};

struct slab_finding {
	enum slab_finding_kind kind;
	const struct slab_cache *cache;
	uint64_t slab_va, object_va; /* 0: about more */
	enum slab_state state;	     /* of the object */
	struct slab_chain chain;
	struct slab_damage damage;
	const char *what; /* a constant */
	uint64_t said, found;
	unsigned node;
	const char *error; /* as long as the call */
};

typedef struct err *(*slab_finding_fn)(void *cx, const struct slab_finding *f);

/* All of one cache of the heap. *ret_objects is added to: objects that were looked at. What cannot
 * be read is told by @unread, which takes the error; an error of @each ends it. */
struct err *slab_check_cache(const struct slab_heap *h, const struct slab_cache *c,
	slab_finding_fn each, void (*unread)(void *cx, struct err *err), void *cx,
	uint64_t *ret_objects) MUST_CHECK;

/* Slabs whose caches are not among the heap's. */
struct err *slab_check_unlisted(
	const struct slab_heap *h, slab_finding_fn each, void *cx) MUST_CHECK;

#endif
