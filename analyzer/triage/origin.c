/* See origin.h. A value is looked for where it was made; what was made of others is computed from
 * theirs. Where ways join, the straight one is tried first and the jumps' next: the value that is
 * wanted decides. */
#include "analyzer/triage/origin.h"

#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/types_modules.h"
#include "analyzer/triage/origin_code.h"

enum {
	DEPTH_MAX = 24,	   /* values made of values */
	STEPS_MAX = 20000, /* looked at in all */
	JUMPS_MAX = 64,	   /* followed within one search */
	CALLERS_MAX = 6,
};

struct way {
	struct target *t;
	struct arena *a;
	const struct trace *trace;
	struct insn_decoder *decoder;
	struct code code[CALLERS_MAX];
	size_t first; /* frame of code[0] */
	size_t steps;
	struct origin found;
	bool has_found;
};

/* What is known of a register at some place. */
struct word {
	uint64_t v;
	const struct type *pointee; /* what it points to; NULL: not known */
	bool certain;
};

/* What the value must come to, on the way to the origin itself; NULL for other registers. */
struct wanted {
	uint64_t v, added;
};

static bool value_before(struct way *w, size_t k, size_t i, uint8_t reg,
	const struct wanted *wanted, unsigned depth, struct word *ret);

/* Of the frame @k behind the first; NULL: it cannot be read. */
static struct code *code_of(struct way *w, size_t k)
{
	if (k >= CALLERS_MAX || w->first + k >= w->trace->nframes)
		return NULL;
	struct code *c = &w->code[k];
	if (!c->tried)
		code_read(w->t, w->decoder, w->trace, w->first + k, w->a, c);
	return c->good ? c : NULL;
}

static bool is_argument(const struct way *w, uint8_t reg)
{
	return reg < (w->t->abi.word_bytes == 8 ? 8 : 4);
}

/* ---- types ------------------------------------------------------------------------------- */

static const struct type *pointed(const struct type *type)
{
	type = type ? type_strip(type) : NULL;
	return type && type->kind == TYPE_POINTER ? type->target : NULL;
}

/* Parameter @n of the function itself, when all before it are of one register each. */
static const struct type *argument_pointee(const struct way *w, const struct code *c, unsigned n)
{
	const struct variable_scope *s = NULL;
	for (size_t i = 0; i < c->nscopes; i++)
		if (!c->scope[i].inlined)
			s = &c->scope[i];
	for (size_t i = 0, seen = 0; s && i < s->nvariables; i++) {
		const struct variable *v = &s->variable[i];
		if (!v->parameter || !v->type)
			continue;
		if (seen++ == n)
			return pointed(v->type);
		if (type_strip(v->type)->size > w->t->abi.word_bytes)
			return NULL;
	}
	return NULL;
}

static const struct type *variable_at(const struct way *w, uint64_t va)
{
	struct symbol sym;
	const struct type *type = NULL;
	/* Text has no variables: asking for one would search all units. */
	if (!symtab_at(w->t->syms, va, &sym) || sym.va != va || strchr("tTwWaAuU", sym.type))
		return NULL;
	struct types *db = w->t->types;
	scoped_err struct err *err =
		sym.module ? types_find_module_variable(db, sym.module, sym.name, &type)
			   : types_find_variable(db, sym.name, NULL, &type);
	return err ? NULL : type;
}

static const struct type *member_type(struct types *db, const struct type *type, uint64_t offset)
{
	for (unsigned depth = 0; type && depth < DEPTH_MAX; depth++) {
		type = type_strip(type);
		if (type->kind == TYPE_ARRAY && type->target && type_strip(type->target)->size) {
			offset %= type_strip(type->target)->size;
			type = type->target;
			continue;
		}
		if (type->kind != TYPE_STRUCT && type->kind != TYPE_UNION)
			return offset ? NULL : type;
		scoped_err struct err *err = type_complete(db, type);
		const struct type_member *m = NULL;
		for (uint32_t i = 0; !err && !m && i < type->nmembers; i++) {
			uint64_t from = type->member[i].bit_offset / 8;
			if (offset >= from &&
				offset - from < type_strip(type->member[i].type)->size)
				m = &type->member[i];
		}
		if (!m)
			return NULL;
		offset -= m->bit_offset / 8;
		type = m->type;
	}
	return NULL;
}

