/* dis: disassembly. */
#include "analyzer/api.h"
#include "analyzer/model.h"

enum { COUNT_MAX = 1 << 20 };

static const struct column dis_columns[] = { { "address", .width = WIDTH_ADDRESS },
	{ "location", .width = 26, .text_only = true }, { "symbol", .hidden = true },
	{ "offset", .hidden = true }, { "bytes", .hidden = true }, { "insn" }, { 0 } };
static const struct table dis_table = { .layout = LAYOUT_LINES, .columns = dis_columns };

/* With -l. */
static const struct column line_columns[] = { { "address", .width = WIDTH_ADDRESS },
	{ "location", .width = 26, .text_only = true }, { "symbol", .hidden = true },
	{ "offset", .hidden = true }, { "bytes", .hidden = true }, { "insn", .width = 34 },
	{ "file", .hidden = true }, { "line", .hidden = true }, { "source", .text_only = true },
	{ 0 } };
static const struct table line_table = { .layout = LAYOUT_LINES, .columns = line_columns };

static const struct option dis_options[] = {
	{ 'r', NULL, "from the function's start up to the address" },
	{ 'l', NULL, "with the source lines that the code is of" },
	{ 'T', NULL, "Thumb-2 code (ARM32), whatever the symbol says" },
	{ 'A', NULL, "ARM code (ARM32), whatever the symbol says" }, { 0 }
};

/* The line that the code is of; in text it stands where it changes. */
struct source_place {
	bool wanted;
	const char *file;
	int line;
};

static void show_source(struct cx *cx, uint64_t va, struct source_place *io_last)
{
	/* DWARF has link-time addresses; modules' are moved as the kernel's are. */
	uint64_t link_va = va - (cx->target->image.va - cx->target->image.link_va);
	const char *file;
	int line;
	if (!io_last->wanted || !types_source_line(cx->target->types, link_va, &file, &line))
		return;
	out_str(cx->out, "file", file);
	out_int(cx->out, "line", line);
	if (!io_last->file || strcmp(file, io_last->file) || line != io_last->line)
		out_strf(cx->out, "source", "%s: %d", file, line);
	io_last->file = file;
	io_last->line = line;
}

static void show(struct cx *cx, const struct insn *insn, struct source_place *io_last)
{
	struct symbol sym;
	scoped_strbuf struct strbuf bytes = { 0 };
	out_row(cx->out);
	out_addr(cx->out, "address", insn->va);
	if (symtab_at(cx->target->syms, insn->va, &sym)) {
		out_strf(cx->out, "location", "<%s+0x%llx>:", sym.name,
			(unsigned long long)(insn->va - sym.va));
		out_str(cx->out, "symbol", sym.name);
		out_hex(cx->out, "offset", insn->va - sym.va);
	}
	for (unsigned i = 0; i < insn->size; i++)
		strbuf_addf(&bytes, "%02x", insn->bytes[i]);
	out_str(cx->out, "bytes", strbuf_text(&bytes));
	out_str(cx->out, "insn", insn->text);
	show_source(cx, insn->va, io_last);
}

/* From @va up to @end, at most @count. */
static struct err *show_range(
	struct cx *cx, struct disasm *d, uint64_t va, uint64_t end, uint64_t count, bool lines)
{
	struct err *err = NULL;
	struct source_place last = { .wanted = lines };
	while (count-- && va < end && !(err = interrupt_check())) {
		struct insn insn;
		err = disasm_one(d, va, &insn);
		if (err)
			break;
		show(cx, &insn, &last);
		va += insn.size;
	}
	return err;
}

/* A symbol alone is its whole function; with a count or as an address, so many instructions. */
static struct err *choose_range(struct cx *cx, const struct args *a, uint64_t *ret_va,
	uint64_t *ret_end, uint64_t *ret_count)
{
	struct symbol sym;
	*ret_count = 1;
	struct err *err = arg_address(cx, a, 0, ret_va);
	if (!err)
		err = arg_limited(a, 1, COUNT_MAX, ret_count);
	if (err)
		return err;
	bool known = symtab_at(cx->target->syms, *ret_va, &sym);
	*ret_end = UINT64_MAX;
	if (args_flag(a, 'r')) {
		if (!known)
			return err_new(ERR_NOT_FOUND, "no function holds 0x%llx",
				(unsigned long long)*ret_va);
		*ret_end = *ret_va + 1;
		*ret_va = sym.va;
		*ret_count = COUNT_MAX;
	} else if (!args_get(a, 1) && known && sym.va == *ret_va) {
		*ret_end = sym.va + sym.size;
		*ret_count = COUNT_MAX;
	}
	return NULL;
}

/*
 * Thumb code: an odd address says so, then the vmlinux's symbol; tables in memory do not keep the
 * bit, so there and in modules the kernel's configuration decides, or what a function of the
 * vmlinux is.
 */
static bool is_thumb(struct cx *cx, const struct args *a, uint64_t *io_va)
{
	struct symbol sym, schedule;
	uint64_t configured = 0;
	bool odd = cx->target->abi.word_bytes == 4 && *io_va & 1;
	if (odd)
		*io_va &= ~1ull;
	if (args_flag(a, 'T') || args_flag(a, 'A'))
		return !args_flag(a, 'A');
	if (odd || cx->target->abi.word_bytes != 4)
		return odd;
	bool known = symtab_at(cx->target->syms, *io_va, &sym);
	if (known && sym.thumb)
		return true;
	if (known && !sym.module && sym.object_size)
		return false; /* an ELF symbol: only those have sizes */
	if (target_number(cx->target, "CONFIG(THUMB2_KERNEL)", &configured))
		return configured;
	return symtab_find_kernel(cx->target->syms, "schedule", &schedule) && schedule.thumb;
}

static struct err *dis_run(struct cx *cx, const struct args *a)
{
	uint64_t va, end, count;
	struct disasm *d = NULL;
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = choose_range(cx, a, &va, &end, &count);
	bool thumb = !err && is_thumb(cx, a, &va);
	if (!err)
		err = disasm_open(cx->target->kernel, cx->target->syms, thumb, &d);
	out_table(cx->out, args_flag(a, 'l') ? &line_table : &dis_table);
	if (!err)
		err = show_range(cx, d, va, end, count, args_flag(a, 'l'));
	disasm_close(d);
	return err;
}

static const char *const dis_examples[] = {
	"dis panic\ta whole function",
	"dis -r panic+0x184\tup to an address",
	"dis -l panic 8\twith the source lines",
	"dis ffff800008010000 8\teight instructions",
	NULL,
};

const struct command cmd_dis = {
	.name = "dis",
	.summary = "disassemble code of the dump",
	.usage = "ADDRESS|SYMBOL [COUNT]",
	.options = dis_options,
	.examples = dis_examples,
	.min_args = 1,
	.max_args = 2,
	.complete = "symbol",
	.takes = "*",
	.run = dis_run,
};
