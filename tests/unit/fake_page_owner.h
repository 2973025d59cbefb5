/* Page extensions of 64 frames with page_owner's data, in a node's array or a section's, and a
 * KFENCE pool of three objects, in a fake target's memory. */
#ifndef TESTS_UNIT_FAKE_PAGE_OWNER_H
#define TESTS_UNIT_FAKE_PAGE_OWNER_H

#include "analyzer/kernel/kfence.h"
#include "analyzer/kernel/page_owner.h"
#include "tests/unit/fake_kernel.h"

enum { VARIABLES = 0x4000, SECTION_AT = 0x5000, NODE_AT = 0x6000, EXT_AT = 0x8000, ENTRY = 96 };
enum { POOL_AT = 0x20000, META_AT = 0x10000 };

static inline void fake_owner_types(struct fake *f)
{
	static const struct type_enumerator flag[] = { { "PAGE_EXT_OWNER", 0 },
		{ "PAGE_EXT_OWNER_ALLOCATED", 1 } };
	struct type flags = { .kind = TYPE_ENUM,
		.name = "page_ext_flags",
		.size = 4,
		.enumerator = flag,
		.nenumerators = 2,
		.complete = true };
	fake_know(f, "page_ext_flags", types_new(f->t->types, &flags), 4);
	FAKE_STRUCT(f, "page", "flags:word", "mapping:word", "private:word", "compound_head:word",
		"_mapcount:atomic", "_refcount:atomic", "padding:word[2]");
	FAKE_STRUCT(f, "mem_section", "section_mem_map:word", "page_ext:word");
	FAKE_STRUCT(f, "free_area", "nr_free:word");
	FAKE_STRUCT(f, "zone", "free_area:free_area[11]");
	FAKE_STRUCT(f, "pglist_data", "node_zones:zone", "node_start_pfn:word",
		"node_present_pages:word", "node_spanned_pages:word", "node_id:u32",
		"node_page_ext:word");
	FAKE_STRUCT(f, "page_ext", "flags:word");
	FAKE_STRUCT(f, "page_ext_operations", "offset:word", "size:word");
	FAKE_STRUCT(f, "page_owner", "order:u16", "last_migrate_reason:u16", "gfp_mask:u32",
		"handle:u32", "free_handle:u32", "ts_nsec:u64", "free_ts_nsec:u64", "comm:char[16]",
		"pid:u32", "tgid:u32");
	FAKE_STRUCT(
		f, "kfence_track", "pid:u32", "num_stack_entries:u32", "stack_entries:word[64]");
	FAKE_STRUCT(f, "kfence_metadata", "state:u32", "addr:word", "size:word", "cache:word",
		"alloc_track:kfence_track", "free_track:kfence_track");
}

static inline void fake_owners(struct fake *f, unsigned word, bool sections)
{
	fake_init(f, word);
	fake_owner_types(f);
	f->t->dump->extent.size = 0x40 * FAKE_PAGE;
	fake_number(f, "page_ext_size", VARIABLES, ENTRY, word);
	fake_number(f, "page_owner_inited", VARIABLES + 8, 1, 4);
	fake_number(f, "page_owner_ops", VARIABLES + 16, 16, word);
	if (sections) {
		fake_variable(f, "mem_section", "mem_section[16]");
		fake_symbol(f, "mem_section", SECTION_AT, 16 * fake_sizeof(f, "mem_section"));
		fake_set(f, "mem_section", SECTION_AT, "page_ext", fake_va(f, EXT_AT));
	} else {
		fake_symbol(f, "contig_page_data", NODE_AT, fake_sizeof(f, "pglist_data"));
		fake_set(f, "pglist_data", NODE_AT, "node_spanned_pages", 0x40);
		fake_set(f, "pglist_data", NODE_AT, "node_page_ext", fake_va(f, EXT_AT));
	}
	for (unsigned pfn = 0; pfn < 0x40; pfn++) {
		uint64_t at = EXT_AT + pfn * ENTRY;
		fake_put(f->t->dump, at, pfn % 5 ? 3 : 1, word);
		fake_set(f, "page_owner", at + 16, "order", pfn % 3);
		fake_set(f, "page_owner", at + 16, "handle", 0x1000 + pfn);
	}
	fake_number(f, "__kfence_pool", VARIABLES + 32, fake_va(f, POOL_AT), word);
	fake_symbol(f, "kfence_metadata", META_AT, 1);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t at = META_AT + i * fake_sizeof(f, "kfence_metadata");
		fake_set(f, "kfence_metadata", at, "addr",
			fake_va(f, POOL_AT + (i + 1) * 2 * FAKE_PAGE));
		fake_set(f, "kfence_metadata", at, "state", i);
		fake_set(f, "kfence_metadata", at, "size", 40);
		fake_set(f, "kfence_metadata", at, "alloc_track.num_stack_entries", 3);
		fake_at(f->t->dump, POOL_AT + (i + 1) * 2 * FAKE_PAGE);
	}
	fake_at(f->t->dump, META_AT + 4 * fake_sizeof(f, "kfence_metadata"));
}

#endif
