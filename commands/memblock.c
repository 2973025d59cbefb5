/* memblock: the memory of early boot and what was set aside in it. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column region_columns[] = {
	{ "number", .width = 5, .align = ALIGN_RIGHT, .text_only = true },
	{ "range", .text_only = true },
	{ "n", .hidden = true },
	{ "start", .hidden = true },
	{ "end", .hidden = true },
	{ "size", .width = 7, .align = ALIGN_RIGHT },
	{ "node" },
	{ "flags" },
	{ 0 }
};
static const struct table region_table = { .layout = LAYOUT_LINES, .columns = region_columns };

static const struct column memblock_columns[] = {
	{ "list" },
	{ "address", .hidden = true },
	{ "regions_used", .title = "REGIONS" },
	{ "max", .title = "OF" },
	{ "total" },
	{ "regions", .list = &region_table },
	{ 0 }
};
static const struct table memblock_table = { .layout = LAYOUT_HEADLINE,
	.columns = memblock_columns };

static const struct option memblock_options[] = {
	{ 'm', NULL, "memory only" },
	{ 'r', NULL, "what is reserved only" },
	{ 0 }
};

static void show_region(
	struct cx *cx, const struct memblock_list *l, uint64_t i, const struct memblock_region *r)
{
	int digits = (int)l->address_bytes * 2;
	unsigned long long start = r->base_pa, end = r->base_pa + r->bytes - 1;
	scoped_strbuf struct strbuf flags = { 0 };
	memblock_flags_format(cx->target, r->flags, &flags);
	out_row(cx->out);
	out_strf(cx->out, "number", "%llu:", (unsigned long long)i);
	out_strf(cx->out, "range", "0x%0*llx..0x%0*llx", digits, start, digits, end);
	out_uint(cx->out, "n", i);
	out_strf(cx->out, "start", "0x%0*llx", digits, start);
	out_strf(cx->out, "end", "0x%0*llx", digits, end);
	out_bytes(cx->out, "size", r->bytes);
	if (r->has_nid)
		out_int(cx->out, "node", r->nid);
	out_str(cx->out, "flags", strbuf_text(&flags));
}

/* Complains where the kernel's own sum is not that of its regions: the array was damaged, or cut
 * off. */
static void check_total(struct cx *cx, const struct memblock_list *l, uint64_t sum)
{
	if (sum != l->total_bytes)
		out_complain(cx->out, err_new(ERR_FORMAT,
					      "%s: the regions have 0x%llx bytes together, but "
					      "total_size says 0x%llx",
					      l->name, (unsigned long long)sum,
					      (unsigned long long)l->total_bytes));
}

static struct err *show_list(struct cx *cx, enum memblock_kind kind)
{
	struct memblock_list l;
	uint64_t sum = 0;
	struct err *err = memblock_read(cx->target, kind, &l);
	if (err)
		return err;
	out_row(cx->out);
	out_str(cx->out, "list", l.name);
	out_addr(cx->out, "address", l.va);
	out_uint(cx->out, "regions_used", l.count);
	out_uint(cx->out, "max", l.max);
	out_bytes(cx->out, "total", l.total_bytes);
	out_list_begin(cx->out, "regions");
	for (uint64_t i = 0; !err && i < l.count; i++) {
		struct memblock_region r;
		err = memblock_region_read(cx->target, &l, i, &r);
		if (!err)
			show_region(cx, &l, i, &r);
		if (!err)
			sum += r.bytes;
	}
	out_list_end(cx->out);
	if (!err)
		check_total(cx, &l, sum);
	return err;
}

static struct err *memblock_run(struct cx *cx, const struct args *a)
{
	bool memory = args_flag(a, 'm'), reserved = args_flag(a, 'r'), all = memory == reserved;
	struct err *err = NULL;
	out_table(cx->out, &memblock_table);
	if (all || memory)
		err = show_list(cx, MEMBLOCK_MEMORY);
	if (!err && (all || reserved))
		err = show_list(cx, MEMBLOCK_RESERVED);
	if (!err && all) {
		err = show_list(cx, MEMBLOCK_PHYSMEM);
		if (err && err->code == ERR_NOT_FOUND) {
			err_drop(err); /* few architectures have it */
			err = NULL;
		}
	}
	return err;
}

static const char *const memblock_examples[] = {
	"memblock\tmemory and what was reserved before the page allocator began",
	"memblock -r\twhat was reserved: kernel, initrd, device tree, early tables",
	NULL,
};

const struct command cmd_memblock = {
	.name = "memblock",
	.summary = "early boot's memory map: memory and reserved regions",
	.usage = "",
	.details = "The ranges are those of /sys/kernel/debug/memblock; flags are named as in enum "
		   "memblock_flags. Kernels without CONFIG_ARCH_KEEP_MEMBLOCK have given the "
		   "arrays back.",
	.options = memblock_options,
	.examples = memblock_examples,
	.run = memblock_run,
};
