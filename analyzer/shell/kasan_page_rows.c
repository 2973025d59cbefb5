/* Whose a page is that no slab cache and no variable has, by page_owner and by vmalloc's areas:
 * KASAN's own report tells the same (mm/page_owner.c: __dump_page_owner(), 5.10 to 7.2;
 * mm/vmalloc.c: vmalloc_dump_obj(), 6.1 to 7.2). Knows no shadow. */
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/stack_depot.h"
#include "analyzer/shell/kasan_rows.h"
#include "analyzer/shell/stack_rows.h"

bool kasan_page_owner(struct cx *cx, uint64_t va, struct page_owner *ret)
{
	struct page_owner_source s;
	struct paddr pa;
	if (vspace_translate(cx->target->kernel, va, &pa, NULL))
		return false;
	struct err *err = page_owner_init(cx->target, &s);
	if (!err)
		err = page_owner_read(&s, pa.v >> page_shift(cx->target), ret);
	if (!err)
		return ret->known;
	if (err->code == ERR_MISSING || err->code == ERR_NOT_FOUND)
		err_drop(err); /* it was not switched on, or has nothing of this frame */
	else
		out_complain(cx->out, err);
	return false;
}

static void show(struct cx *cx, const char *what, bool has_pid, uint32_t pid, uint32_t handle)
{
	uint64_t pcs[STACK_DEPOT_FRAMES_MAX];
	size_t n;
	out_row(cx->out);
	if (has_pid)
		out_strf(cx->out, "text", "%s by task %u:", what, pid);
	else
		out_strf(cx->out, "text", "%s:", what);
	out_str(cx->out, "what", what);
	if (has_pid)
		out_uint(cx->out, "pid", pid);
	out_hex(cx->out, "handle", handle);
	struct err *err = stack_depot_fetch(cx->target, handle, pcs, STACK_DEPOT_FRAMES_MAX, &n);
	if (err)
		out_complain(cx->out, err);
	else
		stack_rows_show(cx, "frames", pcs, n);
}

void kasan_rows_page(struct cx *cx, uint64_t va, const char *key)
{
	struct page_owner o;
	if (!kasan_page_owner(cx, va, &o))
		return;
	out_list_begin(cx->out, key);
	if (o.handle)
		show(cx, o.allocated ? "Page allocated" : "Page last allocated", o.has_task, o.pid,
			o.handle);
	if (o.free_handle)
		show(cx, o.allocated ? "Page before that freed" : "Page freed", o.has_free_task,
			o.free_pid, o.free_handle);
	out_list_end(cx->out);
}

bool kasan_vmalloc_area(struct cx *cx, uint64_t va, struct vmalloc_area *ret)
{
	struct vmalloc v = { .t = cx->target };
	struct err *err = vmalloc_read(cx->target, &v);
	const struct vmalloc_area *a = err ? NULL : vmalloc_find(&v, va);
	bool found = a && a->vm_va && a->npages && a->caller;
	if (found)
		*ret = *a;
	if (err && err->code != ERR_MISSING)
		out_complain(cx->out, err);
	else
		err_drop(err); /* what this kernel has cannot be told: neither can the area */
	vmalloc_deinit(&v);
	return found;
}

void kasan_rows_area(struct cx *cx, uint64_t va)
{
	struct vmalloc_area a;
	scoped_strbuf struct strbuf caller = { 0 };
	if (!kasan_vmalloc_area(cx, va, &a))
		return;
	symtab_format(cx->target->syms, a.caller, false, &caller);
	out_addr(cx->out, "area", a.start);
	out_uint(cx->out, "area_pages", a.npages);
	out_str(cx->out, "area_caller", strbuf_text(&caller));
}
