/*
 * From a location to the object's bytes, piece by piece and bit by bit; and from raw bytes to
 * operations, for expressions that no DIE holds.
 */
#include <dwarf.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/dwarf_bytes.h"
#include "analyzer/debug/dwarf_location.h"

/* ---- objects ----------------------------------------------- */

struct object {
	uint8_t *bytes, *known;
	uint64_t bits; /* of it */
	bool big_endian;
};

/* Bit 0 is the lowest of the first byte, on big-endian machines the highest. */
static unsigned mask_of(const struct object *o, uint64_t bit)
{
	return o->big_endian ? 0x80u >> bit % 8 : 1u << bit % 8;
}

static void copy_bits(
	struct object *o, uint64_t to, const uint8_t *from, uint64_t from_bit, uint64_t n)
{
	if (!(to % 8) && !(from_bit % 8) && !(n % 8)) {
		memcpy(o->bytes + to / 8, from + from_bit / 8, n / 8);
		memset(o->known + to / 8, 0xff, n / 8);
		return;
	}
	for (uint64_t i = 0; i < n; i++) {
		unsigned mask = mask_of(o, to + i);
		o->known[(to + i) / 8] |= (uint8_t)mask;
		if (from[(from_bit + i) / 8] & mask_of(o, from_bit + i))
			o->bytes[(to + i) / 8] |= (uint8_t)mask;
	}
}

/* @n bits of a number, from its lowest bit + @offset on. */
static void copy_number(struct object *o, const struct abi *abi, uint64_t to, uint64_t v,
	unsigned bytes, uint64_t offset, uint64_t n)
{
	uint8_t raw[8];
	uint64_t width = bytes * 8u;
	if (offset >= width)
		return;
	n = n < width - offset ? n : width - offset;
	for (unsigned i = 0; i < bytes; i++)
		raw[abi->big_endian ? bytes - 1 - i : i] = (uint8_t)(v >> (8 * i));
	copy_bits(o, to, raw, abi->big_endian ? width - offset - n : offset, n);
}

static struct err *copy_memory(const struct location_env *env, struct object *o, uint64_t to,
	const struct location_part *part, uint64_t n)
{
	uint8_t raw[256];
	uint64_t va = part->v + part->bit_offset / 8, first = part->bit_offset % 8;
	for (uint64_t done = 0; done < n;) {
		uint64_t bits = sizeof(raw) * 8 - first;
		bits = bits < n - done ? bits : n - done;
		size_t bytes = (size_t)((first + bits + 7) / 8);
		enum fault_kind k = env->read(env->cx, va, raw, bytes);
		if (k)
			return err_fault(k, va, "0x%llx", (unsigned long long)va);
		copy_bits(o, to + done, raw, first, bits);
		done += bits;
		va += (first + bits) / 8;
		first = (first + bits) % 8;
	}
	return NULL;
}

static struct err *copy_part(const struct location_env *env, struct object *o, uint64_t to,
	const struct location_part *part, uint64_t n)
{
	uint64_t v;
	switch (part->kind) {
	case PART_MEMORY:
		return copy_memory(env, o, to, part, n);
	case PART_REGISTER:
		if (part->v <= UINT16_MAX && env->reg(env->cx, (unsigned)part->v, &v))
			copy_number(o, env->abi, to, v, env->abi->word_bytes, part->bit_offset, n);
		return NULL;
	case PART_VALUE:
		copy_number(o, env->abi, to, part->v, 8, part->bit_offset, n);
		return NULL;
	case PART_BYTES:
		if (part->bit_offset < part->nbytes * 8) {
			uint64_t most = part->nbytes * 8 - part->bit_offset;
			copy_bits(o, to, part->bytes, part->bit_offset, n < most ? n : most);
		}
		return NULL;
	default:
		return NULL;
	}
}

struct err *location_load(const struct location_env *env, const struct location *l, size_t n,
	uint8_t *bytes, uint8_t *known)
{
	struct object o = { .bytes = bytes,
		.known = known,
		.bits = (uint64_t)n * 8,
		.big_endian = env->abi->big_endian };
	struct err *err = NULL;
	memset(bytes, 0, n);
	memset(known, 0, n);
	uint64_t at = 0;
	for (unsigned i = 0; !err && i < l->nparts && at < o.bits; i++) {
		const struct location_part *part = &l->part[i];
		uint64_t bits = part->bits && part->bits < o.bits - at ? part->bits : o.bits - at;
		err = copy_part(env, &o, at, part, bits);
		at += bits;
	}
	return err;
}

/* ---- raw bytes ----------------------------------------------- */

static bool parse_constant(struct dwarf_bytes *b, Dwarf_Op *op)
{
	unsigned atom = op->atom;
	if (atom == DW_OP_constu || atom == DW_OP_plus_uconst || atom == DW_OP_regx ||
		atom == DW_OP_piece)
		op->number = dwarf_uleb(b);
	else if (atom == DW_OP_consts || atom == DW_OP_fbreg)
		op->number = (Dwarf_Word)dwarf_sleb(b);
	else if (atom >= DW_OP_const1u && atom <= DW_OP_const8s)
		op->number = (atom - DW_OP_const1u) % 2
				     ? (Dwarf_Word)dwarf_sint(b, 1u << (atom - DW_OP_const1u) / 2)
				     : dwarf_uint(b, 1u << (atom - DW_OP_const1u) / 2);
	else if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31)
		op->number = (Dwarf_Word)dwarf_sleb(b);
	else
		return false;
	return true;
}

static bool parse_operation(struct dwarf_bytes *b, Dwarf_Op *op)
{
	if (parse_constant(b, op))
		return true;
	switch (op->atom) {
	case DW_OP_addr:
		op->number = dwarf_uint(b, b->abi->word_bytes);
		return true;
	case DW_OP_pick:
	case DW_OP_deref_size:
		op->number = dwarf_uint(b, 1);
		return true;
	case DW_OP_skip:
	case DW_OP_bra:
		op->number = (Dwarf_Word)dwarf_sint(b, 2);
		return true;
	case DW_OP_bregx:
		op->number = dwarf_uleb(b);
		op->number2 = (Dwarf_Word)dwarf_sleb(b);
		return true;
	case DW_OP_bit_piece:
		op->number = dwarf_uleb(b);
		op->number2 = dwarf_uleb(b);
		return true;
	case DW_OP_implicit_value:
		op->number = dwarf_uleb(b);
		op->number2 = (uintptr_t)dwarf_take(b, op->number);
		return true;
	case DW_OP_deref:
	case DW_OP_nop:
	case DW_OP_call_frame_cfa:
	case DW_OP_stack_value:
		return true;
	default: /* without operands, or with references to DIEs, which are none here */
		return (op->atom >= DW_OP_dup && op->atom <= DW_OP_ne) ||
		       (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_reg31);
	}
}

bool location_parse(const struct abi *abi, const uint8_t *bytes, size_t n, Dwarf_Op *out,
	size_t max, size_t *ret_n)
{
	struct dwarf_bytes b = { .at = bytes, .end = bytes + n, .abi = abi };
	size_t nops = 0;
	while (b.at < b.end && !b.bad) {
		if (nops == max)
			return false;
		Dwarf_Op *op = &out[nops++];
		*op = (Dwarf_Op){ .offset = (Dwarf_Word)(b.at - bytes) };
		op->atom = (uint8_t)dwarf_uint(&b, 1);
		if (!parse_operation(&b, op))
			return false;
	}
	*ret_n = nops;
	return !b.bad;
}
