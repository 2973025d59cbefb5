/* Through capstone's details; what is none of a few plain forms is "other". */
#include "analyzer/debug/insn_define.h"

#include <capstone/capstone.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/load.h"
#include "analyzer/base/xalloc.h"

struct insn_decoder {
	const struct arch *arch;
	bool thumb, wide; /* wide: arm64 */
	csh cs;
	cs_insn *in;
};

struct insn_decoder *insn_decoder_open(const struct arch *arch, bool thumb)
{
	struct insn_decoder *d = xcalloc(1, sizeof(*d));
	d->arch = arch;
	d->wide = arch->capstone_arch == CS_ARCH_ARM64;
	d->thumb = thumb && !d->wide;
	if (cs_open((cs_arch)arch->capstone_arch,
		    (cs_mode)(d->thumb ? arch->capstone_thumb_mode : arch->capstone_mode),
		    &d->cs) != CS_ERR_OK) {
		free(d);
		return NULL;
	}
	cs_option(d->cs, CS_OPT_DETAIL, CS_OPT_ON);
	d->in = cs_malloc(d->cs);
	return d;
}

void insn_decoder_close(struct insn_decoder *d)
{
	if (!d)
		return;
	cs_free(d->in, 1);
	cs_close(&d->cs);
	free(d);
}

static bool decode(struct insn_decoder *d, const uint8_t *code, size_t n, uint64_t va)
{
	return cs_disasm_iter(d->cs, &code, &n, &va, d->in);
}

