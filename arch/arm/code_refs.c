/*
 * Which fixed addresses a function's A32 code forms. Encodings: ARM DDI 0406 A5. Conditions are not
 * looked at. Thumb code (CONFIG_THUMB2_KERNEL) is not read: callers get nothing that proves itself.
 */
#include "arch/arm/arm.h"

enum { PC_AHEAD = 8, CALLER_SAVED = 0x500f /* AAPCS: r0 to r3, ip, lr */ };

struct scan {
	const uint8_t *code;
	size_t n;
	uint32_t pc, start;
	uint32_t value[16];
	uint32_t known; /* bit i: value[i] */
	code_ref_fn fn;
	void *cx;
};

static unsigned reg(uint32_t insn, unsigned shift)
{
	return insn >> shift & 15;
}

static void forget(struct scan *s, unsigned r)
{
	s->known &= ~(1u << r);
}

static void set(struct scan *s, unsigned r, uint32_t v)
{
	if (r == ARM_PC)
		return;
	s->value[r] = v;
	s->known |= 1u << r;
}

static void emit(struct scan *s, uint32_t va, enum code_ref_kind kind, unsigned bytes)
{
	struct code_ref ref = { .va = va, .pc = s->pc, .kind = kind, .bytes = (uint8_t)bytes };
	s->fn(s->cx, &ref);
}

static void move_half(struct scan *s, uint32_t insn)
{
	unsigned rd = reg(insn, 12);
	uint32_t imm = (insn >> 4 & 0xf000) | (insn & 0xfff);
	if (!(insn >> 22 & 1)) { /* movw */
		set(s, rd, imm);
		return;
	}
	if (!(s->known >> rd & 1))
		return;
	set(s, rd, (s->value[rd] & 0xffff) | imm << 16);
	emit(s, s->value[rd], CODE_ADDRESS, 0);
}

/* add, sub with an immediate; from pc it is an adr. */
static void add_immediate(struct scan *s, uint32_t insn)
{
	unsigned rn = reg(insn, 16), rd = reg(insn, 12), turn = insn >> 7 & 30;
	uint32_t imm = insn & 0xff;
	imm = turn ? imm >> turn | imm << (32 - turn) : imm;
	bool known = rn == ARM_PC || s->known >> rn & 1;
	uint32_t base = rn == ARM_PC ? s->pc + PC_AHEAD : s->value[rn];
	if (!known || rd == ARM_PC) {
		forget(s, rd);
		return;
	}
	set(s, rd, insn >> 22 & 1 ? base - imm : base + imm);
	emit(s, s->value[rd], CODE_ADDRESS, 0);
}

static void load_literal(struct scan *s, uint32_t insn)
{
	uint32_t off = insn & 0xfff;
	uint32_t va = s->pc + PC_AHEAD + (insn >> 23 & 1 ? off : -off);
	forget(s, reg(insn, 12));
	if (insn >> 22 & 1 || va < s->start || !range_inside(va - s->start, 4, s->n))
		return;
	set(s, reg(insn, 12), load_u32le(s->code + (va - s->start)));
	emit(s, load_u32le(s->code + (va - s->start)), CODE_ADDRESS, 0);
}

/* Epilogues that stay inside the function change what the code behind them sees; returns do not. */
static void loaded(struct scan *s, unsigned base, unsigned rt)
{
	if (base != ARM_SP)
		forget(s, rt);
}

static void access(struct scan *s, uint32_t insn, uint32_t off, bool load, unsigned bytes)
{
	unsigned rn = reg(insn, 16), rt = reg(insn, 12);
	bool indexed = insn >> 24 & 1, writes_back = !indexed || insn >> 21 & 1;
	uint32_t va = s->value[rn] + (insn >> 23 & 1 ? off : -off);
	if (indexed && s->known >> rn & 1)
		emit(s, va, load ? CODE_LOAD : CODE_STORE, bytes);
	if (writes_back)
		forget(s, rn);
	if (load)
		loaded(s, rn, rt);
	if (load && bytes == 8)
		loaded(s, rn, (rt + 1) & 15);
}

/* ldrh, strh, ldrsb, ldrsh, ldrd, strd; with a register as offset only the target is of interest */
static void access_half(struct scan *s, uint32_t insn)
{
	bool l = insn >> 20 & 1;
	unsigned sh = insn >> 5 & 3;
	bool load = l || sh == 2;
	unsigned bytes = sh == 1 ? 2 : !l ? 8 : sh == 2 ? 1 : 2;
	if (insn >> 22 & 1)
		access(s, insn, (insn >> 4 & 0xf0) | (insn & 0xf), load, bytes);
	else if (load)
		forget(s, reg(insn, 12));
}

static void load_many(struct scan *s, uint32_t insn)
{
	uint32_t list = insn & 0xffff;
	if (!(insn >> 20 & 1) || list >> ARM_PC & 1 || reg(insn, 16) == ARM_SP)
		return;
	s->known &= ~list;
	if (insn >> 21 & 1)
		forget(s, reg(insn, 16));
}

static void other(struct scan *s, uint32_t insn)
{
	unsigned class = insn >> 25 & 7, opcode = insn >> 21 & 15;
	bool compare = class <= 1 && (opcode & 12) == 8 && (insn >> 20 & 1);
	bool store = class == 3 && !(insn >> 4 & 1) && !(insn >> 20 & 1);
	if (class == 4)
		load_many(s, insn);
	else if (class == 7 && (insn & 0x0f100010) == 0x0e100010) /* mrc */
		forget(s, reg(insn, 12));
	else if (class <= 3 && !compare && !store) {
		forget(s, reg(insn, 12));
		if ((insn & 0x0fc000f0) == 0x00000090 || (class == 3 && insn >> 4 & 1))
			forget(s, reg(insn, 16)); /* multiplications, media */
	}
}

static void step(struct scan *s, uint32_t insn)
{
	if (insn >> 28 == 15) { /* unconditional: barriers, preloads, blx */
		return;
	} else if ((insn & 0x0fb00000) == 0x03000000) {
		move_half(s, insn);
	} else if ((insn & 0x0fe00000) == 0x02800000 || (insn & 0x0fe00000) == 0x02400000) {
		add_immediate(s, insn);
	} else if ((insn & 0x0f3f0000) == 0x051f0000) {
		load_literal(s, insn);
	} else if ((insn & 0x0e000000) == 0x04000000) {
		access(s, insn, insn & 0xfff, insn >> 20 & 1, insn >> 22 & 1 ? 1 : 4);
	} else if ((insn & 0x0e000090) == 0x00000090 && insn >> 5 & 3) {
		access_half(s, insn);
	} else if ((insn & 0x0fef0ff0) == 0x01a00000 && s->known >> reg(insn, 0) & 1) { /* mov */
		set(s, reg(insn, 12), s->value[reg(insn, 0)]);
	} else if ((insn & 0x0f000000) == 0x0b000000 || (insn & 0x0ffffff0) == 0x012fff30) {
		s->known &= ~(uint32_t)CALLER_SAVED;
	} else {
		other(s, insn);
	}
}

void arm_code_refs(const uint8_t *code, size_t n, uint64_t pc, code_ref_fn fn, void *cx)
{
	struct scan s = { .code = code, .n = n, .pc = (uint32_t)pc, .start = (uint32_t)pc,
		.fn = fn, .cx = cx };
	for (size_t i = 0; i + 4 <= n; i += 4, s.pc += 4)
		step(&s, load_u32le(code + i));
}
