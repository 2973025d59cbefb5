/*
 * A generic KASAN in a fake target's memory: shadow at SHADOW_AT of the window, one slab of two
 * pages with SLAB_OBJECTS objects, a stack with one frame, a global with its descriptor, a
 * quarantine of two objects.
 */
#ifndef TESTS_UNIT_FAKE_KASAN_H
#define TESTS_UNIT_FAKE_KASAN_H

#include "analyzer/kernel/kasan_global.h"
#include "analyzer/kernel/kasan_quarantine.h"
#include "analyzer/kernel/kasan_shadow.h"
#include "analyzer/kernel/kasan_stack.h"
#include "tests/unit/fake_kernel.h"

enum {
	CACHE_AT = 0x5000,
	NAMES_AT = 0x5800,
	QUEUE_AT = 0x6000,
	BATCHES_AT = 0x6100,
	NUMBERS_AT = 0x6400,
	DATA_AT = 0x7000,
	GLOBAL_AT = 0x8000,
	STACK_AT = 0x9000,
	MAP_AT = 0x10000,
	SLAB_AT = 0x40000,
	SLAB_BYTES = 0x2000,
	SHADOW_AT = 0x80000, /* of all up to there: 0x10000 bytes */
	OBJECT_SIZE = 100,
	OBJECT_STEP = 256,
	LEFT_PAD = 16,
	SLAB_OBJECTS = 31,
	ALLOC_META = 112,
	FRAME_AT = STACK_AT + 0x100,
	PAGES = 0x50,
};

static inline void fake_enum(
	struct fake *f, const char *tag, const struct type_enumerator *e, uint32_t n)
{
	struct type t = { .kind = TYPE_ENUM,
		.name = tag,
		.size = 4,
		.enumerator = e,
		.nenumerators = n,
		.complete = true };
	fake_know(f, tag, types_new(f->t->types, &t), 4);
}

static inline void fake_kasan_types(struct fake *f)
{
	static const struct type_enumerator flag[] = { { "PG_locked", 0 }, { "PG_slab", 9 },
		{ "PG_reserved", 12 }, { "__NR_PAGEFLAGS", 14 } };
	FAKE_STRUCT(f, "page", "flags:word", "mapping:word", "private:word", "compound_head:word",
		"_mapcount:atomic", "_refcount:atomic", "slab_cache:word", "objects:u32");
	fake_enum(f, "pageflags", flag, 4);
	FAKE_STRUCT(f, "kasan_cache", "alloc_meta_offset:u32", "free_meta_offset:u32");
	FAKE_STRUCT(f, "kmem_cache", "name:word", "size:u32", "object_size:u32", "red_left_pad:u32",
		"kasan_info:kasan_cache");
	FAKE_STRUCT(f, "kasan_track", "pid:u32", "stack:u32");
	FAKE_STRUCT(f, "kasan_alloc_meta", "alloc_track:kasan_track", "aux_stack:u32[2]");
	FAKE_STRUCT(f, "kasan_free_meta", "quarantine_link:word", "free_track:kasan_track");
	FAKE_STRUCT(f, "qlist_head", "head:word", "tail:word", "bytes:word", "offline:u8");
}

static inline void fake_shadow(struct fake *f, uint64_t off, uint64_t n, uint8_t value)
{
	for (uint64_t i = 0; i < n; i += 8)
		*fake_at(f->t->dump, SHADOW_AT + (off + i) / 8) = value;
}

static inline uint64_t fake_object(unsigned i)
{
	return SLAB_AT + i * OBJECT_STEP + LEFT_PAD;
}

/* Object @i as freed by @pid with stack @handle, its shadow too. */
static inline void fake_freed(struct fake *f, unsigned i, uint32_t pid, uint32_t handle)
{
	fake_shadow(f, fake_object(i), OBJECT_SIZE, KASAN_SLAB_FREE);
	fake_shadow(f, fake_object(i), 8, KASAN_SLAB_FREE_TRACK);
	fake_set(f, "kasan_free_meta", fake_object(i), "free_track.pid", pid);
	fake_set(f, "kasan_free_meta", fake_object(i), "free_track.stack", handle);
}

static inline void fake_kasan_slab(struct fake *f)
{
	uint64_t page = MAP_AT + (SLAB_AT / FAKE_PAGE) * fake_sizeof(f, "page");
	uint64_t tail = page + fake_sizeof(f, "page");
	fake_set(f, "page", page, "flags", 1 << 9);
	fake_set(f, "page", page, "slab_cache", fake_va(f, CACHE_AT));
	fake_set(f, "page", page, "objects", SLAB_OBJECTS);
	fake_set(f, "page", tail, "compound_head", fake_va(f, page) | 1);
	fake_set(f, "kmem_cache", CACHE_AT, "name", fake_va(f, NAMES_AT));
	fake_set(f, "kmem_cache", CACHE_AT, "size", OBJECT_STEP);
	fake_set(f, "kmem_cache", CACHE_AT, "object_size", OBJECT_SIZE);
	fake_set(f, "kmem_cache", CACHE_AT, "red_left_pad", LEFT_PAD);
	fake_set(f, "kmem_cache", CACHE_AT, "kasan_info.alloc_meta_offset", ALLOC_META);
	fake_bytes(f, NAMES_AT, "widgets", 8);
	fake_shadow(f, SLAB_AT, SLAB_BYTES, KASAN_SLAB_REDZONE);
	for (unsigned i = 0; i < SLAB_OBJECTS; i++) {
		uint64_t meta = fake_object(i) + ALLOC_META;
		fake_shadow(f, fake_object(i), OBJECT_SIZE - 4, 0);
		fake_shadow(f, fake_object(i) + OBJECT_SIZE - 4, 8, 4);
		fake_set(f, "kasan_alloc_meta", meta, "alloc_track.pid", 100 + i);
		fake_set(f, "kasan_alloc_meta", meta, "alloc_track.stack", 0x1000 + i);
	}
	fake_at(f->t->dump, SLAB_AT + SLAB_BYTES - 1);
}

