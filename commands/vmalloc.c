/* vmalloc: the kernel's own mappings outside of the linear map, and who asked for them. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column page_columns[] = { { "n", .width = 6, .align = ALIGN_RIGHT },
	{ "page", .width = WIDTH_ADDRESS, .object = "struct page" },
	{ "physical", .width = WIDTH_ADDRESS }, { "virtual", .width = WIDTH_ADDRESS }, { 0 } };
static const struct table page_table = { .layout = LAYOUT_TABLE, .columns = page_columns };

static const struct column area_columns[] = { { "start", .width = WIDTH_ADDRESS },
	{ "end", .width = WIDTH_ADDRESS }, { "size", .width = 7, .align = ALIGN_RIGHT },
	{ "pages", .width = 6, .align = ALIGN_RIGHT }, { "kind", .width = 12 },
	{ "physical", .width = WIDTH_ADDRESS }, { "caller", .width = 0 },
	{ "nodes", .hidden = true }, { "address", .hidden = true, .object = "struct vmap_area" },
	{ "vm_struct", .hidden = true }, { "flags", .hidden = true },
	{ "requested", .hidden = true }, { "page_order", .hidden = true },
	{ "offset", .hidden = true }, { "page_list", .list = &page_table }, { 0 } };
static const struct table area_table = { .layout = LAYOUT_TABLE, .columns = area_columns };

static const struct option vmalloc_options[] = { { 'p', NULL, "with the pages of each area" },
	{ 'u', NULL, "unpurged areas too: freed, but their addresses are not used again yet" },
	{ 0 } };

/* " N0=4 N1=2" as the kernel has it, without the first blank. Only where there are several nodes to
 * be. */
static void show_nodes(struct cx *cx, const struct vmalloc *v, const struct vmalloc_area *a,
	const struct zone_map *zones)
{
	unsigned count[NODES_MAX] = { 0 };
	scoped_strbuf struct strbuf text = { 0 };
	struct err *err = NULL;
	if (!zones->node_shift || !a->npages)
		return;
	uint64_t step = a->page_order < 32 ? 1ull << a->page_order : 1;
	for (uint64_t i = 0; !err && i < a->npages; i += step) {
		struct page page;
		uint64_t va;
		err = vmalloc_page_read(v, a, i, &va);
		if (!err)
			err = page_read(cx->target, va, &page);
		if (!err)
			err = interrupt_check();
		if (!err) {
			uint64_t node = page.flags >> zones->node_shift & zones->node_mask;
			count[node < NODES_MAX ? node : 0] += (unsigned)step;
		}
	}
	if (err) {
		out_fault(cx->out, "nodes", err);
		return;
	}
	for (unsigned i = 0; i < NODES_MAX; i++)
		if (count[i])
			strbuf_addf(&text, "%sN%u=%u", text.len ? " " : "", i, count[i]);
	out_str(cx->out, "nodes", strbuf_text(&text));
}

static struct err *show_page(
	struct cx *cx, const struct vmalloc *v, const struct vmalloc_area *a, uint64_t i)
{
	uint64_t page, pfn;
	struct err *err = interrupt_check();
	if (err)
		return err;
	out_row(cx->out);
	out_uint(cx->out, "n", i);
	err = vmalloc_page_read(v, a, i, &page);
	if (err) {
		out_fault(cx->out, "page", err);
		return NULL;
	}
	out_addr(cx->out, "page", page);
	err = page_to_pfn(cx->target, page, &pfn);
	if (err)
		out_fault(cx->out, "physical", err);
	else
		out_addr(cx->out, "physical", pfn << page_shift(cx->target));
	out_addr(cx->out, "virtual", a->start + (i << page_shift(cx->target)));
	return NULL;
}

static struct err *show_pages(struct cx *cx, const struct vmalloc *v, const struct vmalloc_area *a)
{
	struct err *err = NULL;
	uint64_t room = (a->end - a->start) >> page_shift(cx->target), n = a->npages;
	if (n > room) {
		out_complain(cx->out, err_new(ERR_FORMAT,
					      "the area at 0x%llx says that it has %llu pages, "
					      "and has room for %llu",
					      (unsigned long long)a->start, (unsigned long long)n,
					      (unsigned long long)room));
		n = room;
	}
	out_list_begin(cx->out, "page_list");
	for (uint64_t i = 0; !err && a->pages_va && i < n; i++)
		err = show_page(cx, v, a, i);
	out_list_end(cx->out);
	return err;
}

