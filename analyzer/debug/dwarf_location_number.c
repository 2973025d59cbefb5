/*
 * The numbers of location expressions: the stack, their types, arithmetic, memory and registers.
 * Where an object is, is dwarf_location.c's business.
 */
#include <dwarf.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/dwarf_location_internal.h"

struct err *location_senseless(const struct location_machine *m, const char *why)
{
	return err_new(ERR_FORMAT, "a location expression %s (operation 0x%x)", why,
		m->at < m->nops ? m->op[m->at].atom : 0);
}

static unsigned bits_of(const struct location_machine *m, const struct location_number *n)
{
	return (n->bytes ? n->bytes : m->env->abi->word_bytes) * 8u;
}

/* Numbers are kept without what is above their type's bits. */
static uint64_t trim(uint64_t v, unsigned bits)
{
	return bits < 64 ? v & ((1ull << bits) - 1) : v;
}

struct err *location_push_typed(struct location_machine *m, struct location_number n)
{
	if (m->depth == LOCATION_STACK_MAX)
		return location_senseless(m, "overflows its stack");
	n.v = trim(n.v, bits_of(m, &n));
	m->stack[m->depth++] = n;
	return NULL;
}

struct err *location_push(struct location_machine *m, uint64_t v)
{
	return location_push_typed(m, (struct location_number){ .v = v });
}

struct err *location_pop(struct location_machine *m, struct location_number *ret)
{
	if (!m->depth)
		return location_senseless(m, "takes from an empty stack");
	*ret = m->stack[--m->depth];
	return NULL;
}

struct err *location_read_register(struct location_machine *m, uint64_t reg, uint64_t *ret)
{
	if (reg > UINT16_MAX || !m->env->reg(m->env->cx, (unsigned)reg, ret))
		return err_new(
			ERR_MISSING, "what register %llu held is lost", (unsigned long long)reg);
	return NULL;
}

static struct err *push_memory(
	struct location_machine *m, uint64_t va, uint64_t n, struct location_number type)
{
	uint8_t raw[8];
	if (!n || n > sizeof(raw))
		return location_senseless(m, "reads a number that is none");
	enum fault_kind k = m->env->read(m->env->cx, va, raw, n);
	if (k)
		return err_fault(k, va, "0x%llx", (unsigned long long)va);
	type.v = load_uint(m->env->abi, raw, (unsigned)n);
	return location_push_typed(m, type);
}

/* ---- types ----------------------------------------------- */

/* The base type that @op names; the generic one where it names none. */
static struct err *operand_type(
	struct location_machine *m, const Dwarf_Op *op, struct location_number *ret)
{
	Dwarf_Die die;
	Dwarf_Attribute attr;
	Dwarf_Word encoding, bytes;
	Dwarf_Word offset = op->atom == DW_OP_convert || op->atom == DW_OP_reinterpret ||
					    op->atom == DW_OP_GNU_convert ||
					    op->atom == DW_OP_GNU_reinterpret
				    ? op->number
				    : 1;
	*ret = (struct location_number){ .v = 0 };
	if (!offset)
		return NULL;
	if (!m->attr || dwarf_getlocation_die(m->attr, op, &die) ||
		!dwarf_attr(&die, DW_AT_encoding, &attr) || dwarf_formudata(&attr, &encoding) ||
		!dwarf_attr(&die, DW_AT_byte_size, &attr) || dwarf_formudata(&attr, &bytes))
		return location_senseless(m, "names a type that is none");
	if (encoding == DW_ATE_float || encoding == DW_ATE_complex_float || !bytes || bytes > 8)
		return err_new(ERR_UNSUPPORTED, "floating point or a number of more than 64 bits");
	ret->bytes = (uint8_t)bytes;
	ret->is_signed = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
	return NULL;
}

int64_t location_signed(const struct location_machine *m, const struct location_number *n)
{
	return sign_extend(n->v, bits_of(m, n));
}

struct err *location_convert(struct location_machine *m, const Dwarf_Op *op)
{
	struct location_number from = { 0 }, to;
	struct err *err = location_pop(m, &from);
	if (!err)
		err = operand_type(m, op, &to);
	if (err)
		return err;
	to.v = from.is_signed ? (uint64_t)location_signed(m, &from) : from.v;
	return location_push_typed(m, to);
}

struct err *location_push_const_type(struct location_machine *m, const Dwarf_Op *op)
{
	struct location_number type;
	Dwarf_Attribute value;
	Dwarf_Block block;
	struct err *err = operand_type(m, op, &type);
	if (err)
		return err;
	if (dwarf_getlocation_attr(m->attr, op, &value) || dwarf_formblock(&value, &block) ||
		block.length != type.bytes)
		return location_senseless(m, "has a constant of another size than its type");
	type.v = load_uint(m->env->abi, block.data, type.bytes);
	return location_push_typed(m, type);
}

