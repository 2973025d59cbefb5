/* Lines of r_show() in kernel/resource.c (the same from 4.19 to 7.2): numbers of four digits where
 * the root ends below 64K, two blanks a level and never more than ten. Knows no file of /proc
 * beside these. */
#include "analyzer/shell/resource_rows.h"

#include "analyzer/kernel/resource.h"

static const struct column resource_columns[] = {
	{ "line", .text_only = true },
	{ "note", .text_only = true },
	{ "depth", .hidden = true },
	{ "start", .hidden = true },
	{ "end", .hidden = true },
	{ "name", .hidden = true },
	{ "resource", .hidden = true },
	{ "flags", .hidden = true },
	{ "kind", .hidden = true },
	{ 0 }
};
static const struct table resource_table = { .layout = LAYOUT_LINES, .columns = resource_columns };

enum { INDENT_LEVELS_MAX = 5 };

static void show_range(struct cx *cx, const struct resource *r, int digits, const char *name)
{
	unsigned long long start = r->start, end = r->end;
	unsigned level = r->depth < INDENT_LEVELS_MAX ? r->depth : INDENT_LEVELS_MAX;
	out_strf(cx->out, "line", "%*s%0*llx-%0*llx : %s", (int)level * 2, "", digits, start,
		digits, end, name);
	out_uint(cx->out, "depth", r->depth);
	out_strf(cx->out, "start", "0x%0*llx", digits, start);
	out_strf(cx->out, "end", "0x%0*llx", digits, end);
}

static void show_resource(struct cx *cx, const struct resource *r, int digits, bool verbose)
{
	scoped_strbuf struct strbuf name = { 0 }, kind = { 0 };
	struct err *err = resource_name(cx->target, r, &name);
	resource_flags_format(r->flags, &kind);
	out_row(cx->out);
	show_range(cx, r, digits, err ? "?" : strbuf_text(&name));
	if (err)
		out_fault(cx->out, "name", err);
	else
		out_str(cx->out, "name", strbuf_text(&name));
	out_addr(cx->out, "resource", r->va);
	out_hex(cx->out, "flags", r->flags);
	out_str(cx->out, "kind", strbuf_text(&kind));
	if (verbose)
		out_strf(cx->out, "note", "(0x%llx: %s, flags 0x%llx)", (unsigned long long)r->va,
			strbuf_text(&kind), (unsigned long long)r->flags);
}

struct err *resource_rows_show(struct cx *cx, const char *symbol, bool verbose)
{
	struct resource_iter it;
	bool more = true;
	struct err *err = resource_iter_init(&it, cx->target, symbol);
	int digits = !err && it.root.end < 0x10000 ? 4 : 8;
	out_table(cx->out, &resource_table);
	out_nothing(cx->out, "nobody has claimed a range of %s", symbol);
	while (!err && more) {
		struct resource r;
		err = resource_iter_next(&it, &r, &more);
		if (!err && more)
			show_resource(cx, &r, digits, verbose);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}
