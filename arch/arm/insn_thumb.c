/* Thumb's instructions of 16 and of 32 bits (ARM ARM v7-A and v7-R, A6 and A8) as insn.h tells of
 * them. */
#include "analyzer/base/load.h"
#include "arch/arm/arm.h"
#include "arch/arm/insn.h"

/* Where the sets name pc as a destination they mostly mean none. */
static void writes(struct insn *io, unsigned reg)
{
	if (reg < ARM_PC)
		io->writes |= 1u << reg;
}

static void sum(struct insn *io, unsigned to, unsigned of, int64_t addend)
{
	if (to == ARM_PC) {
		io->kind = INSN_LEAVE;
	} else if (addend > INT32_MAX / 2 || addend < INT32_MIN / 2) {
		writes(io, to);
	} else {
		io->sum = true;
		io->sum_to = (uint8_t)to;
		io->sum_of = (uint8_t)of;
		io->addend = (int32_t)addend;
	}
}

static void words(
	struct insn *io, bool load, unsigned base, uint32_t list, int32_t offset, int32_t step)
{
	io->memory = load ? INSN_LOADS : INSN_STORES;
	io->base = (uint8_t)base;
	io->list = list;
	io->offset = offset;
	io->step = step;
	if (load && list >> ARM_PC & 1)
		io->kind = INSN_LEAVE;
}

static void jump(struct insn *io, bool conditional, uint32_t target)
{
	io->kind = INSN_JUMP;
	io->conditional = conditional;
	io->target = target;
}

/* ---- 16 bits ----------------------------------------------------------------------------- */

/* A6.2.3 */
static void special(uint16_t h, struct insn *io)
{
	unsigned d = (h >> 4 & 8) | (h & 7), m = h >> 3 & 15;

	switch (h >> 8 & 3) {
	case 0:
		if (d == ARM_PC)
			io->kind = INSN_LEAVE;
		writes(io, d);
		break;
	case 2:
		sum(io, d, m, 0);
		break;
	case 3:
		io->kind = h & 0x80 ? INSN_CALL : INSN_LEAVE;
	}
}

/* A6.2.5 */
static void miscellaneous(uint16_t h, uint32_t va, struct insn *io)
{
	uint32_t list = h & 0xff;
	int32_t bytes = 4 * (__builtin_popcount(list) + (h >> 8 & 1));

	switch (h >> 8 & 15) {
	case 0x0:
		sum(io, ARM_SP, ARM_SP, (h & 0x80 ? -4 : 4) * (h & 0x7f));
		break;
	case 0x1:
	case 0x3:
	case 0x9:
	case 0xb: /* CBZ, CBNZ */
		jump(io, true, va + 4 + ((h >> 3 & 0x40) | (h >> 2 & 0x3e)));
		break;
	case 0x2:
	case 0xa:
		writes(io, h & 7);
		break;
	case 0x4:
	case 0x5:
		words(io, false, ARM_SP, list | (h & 0x100 ? 1u << ARM_LR : 0), -bytes, -bytes);
		break;
	case 0xc:
	case 0xd:
		words(io, true, ARM_SP, list | (h & 0x100 ? 1u << ARM_PC : 0), 0, bytes);
		break;
	case 0xf: /* IT: its lowest set bit ends it */
		if (h & 15)
			io->makes_conditional = (uint8_t)(4 - __builtin_ctz(h & 15));
	}
}

/* A6.2.4 and its neighbours: loads and stores */
static void short_memory(uint16_t h, struct insn *io)
{
	unsigned t = h & 7, n = h >> 3 & 7;
	bool load = h >> 11 & 1;

	switch (h >> 12) {
	case 5:
		if ((h >> 9 & 7) >= 3)
			writes(io, t);
		break;
	case 6:
		words(io, load, n, 1u << t, 4 * (h >> 6 & 31), 0);
		break;
	case 9:
		words(io, load, ARM_SP, 1u << (h >> 8 & 7), 4 * (h & 0xff), 0);
		break;
	default:
		if (load)
			writes(io, t);
	}
}

