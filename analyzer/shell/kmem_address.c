/* kmem ADDRESS and -S: what an address is part of, by every book of the memory management; all slab
 * objects. */
#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/kernel/slab_heap.h"
#include "analyzer/kernel/slab_object.h"
#include "analyzer/kernel/task.h"
#include "analyzer/kernel/vmalloc.h"
#include "analyzer/shell/arg_types.h"
#include "analyzer/shell/kmem_rows.h"
#include "analyzer/shell/page_rows.h"

/* ---- slabs ----------------------------------------------- */

static const struct column object_columns[] = { { "cache", .width = 24 },
	{ "slab", .width = WIDTH_ADDRESS, .object = "struct page" },
	{ "memory", .width = WIDTH_ADDRESS }, { "object", .width = WIDTH_ADDRESS },
	{ "size", .width = 6, .align = ALIGN_RIGHT }, { "index", .width = 5, .align = ALIGN_RIGHT },
	{ "offset", .width = 6, .align = ALIGN_RIGHT }, { "state" }, { 0 } };
static const struct table object_table = { .layout = LAYOUT_TABLE, .columns = object_columns };

/* A page that is no slab's is no news: the page's own record tells what it is. */
static bool show_slab(struct cx *cx, uint64_t va)
{
	struct slab_object o;
	struct err *err = slab_object_find(cx->target, va, &o);
	if (err && err->code != ERR_NOT_FOUND && err->code != ERR_MISSING && err->code != ERR_FAULT)
		out_complain(cx->out, err);
	else
		err_drop(err);
	if (err)
		return false;
	out_table(cx->out, &object_table);
	out_row(cx->out);
	out_str(cx->out, "cache", o.cache.name);
	out_addr(cx->out, "slab", o.slab.va);
	out_addr(cx->out, "memory", o.slab.base_va);
	out_addr(cx->out, "object", o.va);
	out_uint(cx->out, "size", o.cache.object_size);
	out_uint(cx->out, "index", o.index);
	out_int(cx->out, "offset", o.offset);
	out_str(cx->out, "state", slab_state_name(o.state));
	return true;
}

/* ---- vmalloc ----------------------------------------------- */

static const struct column area_columns[] = { { "vmap_area", .width = WIDTH_ADDRESS,
						      .object = "struct vmap_area" },
	{ "vm_struct", .width = WIDTH_ADDRESS }, { "start", .width = WIDTH_ADDRESS },
	{ "end", .width = WIDTH_ADDRESS },
	{ "bytes", .title = "SIZE", .width = 9, .align = ALIGN_RIGHT }, { "kind", .width = 12 },
	{ "caller" }, { 0 } };
static const struct table area_table = { .layout = LAYOUT_TABLE, .columns = area_columns };

static bool show_area(struct cx *cx, const struct vmalloc *v, uint64_t va)
{
	scoped_strbuf struct strbuf kind = { 0 }, caller = { 0 };
	const struct vmalloc_area *a = vmalloc_find(v, slab_untag(cx->target, va));
	if (!a)
		return false;
	vmalloc_format_kind(v, a, &kind);
	out_table(cx->out, &area_table);
	out_row(cx->out);
	if (a->va)
		out_addr(cx->out, "vmap_area", a->va);
	if (a->vm_va)
		out_addr(cx->out, "vm_struct", a->vm_va);
	out_addr(cx->out, "start", a->start);
	out_addr(cx->out, "end", a->end);
	out_uint(cx->out, "bytes", a->end - a->start);
	out_str(cx->out, "kind", strbuf_text(&kind));
	if (a->caller && symtab_format(cx->target->syms, a->caller, false, &caller))
		out_str(cx->out, "caller", strbuf_text(&caller));
	return true;
}

/* ---- tasks ----------------------------------------------- */

static const struct column task_columns[] = { { "pid", .width = 6, .align = ALIGN_RIGHT },
	{ "task", .width = WIDTH_ADDRESS, .object = "struct task_struct" },
	{ "command", .width = 16 }, { "cpu", .width = 3, .align = ALIGN_RIGHT },
	{ "state", .width = 5 }, { "part", .width = 12 },
	{ "offset", .width = 8, .align = ALIGN_RIGHT }, { 0 } };
static const struct table task_table = { .layout = LAYOUT_TABLE, .columns = task_columns };

