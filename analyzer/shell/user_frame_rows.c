/* Shows frames of user mode: a line a frame, "u0" being where the program entered the kernel. What
 * they are worth is analyzer/stack's. */
#include "analyzer/shell/user_frame_rows.h"

#include <inttypes.h>

#include "analyzer/target/target.h"

static const struct column user_frame_columns[] = { { "number", .width = 5, .align = ALIGN_RIGHT,
							    .text_only = true },
	{ "stack", .text_only = true }, { "location", .text_only = true },
	{ "remark", .text_only = true }, { "n", .hidden = true }, { "sp", .hidden = true },
	{ "pc", .hidden = true }, { "exact", .hidden = true }, { "how", .hidden = true },
	{ "trust", .hidden = true }, { "signal", .hidden = true }, { "mapped", .hidden = true },
	{ "mapped_offset", .hidden = true }, { "elf_address", .hidden = true },
	{ "symbol", .hidden = true }, { "offset", .hidden = true }, { "size", .hidden = true },
	{ 0 } };
const struct table user_frame_rows_table = { .layout = LAYOUT_LINES,
	.columns = user_frame_columns };

static void show_location(struct cx *cx, const struct user_frame *f)
{
	scoped_strbuf struct strbuf text = { 0 };
	if (f->symbol)
		strbuf_addf(&text, "%s+0x%" PRIx64 "/0x%" PRIx64 " ", f->symbol, f->symbol_offset,
			f->symbol_size);
	if (f->file)
		strbuf_addf(&text, f->symbol ? "(%s+0x%" PRIx64 ")" : "%s+0x%" PRIx64, f->file,
			f->file_offset);
	else
		strbuf_addf(&text, "0x%" PRIx64, f->pc);
	out_str(cx->out, "location", strbuf_text(&text));
	out_str(cx->out, "symbol", f->symbol);
	if (f->symbol) {
		out_hex(cx->out, "offset", f->symbol_offset);
		out_hex(cx->out, "size", f->symbol_size);
	}
	out_str(cx->out, "mapped", f->file);
	if (f->file)
		out_hex(cx->out, "mapped_offset", f->file_offset);
	if (f->has_elf_va)
		out_addr(cx->out, "elf_address", f->elf_va);
}

static void show_frame(struct cx *cx, const struct user_trace *trace, size_t i)
{
	const struct user_frame *f = &trace->frame[i];
	scoped_strbuf struct strbuf remark = { 0 };
	unsigned word = trace->compat ? 4 : cx->target->abi.word_bytes;
	out_row(cx->out);
	out_strf(cx->out, "number", "u%zu", i);
	out_strf(cx->out, "stack", "[%0*" PRIx64 "]", (int)word * 2, f->sp);
	out_uint(cx->out, "n", i);
	out_addr(cx->out, "sp", f->sp);
	out_addr(cx->out, "pc", f->pc);
	out_bool(cx->out, "exact", f->exact);
	out_str(cx->out, "how", frame_how_name(f->how));
	out_str(cx->out, "trust", frame_trust_name(f->trust));
	out_bool(cx->out, "signal", f->by_signal);
	show_location(cx, f);
	if (f->by_signal)
		strbuf_add(&remark, " (a signal came here)");
	if (f->trust != TRUST_SURE)
		strbuf_addf(&remark, " (%s)", frame_trust_name(f->trust));
	if (trace->broken && i + 1 == trace->nframes)
		strbuf_addf(&remark, " (no further: %s)", trace->end);
	if (remark.len)
		out_str(cx->out, "remark", strbuf_text(&remark) + 1);
}

void user_frame_rows_show(struct cx *cx, const char *key, const struct user_trace *trace)
{
	out_list_begin(cx->out, key);
	for (size_t i = 0; i < trace->nframes; i++)
		show_frame(cx, trace, i);
	out_list_end(cx->out);
}
