/*
 * ARM's and Thumb's instructions as the search for canaries wants them. What insn.h tells of one
 * does for most; addresses and the register of the running task are added here.
 */
#include "arch/arm/arm.h"
#include "arch/arm/insn.h"
#include "arch/canary.h"

enum { CALL_WRITES = 0xf | 1 << ARM_IP | 1 << ARM_LR };

static uint32_t field(uint32_t code, unsigned at)
{
	return code >> at & 15;
}

static void number(struct canary_step *io, unsigned r, uint32_t v)
{
	if (r == ARM_PC)
		return;
	io->effect = EFFECT_NUMBER;
	io->to = (uint8_t)r;
	io->number = v;
	io->writes &= ~(1ull << r);
}

/* movw, movt */
static void half(struct canary_step *io, unsigned r, uint32_t imm, bool top)
{
	if (!top || r == ARM_PC) {
		number(io, r, imm);
		return;
	}
	io->effect = EFFECT_BITS;
	io->to = (uint8_t)r;
	io->number = (int64_t)imm << 16;
	io->mask = 0xffff;
	io->writes &= ~(1ull << r);
}

static void literal(const struct canary_text *x, struct canary_step *io, unsigned r, uint32_t at)
{
	uint8_t raw[4];
	io->effect = EFFECT_NONE;
	io->writes |= 1ull << r;
	if (env_read(x->env, at, raw, sizeof(raw)))
		number(io, r, get_u32(x->abi, raw));
}

/* mrc p15, 0, rN, c13, c0, 3: TPIDRURO, which holds `current` in kernels that take the canary from
 * there (arch/arm/include/asm/current.h, since v5.16) */
static bool reads_current(uint32_t code, struct canary_step *io)
{
	if ((code & 0xffff0fff) != 0xee1d0f70 || field(code, 12) == ARM_PC)
		return false;
	io->effect = EFFECT_CURRENT;
	io->to = (uint8_t)field(code, 12);
	io->writes = 0;
	return true;
}

static void of_both(const struct insn *i, struct canary_step *ret)
{
	static const enum step_kind kind[] = { [INSN_PLAIN] = STEP_NEXT,
		[INSN_JUMP] = STEP_JUMP,
		[INSN_CALL] = STEP_CALL,
		[INSN_LEAVE] = STEP_LEAVE };
	*ret = (struct canary_step){ .kind = kind[i->kind],
		.bytes = i->bytes,
		.conditional = i->conditional,
		.makes_conditional = i->makes_conditional,
		.target = i->target,
		.writes = i->writes };
	if (i->sum) {
		ret->effect = EFFECT_SUM;
		ret->to = i->sum_to;
		ret->of = i->sum_of;
		ret->number = i->addend;
	} else if (i->memory) {
		ret->effect = i->memory == INSN_LOADS ? EFFECT_LOADS : EFFECT_STORES;
		ret->base = i->base;
		ret->offset = i->offset;
		ret->step = i->step;
		for (unsigned r = 0; r < 16; r++)
			if (i->list >> r & 1)
				ret->list[ret->nlist++] = (uint8_t)r;
	}
}

/* ---- ARM --------------------------------------------------------------------------------- */

/* and, bic with a number: how thread_info is found at the stack's base */
static bool clears_bits(uint32_t code, struct canary_step *io)
{
	unsigned opcode = code >> 21 & 15;
	if ((code & 0x0e100000) != 0x02000000 || (opcode != 0 && opcode != 14) ||
		field(code, 12) == ARM_PC)
		return false;
	uint32_t imm = insn_rotated(code & 0xff, 2 * (code >> 8 & 15));
	io->effect = EFFECT_MASK;
	io->to = (uint8_t)field(code, 12);
	io->of = (uint8_t)field(code, 16);
	io->mask = opcode ? ~imm : imm;
	io->writes = 0;
	return true;
}

/* Where a jump that is no return may lead: by a table behind itself, or through a register. */
static bool arm_goes_anywhere(uint32_t code)
{
	bool bx = (code & 0x0ffffff0) == 0x012fff10 && (code & 15) != ARM_LR;
	bool load = (code & 0x0c50f000) == 0x0410f000 && field(code, 16) != ARM_SP;
	bool data = (code & 0x0c00f000) == 0x0000f000 && (code & 0x0fffffff) != 0x01a0f00e &&
		    !((code & 0x90) == 0x90 && !(code >> 25 & 1)) && !bx &&
		    (code & 0x0f900000) != 0x01000000;
	return bx || load || data;
}

