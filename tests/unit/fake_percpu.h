/*
 * Per-CPU memory in a fake target: two CPUs, the static part, the reserved and the first chunk in
 * the same units, one more chunk. The eras differ in what the lists are called and where hints of a
 * chunk stand.
 */
#ifndef TESTS_UNIT_FAKE_PERCPU_H
#define TESTS_UNIT_FAKE_PERCPU_H

#include "analyzer/kernel/percpu_map.h"
#include "tests/unit/fake_kernel.h"

enum fake_percpu_era {
	PERCPU_4_19, /* pcpu_slot, no chunk_md */
	PERCPU_5_10, /* pcpu_chunk_lists, once more for memory cgroups */
	PERCPU_7_2,  /* pcpu_chunk_lists, isolated */
	PERCPU_ERAS
};

enum {
	PERCPU_START = 0x1000, /* __per_cpu_start */
	PERCPU_STATIC = 0x100,
	PERCPU_RESERVED = 0x200,
	PERCPU_UNITS = 0x20000, /* pcpu_base_addr */
	PERCPU_UNIT = 0x4000,
	PERCPU_MORE = 0x40000,	/* of the third chunk */
	PERCPU_CHUNKS = 0x5000, /* struct pcpu_chunk, 0x400 apart: first, reserved, more */
	PERCPU_MAPS = 0x8000, /* 0x1000 apart: alloc_map, bound_map at 0x400, md_blocks at 0x800 */
	PERCPU_LISTS = 0x3000,
	PERCPU_SLOTS = 4
};
enum { CHUNK_FIRST, CHUNK_RESERVED, CHUNK_MORE, CHUNK_N };

static inline uint64_t fake_chunk(unsigned i)
{
	return PERCPU_CHUNKS + i * 0x400;
}

static inline uint64_t fake_chunk_pages(unsigned i)
{
	return i == CHUNK_RESERVED ? 1 : PERCPU_UNIT / 4096;
}

static inline void fake_percpu_types(struct fake *f, enum fake_percpu_era era)
{
	FAKE_STRUCT(f, "pcpu_block_md", "contig_hint:s32", "contig_hint_start:s32", "left_free:s32",
		"right_free:s32", "first_free:s32");
	if (era == PERCPU_4_19)
		FAKE_STRUCT(f, "pcpu_chunk", "list:list", "free_bytes:s32", "contig_bits:s32",
			"contig_bits_start:s32", "base_addr:word", "alloc_map:word",
			"bound_map:word", "md_blocks:word", "data:word", "first_bit:s32",
			"immutable:u8", "start_offset:s32", "end_offset:s32", "nr_pages:s32",
			"nr_populated:s32", "populated:word[1]");
	else if (era == PERCPU_5_10)
		FAKE_STRUCT(f, "pcpu_chunk", "list:list", "free_bytes:s32",
			"chunk_md:pcpu_block_md", "base_addr:word", "alloc_map:word",
			"bound_map:word", "md_blocks:word", "data:word", "immutable:u8",
			"start_offset:s32", "end_offset:s32", "obj_cgroups:word", "nr_pages:s32",
			"nr_populated:s32", "populated:word[1]");
	else
		FAKE_STRUCT(f, "pcpu_chunk", "list:list", "free_bytes:s32",
			"chunk_md:pcpu_block_md", "bound_map:word", "base_addr:word",
			"alloc_map:word", "md_blocks:word", "data:word", "immutable:u8",
			"isolated:u8", "start_offset:s32", "end_offset:s32", "nr_pages:s32",
			"nr_populated:s32", "obj_exts:word", "populated:word[1]");
}

/* s32, and the enumerator that says how many kinds of lists there are. */
static inline void fake_percpu_base_types(struct fake *f, bool two_lists)
{
	static const struct type_enumerator kind[] = { { .name = "PCPU_NR_CHUNK_TYPES",
		.value = 2 } };
	struct type s32 = {
		.kind = TYPE_INT, .name = "s32", .size = 4, .is_signed = true, .complete = true
	};
	struct type e = { .kind = TYPE_ENUM,
		.name = "pcpu_chunk_type",
		.size = 4,
		.complete = true,
		.enumerator = kind,
		.nenumerators = 1 };
	fake_know(f, "s32", types_new(f->t->types, &s32), 4);
	if (two_lists)
		fake_know(f, "pcpu_chunk_type", types_new(f->t->types, &e), 4);
}

