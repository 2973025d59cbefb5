/*
 * Runs a function's instructions over places instead of values: a register is an offset from the
 * stack pointer at the function's start, a number, an offset from the running task, the canary, or
 * unknown; and one word of the frame may hold the canary.
 */
#include "arch/canary.h"

#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

enum { CODE_MAX = 65536, VISITS_MAX = 1 << 19 };

enum kind { UNKNOWN, FRAME, NUMBER, TASK, BASE, CANARY };

struct value {
	enum kind kind;
	uint64_t v; /* FRAME, TASK: the offset; BASE: the bits that were cleared of a frame's
		       address */
};

struct state {
	struct value reg[CANARY_REGS];
	int64_t slot; /* .held: of the word that holds the canary */
	bool held;
	bool reached, waits;
	bool settled;	     /* all that leads there was followed before anything was guessed */
	uint8_t conditional; /* Thumb: so many instructions from here on stand in an IT block */
};

struct flow {
	const struct canary_form *form;
	const struct canary_source *from;
	const struct canary_code *code;
	struct canary_text text;
	struct state *at; /* by offset / unit */
	uint32_t *queue;
	uint32_t unit, nat, nqueue, size;
	unsigned visits;
	bool stored, two; /* a canary was put somewhere, in two places */
	int64_t slot;
};

/* ---- one instruction --------------------------------------------------------------------- */

/* All bits of a register. */
static uint64_t bits(const struct flow *f)
{
	return f->form->word == 8 ? UINT64_MAX : UINT32_MAX;
}

static struct value sum_of(const struct flow *f, struct value a, uint64_t addend)
{
	enum { FAR = 1 << 24 }; /* so that it can be added to for ever */
	if (a.kind == UNKNOWN || a.kind == CANARY || (a.kind == BASE && addend))
		return (struct value){ 0 };
	if (a.kind == BASE)
		return a;
	a.v += addend;
	if (a.kind == NUMBER) {
		a.v &= bits(f);
		return a;
	}
	a.v = (uint64_t)sign_extend(a.v, f->form->address_bits);
	if ((int64_t)a.v > FAR || (int64_t)a.v < -FAR)
		return (struct value){ 0 };
	return a;
}

static struct value mask_of(const struct flow *f, struct value a, uint64_t mask)
{
	uint64_t cleared = ~mask & bits(f);
	if (a.kind == FRAME)
		return (struct value){ BASE, cleared };
	if (a.kind == BASE)
		return (struct value){ BASE, a.v | cleared };
	if (a.kind == NUMBER)
		return (struct value){ NUMBER, a.v & mask };
	return (struct value){ 0 };
}

static bool is_source(const struct flow *f, struct value base, int64_t offset)
{
	const struct canary_source *from = f->from;
	switch (from->kind) {
	case CANARY_OF_ALL:
		return base.kind == NUMBER &&
		       ((base.v + (uint64_t)offset) & bits(f)) == from->where;
	case CANARY_OF_TASK:
		return base.kind == TASK && base.v + (uint64_t)offset == from->where;
	case CANARY_OF_STACK:
		return base.kind == BASE && base.v == from->stack_bytes - 1 &&
		       (uint64_t)offset == from->where;
	}
	return false;
}

static void store(struct flow *f, struct state *io, int64_t at, struct value v)
{
	if (v.kind == CANARY) {
		f->two |= f->stored && f->slot != at;
		f->stored = true;
		f->slot = io->slot = at;
		io->held = true;
	} else if (io->held && at < io->slot + f->form->word && io->slot < at + f->form->word) {
		io->held = false;
	}
}

static void run_memory(struct flow *f, const struct canary_step *i, struct state *io)
{
	struct value base = io->reg[i->base];
	int64_t offset = i->offset;
	for (unsigned k = 0; k < i->nlist; k++, offset += f->form->word) {
		struct value *reg = &io->reg[i->list[k]];
		if (i->effect == EFFECT_STORES && base.kind == FRAME)
			store(f, io, (int64_t)base.v + offset, *reg);
		if (i->effect == EFFECT_LOADS)
			*reg = (struct value){ is_source(f, base, offset) ? CANARY : UNKNOWN, 0 };
	}
	bool loaded = false;
	for (unsigned k = 0; i->effect == EFFECT_LOADS && k < i->nlist; k++)
		loaded |= i->list[k] == i->base;
	if (i->step && !loaded)
		io->reg[i->base] = sum_of(f, base, (uint64_t)i->step);
}

