/* Operands through capstone's details. What capstone leaves out (how wide an access is) the
 * mnemonic says. */
#include "analyzer/debug/insn_access.h"

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"

struct decoding {
	const struct arch *arch;
	bool thumb;
	csh cs;
	const cs_insn *in;
	const struct regs *regs;
	struct insn_access *out;
};

static bool begins(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static void add_operand(
	struct decoding *d, unsigned cs_reg, uint8_t reg, uint64_t value, bool known, bool read)
{
	struct insn_access *a = d->out;
	const char *name = cs_reg_name(d->cs, cs_reg);

	for (unsigned i = 0; name && i < a->noperands; i++)
		if (!strcmp(a->operand[i].name, name)) {
			a->operand[i].read |= read;
			return;
		}
	if (!name || a->noperands == INSN_OPERANDS_MAX)
		return;
	struct insn_operand *o = &a->operand[a->noperands++];
	*o = (struct insn_operand){ .reg = reg, .read = read, .known = known, .value = value };
	snprintf(o->name, sizeof(o->name), "%s", name);
}

/* ---- arm64 ----------------------------------------------- */

/* Number in struct regs of a general register; *ret_bits is 32 for a w. */
static uint8_t a64_register(unsigned r, unsigned *ret_bits)
{
	*ret_bits = 64;
	if (r >= ARM64_REG_X0 && r <= ARM64_REG_X28)
		return (uint8_t)(r - ARM64_REG_X0);
	if (r == ARM64_REG_X29)
		return 29;
	if (r == ARM64_REG_X30)
		return 30;
	if (r == ARM64_REG_SP)
		return 31;
	*ret_bits = 32;
	if (r >= ARM64_REG_W0 && r <= ARM64_REG_W30)
		return (uint8_t)(r - ARM64_REG_W0);
	return r == ARM64_REG_WSP ? 31 : INSN_NO_REGISTER;
}

static bool a64_value(struct decoding *d, unsigned r, bool read, uint8_t *ret_reg, uint64_t *ret)
{
	unsigned bits;
	uint8_t reg = a64_register(r, &bits);
	*ret_reg = reg;
	*ret = 0;
	if (r == ARM64_REG_XZR || r == ARM64_REG_WZR)
		return true;
	if (reg == INSN_NO_REGISTER)
		return false;
	bool known = regs_has(d->regs, reg);
	*ret = bits == 32 ? (uint32_t)d->regs->v[reg] : d->regs->v[reg];
	add_operand(d, r, reg, *ret, known, read);
	return known;
}

static uint64_t a64_extend(uint64_t v, const cs_arm64_op *op)
{
	switch (op->ext) {
	case ARM64_EXT_UXTW:
		v = (uint32_t)v;
		break;
	case ARM64_EXT_SXTW:
		v = (uint64_t)sign_extend(v, 32);
		break;
	default:
		break;
	}
	return op->shift.type == ARM64_SFT_LSL && op->shift.value < 64 ? v << op->shift.value : v;
}

static void a64_memory(struct decoding *d, const cs_arm64_op *op)
{
	struct insn_access *a = d->out;
	uint64_t base, index = 0;
	bool known = a64_value(d, op->mem.base, true, &a->base, &base);

	a->memory = true;
	if (op->mem.index != ARM64_REG_INVALID) {
		known &= a64_value(d, op->mem.index, true, &a->index, &index);
		a->index_value = a64_extend(index, op);
	}
	a->offset = op->mem.disp;
	a->known = known;
	a->va = base + a->index_value + (uint64_t)a->offset;
}

/* Bytes of a load's or store's register operand. */
static unsigned a64_register_bytes(unsigned r)
{
	unsigned bits;
	if (a64_register(r, &bits) != INSN_NO_REGISTER || r == ARM64_REG_XZR)
		return r == ARM64_REG_XZR ? 8 : bits / 8;
	if (r == ARM64_REG_WZR)
		return 4;
	return r >= ARM64_REG_Q0 && r <= ARM64_REG_Q31	 ? 16
	       : r >= ARM64_REG_D0 && r <= ARM64_REG_D31 ? 8
	       : r >= ARM64_REG_S0 && r <= ARM64_REG_S31 ? 4
	       : r >= ARM64_REG_H0 && r <= ARM64_REG_H31 ? 2
	       : r >= ARM64_REG_B0 && r <= ARM64_REG_B31 ? 1
							 : 0;
}

/* Arm ARM C3.2: the letters behind a load's or store's name: b, h, sb, sh, sw; the rest goes by
 * register. */
static unsigned a64_bytes(const cs_insn *in)
{
	const char *m = in->mnemonic;
	const cs_arm64 *a = &in->detail->arm64;
	size_t n = strlen(m);
	unsigned whole = 0;

	if (!begins(m, "ld") && !begins(m, "st") && !begins(m, "cas") && !begins(m, "swp"))
		return 0;
	if (m[n - 1] == 'b')
		return 1;
	if (m[n - 1] == 'h')
		return 2;
	/* An exclusive store's first operand is its status. */
	unsigned first = begins(m, "stx") || begins(m, "stlx");
	if (first < a->op_count && a->operands[first].type == ARM64_OP_REG)
		whole = a64_register_bytes(a->operands[first].reg);
	if (begins(m, "ldp") || begins(m, "stp") || begins(m, "ldnp") || begins(m, "stnp") ||
		begins(m, "ldxp") || begins(m, "ldaxp") || begins(m, "stxp") ||
		begins(m, "stlxp") || begins(m, "casp"))
		return !strcmp(m, "ldpsw") ? 8 : whole * 2;
	return n > 2 && !strcmp(m + n - 2, "sw") ? 4 : whole;
}

static void a64_decode(struct decoding *d)
{
	const cs_arm64 *a = &d->in->detail->arm64;
	const char *m = d->in->mnemonic;
	bool store = begins(m, "st");
	/* ld<op> and swp are atomics: they have two registers before the address. */
	bool atomic = begins(m, "cas") || begins(m, "swp") || begins(m, "ldadd") ||
		      begins(m, "ldclr") || begins(m, "ldset") || begins(m, "ldeor") ||
		      begins(m, "ldsmax") || begins(m, "ldsmin") || begins(m, "ldumax") ||
		      begins(m, "ldumin");
	bool load = begins(m, "ld") || begins(m, "prf");

	for (unsigned i = 0; i < a->op_count; i++) {
		const cs_arm64_op *op = &a->operands[i];
		uint8_t reg;
		uint64_t v;
		if (op->type == ARM64_OP_MEM)
			a64_memory(d, op);
		else if (op->type == ARM64_OP_REG)
			a64_value(d, op->reg, store || atomic || i || !load, &reg, &v);
	}
	d->out->reads = d->out->memory && (load || atomic);
	d->out->writes = d->out->memory && (store || atomic);
	d->out->bytes = a64_bytes(d->in);
}

/*
 * Atomics of Armv8.1, which capstone 4 lacks and kernels use wherever the CPU has them. Arm ARM
 * C4.1.94: "compare and swap", "compare and swap pair", "atomic memory operations". Registers are
 * named by number alone.
 */
static bool a64_atomic(uint32_t insn, const struct regs *regs, struct insn_access *a)
{
	unsigned rn = insn >> 5 & 31, size = insn >> 30;
	bool pair = (insn & 0xbfa07c00) == 0x08207c00;
	if (!pair && (insn & 0x3fa07c00) != 0x08a07c00 && (insn & 0x3f200c00) != 0x38200000)
		return false;
	a->memory = a->reads = a->writes = true;
	a->base = (uint8_t)rn; /* number 31 is sp in struct regs, too */
	a->known = regs_has(regs, rn);
	a->va = regs->v[rn];
	a->bytes = pair ? 8u << (insn >> 30 & 1) : 1u << size;
	struct insn_operand *o = &a->operand[a->noperands++];
	*o = (struct insn_operand){
		.reg = (uint8_t)rn, .read = true, .known = a->known, .value = a->va
	};
	snprintf(o->name, sizeof(o->name), rn == 31 ? "sp" : "x%u", rn);
	return true;
}

/* ---- ARM32 ----------------------------------------------- */

static uint8_t a32_register(unsigned r)
{
	if (r >= ARM_REG_R0 && r <= ARM_REG_R12)
		return (uint8_t)(r - ARM_REG_R0);
	return r == ARM_REG_SP	 ? 13
	       : r == ARM_REG_LR ? 14
	       : r == ARM_REG_PC ? 15
				 : INSN_NO_REGISTER;
}

static bool a32_value(struct decoding *d, unsigned r, bool read, uint8_t *ret_reg, uint64_t *ret)
{
	uint8_t reg = a32_register(r);
	*ret_reg = reg;
	*ret = 0;
	if (reg == INSN_NO_REGISTER)
		return false;
	bool known = regs_has(d->regs, reg);
	*ret = d->regs->v[reg];
	if (reg == 15) { /* two instructions ahead; Thumb rounds it down */
		*ret = d->thumb ? (d->in->address + 4) & ~3ull : d->in->address + 8;
		known = true;
	}
	add_operand(d, r, reg, *ret, known, read);
	return known;
}

static uint64_t a32_shift(uint64_t v, const cs_arm_op *op, const struct regs *regs)
{
	unsigned by = op->shift.value;
	(void)regs;
	switch (op->shift.type) {
	case ARM_SFT_LSL:
		return by < 32 ? (uint32_t)(v << by) : 0;
	case ARM_SFT_LSR:
		return by < 32 ? (uint32_t)v >> by : 0;
	case ARM_SFT_ASR:
		return (uint32_t)(sign_extend(v, 32) >> (by < 32 ? by : 31));
	case ARM_SFT_ROR:
		by &= 31;
		return by ? (uint32_t)((uint32_t)v >> by | (uint32_t)v << (32 - by)) : (uint32_t)v;
	default:
		return v;
	}
}

static void a32_memory(struct decoding *d, const cs_arm_op *op)
{
	struct insn_access *a = d->out;
	uint64_t base, index;
	bool known = a32_value(d, op->mem.base, true, &a->base, &base);

	a->memory = true;
	if (op->mem.index != ARM_REG_INVALID) {
		known &= a32_value(d, op->mem.index, true, &a->index, &index);
		index = a32_shift(index, op, d->regs);
		a->index_value = (uint32_t)(op->mem.scale == -1 || op->subtracted ? -index : index);
	} else {
		a->offset = op->subtracted && op->mem.disp > 0 ? -op->mem.disp : op->mem.disp;
	}
	a->known = known;
	a->va = (uint32_t)(base + a->index_value + (uint64_t)a->offset);
}

/* ldm, stm, push, pop: ARM ARM v7-A, A8.8.58 to A8.8.61. The base stands first, and is sp of push
 * and pop. */
static void a32_multiple(struct decoding *d, bool implied_sp)
{
	struct insn_access *a = d->out;
	const cs_arm *c = &d->in->detail->arm;
	const char *m = d->in->mnemonic;
	unsigned n = c->op_count - !implied_sp;
	uint64_t base;
	bool down = begins(m, "push") || strstr(m, "db") || strstr(m, "da");
	bool before = begins(m, "push") || strstr(m, "db") || strstr(m, "ib");
	unsigned base_reg = implied_sp	  ? ARM_REG_SP
			    : c->op_count ? c->operands[0].reg
					  : ARM_REG_INVALID;

	a->memory = true;
	a->known = a32_value(d, base_reg, true, &a->base, &base);
	a->bytes = n * 4;
	a->offset = down ? (before ? -4ll * n : -4ll * n + 4) : before ? 4 : 0;
	a->va = (uint32_t)(base + (uint64_t)a->offset);
}

static unsigned a32_bytes(const char *m)
{
	if (begins(m, "ldrexd") || begins(m, "strexd") || begins(m, "ldrd") || begins(m, "strd"))
		return 8;
	if (begins(m, "ldrb") || begins(m, "strb") || begins(m, "ldrsb") || begins(m, "ldrexb") ||
		begins(m, "strexb") || begins(m, "swpb"))
		return 1;
	if (begins(m, "ldrh") || begins(m, "strh") || begins(m, "ldrsh") || begins(m, "ldrexh") ||
		begins(m, "strexh"))
		return 2;
	return begins(m, "ldr") || begins(m, "str") || begins(m, "swp") ? 4 : 0;
}

static void a32_decode(struct decoding *d)
{
	const cs_arm *a = &d->in->detail->arm;
	const char *m = d->in->mnemonic;
	bool load = begins(m, "ldr") || begins(m, "ldm") || begins(m, "pop") || begins(m, "vld") ||
		    begins(m, "pld");
	bool store = begins(m, "str") || begins(m, "stm") || begins(m, "push") || begins(m, "vst");
	bool stack = begins(m, "push") || begins(m, "pop");

	if (begins(m, "ldm") || begins(m, "stm") || stack)
		a32_multiple(d, stack);
	else
		d->out->bytes = a32_bytes(m);
	for (unsigned i = 0; i < a->op_count; i++) {
		const cs_arm_op *op = &a->operands[i];
		uint8_t reg;
		uint64_t v;
		if (op->type == ARM_OP_MEM)
			a32_memory(d, op);
		else if (op->type == ARM_OP_REG)
			a32_value(d, op->reg, store || begins(m, "swp") || (i && !load), &reg, &v);
	}
	d->out->reads = d->out->memory && (load || begins(m, "swp"));
	d->out->writes = d->out->memory && (store || begins(m, "swp"));
}

uint8_t insn_register(bool arm64, unsigned r, unsigned *ret_bits)
{
	if (arm64)
		return a64_register(r, ret_bits);
	*ret_bits = 32;
	return a32_register(r);
}

bool insn_access_read(const struct arch *arch, bool thumb, const uint8_t *code, size_t n,
	uint64_t pc, const struct regs *regs, struct insn_access *ret)
{
	struct insn_access access = { .base = INSN_NO_REGISTER, .index = INSN_NO_REGISTER };
	struct decoding d = { .arch = arch, .regs = regs, .out = &access };
	d.thumb = thumb && arch->capstone_arch == CS_ARCH_ARM;
	if (cs_open((cs_arch)arch->capstone_arch,
		    (cs_mode)(d.thumb ? arch->capstone_thumb_mode : arch->capstone_mode),
		    &d.cs) != CS_ERR_OK)
		return false;
	cs_option(d.cs, CS_OPT_DETAIL, CS_OPT_ON);
	cs_insn *in = cs_malloc(d.cs);
	uint32_t word = n == 4 ? load_u32le(code) : 0;
	bool good = cs_disasm_iter(d.cs, &code, &n, &pc, in);
	d.in = in;
	if (good && arch->capstone_arch == CS_ARCH_ARM)
		a32_decode(&d);
	else if (good)
		a64_decode(&d);
	cs_free(in, 1);
	cs_close(&d.cs);
	if (!good && arch->capstone_arch == CS_ARCH_ARM64)
		good = a64_atomic(word, regs, &access);
	if (good)
		*ret = access;
	return good;
}
