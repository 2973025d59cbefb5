/*
 * The stack machine of DWARF expressions (DWARF 5, 2.5 and 2.6). Bounded in steps, stack and
 * nesting; reads only what it is given. Floating point, thread-local storage and address spaces,
 * which kernels do not have, are refused.
 */
#include <dwarf.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/dwarf_location_internal.h"

/* ---- what is outside ----------------------------------------------- */

static struct err *push_register(struct location_machine *m, uint64_t reg, uint64_t offset)
{
	uint64_t v;
	struct err *err = location_read_register(m, reg, &v);
	return err ? err : location_push(m, v + offset);
}

static struct err *push_frame_base(struct location_machine *m, uint64_t offset)
{
	uint64_t v;
	if (!m->env->frame_base)
		return err_new(ERR_MISSING, "there is no frame");
	struct err *err = m->env->frame_base(m->env->cx, m->env->nesting + 1, &v);
	return err ? err : location_push(m, v + offset);
}

static struct err *push_cfa(struct location_machine *m)
{
	uint64_t v;
	if (!m->env->cfa)
		return err_new(ERR_MISSING, "there is no frame");
	struct err *err = m->env->cfa(m->env->cx, &v);
	return err ? err : location_push(m, v);
}

static struct err *push_entry_value(struct location_machine *m, const Dwarf_Op *op)
{
	uint64_t v;
	if (!m->env->entry_value || !m->attr || m->env->nesting >= LOCATION_NESTING_MAX)
		return err_new(ERR_MISSING, "the value at the function's entry is not known");
	struct err *err = m->env->entry_value(m->env->cx, m->env->nesting + 1, m->attr, op, &v);
	return err ? err : location_push(m, v);
}

/* ---- the stack, jumps ----------------------------------------------- */

static struct err *top(struct location_machine *m, unsigned depth, struct location_number *ret)
{
	if (depth >= m->depth)
		return location_senseless(m, "takes from an empty stack");
	*ret = m->stack[m->depth - 1 - depth];
	return NULL;
}

static struct err *shuffle(struct location_machine *m, const Dwarf_Op *op)
{
	struct location_number a, b, c;
	struct err *err;
	switch (op->atom) {
	case DW_OP_dup:
	case DW_OP_over:
	case DW_OP_pick:
		err = top(m,
			op->atom == DW_OP_dup		  ? 0
			: op->atom == DW_OP_over	  ? 1
			: op->number < LOCATION_STACK_MAX ? (unsigned)op->number
							  : LOCATION_STACK_MAX,
			&a);
		return err ? err : location_push_typed(m, a);
	case DW_OP_drop:
		return location_pop(m, &a);
	case DW_OP_swap:
		err = top(m, 1, &b);
		if (err)
			return err;
		m->stack[m->depth - 2] = m->stack[m->depth - 1];
		m->stack[m->depth - 1] = b;
		return NULL;
	default: /* rot: the top becomes the third */
		err = top(m, 2, &c);
		if (err)
			return err;
		a = m->stack[m->depth - 1];
		m->stack[m->depth - 1] = m->stack[m->depth - 2];
		m->stack[m->depth - 2] = c;
		m->stack[m->depth - 3] = a;
		return NULL;
	}
}

/* Jumps are in bytes behind the operation; they lead to where one begins, or to the end. */
static struct err *jump(struct location_machine *m, const Dwarf_Op *op)
{
	enum { JUMP_BYTES = 3 };
	struct location_number condition = { .v = 1 };
	struct err *err = op->atom == DW_OP_bra ? location_pop(m, &condition) : NULL;
	if (err || !condition.v)
		return err;
	uint64_t to = op->offset + JUMP_BYTES + (uint64_t)(int64_t)(int16_t)op->number;
	for (size_t i = 0; i < m->nops; i++) {
		if (m->op[i].offset == to) {
			m->at = i - 1; /* the loop adds one */
			return NULL;
		}
	}
	if (to <= m->op[m->nops - 1].offset)
		return location_senseless(m, "jumps to where no operation begins");
	m->at = m->nops - 1;
	return NULL;
}

/* ---- parts ----------------------------------------------- */

static struct err *place(struct location_machine *m, enum part_kind kind, uint64_t v)
{
	if (m->placed)
		return location_senseless(m, "is in two places at once");
	m->place = (struct location_part){ .kind = kind, .v = v };
	m->placed = true;
	return NULL;
}

static struct err *place_value(struct location_machine *m)
{
	struct location_number n;
	struct err *err = location_pop(m, &n);
	if (err)
		return err;
	return place(
		m, PART_VALUE, n.bytes && n.is_signed ? (uint64_t)location_signed(m, &n) : n.v);
}

