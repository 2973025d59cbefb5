/* Shows frames, registers and the words of stacks. */
#include "analyzer/shell/frame_rows.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/debug/lines.h"
#include "analyzer/kernel/module_sections.h"
#include "analyzer/kernel/slab_object.h"
#include "analyzer/stack/stacks.h"

static const struct column register_columns[] = { { "name", .width = 8, .align = ALIGN_RIGHT },
	{ "value" }, { "symbol" }, { "meaning" }, { 0 } };
const struct table register_rows_table = { .layout = LAYOUT_LINES, .columns = register_columns };

static const struct column word_columns[] = { { "address" }, { "value" }, { "symbol" }, { "cache" },
	{ "object" }, { 0 } };
const struct table word_rows_table = { .layout = LAYOUT_LINES, .columns = word_columns };

static const struct column frame_columns[] = { { "number", .width = 3, .align = ALIGN_RIGHT,
						       .text_only = true },
	{ "stack", .text_only = true }, { "location", .text_only = true },
	{ "remark", .text_only = true }, { "regs_block", .text_only = true },
	{ "words_block", .text_only = true }, { "n", .hidden = true }, { "sp", .hidden = true },
	{ "pc", .hidden = true }, { "symbol", .hidden = true }, { "offset", .hidden = true },
	{ "size", .hidden = true }, { "module", .hidden = true }, { "build_id", .hidden = true },
	{ "how", .hidden = true }, { "trust", .hidden = true }, { "inlined", .hidden = true },
	{ "file", .hidden = true }, { "line", .hidden = true }, { "pt_regs", .hidden = true },
	{ "note", .hidden = true }, { "regs", .hidden = true, .list = &register_rows_table },
	{ "words", .hidden = true, .list = &word_rows_table }, { 0 } };
const struct table frame_rows_table = { .layout = LAYOUT_LINES, .columns = frame_columns };

/* ---- registers --------------------------------------------------------------------------- */

enum { BLOCK_INDENT = 5 };

/* A pointer into code as a symbol, also under a signature; a return address as the kernel's %pB. */
static bool code_name(const struct target *t, uint64_t va, struct strbuf *out)
{
	uint64_t plain = t->arch->strip(&vspace_facts(t->kernel)->layout, va);
	return symtab_format(t->syms, plain, false, out);
}

static void show_register(struct cx *cx, const struct regs *regs, unsigned i, bool user)
{
	const struct arch *arch = cx->target->arch;
	scoped_strbuf struct strbuf words = { 0 };
	out_row(cx->out);
	out_str(cx->out, "name", arch->reg_name[i]);
	out_addr(cx->out, "value", regs->v[i]);
	if (i == arch->reg_status) {
		arch->describe_status(regs->v[i], &words);
		out_str(cx->out, "meaning", strbuf_text(&words));
	} else if (!user && code_name(cx->target, regs->v[i], &words)) {
		out_str(cx->out, "symbol", strbuf_text(&words));
	}
}

static void show_extra(struct cx *cx, const struct exception_frame *f)
{
	if (f->has_orig) {
		out_row(cx->out);
		out_str(cx->out, "name", "orig_x0");
		out_addr(cx->out, "value", f->orig);
	}
	if (f->has_syscall) {
		out_row(cx->out);
		out_str(cx->out, "name", "syscallno");
		out_addr(cx->out, "value", (uint32_t)f->syscall);
		if (f->syscall < 0)
			out_str(cx->out, "meaning", "no system call");
	}
}

/* "  NAME: value", the name to the right of its column. */
static void add_register(struct cx *cx, const char *name, uint64_t v, struct strbuf *out)
{
	strbuf_addf(out, "%*s: %0*" PRIx64, BLOCK_INDENT + 4, name,
		(int)cx->target->abi.word_bytes * 2, v);
}

/* pc and lr with their symbols on lines of their own, sp with the status, then the rest from the
 * highest number down, as crash has it. */
