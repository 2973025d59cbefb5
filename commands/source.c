/* source: which line of which file an address was compiled from. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column source_columns[] = { { "address", .width = WIDTH_ADDRESS },
	{ "function" }, { "module", .hidden = true }, { "file", .hidden = true },
	{ "line", .hidden = true }, { "inlined", .hidden = true }, { "at", .text_only = true },
	{ 0 } };
static const struct table source_table = { .layout = LAYOUT_LINES, .columns = source_columns };

/* Why there is no line for @va. */
static struct err *no_line(const struct cx *cx, uint64_t va, const struct symbol *sym)
{
	const struct target *t = cx->target;
	const char *have = types_source(t->types);
	if (sym && sym->module)
		return err_new(ERR_MISSING,
			"no line information for module %s: it needs %s.ko.debug below "
			"--symbols DIR, in modules/ beside the vmlinux or below /usr/lib/debug",
			sym->module, sym->module);
	if (!have || !strstr(have, "DWARF"))
		return err_new(ERR_MISSING, "no line information: it needs a vmlinux with DWARF");
	return err_new(ERR_NOT_FOUND, "no line belongs to 0x%llx", (unsigned long long)va);
}

static void show_place(struct cx *cx, const char *file, int line, bool inlined)
{
	out_bool(cx->out, "inlined", inlined);
	if (!file)
		return;
	out_str(cx->out, "file", file);
	out_int(cx->out, "line", line);
	out_strf(cx->out, "at", "%s:%d%s", file, line, inlined ? " (inlined)" : "");
}

/* A row for each function that was inlined there, the innermost first; the last is the symbol's. */
static void show(struct cx *cx, uint64_t va)
{
	const struct target *t = cx->target;
	/* DWARF has link-time addresses; modules' are moved as the kernel's are. */
	uint64_t slide = t->image.va - t->image.link_va;
	struct source_frame frame[SOURCE_FRAMES_MAX] = { 0 };
	scoped_strbuf struct strbuf name = { 0 };
	struct symbol sym;
	bool known = symtab_at(t->syms, va, &sym);
	size_t n = types_source_frames(t->types, va - slide, known ? sym.va - slide : 0, frame);
	for (size_t i = 0; i + 1 < n; i++) {
		out_row(cx->out);
		out_addr(cx->out, "address", va);
		out_str(cx->out, "function", frame[i].function);
		show_place(cx, frame[i].file, frame[i].line, true);
	}
	const struct source_frame *last = &frame[n ? n - 1 : 0];
	out_row(cx->out);
	out_addr(cx->out, "address", va);
	if (symtab_format(t->syms, va, false, &name))
		out_str(cx->out, "function", strbuf_text(&name));
	if (known && sym.module)
		out_str(cx->out, "module", sym.module);
	show_place(cx, last->file, last->line, false);
	if (!last->file)
		out_complain(cx->out, no_line(cx, va, known ? &sym : NULL));
}

static struct err *source_run(struct cx *cx, const struct args *a)
{
	struct err *err = target_need_kernel(cx->target);
	out_table(cx->out, &source_table);
	for (int i = 0; !err && i < args_count(a); i++) {
		uint64_t va;
		err = interrupt_check();
		if (!err)
			err = arg_address(cx, a, i, &va);
		if (!err)
			show(cx, va);
	}
	return err;
}

static const char *const source_examples[] = {
	"source schedule\twhere a function begins",
	"source ffff800008012340 panic+0x20\tany code addresses",
	NULL,
};

const struct command cmd_source = {
	.name = "source",
	.summary = "the file and line that code was compiled from, through inlined functions",
	.usage = "ADDRESS|SYMBOL…",
	.options = NULL,
	.examples = source_examples,
	.min_args = 1,
	.max_args = -1,
	.complete = "symbol",
	.run = source_run,
};
