/*
 * A64's instructions as the search for canaries wants them (Arm ARM C4.1). Knows those that
 * compilers build frames and addresses with; every other one only makes unknown what may be its
 * destination.
 */
#include "arch/canary.h"
#include "arch/arm64/arm64.h"

enum { ZR = 31, CALL_WRITES = 0x4003ffff /* AAPCS64: x0 to x17, lr; x18 the kernel reserves */ };

static unsigned reg(uint32_t insn, unsigned shift)
{
	return insn >> shift & 31;
}

static void writes(struct canary_step *io, unsigned r)
{
	if (r != ZR)
		io->writes |= 1ull << r;
}

static void number(struct canary_step *io, unsigned r, uint64_t v)
{
	if (r == ZR)
		return;
	io->effect = EFFECT_NUMBER;
	io->to = (uint8_t)r;
	io->number = (int64_t)v;
}

static void sum(struct canary_step *io, unsigned to, unsigned of, int64_t addend)
{
	io->effect = EFFECT_SUM;
	io->to = (uint8_t)to;
	io->of = (uint8_t)of;
	io->number = addend;
}

static void jump(struct canary_step *io, bool conditional, uint64_t va, uint32_t imm, unsigned bits)
{
	io->kind = STEP_JUMP;
	io->conditional = conditional;
	io->target = va + (uint64_t)sign_extend((imm & ((1u << bits) - 1)) << 2, bits + 2);
}

/* ---- data processing --------------------------------------------------------------------- */

/* Register 31 is the stack pointer here, but for the form that sets flags, where it is none. */
static void add_immediate(uint32_t insn, struct canary_step *io)
{
	int64_t imm = (int64_t)(insn >> 10 & 0xfff) << (insn >> 22 & 1 ? 12 : 0);
	bool wide = insn >> 31, flags = insn >> 29 & 1, subtracts = insn >> 30 & 1;
	if (flags && reg(insn, 0) == ZR)
		return; /* cmp */
	if (wide)
		sum(io, reg(insn, 0), reg(insn, 5), subtracts ? -imm : imm);
	else
		io->writes |= 1ull << reg(insn, 0);
}

/* add, sub of sp and a register, which is how frames grow whose size does not fit elsewhere */
static void add_extended(uint32_t insn, struct canary_step *io)
{
	bool plain = (insn & 0xbfe0fc00) == 0x8b206000; /* 64 bits, no flags, no shift */
	if (!plain) {
		if (!(insn >> 29 & 1 && reg(insn, 0) == ZR)) /* else cmp */
			io->writes |= 1ull << reg(insn, 0);
		return;
	}
	io->effect = EFFECT_SUM_OF;
	io->to = (uint8_t)reg(insn, 0);
	io->of = (uint8_t)reg(insn, 5);
	io->by = (uint8_t)reg(insn, 16);
	io->number = insn >> 30 & 1 ? -1 : 1;
	if (io->by == ZR)
		sum(io, reg(insn, 0), reg(insn, 5), 0);
}

/* movz, movn, movk of 64 bits, and of 32 for small numbers */
static void move_wide(uint32_t insn, struct canary_step *io)
{
	unsigned shift = 16 * (insn >> 21 & 3), d = reg(insn, 0), opc = insn >> 29 & 3;
	uint64_t imm = (uint64_t)(insn >> 5 & 0xffff) << shift;
	uint64_t bits = insn >> 31 ? UINT64_MAX : UINT32_MAX;
	if (d == ZR)
		return;
	if (opc == 3) {
		io->effect = EFFECT_BITS;
		io->to = (uint8_t)d;
		io->mask = ~(0xffffull << shift) & bits;
		io->number = (int64_t)imm;
	} else {
		number(io, d, (opc ? imm : ~imm) & bits);
	}
}

static void pc_relative(uint32_t insn, uint64_t va, struct canary_step *io)
{
	uint64_t imm = (uint64_t)sign_extend((insn >> 5 & 0x7ffff) << 2 | (insn >> 29 & 3), 21);
	number(io, reg(insn, 0), insn >> 31 ? (va & ~0xfffull) + (imm << 12) : va + imm);
}

/* ---- memory ------------------------------------------------------------------------------ */