static void add_block(
	struct cx *cx, const struct regs *regs, const struct exception_frame *f, struct strbuf *out)
{
	const struct arch *arch = cx->target->arch;
	const unsigned first[] = { arch->reg_pc, arch->reg_lr, arch->reg_sp, arch->reg_status };
	bool user = arch->user_mode(regs);
	unsigned column = 0, columns = cx->target->abi.word_bytes == 8 ? 3 : 5;
	uint64_t shown = 0;
	for (size_t k = 0; k < ARRAY_SIZE(first); k++) {
		scoped_strbuf struct strbuf words = { 0 };
		unsigned i = first[k];
		shown |= 1ull << i;
		if (!regs_has(regs, i))
			continue;
		add_register(cx, arch->reg_name[i], regs->v[i], out);
		if (i == arch->reg_status)
			arch->describe_status(regs->v[i], &words);
		else if (i != arch->reg_sp && !user)
			code_name(cx->target, regs->v[i], &words);
		if (words.len)
			strbuf_addf(out, "  [%s]", strbuf_text(&words));
		if (i != arch->reg_sp || !regs_has(regs, arch->reg_status))
			strbuf_add_char(out, '\n');
	}
	for (unsigned i = arch->nregs; i-- > 0;) {
		if ((shown >> i & 1) || !regs_has(regs, i))
			continue;
		add_register(cx, arch->reg_name[i], regs->v[i], out);
		if (++column % columns == 0)
			strbuf_add_char(out, '\n');
	}
	if (column % columns)
		strbuf_add_char(out, '\n');
	if (f && f->has_orig)
		add_register(cx, "orig_x0", f->orig, out);
	if (f && f->has_syscall && f->syscall >= 0)
		strbuf_addf(out, "%*s: %" PRId64, BLOCK_INDENT + 12, "syscallno", f->syscall);
	else if (f && f->has_syscall)
		strbuf_addf(out, "%*s: none", BLOCK_INDENT + 12, "syscallno");
	if (f && (f->has_orig || f->has_syscall))
		strbuf_add_char(out, '\n');
}

void register_rows_show(struct cx *cx, const char *key, const char *block_key,
	const struct regs *regs, const struct exception_frame *f)
{
	const struct arch *arch = cx->target->arch;
	const unsigned first[] = { arch->reg_pc, arch->reg_lr, arch->reg_sp, arch->reg_status };
	bool user = arch->user_mode(regs);
	uint64_t left = regs->valid;
	scoped_strbuf struct strbuf block = { 0 };
	add_block(cx, regs, f, &block);
	out_block(cx->out, block_key, strbuf_text(&block));
	out_list_begin(cx->out, key);
	for (size_t k = 0; k < ARRAY_SIZE(first); k++) {
		if (left >> first[k] & 1)
			show_register(cx, regs, first[k], user);
		left &= ~(1ull << first[k]);
	}
	for (unsigned i = 0; i < arch->nregs; i++)
		if (left >> i & 1)
			show_register(cx, regs, i, user);
	if (f)
		show_extra(cx, f);
	out_list_end(cx->out);
}

/* ---- words of the stack ------------------------------------------------------------------ */

/* What a word of a stack is: a symbol, with offset, else an object of a slab cache. */
struct word_meaning {
	struct strbuf symbol; /* empty: none */
	bool is_object;
	char cache[sizeof(((struct slab_cache *)0)->name)];
	uint64_t object; /* where it begins */
};

static void word_explain(
	struct cx *cx, uint64_t value, enum frame_words how, struct word_meaning *ret)
{
	struct slab_object o;
	*ret = (struct word_meaning){ .symbol = { 0 } };
	if ((how != WORDS_SYMBOLS && how != WORDS_OWNERS) ||
		code_name(cx->target, value, &ret->symbol))
		return;
	if (!slab_object_try_find(cx->target, value, &o))
		return;
	ret->is_object = true;
	memcpy(ret->cache, o.cache.name, sizeof(ret->cache));
	ret->object = o.va;
}

/* As crash has it: an object's cache in brackets, with WORDS_OWNERS behind the word itself. */
static void add_meaning(struct strbuf *out, const struct word_meaning *m, uint64_t value,
	int digits, enum frame_words how)
{
	scoped_strbuf struct strbuf text = { 0 };
	if (m->symbol.len)
		strbuf_add(&text, strbuf_text(&m->symbol));
	else if (m->is_object && how == WORDS_OWNERS)
		strbuf_addf(&text, "[%0*" PRIx64 ":%s]", digits, value, m->cache);
	else if (m->is_object)
		strbuf_addf(&text, "[%s]", m->cache);
	else
		strbuf_addf(&text, "%0*" PRIx64, digits, value);
	strbuf_addf(out, " %-*s", digits, strbuf_text(&text));
}

static unsigned words_in_line(const struct cx *cx, enum frame_words how)
{
	return cx->target->abi.word_bytes == 8 || how != WORDS_HEX ? 2 : 4;
}

