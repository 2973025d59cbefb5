/*
 * Walks maple trees (lib/maple_tree.c, include/linux/maple_tree.h, 6.1 to 7.2; the nodes did not
 * change). A node pointer has its type in bits 3 to 6 of the 256-byte aligned address. Slot i holds
 * the range from behind pivot i - 1 to pivot i; the last one used ends at the node's maximum.
 */
#include "analyzer/kernel/maple.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"

enum {
	MAPLE_ENTRIES_MAX = 1 << 26,
	/* Entries with low bits 10 are internal; those that are no nodes lie below (xarray.h). */
	INTERNAL_LOW = 3,
	INTERNAL = 2,
	RESERVED_MAX = 4096,
	/* enum maple_type; 4, copy, is never part of a tree */
	MAPLE_DENSE = 0,
	MAPLE_LEAF_64 = 1,
	MAPLE_RANGE_64 = 2,
	MAPLE_ARANGE_64 = 3,
	TYPE_SHIFT = 3,
	TYPE_MASK = 15,
	/* What the low byte of a node's parent word says, "The Parent Pointer" in 6.1's lib. */
	PARENT_IS_TREE = 1,
	PARENT_KIND = 7,
	PARENT_RANGE_64 = 6,
	PARENT_SLOT_SHIFT = 3,
};
static const uint64_t node_mask = MAPLE_NODE_BYTES - 1;

struct tree {
	uint64_t root;
};
static const struct view_field tree_fields[] = {
	FIELD(struct tree, root, "ma_root"),
};
static const struct view_spec tree_spec = { .type = "maple_tree",
	.hint = "lib/maple_tree.c",
	.fields = tree_fields,
	.nfields = ARRAY_SIZE(tree_fields) };

/* ---- the shapes of nodes ----------------------------------------------- */

/* The array @member of @type: where it begins and how long it is. */
static struct err *find_array(struct types *db, const struct type *type, const char *member,
	unsigned *ret_at, unsigned *ret_n)
{
	struct field_ref f;
	struct err *err = type_field(db, type, member, &f);
	if (err)
		return err;
	const struct type *array = type_strip(f.type);
	uint64_t word = types_abi(db)->word_bytes, at = f.bit_offset / 8;
	if (array->kind != TYPE_ARRAY || at >= MAPLE_NODE_BYTES || !array->count ||
		array->count > (MAPLE_NODE_BYTES - at) / word)
		return err_new(ERR_FORMAT, "struct %s: member %s is no array within a node",
			type->name, member);
	*ret_at = (unsigned)at;
	*ret_n = (unsigned)array->count;
	return NULL;
}

static struct err *find_shape(struct types *db, const char *type_name, struct maple_shape *ret)
{
	const struct type *type;
	struct err *err = types_find(db, TYPE_STRUCT, type_name, tree_spec.hint, &type);
	if (!err)
		err = find_array(db, type, "slot", &ret->slot_at, &ret->nslots);
	if (!err && strcmp(type_name, "maple_node"))
		err = find_array(db, type, "pivot", &ret->pivot_at, &ret->npivots);
	if (!err && ret->npivots && ret->npivots + 1 != ret->nslots)
		err = err_new(ERR_FORMAT, "struct %s: %u pivots for %u slots", type_name,
			ret->npivots, ret->nslots);
	return err;
}

static struct err *find_shapes(struct maple_iter *it)
{
	struct types *db = it->t->types;
	struct err *err = find_shape(db, "maple_node", &it->shape[MAPLE_DENSE]);
	if (!err)
		err = find_shape(db, "maple_range_64", &it->shape[MAPLE_RANGE_64]);
	if (!err)
		err = find_shape(db, "maple_arange_64", &it->shape[MAPLE_ARANGE_64]);
	it->shape[MAPLE_LEAF_64] = it->shape[MAPLE_RANGE_64];
	return err;
}

struct err *maple_iter_init(struct maple_iter *it, struct target *t, uint64_t tree)
{
	struct tree head;
	const struct view *v;
	it->t = t;
	it->tree = tree;
	it->started = false;
	it->count = it->depth = 0;
	memset(it->shape, 0, sizeof(it->shape));
	struct err *err = target_view(t, &tree_spec, &v);
	if (!err)
		err = find_shapes(it);
	if (!err)
		err = view_read(v, t->kernel, tree, &head);
	if (!err)
		it->root = head.root;
	return err_wrap(err, "maple tree at 0x%" PRIx64, tree);
}

/* ---- the walk ----------------------------------------------- */

/* Of the root's entry: it alone has the mark of xa_is_node() (mte_mk_root()). Those inside of nodes
 * are known by the level they stand on. */
static bool is_node(uint64_t entry)
{
	return (entry & INTERNAL_LOW) == INTERNAL && entry > RESERVED_MAX;
}

static bool is_reserved(uint64_t entry)
{
	return (entry & INTERNAL_LOW) == INTERNAL && entry <= RESERVED_MAX;
}

static uint64_t word_at(const struct maple_iter *it, const struct maple_frame *f, unsigned at)
{
	return load_uint(&it->t->abi, f->bytes + at, it->t->abi.word_bytes);
}

static bool same_place(const struct target *t, uint64_t a, uint64_t b)
{
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	return t->arch->untag(l, a) == t->arch->untag(l, b);
}

/* A node's first word says whose child it is: held against the way that led there, so that no node
 * comes twice. A node that was replaced points to itself (ma_dead_node()). */