/* The task whose struct or kernel stack holds the address. */
static struct err *show_task(struct cx *cx, uint64_t va, bool *ret_found)
{
	struct task_place at;
	struct err *err = task_holding(cx->target, va, &at);
	if (err && err->code == ERR_NOT_FOUND) {
		err_drop(err);
		return NULL;
	}
	if (err)
		return err;
	out_table(cx->out, &task_table);
	out_row(cx->out);
	out_uint(cx->out, "pid", at.task.pid);
	out_addr(cx->out, "task", at.task.va);
	out_str_n(cx->out, "command", at.task.comm, (size_t)task_comm_length(&at.task));
	if (at.task.cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", at.task.cpu);
	out_str(cx->out, "state", task_state_letter(&at.task));
	out_str(cx->out, "part", at.in_stack ? "kernel stack" : "task_struct");
	out_hex(cx->out, "offset", at.offset);
	*ret_found = true;
	return NULL;
}

/* ---- all of it ----------------------------------------------- */

static bool show_page(struct cx *cx, const struct zone_map *zones, uint64_t va)
{
	struct page_state s;
	struct paddr pa;
	uint64_t pfn;
	struct err *err = page_to_pfn(cx->target, va, &pfn);
	if (err && err->code == ERR_NOT_FOUND) {
		enum fault_kind fault = vspace_translate(cx->target->kernel, va, &pa, NULL);
		err_drop(err); /* no struct page: a page then */
		if (fault)
			return false;
		err = NULL;
		pfn = pa.v >> page_shift(cx->target);
	}
	if (!err)
		err = page_state_read(cx->target, pfn, &s);
	if (err && err->code == ERR_NOT_FOUND) {
		err_drop(err); /* a device's memory */
		return false;
	}
	if (err) {
		out_complain(cx->out, err);
		return false;
	}
	out_table(cx->out, &page_rows_table);
	page_rows_show(cx, zones, &s);
	return true;
}

static struct err *show_address(
	struct cx *cx, const struct vmalloc *v, const struct zone_map *zones, uint64_t typed)
{
	uint64_t va = slab_untag(cx->target, typed);
	bool in_slab = show_slab(cx, va), in_area = show_area(cx, v, va), in_task = false;
	struct err *err = show_task(cx, va, &in_task);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	if (err)
		out_complain(cx->out, err);
	bool in_page = show_page(cx, zones, va);
	if (!in_slab && !in_area && !in_task && !in_page)
		out_complain(cx->out, err_new(ERR_NOT_FOUND,
					      "0x%" PRIx64 " is in no slab, no vmalloc area, no "
					      "task and no page of memory",
					      typed));
	return NULL;
}

struct err *kmem_address_run(struct cx *cx, const struct args *a)
{
	scoped_vmalloc struct vmalloc v = { .t = cx->target };
	scoped_zone_map struct zone_map zones = { 0 };
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	err = vmalloc_read(cx->target, &v);
	if (err)
		out_complain(cx->out, err); /* the other books are asked all the same */
	err = zone_map_read(cx->target, &zones);
	if (err)
		out_complain(cx->out, err);
	err = NULL;
	for (int i = 0; !err && i < args_count(a); i++) {
		uint64_t va;
		err = arg_address(cx, a, i, &va);
		if (!err)
			err = show_address(cx, &v, &zones, va);
	}
	return err;
}

/* ---- every object ----------------------------------------------- */

static bool is_wanted(const struct args *a, const char *name)
{
	for (int i = 0; i < args_count(a); i++)
		if (!strcmp(args_get(a, i), name))
			return true;
	return !args_count(a);
}

static struct err *show_contents(
	void *to, const struct slab_cache *c, const struct slab_contents *s)
{
	struct cx *cx = to;
	for (uint32_t k = 0; k < s->slab.objects; k++) {
		out_row(cx->out);
		out_str(cx->out, "cache", c->name);
		out_addr(cx->out, "slab", s->slab.va);
		out_addr(cx->out, "memory", s->slab.base_va);
		out_addr(cx->out, "object", slab_object_va(c, &s->slab, k));
		out_uint(cx->out, "size", c->object_size);
		out_uint(cx->out, "index", k);
		out_str(cx->out, "state", slab_state_name(s->state[k]));
	}
	return NULL;
}

static void complain(void *to, struct err *err)
{
	struct cx *cx = to;
	out_complain(cx->out, err);
}

struct err *kmem_objects_run(struct cx *cx, const struct args *a)
{
	scoped_slab_heap struct slab_heap h = { 0 };
	bool any = false;
	struct err *err = slab_heap_read(cx->target, &h);
	out_table(cx->out, &object_table);
	out_nothing(cx->out, "no slabs: %s",
		args_count(a) ? "these caches are empty" : "there are no caches");
	for (size_t i = 0; !err && i < h.ncaches; i++)
		if (is_wanted(a, h.cache[i].name)) {
			any = true;
			err = slab_heap_each(&h, &h.cache[i], show_contents, complain, cx);
		}
	if (!err && !any)
		err = args_error(
			a, 0, "no cache is called %s; `kmem -s` lists them", args_get(a, 0));
	return err;
}
