/* swap: where the kernel swaps to, and how much of it is used. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column swap_columns[] = { { "swap_info", .title = "SWAP_INFO_STRUCT",
						      .width = WIDTH_ADDRESS,
						      .object = "struct swap_info_struct" },
	{ "type", .width = 9 },
	{ "size_k", .title = "SIZE", .width = 10, .align = ALIGN_RIGHT, .text_only = true },
	{ "used_k", .title = "USED", .width = 10, .align = ALIGN_RIGHT, .text_only = true },
	{ "size", .hidden = true }, { "used", .hidden = true },
	{ "percent", .title = "PCT", .width = 4, .align = ALIGN_RIGHT },
	{ "priority", .title = "PRI", .width = 4, .align = ALIGN_RIGHT },
	{ "file", .title = "FILENAME" }, { "number", .hidden = true }, { "flags", .hidden = true },
	{ 0 } };
static const struct table swap_table = { .layout = LAYOUT_TABLE, .columns = swap_columns };

static void show(struct cx *cx, const struct swap_area *s)
{
	scoped_strbuf struct strbuf path = { 0 };
	struct err *err = file_path_format(cx->target, s->file, &path);
	out_row(cx->out);
	out_addr(cx->out, "swap_info", s->va);
	out_str(cx->out, "type", s->is_device ? "PARTITION" : "FILE");
	out_strf(cx->out, "size_k", "%lluk", (unsigned long long)s->bytes >> 10);
	out_strf(cx->out, "used_k", "%lluk", (unsigned long long)s->used_bytes >> 10);
	out_bytes(cx->out, "size", s->bytes);
	out_bytes(cx->out, "used", s->used_bytes);
	out_uint(cx->out, "percent",
		s->bytes ? (uint64_t)((double)s->used_bytes * 100 / (double)s->bytes) : 0);
	out_int(cx->out, "priority", s->priority);
	if (err)
		out_fault(cx->out, "file", err);
	else
		out_str_n(cx->out, "file", strbuf_text(&path), path.len);
	out_uint(cx->out, "number", s->type);
	out_hex(cx->out, "flags", s->flags);
}

static struct err *swap_run(struct cx *cx, const struct args *a)
{
	struct swap_iter it;
	bool more = true;
	(void)a;
	struct err *err = swap_iter_init(&it, cx->target);
	out_table(cx->out, &swap_table);
	while (!err && more) {
		struct swap_area s;
		err = swap_iter_next(&it, &s, &more);
		if (!err && more)
			show(cx, &s);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}

static const char *const swap_examples[] = {
	"swap\teach device or file, how much it holds and its priority",
	NULL,
};

const struct command cmd_swap = {
	.name = "swap",
	.summary = "swap devices and files, and how full they are",
	.usage = "",
	.details =
		"NUMBER, in JSON, is the type that a page-table entry of a swapped page carries: "
		"see pte and vtop.",
	.examples = swap_examples,
	.rows = &swap_table,
	.run = swap_run,
};