static void add_word(
	struct cx *cx, uint64_t va, uint64_t value, enum frame_words how, struct strbuf *block)
{
	int digits = (int)cx->target->abi.word_bytes * 2;
	struct word_meaning m;
	word_explain(cx, value, how, &m);
	if (va % (words_in_line(cx, how) * cx->target->abi.word_bytes) == 0 || !block->len)
		strbuf_addf(block, "%s%*s%0*" PRIx64 ":", block->len ? "\n" : "", BLOCK_INDENT, "",
			digits, va);
	add_meaning(block, &m, value, digits, how);
	if (m.symbol.len)
		out_str(cx->out, "symbol", strbuf_text(&m.symbol));
	if (m.is_object) {
		out_str(cx->out, "cache", m.cache);
		out_addr(cx->out, "object", m.object);
	}
	strbuf_deinit(&m.symbol);
}

void word_rows_show(struct cx *cx, const char *key, const char *block_key, uint64_t lo, uint64_t hi,
	enum frame_words how)
{
	enum { BYTES_MAX = 1 << 16 }; /* the largest stack */
	unsigned word = cx->target->abi.word_bytes;
	scoped_strbuf struct strbuf block = { 0 };
	uint64_t value;
	if (hi < lo || hi - lo > BYTES_MAX)
		hi = lo;
	out_list_begin(cx->out, key);
	for (uint64_t va = lo; va < hi && !interrupt_pending(); va += word) {
		out_row(cx->out);
		out_addr(cx->out, "address", va);
		struct err *err = vspace_read_word(cx->target->kernel, va, &value);
		if (err) {
			strbuf_addf(&block, "%s%*s<%s>", block.len ? "\n" : "", BLOCK_INDENT, "",
				err->msg);
			out_fault(cx->out, "value", err);
			break;
		}
		out_addr(cx->out, "value", value);
		add_word(cx, va, value, how, &block);
	}
	out_list_end(cx->out);
	out_block(cx->out, block_key, strbuf_text(&block));
}

/* A frame's words: from its stack pointer to the next frame's, or to the end of its stack when the
 * next one stands on another. */
static void show_words(struct cx *cx, const struct task *task, const struct trace *trace, size_t i,
	enum frame_words how)
{
	struct stack stack;
	uint64_t sp = trace->frame[i].sp;
	if (how == WORDS_NONE || !sp || !stack_find(cx->target, task, sp, &stack))
		return;
	uint64_t hi = stack.hi;
	for (size_t k = i + 1; k < trace->nframes; k++) {
		uint64_t next = trace->frame[k].sp;
		if (next == sp)
			return; /* the frames of one place: the outermost has the words */
		if (next > sp && next <= stack.hi) {
			hi = next;
			break;
		}
	}
	word_rows_show(cx, "words", "words_block", sp, hi, how);
}

/* ---- frames ------------------------------------------------------------------------------ */

/* The build-id of module @name in hex; nothing is appended when it is not known. */
static struct err *find_build_id(struct cx *cx, const char *name, struct strbuf *out)
{
	struct module_iter it;
	struct module m;
	struct module_section *section;
	struct module_identity id = { 0 };
	size_t n;
	bool more = true;
	struct err *err = module_iter_init(&it, cx->target);
	while (!err && more) {
		err = module_iter_next(&it, &m, &more);
		if (err || !more || strcmp(m.name, name))
			continue;
		err = module_sections_read(cx->target, &m, cx->arena, &section, &n);
		if (!err)
			module_identity_read(cx->target, &m, section, n, cx->arena, &id);
		break;
	}
	for (size_t i = 0; !err && i < id.build_id_bytes; i++)
		strbuf_addf(out, "%02x", id.build_id[i]);
	return err;
}

/* "[mod BUILDID]" as the kernel prints it with CONFIG_STACKTRACE_BUILD_ID. */
static void add_build_id(struct cx *cx, const char *module, struct strbuf *location)
{
	scoped_strbuf struct strbuf id = { 0 };
	struct err *err = find_build_id(cx, module, &id);
	if (err)
		out_fault(cx->out, "build_id", err);
	if (err || !id.len)
		return;
	out_str(cx->out, "build_id", strbuf_text(&id));
	if (location->len && location->s[location->len - 1] == ']') {
		location->s[--location->len] = '\0';
		strbuf_addf(location, " %s]", strbuf_text(&id));
	}
}

static void show_symbol(struct cx *cx, const struct frame *f, struct frame_style style)
{
	const struct target *t = cx->target;
	struct symbol sym;
	scoped_strbuf struct strbuf location = { 0 };
	if (!symtab_at(t->syms, f->lookup_pc, &sym)) {
		out_strf(cx->out, "location", "0x%" PRIx64, f->pc);
		return;
	}
	symtab_format_from(t->syms, f->lookup_pc, f->pc, &location);
	out_str(cx->out, "symbol", sym.name);
	out_hex(cx->out, "offset", f->pc - sym.va);
	out_hex(cx->out, "size", sym.size);
	if (sym.module)
		out_str(cx->out, "module", sym.module);
	if (sym.module && style.build_id)
		add_build_id(cx, sym.module, &location);
	out_str(cx->out, "location", strbuf_text(&location));
}

