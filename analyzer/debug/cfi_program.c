/*
 * Call frame instructions (DWARF 5, 6.4.2): each makes the row in hand into the next one. Knows
 * neither whose program it runs nor where in its section that lies.
 */
#include "analyzer/debug/cfi_program.h"

#include <dwarf.h>

enum {
	SAVED_ROWS_MAX = 8, /* of remember_state within each other; compilers use 1 */
	STEPS_MAX = 1 << 16,
};

struct machine {
	const struct cfi_program *p;
	const struct cfi_row *initial; /* NULL while the CIE's own program runs */
	struct cfi_row *row;
	uint64_t at;
	struct cfi_row saved[SAVED_ROWS_MAX];
	unsigned nsaved;
};

static void set_rule(struct machine *m, uint64_t reg, struct cfi_rule rule)
{
	if (reg < ARCH_MAX_REGS)
		m->row->reg[reg] = rule;
}

static void set_expression(struct machine *m, struct dwarf_bytes *b, uint64_t reg, enum cfi_how how)
{
	uint64_t n = dwarf_uleb(b);
	const uint8_t *p = dwarf_take(b, n);
	set_rule(m, reg,
		(struct cfi_rule){
			.how = (uint8_t)how, .expression = p, .expression_bytes = (uint32_t)n });
}

static void set_offset(struct machine *m, uint64_t reg, enum cfi_how how, uint64_t factored)
{
	int64_t offset = (int64_t)(factored * (uint64_t)m->p->data_align);
	set_rule(m, reg, (struct cfi_rule){ .how = (uint8_t)how, .offset = offset });
}

static void set_other_register(struct machine *m, uint64_t reg, uint64_t from)
{
	enum cfi_how how = from < ARCH_MAX_REGS ? CFI_REGISTER : CFI_UNDEFINED;
	set_rule(m, reg, (struct cfi_rule){ .how = (uint8_t)how, .reg = (uint8_t)from });
}

static void set_cfa_register(struct machine *m, uint64_t reg)
{
	bool known = reg < ARCH_MAX_REGS;
	m->row->cfa.how = known ? CFI_REGISTER : CFI_UNDEFINED;
	m->row->cfa.reg = (uint8_t)(known ? reg : 0);
}

static void restore(struct machine *m, uint64_t reg)
{
	set_rule(m, reg,
		m->initial && reg < ARCH_MAX_REGS ? m->initial->reg[reg] : (struct cfi_rule){ 0 });
}

/* Only registers and the CFA are remembered, the place is not. */
static bool remember(struct machine *m)
{
	if (m->nsaved == SAVED_ROWS_MAX)
		return false;
	m->saved[m->nsaved++] = *m->row;
	return true;
}

static bool recall(struct machine *m)
{
	if (!m->nsaved)
		return false;
	*m->row = m->saved[--m->nsaved];
	return true;
}

/* False when the row in hand is the one that is wanted. */
static bool advance(struct machine *m, uint64_t units)
{
	uint64_t to = m->at + units * m->p->code_align;
	if (to > m->p->stop)
		return false;
	m->at = to;
	return true;
}

enum outcome { GO_ON, REACHED, MAKES_NO_SENSE };

static enum outcome cfa_rules(struct machine *m, struct dwarf_bytes *b, unsigned op)
{
	struct cfi_rule *cfa = &m->row->cfa;
	uint64_t reg, n;
	switch (op) {
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
		reg = dwarf_uleb(b);
		cfa->offset =
			op == DW_CFA_def_cfa
				? (int64_t)dwarf_uleb(b)
				: (int64_t)((uint64_t)dwarf_sleb(b) * (uint64_t)m->p->data_align);
		set_cfa_register(m, reg);
		return GO_ON;
	case DW_CFA_def_cfa_register:
		set_cfa_register(m, dwarf_uleb(b));
		return GO_ON;
	case DW_CFA_def_cfa_offset:
		cfa->offset = (int64_t)dwarf_uleb(b);
		return GO_ON;
	case DW_CFA_def_cfa_offset_sf:
		cfa->offset = (int64_t)((uint64_t)dwarf_sleb(b) * (uint64_t)m->p->data_align);
		return GO_ON;
	case DW_CFA_def_cfa_expression:
		n = dwarf_uleb(b);
		*cfa = (struct cfi_rule){ .how = CFI_VAL_EXPRESSION,
			.expression = dwarf_take(b, n),
			.expression_bytes = (uint32_t)n };
		return GO_ON;
	case DW_CFA_remember_state:
		return remember(m) ? GO_ON : MAKES_NO_SENSE;
	case DW_CFA_restore_state:
		return recall(m) ? GO_ON : MAKES_NO_SENSE;
	case DW_CFA_GNU_args_size:
		dwarf_uleb(b);
		return GO_ON;
	default:
		return MAKES_NO_SENSE;
	}
}

