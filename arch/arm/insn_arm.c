/* ARM's instructions (ARM ARM v7-A and v7-R, A5 and A8) as insn.h tells of them. */
#include "arch/arm/arm.h"
#include "arch/arm/insn.h"

static uint32_t field(uint32_t code, unsigned at)
{
	return code >> at & 15;
}

static void writes(struct insn *io, unsigned reg)
{
	if (reg == ARM_PC)
		io->kind = INSN_LEAVE;
	else
		io->writes |= 1u << reg;
}

static void sum(struct insn *io, unsigned to, unsigned of, int64_t addend)
{
	if (to == ARM_PC || addend > INT32_MAX / 2 || addend < INT32_MIN / 2) {
		writes(io, to);
		return;
	}
	io->sum = true;
	io->sum_to = (uint8_t)to;
	io->sum_of = (uint8_t)of;
	io->addend = (int32_t)addend;
}

/* One transfer of words; @up and @before are the bits U and P, @write_back is W or its like. */
static void transfer(
	struct insn *io, bool load, uint32_t code, uint32_t list, int32_t offset, bool write_back)
{
	bool before = code >> 24 & 1;

	io->memory = load ? INSN_LOADS : INSN_STORES;
	io->base = (uint8_t)field(code, 16);
	io->list = list;
	io->offset = before ? offset : 0;
	io->step = write_back || !before ? offset : 0;
	if (load && list >> ARM_PC & 1)
		io->kind = INSN_LEAVE;
}

/* A5.2.8: load and store word or byte */
static void one_word(uint32_t code, struct insn *io)
{
	bool load = code >> 20 & 1, byte = code >> 22 & 1, up = code >> 23 & 1;
	bool by_register = code >> 25 & 1, write_back = code >> 21 & 1 || !(code >> 24 & 1);
	unsigned t = field(code, 12), n = field(code, 16);
	int32_t offset = (int32_t)(code & 0xfff);

	if (!by_register && (!byte || !load)) {
		/* A byte that is stored leaves no word behind that is known. */
		transfer(io, load, code, byte ? 0 : 1u << t, up ? offset : -offset, write_back);
		return;
	}
	if (load)
		writes(io, t);
	if (write_back && by_register)
		writes(io, n);
	else if (write_back)
		sum(io, n, n, up ? offset : -offset);
}

/* A5.2.10: extra loads and stores; A5.2.5 and A5.2.10: multiplications and exclusive accesses */
static void extra(uint32_t code, struct insn *io)
{
	unsigned kind = code >> 5 & 3, t = field(code, 12), n = field(code, 16);
	bool bit20 = code >> 20 & 1, immediate = code >> 22 & 1, up = code >> 23 & 1;

	if (!kind) {
		if (code >> 24 & 1) { /* SWP, LDREX and STREX with their widths */
			if (t != ARM_PC)
				writes(io, t);
			if ((code >> 20 & 0xf) == 0xb)
				writes(io, t + 1);
			return;
		}
		writes(io, n);
		if (code >> 23 & 1 || (code >> 20 & 0xf) == 4) /* 64 bits: two destinations */
			writes(io, t);
		return;
	}
	bool pair = !bit20 && kind != 1, load = bit20 || kind == 2;
	bool write_back = code >> 21 & 1 || !(code >> 24 & 1);
	int32_t offset = (int32_t)((code >> 4 & 0xf0) | (code & 0xf));
	if (pair && immediate && t < ARM_LR) {
		transfer(io, load, code, 3u << t, up ? offset : -offset, write_back);
		return;
	}
	if (load)
		writes(io, t);
	if (load && pair && t < ARM_LR)
		writes(io, t + 1);
	if (write_back && !immediate)
		writes(io, n);
	else if (write_back)
		sum(io, n, n, up ? offset : -offset);
}

/* A5.2.12 and the halfword multiplications: where the destination is depends */
static void miscellaneous(uint32_t code, struct insn *io)
{
	switch (code & 0x0ffffff0) {
	case 0x012fff10:
	case 0x012fff20:
		io->kind = INSN_LEAVE;
		return;
	case 0x012fff30:
		io->kind = INSN_CALL;
		return;
	}
	if (code >> 7 & 1) { /* SMLAxy and its like */
		writes(io, field(code, 16));
		if ((code >> 21 & 3) == 2)
			writes(io, field(code, 12));
		return;
	}
	bool to_status = (code >> 21 & 1) && !(code >> 4 & 7); /* MSR */
	if ((code & 0x70) == 0x70) /* BKPT, HVC, SMC: whoever answers returns in r0 to r3 */
		io->writes |= 0xf;
	else if (!to_status)
		writes(io, field(code, 12));
}