static size_t source_frames(const struct target *t, const struct frame *f, struct source_frame *out)
{
	uint64_t slide = t->image.va - t->image.link_va;
	struct symbol sym;
	uint64_t start = symtab_at(t->syms, f->lookup_pc, &sym) ? sym.va - slide : 0;
	return types_source_frames(t->types, f->lookup_pc - slide, start, out);
}

static void show_line(struct cx *cx, const struct source_frame *f, struct strbuf *remark)
{
	if (!f->file)
		return;
	out_str(cx->out, "file", f->file);
	out_int(cx->out, "line", f->line);
	strbuf_addf(remark, " %s:%d", f->file, f->line);
}

static void show_place(struct cx *cx, const struct frame *f, size_t n)
{
	out_uint(cx->out, "n", n);
	out_addr(cx->out, "sp", f->sp);
	out_addr(cx->out, "pc", f->pc);
	out_str(cx->out, "how", frame_how_name(f->how));
	out_str(cx->out, "trust", frame_trust_name(f->trust));
}

/* A function that the compiler put into frame @n, which has no frame of its own. */
static void show_inlined(
	struct cx *cx, const struct frame *f, size_t n, const struct source_frame *inlined)
{
	scoped_strbuf struct strbuf remark = { 0 };
	out_row(cx->out);
	show_place(cx, f, n);
	out_str(cx->out, "location", inlined->function);
	out_str(cx->out, "symbol", inlined->function);
	out_bool(cx->out, "inlined", true);
	show_line(cx, inlined, &remark);
	strbuf_add(&remark, " (inlined)");
	out_str(cx->out, "remark", strbuf_text(&remark) + 1);
}

static void show_regs(struct cx *cx, const struct frame *f, struct frame_style style)
{
	struct exception_frame e;
	if (style.all_regs && !f->pt_regs_va) {
		register_rows_show(cx, "regs", "regs_block", &f->regs, NULL);
		return;
	}
	if (!f->pt_regs_va)
		return;
	struct err *err = exception_frame_read(cx->target, f->pt_regs_va, &e);
	if (err)
		out_fault(cx->out, "regs", err);
	else
		register_rows_show(cx, "regs", "regs_block", &e.regs, &e);
}

void frame_rows_show(struct cx *cx, const struct task *task, const struct trace *trace, size_t i,
	struct frame_style style)
{
	const struct frame *f = &trace->frame[i];
	scoped_strbuf struct strbuf remark = { 0 };
	struct source_frame source[SOURCE_FRAMES_MAX] = { 0 };
	size_t nsource = style.lines || style.inlined ? source_frames(cx->target, f, source) : 0;
	for (size_t k = 0; style.inlined && k + 1 < nsource; k++)
		show_inlined(cx, f, i, &source[k]);
	out_row(cx->out);
	out_strf(cx->out, "number", "#%zu", i);
	int digits = (int)cx->target->abi.word_bytes * 2;
	if (f->how == HOW_SCS) /* a shadow call stack holds nothing but return addresses */
		out_strf(cx->out, "stack", "[%.*s]", digits, "----------------");
	else
		out_strf(cx->out, "stack", "[%0*" PRIx64 "]", digits, f->sp);
	show_place(cx, f, i);
	show_symbol(cx, f, style);
	out_bool(cx->out, "inlined", false);
	if (f->pt_regs_va) {
		out_addr(cx->out, "pt_regs", f->pt_regs_va);
		strbuf_addf(&remark, " <exception frame at 0x%" PRIx64 ">", f->pt_regs_va);
	}
	/* With -i each function has its own line, without it the innermost one's stands for all. */
	if (nsource)
		show_line(cx, &source[style.inlined ? nsource - 1 : 0], &remark);
	if (f->note)
		strbuf_addf(&remark, " (%s%s%s)", f->note, f->trust == TRUST_SURE ? "" : ", ",
			f->trust == TRUST_SURE ? "" : frame_trust_name(f->trust));
	else if (f->trust != TRUST_SURE)
		strbuf_addf(&remark, " (%s)", frame_trust_name(f->trust));
	out_str(cx->out, "note", f->note);
	if (remark.len)
		out_str(cx->out, "remark", strbuf_text(&remark) + 1);
	show_regs(cx, f, style);
	show_words(cx, task, trace, i, style.words);
}