static inline bool fake_used(struct fake *f, unsigned chunk, uint64_t bit)
{
	return *fake_at(f->t->dump, PERCPU_MAPS + chunk * 0x1000 + bit / 8) >> (bit % 8) & 1;
}

static inline void fake_bound(struct fake *f, unsigned chunk, uint64_t bit)
{
	*fake_at(f->t->dump, PERCPU_MAPS + chunk * 0x1000 + 0x400 + bit / 8) |=
		(uint8_t)(1 << bit % 8);
}

/* [offset, offset + size) of the unit becomes an allocation. */
static inline void fake_allocate(struct fake *f, unsigned chunk, uint64_t offset, uint64_t size)
{
	for (uint64_t bit = offset / 4; bit < (offset + size) / 4; bit++)
		*fake_at(f->t->dump, PERCPU_MAPS + chunk * 0x1000 + bit / 8) |=
			(uint8_t)(1 << bit % 8);
	fake_bound(f, chunk, offset / 4);
	fake_bound(f, chunk, (offset + size) / 4);
}

static inline void fake_hint(struct fake *f, unsigned chunk, const char *type, uint64_t at,
	uint64_t from, uint64_t n, bool old)
{
	uint64_t longest = 0, start = 0, left = n, first = n, run = 0;
	for (uint64_t i = 0; i < n; i++) {
		bool used = fake_used(f, chunk, from + i);
		run = used ? 0 : run + 1;
		left = used && left == n ? i : left;
		first = !used && first == n ? i : first;
		if (run > longest) {
			longest = run;
			start = i + 1 - run;
		}
	}
	const char *md = !strcmp(type, "pcpu_chunk") ? "chunk_md." : "";
	const struct {
		const char *name, *old_name;
		uint64_t v;
	} field[] = { { "contig_hint", "contig_bits", longest },
		{ "contig_hint_start", "contig_bits_start", start },
		{ "first_free", "first_bit", first }, { "left_free", NULL, left },
		{ "right_free", NULL, run } };
	for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
		char path[64];
		snprintf(path, sizeof(path), "%s%s", old ? "" : md,
			old ? field[i].old_name : field[i].name);
		if (!old || field[i].old_name)
			fake_set(f, type, at, path, field[i].v);
	}
}

/* Hints and counts as the bits have them. */
static inline void fake_percpu_settle(struct fake *f, enum fake_percpu_era era, unsigned chunk)
{
	uint64_t pages = fake_chunk_pages(chunk), free_bits = 0;
	for (uint64_t bit = 0; bit < pages * 1024; bit++)
		free_bits += !fake_used(f, chunk, bit);
	fake_set(f, "pcpu_chunk", fake_chunk(chunk), "free_bytes", free_bits * 4);
	for (uint64_t i = 0; i < pages; i++)
		fake_hint(f, chunk, "pcpu_block_md",
			PERCPU_MAPS + chunk * 0x1000 + 0x800 + i * fake_sizeof(f, "pcpu_block_md"),
			i * 1024, 1024, false);
	fake_hint(f, chunk, "pcpu_chunk", fake_chunk(chunk), 0, pages * 1024, era == PERCPU_4_19);
}

static inline void fake_percpu_chunk(
	struct fake *f, unsigned i, uint64_t base, uint64_t start, uint64_t end)
{
	uint64_t at = fake_chunk(i), maps = PERCPU_MAPS + i * 0x1000, pages = fake_chunk_pages(i);
	fake_set(f, "pcpu_chunk", at, "base_addr", fake_va(f, base));
	fake_set(f, "pcpu_chunk", at, "alloc_map", fake_va(f, maps));
	fake_set(f, "pcpu_chunk", at, "bound_map", fake_va(f, maps + 0x400));
	fake_set(f, "pcpu_chunk", at, "md_blocks", fake_va(f, maps + 0x800));
	fake_set(f, "pcpu_chunk", at, "start_offset", start);
	fake_set(f, "pcpu_chunk", at, "end_offset", end);
	fake_set(f, "pcpu_chunk", at, "nr_pages", pages);
	fake_set(f, "pcpu_chunk", at, "nr_populated", pages);
	fake_put(
		f->t->dump, at + fake_offsetof(f, "pcpu_chunk", "populated"), (1u << pages) - 1, 4);
	fake_at(f->t->dump, maps);
	if (start)
		fake_allocate(f, i, 0, start);
	if (end)
		fake_allocate(f, i, pages * 4096 - end, end);
}

