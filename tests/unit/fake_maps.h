/* Resource trees, device trees and user areas in a fake target's memory. */
#ifndef TESTS_UNIT_FAKE_MAPS_H
#define TESTS_UNIT_FAKE_MAPS_H

#include "analyzer/kernel/device_tree.h"
#include "analyzer/kernel/resource.h"
#include "analyzer/kernel/vma.h"
#include "tests/unit/fake_trees.h"

/* How a kernel keeps its areas: up to 6.0, the same with the list alone, since 6.3. */
enum fake_mm_era { MM_RBTREE, MM_LIST_ONLY, MM_MAPLE };

/* Where the roots lie. */
enum { IOMEM_AT = 0x100, OF_ROOT_AT = 0x180, MM_AT = 0x1000, GATE_AT = 0x300 };

static inline void fake_resource_types(struct fake *f)
{
	FAKE_STRUCT(f, "resource", "start:word", "end:word", "name:word", "flags:word", "desc:word",
		"parent:word", "sibling:word", "child:word");
	fake_symbol(f, "iomem_resource", IOMEM_AT, 8 * fake_word(f));
}

static inline void fake_resource(struct fake *f, uint64_t at, uint64_t start, uint64_t end,
	uint64_t parent, uint64_t sibling, uint64_t child)
{
	fake_set(f, "resource", at, "start", start);
	fake_set(f, "resource", at, "end", end);
	fake_set(f, "resource", at, "flags", 0x200);
	fake_set(f, "resource", at, "parent", fake_link(f, parent));
	fake_set(f, "resource", at, "sibling", fake_link(f, sibling));
	fake_set(f, "resource", at, "child", fake_link(f, child));
}

static inline void fake_text(struct fake *f, uint64_t at, const char *text)
{
	fake_bytes(f, at, text, strlen(text) + 1);
}

static inline void fake_device_tree_types(struct fake *f)
{
	FAKE_STRUCT(f, "property", "name:word", "length:u32", "value:word", "next:word");
	FAKE_STRUCT(f, "device_node", "name:word", "phandle:u32", "full_name:word", "fwnode:word",
		"properties:word", "deadprops:word", "parent:word", "child:word", "sibling:word");
	fake_symbol(f, "of_root", OF_ROOT_AT, fake_word(f));
}

static inline void fake_device_node(struct fake *f, uint64_t at, uint64_t name, uint64_t parent,
	uint64_t child, uint64_t sibling, uint64_t properties)
{
	fake_set(f, "device_node", at, "full_name", fake_link(f, name));
	fake_set(f, "device_node", at, "parent", fake_link(f, parent));
	fake_set(f, "device_node", at, "child", fake_link(f, child));
	fake_set(f, "device_node", at, "sibling", fake_link(f, sibling));
	fake_set(f, "device_node", at, "properties", fake_link(f, properties));
}

static inline void fake_property(
	struct fake *f, uint64_t at, uint64_t name, uint64_t value, uint32_t length, uint64_t next)
{
	fake_set(f, "property", at, "name", fake_link(f, name));
	fake_set(f, "property", at, "value", fake_link(f, value));
	fake_set(f, "property", at, "length", length);
	fake_set(f, "property", at, "next", fake_link(f, next));
}

