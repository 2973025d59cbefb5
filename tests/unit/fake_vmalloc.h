/* The vmalloc space of a fake target in every era: three areas in use (a tree and a list of them),
 * two that were freed, one of vm_map_ram(). */
#ifndef TESTS_UNIT_FAKE_VMALLOC_H
#define TESTS_UNIT_FAKE_VMALLOC_H

#include "analyzer/kernel/vmalloc.h"
#include "tests/unit/fake_trees.h"

enum fake_vmalloc_era {
	VMALLOC_4_19, /* flags tell what .vm is; a freed area stays on the list, and is on an llist
			 besides */
	VMALLOC_5_10, /* an llist of freed areas */
	VMALLOC_6_1,  /* a list of them */
	VMALLOC_7_2,  /* nodes, and flags that tell vm_map_ram() */
	VMALLOC_SINGLE, /* one node that no pointer leads to */
	VMALLOC_ERAS
};

enum {
	FAKE_AREAS = 6,
	AREA_AT = 0x4000,
	VM_AT = 0x5000,
	HEADS_AT = 0x6000,
	NODES_AT = 0x7000,
	STATIC_AT = 0x8000,
	SPACE_AT = 0x1000000
};
enum { AREA_LAZY = 4 }; /* areas 0 to 2 have a vm_struct, 3 is vm_map_ram()'s, 4 and 5 were freed */
enum {
	LIST_HEAD_AT = HEADS_AT,
	LAZY_HEAD_AT = HEADS_AT + 0x40,
	ROOT_AT = HEADS_AT + 0x80,
	NUMBERS_AT = HEADS_AT + 0xc0
};

static inline uint64_t fake_area(unsigned i)
{
	return AREA_AT + i * 0x100;
}

static inline uint64_t fake_vm(unsigned i)
{
	return VM_AT + i * 0x100;
}

static inline uint64_t fake_area_va(const struct fake *f, unsigned i)
{
	return fake_va(f, SPACE_AT + i * 0x10000);
}

static inline bool fake_has_nodes(enum fake_vmalloc_era era)
{
	return era == VMALLOC_7_2 || era == VMALLOC_SINGLE;
}

static inline void fake_vmalloc_types(struct fake *f, enum fake_vmalloc_era era)
{
	FAKE_STRUCT(f, "rb_node", "parent:word", "right:word", "left:word");
	FAKE_STRUCT(f, "llist", "next:word");
	FAKE_STRUCT(f, "rb_list", "root:word", "head:list", "lock:u32");
	FAKE_STRUCT(f, "vmap_node", "pool:word[4]", "busy:rb_list", "lazy:rb_list");
	FAKE_STRUCT(f, "vm_struct", "next:word", "addr:word", "size:word", "flags:word",
		"pages:word", "page_order:u32", "nr_pages:u32", "phys_addr:u64", "caller:word");
	FAKE_STRUCT(f, "static_vm", "vm:vm_struct", "list:list");
	if (era == VMALLOC_4_19)
		FAKE_STRUCT(f, "vmap_area", "va_start:word", "va_end:word", "flags:word",
			"rb_node:rb_node", "list:list", "purge_list:llist", "vm:word");
	else if (era == VMALLOC_5_10)
		FAKE_STRUCT(f, "vmap_area", "va_start:word", "va_end:word", "rb_node:rb_node",
			"list:list", "purge_list:llist", "vm:word");
	else if (era == VMALLOC_6_1)
		FAKE_STRUCT(f, "vmap_area", "va_start:word", "va_end:word", "rb_node:rb_node",
			"list:list", "vm:word");
	else
		FAKE_STRUCT(f, "vmap_area", "va_start:word", "va_end:word", "rb_node:rb_node",
			"list:list", "vm:word", "flags:word");
}

static inline void fake_join(struct fake *f, uint64_t from, uint64_t to)
{
	fake_set(f, "list", from, "next", fake_va(f, to));
	fake_set(f, "list", to, "prev", fake_va(f, from));
}

static inline uint64_t fake_area_list(struct fake *f, unsigned i)
{
	return fake_area(i) + fake_offsetof(f, "vmap_area", "list");
}

static inline uint64_t fake_area_rb(struct fake *f, unsigned i)
{
	return fake_area(i) + fake_offsetof(f, "vmap_area", "rb_node");
}

/* A ring of areas [@first, @end) behind @head. */
static inline void fake_ring(struct fake *f, uint64_t head, unsigned first, unsigned end)
{
	uint64_t last = head;
	for (unsigned i = first; i < end; i++) {
		fake_join(f, last, fake_area_list(f, i));
		last = fake_area_list(f, i);
	}
	fake_join(f, last, head);
}