static enum outcome extended(struct machine *m, struct dwarf_bytes *b, unsigned op)
{
	uint64_t reg;
	switch (op) {
	case DW_CFA_nop:
	case DW_CFA_AARCH64_negate_ra_state: /* a signed address is told by its bits */
		return GO_ON;
	case DW_CFA_set_loc:
		return MAKES_NO_SENSE; /* nobody makes it: it cannot be relocated in .eh_frame */
	case DW_CFA_advance_loc1:
	case DW_CFA_advance_loc2:
	case DW_CFA_advance_loc4:
		return advance(m, dwarf_uint(b, 1u << (op - DW_CFA_advance_loc1))) ? GO_ON
										   : REACHED;
	case DW_CFA_MIPS_advance_loc8:
		return advance(m, dwarf_uint(b, 8)) ? GO_ON : REACHED;
	case DW_CFA_offset_extended:
	case DW_CFA_val_offset:
		reg = dwarf_uleb(b);
		set_offset(m, reg, op == DW_CFA_val_offset ? CFI_VAL_OFFSET : CFI_OFFSET,
			dwarf_uleb(b));
		return GO_ON;
	case DW_CFA_offset_extended_sf:
	case DW_CFA_val_offset_sf:
		reg = dwarf_uleb(b);
		set_offset(m, reg, op == DW_CFA_val_offset_sf ? CFI_VAL_OFFSET : CFI_OFFSET,
			(uint64_t)dwarf_sleb(b));
		return GO_ON;
	case DW_CFA_GNU_negative_offset_extended:
		reg = dwarf_uleb(b);
		set_offset(m, reg, CFI_OFFSET, -dwarf_uleb(b));
		return GO_ON;
	case DW_CFA_restore_extended:
		restore(m, dwarf_uleb(b));
		return GO_ON;
	case DW_CFA_undefined:
		set_rule(m, dwarf_uleb(b), (struct cfi_rule){ .how = CFI_UNDEFINED });
		return GO_ON;
	case DW_CFA_same_value:
		set_rule(m, dwarf_uleb(b), (struct cfi_rule){ .how = CFI_SAME });
		return GO_ON;
	case DW_CFA_register:
		reg = dwarf_uleb(b);
		set_other_register(m, reg, dwarf_uleb(b));
		return GO_ON;
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		reg = dwarf_uleb(b);
		set_expression(
			m, b, reg, op == DW_CFA_expression ? CFI_EXPRESSION : CFI_VAL_EXPRESSION);
		return GO_ON;
	default:
		return cfa_rules(m, b, op);
	}
}

static enum outcome instruction(struct machine *m, struct dwarf_bytes *b)
{
	unsigned op = (unsigned)dwarf_uint(b, 1), low = op & 0x3f;
	switch (op & 0xc0) {
	case DW_CFA_advance_loc:
		return advance(m, low) ? GO_ON : REACHED;
	case DW_CFA_offset:
		set_offset(m, low, CFI_OFFSET, dwarf_uleb(b));
		return GO_ON;
	case DW_CFA_restore:
		restore(m, low);
		return GO_ON;
	default:
		return extended(m, b, op);
	}
}

bool cfi_program_run(const struct cfi_program *p, const struct cfi_row *initial, struct cfi_row *io)
{
	struct dwarf_bytes b = p->bytes;
	enum outcome o = GO_ON;
	struct machine m;
	m.p = p, m.initial = initial, m.row = io, m.at = p->at, m.nsaved = 0;
	for (unsigned steps = 0; o == GO_ON && b.at < b.end && !b.bad; steps++)
		o = steps < STEPS_MAX ? instruction(&m, &b) : MAKES_NO_SENSE;
	return !b.bad && o != MAKES_NO_SENSE;
}
