/* layout: the kernel's virtual address map, as old kernels printed it when they booted. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column layout_columns[] = { { "region", .width = 13 },
	{ "start", .width = WIDTH_ADDRESS }, { "end", .width = WIDTH_ADDRESS },
	{ "size", .width = 7, .align = ALIGN_RIGHT }, { "source", .width = 16 }, { "note" },
	{ 0 } };
static const struct table layout_table = { .layout = LAYOUT_TABLE, .columns = layout_columns };

static struct err *layout_run(struct cx *cx, const struct args *a)
{
	struct address_map map;
	struct err *err = address_map_find(cx->target, &map);

	(void)a;
	if (err)
		return err;
	out_table(cx->out, &layout_table);
	for (unsigned i = 0; i < map.n; i++) {
		const struct map_region *r = &map.region[i];
		out_row(cx->out);
		out_str(cx->out, "region", r->name);
		out_addr(cx->out, "start", r->start);
		out_addr(cx->out, "end", r->last);
		out_bytes(cx->out, "size", r->last - r->start + 1);
		out_str(cx->out, "source", r->source);
		if (r->note[0])
			out_str(cx->out, "note", r->note);
	}
	return NULL;
}

static const char *const layout_examples[] = { "layout\twhat is where, with the reason", NULL };

const struct command cmd_layout = {
	.name = "layout",
	.summary = "the kernel's virtual address map",
	.usage = "",
	.details = "END is the last byte. SOURCE says how it is known: the kernel's "
		   "address_markers, VMCOREINFO, "
		   "symbols, or computed as the kernel's headers do. Regions may lie inside one "
		   "another.",
	.examples = layout_examples,
	.run = layout_run,
};