static inline void fake_one_area(struct fake *f, enum fake_vmalloc_era era, unsigned i)
{
	fake_set(f, "vmap_area", fake_area(i), "va_start", fake_area_va(f, i));
	fake_set(f, "vmap_area", fake_area(i), "va_end", fake_area_va(f, i) + 0x3000);
	if (era == VMALLOC_4_19 && i != 3)
		fake_set(f, "vmap_area", fake_area(i), "flags", i < 3 ? 4 : 2);
	if (fake_has_nodes(era) && i == 3)
		fake_set(f, "vmap_area", fake_area(i), "flags", 1);
	if (i >= 3 && era == VMALLOC_4_19) /* what was there before */
		fake_set(f, "vmap_area", fake_area(i), "vm", fake_va(f, fake_vm(0)));
	if (i >= 3)
		return;
	fake_set(f, "vmap_area", fake_area(i), "vm", fake_va(f, fake_vm(i)));
	fake_set(f, "vm_struct", fake_vm(i), "addr", fake_area_va(f, i));
	fake_set(f, "vm_struct", fake_vm(i), "size", 0x3000);
	fake_set(f, "vm_struct", fake_vm(i), "flags", i == 0 ? 1 : i == 1 ? 2 : 0x14);
	fake_set(f, "vm_struct", fake_vm(i), "nr_pages", i);
	fake_set(f, "vm_struct", fake_vm(i), "pages", i ? fake_area_va(f, i - 1) + 8 : 0);
	fake_set(f, "vm_struct", fake_vm(i), "phys_addr", i ? 0 : 0x9000000);
	fake_set(f, "vm_struct", fake_vm(i), "caller", fake_va(f, 0x10));
}

/* Areas 1, (0, 2), and 3 below 2. */
static inline void fake_area_tree(struct fake *f, uint64_t root)
{
	fake_put_word(f, root, 0, fake_va(f, fake_area_rb(f, 1)));
	fake_rb(f, fake_area_rb(f, 1), 0, fake_area_rb(f, 0), fake_area_rb(f, 2));
	fake_rb(f, fake_area_rb(f, 0), fake_area_rb(f, 1), 0, 0);
	fake_rb(f, fake_area_rb(f, 2), fake_area_rb(f, 1), 0, fake_area_rb(f, 3));
	fake_rb(f, fake_area_rb(f, 3), fake_area_rb(f, 2), 0, 0);
}

static inline void fake_llist(struct fake *f)
{
	uint64_t at = fake_offsetof(f, "vmap_area", "purge_list");
	fake_number(f, "vmap_purge_list", LAZY_HEAD_AT, fake_va(f, fake_area(5) + at),
		f->t->abi.word_bytes);
	fake_put_word(f, fake_area(5) + at, 0, fake_va(f, fake_area(4) + at));
	fake_put_word(f, fake_area(4) + at, 0, 0);
}

/* Two nodes: the first has nothing. */
static inline void fake_vmap_nodes(struct fake *f, enum fake_vmalloc_era era)
{
	unsigned n = era == VMALLOC_SINGLE ? 1 : 2;
	uint64_t bytes = fake_sizeof(f, "vmap_node");
	for (unsigned i = 0; i < n; i++) {
		uint64_t node = NODES_AT + i * bytes;
		bool full = i + 1 == n;
		fake_ring(f, node + fake_offsetof(f, "vmap_node", "busy.head"), 0,
			full ? AREA_LAZY : 0);
		fake_ring(f, node + fake_offsetof(f, "vmap_node", "lazy.head"), AREA_LAZY,
			full ? FAKE_AREAS : AREA_LAZY);
		if (full)
			fake_area_tree(f, node + fake_offsetof(f, "vmap_node", "busy.root"));
	}
	fake_number(f, "nr_vmap_nodes", NUMBERS_AT, n, 4);
	if (era == VMALLOC_SINGLE)
		fake_symbol(f, "single", NODES_AT, bytes);
	else
		fake_number(f, "vmap_nodes", NUMBERS_AT + 8, fake_va(f, NODES_AT),
			f->t->abi.word_bytes);
}

/* The second area is a static mapping of ARM's. */
static inline void fake_static(struct fake *f)
{
	uint64_t list = fake_offsetof(f, "static_vm", "list"), node = fake_vm(1) + list;
	fake_symbol(f, "static_vmlist", STATIC_AT, 16);
	fake_join(f, STATIC_AT, node);
	fake_join(f, node, STATIC_AT);
}

static inline void fake_vmalloc(struct fake *f, unsigned word, enum fake_vmalloc_era era)
{
	fake_init(f, word);
	fake_vmalloc_types(f, era);
	for (unsigned i = 0; i < FAKE_AREAS; i++)
		fake_one_area(f, era, i);
	fake_number(f, "vmap_initialized", NUMBERS_AT + 16, 1, 1);
	fake_static(f);
	if (fake_has_nodes(era)) {
		fake_vmap_nodes(f, era);
		return;
	}
	fake_symbol(f, "vmap_area_list", LIST_HEAD_AT, 16);
	fake_symbol(f, "vmap_area_root", ROOT_AT, word);
	fake_ring(f, LIST_HEAD_AT, 0, era == VMALLOC_4_19 ? FAKE_AREAS : AREA_LAZY);
	fake_area_tree(f, ROOT_AT);
	if (era == VMALLOC_6_1) {
		fake_symbol(f, "purge_vmap_area_list", LAZY_HEAD_AT, 16);
		fake_ring(f, LAZY_HEAD_AT, AREA_LAZY, FAKE_AREAS);
	} else {
		fake_llist(f);
	}
	if (era == VMALLOC_4_19) { /* freed ones are in the tree until they are purged */
		fake_rb(f, fake_area_rb(f, 0), fake_area_rb(f, 1), fake_area_rb(f, 4),
			fake_area_rb(f, 5));
		fake_rb(f, fake_area_rb(f, 4), fake_area_rb(f, 0), 0, 0);
		fake_rb(f, fake_area_rb(f, 5), fake_area_rb(f, 0), 0, 0);
	}
}

#endif