static struct value sum_of_two(const struct flow *f, const struct canary_step *i, struct state *io)
{
	struct value by = io->reg[i->by];
	if (by.kind != NUMBER)
		return (struct value){ 0 };
	return sum_of(f, io->reg[i->of], i->number < 0 ? -by.v : by.v);
}

static void run(struct flow *f, const struct canary_step *i, struct state *io)
{
	struct value *to = &io->reg[i->to];
	uint64_t lost = i->writes | (i->kind == STEP_CALL ? f->form->call_writes : 0);
	switch (i->effect) {
	case EFFECT_NONE:
		break;
	case EFFECT_NUMBER:
		*to = (struct value){ NUMBER, (uint64_t)i->number };
		break;
	case EFFECT_BITS:
		if (to->kind == NUMBER)
			to->v = (to->v & i->mask) | (uint64_t)i->number;
		else
			to->kind = UNKNOWN;
		break;
	case EFFECT_SUM:
		*to = sum_of(f, io->reg[i->of], (uint64_t)i->number);
		break;
	case EFFECT_SUM_OF:
		*to = sum_of_two(f, i, io);
		break;
	case EFFECT_MASK:
		*to = mask_of(f, io->reg[i->of], i->mask);
		break;
	case EFFECT_CURRENT:
		*to = (struct value){ TASK, 0 };
		break;
	case EFFECT_LOADS:
	case EFFECT_STORES:
		run_memory(f, i, io);
	}
	for (unsigned r = 0; lost && r < CANARY_REGS; r++)
		if (lost >> r & 1)
			io->reg[r].kind = UNKNOWN;
	struct value *sp = &io->reg[f->form->sp];
	/* Only a tracer is called with the stack pointer between two multiples of 8. */
	if (i->tracer_pops && sp->kind == FRAME && sp->v & 4)
		*sp = sum_of(f, *sp, i->tracer_pops);
	/* What lies below the stack pointer is anybody's. */
	if (io->held && sp->kind == FRAME && io->slot < (int64_t)sp->v)
		io->held = false;
}

/* ---- all ways ---------------------------------------------------------------------------- */

static bool same(struct value a, struct value b)
{
	return a.kind == b.kind && (a.kind == UNKNOWN || a.kind == CANARY || a.v == b.v);
}

/* Takes out of @io what @other does not agree about; whether anything changed. */
static bool meet(struct state *io, const struct state *other)
{
	bool changed = false;
	for (unsigned r = 0; r < CANARY_REGS; r++)
		if (io->reg[r].kind != UNKNOWN && !same(io->reg[r], other->reg[r]))
			io->reg[r].kind = UNKNOWN, changed = true;
	if (io->held && (!other->held || other->slot != io->slot))
		io->held = false, changed = true;
	return changed;
}

static void arrive(struct flow *f, uint64_t off, const struct state *s)
{
	if (off >= f->size || off % f->unit)
		return;
	struct state *there = &f->at[off / f->unit];
	bool waits = there->waits;
	if (there->settled)
		return;
	if (!there->reached) {
		*there = *s;
		there->reached = true;
		there->settled = false;
	} else if (!meet(there, s)) {
		return;
	}
	there->waits = true;
	if (!waits)
		f->queue[f->nqueue++] = (uint32_t)off;
}

/*
 * @s leads to all that nothing has led to. Tables and literals are among that, whose words lead
 * anywhere when they are taken for code; so what was reached without them stays as it is: compilers
 * make frames that are the same by whichever way an instruction was reached.
 */
static void arrive_anywhere(struct flow *f, const struct state *s)
{
	for (uint32_t k = 0; k < f->nat; k++)
		f->at[k].settled = f->at[k].reached;
	for (uint32_t k = 0; k < f->nat; k++)
		if (!f->at[k].reached)
			arrive(f, (uint64_t)k * f->unit, s);
}

static void follow(struct flow *f, uint32_t off)
{
	struct state s = f->at[off / f->unit], after = s;
	struct canary_step i = { 0 };
	if (!f->form->decode(&f->text, off, &i))
		return;
	bool conditional = i.conditional || s.conditional;
	run(f, &i, &after);
	after.waits = s.waits = false;
	s.conditional = after.conditional = i.makes_conditional ? i.makes_conditional
					    : s.conditional	? s.conditional - 1
								: 0;
	if (i.kind == STEP_JUMP)
		arrive(f, i.target - f->code->start, &after);
	if (i.kind == STEP_NEXT || i.kind == STEP_CALL)
		arrive(f, (uint64_t)off + i.bytes, &after);
	if (conditional)
		arrive(f, (uint64_t)off + i.bytes, &s);
}