static void short_insn(uint16_t h, uint32_t va, struct insn *io)
{
	unsigned d = h & 7, n = h >> 8 & 7, op;

	switch (h >> 12) {
	case 0:
	case 1:
		writes(io, d);
		break;
	case 2:
		if (!(h & 0x800)) /* else CMP */
			writes(io, n);
		break;
	case 3:
		sum(io, n, n, h & 0x800 ? -(h & 0xff) : h & 0xff);
		break;
	case 4:
		op = h >> 6 & 15;
		if ((h & 0xfc00) == 0x4400)
			special(h, io);
		else if (h & 0x800)
			writes(io, n);
		else if (op != 8 && op != 10 && op != 11) /* TST, CMP, CMN */
			writes(io, d);
		break;
	case 10:
		if (h & 0x800)
			sum(io, n, ARM_SP, 4 * (h & 0xff));
		else
			writes(io, n);
		break;
	case 11:
		miscellaneous(h, va, io);
		break;
	case 12:
		op = (unsigned)__builtin_popcount(h & 0xff);
		words(io, h >> 11 & 1, n, h & 0xff, 0,
			h & 0x800 && h >> n & 1 ? 0 : 4 * (int32_t)op);
		break;
	case 13:
		if ((h & 0xe00) == 0xe00) /* SVC; UDF */
			io->kind = h & 0x100 ? INSN_PLAIN : INSN_LEAVE;
		else
			jump(io, true, va + 4 + (uint32_t)sign_extend((h & 0xff) << 1, 9));
		break;
	case 14:
		jump(io, false, va + 4 + (uint32_t)sign_extend((h & 0x7ff) << 1, 12));
		break;
	default:
		short_memory(h, io);
	}
}

/* ---- 32 bits ----------------------------------------------------------------------------- */

/* A6.3.2. Those that are not rotated and have more than one byte are no offsets of stacks. */
static int64_t modified_number(uint16_t h1, uint16_t h2)
{
	uint32_t imm8 = h2 & 0xff, n = (h1 >> 6 & 16) | (h2 >> 11 & 14) | imm8 >> 7,
		 v = 0x80 | imm8;

	return n >= 8 ? v >> n | v << (32 - n) : n >= 2 ? INT64_MAX : imm8;
}

/* A6.3.1, A6.3.3, A6.3.11 */
static void data_processing(uint16_t h1, uint16_t h2, struct insn *io)
{
	bool immediate = h1 >> 12 == 15, binary = immediate && h1 & 0x200;
	unsigned op = h1 >> 5 & 15, d = h2 >> 8 & 15, n = h1 & 15;
	int64_t number = binary ? (h1 << 1 & 0x800) | (h2 >> 4 & 0x700) | (h2 & 0xff)
				: modified_number(h1, h2);
	bool adds = binary ? !(h1 & 0x1f0) : op == 8,
	     subtracts = binary ? (h1 & 0x1f0) == 0xa0 : op == 13;

	if (immediate && d != ARM_PC && n != ARM_PC && (adds || subtracts))
		sum(io, d, n, subtracts ? -number : number);
	else if (!immediate && op == 2 && n == ARM_PC && !(h2 & 0x70f0))
		sum(io, d, h2 & 15, 0);
	else
		writes(io, d);
}

/* A6.3.5, A6.3.6 */
static void several_words(uint16_t h1, uint16_t h2, struct insn *io)
{
	bool before = h1 >> 8 & 1, up = h1 >> 7 & 1, back = h1 >> 5 & 1, load = h1 >> 4 & 1;
	int32_t bytes = 4 * __builtin_popcount(h2), imm = (up ? 4 : -4) * (h2 & 0xff);
	unsigned n = h1 & 15, t = h2 >> 12, t2 = h2 >> 8 & 15;

	if (!(h1 & 0x40)) {
		if (before == up) /* RFE, SRS */
			io->kind = load ? INSN_LEAVE : INSN_PLAIN;
		else
			words(io, load, n, h2, up ? 0 : -bytes, back ? (up ? bytes : -bytes) : 0);
	} else if (before || back) {
		bool ordered = t < t2 && t2 < ARM_PC;
		words(io, load, n, ordered ? 1u << t | 1u << t2 : 0, before ? imm : 0,
			back ? imm : 0);
		if (!ordered && load) {
			writes(io, t);
			writes(io, t2);
		}
	} else if ((h1 & 0xfff0) == 0xe8d0 && (h2 & 0xe0) == 0) { /* TBB, TBH */
		io->kind = INSN_LEAVE;
	} else if (load) {
		writes(io, t);
		if (h1 & 0x80)
			writes(io, t2);
	} else {
		writes(io, h1 & 0x80 ? h2 & 15u : t2); /* STREX's result */
	}
}

