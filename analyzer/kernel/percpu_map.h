/*
 * The maps of one per-CPU chunk: which bytes are allocated, where an allocation begins and ends,
 * and whether what the allocator remembers about free areas fits that.
 */
#ifndef ANALYZER_KERNEL_PERCPU_MAP_H
#define ANALYZER_KERNEL_PERCPU_MAP_H

#include "analyzer/kernel/percpu_chunk.h"

struct percpu_map {
	const struct percpu_areas *areas;
	const struct percpu_chunk *chunk;
	uint8_t *alloc, *bound; /* bit i: byte i / 8, bit i % 8, whatever the target's words are */
	uint8_t *populated;	/* a bit a page */
	uint64_t nbits;
};

/* ERR_FAULT when a map cannot be read. @chunk lives as long as the map. */
struct err *percpu_map_read(const struct percpu_areas *a, const struct percpu_chunk *chunk,
	struct percpu_map *ret) MUST_CHECK;
void percpu_map_deinit(struct percpu_map *m);
#define scoped_percpu_map __attribute__((cleanup(percpu_map_deinit)))

/* An allocation or a hole between two, bytes from the chunk's base. */
struct percpu_area {
	uint64_t offset, size;
	bool allocated;
};

/* The one that holds byte @offset of the unit; false outside of the chunk's own part. */
bool percpu_map_at(const struct percpu_map *m, uint64_t offset, struct percpu_area *ret);

struct percpu_usage {
	uint64_t allocations, used_bytes, free_bytes, largest_free, populated_pages;
};
void percpu_map_usage(const struct percpu_map *m, struct percpu_usage *ret);

/*
 * What does not fit together: free bytes, populated pages, the hints of the chunk and of each
 * page's block against the bits, allocations without an end. Each is an error for @found, which
 * takes it. A dump can show a chunk in the middle of an allocation, which is a finding all the
 * same.
 */
typedef struct err *(*percpu_finding_fn)(void *cx, struct err *what);
struct err *percpu_map_check(
	const struct percpu_map *m, percpu_finding_fn found, void *cx) MUST_CHECK;

#endif
