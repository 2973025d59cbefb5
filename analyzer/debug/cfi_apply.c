/*
 * Rules of call frame information over registers and memory: the CFA, and the caller's registers.
 * That the result is a frame at all is for the stack's walker to prove.
 */
#include <dwarf.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/cfi.h"
#include "analyzer/debug/dwarf_location.h"

enum { OPERATIONS_MAX = 64 };

struct apply {
	const struct cfi_place *place;
	const struct regs *regs;
};

static uint64_t trim(const struct cfi_place *p, uint64_t v)
{
	return p->abi->word_bytes == 4 ? (uint32_t)v : v;
}

static bool answer_register(void *cx, unsigned reg, uint64_t *ret)
{
	const struct apply *a = cx;
	if (reg > a->place->arch->reg_pc || !regs_has(a->regs, reg))
		return false;
	*ret = a->regs->v[reg];
	return true;
}

static enum fault_kind answer_read(void *cx, uint64_t va, void *buf, size_t n)
{
	const struct apply *a = cx;
	return vspace_try_read(a->place->vs, va, buf, n, NULL);
}

/* Compilers make none for kernels; the standard has them. */
static bool expression(const struct cfi_place *p, const struct regs *regs, const struct cfi_rule *r,
	const uint64_t *cfa, uint64_t *ret)
{
	struct apply a = { p, regs };
	const struct location_env env = {
		.cx = &a, .abi = p->abi, .reg = answer_register, .read = answer_read
	};
	Dwarf_Op op[OPERATIONS_MAX];
	size_t n;
	if (!r->expression ||
		!location_parse(p->abi, r->expression, r->expression_bytes, op, OPERATIONS_MAX, &n))
		return false;
	scoped_err struct err *err = location_number(&env, NULL, op, n, cfa, ret);
	return !err;
}

/* A function that keeps a frame record knows its frame by it, also where sp was lost. */
static bool cfa_by_record(const struct cfi_place *p, const struct cfi_row *row,
	const struct regs *regs, uint64_t *ret)
{
	const struct arch *arch = p->arch;
	const struct cfi_rule *fp = &row->reg[arch->reg_fp], *lr = &row->reg[arch->reg_lr];
	if (!arch->frame_records || !regs_has(regs, arch->reg_fp) || fp->how != CFI_OFFSET ||
		lr->how != CFI_OFFSET || lr->offset != fp->offset + p->abi->word_bytes)
		return false;
	*ret = trim(p, regs->v[arch->reg_fp] - (uint64_t)fp->offset);
	return true;
}

bool cfi_cfa(const struct cfi_place *p, const struct cfi_row *row, const struct regs *regs,
	uint64_t *ret)
{
	const struct cfi_rule *r = &row->cfa;
	if (r->how == CFI_VAL_EXPRESSION)
		return expression(p, regs, r, NULL, ret);
	if (r->how != CFI_REGISTER || r->reg > p->arch->reg_pc)
		return false;
	if (!regs_has(regs, r->reg))
		return cfa_by_record(p, row, regs, ret);
	*ret = trim(p, regs->v[r->reg] + (uint64_t)r->offset);
	return true;
}

/* What register @i of the caller held; false when that is lost. */
static bool caller_register(const struct cfi_place *p, const struct cfi_row *row,
	const struct regs *regs, uint64_t cfa, unsigned i, uint64_t *ret)
{
	const struct cfi_rule *r = &row->reg[i];
	unsigned from = i;
	switch (r->how) {
	case CFI_OFFSET:
		return vspace_try_word(p->vs, trim(p, cfa + (uint64_t)r->offset), ret);
	case CFI_VAL_OFFSET:
		*ret = trim(p, cfa + (uint64_t)r->offset);
		return true;
	case CFI_EXPRESSION:
		return expression(p, regs, r, &cfa, ret) && vspace_try_word(p->vs, *ret, ret);
	case CFI_VAL_EXPRESSION:
		return expression(p, regs, r, &cfa, ret);
	case CFI_UNDEFINED:
		return false;
	case CFI_REGISTER:
		from = r->reg;
		break;
	case CFI_UNSPECIFIED:
		if (i == p->arch->reg_sp) {
			*ret = cfa;
			return true;
		}
		/* The link register is the caller's own until something is called. */
		if (!(p->arch->saved_regs >> i & 1) && i != row->return_column)
			return false;
		break;
	default:
		break;
	}
	if (!regs_has(regs, from))
		return false;
	*ret = regs->v[from];
	return true;
}

bool cfi_caller(const struct cfi_place *p, const struct cfi_row *row, const struct regs *regs,
	uint64_t cfa, struct regs *ret)
{
	struct regs up = { 0 };
	uint64_t v;
	for (unsigned i = 0; i < p->arch->reg_pc; i++)
		if (caller_register(p, row, regs, cfa, i, &v))
			regs_set(&up, i, v);
	if (!regs_has(&up, row->return_column))
		return false;
	regs_set(&up, p->arch->reg_pc, up.v[row->return_column]);
	/* At a return address lr is what the call left there, whatever it was before. */
	up.valid &= ~(1ull << p->arch->reg_lr);
	*ret = up;
	return true;
}
