/* KFENCE: a few sampled slab objects, each alone on a page between guard pages, with its history.
 */
#ifndef ANALYZER_KERNEL_KFENCE_H
#define ANALYZER_KERNEL_KFENCE_H

#include "analyzer/target/target.h"

enum { KFENCE_FRAMES_MAX = 64 }; /* KFENCE_STACK_DEPTH */

struct kfence {
	struct target *t;
	uint64_t pool_va, metadata_va, page_bytes, entry_bytes;
	uint32_t nobjects;
};

enum kfence_state {
	KFENCE_UNUSED,
	KFENCE_ALLOCATED,
	KFENCE_RCU_FREEING,
	KFENCE_FREED,
	KFENCE_BROKEN
};

struct kfence_track {
	uint32_t pid, cpu;
	bool has_time; /* since 5.17 */
	uint64_t ts_ns;
	uint32_t nframes;
	uint64_t pc[KFENCE_FRAMES_MAX];
};

struct kfence_object {
	uint32_t index;
	uint64_t metadata_va;
	enum kfence_state state;
	uint64_t addr, size, page_va;
	uint64_t cache_va;
	char cache[64];		   /* "" unknown, or destroyed since */
	uint64_t unprotected_page; /* that an access out of bounds opened; 0: none */
	struct kfence_track alloc, free;
	bool canary_checked; /* its page could be read */
	uint64_t first_bad,
		last_bad; /* of the page's bytes around the object; 0: all as they should be */
};

/* ERR_MISSING: not built in, switched off, or types lack. */
struct err *kfence_init(struct target *t, struct kfence *ret) MUST_CHECK;

/* Object @index, below .nobjects. */
struct err *kfence_read(
	const struct kfence *k, uint32_t index, struct kfence_object *ret) MUST_CHECK;

/* Whether @va is in the pool; *ret_index is the object whose page or guard pages it is in (the page
 * before the first object belongs to no one: then false). */
bool kfence_index(const struct kfence *k, uint64_t va, uint32_t *ret_index);

const char *kfence_state_name(enum kfence_state s);

#endif
