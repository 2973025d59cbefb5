/*
 * Runs a function's instructions over places instead of values: each register, and each word of the
 * upper end of the frame, is an offset from the stack pointer at the start, or what some register
 * held at the start, or unknown. Where two ways meet, what they do not agree about is unknown.
 */
#include "arch/arm/code_flow.h"

#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "arch/arm/arm.h"
#include "arch/arm/insn.h"

enum { SLOTS = 32, CODE_MAX = 16384, VISITS_MAX = 65536 };

/* A value: how far below the first stack pointer an address is, or one of these. */
enum { UNKNOWN = INT32_MIN, OF_ENTRY = INT32_MIN + 1 };

struct state {
	int32_t reg[15];
	int32_t slot[SLOTS]; /* [i]: the word that begins 4 * (i + 1) bytes below the first stack
				pointer */
	uint8_t conditional; /* Thumb: so many instructions from here on stand in an IT block */
	bool reached, waits;
};

struct flow {
	const struct arch_env *env;
	uint32_t start, size;
	bool thumb;
	uint8_t *code;
	struct state *at; /* by (va - start) / unit */
	uint32_t *queue;
	uint32_t unit, nat, nqueue;
};

static bool is_offset(int32_t v)
{
	return v > OF_ENTRY + 15;
}

/* ---- one instruction --------------------------------------------------------------------- */

static int32_t *slot_of(struct state *s, int32_t base, int32_t offset)
{
	int64_t below = (int64_t)base - offset;
	if (!is_offset(base) || below <= 0 || below & 3 || below > 4 * SLOTS)
		return NULL;
	return &s->slot[below / 4 - 1];
}

static void run_memory(const struct insn *i, struct state *io)
{
	const int32_t base = io->reg[i->base < 15 ? i->base : 0];
	int32_t offset = i->offset, loaded[15];

	for (unsigned r = 0; r < 15; r++) {
		if (!(i->list >> r & 1))
			continue;
		int32_t *slot = slot_of(io, i->base < 15 ? base : UNKNOWN, offset);
		if (i->memory == INSN_STORES && slot)
			*slot = io->reg[r];
		loaded[r] = slot ? *slot : UNKNOWN;
		offset += 4;
	}
	if (i->step && i->base < 15)
		io->reg[i->base] = is_offset(base) ? base - i->step : UNKNOWN;
	for (unsigned r = 0; i->memory == INSN_LOADS && r < 15; r++)
		if (i->list >> r & 1)
			io->reg[r] = loaded[r];
}

static void run(const struct insn *i, struct state *io)
{
	if (i->memory)
		run_memory(i, io);
	if (i->sum) {
		int32_t of = i->sum_of < 15 ? io->reg[i->sum_of] : UNKNOWN;
		io->reg[i->sum_to] = !i->addend ? of : is_offset(of) ? of - i->addend : UNKNOWN;
	}
	uint32_t lost = i->writes | (i->kind == INSN_CALL ? 0xf | 1u << ARM_IP | 1u << ARM_LR : 0);
	for (unsigned r = 0; r < 15; r++) {
		if (lost >> r & 1)
			io->reg[r] = UNKNOWN;
		/* An offset is a small number, so that it can be added to for ever. */
		if (is_offset(io->reg[r]) && (io->reg[r] > 1 << 24 || io->reg[r] < -(1 << 24)))
			io->reg[r] = UNKNOWN;
	}
}

/* Takes out of @io what @other does not agree about; whether anything changed. */
static bool meet(struct state *io, const struct state *other)
{
	bool changed = false;

	for (unsigned r = 0; r < 15; r++)
		if (io->reg[r] != other->reg[r] && io->reg[r] != UNKNOWN)
			io->reg[r] = UNKNOWN, changed = true;
	for (unsigned k = 0; k < SLOTS; k++)
		if (io->slot[k] != other->slot[k] && io->slot[k] != UNKNOWN)
			io->slot[k] = UNKNOWN, changed = true;
	return changed;
}

/* ---- all ways ---------------------------------------------------------------------------- */