struct err *location_push_typed_load(struct location_machine *m, const Dwarf_Op *op)
{
	struct location_number type, address = { 0 };
	uint64_t v;
	struct err *err = operand_type(m, op, &type);
	if (err)
		return err;
	if (op->atom == DW_OP_regval_type || op->atom == DW_OP_GNU_regval_type) {
		err = location_read_register(m, op->number, &v);
		type.v = v;
		return err ? err : location_push_typed(m, type);
	}
	err = location_pop(m, &address);
	return err ? err : push_memory(m, address.v, op->number, type);
}

/* ---- arithmetic ----------------------------------------------- */

static struct err *divide(struct location_machine *m, unsigned atom,
	const struct location_number *a, const struct location_number *b, uint64_t *ret)
{
	if (!b->v)
		return location_senseless(m, "divides by zero");
	/* div is signed, mod is not, unless a type says so (DWARF 5, 2.5.1.4) */
	bool is_signed = a->bytes ? a->is_signed : atom == DW_OP_div;
	int64_t x = location_signed(m, a), y = location_signed(m, b);
	if (!is_signed)
		*ret = atom == DW_OP_div ? a->v / b->v : a->v % b->v;
	else if (y == -1)
		*ret = atom == DW_OP_div ? -(uint64_t)x : 0;
	else
		*ret = (uint64_t)(atom == DW_OP_div ? x / y : x % y);
	return NULL;
}

static uint64_t shift(const struct location_machine *m, unsigned atom,
	const struct location_number *a, uint64_t by)
{
	unsigned bits = bits_of(m, a);
	if (atom == DW_OP_shra)
		return (uint64_t)(location_signed(m, a) >> (by < bits ? by : bits - 1));
	if (by >= bits)
		return 0;
	return atom == DW_OP_shl ? a->v << by : a->v >> by;
}

/* Comparisons are signed unless a type says otherwise. */
static bool compare(const struct location_machine *m, unsigned atom,
	const struct location_number *a, const struct location_number *b)
{
	int64_t x = location_signed(m, a), y = location_signed(m, b);
	bool less = a->bytes && !a->is_signed ? a->v < b->v : x < y, same = a->v == b->v;
	switch (atom) {
	case DW_OP_eq:
		return same;
	case DW_OP_ne:
		return !same;
	case DW_OP_lt:
		return less;
	case DW_OP_le:
		return less || same;
	case DW_OP_gt:
		return !less && !same;
	default:
		return !less;
	}
}

struct err *location_binary(struct location_machine *m, unsigned atom)
{
	struct location_number a = { 0 }, b = { 0 };
	struct err *err = location_pop(m, &b);
	if (!err)
		err = location_pop(m, &a);
	if (err)
		return err;
	uint64_t v = a.v;
	switch (atom) {
	case DW_OP_and:
		a.v = v & b.v;
		break;
	case DW_OP_or:
		a.v = v | b.v;
		break;
	case DW_OP_xor:
		a.v = v ^ b.v;
		break;
	case DW_OP_plus:
		a.v = v + b.v;
		break;
	case DW_OP_minus:
		a.v = v - b.v;
		break;
	case DW_OP_mul:
		a.v = v * b.v;
		break;
	case DW_OP_div:
	case DW_OP_mod:
		err = divide(m, atom, &a, &b, &a.v);
		break;
	case DW_OP_shl:
	case DW_OP_shr:
	case DW_OP_shra:
		a.v = shift(m, atom, &a, b.v);
		break;
	default:
		a = (struct location_number){ .v = compare(m, atom, &a, &b) };
		break;
	}
	return err ? err : location_push_typed(m, a);
}

struct err *location_unary(struct location_machine *m, const Dwarf_Op *op)
{
	struct location_number a;
	struct err *err = location_pop(m, &a);
	if (err)
		return err;
	switch (op->atom) {
	case DW_OP_abs:
		a.v = location_signed(m, &a) < 0 && (a.is_signed || !a.bytes) ? -a.v : a.v;
		break;
	case DW_OP_neg:
		a.v = -a.v;
		break;
	case DW_OP_not:
		a.v = ~a.v;
		break;
	case DW_OP_plus_uconst:
		a.v += op->number;
		break;
	case DW_OP_deref:
		return push_memory(m, a.v, m->env->abi->word_bytes, (struct location_number){ 0 });
	case DW_OP_deref_size:
		if (op->number > m->env->abi->word_bytes)
			return location_senseless(m, "reads more than a word");
		return push_memory(m, a.v, op->number, (struct location_number){ 0 });
	default:
		return location_senseless(m, "has an unknown operation");
	}
	return location_push_typed(m, a);
}