static inline void fake_vma_types(struct fake *f, enum fake_mm_era era)
{
	FAKE_STRUCT(f, "rb_node", "rb_parent_color:word", "rb_right:word", "rb_left:word");
	FAKE_STRUCT(f, "uffd", "ctx:word");
	FAKE_STRUCT(f, "atomic_t", "counter:u32");
	FAKE_STRUCT(f, "vm_operations_struct", "open:word", "close:word", "name:word");
	FAKE_STRUCT(f, "vm_special_mapping", "name:word");
	FAKE_STRUCT(f, "anon_vma_name", "kref:u32", "name:char[16]");
	if (era == MM_MAPLE)
		fake_maple_types(f);
#define VMA_TAIL                                                                                   \
	"vm_mm:word", "vm_flags:word", "anon_vma_chain:list", "anon_vma:word", "vm_ops:word",      \
		"vm_pgoff:word", "vm_file:word", "vm_private_data:word", "vm_policy:word",         \
		"vm_userfaultfd_ctx:uffd"
	if (era == MM_MAPLE)
		FAKE_STRUCT(f, "vm_area_struct", "vm_start:word", "vm_end:word", VMA_TAIL,
			"anon_name:word", "__vm_flags:word", "shared:rb_node");
	else
		FAKE_STRUCT(f, "vm_area_struct", "vm_start:word", "vm_end:word", "vm_next:word",
			"vm_rb:rb_node", VMA_TAIL);
#define MM_TAIL                                                                                    \
	"map_count:u32", "mm_users:atomic_t", "mmap_base:word", "flags:word", "start_code:word",   \
		"end_code:word", "start_data:word", "end_data:word", "start_brk:word", "brk:word", \
		"start_stack:word", "arg_start:word", "arg_end:word", "env_start:word",            \
		"env_end:word", "total_vm:word", "locked_vm:word", "stack_vm:word",                \
		"data_vm:word", "exec_vm:word"
	if (era == MM_MAPLE)
		FAKE_STRUCT(f, "mm_struct", "mm_mt:maple_tree", MM_TAIL);
	else if (era == MM_RBTREE)
		FAKE_STRUCT(f, "mm_struct", "mmap:word", "mm_rb:word", MM_TAIL);
	else
		FAKE_STRUCT(f, "mm_struct", "mmap:word", MM_TAIL);
}

static inline void fake_vma(
	struct fake *f, uint64_t at, uint64_t start, uint64_t end, uint64_t flags)
{
	fake_set(f, "vm_area_struct", at, "vm_start", start);
	fake_set(f, "vm_area_struct", at, "vm_end", end);
	fake_set(f, "vm_area_struct", at, "vm_flags", flags);
	fake_set(f, "vm_area_struct", at, "vm_pgoff", start >> 12);
	fake_set(f, "vm_area_struct", at, "vm_mm", fake_va(f, MM_AT));
}

/* Three areas at 0x2000, 0x2200, 0x2400 of the window, in whatever the era keeps them in. */
static inline void fake_three_vmas(struct fake *f, enum fake_mm_era era)
{
	static const uint64_t at[] = { 0x2000, 0x2200, 0x2400 };
	for (unsigned i = 0; i < 3; i++)
		fake_vma(f, at[i], 0x10000 + i * 0x1000, 0x11000 + i * 0x1000, 3);
	fake_set(f, "mm_struct", MM_AT, "map_count", 3);
	if (era == MM_MAPLE) {
		uint64_t tree = MM_AT + fake_offsetof(f, "mm_struct", "mm_mt"), leaf = 0x3000;
		fake_maple_root(f, tree, FAKE_LEAF, leaf);
		fake_maple_pivot(f, FAKE_LEAF, leaf, 0, 0xffff);
		for (unsigned i = 0; i < 3; i++) {
			fake_maple_pivot(f, FAKE_LEAF, leaf, i + 1, 0x10fff + i * 0x1000);
			fake_maple_slot(f, FAKE_LEAF, leaf, i + 1, fake_va(f, at[i]));
		}
		fake_maple_pivot(
			f, FAKE_LEAF, leaf, 4, fake_word(f) == 4 ? UINT32_MAX : UINT64_MAX);
		return;
	}
	uint64_t rb = fake_offsetof(f, "vm_area_struct", "vm_rb");
	for (unsigned i = 0; i < 2; i++)
		fake_set(f, "vm_area_struct", at[i], "vm_next", fake_va(f, at[i + 1]));
	fake_set(f, "mm_struct", MM_AT, "mmap", fake_va(f, at[0]));
	if (era == MM_RBTREE) {
		fake_set(f, "mm_struct", MM_AT, "mm_rb", fake_va(f, at[1] + rb));
		fake_rb(f, at[1] + rb, 0, at[0] + rb, at[2] + rb);
		fake_rb(f, at[0] + rb, at[1] + rb, 0, 0);
		fake_rb(f, at[2] + rb, at[1] + rb, 0, 0);
	}
}

#endif
