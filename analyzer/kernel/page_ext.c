/*
 * mm/page_ext.c, 4.19 to 7.2: an array for each memory section (SPARSEMEM), whose stored address is
 * that of frame 0 if the array went back so far, or one for each node (FLATMEM), which begins at
 * the node's first frame rounded down to the largest order.
 */
#include "analyzer/kernel/page_ext.h"

#include <inttypes.h>

#include "analyzer/kernel/page.h"
#include "analyzer/kernel/zone.h"
#include "analyzer/kernel/zone_internal.h"

#define EXT_HINT "mm/page_ext.c"

struct ext_pointer {
	uint64_t base;
};
static const struct view_field section_fields[] = { FIELD(struct ext_pointer, base, "page_ext") };
static const struct view_spec section_spec = { .type = "mem_section",
	.hint = EXT_HINT,
	.fields = section_fields,
	.nfields = ARRAY_SIZE(section_fields) };

static const struct view_field node_fields[] = { FIELD(struct ext_pointer, base, "node_page_ext") };
static const struct view_spec node_spec = { .type = "pglist_data",
	.hint = EXT_HINT,
	.fields = node_fields,
	.nfields = ARRAY_SIZE(node_fields) };

struct err *page_ext_init(struct target *t, struct page_ext *ret)
{
	enum { ENTRY_MAX = 4096 };
	struct page_ext x = { .t = t };
	uint64_t extra;
	struct page_section section;
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	if (!target_try_variable(t, "page_ext_size", &x.entry_bytes)) {
		/* 4.19: the flags, and beside them what the features asked for */
		if (!target_try_variable(t, "extra_mem", &extra) ||
			!target_number(t, "sizeof(page_ext)", &x.entry_bytes))
			return err_new(ERR_MISSING,
				"there is no page_ext_size: this kernel has no page "
				"extensions, or its vmlinux is needed");
		x.entry_bytes += extra;
	}
	if (!x.entry_bytes || x.entry_bytes > ENTRY_MAX)
		return err_new(ERR_FORMAT, "page_ext_size: %" PRIu64 " bytes make no sense",
			x.entry_bytes);
	err = page_section(t, 0, &section);
	x.flat = err && err->code == ERR_MISSING;
	err_drop(err); /* only whether there are sections was asked for */
	*ret = x;
	return NULL;
}

/* .base 0 stands for it. */
static struct err *no_array(uint64_t pfn)
{
	return err_new(ERR_NOT_FOUND,
		"frame 0x%" PRIx64 " has no page extension: none was switched on "
		"when the kernel booted (page_owner=on)",
		pfn);
}

/* since 6.1 bit 0 of a section's pointer says that its array is going away */
static struct err *find_sparse(struct page_ext *x, uint64_t pfn)
{
	const struct view *v;
	struct page_section s;
	struct ext_pointer p;
	struct err *err = page_section(x->t, pfn, &s);
	if (!err)
		err = target_view(x->t, &section_spec, &v);
	if (!err)
		err = view_read(v, x->t->kernel, s.va, &p);
	if (err)
		return err;
	x->base = p.base & 1 ? 0 : p.base;
	x->first = s.first_pfn;
	x->n = s.npfns;
	return NULL;
}

static struct err *find_flat(struct page_ext *x, uint64_t pfn)
{
	const struct view *v;
	struct zone_array orders;
	scoped_free struct node *nodes = NULL;
	unsigned n = 0;
	struct err *err = zone_nodes_read(x->t, &nodes, &n);
	if (!err)
		err = target_view(x->t, &node_spec, &v);
	if (!err)
		err = zone_array_find(x->t, "zone", "free_area", &orders);
	if (!err && (!orders.count || orders.count > 32))
		err = err_new(ERR_FORMAT, "zone.free_area has %" PRIu64 " orders", orders.count);
	for (unsigned i = 0; !err && i < n; i++) {
		struct ext_pointer p;
		uint64_t first = nodes[i].start_pfn, largest = 1ull << (orders.count - 1);
		if (pfn < first || pfn - first >= nodes[i].spanned)
			continue;
		err = view_read(v, x->t->kernel, nodes[i].va, &p);
		if (err)
			return err;
		x->base = p.base ? p.base - (first & ~(largest - 1)) * x->entry_bytes : 0;
		x->first = first;
		x->n = nodes[i].spanned;
		return NULL;
	}
	return err ? err : err_new(ERR_NOT_FOUND, "frame 0x%" PRIx64 " is in no node", pfn);
}

struct err *page_ext_find(struct page_ext *x, uint64_t pfn, uint64_t *ret_va)
{
	if (pfn - x->first >= x->n) {
		struct err *err = x->flat ? find_flat(x, pfn) : find_sparse(x, pfn);
		if (err)
			return err;
	}
	if (!x->base)
		return no_array(pfn);
	uint64_t va = x->base + pfn * x->entry_bytes;
	*ret_va = x->t->abi.word_bytes == 4 ? va & UINT32_MAX : va;
	return NULL;
}
