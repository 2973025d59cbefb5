/*
 * Which fixed addresses a function's A64 code forms. Encodings: Arm ARM C4.1. Knows the few
 * instructions that compilers make addresses with; every other one only makes its target register
 * unknown.
 */
#include "arch/arm64/arm64.h"

enum { ZR = 31, CALLER_SAVED = 0x4007ffff /* AAPCS64: x0 to x18, lr */ };

struct scan {
	const uint8_t *code;
	size_t n;
	uint64_t pc, start;
	uint64_t value[32];
	uint32_t known; /* bit i: value[i]; never ZR, which as base is sp */
	code_ref_fn fn;
	void *cx;
};

static unsigned reg(uint32_t insn, unsigned shift)
{
	return insn >> shift & 31;
}

static void forget(struct scan *s, unsigned r)
{
	s->known &= ~(1u << r);
}

static void set(struct scan *s, unsigned r, uint64_t v)
{
	if (r == ZR)
		return;
	s->value[r] = v;
	s->known |= 1u << r;
}

static void emit(struct scan *s, uint64_t va, enum code_ref_kind kind, unsigned bytes)
{
	struct code_ref ref = { .va = va, .pc = s->pc, .kind = kind, .bytes = (uint8_t)bytes };
	s->fn(s->cx, &ref);
}

/* adr, adrp: a page alone is no address that anybody wants. */
static void pc_relative(struct scan *s, uint32_t insn)
{
	uint64_t imm = (uint64_t)sign_extend((insn >> 5 & 0x7ffff) << 2 | (insn >> 29 & 3), 21);
	bool page = insn >> 31;
	uint64_t va = page ? (s->pc & ~0xfffull) + (imm << 12) : s->pc + imm;
	set(s, reg(insn, 0), va);
	if (!page)
		emit(s, va, CODE_ADDRESS, 0);
}

static void add_immediate(struct scan *s, uint32_t insn)
{
	unsigned rn = reg(insn, 5), rd = reg(insn, 0);
	uint64_t imm = (uint64_t)(insn >> 10 & 0xfff) << (insn >> 22 & 1 ? 12 : 0);
	if (!(s->known >> rn & 1)) {
		forget(s, rd);
		return;
	}
	uint64_t va = insn >> 30 & 1 ? s->value[rn] - imm : s->value[rn] + imm;
	set(s, rd, va);
	emit(s, va, CODE_ADDRESS, 0);
}

/* Epilogues restore callee-saved registers from the stack; cold blocks that follow them belong to
 * paths on which these still hold what they held. */
static bool restores(unsigned base, unsigned rt)
{
	return base == ZR && rt >= 19 && rt <= 29;
}

static void loaded(struct scan *s, unsigned base, unsigned rt)
{
	if (!restores(base, rt))
		forget(s, rt);
}

/* ldr, str with an unsigned, scaled offset. */
static void load_store(struct scan *s, uint32_t insn)
{
	unsigned rn = reg(insn, 5), rt = reg(insn, 0), shift = insn >> 30, opc = insn >> 22 & 3;
	uint64_t va = s->value[rn] + ((uint64_t)(insn >> 10 & 0xfff) << shift);
	if (s->known >> rn & 1)
		emit(s, va, opc ? CODE_LOAD : CODE_STORE, 1u << shift);
	if (opc)
		loaded(s, rn, rt);
}

static void load_store_pair(struct scan *s, uint32_t insn)
{
	unsigned rn = reg(insn, 5), shift = insn >> 31 ? 3 : 2, mode = insn >> 23 & 3;
	bool load = insn >> 22 & 1;
	uint64_t off = (uint64_t)sign_extend(insn >> 15 & 0x7f, 7) << shift;
	enum { OFFSET = 2, POST = 1, PRE = 3 };
	if (mode == OFFSET && s->known >> rn & 1) {
		emit(s, s->value[rn] + off, load ? CODE_LOAD : CODE_STORE, 1u << shift);
		emit(s, s->value[rn] + off + (1u << shift), load ? CODE_LOAD : CODE_STORE,
			1u << shift);
	}
	if (load) {
		loaded(s, rn, reg(insn, 0));
		loaded(s, rn, reg(insn, 10));
	}
	if (mode == POST || mode == PRE)
		forget(s, rn);
}

/* "ldr x0, =symbol" in assembly: the value stands behind the code. */
static void load_literal(struct scan *s, uint32_t insn)
{
	uint64_t va = s->pc + (uint64_t)sign_extend((insn >> 5 & 0x7ffff) << 2, 21);
	forget(s, reg(insn, 0));
	if (insn >> 30 != 1 || va < s->start || !range_inside(va - s->start, 8, s->n))
		return;
	set(s, reg(insn, 0), load_u64le(s->code + (va - s->start)));
	emit(s, load_u64le(s->code + (va - s->start)), CODE_ADDRESS, 0);
}

/* The other loads and stores: unscaled, indexed, exclusive, atomic. Plain stores change nothing but
 * a base that is written back. */
static void other_memory(struct scan *s, uint32_t insn)
{
	bool simple = (insn & 0x3b000000) == 0x38000000;
	bool writes_back = simple && !(insn >> 21 & 1) && (insn >> 10 & 1);
	if (writes_back)
		forget(s, reg(insn, 5));
	if (insn >> 26 & 1) /* SIMD registers */
		return;
	if (!simple)
		forget(s, reg(insn, 16)); /* stxr's status, casp */
	bool plain_store = simple && !(insn >> 22 & 3) && !((insn >> 21 & 1) && !(insn >> 10 & 3));
	if (!plain_store)
		loaded(s, reg(insn, 5), reg(insn, 0));
}

static void branch_or_system(struct scan *s, uint32_t insn)
{
	uint64_t target;
	uint8_t raw[4] = { (uint8_t)insn, (uint8_t)(insn >> 8), (uint8_t)(insn >> 16),
		(uint8_t)(insn >> 24) };
	if (arch_arm64.is_call(raw, s->pc + 4, &target))
		s->known &= ~(uint32_t)CALLER_SAVED;
	else if ((insn & 0xfff00000) == 0xd5300000) /* mrs */
		forget(s, reg(insn, 0));
}

static void step(struct scan *s, uint32_t insn)
{
	if ((insn & 0x1f000000) == 0x10000000) {
		pc_relative(s, insn);
	} else if ((insn & 0xbf800000) == 0x91000000) {
		add_immediate(s, insn);
	} else if ((insn & 0x3f000000) == 0x39000000) {
		load_store(s, insn);
	} else if ((insn & 0x3c000000) == 0x28000000) {
		load_store_pair(s, insn);
	} else if ((insn & 0x3f000000) == 0x18000000) {
		load_literal(s, insn);
	} else if ((insn & 0xffe0ffe0) == 0xaa0003e0 && s->known >> reg(insn, 16) & 1) { /* mov */
		set(s, reg(insn, 0), s->value[reg(insn, 16)]);
	} else if ((insn & 0x1c000000) == 0x14000000) {
		branch_or_system(s, insn);
	} else if ((insn & 0x0a000000) == 0x08000000) {
		other_memory(s, insn);
	} else {
		forget(s, reg(insn, 0));
	}
}

void arm64_code_refs(const uint8_t *code, size_t n, uint64_t pc, code_ref_fn fn, void *cx)
{
	struct scan s = { .code = code, .n = n, .pc = pc, .start = pc, .fn = fn, .cx = cx };
	for (size_t i = 0; i + 4 <= n; i += 4, s.pc += 4)
		step(&s, load_u32le(code + i));
}
