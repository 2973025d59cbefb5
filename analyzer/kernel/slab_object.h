/*
 * The slab object that an address lies in. What was read once of caches, slabs and free lists is
 * kept with the target, within limits, so that a million questions take about a second.
 */
#ifndef ANALYZER_KERNEL_SLAB_OBJECT_H
#define ANALYZER_KERNEL_SLAB_OBJECT_H

#include "analyzer/kernel/slab_contents.h"

struct slab_object {
	struct slab_cache cache;
	struct slab slab;
	uint64_t va; /* without tag */
	uint32_t index;
	int64_t offset; /* of the address asked for from .va; negative: in the left redzone */
	enum slab_state state;
	enum slab_place place;
	unsigned cpu;  /* of PLACE_CPU */
	bool given_up; /* as in struct slab_contents */
	bool broken;   /* a free list of its slab ends in damage: the state may be wrong */
};

/* The object that @va lies in, or whose redzone or metadata it is in; behind the last one the last.
 * ERR_NOT_FOUND: no slab. */
struct err *slab_object_find(struct target *t, uint64_t va, struct slab_object *ret) MUST_CHECK;

/* The same for scanners, without an error object; false also where something cannot be read. */
bool slab_object_try_find(struct target *t, uint64_t va, struct slab_object *ret);

/* The objects whose slots touch @o's, in its slab or in the pages beside it; false: no slab's
 * memory is there. */
bool slab_object_left(struct target *t, const struct slab_object *o, struct slab_object *ret);
bool slab_object_right(struct target *t, const struct slab_object *o, struct slab_object *ret);

/* States that were kept are read again: more became known of what CPUs hold. */
void slab_object_forget(struct target *t);

/* slab_freelist_code(), found out once. */
struct err *slab_code_get(struct target *t, enum slab_code *ret, unsigned *ret_proved) MUST_CHECK;

#endif
