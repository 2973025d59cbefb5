/*
 * A small slab heap by hand, in two eras: 4.19's, with struct page for slabs and a CPU's slab,
 * and 7.2's, with struct slab and sheaves. One cache "box" of 64-byte objects, one slab of 16 of
 * them, one CPU, one node.
 */
#ifndef TESTS_UNIT_FAKE_SLAB_H
#define TESTS_UNIT_FAKE_SLAB_H

#include "analyzer/kernel/slab_check.h"
#include "tests/unit/fake_kernel.h"

/* Offsets in the window. */
enum {
	HEAP_MAP = 0xa000,
	HEAP_VARIABLES = 0x4000,
	HEAP_CACHE = 0x5000,
	HEAP_NODE = 0x5400,
	HEAP_CPU = 0x5600,
	HEAP_NAME = 0x5800,
	HEAP_BARN = 0x5900,
	HEAP_SHEAF = 0x6000,
	HEAP_SHEAF_BYTES = 0x100,
	HEAP_FRAME = 8,
	HEAP_SLAB = HEAP_FRAME * 0x1000,
	HEAP_FRAMES = 32
};
enum { BOX_SIZE = 64, BOXES = 16, BOX_OFFSET = 32 };

struct fake_heap {
	struct fake f;
	bool sheaves;
	uint64_t random;
};

