/*
 * Disassembly: capstone decodes, this adds what an analyst wants to see: branch targets and
 * pc-relative addresses as symbols, and what a literal load would load. All ARM code is
 * little-endian in memory (big-endian kernels run BE8).
 */
#include "analyzer/debug/disasm.h"

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/load.h"
#include "analyzer/base/xalloc.h"

struct disasm {
	struct vspace *vs;
	const struct symtab *syms;
	csh cs;
	cs_insn *insn;
	bool arm32, thumb;

	/* A64 makes addresses in two steps: what the adrp before left in which register. */
	uint64_t page[32], next_va;
	uint32_t pages_known;
};

struct err *disasm_open(
	struct vspace *vs, const struct symtab *syms, bool thumb, struct disasm **ret)
{
	const struct arch *a = vspace_facts(vs)->arch;
	struct disasm *d = xcalloc(1, sizeof(*d));
	*d = (struct disasm){ .vs = vs, .syms = syms };
	d->arm32 = a->capstone_arch == CS_ARCH_ARM;
	d->thumb = d->arm32 && thumb;
	cs_err c = cs_open((cs_arch)a->capstone_arch,
		(cs_mode)(d->thumb ? a->capstone_thumb_mode : a->capstone_mode), &d->cs);
	if (c != CS_ERR_OK) {
		free(d);
		return err_new(ERR_UNSUPPORTED, "capstone does not disassemble %s: %s", a->name,
			cs_strerror(c));
	}
	cs_option(d->cs, CS_OPT_DETAIL, CS_OPT_ON);
	d->insn = cs_malloc(d->cs);
	*ret = d;
	return NULL;
}

void disasm_close(struct disasm *d)
{
	if (!d)
		return;
	cs_free(d->insn, 1);
	cs_close(&d->cs);
	free(d);
}

/* ---- what the operands refer to ----------------------------------------------- */

struct reference {
	uint64_t target;    /* of a direct branch */
	uint64_t address;   /* that an instruction computes */
	uint64_t page;	    /* that an adrp computes */
	uint64_t completed; /* adrp's page with the offset of this instruction */
	uint64_t literal;   /* where a literal load reads */
	unsigned literal_bytes;
};

static void arm64_reference(const cs_insn *in, struct reference *ret)
{
	const cs_arm64 *a = &in->detail->arm64;
	if (!a->op_count || a->operands[a->op_count - 1].type != ARM64_OP_IMM)
		return;
	uint64_t imm = (uint64_t)a->operands[a->op_count - 1].imm;
	switch (in->id) {
	case ARM64_INS_B:
	case ARM64_INS_BL:
	case ARM64_INS_CBZ:
	case ARM64_INS_CBNZ:
	case ARM64_INS_TBZ:
	case ARM64_INS_TBNZ:
		ret->target = imm;
		break;
	case ARM64_INS_ADR:
		ret->address = imm;
		break;
	case ARM64_INS_ADRP:
		ret->page = imm;
		break;
	case ARM64_INS_LDR: /* with an immediate and no base: from the literal pool */
	case ARM64_INS_LDRSW:
		ret->literal = imm;
		ret->literal_bytes = 4;
		if (in->id == ARM64_INS_LDR && a->operands[0].reg >= ARM64_REG_X0 &&
			a->operands[0].reg <= ARM64_REG_X28)
			ret->literal_bytes = 8;
		break;
	default:
		break;
	}
}

static int x_register(unsigned reg)
{
	if (reg >= ARM64_REG_X0 && reg <= ARM64_REG_X28)
		return (int)(reg - ARM64_REG_X0);
	return reg == ARM64_REG_X29 ? 29 : reg == ARM64_REG_X30 ? 30 : -1;
}

/* "add xA, xB, #lo12" and loads and stores relative to xB, after "adrp xB, page" in the same run.
 */
static void arm64_follow_page(struct disasm *d, const cs_insn *in, struct reference *ret)
{
	const cs_arm64 *a = &in->detail->arm64;
	if (in->address != d->next_va)
		d->pages_known = 0;
	d->next_va = in->address + 4;
	for (unsigned i = 1; i < a->op_count; i++) {
		const cs_arm64_op *op = &a->operands[i];
		bool add = in->id == ARM64_INS_ADD && i == 1 && op->type == ARM64_OP_REG &&
			   a->op_count == 3 && a->operands[2].type == ARM64_OP_IMM &&
			   !a->operands[2].shift.value;
		bool mem = op->type == ARM64_OP_MEM && op->mem.index == ARM64_REG_INVALID;
		int r = add ? x_register(op->reg) : mem ? x_register(op->mem.base) : -1;
		if (r < 0 || !(d->pages_known >> r & 1))
			continue;
		ret->completed =
			d->page[r] + (add ? (uint64_t)a->operands[2].imm : (uint64_t)op->mem.disp);
	}
	int to = a->op_count && a->operands[0].type == ARM64_OP_REG ? x_register(a->operands[0].reg)
								    : -1;
	if (to >= 0)
		d->pages_known &= ~(1u << to);
	if (to >= 0 && ret->page) {
		d->page[to] = ret->page;
		d->pages_known |= 1u << to;
	}
	/* A callee may change them all; after a jump or a return other code begins. */
	if (in->id == ARM64_INS_BL || in->id == ARM64_INS_BLR || in->id == ARM64_INS_BR ||
		in->id == ARM64_INS_RET || (in->id == ARM64_INS_B && a->cc <= ARM64_CC_INVALID))
		d->pages_known = 0;
}