static struct err *check_parent(
	const struct maple_iter *it, const struct maple_frame *f, const struct maple_frame *up)
{
	uint64_t parent = word_at(it, f, 0), node = parent & ~node_mask;
	unsigned slot = (unsigned)(parent & node_mask) >> PARENT_SLOT_SHIFT;
	if (same_place(it->t, node, f->va))
		return err_new(ERR_FORMAT, "it is dead: no longer part of the tree");
	if (!up && !(parent & PARENT_IS_TREE))
		return err_new(ERR_FORMAT, "it does not say that it is a root");
	if (!up)
		return NULL;
	if ((parent & PARENT_KIND) != PARENT_RANGE_64 || slot != up->slot ||
		!same_place(it->t, node, up->va))
		return err_new(ERR_FORMAT,
			"it says it is slot %u of 0x%" PRIx64 ", not slot %u of 0x%" PRIx64, slot,
			node, up->slot, up->va);
	return NULL;
}

/* Goes down to node @entry, which has the range from @first to @max. */
static struct err *enter(struct maple_iter *it, uint64_t entry, uint64_t first, uint64_t max)
{
	if (it->depth == MAPLE_DEPTH_MAX)
		return err_new(ERR_LIMIT, "more than %d levels", MAPLE_DEPTH_MAX);
	struct maple_frame *f = &it->stack[it->depth];
	*f = (struct maple_frame){ .va = entry & ~node_mask,
		.type = entry >> TYPE_SHIFT & TYPE_MASK,
		.first = first,
		.max = max };
	struct err *err = NULL;
	if (f->type > MAPLE_ARANGE_64)
		err = err_new(ERR_FORMAT, "a type of %u is not known", f->type);
	if (!err)
		err = vspace_read(it->t->kernel, f->va, f->bytes, sizeof(f->bytes));
	if (!err)
		err = check_parent(it, f, it->depth ? f - 1 : NULL);
	if (err)
		return err_wrap(err, "node 0x%" PRIx64, f->va);
	it->depth++;
	return NULL;
}

/* The range of slot f->slot. A pivot of 0 behind the first is one that was never set: the slot ends
 * where the node does (mas_logical_pivot()). */
static struct err *take_range(
	const struct maple_iter *it, struct maple_frame *f, uint64_t *ret_first, uint64_t *ret_last)
{
	const struct maple_shape *s = &it->shape[f->type];
	unsigned word = it->t->abi.word_bytes;
	uint64_t last = f->max;
	if (f->type == MAPLE_DENSE)
		last = f->first;
	else if (f->slot < s->npivots)
		last = word_at(it, f, s->pivot_at + f->slot * word);
	if (!last && f->slot)
		last = f->max;
	if (last < f->first || last > f->max) {
		f->next_slot = s->nslots; /* what follows would be as wrong */
		return err_new(ERR_FORMAT,
			"node 0x%" PRIx64 ", slot %u ends at 0x%" PRIx64 ", outside of 0x%" PRIx64
			" to 0x%" PRIx64,
			f->va, f->slot, last, f->first, f->max);
	}
	*ret_first = f->first;
	*ret_last = last;
	if (last == f->max)
		f->next_slot = s->nslots;
	f->first = last + 1;
	return NULL;
}

/* One slot of the lowest node on the stack, or up. */
static struct err *step(struct maple_iter *it, struct maple_entry *ret, bool *ret_found)
{
	struct maple_frame *f = &it->stack[it->depth - 1];
	const struct maple_shape *s = &it->shape[f->type];
	uint64_t first = 0, last = 0;
	if (f->next_slot >= s->nslots) {
		it->depth--;
		return NULL;
	}
	f->slot = f->next_slot++;
	struct err *err = take_range(it, f, &first, &last);
	if (err)
		return err;
	uint64_t entry = word_at(it, f, s->slot_at + f->slot * it->t->abi.word_bytes);
	if (!entry)
		return NULL;
	if (f->type == MAPLE_RANGE_64 || f->type == MAPLE_ARANGE_64)
		return enter(it, entry, first, last);
	*ret_found = !is_reserved(entry);
	*ret = (struct maple_entry){ first, last, entry };
	return NULL;
}

static struct err *start(struct maple_iter *it, struct maple_entry *ret, bool *ret_found)
{
	it->started = true;
	if (is_node(it->root))
		return enter(it, it->root, 0, it->t->abi.word_bytes == 4 ? UINT32_MAX : UINT64_MAX);
	/* A single entry at index 0 needs no node. */
	*ret_found = it->root && !is_reserved(it->root);
	*ret = (struct maple_entry){ .entry = it->root };
	return NULL;
}

struct err *maple_iter_next(struct maple_iter *it, struct maple_entry *ret, bool *ret_more)
{
	struct maple_entry entry;
	bool found = false;
	*ret_more = false;
	struct err *err = interrupt_check();
	if (!err && it->count++ == MAPLE_ENTRIES_MAX)
		err = err_new(ERR_LIMIT, "more than %d entries", MAPLE_ENTRIES_MAX);
	else if (!err && !it->started)
		err = start(it, &entry, &found);
	while (!err && !found && it->depth) {
		err = step(it, &entry, &found);
		if (!err)
			err = interrupt_check();
	}
	if (err) {
		*ret_more = it->depth && err->code != ERR_LIMIT && err->code != ERR_INTERRUPTED;
		return err_wrap(err, "maple tree at 0x%" PRIx64, it->tree);
	}
	*ret_more = found;
	if (found)
		*ret = entry;
	return NULL;
}

void maple_iter_position(const struct maple_iter *it, struct strbuf *out)
{
	strbuf_add(out, "root");
	for (unsigned i = 0; i < it->depth; i++)
		strbuf_addf(out, "/%u", it->stack[i].slot);
}