/* ---- values ------------------------------------------------------------------------------ */

static uint64_t cut(uint64_t v, unsigned bits)
{
	return bits < 64 ? v & ((1ull << bits) - 1) : v;
}

/* Base, index and offset of @d, whose instruction is step @i. */
static bool sum(struct way *w, size_t k, size_t i, const struct insn_define *d, unsigned depth,
	struct word *ret_base, uint64_t *ret)
{
	struct word index = { .certain = true };
	*ret_base = (struct word){ .certain = true };
	if (d->base != INSN_NO_REGISTER &&
		!value_before(w, k, i, d->base, NULL, depth + 1, ret_base))
		return false;
	if (d->index != INSN_NO_REGISTER &&
		!value_before(w, k, i, d->index, NULL, depth + 1, &index))
		return false;
	ret_base->certain &= index.certain;
	if (d->index_bits && d->index_bits < 64) {
		index.v = cut(index.v, d->index_bits);
		if (d->index_signed)
			index.v = (uint64_t)sign_extend(index.v, d->index_bits);
	}
	*ret = cut(ret_base->v + (index.v << d->shift) + (uint64_t)d->offset,
		w->t->abi.word_bytes * 8);
	return true;
}

static void found_load(struct way *w, size_t k, size_t i, const struct word *base, uint64_t va,
	const struct word *loaded, const struct wanted *wanted)
{
	bool agrees = loaded->v == wanted->v;
	if (w->has_found || (!agrees && !loaded->certain))
		return;
	w->has_found = true;
	w->found = (struct origin){ .kind = ORIGIN_LOADED,
		.frame = w->first + k,
		.pc = w->code[k].step[i].va,
		.certain = loaded->certain,
		.added = wanted->added,
		.va = va,
		.value = loaded->v,
		.agrees = agrees,
		.type = base->pointee,
		.offset = va - base->v };
}

static bool load(struct way *w, size_t k, size_t i, const struct insn_define *d,
	const struct wanted *wanted, unsigned depth, struct word *ret)
{
	struct word base, loaded = { 0 };
	uint64_t va, v;
	if (!sum(w, k, i, d, depth, &base, &va) || !d->load_bytes || d->load_bytes > 8 ||
		!vspace_try_uint(w->t->kernel, va, d->load_bytes, &v))
		return false;
	if (d->load_signed)
		v = (uint64_t)sign_extend(v, d->load_bytes * 8);
	loaded.v = cut(v, d->bits);
	loaded.certain = base.certain;
	loaded.pointee = pointed(member_type(w->t->types, base.pointee, va - base.v));
	if (wanted)
		found_load(w, k, i, &base, va, &loaded, wanted);
	*ret = loaded;
	return !wanted || loaded.v == wanted->v || loaded.certain;
}

static void found_constant(struct way *w, size_t k, size_t i, const struct wanted *wanted)
{
	if (w->has_found)
		return;
	w->has_found = true;
	w->found = (struct origin){ .kind = ORIGIN_CONSTANT,
		.frame = w->first + k,
		.pc = w->code[k].step[i].va,
		.certain = true,
		.added = wanted->added };
}

static bool compute(struct way *w, size_t k, size_t i, const struct insn_define *d,
	const struct wanted *wanted, unsigned depth, struct word *ret)
{
	struct word base;
	uint64_t v;
	bool copy = d->base != INSN_NO_REGISTER && d->index == INSN_NO_REGISTER;
	if (wanted && copy) {
		struct wanted rest = { cut(wanted->v - (uint64_t)d->offset,
					       w->t->abi.word_bytes * 8),
			wanted->added + (uint64_t)d->offset };
		if (!value_before(w, k, i, d->base, &rest, depth + 1, &base))
			return false;
		v = base.v + (uint64_t)d->offset;
	} else if (!sum(w, k, i, d, depth, &base, &v)) {
		return false;
	}
	ret->v = cut(v, d->bits);
	ret->certain = base.certain;
	ret->pointee = d->offset || !copy ? variable_at(w, ret->v) : base.pointee;
	if (wanted && d->base == INSN_NO_REGISTER && d->index == INSN_NO_REGISTER &&
		ret->v == wanted->v)
		found_constant(w, k, i, wanted);
	return true;
}

