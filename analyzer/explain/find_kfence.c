/* KFENCE's pool: which of its objects a page or a guard page is there for. What stands around the
 * object, and who made it, is kfence.h's to tell. */
#include <inttypes.h>

#include "analyzer/base/scope.h"
#include "analyzer/explain/explain_internal.h"

/* "0x40 behind its end", and whether that is in a guard page. */
static const char *where_in(struct explain_cx *cx, const struct kfence_object *o)
{
	bool guard = cx->va - o->page_va >= cx->ix->kfence.page_bytes;
	const char *page = guard ? ", in a guard page" : "";
	if (cx->va - o->addr < o->size)
		return "";
	if (cx->va < o->addr)
		return arena_printf(cx->a, ", 0x%" PRIx64 " before it%s", o->addr - cx->va, page);
	return arena_printf(
		cx->a, ", 0x%" PRIx64 " behind its end%s", cx->va - o->addr - o->size, page);
}

struct err *explain_find_kfence(struct explain_cx *cx)
{
	const struct err *why;
	uint32_t index;
	if (!cx->has_va || cx->is_user)
		return NULL;
	struct err *err = explain_need(cx->ix, PART_KFENCE, &why);
	/* a kernel without it, or where it was off, has no such place: kfence says which */
	if (err || why || !kfence_index(&cx->ix->kfence, cx->va, &index))
		return err;
	scoped_free struct kfence_object *o = xcalloc(1, sizeof(*o));
	err = kfence_read(&cx->ix->kfence, index, o);
	if (err)
		return explain_trouble(cx, "KFENCE's objects", err);
	const char *cache = *o->cache ? arena_strdup(cx->a, o->cache) : "<destroyed>";
	struct explain_row *r;
	if (o->state == KFENCE_UNUSED) {
		r = explain_add(cx, EXPLAIN_KFENCE, "#%" PRIu32 ", unused", index);
		explain_range(cx, r, o->page_va, cx->ix->kfence.page_bytes);
	} else {
		r = explain_add(cx, EXPLAIN_KFENCE, "#%" PRIu32 ", %s%s, %s%s", index, cache,
			explain_plus(cx, (int64_t)(cx->va - o->addr)), kfence_state_name(o->state),
			where_in(cx, o));
		r->name = cache;
		explain_range(cx, r, o->addr, o->size);
	}
	r->state = kfence_state_name(o->state);
	r->is_stale = o->state != KFENCE_ALLOCATED;
	r->object_va = o->metadata_va;
	return NULL;
}