static void arrive(struct flow *f, uint32_t va, const struct state *s)
{
	uint32_t off = va - f->start;

	if (off >= f->size || off % f->unit)
		return;
	struct state *there = &f->at[off / f->unit];
	bool waits = there->waits;
	if (!there->reached) {
		*there = *s;
		there->reached = true;
	} else if (!meet(there, s)) {
		return;
	}
	there->waits = true;
	if (!waits)
		f->queue[f->nqueue++] = off;
}

static bool fetch(const struct flow *f, uint32_t off, struct insn *ret)
{
	const uint8_t *p = f->code + off;
	uint32_t left = f->size - off;

	if (!f->thumb) {
		if (left < 4)
			return false;
		arm_insn(load_u32le(p), f->start + off, ret);
		return true;
	}
	thumb_insn(load_u16le(p), left >= 4 ? load_u16le(p + 2) : 0, f->start + off, ret);
	return ret->bytes <= left;
}

/*
 * Functions that the tracer watches have behind their prologue a `push {lr}` and a call, or a `pop
 * {lr}` in its place, that takes the word from the stack again and leaves all registers as they are
 * (arch/arm/kernel/entry-ftrace.S, 4.19 to 7.2). A module calls it by way of a jump that has no
 * name; other calls find the stack at multiples of 8.
 */
static bool calls_tracer(const struct flow *f, uint32_t off, uint32_t target, int32_t down)
{
	static const char *const tracer[] = { "__gnu_mcount_nc", "ftrace_caller",
		"ftrace_regs_caller" };
	const char *name;
	uint64_t start;

	bool pushed = f->thumb ? off >= 2 && load_u16le(f->code + off - 2) == 0xb500
			       : off >= 4 && load_u32le(f->code + off - 4) == 0xe52de004;
	if (!pushed || !is_offset(down) || !(down & 4))
		return false;
	if (!env_function(f->env, target & ~1u, &name, &start) || (start & ~1ull) != (target & ~1u))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(tracer); i++)
		if (!strcmp(name, tracer[i]))
			return true;
	return false;
}

static void leave_tracer(struct state *io)
{
	int32_t *slot = slot_of(io, io->reg[ARM_SP], 0);
	io->reg[ARM_LR] = slot ? *slot : UNKNOWN;
	if (is_offset(io->reg[ARM_SP]))
		io->reg[ARM_SP] -= 4;
}

static void follow(struct flow *f, uint32_t off)
{
	struct state s = f->at[off / f->unit], after;
	struct insn i;

	if (!fetch(f, off, &i))
		return;
	bool conditional = i.conditional || s.conditional;
	after = s;
	if (i.kind == INSN_CALL && calls_tracer(f, off, i.target, s.reg[ARM_SP]))
		leave_tracer(&after);
	else
		run(&i, &after);
	uint8_t left = i.makes_conditional ? i.makes_conditional
		       : s.conditional	   ? s.conditional - 1
					   : 0;
	s.conditional = after.conditional = left;
	if (i.kind == INSN_JUMP)
		arrive(f, i.target, &after);
	if (i.kind == INSN_PLAIN || i.kind == INSN_CALL)
		arrive(f, f->start + off + i.bytes, &after);
	if (conditional)
		arrive(f, f->start + off + i.bytes, &s);
}

/* The first address that is not the function's own is looked for in growing steps, which are then
 * halved. */
uint32_t arm_code_size(const struct arch_env *env, uint32_t start, bool thumb)
{
	uint32_t in = 0, out = CODE_MAX, unit = thumb ? 2 : 4;
	const char *name;
	uint64_t of;

	for (uint32_t step = 64; step < CODE_MAX; step *= 2) {
		if (!env_function(env, start + step, &name, &of) || (of & ~1ull) != start) {
			out = step;
			break;
		}
		in = step;
	}
	while (out - in > unit) {
		uint32_t mid = (in + (out - in) / 2) & -unit;
		if (env_function(env, start + mid, &name, &of) && (of & ~1ull) == start)
			in = mid;
		else
			out = mid;
	}
	return out;
}

