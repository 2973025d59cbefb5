/* A node with one zone of 64 frames, its struct pages in mem_map, and free lists of five blocks:
 * frames 8 and 9 (order 0, type 0), 16 and 20 (order 1, type 1), 32 (order 2, type 0). Frames 40 to
 * 43 are a folio, 48 is anonymous, 49 a file's. Types of pages are those of 6.1, or of 6.12 and
 * later with @modern. */
#ifndef TESTS_UNIT_FAKE_BUDDY_H
#define TESTS_UNIT_FAKE_BUDDY_H

#include "analyzer/kernel/buddy.h"
#include "analyzer/kernel/page_state.h"
#include "analyzer/kernel/zone_map.h"
#include "tests/unit/fake_kernel.h"

enum {
	BUDDY_FRAMES = 64,
	BUDDY_ORDERS = 3,
	BUDDY_TYPES = 2,
	BUDDY_NODE = 0x1000,
	BUDDY_TEXT = 0x3000,
	BUDDY_NUMBERS = 0x3100,
	BUDDY_PAGES = 0x4000
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

/* The counts of a folio are in its first tail; on 32-bit machines one is in the second. */
static inline void fake_folio_type(struct fake *f)
{
	char rest[32];
	if (f->t->abi.word_bytes == 8) {
		FAKE_STRUCT(f, "folio", "page:page", "_flags_1:word", "_head_1:word",
			"_entire_mapcount:atomic32");
		return;
	}
	snprintf(rest, sizeof(rest), "rest:u8[%u]",
		(unsigned)(fake_known(&f->provider, "page", false)->type->size - 8));
	FAKE_STRUCT(f, "folio", "page:page", "_flags_1:word", "_head_1:word", rest, "_flags_2:word",
		"_head_2:word", "_entire_mapcount:atomic32");
}

static inline void fake_buddy_types(struct fake *f, bool modern)
{
	static const struct type_enumerator flag[] = { { "PG_locked", 0 }, { "PG_lru", 4 },
		{ "PG_slab", 9 }, { "PG_owner_priv_1", 10 }, { "PG_reserved", 12 },
		{ "PG_head", 16 }, { "PG_swapbacked", 19 }, { "__NR_PAGEFLAGS", 23 },
		{ "PG_swapcache", 10 } };
	static const struct type_enumerator type[] = { { "PGTY_buddy", 0xf0 },
		{ "PGTY_offline", 0xf1 }, { "PGTY_table", 0xf2 }, { "PGTY_slab", 0xf5 },
		{ "PGTY_new", 0xfb }, { "PGTY_mapcount_underflow", 0xff } };
	FAKE_STRUCT(f, "atomic32", "counter:u32");
	if (modern) {
		FAKE_STRUCT(f, "page", "flags:word", "lru:list", "mapping:word",
			"__folio_index:word", "private:word", "page_type:u32", "_refcount:atomic32",
			"compound_info:word", "pad:word");
		fake_folio_type(f);
		fake_enum(f, "pagetype", type, ARRAY_SIZE(type));
	} else {
		FAKE_STRUCT(f, "page", "flags:word", "lru:list", "mapping:word", "index:word",
			"private:word", "_mapcount:atomic32", "_refcount:atomic32",
			"compound_head:word", "compound_order:u8", "compound_mapcount:atomic32");
	}
	fake_enum(f, "pageflags", flag, ARRAY_SIZE(flag));
	FAKE_STRUCT(f, "free_area", "free_list:list[2]", "nr_free:word");
	FAKE_STRUCT(f, "zone", "_watermark:word[3]", "lowmem_reserve:word[2]",
		"per_cpu_pageset:word", "zone_start_pfn:word", "managed_pages:atomic",
		"spanned_pages:word", "present_pages:word", "name:word", "free_area:free_area[3]",
		"vm_stat:atomic[2]");
	FAKE_STRUCT(f, "pglist_data", "node_zones:zone[2]", "node_id:u32", "node_start_pfn:word",
		"node_present_pages:word", "node_spanned_pages:word", "vm_stat:atomic[5]");
}

static inline uint64_t fake_page(struct fake *f, unsigned pfn)
{
	return BUDDY_PAGES + pfn * fake_sizeof(f, "page");
}

static inline const char *fake_type_member(bool modern)
{
	return modern ? "page_type" : "_mapcount.counter";
}

static inline uint64_t fake_zone(struct fake *f)
{
	return BUDDY_NODE + fake_offsetof(f, "pglist_data", "node_zones");
}

static inline uint64_t fake_free_list(struct fake *f, unsigned order, unsigned type)
{
	char path[64];
	snprintf(path, sizeof(path), "free_area[%u].free_list[%u]", order, type);
	return fake_zone(f) + fake_offsetof(f, "zone", path);
}

static inline void fake_link_lists(struct fake *f, uint64_t from, uint64_t to)
{
	fake_set(f, "list", from, "next", fake_va(f, to));
	fake_set(f, "list", to, "prev", fake_va(f, from));
}

/* Puts the free blocks at @pfn on one list, in their order. */
static inline void fake_blocks(
	struct fake *f, bool modern, unsigned order, unsigned type, const unsigned *pfn, unsigned n)
{
	char path[64];
	uint64_t head = fake_free_list(f, order, type), last = head,
		 lru = fake_offsetof(f, "page", "lru");
	for (unsigned i = 0; i < n; i++) {
		uint64_t page = fake_page(f, pfn[i]);
		fake_set(f, "page", page, "private", order);
		fake_set(f, "page", page, fake_type_member(modern),
			modern ? 0xf0000000 : 0xffffff7f);
		fake_link_lists(f, last, page + lru);
		last = page + lru;
	}
	fake_link_lists(f, last, head);
	snprintf(path, sizeof(path), "free_area[%u].nr_free", order);
	fake_set(f, "zone", fake_zone(f), path, n);
}

/* Four pages in one folio; the whole of it is mapped twice, its second page once more. */
static inline void fake_folio(struct fake *f, bool modern, unsigned pfn)
{
	for (unsigned i = 0; i < 4; i++) {
		uint64_t page = fake_page(f, pfn + i);
		fake_set(f, "page", page, fake_type_member(modern), i == 1 ? 0 : UINT32_MAX);
		if (i)
			fake_set(f, "page", page, modern ? "compound_info" : "compound_head",
				fake_va(f, fake_page(f, pfn)) | 1);
	}
	fake_set(f, "page", fake_page(f, pfn), "flags", 1 << 16);
	fake_set(f, "page", fake_page(f, pfn), "_refcount.counter", 3);
	if (modern) {
		fake_set(f, "folio", fake_page(f, pfn), "_flags_1", 2);
		fake_set(f, "folio", fake_page(f, pfn), "_entire_mapcount.counter", 1);
	} else {
		fake_set(f, "page", fake_page(f, pfn + 1), "compound_order", 2);
		fake_set(f, "page", fake_page(f, pfn + 1), "compound_mapcount.counter", 1);
	}
}

static inline void fake_zone_of_frames(struct fake *f)
{
	fake_symbol(f, "contig_page_data", BUDDY_NODE, fake_sizeof(f, "pglist_data"));
	fake_bytes(f, BUDDY_TEXT, "Normal", 7);
	fake_set(f, "pglist_data", BUDDY_NODE, "node_spanned_pages", BUDDY_FRAMES);
	fake_set(f, "zone", fake_zone(f), "name", fake_va(f, BUDDY_TEXT));
	fake_set(f, "zone", fake_zone(f), "spanned_pages", BUDDY_FRAMES);
	fake_set(f, "zone", fake_zone(f), "present_pages", BUDDY_FRAMES);
	for (unsigned order = 0; order < BUDDY_ORDERS; order++)
		for (unsigned type = 0; type < BUDDY_TYPES; type++)
			fake_link_lists(
				f, fake_free_list(f, order, type), fake_free_list(f, order, type));
}

static inline void fake_buddy(struct fake *f, unsigned word, bool modern)
{
	static const unsigned single[] = { 8, 9 }, pair[] = { 16, 20 }, four[] = { 32 };
	fake_init(f, word);
	fake_buddy_types(f, modern);
	f->t->dump->extent.size = BUDDY_FRAMES * FAKE_PAGE;
	f->t->image.pa.v = 0;
	fake_number(f, "mem_map", BUDDY_NUMBERS, fake_va(f, BUDDY_PAGES), word);
	fake_number(f, "max_pfn", BUDDY_NUMBERS + 8, BUDDY_FRAMES - 1, word);
	fake_zone_of_frames(f);
	for (unsigned pfn = 0; pfn < BUDDY_FRAMES; pfn++)
		fake_set(f, "page", fake_page(f, pfn), fake_type_member(modern), UINT32_MAX);
	fake_blocks(f, modern, 0, 0, single, 2);
	fake_blocks(f, modern, 1, 1, pair, 2);
	fake_blocks(f, modern, 2, 0, four, 1);
	fake_folio(f, modern, 40);
	fake_set(f, "page", fake_page(f, 48), "mapping", fake_va(f, 0x2000) | 1);
	fake_set(f, "page", fake_page(f, 48), modern ? "__folio_index" : "index", 0x77);
	fake_set(f, "page", fake_page(f, 48), "_refcount.counter", 2);
	fake_set(f, "page", fake_page(f, 48), fake_type_member(modern), 0);
	fake_set(f, "page", fake_page(f, 48), "flags", 1 << 19 | 1 << 10);
	fake_set(f, "page", fake_page(f, 48), "private",
		3ull << (word * 8 - 6) | 0x1234); /* swap file 3 */
	fake_set(f, "page", fake_page(f, 49), "mapping", fake_va(f, 0x2400));
	fake_set(f, "page", fake_page(f, 49), "_refcount.counter", 1);
}

static inline void fake_file_types(struct fake *f)
{
	FAKE_STRUCT(f, "qstr", "name:word", "len:u32");
	FAKE_STRUCT(f, "hlist", "first:word");
	FAKE_STRUCT(f, "address_space", "host:word", "nrpages:word");
	FAKE_STRUCT(f, "inode", "i_ino:word", "i_sb:word", "i_dentry:hlist");
	FAKE_STRUCT(f, "super_block", "s_dev:u32", "s_type:word");
	FAKE_STRUCT(f, "file_system_type", "name:word");
	FAKE_STRUCT(f, "dentry", "d_parent:word", "d_name:qstr", "d_alias:list");
}

/* The page cache's page: /bin/sh, three dentries. */
static inline void fake_file(struct fake *f)
{
	uint64_t alias = fake_offsetof(f, "dentry", "d_alias");
	fake_set(f, "address_space", 0x2400, "host", fake_va(f, 0x2500));
	fake_set(f, "inode", 0x2500, "i_ino", 7);
	fake_set(f, "inode", 0x2500, "i_sb", fake_va(f, 0x2600));
	fake_set(f, "inode", 0x2500, "i_dentry.first", fake_va(f, 0x2700 + alias));
	fake_set(f, "super_block", 0x2600, "s_dev", 8 << 20 | 1);
	fake_set(f, "super_block", 0x2600, "s_type", fake_va(f, 0x2680));
	fake_set(f, "file_system_type", 0x2680, "name", fake_va(f, 0x26c0));
	fake_bytes(f, 0x26c0, "tmpfs\0/\0bin\0sh", 15);
	for (unsigned i = 0; i < 3; i++) {
		static const unsigned name[] = { 12, 8, 6 }, len[] = { 2, 3, 1 };
		uint64_t at = 0x2700 + i * 0x80;
		fake_set(f, "dentry", at, "d_parent", fake_va(f, i == 2 ? at : at + 0x80));
		fake_set(f, "dentry", at, "d_name.name", fake_va(f, 0x26c0 + name[i]));
		fake_set(f, "dentry", at, "d_name.len", len[i]);
	}
}

#endif
