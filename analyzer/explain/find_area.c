/* Areas of the kernel's address map and what is special about each: vmalloc, fixmap, KASAN's
 * shadow, the array of struct pages. */
#include <inttypes.h>
#include <string.h>

#include "analyzer/explain/explain_internal.h"
#include "analyzer/kernel/fixmap.h"
#include "analyzer/kernel/kasan_shadow.h"
#include "analyzer/kernel/page.h"

static bool is_in(const struct explain_cx *cx, const char *name)
{
	const struct map_region *r = cx->has_va ? address_map_get(&cx->ix->map, name) : NULL;
	return r && cx->va >= r->start && cx->va <= r->last;
}

/* ---- vmalloc ----------------------------------------------------------------------------- */

struct err *explain_find_vmalloc(struct explain_cx *cx)
{
	scoped_strbuf struct strbuf kind = { 0 }, caller = { 0 };
	bool known;
	if (!cx->has_va || cx->is_user)
		return NULL;
	struct err *err = explain_need_told(cx, PART_VMALLOC, "vmalloc areas", &known);
	const struct vmalloc_area *a =
		err || !known ? NULL : vmalloc_find(&cx->ix->vmalloc, cx->va);
	if (!a)
		return err;
	vmalloc_format_kind(&cx->ix->vmalloc, a, &kind);
	bool named = a->caller && symtab_format(cx->t->syms, a->caller, false, &caller);
	struct explain_row *r = explain_add(cx, EXPLAIN_VMALLOC, "%s%s%s%s", strbuf_text(&kind),
		named ? " of " : "", strbuf_text(&caller),
		!cx->has_pa ? ", a page that is not mapped (a guard)" : "");
	r->name = named ? arena_strdup(cx->a, strbuf_text(&caller)) : NULL;
	r->state = arena_strdup(cx->a, strbuf_text(&kind));
	r->type = a->vm_va ? "struct vm_struct" : a->va ? "struct vmap_area" : NULL;
	r->object_va = a->vm_va ? a->vm_va : a->va;
	r->is_stale = a->state == VMALLOC_UNPURGED;
	explain_range(cx, r, a->start, a->end - a->start);
	return NULL;
}

/* ---- fixmap ------------------------------------------------------------------------------ */

struct err *explain_find_fixmap(struct explain_cx *cx)
{
	struct fixmap_slots s;
	if (!is_in(cx, "fixmap"))
		return NULL;
	struct err *err = fixmap_slots_read(cx->t, &s);
	if (err)
		return explain_trouble(cx, "fixmap slots", err);
	uint64_t page = cx->va & -s.page, slot = (s.top - page) / s.page;
	if (page > s.top || slot >= s.n)
		return NULL; /* the area is larger than its slots */
	unsigned owner = fixmap_owner(&s, (unsigned)slot);
	const char *name = fixmap_name(&s, owner);
	struct explain_row *r = explain_add(cx, EXPLAIN_FIXMAP, "slot %u, %s%s", (unsigned)slot,
		name ? name : "without a name",
		owner != slot ? arena_printf(cx->a, "+%u", (unsigned)slot - owner) : "");
	r->name = name;
	explain_range(cx, r, page, s.page);
	return NULL;
}

/* ---- KASAN ------------------------------------------------------------------------------- */

struct err *explain_find_shadow(struct explain_cx *cx)
{
	struct kasan k;
	uint8_t value;
	if (!is_in(cx, "KASAN shadow"))
		return NULL;
	struct err *err = kasan_init(cx->t, &k);
	if (err && err->code == ERR_MISSING) {
		err_drop(err); /* no KASAN */
		return NULL;
	}
	if (err)
		return explain_trouble(cx, "KASAN", err);
	if (k.mode == KASAN_HW_TAGS || cx->va < k.start || cx->va >= k.end)
		return NULL;
	uint64_t from = kasan_from_shadow(&k, cx->va);
	bool read = kasan_try_byte(&k, from, &value);
	struct explain_row *r = explain_add(cx, EXPLAIN_SHADOW,
		"of 0x%" PRIx64 " to 0x%" PRIx64 "%s%s%s", from, from + (k.granule - 1),
		read ? arena_printf(cx->a, ": 0x%02x, ", value) : "",
		read ? kasan_value_name(&k, value) : "",
		kasan_backing(&k, from, NULL) == KASAN_ZERO ? " (the zero page)" : "");
	r->state = read ? kasan_value_name(&k, value) : NULL;
	r->has_range = true;
	r->start = from;
	r->size = k.granule;
	return NULL;
}

/* ---- struct pages ------------------------------------------------------------------------ */

/* The frame of the struct page that @va lies in: one begins at a word at or below it. */
static struct err *page_around(struct explain_cx *cx, uint64_t *ret_pfn, uint64_t *ret_va)
{
	enum { PAGE_BYTES_MAX = 256 };
	uint64_t word = cx->t->abi.word_bytes, bytes, va = cx->va & -word;
	struct err *err = NULL;
	if (!target_number(cx->t, "sizeof(page)", &bytes) || bytes > PAGE_BYTES_MAX)
		bytes = word; /* then only its beginning is known */
	for (uint64_t down = 0; down < bytes; down += word) {
		err_drop(err);
		err = page_to_pfn(cx->t, va - down, ret_pfn);
		if (!err)
			err = page_of_pfn(cx->t, *ret_pfn, ret_va);
		if (!err && *ret_va != va - down)
			err = err_new(ERR_NOT_FOUND, "not where that page's is");
		if (!err || err->code != ERR_NOT_FOUND)
			return err;
	}
	return err;
}

struct err *explain_find_struct_page(struct explain_cx *cx)
{
	uint64_t pfn, va;
	if (!cx->has_va || !cx->has_pa || cx->is_user)
		return NULL;
	struct err *err = page_around(cx, &pfn, &va);
	if (err && err->code == ERR_NOT_FOUND) {
		err_drop(err); /* it lies in no array of struct pages */
		return NULL;
	}
	if (err)
		return explain_trouble(cx, "struct pages", err);
	struct explain_row *r = explain_add(cx, EXPLAIN_STRUCT_PAGE,
		"of pfn 0x%" PRIx64 ", physical 0x%" PRIx64, pfn, pfn << page_shift(cx->t));
	r->type = "struct page";
	r->has_pfn = true;
	r->pfn = pfn;
	r->object_va = va;
	explain_range(cx, r, va, 0);
	return NULL;
}

/* ---- the map ----------------------------------------------------------------------------- */

struct err *explain_find_region(struct explain_cx *cx)
{
	const struct map_region *r =
		cx->has_va && !cx->is_user ? explain_region(cx->ix, cx->va) : NULL;
	if (!r)
		return NULL;
	bool linear = !strcmp(r->name, "linear map") || !strcmp(r->name, "lowmem");
	struct explain_row *row;
	if (linear && cx->has_pa)
		row = explain_add(
			cx, EXPLAIN_REGION, "%s, of physical 0x%" PRIx64, r->name, cx->pa);
	else
		row = explain_add(cx, EXPLAIN_REGION, "%s%s", r->name,
			cx->has_pa ? "" : ", nothing is mapped there");
	row->name = r->name;
	explain_range(cx, row, r->start, r->last - r->start + 1);
	return NULL;
}