static void decode_arm(const struct canary_text *x, uint32_t off, struct canary_step *ret)
{
	uint32_t code = load_u32le(x->raw + off), va = (uint32_t)x->code->start + off;
	struct insn i;
	arm_insn(code, va, &i);
	of_both(&i, ret);
	if (i.kind == INSN_LEAVE && arm_goes_anywhere(code))
		ret->kind = STEP_ANYWHERE;
	if (code >> 28 == 15 || i.kind == INSN_LEAVE)
		return;
	if ((code & 0x0fb00000) == 0x03000000)
		half(ret, field(code, 12), (code >> 4 & 0xf000) | (code & 0xfff), code >> 22 & 1);
	else if ((code & 0x0f7f0000) == 0x051f0000)
		literal(x, ret, field(code, 12),
			code >> 23 & 1 ? va + 8 + (code & 0xfff) : va + 8 - (code & 0xfff));
	else if (!clears_bits(code, ret))
		reads_current(code | 0xe0000000, ret);
	/* `push {lr}` and a call: arch/arm/kernel/entry-ftrace.S */
	if (i.kind == INSN_CALL && off >= 4 && load_u32le(x->raw + off - 4) == 0xe52de004)
		ret->tracer_pops = 4;
}

/* ---- Thumb ------------------------------------------------------------------------------- */

static bool thumb_goes_anywhere(uint16_t h1, uint16_t h2)
{
	bool tbb = (h1 & 0xfff0) == 0xe8d0 && !(h2 & 0xe0);
	bool bx = (h1 & 0xff87) == 0x4700 && (h1 >> 3 & 15) != ARM_LR;
	bool mov = (h1 & 0xff87) == 0x4687 && (h1 >> 3 & 15) != ARM_LR;
	bool load = (h1 & 0xff70) == 0xf850 && h2 >> 12 == ARM_PC && (h1 & 15) != ARM_SP;
	return tbb || bx || mov || load;
}

static void decode_wide(
	const struct canary_text *x, uint16_t h1, uint16_t h2, uint32_t va, struct canary_step *io)
{
	uint32_t base = (va + 4) & ~3u, imm = h2 & 0xfff;
	if ((h1 & 0xfb70) == 0xf240 && !(h2 & 0x8000)) /* A8.8.102, A8.8.106 */
		half(io, h2 >> 8 & 15,
			(uint32_t)(h1 & 15) << 12 | (h1 & 0x400) << 1 | (h2 & 0x7000) >> 4 |
				(h2 & 0xff),
			h1 & 0x80);
	else if ((h1 & 0xff7f) == 0xf85f) /* ldr.w rN, [pc, #±imm] */
		literal(x, io, h2 >> 12, h1 & 0x80 ? base + imm : base - imm);
	else
		reads_current((uint32_t)h1 << 16 | h2, io);
}

static bool decode_thumb(const struct canary_text *x, uint32_t off, struct canary_step *ret)
{
	uint32_t left = (uint32_t)(x->code->size - off), va = (uint32_t)x->code->start + off;
	uint16_t h1 = load_u16le(x->raw + off), h2 = left >= 4 ? load_u16le(x->raw + off + 2) : 0;
	struct insn i;
	thumb_insn(h1, h2, va, &i);
	if (i.bytes > left)
		return false;
	of_both(&i, ret);
	if (i.kind == INSN_LEAVE) {
		if (thumb_goes_anywhere(h1, h2))
			ret->kind = STEP_ANYWHERE;
		return true;
	}
	if (i.bytes == 4)
		decode_wide(x, h1, h2, va, ret);
	else if (h1 >> 11 == 9)
		literal(x, ret, h1 >> 8 & 7, ((va + 4) & ~3u) + 4 * (h1 & 0xff));
	if (i.kind == INSN_CALL && off >= 2 && load_u16le(x->raw + off - 2) == 0xb500)
		ret->tracer_pops = 4;
	return true;
}

static bool decode(const struct canary_text *x, uint32_t off, struct canary_step *ret)
{
	if (x->code->thumb)
		return decode_thumb(x, off, ret);
	decode_arm(x, off, ret);
	return true;
}

static uint8_t unit(const struct canary_code *code)
{
	return code->thumb ? 2 : 4;
}

enum canary_answer arm_canary(const struct arch_env *env, const struct abi *abi,
	const struct canary_source *from, const struct canary_code *code, struct canary_slot *ret)
{
	static const struct canary_form form = { .word = 4,
		.sp = ARM_SP,
		.fp = ARM_FP,
		.call_writes = CALL_WRITES,
		.address_bits = 32,
		.decode = decode,
		.unit = unit };
	if (code->start + code->size > 1ull << 32 || code->start & (code->thumb ? 1 : 3))
		return CANARY_UNKNOWN;
	return canary_find(env, abi, &form, from, code, ret);
}
