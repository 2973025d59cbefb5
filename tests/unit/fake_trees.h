/* Trees in a fake target's memory: red-black nodes, XArrays of both dialects, maple trees. */
#ifndef TESTS_UNIT_FAKE_TREES_H
#define TESTS_UNIT_FAKE_TREES_H

#include "tests/unit/fake_kernel.h"

enum fake_dialect { DIALECT_XARRAY, DIALECT_RADIX };

static inline unsigned fake_word(const struct fake *f)
{
	return f->t->abi.word_bytes;
}

static inline void fake_put_word(struct fake *f, uint64_t off, unsigned i, uint64_t v)
{
	fake_put(f->t->dump, off + (uint64_t)i * fake_word(f), v, fake_word(f));
}

/* ---- red-black trees: offsets of nodes, 0 for none ---- */

static inline uint64_t fake_link(const struct fake *f, uint64_t off)
{
	return off ? fake_va(f, off) : 0;
}

static inline void fake_rb(
	struct fake *f, uint64_t node, uint64_t parent, uint64_t left, uint64_t right)
{
	fake_put_word(f, node, 0, fake_link(f, parent) | 1 /* black */);
	fake_put_word(f, node, 1, fake_link(f, right));
	fake_put_word(f, node, 2, fake_link(f, left));
}

/* ---- XArrays ---- */

static inline void fake_xarray_types(struct fake *f, enum fake_dialect dialect)
{
	bool radix = dialect == DIALECT_RADIX;
	fake_struct(f, radix ? "radix_tree_node" : "xa_node",
		(const char *const[]){ "shift:u8", "offset:u8", "count:u8", "nr_values:u8",
			"parent:word", "array:word", "private_list:list", "slots:word[64]", NULL });
	if (radix)
		FAKE_STRUCT(f, "radix_tree_root", "gfp_mask:u32", "rnode:word");
	else
		FAKE_STRUCT(f, "xarray", "xa_lock:u32", "xa_flags:u32", "xa_head:word");
}

static inline const char *fake_xa_node(enum fake_dialect d)
{
	return d == DIALECT_RADIX ? "radix_tree_node" : "xa_node";
}

static inline void fake_xa_slot(
	struct fake *f, enum fake_dialect d, uint64_t node, unsigned slot, uint64_t entry)
{
	fake_put_word(f, node + fake_offsetof(f, fake_xa_node(d), "slots"), slot, entry);
}

/* The entry that stands for the node at @off. */
static inline uint64_t fake_xa_entry(struct fake *f, enum fake_dialect d, uint64_t off)
{
	return fake_va(f, off) | (d == DIALECT_RADIX ? 1 : 2);
}

/* A node of @shift in slot @offset of @parent (0: topmost, below @root). */
static inline void fake_xa(struct fake *f, enum fake_dialect d, uint64_t node, unsigned shift,
	uint64_t parent, unsigned offset)
{
	fake_set(f, fake_xa_node(d), node, "shift", shift);
	fake_set(f, fake_xa_node(d), node, "offset", offset);
	fake_set(f, fake_xa_node(d), node, "parent", fake_link(f, parent));
	if (parent)
		fake_xa_slot(f, d, parent, offset, fake_xa_entry(f, d, node));
}

static inline void fake_xa_head(struct fake *f, enum fake_dialect d, uint64_t root, uint64_t entry)
{
	if (d == DIALECT_RADIX)
		fake_set(f, "radix_tree_root", root, "rnode", entry);
	else
		fake_set(f, "xarray", root, "xa_head", entry);
}

/* ---- maple trees ---- */

enum fake_maple { FAKE_DENSE, FAKE_LEAF, FAKE_RANGE, FAKE_ARANGE };

/* include/linux/maple_tree.h 6.1, its two geometries. */
static inline void fake_maple_types(struct fake *f)
{
	FAKE_STRUCT(f, "maple_tree", "ma_lock:u32", "ma_root:word", "ma_flags:u32");
	if (fake_word(f) == 8) {
		FAKE_STRUCT(f, "maple_node", "parent:word", "slot:word[31]");
		FAKE_STRUCT(f, "maple_range_64", "parent:word", "pivot:word[15]", "slot:word[16]");
		FAKE_STRUCT(f, "maple_arange_64", "parent:word", "pivot:word[9]", "slot:word[10]",
			"gap:word[10]", "end:u8", "gap_slot:u8");
	} else {
		FAKE_STRUCT(f, "maple_node", "parent:word", "slot:word[63]");
		FAKE_STRUCT(f, "maple_range_64", "parent:word", "pivot:word[31]", "slot:word[32]");
		FAKE_STRUCT(f, "maple_arange_64", "parent:word", "pivot:word[20]", "slot:word[21]",
			"gap:word[21]", "end:u8", "gap_slot:u8");
	}
}

static inline const char *fake_maple_struct(enum fake_maple type)
{
	return type == FAKE_DENSE    ? "maple_node"
	       : type == FAKE_ARANGE ? "maple_arange_64"
				     : "maple_range_64";
}

static inline void fake_maple_pivot(
	struct fake *f, enum fake_maple type, uint64_t node, unsigned i, uint64_t pivot)
{
	fake_put_word(f, node + fake_offsetof(f, fake_maple_struct(type), "pivot"), i, pivot);
}

static inline void fake_maple_slot(
	struct fake *f, enum fake_maple type, uint64_t node, unsigned i, uint64_t entry)
{
	fake_put_word(f, node + fake_offsetof(f, fake_maple_struct(type), "slot"), i, entry);
}

static inline uint64_t fake_maple_entry(const struct fake *f, enum fake_maple type, uint64_t node)
{
	return fake_va(f, node) | (uint64_t)type << 3 | 4; /* as 6.1's mt_mk_node() */
}

/* @node becomes child @slot of @parent, which is a RANGE or ARANGE node. */
static inline void fake_maple_child(struct fake *f, enum fake_maple parent_type, uint64_t parent,
	unsigned slot, enum fake_maple type, uint64_t node)
{
	fake_put_word(f, node, 0, fake_va(f, parent) | slot << 3 | 6);
	fake_maple_slot(f, parent_type, parent, slot, fake_maple_entry(f, type, node));
}

static inline void fake_maple_root(
	struct fake *f, uint64_t tree, enum fake_maple type, uint64_t node)
{
	fake_put_word(f, node, 0, fake_va(f, tree) | 1);
	fake_set(f, "maple_tree", tree, "ma_root", fake_maple_entry(f, type, node) | 2);
}

#endif