static struct err *place_bytes(struct location_machine *m, const Dwarf_Op *op)
{
	Dwarf_Block block = { .length = op->number,
		.data = (unsigned char *)(uintptr_t)op->number2 };
	if (m->attr && dwarf_getlocation_implicit_value(m->attr, op, &block))
		return location_senseless(m, "has a value without bytes");
	struct err *err = place(m, PART_BYTES, 0);
	m->place.bytes = block.data;
	m->place.nbytes = block.length;
	return err;
}

/* The simple location that was described last becomes a part of the object. */
static struct err *end_part(struct location_machine *m, uint64_t bits, uint64_t bit_offset)
{
	struct location_part part = m->place;
	if (m->out->nparts == LOCATION_PARTS_MAX)
		return location_senseless(m, "has too many pieces");
	if (!m->placed) {
		part = (struct location_part){ .kind = PART_ABSENT };
		if (m->depth) {
			part.kind = PART_MEMORY;
			part.v = m->stack[--m->depth].v;
		}
	}
	part.bits = bits;
	part.bit_offset = bit_offset;
	m->out->part[m->out->nparts++] = part;
	m->placed = false;
	return NULL;
}

static struct err *piece(struct location_machine *m, const Dwarf_Op *op)
{
	enum { BYTES_MAX = 1 << 20 };
	bool in_bits = op->atom == DW_OP_bit_piece;
	uint64_t bits = in_bits ? op->number : op->number * 8, offset = in_bits ? op->number2 : 0;
	if (!op->number || op->number > BYTES_MAX || offset > BYTES_MAX)
		return location_senseless(m, "has a piece without a size");
	return end_part(m, bits, offset);
}

/* ---- operations ----------------------------------------------- */

static struct err *run(struct location_machine *m);

/* The location of another DIE, as if it stood here. */
static struct err *call(struct location_machine *m, const Dwarf_Op *op)
{
	struct location_env env = *m->env;
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;
	if (!m->attr || env.nesting++ >= LOCATION_NESTING_MAX)
		return location_senseless(m, "calls too deep");
	if (dwarf_getlocation_attr(m->attr, op, &attr) || dwarf_getlocation(&attr, &ops, &n))
		return NULL; /* one without a location has no effect */
	struct location_machine inner = *m;
	inner.env = &env;
	inner.attr = &attr;
	inner.op = ops;
	inner.nops = n;
	struct err *err = run(&inner);
	memcpy(m->stack, inner.stack, sizeof(m->stack));
	m->depth = inner.depth;
	m->place = inner.place;
	m->placed = inner.placed;
	return err;
}

static struct err *push_address(struct location_machine *m, const Dwarf_Op *op)
{
	Dwarf_Attribute attr;
	Dwarf_Addr va;
	Dwarf_Word v;
	if (op->atom == DW_OP_addr)
		return location_push(m, op->number + m->env->slide);
	if (!m->attr || dwarf_getlocation_attr(m->attr, op, &attr))
		return location_senseless(m, "names an address that is not there");
	if (op->atom == DW_OP_constx || op->atom == DW_OP_GNU_const_index)
		return dwarf_formudata(&attr, &v) && dwarf_formaddr(&attr, &v)
			       ? location_senseless(m, "names an address that is not there")
			       : location_push(m, v);
	return dwarf_formaddr(&attr, &va)
		       ? location_senseless(m, "names an address that is not there")
		       : location_push(m, va + m->env->slide);
}

/* Those that belong to a location, not to its arithmetic. */
static struct err *location_operation(struct location_machine *m, const Dwarf_Op *op)
{
	switch (op->atom) {
	case DW_OP_regx:
		return place(m, PART_REGISTER, op->number);
	case DW_OP_stack_value:
		return place_value(m);
	case DW_OP_implicit_value:
		return place_bytes(m, op);
	case DW_OP_implicit_pointer:
	case DW_OP_GNU_implicit_pointer:
		return place(m, PART_POINTER, 0);
	case DW_OP_piece:
	case DW_OP_bit_piece:
		return piece(m, op);
	case DW_OP_GNU_variable_value:
	case DW_OP_GNU_parameter_ref:
	case DW_OP_push_object_address:
		return err_new(ERR_MISSING, "it depends on another variable");
	case DW_OP_xderef:
	case DW_OP_xderef_size:
	case DW_OP_form_tls_address:
	case DW_OP_GNU_push_tls_address:
		return err_new(ERR_UNSUPPORTED, "another address space");
	default:
		return location_senseless(m, "has an unknown operation");
	}
}