/* Puts a chunk as the only one on a list. */
static inline void fake_percpu_list(struct fake *f, unsigned chunk, unsigned slot)
{
	unsigned word = f->t->abi.word_bytes;
	uint64_t head = PERCPU_LISTS + slot * 2ull * word;
	fake_put(f->t->dump, head, fake_va(f, fake_chunk(chunk)), word);
	fake_put(f->t->dump, head + word, fake_va(f, fake_chunk(chunk)), word);
	fake_set(f, "pcpu_chunk", fake_chunk(chunk), "list.next", fake_va(f, head));
	fake_set(f, "pcpu_chunk", fake_chunk(chunk), "list.prev", fake_va(f, head));
}

static inline void fake_percpu(struct fake *f, unsigned word, enum fake_percpu_era era)
{
	struct dump *d;
	fake_init(f, word);
	d = f->t->dump;
	fake_percpu_base_types(f, era == PERCPU_5_10);
	fake_percpu_types(f, era);
	fake_number(f, "__cpu_possible_mask", 0x200, 3, 8);
	fake_number(f, "nr_cpu_ids", 0x210, 2, 4);
	fake_symbol(f, "__per_cpu_start", PERCPU_START, 0);
	fake_symbol(f, "runqueues", PERCPU_START + 0x40, 0x80);
	fake_symbol(f, "__per_cpu_end", PERCPU_START + PERCPU_STATIC, 0);
	fake_symbol(f, "__per_cpu_offset", 0x300, 2 * word);
	fake_put(d, 0x300, PERCPU_UNITS - PERCPU_START, word);
	fake_put(d, 0x300 + word, PERCPU_UNITS + PERCPU_UNIT - PERCPU_START, word);
	fake_number(f, "pcpu_base_addr", 0x400, fake_va(f, PERCPU_UNITS), word);
	fake_number(f, era == PERCPU_4_19 ? "pcpu_slot" : "pcpu_chunk_lists", 0x410,
		fake_va(f, PERCPU_LISTS), word);
	fake_number(f, "pcpu_nr_slots", 0x420, PERCPU_SLOTS, 4);
	fake_number(f, "pcpu_first_chunk", 0x430, fake_va(f, fake_chunk(CHUNK_FIRST)), word);
	fake_number(f, "pcpu_reserved_chunk", 0x440, fake_va(f, fake_chunk(CHUNK_RESERVED)), word);
	fake_number(f, "pcpu_unit_size", 0x450, PERCPU_UNIT, 4);
	for (unsigned i = 0; i < 2 * PERCPU_SLOTS; i++)
		for (unsigned n = 0; n < 2; n++)
			fake_put(d, PERCPU_LISTS + (2 * i + n) * word,
				fake_va(f, PERCPU_LISTS + 2ull * i * word), word);
	uint64_t own = PERCPU_STATIC + PERCPU_RESERVED;
	fake_percpu_chunk(f, CHUNK_RESERVED, PERCPU_UNITS, PERCPU_STATIC, 4096 - own);
	fake_percpu_chunk(f, CHUNK_FIRST, PERCPU_UNITS, own, 0);
	fake_percpu_chunk(f, CHUNK_MORE, PERCPU_MORE, 0, 0);
	fake_allocate(f, CHUNK_FIRST, 0x400, 0x20);
	fake_allocate(f, CHUNK_FIRST, 0x420, 0x10);
	fake_allocate(f, CHUNK_FIRST, 0xff0, 0x20); /* over the end of a page */
	fake_allocate(f, CHUNK_MORE, 0x1000, 0x1000);
	fake_percpu_list(f, CHUNK_FIRST, 2);
	fake_percpu_list(f, CHUNK_MORE, era == PERCPU_5_10 ? PERCPU_SLOTS + 1 : 1);
	for (unsigned i = 0; i < CHUNK_N; i++)
		fake_percpu_settle(f, era, i);
}

#endif