static bool begins(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* ---- where control goes ------------------------------------------------------------------ */

static void a64_flow(const cs_insn *in, struct insn_step *s)
{
	const cs_arm64 *a = &in->detail->arm64;
	const cs_arm64_op *last = a->op_count ? &a->operands[a->op_count - 1] : NULL;
	const char *m = in->mnemonic;
	bool to = last && last->type == ARM64_OP_IMM;
	s->target = to ? (uint64_t)last->imm : 0;
	if (!strcmp(m, "bl"))
		s->flow = INSN_CALL;
	else if (begins(m, "blr"))
		s->flow = INSN_CALL_POINTER;
	else if (!strcmp(m, "b"))
		s->flow = INSN_JUMP;
	else if (begins(m, "b.") || begins(m, "cb") || begins(m, "tb"))
		s->flow = to ? INSN_BRANCH : INSN_NEXT; /* tbl, tbx are of vectors */
	else if (begins(m, "ret") || begins(m, "eret") || !strcmp(m, "br") || begins(m, "bra"))
		s->flow = INSN_LEAVE;
}

static bool a32_writes_pc(const cs_arm *a, const char *m)
{
	bool loads = begins(m, "pop") || begins(m, "ldm");
	if (begins(m, "cmp") || begins(m, "st") || begins(m, "push"))
		return false;
	for (unsigned i = 0; i < a->op_count && (loads || !i); i++)
		if (a->operands[i].type == ARM_OP_REG && a->operands[i].reg == ARM_REG_PC)
			return true;
	return false;
}

static void a32_flow(const cs_insn *in, struct insn_step *s)
{
	const cs_arm *a = &in->detail->arm;
	const cs_arm_op *last = a->op_count ? &a->operands[a->op_count - 1] : NULL;
	bool always = a->cc == ARM_CC_AL || a->cc == ARM_CC_INVALID;
	bool to = last && last->type == ARM_OP_IMM;
	s->target = to ? (uint32_t)last->imm : 0;
	switch (in->id) {
	case ARM_INS_BL:
	case ARM_INS_BLX:
		s->flow = to ? INSN_CALL : INSN_CALL_POINTER;
		return;
	case ARM_INS_B:
		s->flow = always ? INSN_JUMP : INSN_BRANCH;
		return;
	case ARM_INS_CBZ:
	case ARM_INS_CBNZ:
		s->flow = INSN_BRANCH;
		return;
	case ARM_INS_BX:
	case ARM_INS_TBB:
	case ARM_INS_TBH:
		s->flow = always ? INSN_LEAVE : INSN_NEXT;
		return;
	default:
		if (always && a32_writes_pc(a, in->mnemonic))
			s->flow = INSN_LEAVE;
	}
}

void insn_decoder_step(struct insn_decoder *d, const uint8_t *code, size_t n, uint64_t va,
	struct insn_step *ret)
{
	*ret = (struct insn_step){ .va = va, .bytes = d->thumb ? 2 : 4 };
	/* ARM ARM: a Thumb instruction of 32 bits begins with 0b11101, 0b11110 or 0b11111. */
	if (d->thumb && n >= 2 && load_u16le(code) >> 11 >= 0x1d)
		ret->bytes = 4;
	if (n < ret->bytes)
		return;
	memcpy(ret->code, code, ret->bytes);
	if (!decode(d, ret->code, ret->bytes, va))
		return;
	ret->decoded = true;
	if (d->wide)
		a64_flow(d->in, ret);
	else
		a32_flow(d->in, ret);
}

/* ---- arm64 ------------------------------------------------------------------------------- */

static void other(struct insn_define *r)
{
	r->kind = DEFINE_OTHER;
}

static void a64_index(unsigned reg, const cs_arm64_op *op, struct insn_define *r)
{
	unsigned bits;
	r->index = insn_register(true, reg, &bits);
	r->index_bits = bits;
	r->index_signed = op->ext == ARM64_EXT_SXTW || op->ext == ARM64_EXT_SXTX;
	if (op->ext == ARM64_EXT_UXTW || op->ext == ARM64_EXT_SXTW)
		r->index_bits = 32;
	else if (op->ext != ARM64_EXT_INVALID && op->ext != ARM64_EXT_UXTX &&
		 op->ext != ARM64_EXT_SXTX)
		other(r); /* bytes and halves */
	if (op->shift.type != ARM64_SFT_INVALID && op->shift.type != ARM64_SFT_LSL)
		other(r);
	r->shift = op->shift.value;
	if (r->index == INSN_NO_REGISTER || r->shift > 63)
		other(r);
}

/* ldr, ldp and their kin, by the letters behind: Arm ARM C3.2. */
static void a64_load(const cs_insn *in, unsigned at, struct insn_define *r)
{
	const cs_arm64 *a = &in->detail->arm64;
	const char *m = in->mnemonic;
	size_t n = strlen(m);
	bool pair = begins(m, "ldp") || begins(m, "ldnp");
	unsigned place = pair ? 2 : 1;
	r->load_signed = begins(m, "ldrs") || begins(m, "ldurs");
	r->load_bytes = m[n - 1] == 'b' ? 1 : m[n - 1] == 'h' ? 2
		: m[n - 1] == 'w' ? 4 : r->bits / 8;
	r->kind = DEFINE_LOAD;
	if (a->op_count <= place || at >= place || !strcmp(m, "ldpsw"))
		return other(r);
	const cs_arm64_op *op = &a->operands[place];
	if (op->type == ARM64_OP_IMM) { /* a literal */
		r->offset = op->imm;
		return;
	}
	unsigned bits;
	r->base = op->type == ARM64_OP_MEM ? insn_register(true, op->mem.base, &bits)
					   : INSN_NO_REGISTER;
	if (r->base == INSN_NO_REGISTER || a->op_count > place + 1)
		return other(r); /* behind it stands what is added later */
	if (op->mem.index != ARM64_REG_INVALID)
		a64_index(op->mem.index, op, r);
	r->offset = op->mem.disp + (int64_t)(at * r->load_bytes);
}

static void a64_sum(const cs_insn *in, struct insn_define *r)
{
	const cs_arm64 *a = &in->detail->arm64;
	bool minus = in->mnemonic[0] == 's';
	unsigned bits;
	if (a->op_count != 3 || a->operands[1].type != ARM64_OP_REG)
		return other(r);
	const cs_arm64_op *op = &a->operands[2];
	r->base = insn_register(true, a->operands[1].reg, &bits);
	r->kind = DEFINE_VALUE;
	if (r->base == INSN_NO_REGISTER)
		return other(r);
	if (op->type == ARM64_OP_REG) {
		a64_index(op->reg, op, r);
		if (minus)
			other(r);
		return;
	}
	uint64_t v = (uint64_t)op->imm << (op->shift.value & 63);
	r->offset = (int64_t)(minus ? -v : v);
}

static void a64_move(const cs_insn *in, struct insn_define *r)
{
	const cs_arm64_op *op = &in->detail->arm64.operands[1];
	const char *m = in->mnemonic;
	unsigned bits, by = op->shift.value & 63;
	r->kind = DEFINE_VALUE;
	if (in->detail->arm64.op_count != 2)
		return other(r);
	if (op->type == ARM64_OP_REG) {
		r->base = insn_register(true, op->reg, &bits);
		if (op->reg == ARM64_REG_XZR || op->reg == ARM64_REG_WZR)
			return;
		if (r->base == INSN_NO_REGISTER || op->shift.type != ARM64_SFT_INVALID)
			other(r);
		return;
	}
	uint64_t v = (uint64_t)op->imm << by;
	r->offset = (int64_t)(!strcmp(m, "movn") ? ~v : v);
	if (!strcmp(m, "movk")) {
		r->kind = DEFINE_INSERT;
		r->mask = 0xffffull << by;
	}
}

/* Only a register among the outputs counts: which operands these are depends on the name. */
static void a64_define(const cs_insn *in, uint8_t reg, struct insn_define *r)
{
	const cs_arm64 *a = &in->detail->arm64;
	const char *m = in->mnemonic;
	static const char *const no_output[] = { "st", "cmp", "cmn", "tst", "b.", "cb", "tb",
		"prf", "nop", "hint", "msr", "dmb", "dsb", "isb", "ret", "br", "ccm", NULL };
	bool load = begins(m, "ld"), pair = begins(m, "ldp") || begins(m, "ldnp");
	unsigned outputs = pair ? 2 : 1, bits;
	for (unsigned i = 0; i < a->op_count; i++)
		if (a->writeback && a->operands[i].type == ARM64_OP_MEM &&
			insn_register(true, a->operands[i].mem.base, &bits) == reg)
			return other(r);
	if (begins(m, "stx") || begins(m, "stlx")) /* their first operand is the outcome */
		return insn_register(true, a->operands[0].reg, &bits) == reg ? other(r) : (void)0;
	for (size_t i = 0; no_output[i]; i++)
		if (begins(m, no_output[i]))
			return;
	if (begins(m, "cas") || begins(m, "swp"))
		return other(r); /* several outputs */
	for (unsigned i = 0; i < outputs && i < a->op_count; i++) {
		if (a->operands[i].type != ARM64_OP_REG ||
			insn_register(true, a->operands[i].reg, &r->bits) != reg)
			continue;
		if (load && (begins(m, "ldr") || begins(m, "ldur") || begins(m, "ldar") || pair))
			a64_load(in, i, r);
		else if (!strcmp(m, "add") || !strcmp(m, "sub"))
			a64_sum(in, r);
		else if (begins(m, "mov"))
			a64_move(in, r);
		else if (!strcmp(m, "adrp") || !strcmp(m, "adr")) {
			r->kind = DEFINE_VALUE;
			r->offset = a->operands[1].imm;
		} else
			other(r);
		return;
	}
}

/* ---- ARM32 ------------------------------------------------------------------------------- */

static void a32_load(const cs_insn *in, unsigned at, struct insn_define *r)
{
	const cs_arm *a = &in->detail->arm;
	const char *m = in->mnemonic;
	unsigned bits, place = begins(m, "ldrd") ? 2 : 1;
	if (a->op_count != place + 1 || a->operands[place].type != ARM_OP_MEM || at >= place)
		return other(r); /* behind it stands what is added later */
	const cs_arm_op *op = &a->operands[place];
	r->kind = DEFINE_LOAD;
	r->load_signed = begins(m, "ldrs");
	r->load_bytes = begins(m, "ldrb") || begins(m, "ldrsb") ? 1
		: begins(m, "ldrh") || begins(m, "ldrsh") ? 2 : 4;
	r->base = insn_register(false, op->mem.base, &bits);
	if (op->mem.index != ARM_REG_INVALID) {
		r->index = insn_register(false, op->mem.index, &bits);
		r->index_bits = 32;
		r->shift = op->shift.value;
		if (op->subtracted || op->mem.scale == -1 || r->index == INSN_NO_REGISTER ||
			(op->shift.type != ARM_SFT_INVALID && op->shift.type != ARM_SFT_LSL))
			return other(r);
	} else {
		r->offset = op->subtracted && op->mem.disp > 0 ? -op->mem.disp : op->mem.disp;
	}
	r->offset += 4 * at;
	if (r->base == INSN_NO_REGISTER || r->shift > 31)
		other(r);
}

static void a32_sum(const cs_insn *in, struct insn_define *r)
{
	const cs_arm *a = &in->detail->arm;
	bool minus = in->id == ARM_INS_SUB, two = a->op_count == 2; /* "adds r0, #4" */
	unsigned bits;
	if ((a->op_count != 3 && !two) || a->operands[0].type != ARM_OP_REG)
		return other(r);
	const cs_arm_op *left = &a->operands[two ? 0 : 1], *op = &a->operands[two ? 1 : 2];
	r->base = left->type == ARM_OP_REG ? insn_register(false, left->reg, &bits)
					   : INSN_NO_REGISTER;
	r->kind = DEFINE_VALUE;
	if (r->base == INSN_NO_REGISTER)
		return other(r);
	if (op->type == ARM_OP_IMM) {
		r->offset = minus ? -(int64_t)op->imm : op->imm;
		return;
	}
	r->index = op->type == ARM_OP_REG ? insn_register(false, op->reg, &bits) : INSN_NO_REGISTER;
	r->index_bits = 32;
	r->shift = op->shift.value;
	if (minus || r->index == INSN_NO_REGISTER || r->shift > 31 ||
		(op->shift.type != ARM_SFT_INVALID && op->shift.type != ARM_SFT_LSL))
		other(r);
}

static void a32_move(const cs_insn *in, struct insn_define *r)
{
	const cs_arm_op *op = &in->detail->arm.operands[1];
	unsigned bits;
	r->kind = DEFINE_VALUE;
	if (in->detail->arm.op_count != 2)
		return other(r);
	if (op->type == ARM_OP_REG) {
		r->base = insn_register(false, op->reg, &bits);
		if (in->id == ARM_INS_MVN || r->base == INSN_NO_REGISTER ||
			op->shift.type != ARM_SFT_INVALID)
			other(r);
		return;
	}
	r->offset = (int64_t)(uint32_t)(in->id == ARM_INS_MVN ? ~op->imm : op->imm);
	if (in->id == ARM_INS_MOVT) {
		r->kind = DEFINE_INSERT;
		r->offset = (int64_t)((uint64_t)(op->imm & 0xffff) << 16);
		r->mask = 0xffff0000;
	}
}

static void a32_plain(const cs_insn *in, unsigned at, struct insn_define *r)
{
	const char *m = in->mnemonic;
	switch (in->id) {
	case ARM_INS_MOV:
	case ARM_INS_MOVW:
	case ARM_INS_MOVT:
	case ARM_INS_MVN:
		return a32_move(in, r);
	case ARM_INS_ADD:
	case ARM_INS_SUB:
	case ARM_INS_ADDW:
	case ARM_INS_SUBW:
		return a32_sum(in, r);
	default:
		if (begins(m, "ldr"))
			a32_load(in, at, r);
		else
			other(r);
	}
}

static void a32_define(const cs_insn *in, uint8_t reg, struct insn_define *r)
{
	const cs_arm *a = &in->detail->arm;
	const char *m = in->mnemonic;
	static const char *const no_output[] = { "str", "stm", "push", "cmp", "cmn", "tst", "teq",
		"b", "cb", "nop", "pld", "dmb", "dsb", "isb", "it", "msr", "mcr", "v", NULL };
	bool bits = begins(m, "bi") || begins(m, "bf"); /* bic, bfi, bfc */
	bool mrc = begins(m, "mrc") || begins(m, "mrrc") || begins(m, "vmov") || begins(m, "vmrs");
	bool many = mrc || begins(m, "ldm") || begins(m, "pop") || begins(m, "ldrd") ||
		    begins(m, "umull") || begins(m, "smull") || begins(m, "umlal") ||
		    begins(m, "smlal") || begins(m, "swp") || begins(m, "ldrexd");
	unsigned width;
	for (unsigned i = 0; i < a->op_count; i++)
		if (a->writeback && a->operands[i].type == ARM_OP_MEM &&
			insn_register(false, a->operands[i].mem.base, &width) == reg)
			return other(r);
	if (reg == 13 && (begins(m, "push") || begins(m, "pop")))
		return other(r);
	if (begins(m, "strex"))
		return insn_register(false, a->operands[0].reg, &width) == reg ? other(r) : (void)0;
	if (begins(m, "stm") || begins(m, "ldm"))
		if (a->op_count && insn_register(false, a->operands[0].reg, &width) == reg)
			return a->writeback ? other(r) : (void)0;
	for (size_t i = 0; no_output[i] && !bits && !mrc; i++)
		if (begins(m, no_output[i]))
			return;
	for (unsigned i = 0; i < (many ? a->op_count : 1); i++) {
		if (i >= a->op_count || a->operands[i].type != ARM_OP_REG ||
			insn_register(false, a->operands[i].reg, &width) != reg)
			continue;
		if (a->cc != ARM_CC_AL && a->cc != ARM_CC_INVALID)
			return other(r);
		return mrc ? other(r) : a32_plain(in, i, r);
	}
}

void insn_decoder_define(struct insn_decoder *d, const struct insn_step *s, uint8_t reg,
	struct insn_define *ret)
{
	*ret = (struct insn_define){ .base = INSN_NO_REGISTER, .index = INSN_NO_REGISTER,
		.bits = d->wide ? 64 : 32 };
	if (!s->decoded || !decode(d, s->code, s->bytes, s->va)) {
		ret->kind = DEFINE_OTHER;
		return;
	}
	if (d->wide)
		a64_define(d->in, reg, ret);
	else
		a32_define(d->in, reg, ret);
	/* The program counter as an operand stands ahead. */
	if (!d->wide && ret->base == 15) {
		ret->base = INSN_NO_REGISTER;
		ret->offset += (int64_t)(d->thumb ? (s->va + 4) & ~3ull : s->va + 8);
	}
}