static struct err *outside_operation(struct location_machine *m, const Dwarf_Op *op)
{
	switch (op->atom) {
	case DW_OP_addr:
	case DW_OP_addrx:
	case DW_OP_constx:
	case DW_OP_GNU_addr_index:
	case DW_OP_GNU_const_index:
		return push_address(m, op);
	case DW_OP_bregx:
		return push_register(m, op->number, op->number2);
	case DW_OP_fbreg:
		return push_frame_base(m, op->number);
	case DW_OP_call_frame_cfa:
		return push_cfa(m);
	case DW_OP_entry_value:
	case DW_OP_GNU_entry_value:
		return push_entry_value(m, op);
	case DW_OP_call2:
	case DW_OP_call4:
	case DW_OP_call_ref:
		return call(m, op);
	case DW_OP_convert:
	case DW_OP_reinterpret:
	case DW_OP_GNU_convert:
	case DW_OP_GNU_reinterpret:
		return location_convert(m, op);
	case DW_OP_const_type:
	case DW_OP_GNU_const_type:
		return location_push_const_type(m, op);
	case DW_OP_regval_type:
	case DW_OP_GNU_regval_type:
	case DW_OP_deref_type:
	case DW_OP_GNU_deref_type:
		return location_push_typed_load(m, op);
	default:
		return location_operation(m, op);
	}
}

static struct err *operation(struct location_machine *m, const Dwarf_Op *op)
{
	unsigned atom = op->atom;
	if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31)
		return location_push(m, atom - DW_OP_lit0);
	if (atom >= DW_OP_reg0 && atom <= DW_OP_reg31)
		return place(m, PART_REGISTER, atom - DW_OP_reg0);
	if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31)
		return push_register(m, atom - DW_OP_breg0, op->number);
	if (atom >= DW_OP_const1u && atom <= DW_OP_consts)
		return location_push(m, op->number);
	if (atom >= DW_OP_dup && atom <= DW_OP_rot)
		return shuffle(m, op);
	switch (atom) {
	case DW_OP_nop:
		return NULL;
	case DW_OP_skip:
	case DW_OP_bra:
		return jump(m, op);
	case DW_OP_abs:
	case DW_OP_neg:
	case DW_OP_not:
	case DW_OP_plus_uconst:
	case DW_OP_deref:
	case DW_OP_deref_size:
		return location_unary(m, op);
	default:
		break;
	}
	if (atom >= DW_OP_and && atom <= DW_OP_ne)
		return location_binary(m, atom);
	return outside_operation(m, op);
}

static struct err *run(struct location_machine *m)
{
	struct err *err = NULL;
	unsigned steps = 0;
	for (m->at = 0; !err && m->at < m->nops; m->at++) {
		if (++steps > LOCATION_STEPS_MAX)
			return err_new(ERR_LIMIT, "a location expression does not end");
		/* Behind a place only a piece can stand. */
		unsigned atom = m->op[m->at].atom;
		if (m->placed && atom != DW_OP_piece && atom != DW_OP_bit_piece &&
			atom != DW_OP_nop)
			return location_senseless(m, "goes on behind its place");
		err = operation(m, &m->op[m->at]);
	}
	return err;
}

static struct err *evaluate(const struct location_env *env, Dwarf_Attribute *attr,
	const Dwarf_Op *op, size_t n, const uint64_t *first, struct location_machine *m,
	struct location *out)
{
	m->env = env;
	m->attr = attr;
	m->op = op;
	m->nops = n;
	m->depth = 0;
	m->placed = false;
	m->out = out;
	out->nparts = 0;
	struct err *err = first ? location_push(m, *first) : NULL;
	return err ? err : run(m);
}

struct err *location_evaluate(const struct location_env *env, Dwarf_Attribute *attr,
	const Dwarf_Op *op, size_t n, const uint64_t *first, struct location *ret)
{
	struct location_machine m;
	struct err *err = evaluate(env, attr, op, n, first, &m, ret);
	/* Pieces describe it wholly; what is not described behind the last is not there. */
	if (!err && (!ret->nparts || m.placed))
		err = end_part(&m, 0, 0);
	if (!err && ret->nparts > 1 && !ret->part[ret->nparts - 1].bits)
		err = err_new(ERR_FORMAT, "a location expression ends in a place without a size");
	return err;
}

struct err *location_number(const struct location_env *env, Dwarf_Attribute *attr,
	const Dwarf_Op *op, size_t n, const uint64_t *first, uint64_t *ret)
{
	struct location_machine m;
	struct location out;
	struct err *err = evaluate(env, attr, op, n, first, &m, &out);
	if (err)
		return err;
	if (out.nparts || (m.placed && m.place.kind != PART_REGISTER && m.place.kind != PART_VALUE))
		return err_new(ERR_FORMAT, "an expression is no number");
	if (m.placed && m.place.kind == PART_REGISTER)
		return location_read_register(&m, m.place.v, ret);
	if (!m.placed && !m.depth)
		return err_new(ERR_FORMAT, "an expression ends without a number");
	*ret = m.placed ? m.place.v : m.stack[m.depth - 1].v;
	return NULL;
}