/* What step @i, which defines @reg by @d, leaves in it. */
static bool evaluate(struct way *w, size_t k, size_t i, uint8_t reg, const struct insn_define *d,
	const struct wanted *wanted, unsigned depth, struct word *ret)
{
	struct word self;
	switch (d->kind) {
	case DEFINE_LOAD:
		return load(w, k, i, d, wanted, depth, ret);
	case DEFINE_VALUE:
		return compute(w, k, i, d, wanted, depth, ret);
	case DEFINE_INSERT:
		if (!value_before(w, k, i, reg, NULL, depth + 1, &self))
			return false;
		ret->v = cut((self.v & ~d->mask) | (uint64_t)d->offset, d->bits);
		ret->certain = self.certain;
		ret->pointee = variable_at(w, ret->v);
		if (wanted && ret->v == wanted->v)
			found_constant(w, k, i, wanted);
		return true;
	default:
		return false;
	}
}

/* At the function's entry it is what the caller had in it at the call. */
static bool entry_value(struct way *w, size_t k, uint8_t reg, const struct wanted *wanted,
	unsigned depth, struct word *ret)
{
	const struct code *own = &w->code[k], *caller = code_of(w, k + 1);
	bool argument = is_argument(w, reg), saved = w->t->arch->saved_regs >> reg & 1;
	if (!caller || (!argument && !saved) || w->trace->frame[w->first + k + 1].exact)
		return false;
	const struct insn_step *call = &caller->step[caller->at];
	bool through = call->flow == INSN_CALL_POINTER;
	if (!through && (call->flow != INSN_CALL || call->target != own->entry))
		return false; /* somebody between them is gone: a tail call */
	if (!value_before(w, k + 1, caller->at, reg, wanted, depth + 1, ret))
		return false;
	if (!ret->pointee && argument)
		ret->pointee = argument_pointee(w, own, reg);
	return true;
}

static void found_return(struct way *w, size_t k, const struct insn_step *call, bool certain,
	const struct wanted *wanted)
{
	if (w->has_found || !wanted)
		return;
	w->has_found = true;
	w->found = (struct origin){ .kind = ORIGIN_RETURNED,
		.frame = w->first + k,
		.pc = call->va,
		.certain = certain,
		.added = wanted->added,
		.callee = call->flow == INSN_CALL ? call->target : 0 };
}

struct search {
	struct way *w;
	size_t k;
	uint8_t reg;
	const struct wanted *wanted;
	unsigned depth;
	uint8_t *seen; /* by step */
	unsigned jumps;
};

static bool search_back(struct search *s, size_t i, bool certain, struct word *ret);

/* *ret_ends: what step @i does ends the search, with a value or (false) without. */
static bool search_step(struct search *s, size_t i, bool certain, bool *ret_ends, struct word *ret)
{
	struct way *w = s->w;
	const struct insn_step *step = &w->code[s->k].step[i];
	struct insn_define d;
	insn_decoder_define(w->decoder, step, s->reg, &d);
	*ret_ends = d.kind != DEFINE_NOTHING;
	if (*ret_ends) {
		if (!evaluate(w, s->k, i, s->reg, &d, s->wanted, s->depth, ret))
			return false;
		ret->certain &= certain;
		if (w->has_found && s->wanted)
			w->found.certain &= certain;
		return true;
	}
	bool call = step->flow == INSN_CALL || step->flow == INSN_CALL_POINTER;
	bool saved = w->t->arch->saved_regs >> s->reg & 1 || s->reg == w->t->arch->reg_sp;
	if (!call || saved)
		return false;
	*ret_ends = true;
	if (!s->reg)
		found_return(w, s->k, step, certain, s->wanted);
	return false;
}