static void memory(struct canary_step *io, bool load, unsigned base, int64_t offset, int64_t step)
{
	io->effect = load ? EFFECT_LOADS : EFFECT_STORES;
	io->base = (uint8_t)base;
	io->offset = offset;
	io->step = step;
}

/* xzr as what is stored is register 32, which nothing ever writes. */
static void add_word(struct canary_step *io, unsigned t)
{
	io->list[io->nlist++] = t == ZR ? 32 : (uint8_t)t;
}

/* ldr, str of 64 bits: scaled, unscaled, indexed */
static void word(uint32_t insn, struct canary_step *io)
{
	bool load = insn >> 22 & 3;
	if (insn >> 24 & 1) {
		memory(io, load, reg(insn, 5), (insn >> 10 & 0xfff) * 8, 0);
	} else {
		int64_t imm = sign_extend(insn >> 12 & 0x1ff, 9);
		unsigned mode = insn >> 10 & 3;
		memory(io, load, reg(insn, 5), mode == 1 ? 0 : imm, mode & 1 ? imm : 0);
	}
	add_word(io, reg(insn, 0));
}

static void pair(uint32_t insn, struct canary_step *io)
{
	bool load = insn >> 22 & 1, words = insn >> 30 == 2 && !(insn >> 26 & 1);
	unsigned mode = insn >> 23 & 3, shift = insn >> 26 & 1 ? 2 + (insn >> 30)
						: insn >> 31   ? 3
							       : 2;
	int64_t imm = (int64_t)((uint64_t)sign_extend(insn >> 15 & 0x7f, 7) << shift);
	memory(io, load, reg(insn, 5), mode == 1 ? 0 : imm, mode & 1 ? imm : 0);
	if (words) {
		add_word(io, reg(insn, 0));
		add_word(io, reg(insn, 10));
	} else if (load && !(insn >> 26 & 1)) {
		writes(io, reg(insn, 0));
		writes(io, reg(insn, 10));
	}
}

/* "ldr x0, =symbol" in assembly */
static void literal(const struct canary_text *x, uint32_t insn, uint64_t va, struct canary_step *io)
{
	uint8_t raw[8];
	uint64_t at = va + (uint64_t)sign_extend((insn >> 5 & 0x7ffff) << 2, 21);
	writes(io, reg(insn, 0));
	if (insn >> 24 == 0x58 && reg(insn, 0) != ZR && env_read(x->env, at, raw, sizeof(raw))) {
		io->writes = 0;
		number(io, reg(insn, 0), get_u64(x->abi, raw));
	}
}

/* Bytes, halves, SIMD registers, exclusive and atomic accesses. */
static void other_memory(uint32_t insn, struct canary_step *io)
{
	bool simple = (insn & 0x3b000000) == 0x38000000;
	bool back = simple && !(insn >> 21 & 1) && (insn >> 10 & 1);
	if (back)
		sum(io, reg(insn, 5), reg(insn, 5), sign_extend(insn >> 12 & 0x1ff, 9));
	if (insn >> 26 & 1) {
		if (!simple && (insn & 0x3b000000) != 0x39000000) /* ld1 and its like */
			io->writes |= 1ull << reg(insn, 5);
		return;
	}
	if (!simple && (insn & 0x3b000000) != 0x39000000)
		writes(io, reg(insn, 16)); /* stxr's status, casp */
	writes(io, reg(insn, 0));
	if (!simple && (insn & 0x3b000000) == 0x08000000)
		writes(io, reg(insn, 10)); /* ldxp */
}

static void load_or_store(
	const struct canary_text *x, uint32_t insn, uint64_t va, struct canary_step *io)
{
	if ((insn & 0xff800000) == 0xf9000000 ||
		((insn & 0xff800000) == 0xf8000000 && !(insn >> 21 & 1) && (insn >> 10 & 3) != 2))
		word(insn, io);
	else if ((insn & 0x3a000000) == 0x28000000)
		pair(insn, io);
	else if ((insn & 0x3b000000) == 0x18000000)
		literal(x, insn, va, io);
	else
		other_memory(insn, io);
}

/* ---- branches, exceptions, system registers ---------------------------------------------- */