/* False: not all was seen, so nothing can be said. */
static bool walk(struct flow *f)
{
	struct state first = { .reached = true };

	for (unsigned r = 0; r < 15; r++)
		first.reg[r] = r == ARM_SP ? 0 : OF_ENTRY + (int32_t)r;
	for (unsigned k = 0; k < SLOTS; k++)
		first.slot[k] = UNKNOWN;
	arrive(f, f->start, &first);
	for (unsigned visits = 0; f->nqueue; visits++) {
		uint32_t off = f->queue[--f->nqueue];
		if (visits >= VISITS_MAX || interrupt_pending())
			return false;
		f->at[off / f->unit].waits = false;
		follow(f, off);
	}
	return true;
}

/* ---- what is asked ----------------------------------------------------------------------- */

static struct code_place place_of(const struct state *s, unsigned r)
{
	const int32_t wanted = OF_ENTRY + (int32_t)r;

	if (s->reg[r] == wanted)
		return (struct code_place){ .home = CODE_IN_REGISTER, .reg = (uint8_t)r };
	for (unsigned k = 0; k < SLOTS; k++)
		if (s->slot[k] == wanted && 4 * (int32_t)(k + 1) <= s->reg[ARM_SP])
			return (struct code_place){ .home = CODE_ON_STACK,
				.below = (uint16_t)(4 * (k + 1)) };
	for (unsigned q = 0; q < 15; q++)
		if (s->reg[q] == wanted)
			return (struct code_place){ .home = CODE_IN_REGISTER, .reg = (uint8_t)q };
	return (struct code_place){ .home = CODE_LOST };
}

bool arm_code_state(
	const struct arch_env *env, uint32_t start, uint32_t pc, bool thumb, struct code_state *ret)
{
	struct flow f = { .env = env, .start = start, .thumb = thumb, .unit = thumb ? 2 : 4 };

	if (pc < start || pc - start >= CODE_MAX || (pc - start) % f.unit)
		return false;
	f.size = arm_code_size(env, start, thumb) & -f.unit;
	if (pc - start >= f.size)
		return false;
	f.nat = f.size / f.unit;
	scoped_free uint8_t *code = xmalloc(f.size);
	if (!env_read(env, start, code, f.size))
		return false;
	scoped_free struct state *at = xcalloc(f.nat, sizeof(*at));
	scoped_free uint32_t *queue = xcalloc(f.nat, sizeof(*queue));
	f.code = code;
	f.at = at;
	f.queue = queue;
	const struct state *s = &at[(pc - start) / f.unit];
	if (!walk(&f) || !s->reached || !is_offset(s->reg[ARM_SP]) || s->reg[ARM_SP] < 0)
		return false;
	*ret = (struct code_state){ .down = (uint32_t)s->reg[ARM_SP] };
	for (unsigned r = 4; r < 15; r++)
		ret->place[r] = place_of(s, r);
	return true;
}

bool arm_code_step(const struct arch_env *env, const struct abi *abi, const struct code_state *s,
	uint64_t hi, struct regs *io)
{
	const uint32_t wanted = 0x0ff0 | 1u << ARM_LR;
	uint64_t cfa = io->v[ARM_SP] + s->down;
	struct regs r = { 0 };
	uint8_t raw[4];

	if (!regs_has(io, ARM_SP) || io->v[ARM_SP] & 3 || cfa > hi)
		return false;
	for (unsigned i = 4; i < 15; i++) {
		const struct code_place *p = &s->place[i];
		if (!(wanted >> i & 1))
			continue;
		if (p->home == CODE_IN_REGISTER && regs_has(io, p->reg))
			regs_set(&r, i, io->v[p->reg]);
		if (p->home == CODE_ON_STACK && env_read(env, cfa - p->below, raw, sizeof(raw)))
			regs_set(&r, i, get_u32(abi, raw));
	}
	if (!regs_has(&r, ARM_LR))
		return false;
	regs_set(&r, ARM_PC, r.v[ARM_LR]);
	regs_set(&r, ARM_SP, cfa);
	r.valid &= ~(1ull << ARM_LR);
	*io = r;
	return true;
}