static void show_area(struct cx *cx, const struct vmalloc *v, const struct vmalloc_area *a,
	const struct zone_map *zones)
{
	scoped_strbuf struct strbuf kind = { 0 }, caller = { 0 };
	vmalloc_format_kind(v, a, &kind);
	out_row(cx->out);
	out_addr(cx->out, "start", a->start);
	out_addr(cx->out, "end", a->end);
	out_bytes(cx->out, "size", a->end - a->start);
	if (a->npages)
		out_uint(cx->out, "pages", a->npages);
	out_str(cx->out, "kind", strbuf_text(&kind));
	if (a->phys)
		out_addr(cx->out, "physical", a->phys);
	if (a->caller && symtab_format(cx->target->syms, a->caller, false, &caller))
		out_str(cx->out, "caller", strbuf_text(&caller));
	else if (a->caller)
		out_strf(cx->out, "caller", "0x%llx", (unsigned long long)a->caller);
	show_nodes(cx, v, a, zones);
	if (a->va)
		out_addr(cx->out, "address", a->va);
	if (!a->vm_va)
		return;
	out_addr(cx->out, "vm_struct", a->vm_va);
	out_hex(cx->out, "flags", a->flags);
	if (a->requested)
		out_uint(cx->out, "requested", a->requested);
	out_uint(cx->out, "page_order", a->page_order);
}

static struct err *show_named(
	struct cx *cx, const struct args *a, const struct vmalloc *v, const struct zone_map *zones)
{
	struct err *err = NULL;
	for (int i = 0; !err && i < args_count(a); i++) {
		uint64_t va;
		err = arg_address(cx, a, i, &va);
		if (err)
			return err;
		uint64_t at = slab_untag(cx->target, va);
		const struct vmalloc_area *area = vmalloc_find(v, at);
		for (size_t k = 0; !area && k < v->area.n; k++) /* a walker's object */
			if (v->area.v[k].va == va || v->area.v[k].vm_va == va)
				area = &v->area.v[k];
		if (!area) {
			out_complain(cx->out, err_new(ERR_NOT_FOUND, "0x%llx is in no vmalloc area",
						      (unsigned long long)va));
			continue;
		}
		show_area(cx, v, area, zones);
		if (at - area->start < area->end - area->start)
			out_hex(cx->out, "offset", at - area->start);
		if (args_flag(a, 'p'))
			err = show_pages(cx, v, area);
	}
	return err;
}

static void show_damage(struct cx *cx, struct vmalloc *v)
{
	for (size_t i = 0; i < v->damage.n; i++)
		out_complain(cx->out, take_ptr(v->damage.v[i]));
	if (v->more_damage)
		out_complain(cx->out, err_new(ERR_FORMAT, "%llu more findings",
					      (unsigned long long)v->more_damage));
}

static struct err *vmalloc_run(struct cx *cx, const struct args *a)
{
	scoped_vmalloc struct vmalloc v = { 0 };
	scoped_zone_map struct zone_map zones = { 0 };
	struct err *err = vmalloc_read(cx->target, &v);
	if (err)
		return err;
	err_drop(zone_map_read(cx->target, &zones)); /* then areas are shown without their nodes */
	out_table(cx->out, &area_table);
	if (args_count(a)) {
		err = show_named(cx, a, &v, &zones);
		show_damage(cx, &v);
		return err;
	}
	for (size_t i = 0; !err && i < v.area.n; i++) {
		if (v.area.v[i].state == VMALLOC_UNPURGED && !args_flag(a, 'u'))
			continue;
		show_area(cx, &v, &v.area.v[i], &zones);
		if (args_flag(a, 'p'))
			err = show_pages(cx, &v, &v.area.v[i]);
	}
	show_damage(cx, &v);
	return err;
}

static const char *const vmalloc_examples[] = {
	"vmalloc\tall areas in use, by address",
	"vmalloc -u\tand those that were freed a moment ago",
	"vmalloc -p ffffffc008d00000\tthe area that holds this address, with its pages",
	"vmalloc | where kind == \"ioremap\"\tdevices",
	"vmalloc | group by caller\twho has most areas",
	NULL,
};

const struct command cmd_vmalloc = {
	.name = "vmalloc",
	.summary = "areas of the vmalloc space: vmalloc, vmap, ioremap, and their callers",
	.usage = "[ADDRESS…]",
	.details = "The words of KIND are those of /proc/vmallocinfo, and besides \"static\" for "
		   "ARM's "
		   "mappings for good, \"uninitialized\" for an area that vmalloc() was still "
		   "filling, and "
		   "\"no owner\" for one that somebody just made or took down. SIZE has the guard "
		   "page at the "
		   "end. The areas' list and tree are held against each other.",
	.options = vmalloc_options,
	.examples = vmalloc_examples,
	.max_args = -1,
	.takes = "struct vmap_area",
	.run = vmalloc_run,
};
