/* Shows stacks word by word. Knows nothing of frames. */
#include "analyzer/shell/stack_views.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/shell/frame_rows.h"

static const struct column raw_columns[] = { { "address", .width = WIDTH_ADDRESS }, { "data" },
	{ 0 } };
const struct table raw_rows_table = { .layout = LAYOUT_LINES, .columns = raw_columns };

static const struct column text_columns[] = { { "place", .text_only = true },
	{ "address", .hidden = true }, { "value", .hidden = true }, { "symbol" },
	{ "module", .hidden = true }, { "call", .hidden = true }, { "remark", .text_only = true },
	{ 0 } };
const struct table text_rows_table = { .layout = LAYOUT_LINES, .columns = text_columns };

static const struct column exception_columns[] = { { "headline", .text_only = true },
	{ "regs_block", .text_only = true }, { "address", .hidden = true },
	{ "stack", .hidden = true }, { "mode", .hidden = true }, { "stale", .hidden = true },
	{ "regs", .hidden = true, .list = &register_rows_table }, { 0 } };
const struct table exception_rows_table = { .layout = LAYOUT_LINES, .columns = exception_columns };

enum { STACK_BYTES_MAX = 1 << 20 };

/* The words' own bounds; ERR_FORMAT for a stack that no kernel has. */
static struct err *check_stack(const struct stack *s)
{
	if (s->hi <= s->lo || s->hi - s->lo > STACK_BYTES_MAX)
		return err_new(ERR_FORMAT, "no stack reaches from 0x%" PRIx64 " to 0x%" PRIx64,
			s->lo, s->hi);
	return NULL;
}

static uint64_t first_word(const struct cx *cx, const struct stack *s, uint64_t lo)
{
	uint64_t word = cx->target->abi.word_bytes;
	return (lo < s->lo ? s->lo : lo) & -word;
}

struct err *raw_rows_show(struct cx *cx, const char *key, const struct stack *stack, uint64_t lo)
{
	enum { LINE_BYTES = 16 };
	unsigned word = cx->target->abi.word_bytes;
	struct err *err = check_stack(stack);
	if (err)
		return err;
	out_list_begin(cx->out, key);
	for (uint64_t va = first_word(cx, stack, lo) & -(uint64_t)LINE_BYTES;
		!err && va < stack->hi; va += LINE_BYTES) {
		scoped_strbuf struct strbuf data = { 0 };
		struct err *fault = NULL;
		out_row(cx->out);
		out_addr(cx->out, "address", va);
		for (uint64_t at = va; !fault && at < va + LINE_BYTES; at += word) {
			uint64_t value;
			fault = vspace_read_word(cx->target->kernel, at, &value);
			if (!fault)
				strbuf_addf(&data, "%s%0*" PRIx64, data.len ? " " : "",
					(int)word * 2, value);
		}
		if (fault)
			out_fault(cx->out, "data", fault);
		else
			out_str(cx->out, "data", strbuf_text(&data));
		err = interrupt_check();
	}
	out_list_end(cx->out);
	return err;
}

/* Whether @value, as it stands on a stack, points into code; a symbol's type letter tells. */
static bool is_text(const struct target *t, uint64_t value, struct symbol *ret)
{
	uint64_t plain = t->arch->strip(&vspace_facts(t->kernel)->layout, value);
	return symtab_at(t->syms, plain, ret) &&
	       (ret->type == 't' || ret->type == 'T' || ret->type == 'w' || ret->type == 'W');
}

/* Whether a call stands before @value, as it does before every return address but those of entry
 * code. */
static bool follows_call(const struct target *t, uint64_t value)
{
	uint8_t code[4];
	uint64_t callee, ra = t->arch->strip(&vspace_facts(t->kernel)->layout, value);
	uint64_t at = t->arch->capstone_thumb_mode ? ra & ~1ull : ra;
	return vspace_try_read(t->kernel, at - sizeof(code), code, sizeof(code), NULL) ==
		       FAULT_NONE &&
	       t->arch->is_call(code, ra, &callee);
}

static void show_text(struct cx *cx, uint64_t va, uint64_t value, const struct symbol *sym)
{
	struct target *t = cx->target;
	int digits = (int)t->abi.word_bytes * 2;
	scoped_strbuf struct strbuf name = { 0 };
	bool call = follows_call(t, value);
	symtab_format(
		t->syms, t->arch->strip(&vspace_facts(t->kernel)->layout, value), false, &name);
	out_row(cx->out);
	out_strf(cx->out, "place", "[%0*" PRIx64 "]", digits, va);
	out_addr(cx->out, "address", va);
	out_addr(cx->out, "value", value);
	out_str(cx->out, "symbol", strbuf_text(&name));
	if (sym->module)
		out_str(cx->out, "module", sym->module);
	out_bool(cx->out, "call", call);
	out_strf(cx->out, "remark", "at %0*" PRIx64 "%s", digits, value,
		call ? "" : " (no call before it)");
}

struct err *text_rows_show(struct cx *cx, const char *key, const struct stack *stack, uint64_t lo)
{
	unsigned word = cx->target->abi.word_bytes;
	uint64_t value;
	struct symbol sym;
	struct err *err = check_stack(stack);
	if (err)
		return err;
	out_list_begin(cx->out, key);
	for (uint64_t va = first_word(cx, stack, lo); !err && va < stack->hi; va += word) {
		err = vspace_read_word(cx->target->kernel, va, &value);
		if (!err && is_text(cx->target, value, &sym))
			show_text(cx, va, value, &sym);
		if (!err)
			err = interrupt_check();
	}
	out_list_end(cx->out);
	return err;
}

static void show_exception(
	struct cx *cx, const struct exception_frame *f, const struct stack *stack, uint64_t sp)
{
	bool stale = sp >= stack->lo && sp <= stack->hi && f->va < sp;
	out_row(cx->out);
	out_strf(cx->out, "headline", "%s-mode exception frame at 0x%" PRIx64 " on the %s stack%s:",
		f->user ? "user" : "kernel", f->va, stack->name,
		stale ? " (below the stack pointer: left behind)" : "");
	out_addr(cx->out, "address", f->va);
	out_str(cx->out, "stack", stack->name);
	out_str(cx->out, "mode", f->user ? "user" : "kernel");
	out_bool(cx->out, "stale", stale);
	register_rows_show(cx, "regs", "regs_block", &f->regs, f);
}

struct err *exception_rows_show(struct cx *cx, const char *key, const struct task *task,
	const struct stack *stacks, size_t nstacks, uint64_t sp)
{
	struct err *err = NULL;
	out_list_begin(cx->out, key);
	for (size_t i = 0; !err && i < nstacks; i++) {
		scoped_exception_frames struct exception_frames frames = { 0 };
		err = check_stack(&stacks[i]);
		if (!err)
			err = exception_frames_search(
				cx->target, task, &stacks[i], stacks[i].lo, &frames);
		for (size_t k = 0; k < frames.found.n; k++)
			show_exception(cx, &frames.found.v[k], &stacks[i], sp);
	}
	out_list_end(cx->out);
	return err;
}
