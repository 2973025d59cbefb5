/*
 * Walks XArrays. Two dialects: since 4.20 (include/linux/xarray.h 6.1) low bits 10 are internal to
 * the array: a node above 4096, below that siblings, then retry and zero; bit 0 marks a number.
 * Before (include/linux/radix-tree.h 4.19) 01 are a node or a sibling, which points into its own
 * node's slots, and 10 a number. Nodes have the same members in both.
 */
#include "analyzer/kernel/xarray.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"

enum {
	XARRAY_ENTRIES_MAX = 1 << 26,
	LOW_BITS = 3,
	XA_INTERNAL = 2,
	XA_INTERNAL_MAX = 4096, /* below: no pointers */
	RADIX_NODE = 1,
	RADIX_VALUE = 2,
};

struct head {
	uint64_t entry;
};
static const struct view_field head_fields[] = {
	FIELD(struct head, entry, "xa_head", "rnode"), /* renamed in 4.20 */
};
static const struct view_spec head_spec = { .type = "xarray",
	.type_old = "radix_tree_root",
	.hint = "lib/xarray.c",
	.fields = head_fields,
	.nfields = ARRAY_SIZE(head_fields) };

struct node {
	uint8_t shift, offset;
	uint64_t parent, slots_va;
};
static const struct view_field node_fields[] = {
	FIELD(struct node, shift, "shift"),
	FIELD(struct node, offset, "offset"),
	FIELD(struct node, parent, "parent"),
	FIELD_ADDRESS(struct node, slots_va, "slots"),
};
static const struct view_spec node_spec = { .type = "xa_node",
	.type_old = "radix_tree_node",
	.hint = "lib/xarray.c",
	.fields = node_fields,
	.nfields = ARRAY_SIZE(node_fields) };

/* How many index bits a node decodes: XA_CHUNK_SHIFT, by the length of its array. */
static struct err *find_chunk(struct xarray_iter *it, const struct type *type)
{
	struct field_ref slots;
	struct err *err = type_field(it->t->types, type, "slots", &slots);
	if (err)
		return err;
	uint64_t n = type_strip(slots.type)->count;
	if (n < 16 || n > 256 || n & (n - 1))
		return err_new(ERR_FORMAT, "struct %s: %" PRIu64 " slots", type->name, n);
	it->chunk_shift = (unsigned)__builtin_ctzll(n);
	return NULL;
}

static struct err *bind(struct xarray_iter *it, struct target *t, uint64_t root)
{
	const struct type *type;
	*it = (struct xarray_iter){ .t = t, .root = root };
	struct err *err = target_view(t, &node_spec, &it->node);
	if (err)
		return err;
	err = types_find(t->types, TYPE_STRUCT, node_spec.type, node_spec.hint, &type);
	if (err) {
		err_drop(err); /* the view is bound, so it has the older name */
		it->is_radix = true;
		err = types_find(t->types, TYPE_STRUCT, node_spec.type_old, node_spec.hint, &type);
	}
	return err ? err : find_chunk(it, type);
}

struct err *xarray_iter_init(struct xarray_iter *it, struct target *t, uint64_t root)
{
	struct head head;
	const struct view *v = NULL;
	struct err *err = bind(it, t, root);
	if (!err)
		err = target_view(t, &head_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, root, &head);
	if (!err)
		it->head = head.entry;
	return err_wrap(err, "xarray at 0x%" PRIx64, root);
}

struct idr {
	uint64_t root_va;
	uint32_t base;
};
static const struct view_field idr_fields[] = {
	FIELD_ADDRESS(struct idr, root_va, "idr_rt"),
	FIELD_OPTIONAL(struct idr, base, "idr_base"),
};
static const struct view_spec idr_spec = { .type = "idr",
	.hint = "lib/idr.c",
	.fields = idr_fields,
	.nfields = ARRAY_SIZE(idr_fields) };

struct err *xarray_iter_init_idr(struct xarray_iter *it, struct target *t, uint64_t va)
{
	struct idr idr = { 0 };
	const struct view *v = NULL;
	struct err *err = target_view(t, &idr_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &idr);
	if (!err)
		err = xarray_iter_init(it, t, idr.root_va);
	if (!err)
		it->index_base = idr.base;
	return err_wrap(err, "idr at 0x%" PRIx64, va);
}

