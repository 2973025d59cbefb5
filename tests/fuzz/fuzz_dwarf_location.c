/*
 * Location expressions of any bytes: they end, and an object made of them has no bit that is known
 * without being there.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/debug/dwarf_location.h"
#include "tests/fuzz/fuzz.h"

enum { OPS_MAX = 512, HEADER = 4, OBJECT_MAX = 64 };

static unsigned seed;

static bool reg(void *cx, unsigned n, uint64_t *ret)
{
	(void)cx;
	*ret = n * 0x101010101010101u + seed;
	return n % 5 != 4;
}

static enum fault_kind read_memory(void *cx, uint64_t va, void *buf, size_t n)
{
	(void)cx;
	memset(buf, (int)va, n);
	return va % 7 == 6 ? FAULT_UNMAPPED : FAULT_NONE;
}

static struct err *frame_base(void *cx, unsigned nesting, uint64_t *ret)
{
	(void)cx, (void)nesting;
	*ret = 0x1000;
	return NULL;
}

static struct err *entry_value(
	void *cx, unsigned nesting, Dwarf_Attribute *attr, const Dwarf_Op *op, uint64_t *ret)
{
	(void)cx, (void)nesting, (void)attr, (void)op, (void)ret;
	abort(); /* there is no DIE that could have one */
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	Dwarf_Op op[OPS_MAX];
	size_t nops;
	struct location l;
	uint8_t bytes[OBJECT_MAX], known[OBJECT_MAX];
	if (n < HEADER)
		return 0;
	const struct abi abi = { .word_bytes = p[0] & 1 ? 4 : 8, .big_endian = p[0] & 2 };
	const struct location_env env = { .abi = &abi,
		.reg = reg,
		.read = read_memory,
		.frame_base = frame_base,
		.entry_value = entry_value };
	uint64_t first = p[1], v;
	size_t size = 1 + p[2] % OBJECT_MAX;
	seed = p[3];
	if (!location_parse(&abi, p + HEADER, n - HEADER, op, OPS_MAX, &nops))
		return 0;
	struct err *err = location_evaluate(&env, NULL, op, nops, p[0] & 4 ? &first : NULL, &l);
	if (!err && (!l.nparts || l.nparts > LOCATION_PARTS_MAX))
		abort();
	if (!err)
		err = location_load(&env, &l, size, bytes, known);
	for (size_t i = 0; !err && i < size; i++)
		if (bytes[i] & ~known[i])
			abort();
	err_drop(err);
	err_drop(location_number(&env, NULL, op, nops, &first, &v));
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	static const uint8_t frame[] = { 0, 0, 7, 0, DW_OP_fbreg, 0x70, DW_OP_deref,
		DW_OP_stack_value };
	static const uint8_t parts[] = { 1, 0, 15, 0, DW_OP_reg3, DW_OP_piece, 4, DW_OP_piece, 2,
		DW_OP_breg7, 8, DW_OP_bit_piece, 12, 4, DW_OP_implicit_value, 2, 1, 2, DW_OP_piece,
		2 };
	static const uint8_t loop[] = { 2, 0, 7, 0, DW_OP_lit3, DW_OP_lit1, DW_OP_minus, DW_OP_dup,
		DW_OP_bra, 0xfa, 0xff, DW_OP_const4u, 1, 2, 3, 4, DW_OP_rot, DW_OP_div, DW_OP_shl };
	add(frame, sizeof(frame));
	add(parts, sizeof(parts));
	add(loop, sizeof(loop));
}
