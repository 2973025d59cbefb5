/*
 * What KASAN keeps about a slab object: who allocated it, who freed it, who queued work on it.
 * Generic mode has it in the object's redzone and in freed objects themselves, tag modes in a ring
 * of recent events.
 */
#ifndef ANALYZER_KERNEL_KASAN_META_H
#define ANALYZER_KERNEL_KASAN_META_H

#include "analyzer/kernel/kasan.h"

/* A cache, as far as KASAN's data in it need it. */
struct kasan_cache {
	uint64_t va;
	uint32_t size; /* from object to object */
	uint32_t object_size;
	uint32_t red_left_pad; /* SLUB's own redzone before the object */
	bool has_alloc_meta, has_free_meta;
	uint32_t alloc_meta_offset, free_meta_offset; /* from the object's start */
	char name[64];
};

struct kasan_object {
	struct kasan_cache cache;
	uint64_t slab_va; /* the head page's struct */
	uint64_t base_va; /* of the slab's memory */
	uint64_t va;	  /* of the object, without tag */
	uint32_t index, nobjects;
	unsigned tag; /* of the pointer that was asked for; 0xff: none */
};

/* How far an address is from an object, in the words of KASAN's reports. */
struct kasan_place {
	uint64_t bytes;
	const char *relation; /* "inside of", "to the left of", "to the right of" */
};

struct kasan_track {
	bool known;
	uint32_t pid, stack; /* stack: a handle of the stack depot; 0: none was saved */
	bool has_time;	     /* CONFIG_KASAN_EXTRA_INFO */
	uint32_t cpu;
	uint64_t time_ns;
	bool has_tag; /* the ring's: the pointer's tag then */
	unsigned tag;
};

enum { KASAN_AUX_STACKS = 2 };

struct kasan_tracks {
	struct kasan_track alloc, free;
	bool newest_is_free;		/* tag modes: of the two, the free was the later event */
	uint32_t aux[KASAN_AUX_STACKS]; /* last and second to last work or RCU callback; 0: none */
};

/* ERR_NOT_FOUND: @va is not in a slab. Otherwise the object that lies there, or nearest to it, as
 * the kernel would name it. */
struct err *kasan_object_find(
	const struct kasan *k, uint64_t va, struct kasan_object *ret) MUST_CHECK;

struct err *kasan_cache_read(struct target *t, uint64_t va, struct kasan_cache *ret) MUST_CHECK;

struct kasan_place kasan_object_place(const struct kasan_object *o, uint64_t va);

/* Tag modes: the newest events of this pointer's tag, as the kernel's reports have them; of any tag
 * when it has none. ERR_MISSING when types lack what this kernel keeps. What there is not has
 * .known false. */
struct err *kasan_tracks_read(
	const struct kasan *k, const struct kasan_object *o, struct kasan_tracks *ret) MUST_CHECK;

#endif