static inline void heap_enum(
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

static inline void heap_types(struct fake *f, bool sheaves)
{
	static const struct type_enumerator flag[] = { { "PG_slab", 9 } };
	static const struct type_enumerator kind[] = { { "PGTY_slab", 0xf5 } };
	FAKE_STRUCT(f, "kmem_cache_order_objects", "x:u32");
	FAKE_STRUCT(f, "kmem_cache_node", "list_lock:word", "nr_partial:word", "partial:list",
		"nr_slabs:atomic", "total_objects:atomic", "full:list");
	if (sheaves) {
		heap_enum(f, "pagetype", kind, 1);
		FAKE_STRUCT(f, "page", "flags:word", "compound_info:word", "lru:list",
			"more:word[6]", "page_type:u32", "refs:u32", "rest:word[2]");
		FAKE_STRUCT(f, "slab", "flags:word", "slab_cache:word", "slab_list:list",
			"freelist:word", "inuse:u16", "objects:u16", "stride:u32", "frozen:u8",
			"obj_exts:word");
		FAKE_STRUCT(f, "kmem_cache_per_node_ptrs", "barn:word", "node:word");
		FAKE_STRUCT(f, "kmem_cache", "cpu_sheaves:word", "flags:word", "size:u32",
			"object_size:u32", "offset:u32", "sheaf_capacity:u32",
			"oo:kmem_cache_order_objects", "inuse:u32", "align:u32", "red_left_pad:u32",
			"name:word", "list:list", "random:word",
			"per_node:kmem_cache_per_node_ptrs[1]");
		FAKE_STRUCT(f, "slub_percpu_sheaves", "main:word", "spare:word", "rcu_free:word");
		FAKE_STRUCT(f, "slab_sheaf", "barn_list:list", "cache:word", "size:u32", "node:u32",
			"objects:word[16]");
		FAKE_STRUCT(f, "node_barn", "sheaves_full:list", "nr_full:u32");
		return;
	}
	heap_enum(f, "pageflags", flag, 1);
	FAKE_STRUCT(f, "page", "flags:word", "compound_head:word", "lru:list", "slab_cache:word",
		"freelist:word", "inuse:u16", "objects:u16", "frozen:u8", "next:word");
	FAKE_STRUCT(f, "kmem_cache_cpu", "freelist:word", "tid:word", "page:word", "partial:word");
	FAKE_STRUCT(f, "kmem_cache", "cpu_slab:word", "flags:word", "size:u32", "object_size:u32",
		"offset:u32", "oo:kmem_cache_order_objects", "inuse:u32", "align:u32",
		"red_left_pad:u32", "name:word", "list:list", "random:word", "node:word[1]");
}

static inline uint64_t heap_page(struct fake *f, uint64_t pfn)
{
	return HEAP_MAP + pfn * fake_sizeof(f, "page");
}

static inline uint64_t heap_box(struct fake_heap *h, unsigned i)
{
	return fake_va(&h->f, HEAP_SLAB + i * BOX_SIZE);
}

/* The free pointer of box @i. 4.19 mixes the address as it is, 5.7 and later with its bytes
 * reversed. */
static inline void heap_link(struct fake_heap *h, unsigned i, uint64_t next)
{
	unsigned word = h->f.t->abi.word_bytes;
	uint64_t at = heap_box(h, i) + BOX_OFFSET;
	if (h->sheaves)
		at = word == 8 ? __builtin_bswap64(at) : __builtin_bswap32((uint32_t)at);
	fake_put(h->f.t->dump, HEAP_SLAB + i * BOX_SIZE + BOX_OFFSET, next ^ h->random ^ at, word);
}

/* Links the boxes in their order, and returns the head. */
static inline uint64_t heap_chain(struct fake_heap *h, const int *box, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		heap_link(h, (unsigned)box[i], i + 1 < n ? heap_box(h, (unsigned)box[i + 1]) : 0);
	return n ? heap_box(h, (unsigned)box[0]) : 0;
}

static inline void heap_list(struct fake *f, uint64_t head, uint64_t node)
{
	unsigned word = f->t->abi.word_bytes;
	uint64_t first = node ? node : head;
	fake_put(f->t->dump, head, fake_va(f, first), word);
	fake_put(f->t->dump, head + word, fake_va(f, first), word);
	if (node) {
		fake_put(f->t->dump, node, fake_va(f, head), word);
		fake_put(f->t->dump, node + word, fake_va(f, head), word);
	}
}

static inline void heap_sheaf(struct fake_heap *h, unsigned n, const int *box, unsigned nboxes)
{
	uint64_t at = HEAP_SHEAF + n * HEAP_SHEAF_BYTES;
	unsigned word = h->f.t->abi.word_bytes;
	fake_set(&h->f, "slab_sheaf", at, "cache", fake_va(&h->f, HEAP_CACHE));
	fake_set(&h->f, "slab_sheaf", at, "size", nboxes);
	for (unsigned i = 0; i < nboxes; i++)
		fake_put(h->f.t->dump,
			at + fake_offsetof(&h->f, "slab_sheaf", "objects") + i * word,
			heap_box(h, (unsigned)box[i]), word);
}

static inline void heap_cache(struct fake_heap *h)
{
	struct fake *f = &h->f;
	fake_bytes(f, HEAP_NAME, "box", 4);
	fake_set(f, "kmem_cache", HEAP_CACHE, "name", fake_va(f, HEAP_NAME));
	fake_set(f, "kmem_cache", HEAP_CACHE, "size", BOX_SIZE);
	fake_set(f, "kmem_cache", HEAP_CACHE, "object_size", BOX_SIZE);
	fake_set(f, "kmem_cache", HEAP_CACHE, "inuse", BOX_SIZE);
	fake_set(f, "kmem_cache", HEAP_CACHE, "offset", BOX_OFFSET);
	fake_set(f, "kmem_cache", HEAP_CACHE, "oo.x", BOXES);
	fake_set(f, "kmem_cache", HEAP_CACHE, "random", h->random);
	fake_set(f, "kmem_cache", HEAP_CACHE, h->sheaves ? "per_node[0].node" : "node[0]",
		fake_va(f, HEAP_NODE));
	fake_symbol(f, "slab_caches", HEAP_VARIABLES, 16);
	heap_list(f, HEAP_VARIABLES, HEAP_CACHE + fake_offsetof(f, "kmem_cache", "list"));
	fake_set(f, "kmem_cache_node", HEAP_NODE, "nr_partial", 1);
	fake_set(f, "kmem_cache_node", HEAP_NODE, "nr_slabs.counter", 1);
	fake_set(f, "kmem_cache_node", HEAP_NODE, "total_objects.counter", BOXES);
	heap_list(f, HEAP_NODE + fake_offsetof(f, "kmem_cache_node", "full"), 0);
}

/* One page of boxes, on the node's partial list. */
static inline void heap_slab(struct fake_heap *h, uint64_t freelist, unsigned inuse)
{
	struct fake *f = &h->f;
	const char *type = h->sheaves ? "slab" : "page";
	uint64_t page = heap_page(f, HEAP_FRAME);
	fake_set(f, "page", page, "flags", h->sheaves ? 0 : 1 << 9);
	if (h->sheaves)
		fake_set(f, "page", page, "page_type", 0xf5000000);
	fake_set(f, type, page, "slab_cache", fake_va(f, HEAP_CACHE));
	fake_set(f, type, page, "freelist", freelist);
	fake_set(f, type, page, "inuse", inuse);
	fake_set(f, type, page, "objects", BOXES);
	heap_list(f, HEAP_NODE + fake_offsetof(f, "kmem_cache_node", "partial"),
		page + fake_offsetof(f, type, h->sheaves ? "slab_list" : "lru"));
	fake_at(f->t->dump, HEAP_SLAB);
}

/* 4.19: boxes 3, 7, 1 on the slab's list. 7.2: the same, 4 and 5 in the main sheaf, 6 in the RCU
 * sheaf, 8 in the barn. */
static inline void heap_init(struct fake_heap *h, unsigned word, bool sheaves)
{
	static const int on_slab[] = { 3, 7, 1 };
	struct fake *f = &h->f;
	memset(h, 0, sizeof(*h));
	fake_init(f, word);
	h->sheaves = sheaves;
	h->random = word == 8 ? 0x0123456789abcdef : 0x89abcdef;
	f->t->dump->extent.size = HEAP_FRAMES * 0x1000;
	heap_types(f, sheaves);
	fake_number(f, "mem_map", HEAP_VARIABLES + 0x100, fake_va(f, HEAP_MAP), word);
	fake_number(f, "max_pfn", HEAP_VARIABLES + 0x110, HEAP_FRAMES, word);
	fake_at(f->t->dump, heap_page(f, HEAP_FRAMES));
	heap_cache(h);
	heap_slab(h, heap_chain(h, on_slab, 3), BOXES - 3);
	if (!sheaves)
		return;
	heap_sheaf(h, 0, (const int[]){ 4, 5 }, 2);
	heap_sheaf(h, 1, (const int[]){ 6 }, 1);
	heap_sheaf(h, 2, (const int[]){ 8 }, 1);
	fake_set(f, "kmem_cache", HEAP_CACHE, "cpu_sheaves", fake_va(f, HEAP_CPU));
	fake_set(f, "kmem_cache", HEAP_CACHE, "sheaf_capacity", 16);
	fake_set(f, "kmem_cache", HEAP_CACHE, "per_node[0].barn", fake_va(f, HEAP_BARN));
	fake_set(f, "slub_percpu_sheaves", HEAP_CPU, "main", fake_va(f, HEAP_SHEAF));
	fake_set(f, "slub_percpu_sheaves", HEAP_CPU, "rcu_free",
		fake_va(f, HEAP_SHEAF + HEAP_SHEAF_BYTES));
	heap_list(f, HEAP_BARN, HEAP_SHEAF + 2 * HEAP_SHEAF_BYTES);
}

enum { HOME_CACHE = 0x5a00, HOME_NAME = 0x5c00, HOME_FRAME = 9, HOME_SIZE = 256 };

/* A cache of kmalloc()'s with one full slab, all of whose objects are in use; the third is a sheaf
 * of boxes. */
static inline void heap_home(struct fake_heap *h, int box, int other)
{
	struct fake *f = &h->f;
	uint64_t page = heap_page(f, HOME_FRAME), list = fake_offsetof(f, "kmem_cache", "list");
	uint64_t sheaf = HOME_FRAME * 0x1000 + 2 * HOME_SIZE;
	unsigned word = f->t->abi.word_bytes;
	fake_bytes(f, HOME_NAME, "kmalloc-256", 12);
	fake_set(f, "kmem_cache", HOME_CACHE, "name", fake_va(f, HOME_NAME));
	fake_set(f, "kmem_cache", HOME_CACHE, "size", HOME_SIZE);
	fake_set(f, "kmem_cache", HOME_CACHE, "object_size", HOME_SIZE);
	fake_set(f, "kmem_cache", HOME_CACHE, "inuse", HOME_SIZE);
	fake_set(f, "kmem_cache", HOME_CACHE, "oo.x", 16);
	fake_put(f->t->dump, HEAP_CACHE + list, fake_va(f, HOME_CACHE + list), word);
	fake_put(f->t->dump, HOME_CACHE + list, fake_va(f, HEAP_VARIABLES), word);
	fake_put(f->t->dump, HOME_CACHE + list + word, fake_va(f, HEAP_CACHE + list), word);
	fake_set(f, "page", page, "page_type", 0xf5000000);
	fake_set(f, "slab", page, "slab_cache", fake_va(f, HOME_CACHE));
	fake_set(f, "slab", page, "inuse", 16);
	fake_set(f, "slab", page, "objects", 16);
	fake_set(f, "slab_sheaf", sheaf, "cache", fake_va(f, HEAP_CACHE));
	fake_set(f, "slab_sheaf", sheaf, "size", 2);
	sheaf += fake_offsetof(f, "slab_sheaf", "objects");
	fake_put(f->t->dump, sheaf, heap_box(h, (unsigned)box), word);
	fake_put(f->t->dump, sheaf + word, heap_box(h, (unsigned)other), word);
}

static inline void heap_deinit(struct fake_heap *h)
{
	fake_deinit(&h->f);
}

#endif