static bool search_jumps(struct search *s, size_t i, struct word *ret)
{
	const struct code *c = &s->w->code[s->k];
	if (++s->jumps > JUMPS_MAX)
		return false;
	s->w->steps += c->n / 16;
	for (size_t j = 0; j < c->n; j++)
		if ((c->step[j].flow == INSN_BRANCH || c->step[j].flow == INSN_JUMP) &&
			c->step[j].target == c->step[i].va && !s->seen[j] &&
			search_back(s, j, false, ret))
			return true;
	return false;
}

/* The value before step @i. */
static bool search_back(struct search *s, size_t i, bool certain, struct word *ret)
{
	struct way *w = s->w;
	const struct code *c = &w->code[s->k];
	for (;; i--) {
		if (s->seen[i] || ++w->steps > STEPS_MAX)
			return false;
		s->seen[i] = 1;
		bool joined = c->joined[i], ends = false;
		certain &= !joined;
		bool falls =
			i && c->step[i - 1].flow != INSN_JUMP && c->step[i - 1].flow != INSN_LEAVE;
		if (!i && entry_value(w, s->k, s->reg, s->wanted, s->depth, ret)) {
			ret->certain &= certain;
			return true;
		}
		if (falls && search_step(s, i - 1, certain, &ends, ret))
			return true;
		if (!falls || (ends && !w->has_found))
			return joined && search_jumps(s, i, ret);
		if (ends)
			return false;
	}
}

/* ---- a register at a place --------------------------------------------------------------- */

static bool unwritten(struct way *w, const struct code *c, size_t from, uint8_t reg)
{
	for (size_t i = from; i < c->at; i++) {
		struct insn_define d;
		if (++w->steps > STEPS_MAX)
			return false;
		insn_decoder_define(w->decoder, &c->step[i], reg, &d);
		bool saved = w->t->arch->saved_regs >> reg & 1 || reg == w->t->arch->reg_sp;
		bool call = c->step[i].flow == INSN_CALL || c->step[i].flow == INSN_CALL_POINTER;
		if (d.kind != DEFINE_NOTHING || (call && !saved))
			return false;
	}
	return from <= c->at;
}

static bool value_before(struct way *w, size_t k, size_t i, uint8_t reg,
	const struct wanted *wanted, unsigned depth, struct word *ret)
{
	const struct code *c = code_of(w, k);
	struct word found = { 0 };
	if (!c || depth > DEPTH_MAX || i >= c->n || w->steps > STEPS_MAX)
		return false;
	const struct frame *f = &w->trace->frame[w->first + k];
	bool kept = f->exact || w->t->arch->saved_regs >> reg & 1 || reg == w->t->arch->reg_sp;
	bool known = kept && regs_has(&f->regs, reg) && unwritten(w, c, i, reg);
	scoped_free uint8_t *seen = xcalloc(c->n, 1);
	struct search s = { w, k, reg, wanted, depth, seen, 0 };
	bool good = search_back(&s, i, true, &found);
	if (!good && !known)
		return false;
	if (known && (!good || found.v != f->regs.v[reg]))
		found = (struct word){ .v = f->regs.v[reg] };
	found.certain |= known;
	*ret = found;
	return true;
}

bool origin_find(struct target *t, const struct trace *trace, size_t n, unsigned reg, bool thumb,
	struct arena *a, struct origin *ret)
{
	struct word value;
	if (reg >= INSN_NO_REGISTER || n >= trace->nframes || !regs_has(&trace->frame[n].regs, reg))
		return false;
	struct way w = { .t = t, .a = a, .trace = trace, .first = n };
	w.decoder = insn_decoder_open(t->arch, thumb);
	struct wanted wanted = { trace->frame[n].regs.v[reg], 0 };
	if (w.decoder && code_of(&w, 0))
		value_before(&w, 0, w.code[0].at, (uint8_t)reg, &wanted, 0, &value);
	insn_decoder_close(w.decoder);
	if (!w.has_found)
		return false;
	w.found.certain &= !thumb; /* IT blocks make instructions conditional */
	*ret = w.found;
	return true;
}