/* A6.3.7 to A6.3.10; A7.7 for VLDn and VSTn */
static void one_word(uint16_t h1, uint16_t h2, struct insn *io)
{
	bool load = h1 >> 4 & 1, word = (h1 >> 5 & 3) == 2, positive = h1 >> 7 & 1;
	unsigned n = h1 & 15, t = h2 >> 12;
	bool indexed = !positive && h2 & 0x800 && n != ARM_PC, before = h2 & 0x400,
	     back = indexed && h2 & 0x100;
	int32_t offset = positive ? h2 & 0xfff : indexed ? (h2 & 0x200 ? 1 : -1) * (h2 & 0xff) : 0;

	if ((h1 & 0xff10) == 0xf900) {
		if ((h2 & 15) != ARM_PC)
			writes(io, n);
		return;
	}
	if (word && !(h1 & 0x100) && (positive || indexed) && n != ARM_PC) {
		words(io, load, n, 1u << t, positive || before ? offset : 0, back ? offset : 0);
		return;
	}
	if (load && word && t == ARM_PC)
		io->kind = INSN_LEAVE;
	if (load)
		writes(io, t);
	if (back)
		sum(io, n, n, offset);
}

/* A6.3.4 */
static void branches(uint16_t h1, uint16_t h2, uint32_t va, struct insn *io)
{
	uint32_t s = h1 >> 10 & 1, j1 = h2 >> 13 & 1, j2 = h2 >> 11 & 1, low = (h2 & 0x7ff) << 1;
	uint32_t far = s << 24 | (uint32_t) !(j1 ^ s) << 23 | (uint32_t) !(j2 ^ s) << 22 |
		       (h1 & 0x3ff) << 12 | low;
	uint32_t near = s << 20 | j2 << 19 | j1 << 18 | (h1 & 0x3f) << 12 | low;

	if (h2 & 0x4000) { /* BL, BLX */
		uint32_t pc = va + 4;
		io->kind = INSN_CALL;
		io->target = (h2 & 0x1000 ? pc : pc & ~3u) + (uint32_t)sign_extend(far, 25);
	} else if (h2 & 0x1000) {
		jump(io, false, va + 4 + (uint32_t)sign_extend(far, 25));
	} else if ((h1 >> 7 & 7) != 7) {
		jump(io, true, va + 4 + (uint32_t)sign_extend(near, 21));
	} else if (h1 >> 4 == 0xf3d || h1 >> 4 == 0xf3c || (h1 >> 4 == 0xf7f && h2 & 0x2000)) {
		io->kind = INSN_LEAVE;	      /* SUBS pc, BXJ, UDF */
	} else if ((h1 & 0xffe0) == 0xf3e0) { /* MRS */
		writes(io, h2 >> 8 & 15);
	} else if (h1 >> 4 == 0xf7e || h1 >> 4 == 0xf7f) { /* HVC, SMC */
		io->writes |= 0xf;
	}
}

void thumb_insn(uint16_t h1, uint16_t h2, uint32_t va, struct insn *ret)
{
	*ret = (struct insn){ .bytes = h1 >> 11 >= 0x1d ? 4 : 2 };
	if (ret->bytes == 2)
		short_insn(h1, va, ret);
	else if ((h1 & 0xfe00) == 0xe800)
		several_words(h1, h2, ret);
	else if ((h1 & 0xfe00) == 0xea00 || ((h1 & 0xf800) == 0xf000 && !(h2 & 0x8000)))
		data_processing(h1, h2, ret);
	else if ((h1 & 0xf800) == 0xf000)
		branches(h1, h2, va, ret);
	else if ((h1 & 0xec00) == 0xec00)
		arm_insn_coprocessor((uint32_t)h1 << 16 | h2, ret);
	else if ((h1 & 0xfe00) == 0xf800)
		one_word(h1, h2, ret);
	else if ((h1 & 0xff80) == 0xfb80) { /* A6.3.17: long multiplications, divisions */
		writes(ret, h2 >> 8 & 15);
		writes(ret, h2 >> 12);
	} else {
		writes(ret, h2 >> 8 & 15);
	}
}
