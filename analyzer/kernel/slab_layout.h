/*
 * What lies where in the slots of a cache: redzones, the object, the free pointer, tracks, the size
 * that was asked of kmalloc(), KASAN's data, accounting, padding. Where the types do not tell, live
 * objects do.
 */
#ifndef ANALYZER_KERNEL_SLAB_LAYOUT_H
#define ANALYZER_KERNEL_SLAB_LAYOUT_H

#include "analyzer/kernel/slab_contents.h"

/* Of all caches: what the kernel keeps and fills besides the flags. */
struct slab_habits {
	unsigned orig_bytes; /* of the size that kmalloc() was asked for; 0: it is not kept (up
				to 6.0) */
	bool orig_filled;    /* what was not asked for is a redzone (since 6.2) */
	unsigned sampled;    /* objects that told */
	bool asked;	     /* they were: only caches with tracks need it */
	uint32_t track_bytes, ext_bytes, kasan_alloc_bytes,
		kasan_free_bytes; /* sizes of structs; 0: none */
};

struct slab_layout {
	struct slab_cache cache;
	unsigned word;
	uint32_t room;			/* bytes from the object's start to the next slot */
	bool free_outside;		/* the free pointer stands behind the object */
	uint32_t track_at, track_bytes; /* the first track; one's size; 0: none */
	uint32_t orig_at;
	struct slab_habits habits;
	uint32_t kasan_alloc_at, kasan_alloc_bytes; /* bytes 0: none */
	uint32_t kasan_free_at, kasan_free_bytes;
	uint32_t meta_end;  /* behind all metadata but accounting's */
	uint32_t ext_bytes; /* sizeof(struct slabobj_ext); 0: not known */
};

/* From offset .from to .to (behind the last) of the object's start. */
struct slab_part {
	const char *name; /* a constant */
	char letter;
	int32_t from, to;
};
enum { SLAB_PARTS_MAX = 16 };

struct err *slab_layout_read(
	struct target *t, const struct slab_cache *c, struct slab_layout *ret) MUST_CHECK;

/* By the cache alone: neither the types nor other objects are asked. For looking at redzones and
 * poison. */
struct slab_layout slab_layout_bare(const struct slab_cache *c);

/* The parts of a slot of @s in their order, without holes. @slot may be NULL: the slot's bytes, for
 * the size that was asked for. Returns how many. */
unsigned slab_layout_parts(const struct slab_layout *l, const struct slab *s, const uint8_t *slot,
	struct slab_part ret[SLAB_PARTS_MAX]);

/* The size that kmalloc() was asked for, from the slot's bytes. False: not kept, or more than the
 * object has (*ret_damaged). */
bool slab_layout_orig_size(
	const struct slab_layout *l, const uint8_t *slot, uint32_t *ret, bool *ret_damaged);

/* Offset behind all that is not padding, in slots of @s. */
uint32_t slab_layout_padding(const struct slab_layout *l, const struct slab *s);

#endif
