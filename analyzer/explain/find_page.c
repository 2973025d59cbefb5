/* The frame: whose its page is, who allocated it, its zone, and who claims the physical range. */
#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/explain/explain_internal.h"
#include "analyzer/kernel/memblock.h"
#include "analyzer/kernel/page_owner.h"
#include "analyzer/kernel/page_state.h"
#include "analyzer/kernel/resource.h"
#include "analyzer/kernel/stack_depot.h"

/* ---- the page ---------------------------------------------------------------------------- */

/* The first frames that are not the page allocator's own say who it was. No module is the
 * allocator's. */
static const char *stack_words(struct explain_cx *cx, uint32_t handle)
{
	enum { TOLD = 3 };
	static const char *const machinery[] = { "page", "folio", "slab", "kmalloc", "kmem_cache",
		"stack_trace", "vmalloc", "save_stack" };
	uint64_t pc[STACK_DEPOT_FRAMES_MAX];
	scoped_strbuf struct strbuf b = { 0 };
	size_t n = 0;
	unsigned told = 0;
	struct err *err =
		handle ? stack_depot_fetch(cx->t, handle, pc, STACK_DEPOT_FRAMES_MAX, &n) : NULL;
	err_drop(err); /* the record is gone: the page is known without it */
	for (size_t i = 0; i < n && told < TOLD; i++) {
		struct symbol s;
		bool own = false;
		if (!symtab_at(cx->t->syms, symtab_call_va(pc[i]), &s))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(machinery) && !told && !s.module; k++)
			own |= strstr(s.name, machinery[k]) != NULL;
		if (!own)
			strbuf_addf(&b, "%s%s", told++ ? " < " : "", s.name);
	}
	return arena_strdup(cx->a, strbuf_text(&b));
}

static struct err *show_owner(struct explain_cx *cx, uint64_t pfn)
{
	struct page_owner_source s;
	struct page_owner o;
	struct err *err = page_owner_init(cx->t, &s);
	if (!err)
		err = page_owner_read(&s, pfn, &o);
	if (err && (err->code == ERR_MISSING || err->code == ERR_NOT_FOUND)) {
		err_drop(err); /* it was not switched on */
		return NULL;
	}
	if (err)
		return explain_trouble(cx, "page_owner", err);
	if (!o.known)
		return NULL;
	const char *stack = stack_words(cx, o.handle);
	const char *task = o.has_task ? arena_printf(cx->a, " by pid %u", o.pid) : "";
	struct explain_row *r = explain_add(cx, EXPLAIN_PAGE_OWNER, "%s%s, order %u%s%s",
		o.allocated ? "allocated" : "free, last allocated", task, (unsigned)o.order,
		*stack ? ": " : "", stack);
	r->state = o.allocated ? "allocated" : "free";
	r->has_pid = o.has_task;
	r->pid = o.pid;
	r->is_stale = !o.allocated;
	return NULL;
}

struct err *explain_find_page(struct explain_cx *cx)
{
	struct page_state s;
	if (!cx->has_pa)
		return NULL;
	unsigned shift = page_shift(cx->t);
	struct err *err = page_state_read(cx->t, cx->pa >> shift, &s);
	if (err && err->code == ERR_NOT_FOUND) {
		err_drop(err); /* a device, or what the kernel does not manage */
		return NULL;
	}
	if (err)
		return explain_trouble(cx, "the page", err);
	bool folio = s.order && s.order < 32;
	bool is_free = s.is_free || !strcmp(s.owner, "free") || !strcmp(s.owner, "buddy");
	struct explain_row *r = explain_add(cx, EXPLAIN_PAGE, "%s, pfn 0x%" PRIx64 "%s%s",
		is_free ? "free" : s.owner, s.pfn,
		folio ? arena_printf(cx->a, ", in a folio of %u pages", 1u << s.order) : "",
		s.is_free ? arena_printf(cx->a, ", in a free block of order %u", s.block_order)
			  : "");
	r->name = s.owner;
	r->state = is_free ? "free" : s.owner;
	r->has_pfn = true;
	r->pfn = s.pfn;
	r->type = "struct page";
	r->object_va = s.page.va;
	r->is_stale = is_free;
	r->has_range = r->has_offset = true;
	r->start = cx->has_va ? cx->va & -(1ull << shift) : s.pfn << shift;
	r->size = 1ull << shift;
	r->offset = (int64_t)(cx->pa & (r->size - 1));
	return cx->quick ? NULL : show_owner(cx, s.pfn);
}