/* False: not all was seen, so nothing can be said. */
static bool walk(struct flow *f)
{
	while (f->nqueue) {
		uint32_t off = f->queue[--f->nqueue];
		if (f->visits++ >= VISITS_MAX || interrupt_pending())
			return false;
		f->at[off / f->unit].waits = false;
		follow(f, off);
	}
	return true;
}

/* Of the states before all jumps that may lead anywhere, what they agree about. */
static bool meet_anywhere(const struct flow *f, struct state *ret)
{
	bool any = false;
	for (uint32_t k = 0; k < f->nat; k++) {
		struct canary_step i = { 0 };
		if (!f->at[k].reached || !f->form->decode(&f->text, k * f->unit, &i) ||
			i.kind != STEP_ANYWHERE)
			continue;
		if (any)
			meet(ret, &f->at[k]);
		else
			*ret = f->at[k];
		any = true;
	}
	ret->conditional = 0;
	return any;
}

static bool walk_all(struct flow *f)
{
	struct state s = { 0 };
	s.reg[f->form->sp] = (struct value){ FRAME, 0 };
	arrive(f, 0, &s);
	if (!walk(f))
		return false;
	if (!meet_anywhere(f, &s))
		return true;
	arrive_anywhere(f, &s);
	return walk(f);
}

/* Whether some way looks at the canary again; functions that never return do not. */
static bool is_checked(const struct flow *f)
{
	for (uint32_t k = 0; k < f->nat; k++) {
		const struct state *s = &f->at[k];
		struct canary_step i = { 0 };
		if (!s->reached || !s->held || !f->form->decode(&f->text, k * f->unit, &i) ||
			i.effect != EFFECT_LOADS || s->reg[i.base].kind != FRAME)
			continue;
		int64_t lo = (int64_t)s->reg[i.base].v + i.offset;
		if (s->slot >= lo && s->slot < lo + (int64_t)i.nlist * f->form->word)
			return true;
	}
	return false;
}

/* ---- what is asked ----------------------------------------------------------------------- */

static enum canary_answer answer(const struct flow *f, struct canary_slot *ret)
{
	const struct state *s = &f->at[(f->code->pc - f->code->start) / f->unit];
	const struct value *sp = &s->reg[f->form->sp], *fp = &s->reg[f->form->fp];
	if (!f->stored)
		return CANARY_NONE;
	if (f->two || !s->reached || !s->held || !is_checked(f))
		return CANARY_ELSEWHERE;
	*ret = (struct canary_slot){ .by_sp = sp->kind == FRAME,
		.by_fp = fp->kind == FRAME,
		.from_sp = s->slot - (int64_t)sp->v,
		.from_fp = s->slot - (int64_t)fp->v };
	return ret->by_sp || ret->by_fp ? CANARY_HELD : CANARY_ELSEWHERE;
}

enum canary_answer canary_find(const struct arch_env *env, const struct abi *abi,
	const struct canary_form *form, const struct canary_source *from,
	const struct canary_code *code, struct canary_slot *ret)
{
	struct flow f = { .form = form, .from = from, .code = code, .unit = form->unit(code) };
	if (code->pc < code->start || code->pc - code->start >= code->size ||
		code->size > CODE_MAX || (code->pc - code->start) % f.unit)
		return CANARY_UNKNOWN;
	f.size = (uint32_t)code->size & -f.unit;
	f.nat = f.size / f.unit;
	if (code->pc - code->start >= f.size)
		return CANARY_UNKNOWN;
	scoped_free uint8_t *raw = xmalloc(f.size);
	if (!env_read(env, code->start, raw, f.size))
		return CANARY_UNKNOWN;
	scoped_free struct state *at = xcalloc(f.nat, sizeof(*at));
	scoped_free uint32_t *queue = xcalloc(f.nat, sizeof(*queue));
	f.text = (struct canary_text){ env, abi, code, raw };
	f.at = at;
	f.queue = queue;
	return walk_all(&f) ? answer(&f, ret) : CANARY_UNKNOWN;
}
