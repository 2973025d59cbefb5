/*
 * The page allocator's free blocks: the lists walked block by block, each held against its struct
 * page, its place and the counters. Knows blocks; zone.h has the zones and their counts.
 */
#ifndef ANALYZER_KERNEL_BUDDY_H
#define ANALYZER_KERNEL_BUDDY_H

#include "analyzer/kernel/list.h"
#include "analyzer/kernel/zone.h"

struct buddy_block {
	uint64_t page_va, pfn;
};

struct buddy_iter {
	struct target *t;
	const struct zone *zone;
	unsigned order, migratetype;
	struct list_iter list;
	uint64_t offset; /* of the list_head in struct page */
	uint64_t before; /* the node before, for the way back */
	uint64_t blocks; /* so far */
	bool ended;
};

/* Over one list of @z, which must live as long. ERR_MISSING: types lack. */
struct err *buddy_iter_init(struct buddy_iter *it, struct target *t, const struct zone *z,
	unsigned order, unsigned migratetype) MUST_CHECK;

/*
 * The next block. An error with *ret_more true is a finding about the block that *ret has all the
 * same: it is not marked as free, is of another order, not aligned, outside of its zone, or does
 * not point back. With *ret_more false it is the end of the list.
 */
struct err *buddy_iter_next(
	struct buddy_iter *it, struct buddy_block *ret, bool *ret_more) MUST_CHECK;

/* Blocks that several lists have, or that overlap: marks of all that came so far. */
struct buddy_seen {
	struct buddy_span {
		uint64_t pfn;
		unsigned order, migratetype;
	} * span;
	size_t n, cap;
};
void buddy_seen_add(struct buddy_seen *s, const struct buddy_iter *it, const struct buddy_block *b);
void buddy_seen_deinit(struct buddy_seen *s);

/* Number @i of the overlaps, counted from 0, as an error; NULL beyond the last. Sorts @s at the
 * first. */
struct err *buddy_seen_overlap(struct buddy_seen *s, size_t *io_at) MUST_CHECK;

#endif
