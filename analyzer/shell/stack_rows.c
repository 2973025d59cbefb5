/* How frames of a saved call stack look. Knows nothing of where they were saved, or why. */
#include "analyzer/shell/stack_rows.h"

#include "analyzer/target/target.h"

static const struct column frame_columns[] = { { "number", .width = 3, .align = ALIGN_RIGHT,
						       .text_only = true },
	{ "location", .text_only = true }, { "n", .hidden = true }, { "pc", .hidden = true },
	{ "symbol", .hidden = true }, { "offset", .hidden = true }, { "size", .hidden = true },
	{ "module", .hidden = true }, { 0 } };
const struct table stack_rows_table = { .layout = LAYOUT_LINES, .columns = frame_columns };

/* lib/stacktrace.c, kernel/stacktrace.c: stack_trace_print() has %pS, the return address itself. */
static void show_frame(struct cx *cx, unsigned n, uint64_t pc)
{
	const struct target *t = cx->target;
	scoped_strbuf struct strbuf location = { 0 };
	struct symbol sym;
	out_row(cx->out);
	out_strf(cx->out, "number", "#%u", n);
	out_uint(cx->out, "n", n);
	out_addr(cx->out, "pc", pc);
	if (!symtab_at(t->syms, pc, &sym)) {
		out_strf(cx->out, "location", "0x%llx", (unsigned long long)pc);
		return;
	}
	symtab_format(t->syms, pc, false, &location);
	out_str(cx->out, "location", strbuf_text(&location));
	out_str(cx->out, "symbol", sym.name);
	out_hex(cx->out, "offset", pc - sym.va);
	out_hex(cx->out, "size", sym.size);
	if (sym.module)
		out_str(cx->out, "module", sym.module);
}

void stack_rows_show(struct cx *cx, const char *key, const uint64_t *pcs, size_t n)
{
	out_list_begin(cx->out, key);
	for (size_t i = 0; i < n; i++)
		show_frame(cx, (unsigned)i, pcs[i]);
	out_list_end(cx->out);
}