/* The pc that an instruction sees: two instructions ahead, and of Thumb code rounded down. */
static uint64_t arm_pc(const struct disasm *d, uint64_t va)
{
	return d->thumb ? (va + 4) & ~3ull : va + 8;
}

static void arm_reference(const struct disasm *d, const cs_insn *in, struct reference *ret)
{
	const cs_arm *a = &in->detail->arm;
	if (!a->op_count)
		return;
	const cs_arm_op *last = &a->operands[a->op_count - 1];
	switch (in->id) {
	case ARM_INS_B:
	case ARM_INS_BL:
	case ARM_INS_BLX:
	case ARM_INS_CBZ:
	case ARM_INS_CBNZ:
		if (last->type == ARM_OP_IMM)
			ret->target = (uint32_t)last->imm;
		break;
	case ARM_INS_ADR:
		if (last->type == ARM_OP_IMM)
			ret->address = (uint32_t)(arm_pc(d, in->address) + (uint64_t)last->imm);
		break;
	case ARM_INS_LDR:
		if (last->type == ARM_OP_MEM && last->mem.base == ARM_REG_PC &&
			last->mem.index == ARM_REG_INVALID) {
			ret->literal =
				(uint32_t)(arm_pc(d, in->address) + (uint64_t)last->mem.disp);
			ret->literal_bytes = 4;
		}
		break;
	default:
		break;
	}
}

/* ---- text ----------------------------------------------- */

static void add_symbol(const struct disasm *d, uint64_t va, struct strbuf *out)
{
	struct symbol s;
	if (!d->syms || !symtab_at(d->syms, va, &s))
		return;
	strbuf_addf(out, " <%s", s.name);
	if (va != s.va)
		strbuf_addf(out, "+0x%llx", (unsigned long long)(va - s.va));
	strbuf_add_char(out, '>');
}

/* capstone's operands with the last one, an address, as a bare number. */
static void add_operands(const cs_insn *in, bool bare, struct strbuf *out)
{
	const char *hash = bare ? strrchr(in->op_str, '#') : NULL;
	if (!in->op_str[0])
		return;
	strbuf_add_char(out, ' ');
	strbuf_add_bytes(out, in->op_str, hash ? (size_t)(hash - in->op_str) : strlen(in->op_str));
	if (hash)
		strbuf_add(out, hash + 1);
}

static void add_text(struct disasm *d, struct strbuf *out, uint64_t *ret_target)
{
	struct reference r = { 0 };
	const cs_insn *in = d->insn;
	if (d->arm32)
		arm_reference(d, in, &r);
	else
		arm64_reference(in, &r);
	if (!d->arm32)
		arm64_follow_page(d, in, &r);
	strbuf_add(out, in->mnemonic);
	add_operands(in, r.target || r.page || (!d->arm32 && (r.address || r.literal)), out);
	*ret_target = r.target;
	if (r.target)
		add_symbol(d, r.target, out);
	if (r.address) {
		if (d->arm32)
			strbuf_addf(out, " ; 0x%llx", (unsigned long long)r.address);
		add_symbol(d, r.address, out);
	}
	if (r.completed) {
		strbuf_addf(out, " ; 0x%llx", (unsigned long long)r.completed);
		add_symbol(d, r.completed, out);
	}
	if (r.literal) {
		uint64_t v;
		if (d->arm32)
			strbuf_addf(out, " ; 0x%llx", (unsigned long long)r.literal);
		if (!vspace_try_uint(d->vs, r.literal, r.literal_bytes, &v))
			return;
		strbuf_addf(out, d->arm32 ? ": 0x%llx" : " ; 0x%llx", (unsigned long long)v);
		add_symbol(d, v, out);
	}
}

/* How many bytes the instruction at @va has: 2 or 4, by its first halfword in Thumb code (ARM ARM,
 * "Thumb instruction set encoding": 0b11101, 0b11110, 0b11111 begin a pair). */
static unsigned length_of(const struct disasm *d, const uint8_t *p)
{
	return d->thumb && (load_u16le(p) >> 11) < 0x1d ? 2 : 4;
}

struct err *disasm_one(struct disasm *d, uint64_t va, struct insn *ret)
{
	struct insn in = { .va = va };
	unsigned n = d->thumb ? 2 : 4;
	struct err *e = vspace_read(d->vs, va, in.bytes, n);
	if (!e && d->thumb && length_of(d, in.bytes) == 4) {
		n = 4;
		e = vspace_read(d->vs, va + 2, in.bytes + 2, 2);
	}
	if (e)
		return e;
	in.size = (uint8_t)n;
	scoped_strbuf struct strbuf text = { 0 };
	const uint8_t *code = in.bytes;
	size_t left = n;
	uint64_t at = va;
	if (cs_disasm_iter(d->cs, &code, &left, &at, d->insn) && d->insn->size == n)
		add_text(d, &text, &in.target);
	else if (n == 2)
		strbuf_addf(&text, ".inst.n 0x%04x", load_u16le(in.bytes));
	else if (d->thumb)
		strbuf_addf(&text, ".inst.w 0x%04x%04x", load_u16le(in.bytes),
			load_u16le(in.bytes + 2));
	else
		strbuf_addf(&text, ".inst 0x%08x", load_u32le(in.bytes));
	snprintf(in.text, sizeof(in.text), "%s", strbuf_text(&text));
	*ret = in;
	return NULL;
}
