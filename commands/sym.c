/* sym: names to addresses and back. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column sym_columns[] = { { "address", .width = WIDTH_ADDRESS },
	{ "type", .width = 3 }, { "location", .text_only = true }, { "name", .hidden = true },
	{ "offset", .hidden = true }, { "module", .hidden = true }, { "file" },
	{ "line", .hidden = true }, { "source" }, { 0 } };
static const struct table sym_table = { .layout = LAYOUT_LINES, .columns = sym_columns };

static const struct option sym_options[] = {
	{ 'l', NULL, "all symbols, by address; then those that were recovered" },
	{ 'q', "TEXT", "symbols whose name holds TEXT" }, { 0 }
};

static void show(struct cx *cx, const struct symbol *s, uint64_t offset)
{
	out_row(cx->out);
	out_addr(cx->out, "address", s->va + offset);
	out_strf(cx->out, "type", "%c", s->type);
	if (offset)
		out_strf(cx->out, "location", "%s+0x%llx%s%s%s", s->name,
			(unsigned long long)offset, s->module ? " [" : "",
			s->module ? s->module : "", s->module ? "]" : "");
	else
		out_strf(cx->out, "location", "%s%s%s%s", s->name, s->module ? " [" : "",
			s->module ? s->module : "", s->module ? "]" : "");
	out_str(cx->out, "name", s->name);
	out_hex(cx->out, "offset", offset);
	if (s->module)
		out_str(cx->out, "module", s->module);
	if (s->source)
		out_strf(cx->out, "source", "(%s)", s->source);
}

static void show_source(struct cx *cx, const struct symbol *s, uint64_t offset)
{
	const struct target *t = cx->target;
	uint64_t slide = t->image.va - t->image.link_va;
	struct source_frame frame[SOURCE_FRAMES_MAX];
	if (!types_source_frames(t->types, s->va + offset - slide, s->va - slide, frame) ||
		!frame[0].file)
		return;
	out_strf(cx->out, "file", "%s:%d", frame[0].file, frame[0].line);
	out_int(cx->out, "line", frame[0].line);
}

static struct err *show_all(struct cx *cx, const char *text)
{
	const struct symtab *st = cx->target->syms;
	struct err *err = NULL;
	for (size_t i = 0; i < symtab_count(st) && !(err = interrupt_check()); i++) {
		struct symbol s;
		symtab_get(st, i, &s);
		if (!text || strstr(s.name, text))
			show(cx, &s, 0);
	}
	struct symbol s;
	for (size_t i = 0; !err && symtab_get_recovered(st, i, &s); i++)
		if (!text || strstr(s.name, text))
			show(cx, &s, 0);
	return err;
}

static struct err *show_one(struct cx *cx, const struct args *a, int i)
{
	struct symbol s;
	uint64_t va;
	if (symtab_find(cx->target->syms, args_get(a, i), &s)) {
		show(cx, &s, 0);
		show_source(cx, &s, 0);
		return NULL;
	}
	struct err *err = arg_address(cx, a, i, &va);
	if (err)
		return err;
	if (!symtab_at(cx->target->syms, va, &s))
		return err_new(ERR_NOT_FOUND, "0x%llx: no symbol holds this address",
			(unsigned long long)va);
	show(cx, &s, va - s.va);
	show_source(cx, &s, va - s.va);
	return NULL;
}

static struct err *sym_run(struct cx *cx, const struct args *a)
{
	const char *text = args_option(a, 'q');
	out_table(cx->out, &sym_table);
	if (args_flag(a, 'l') || text)
		return show_all(cx, text);
	if (!args_count(a))
		return err_new(ERR_USAGE, "a symbol or an address is wanted");
	for (int i = 0; i < args_count(a); i++) {
		struct err *err = show_one(cx, a, i);
		if (err && (err->code == ERR_USAGE || err->code == ERR_INTERRUPTED))
			return err;
		if (err)
			out_complain(cx->out, err);
	}
	return NULL;
}

static const char *const sym_examples[] = {
	"sym jiffies\tits address",
	"sym ffff800008010000\twhat stands there",
	"sym -q vmstat\tall names with vmstat in them",
	NULL,
};

const struct command cmd_sym = {
	.name = "sym",
	.summary = "symbols by name or address",
	.usage = "[NAME|ADDRESS…]",
	.options = sym_options,
	.examples = sym_examples,
	.max_args = -1,
	.complete = "symbol",
	.takes = "*",
	.run = sym_run,
};
