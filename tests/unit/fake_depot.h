/* A stack depot in a fake target's memory, in the form of each era of lib/stackdepot.c. */
#ifndef TESTS_UNIT_FAKE_DEPOT_H
#define TESTS_UNIT_FAKE_DEPOT_H

#include "analyzer/kernel/stack_depot.h"
#include "tests/unit/fake_kernel.h"

enum fake_depot_era {
	DEPOT_4_19,	 /* stack_slabs[], slab numbers from 0, a valid bit */
	DEPOT_6_6,	 /* stack_pools[], a valid bit, extra bits */
	DEPOT_6_8,	 /* no valid bit, pool numbers from 0, records counted */
	DEPOT_6_8_FIXED, /* the same name, but pool numbers from 1 */
	DEPOT_7_2,	 /* pool_index_plus_1; the array is behind a pointer */
	DEPOT_ERAS,
};

enum {
	DEPOT_ARRAY = 0x8000,
	DEPOT_VARIABLE = 0x9000,
	DEPOT_POOL = 0x10000,
	DEPOT_POOL_BYTES = 0x4000
};
enum { DEPOT_FRAMES = 64 }; /* of a counted record */

static inline bool depot_counted(enum fake_depot_era era)
{
	return era >= DEPOT_6_8;
}

static inline void fake_depot_types(struct fake *f, enum fake_depot_era era)
{
	if (era == DEPOT_4_19)
		FAKE_STRUCT(f, "handle_parts", "slabindex:u32:21", "offset:u32:10", "valid:u32:1");
	else if (era == DEPOT_6_6)
		FAKE_STRUCT(f, "handle_parts", "pool_index:u32:16", "offset:u32:10", "valid:u32:1",
			"extra:u32:5");
	else
		fake_struct(f, "handle_parts",
			(const char *const[]){
				era == DEPOT_7_2 ? "pool_index_plus_1:u32:17" : "pool_index:u32:17",
				"offset:u32:10", "extra:u32:5", NULL });
	if (depot_counted(era))
		FAKE_STRUCT(f, "stack_record", "hash_list:list", "hash:u32", "size:u32",
			"handle:handle_parts", "count:u32", "entries:word[64]");
	else
		FAKE_STRUCT(f, "stack_record", "next:word", "hash:u32", "size:u32",
			"handle:handle_parts", "entries:word[1]");
}

static inline uint32_t fake_depot_handle(enum fake_depot_era era, unsigned pool, uint64_t at)
{
	unsigned index_bits = era == DEPOT_4_19 ? 21 : era == DEPOT_6_6 ? 16 : 17;
	uint64_t h = pool + (era >= DEPOT_6_8_FIXED) + ((at >> 4) << index_bits);
	if (!depot_counted(era))
		h |= 1ull << (index_bits + 10);
	return (uint32_t)h;
}

static inline void fake_depot_pool(struct fake *f, unsigned pool)
{
	unsigned word = f->t->abi.word_bytes;
	fake_put(f->t->dump, DEPOT_ARRAY + pool * word,
		fake_va(f, DEPOT_POOL + pool * DEPOT_POOL_BYTES), word);
	fake_at(f->t->dump, DEPOT_POOL + (pool + 1) * DEPOT_POOL_BYTES - 1); /* the page is there */
	for (unsigned i = 0; i < DEPOT_POOL_BYTES; i += FAKE_PAGE)
		fake_at(f->t->dump, DEPOT_POOL + pool * DEPOT_POOL_BYTES + i);
}

/* Eight places for pools, two of them filled. */
static inline void fake_depot(struct fake *f, enum fake_depot_era era)
{
	unsigned word = f->t->abi.word_bytes;
	fake_depot_types(f, era);
	if (era == DEPOT_7_2) {
		fake_number(f, "stack_max_pools", DEPOT_VARIABLE + 8, 8, 4);
		fake_number(f, "stack_pools", DEPOT_VARIABLE, fake_va(f, DEPOT_ARRAY), word);
	} else
		fake_symbol(f, era == DEPOT_4_19 ? "stack_slabs" : "stack_pools", DEPOT_ARRAY,
			8 * word);
	fake_symbol(
		f, "behind", DEPOT_ARRAY + 8 * word, word); /* a symbol reaches to the next one */
	for (unsigned pool = 0; pool < 8; pool++)
		fake_put(f->t->dump, DEPOT_ARRAY + pool * word, 0, word);
	fake_depot_pool(f, 0);
	fake_depot_pool(f, 1);
}

/* A record of @n frames 0x1000 + i; its handle. *io_at moves behind it. */
static inline uint32_t fake_depot_record(struct fake *f, enum fake_depot_era era, unsigned pool,
	uint64_t *io_at, unsigned n, uint32_t count)
{
	uint64_t off = DEPOT_POOL + pool * DEPOT_POOL_BYTES + *io_at;
	uint64_t entries = fake_offsetof(f, "stack_record", "entries");
	unsigned word = f->t->abi.word_bytes;
	uint32_t handle = fake_depot_handle(era, pool, *io_at);
	bool evictable = depot_counted(era) && count < 0x80000000;
	fake_set(f, "stack_record", off, "size", n);
	fake_put(f->t->dump, off + fake_offsetof(f, "stack_record", "handle"), handle, 4);
	if (depot_counted(era))
		fake_set(f, "stack_record", off, "count", count);
	for (unsigned i = 0; i < n; i++)
		fake_put(f->t->dump, off + entries + i * word, 0x1000 + i, word);
	*io_at += (entries + (evictable ? DEPOT_FRAMES : n) * word + 15) / 16 * 16;
	return handle;
}

#endif
