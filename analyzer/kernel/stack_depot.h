/*
 * The stack depot: call stacks that KASAN, SLUB, page_owner and others keep as a number of 32 bits.
 * What a stack was saved for is known only to whoever holds its number.
 */
#ifndef ANALYZER_KERNEL_STACK_DEPOT_H
#define ANALYZER_KERNEL_STACK_DEPOT_H

#include "analyzer/target/target.h"

/* As lib/stacktrace.c's users have it: 16 to 64 frames; CONFIG_STACKDEPOT_MAX_FRAMES ends at 256.
 */
enum { STACK_DEPOT_FRAMES_MAX = 256 };

/* A part of a handle's bits. */
struct stack_depot_bits {
	uint8_t shift, width; /* width 0: this kernel has none */
};

/* Where this kernel's depot lies and how its handles are cut up. Plain data: copy it, nothing to
 * free. */
struct stack_depot {
	struct target *t;
	uint64_t pools_va; /* of the array of pool addresses */
	uint64_t npools;   /* that the array has room for */
	uint64_t pool_bytes;
	struct stack_depot_bits index, offset, valid, extra;
	unsigned index_bias; /* what is added to a pool's number in a handle: 0 or 1 */
	uint64_t handle_at, size_at, count_at, entries_at; /* of struct stack_record, bytes */
	uint64_t record_bytes; /* sizeof; where records are counted, all its frames included */
	bool counted;	       /* records have a reference count (since 6.8) */
};

struct stack_depot_record {
	uint64_t va;	 /* of the struct stack_record */
	uint32_t handle; /* without extra bits */
	uint32_t nframes;
	bool has_count; /* .count says something: records that are never freed are not counted */
	bool freed;	/* on the depot's list of free records: no frames are left */
	uint32_t count; /* references; page_owner adds one for itself */
	uint64_t pc[STACK_DEPOT_FRAMES_MAX]; /* innermost first: return addresses */
};

/*
 * ERR_MISSING: no depot in this kernel, or no types or symbols to find it. ERR_NOT_FOUND: it is
 * empty. ERR_FORMAT: its first record is not where its handle says. Cheap, but worth keeping for
 * many stacks.
 */
struct err *stack_depot_init(struct target *t, struct stack_depot *ret) MUST_CHECK;

/* The record of @handle, extra bits or not; proved by the handle that it carries itself.
 * ERR_NOT_FOUND for 0 and for a record that was freed, ERR_FORMAT for what no record has. */
struct err *stack_depot_find(
	const struct stack_depot *d, uint32_t handle, struct stack_depot_record *ret) MUST_CHECK;

/* The frames only, at most @max of them; *ret_n is how many were stored to @pcs. */
struct err *stack_depot_fetch(
	struct target *t, uint32_t handle, uint64_t *pcs, size_t max, size_t *ret_n) MUST_CHECK;

/* The handle's extra bits (KMSAN's, and tag-based KASAN's until 6.12); 0 where there are none. */
unsigned stack_depot_extra(const struct stack_depot *d, uint32_t handle);

/* All records, pool by pool, in the order of their saving. */
struct stack_depot_iter {
	struct stack_depot depot;
	uint64_t pool, at; /* pool number and offset of the next record */
	uint8_t *bytes;	   /* of this pool; NULL: not read yet */
};

struct err *stack_depot_iter_init(struct stack_depot_iter *it, struct target *t) MUST_CHECK;

/* An error that comes with *ret_more true concerns one pool only. */
struct err *stack_depot_iter_next(
	struct stack_depot_iter *it, struct stack_depot_record *ret, bool *ret_more) MUST_CHECK;
void stack_depot_iter_deinit(struct stack_depot_iter *it);
#define scoped_stack_depot_iter __attribute__((cleanup(stack_depot_iter_deinit)))

#endif