/* Objects 3 and 20 on CPU 0's queue. */
static inline void fake_kasan_queue(struct fake *f)
{
	unsigned word = f->t->abi.word_bytes;
	fake_freed(f, 3, 7, 0x77);
	fake_freed(f, 20, 8, 0x88);
	fake_set(f, "kasan_free_meta", fake_object(3), "quarantine_link",
		fake_va(f, fake_object(20)));
	fake_set(f, "qlist_head", QUEUE_AT, "head", fake_va(f, fake_object(3)));
	fake_set(f, "qlist_head", QUEUE_AT, "tail", fake_va(f, fake_object(20)));
	fake_set(f, "qlist_head", QUEUE_AT, "bytes", 2 * OBJECT_STEP);
	fake_symbol(f, "cpu_quarantine", QUEUE_AT, fake_sizeof(f, "qlist_head"));
	fake_symbol(f, "global_quarantine", BATCHES_AT, 4 * fake_sizeof(f, "qlist_head"));
	fake_symbol(f, "behind_quarantine", BATCHES_AT + 4 * fake_sizeof(f, "qlist_head"), 1);
	fake_at(f->t->dump, BATCHES_AT);
	fake_number(f, "quarantine_size", NUMBERS_AT, 0, word);
}

static inline void fake_words(struct fake *f, uint64_t off, const uint64_t *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fake_put(f->t->dump, off + i * f->t->abi.word_bytes, w[i], f->t->abi.word_bytes);
}

static inline void fake_kasan_variables(struct fake *f)
{
	uint64_t frame[] = { 0x41b58ab3, fake_va(f, NAMES_AT + 0x100), 0x12345678 };
	uint64_t global[] = { fake_va(f, GLOBAL_AT), 20, 64, fake_va(f, NAMES_AT + 0x200),
		fake_va(f, NAMES_AT + 0x240), 0 };
	static const uint8_t shadow[] = { 0xf1, 0xf1, 0xf1, 0xf1, 0, 4, 0xf2, 0xf2, 3, 0xf3, 0xf3,
		0xf3, 0 };
	fake_words(f, FRAME_AT, frame, 3);
	for (unsigned i = 0; i < sizeof(shadow); i++)
		fake_shadow(f, FRAME_AT + i * 8u, 8, shadow[i]);
	fake_bytes(f, NAMES_AT + 0x100, "2 32 12 6 buf:42 64 3 5 x y:7", 30);
	fake_words(f, DATA_AT + 0x40, global, 6);
	fake_bytes(f, NAMES_AT + 0x200, "table", 6);
	fake_bytes(f, NAMES_AT + 0x240, "drivers/a.c", 12);
	fake_shadow(f, GLOBAL_AT, 16, 0);
	fake_shadow(f, GLOBAL_AT + 16, 8, 4);
	fake_shadow(f, GLOBAL_AT + 24, 40, KASAN_GLOBAL_REDZONE);
	fake_symbol(f, "_sdata", DATA_AT, 0);
	fake_symbol(f, "_edata", GLOBAL_AT + 0x100, 0);
}

static inline void fake_kasan(struct fake *f, unsigned word, struct kasan *ret)
{
	fake_init(f, word);
	fake_kasan_types(f);
	for (unsigned i = 0; i < 0x10; i++)
		fake_at(f->t->dump, SHADOW_AT + i * FAKE_PAGE);
	fake_number(f, "mem_map", 0x4000, fake_va(f, MAP_AT), word);
	fake_number(f, "max_pfn", 0x4010, PAGES, word);
	fake_at(f->t->dump, MAP_AT);
	fake_at(f->t->dump, MAP_AT + FAKE_PAGE);
	fake_kasan_slab(f);
	fake_kasan_queue(f);
	fake_kasan_variables(f);
	uint64_t mask = word == 8 ? UINT64_MAX : UINT32_MAX;
	*ret = (struct kasan){ .t = f->t,
		.mode = KASAN_GENERIC,
		.scale = 3,
		.granule = 8,
		.offset = (fake_va(f, SHADOW_AT) - (f->base >> 3)) & mask,
		.start = fake_va(f, SHADOW_AT),
		.end = fake_va(f, SHADOW_AT + 0x10000),
		.free_track = true };
}

#endif
