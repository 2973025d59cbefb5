/* vectors: where exceptions go. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column vectors_columns[] = { { "set", .width = 34 }, { "vector", .width = 22 },
	{ "address", .width = WIDTH_ADDRESS }, { "insn", .width = 0 }, { "target", .hidden = true },
	{ "symbol", .hidden = true }, { "note" }, { 0 } };
static const struct table vectors_table = { .layout = LAYOUT_TABLE, .columns = vectors_columns };

static void show(void *ctx, const struct vector *v)
{
	struct cx *cx = ctx;
	scoped_strbuf struct strbuf symbol = { 0 };

	out_row(cx->out);
	out_str(cx->out, "set", v->set);
	out_str(cx->out, "vector", v->name);
	out_addr(cx->out, "address", v->va);
	if (v->fault)
		out_fault(cx->out, "insn",
			err_fault(v->fault, v->va, "0x%llx", (unsigned long long)v->va));
	else if (v->insn[0])
		out_str(cx->out, "insn", v->insn);
	if (v->target) {
		out_addr(cx->out, "target", v->target);
		if (symtab_format(cx->target->syms, v->target, false, &symbol))
			out_str(cx->out, "symbol", strbuf_text(&symbol));
	}
	if (v->note[0])
		out_str(cx->out, "note", v->note);
	else if (!v->insn[0] && symbol.len)
		out_str(cx->out, "note", strbuf_text(&symbol));
}

static struct err *vectors_run(struct cx *cx, const struct args *a)
{
	(void)a;
	out_table(cx->out, &vectors_table);
	return vector_table_each(cx->target, show, cx);
}

static const char *const vectors_examples[] = { "vectors\tall tables, with what handles each",
	NULL };

const struct command cmd_vectors = {
	.name = "vectors",
	.summary = "exception vectors and what they branch to",
	.usage = "",
	.details = "ARM32: the vectors page, its poison and kuser helpers, and the stubs. arm64: "
		   "each table of "
		   "sixteen, by the first branch out of the entry; CPU says which ones user space "
		   "traps into.",
	.examples = vectors_examples,
	.run = vectors_run,
};