struct err *xarray_iter_init_node(struct xarray_iter *it, struct target *t, uint64_t node)
{
	struct err *err = bind(it, t, node);
	if (!err)
		it->head = node | (it->is_radix ? RADIX_NODE : XA_INTERNAL);
	return err_wrap(err, "xarray node at 0x%" PRIx64, node);
}

/* ---- entries ----------------------------------------------- */

enum entry_kind { ENTRY_NONE, ENTRY_NODE, ENTRY_SIBLING, ENTRY_VALUE, ENTRY_POINTER };

static bool is_in_slots(const struct xarray_iter *it, const struct xarray_frame *f, uint64_t va)
{
	return f && va >= f->slots_va &&
	       va - f->slots_va < (uint64_t)it->t->abi.word_bytes << it->chunk_shift;
}

/* @f is the node that holds the entry; NULL: the root does. */
static enum entry_kind kind_of(
	const struct xarray_iter *it, const struct xarray_frame *f, uint64_t entry)
{
	unsigned low = entry & LOW_BITS;
	if (!entry)
		return ENTRY_NONE;
	if (it->is_radix && low == RADIX_NODE) {
		if (entry == RADIX_NODE) /* RADIX_TREE_RETRY */
			return ENTRY_NONE;
		return is_in_slots(it, f, entry & ~(uint64_t)LOW_BITS) ? ENTRY_SIBLING : ENTRY_NODE;
	}
	if (it->is_radix)
		return low == RADIX_VALUE ? ENTRY_VALUE : ENTRY_POINTER;
	if (low == XA_INTERNAL) {
		if (entry > XA_INTERNAL_MAX)
			return ENTRY_NODE;
		/* Behind the siblings come retry (256) and zero (257): reserved, nothing stored. */
		return entry >> 2 < 1ull << it->chunk_shift ? ENTRY_SIBLING : ENTRY_NONE;
	}
	return low & 1 ? ENTRY_VALUE : ENTRY_POINTER;
}

/* The slot whose entry a sibling repeats. */
static uint64_t sibling_of(
	const struct xarray_iter *it, const struct xarray_frame *f, uint64_t entry)
{
	return it->is_radix ? ((entry & ~(uint64_t)LOW_BITS) - f->slots_va) / it->t->abi.word_bytes
			    : entry >> 2;
}

static uint64_t whole_word(const struct xarray_iter *it, uint64_t v)
{
	return it->t->abi.word_bytes == 4 ? (uint32_t)v : v;
}

static struct err *read_slot(
	const struct xarray_iter *it, const struct xarray_frame *f, unsigned slot, uint64_t *ret)
{
	return vspace_read_word(
		it->t->kernel, f->slots_va + (uint64_t)slot * it->t->abi.word_bytes, ret);
}

/* How many slots from @slot on have the same entry; a slot that cannot be read is none of them. */
static unsigned span(const struct xarray_iter *it, const struct xarray_frame *f, unsigned slot)
{
	unsigned n = 1;
	uint64_t e;
	while (slot + n < 1u << it->chunk_shift &&
		vspace_try_word(it->t->kernel,
			f->slots_va + (uint64_t)(slot + n) * it->t->abi.word_bytes, &e) &&
		kind_of(it, f, e) == ENTRY_SIBLING && sibling_of(it, f, e) == slot)
		n++;
	return n;
}

/* ---- the walk ----------------------------------------------- */

static bool same_place(const struct target *t, uint64_t a, uint64_t b)
{
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	return t->arch->untag(l, a) == t->arch->untag(l, b);
}

/* What a node says of its place must be its place: no node comes twice, and no walk is endless. The
 * topmost one may be of any height (and, when a person gave it, anywhere). */
static struct err *check_place(
	const struct xarray_iter *it, const struct node *n, const struct xarray_frame *up)
{
	if (up && (!same_place(it->t, n->parent, up->va) || n->offset != up->slot))
		return err_new(ERR_FORMAT,
			"it says it is slot %u of 0x%" PRIx64 ", not slot %u of 0x%" PRIx64,
			n->offset, n->parent, up->slot, up->va);
	if (n->shift >= it->t->abi.word_bytes * 8 || n->shift % it->chunk_shift ||
		(up && n->shift + it->chunk_shift != up->shift))
		return err_new(ERR_FORMAT, "a shift of %u does not fit there", n->shift);
	return NULL;
}