struct err *explain_find_zone(struct explain_cx *cx)
{
	bool known;
	struct page page;
	uint64_t va;
	if (!cx->has_pa)
		return NULL;
	unsigned shift = page_shift(cx->t);
	struct err *err = page_of_pfn(cx->t, cx->pa >> shift, &va);
	if (!err)
		err = page_read(cx->t, va, &page);
	if (err) {
		err_drop(err); /* the page's own row tells */
		return NULL;
	}
	err = explain_need_told(cx, PART_ZONES, "zones", &known);
	if (err || !known)
		return err;
	const struct zone_place *p = zone_map_find(&cx->ix->zones, cx->pa >> shift, page.flags);
	if (!p)
		return NULL;
	struct explain_row *r =
		explain_add(cx, EXPLAIN_ZONE, "%s of node %d", p->zone.name, p->node.id);
	r->name = p->zone.name;
	r->type = "struct zone";
	r->object_va = p->zone.va;
	r->has_range = true;
	r->start = p->zone.start_pfn << shift;
	r->size = p->zone.spanned << shift;
	return NULL;
}

/* ---- who claims the range ---------------------------------------------------------------- */

static struct err *find_resource(struct explain_cx *cx)
{
	struct resource_iter it;
	struct resource r, best = { 0 };
	scoped_strbuf struct strbuf name = { 0 };
	bool more = true, found = false;
	struct err *err = resource_iter_init(&it, cx->t, "iomem_resource");
	while (!err && more) {
		err = resource_iter_next(&it, &r, &more);
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* one branch; iomem tells of it */
			err = NULL;
			continue;
		}
		/* Children come behind their parents, so that the last one is the smallest. */
		if (!err && more && cx->pa >= r.start && cx->pa <= r.end) {
			best = r;
			found = true;
		}
	}
	if (!err && found)
		err = resource_name(cx->t, &best, &name);
	if (err || !found)
		return explain_trouble(cx, "resources", err);
	scoped_strbuf struct strbuf shown = { 0 };
	strbuf_add_text(&shown, strbuf_text(&name), name.len);
	struct explain_row *row = explain_add(cx, EXPLAIN_RESOURCE, "%s", strbuf_text(&shown));
	row->name = row->text;
	row->type = "struct resource";
	row->object_va = best.va;
	row->has_range = row->has_offset = true;
	row->start = best.start;
	row->size = best.end - best.start + 1;
	row->offset = (int64_t)(cx->pa - best.start);
	return NULL;
}

static struct err *find_memblock(struct explain_cx *cx, enum memblock_kind kind)
{
	struct memblock_list l;
	struct memblock_region m;
	struct err *err = memblock_read(cx->t, kind, &l);
	if (err && (err->code == ERR_MISSING || err->code == ERR_NOT_FOUND)) {
		err_drop(err); /* given back after boot */
		return NULL;
	}
	for (uint64_t i = 0; !err && i < l.count; i++) {
		err = memblock_region_read(cx->t, &l, i, &m);
		if (!err)
			err = interrupt_check();
		if (err || cx->pa - m.base_pa >= m.bytes)
			continue;
		struct explain_row *r = explain_add(cx, EXPLAIN_MEMBLOCK, "%s", l.name);
		r->name = l.name;
		r->has_range = r->has_offset = true;
		r->start = m.base_pa;
		r->size = m.bytes;
		r->offset = (int64_t)(cx->pa - m.base_pa);
		return NULL;
	}
	return explain_trouble(cx, "memblock", err);
}

struct err *explain_find_claims(struct explain_cx *cx)
{
	if (!cx->has_pa || cx->quick)
		return NULL;
	struct err *err = find_resource(cx);
	if (!err)
		err = find_memblock(cx, MEMBLOCK_RESERVED);
	if (!err)
		err = find_memblock(cx, MEMBLOCK_MEMORY);
	return err;
}