static void branch(uint32_t insn, uint64_t va, struct canary_step *io)
{
	if ((insn & 0xfc000000) == 0x94000000) {
		io->kind = STEP_CALL;
	} else if ((insn & 0xfc000000) == 0x14000000) {
		jump(io, false, va, insn, 26);
	} else if ((insn & 0xfe000000) == 0x54000000 || (insn & 0x7e000000) == 0x34000000) {
		jump(io, true, va, insn >> 5, 19);
	} else if ((insn & 0x7e000000) == 0x36000000) {
		jump(io, true, va, insn >> 5, 14);
	} else if ((insn & 0xfe000000) == 0xd6000000) { /* C4.1.66: opc 1 and 9 are calls */
		unsigned opc = insn >> 21 & 15;
		io->kind = (opc & 7) == 1 ? STEP_CALL : !(opc & 7) ? STEP_ANYWHERE : STEP_LEAVE;
	} else if ((insn & 0xff000000) == 0xd4000000) {
		if (insn & 3) /* svc, hvc, smc: whoever answers returns in x0 to x17 */
			io->writes = CALL_WRITES;
	} else if ((insn & 0xffffffe0) == 0xd5384100) { /* mrs xN, sp_el0 */
		if (reg(insn, 0) != ZR) {
			io->effect = EFFECT_CURRENT;
			io->to = (uint8_t)reg(insn, 0);
		}
	} else if ((insn & 0xffe00000) == 0xd5200000) { /* mrs, sysl */
		writes(io, reg(insn, 0));
	}
}

static void data_processing(uint32_t insn, uint64_t va, struct canary_step *io)
{
	if ((insn & 0x1f000000) == 0x10000000)
		pc_relative(insn, va, io);
	else if ((insn & 0x1f800000) == 0x11000000)
		add_immediate(insn, io);
	else if ((insn & 0x1fe00000) == 0x0b200000)
		add_extended(insn, io);
	else if ((insn & 0x1f800000) == 0x12800000)
		move_wide(insn, io);
	else if ((insn & 0xffe0ffe0) == 0xaa0003e0 && reg(insn, 16) != ZR && reg(insn, 0) != ZR)
		sum(io, reg(insn, 0), reg(insn, 16), 0); /* mov */
	else if ((insn & 0x1fe00000) == 0x1a400000)
		return; /* ccmp, ccmn: flags only */
	else if ((insn & 0x1f800000) == 0x12000000 && (insn & 0x60000000) != 0x60000000)
		io->writes |= 1ull << reg(insn, 0); /* logical, immediate: may write sp */
	else
		writes(io, reg(insn, 0));
}

static bool decode(const struct canary_text *x, uint32_t off, struct canary_step *ret)
{
	uint32_t insn = load_u32le(x->raw + off); /* little-endian on big-endian kernels too */
	uint64_t va = x->code->start + off;
	*ret = (struct canary_step){ .bytes = 4 };
	if (insn >> 16 == 0)
		ret->kind = STEP_LEAVE; /* udf */
	else if ((insn & 0x1c000000) == 0x10000000)
		data_processing(insn, va, ret);
	else if ((insn & 0x1c000000) == 0x14000000)
		branch(insn, va, ret);
	else if ((insn & 0x0a000000) == 0x08000000)
		load_or_store(x, insn, va, ret);
	else if ((insn & 0x0e000000) == 0x0a000000)
		data_processing(insn, va, ret);
	else if ((insn & 0x0e000000) == 0x0e000000)
		writes(ret, reg(insn, 0)); /* fmov and its like into a general register */
	return true;
}

static uint8_t unit(const struct canary_code *code)
{
	(void)code;
	return 4;
}

enum canary_answer arm64_canary(const struct arch_env *env, const struct abi *abi,
	const struct canary_source *from, const struct canary_code *code, struct canary_slot *ret)
{
	static const struct canary_form form = { .word = 8,
		.sp = ZR, /* as a base and as a sum's register; nothing else names it */
		.fp = A64_FP,
		.call_writes = CALL_WRITES,
		.address_bits = 56,
		.decode = decode,
		.unit = unit };
	return code->start & 3 ? CANARY_UNKNOWN : canary_find(env, abi, &form, from, code, ret);
}