/* A5.2.1 to A5.2.3 */
static void data_processing(uint32_t code, struct insn *io)
{
	unsigned opcode = code >> 21 & 15, d = field(code, 12), n = field(code, 16);
	bool immediate = code >> 25 & 1;
	int64_t number = insn_rotated(code & 0xff, 2 * (code >> 8 & 15));

	if (opcode >= 8 && opcode <= 11 && code >> 20 & 1)
		return; /* TST, TEQ, CMP, CMN */
	if (immediate && (code & 0x0fb00000) == 0x03200000)
		return; /* MSR, NOP */
	if (immediate && (opcode == 2 || opcode == 4))
		sum(io, d, n, opcode == 2 ? -number : number);
	else if (!immediate && opcode == 13 && !(code & 0xff0))
		sum(io, d, code & 15, 0);
	else
		writes(io, d);
}

/* A5.4: media instructions */
static void media(uint32_t code, struct insn *io)
{
	unsigned kind = code >> 20 & 0x1f;

	if ((code & 0x01f000f0) == 0x01f000f0) { /* UDF: BUG() */
		io->kind = INSN_LEAVE;
		return;
	}
	if ((kind & 0x18) == 0x10) {
		writes(io, field(code, 16));
		if (kind & 4 && field(code, 12) != ARM_PC)
			writes(io, field(code, 12));
	} else {
		writes(io, field(code, kind == 0x18 ? 16 : 12));
	}
}

/* A5.6, A7.6 to A7.9: coprocessors, of which VPUSH and VPOP move a stack pointer. In Thumb,
 * A6.3.18, they have the same bits. */
void arm_insn_coprocessor(uint32_t code, struct insn *io)
{
	unsigned t = field(code, 12), n = field(code, 16);
	bool load = code >> 20 & 1;

	if (code >> 24 & 1 && (code >> 25 & 1)) { /* 1111: SVC */
		io->kind = INSN_PLAIN;
	} else if ((code & 0x0fe00000) == 0x0c400000) { /* MRRC, MCRR */
		if (load) {
			writes(io, t);
			writes(io, n);
		}
	} else if (!(code >> 25 & 1)) {
		int32_t bytes = 4 * (int32_t)(code & 0xff);
		if (code >> 21 & 1)
			sum(io, n, n, code >> 23 & 1 ? bytes : -bytes);
	} else if (code >> 4 & 1 && load && t != ARM_PC) {
		writes(io, t);
	}
}

static void unconditional(uint32_t code, uint32_t va, struct insn *io)
{
	if ((code & 0xfe000000) == 0xfa000000) {
		io->kind = INSN_CALL;
		io->target = va + 8 + (uint32_t)sign_extend((code & 0xffffff) << 2, 26) +
			     (code >> 24 & 1) * 2;
	} else if ((code & 0xfe500000) == 0xf8100000) { /* RFE */
		io->kind = INSN_LEAVE;
	} else if ((code & 0xfe500000) == 0xf8400000 &&
		   code >> 21 & 1) { /* SRS, on some mode's stack */
		writes(io, ARM_SP);
	} else if ((code & 0xff100000) == 0xf4000000) {
		if ((code & 15) != ARM_PC) /* VLDn, VSTn with a base that is written back */
			writes(io, field(code, 16));
	} else if (code >> 24 == 0xfe || code >> 25 == 0x7e) {
		arm_insn_coprocessor(code, io);
	}
}

static void many_words(uint32_t code, struct insn *io)
{
	bool before = code >> 24 & 1, up = code >> 23 & 1, load = code >> 20 & 1;
	int32_t bytes = 4 * __builtin_popcount(code & 0xffff);

	io->memory = load ? INSN_LOADS : INSN_STORES;
	io->base = (uint8_t)field(code, 16);
	io->list = code & 0xffff;
	io->offset = up ? (before ? 4 : 0) : (before ? -bytes : 4 - bytes);
	io->step = code >> 21 & 1 ? (up ? bytes : -bytes) : 0;
	if (load && code >> ARM_PC & 1)
		io->kind = INSN_LEAVE;
	else if (load && code >> 22 & 1) /* user mode's registers */
		io->list = 0;
}

void arm_insn(uint32_t code, uint32_t va, struct insn *ret)
{
	*ret = (struct insn){ .bytes = 4, .conditional = code >> 28 != 14 };
	if (code >> 28 == 15) {
		ret->conditional = false;
		unconditional(code, va, ret);
		return;
	}
	switch (code >> 25 & 7) {
	case 0:
		if ((code & 0x90) == 0x90)
			extra(code, ret);
		else if ((code & 0x01900000) == 0x01000000)
			miscellaneous(code, ret);
		else
			data_processing(code, ret);
		break;
	case 1:
		if ((code & 0x0fb00000) == 0x03000000) /* MOVW, MOVT */
			writes(ret, field(code, 12));
		else
			data_processing(code, ret);
		break;
	case 3:
		if (code >> 4 & 1) {
			media(code, ret);
			break;
		}
		/* fall through */
	case 2:
		one_word(code, ret);
		break;
	case 4:
		many_words(code, ret);
		break;
	case 5:
		ret->kind = code >> 24 & 1 ? INSN_CALL : INSN_JUMP;
		ret->target = va + 8 + (uint32_t)sign_extend((code & 0xffffff) << 2, 26);
		break;
	default:
		arm_insn_coprocessor(code, ret);
	}
}