static struct err *enter(
	struct xarray_iter *it, uint64_t entry, const struct xarray_frame *up, uint64_t index)
{
	struct node n;
	uint64_t va = entry & ~(uint64_t)LOW_BITS;
	struct err *err = it->depth == XARRAY_DEPTH_MAX
				  ? err_new(ERR_LIMIT, "more than %d levels", XARRAY_DEPTH_MAX)
				  : view_read(it->node, it->t->kernel, va, &n);
	if (!err)
		err = check_place(it, &n, up);
	if (err)
		return err_wrap(err, "node 0x%" PRIx64, va);
	it->stack[it->depth++] = (struct xarray_frame){
		.va = va, .slots_va = n.slots_va, .index = index, .shift = n.shift
	};
	return NULL;
}

static void fill(const struct xarray_iter *it, enum entry_kind kind, uint64_t entry,
	struct xarray_entry *ret)
{
	ret->entry = entry;
	ret->is_value = kind == ENTRY_VALUE;
	ret->value = ret->is_value ? entry >> (it->is_radix ? 2 : 1) : 0;
}

static struct err *start(struct xarray_iter *it, struct xarray_entry *ret, bool *ret_found)
{
	enum entry_kind kind = kind_of(it, NULL, it->head);
	it->started = true;
	if (kind == ENTRY_NODE)
		return enter(it, it->head, NULL, 0);
	*ret_found = kind == ENTRY_VALUE || kind == ENTRY_POINTER;
	if (*ret_found) {
		ret->index = ret->last = 0;
		fill(it, kind, it->head, ret);
	}
	return NULL;
}

/* One slot of the lowest node on the stack, or up. ->slot is that of the child or entry until the
 * next call, for check_place() and positions. */
static struct err *step(struct xarray_iter *it, struct xarray_entry *ret, bool *ret_found)
{
	struct xarray_frame *f = &it->stack[it->depth - 1];
	uint64_t entry;
	if (f->slot >> it->chunk_shift) {
		it->depth--;
		if (it->depth)
			it->stack[it->depth - 1].slot++;
		return NULL;
	}
	struct err *err = read_slot(it, f, f->slot, &entry);
	enum entry_kind kind = err ? ENTRY_NONE : kind_of(it, f, entry);
	uint64_t index = f->index + ((uint64_t)f->slot << f->shift);
	if (kind == ENTRY_NODE) {
		err = f->shift ? enter(it, entry, f, index)
			       : err_new(ERR_FORMAT, "node 0x%" PRIx64 " below the lowest level",
					 entry);
		f->slot += err != NULL;
		return err;
	}
	*ret_found = kind == ENTRY_VALUE || kind == ENTRY_POINTER;
	if (*ret_found) {
		uint64_t n = span(it, f, f->slot);
		ret->index = whole_word(it, index);
		ret->last = whole_word(it, index + (n << f->shift) - 1);
		fill(it, kind, entry, ret);
	}
	f->slot++;
	return err;
}

struct err *xarray_iter_next(struct xarray_iter *it, struct xarray_entry *ret, bool *ret_more)
{
	bool found = false;
	*ret_more = false;
	struct err *err = interrupt_check();
	if (!err && it->count++ == XARRAY_ENTRIES_MAX)
		err = err_new(ERR_LIMIT, "more than %d entries", XARRAY_ENTRIES_MAX);
	else if (!err && !it->started)
		err = start(it, ret, &found);
	while (!err && !found && it->depth) {
		err = step(it, ret, &found);
		if (!err)
			err = interrupt_check();
	}
	if (err) {
		*ret_more = it->depth && err->code != ERR_LIMIT && err->code != ERR_INTERRUPTED;
		return err_wrap(err, "xarray at 0x%" PRIx64, it->root);
	}
	if (found) {
		ret->index = whole_word(it, ret->index + it->index_base);
		ret->last = whole_word(it, ret->last + it->index_base);
	}
	*ret_more = found;
	return NULL;
}

void xarray_iter_position(const struct xarray_iter *it, struct strbuf *out)
{
	strbuf_add(out, "root");
	for (unsigned i = 0; i < it->depth; i++)
		strbuf_addf(out, "/%u", it->stack[i].slot - (i + 1 == it->depth));
}
