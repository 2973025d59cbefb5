/* Location expressions: every operation that stands on its own, both word sizes and byte orders,
 * pieces, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/dwarf_location.h"

enum { MEMORY = 0x1000, LOST_REGISTER = 7, OPS_MAX = 256 };

static const struct abi le64 = { .word_bytes = 8 }, le32 = { .word_bytes = 4 },
			be32 = { .word_bytes = 4, .big_endian = true };
static uint8_t memory[64];

/* Register n holds 0x1000 + 16 n, register 20 more than 32 bits. */
static bool reg(void *cx, unsigned n, uint64_t *ret)
{
	(void)cx;
	if (n == LOST_REGISTER || n > 40)
		return false;
	*ret = n == 20 ? 0x1122334455667788 : MEMORY + 16 * n;
	return true;
}

static enum fault_kind read_memory(void *cx, uint64_t va, void *buf, size_t n)
{
	(void)cx;
	if (va < MEMORY || !range_inside(va - MEMORY, n, sizeof(memory)))
		return FAULT_EXCLUDED;
	memcpy(buf, memory + (va - MEMORY), n);
	return FAULT_NONE;
}

static struct err *frame_base(void *cx, unsigned nesting, uint64_t *ret)
{
	(void)cx;
	assert_int_equal(nesting, 1);
	*ret = 0x5000;
	return NULL;
}

static struct err *cfa(void *cx, uint64_t *ret)
{
	(void)cx;
	*ret = 0x6000;
	return NULL;
}

static struct location_env env_of(const struct abi *abi)
{
	return (struct location_env){ .abi = abi,
		.slide = 0x100000,
		.reg = reg,
		.read = read_memory,
		.frame_base = frame_base,
		.cfa = cfa };
}

static struct err *evaluate(const struct abi *abi, const uint8_t *b, size_t n, struct location *ret)
{
	Dwarf_Op op[OPS_MAX];
	size_t nops;
	struct location_env env = env_of(abi);
	if (!location_parse(abi, b, n, op, OPS_MAX, &nops))
		return err_new(ERR_USAGE, "not parsed");
	return location_evaluate(&env, NULL, op, nops, NULL, ret);
}

static struct err *number(
	const struct abi *abi, const uint8_t *b, size_t n, const uint64_t *first, uint64_t *ret)
{
	Dwarf_Op op[OPS_MAX];
	size_t nops;
	struct location_env env = env_of(abi);
	if (!location_parse(abi, b, n, op, OPS_MAX, &nops))
		return err_new(ERR_USAGE, "not parsed");
	return location_number(&env, NULL, op, nops, first, ret);
}

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static void gives(const struct abi *abi, uint64_t want, const uint8_t *b, size_t n)
{
	uint64_t v = ~want;
	struct err *err = number(abi, b, n, NULL, &v);
	if (err)
		fail_msg("0x%x…: %s", b[0], err->msg);
	if (v != want)
		fail_msg("0x%x…: 0x%llx, wanted 0x%llx", b[0], (unsigned long long)v,
			(unsigned long long)want);
}

static void fails(enum err_code code, const uint8_t *b, size_t n)
{
	struct location l;
	scoped_err struct err *err = evaluate(&le64, b, n, &l);
	assert_non_null(err);
	assert_int_equal(err->code, code);
}

/* ---- numbers ----------------------------------------------- */

static void constants(void **state)
{
	(void)state;
	gives(&le64, 0, BYTES(DW_OP_lit0));
	gives(&le64, 31, BYTES(DW_OP_lit31));
	gives(&le64, 0xff, BYTES(DW_OP_const1u, 0xff));
	gives(&le64, UINT64_MAX, BYTES(DW_OP_const1s, 0xff));
	gives(&le32, UINT32_MAX, BYTES(DW_OP_const1s, 0xff));
	gives(&le64, 0x8001, BYTES(DW_OP_const2u, 1, 0x80));
	gives(&be32, 0x180, BYTES(DW_OP_const2u, 1, 0x80));
	gives(&le64, 0xffffffffffff8001, BYTES(DW_OP_const2s, 1, 0x80));
	gives(&le64, 0x80000001, BYTES(DW_OP_const4u, 1, 0, 0, 0x80));
	gives(&le64, 0xffffffff80000001, BYTES(DW_OP_const4s, 1, 0, 0, 0x80));
	gives(&le64, 0x8000000000000001, BYTES(DW_OP_const8u, 1, 0, 0, 0, 0, 0, 0, 0x80));
	gives(&le64, 0x8000000000000001, BYTES(DW_OP_const8s, 1, 0, 0, 0, 0, 0, 0, 0x80));
	gives(&le64, 0x4001, BYTES(DW_OP_constu, 0x81, 0x80, 1));
	gives(&le64, (uint64_t)-2, BYTES(DW_OP_consts, 0x7e));
	gives(&le64, (uint64_t)-0x1000, BYTES(DW_OP_consts, 0x80, 0x60));
	gives(&le64, 0x101000, BYTES(DW_OP_addr, 0, 0x10, 0, 0, 0, 0, 0, 0)); /* with the slide */
	gives(&le32, 0x101000, BYTES(DW_OP_addr, 0, 0x10, 0, 0));
}

static void registers_and_frames(void **state)
{
	(void)state;
	gives(&le64, 0x1020, BYTES(DW_OP_reg2));
	gives(&le64, 0x1021, BYTES(DW_OP_breg2, 1));
	gives(&le64, 0x101f, BYTES(DW_OP_breg2, 0x7f));
	gives(&le64, 0x1240, BYTES(DW_OP_regx, 36));
	gives(&le64, 0x123e, BYTES(DW_OP_bregx, 36, 0x7e));
	gives(&le64, 0x4ff8, BYTES(DW_OP_fbreg, 0x78));
	gives(&le64, 0x6000, BYTES(DW_OP_call_frame_cfa));
	fails(ERR_MISSING, BYTES(DW_OP_breg0 + LOST_REGISTER, 0));
	fails(ERR_MISSING, BYTES(DW_OP_bregx, 0x80, 2, 0));
	/* A register as place is none while it is only a place. */
	struct location l;
	assert_null(evaluate(&le64, BYTES(DW_OP_reg0 + LOST_REGISTER), &l));
	assert_true(
		l.nparts == 1 && l.part[0].kind == PART_REGISTER && l.part[0].v == LOST_REGISTER);
}

static void arithmetic(void **state)
{
	(void)state;
	gives(&le64, 5, BYTES(DW_OP_const1s, 0xfb, DW_OP_abs));
	gives(&le64, 4, BYTES(DW_OP_lit5, DW_OP_lit12, DW_OP_and));
	gives(&le64, (uint64_t)-3, BYTES(DW_OP_const1s, 0xf9, DW_OP_lit2, DW_OP_div));
	gives(&le32, (uint32_t)-3, BYTES(DW_OP_const1s, 0xf9, DW_OP_lit2, DW_OP_div));
	gives(&le64, 1ull << 63,
		BYTES(DW_OP_const8u, 0, 0, 0, 0, 0, 0, 0, 0x80, DW_OP_const1s, 0xff, DW_OP_div));
	gives(&le64, 3, BYTES(DW_OP_lit10, DW_OP_lit7, DW_OP_minus));
	gives(&le32, UINT32_MAX, BYTES(DW_OP_lit7, DW_OP_lit8, DW_OP_minus));
	gives(&le64, 1, BYTES(DW_OP_const1s, 0xff, DW_OP_lit2, DW_OP_mod)); /* mod has no sign */
	gives(&le64, 21, BYTES(DW_OP_lit7, DW_OP_lit3, DW_OP_mul));
	gives(&le64, (uint64_t)-7, BYTES(DW_OP_lit7, DW_OP_neg));
	gives(&le32, 0xfffffff8, BYTES(DW_OP_lit7, DW_OP_not));
	gives(&le64, 7, BYTES(DW_OP_lit5, DW_OP_lit3, DW_OP_or));
	gives(&le64, 8, BYTES(DW_OP_lit5, DW_OP_lit3, DW_OP_plus));
	gives(&le64, 133, BYTES(DW_OP_lit5, DW_OP_plus_uconst, 0x80, 1));
	gives(&le64, 40, BYTES(DW_OP_lit5, DW_OP_lit3, DW_OP_shl));
	gives(&le32, 0, BYTES(DW_OP_lit5, DW_OP_const1u, 32, DW_OP_shl));
	gives(&le64, 0x0fffffffffffffff, BYTES(DW_OP_const1s, 0xff, DW_OP_lit4, DW_OP_shr));
	gives(&le64, UINT64_MAX, BYTES(DW_OP_const1s, 0xf0, DW_OP_lit4, DW_OP_shra));
	gives(&le32, UINT32_MAX, BYTES(DW_OP_const1s, 0xf0, DW_OP_const1u, 99, DW_OP_shra));
	gives(&le64, 6, BYTES(DW_OP_lit5, DW_OP_lit3, DW_OP_xor));
	fails(ERR_FORMAT, BYTES(DW_OP_lit5, DW_OP_lit0, DW_OP_div));
	fails(ERR_FORMAT, BYTES(DW_OP_lit5, DW_OP_lit0, DW_OP_mod));
	fails(ERR_FORMAT, BYTES(DW_OP_lit5, DW_OP_plus));
}

static void comparisons(void **state)
{
	(void)state;
	static const struct {
		uint8_t op, less, same, more;
	} t[] = { { DW_OP_eq, 0, 1, 0 }, { DW_OP_ne, 1, 0, 1 }, { DW_OP_lt, 1, 0, 0 },
		{ DW_OP_le, 1, 1, 0 }, { DW_OP_gt, 0, 0, 1 }, { DW_OP_ge, 0, 1, 1 } };
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		gives(&le64, t[i].less, BYTES(DW_OP_const1s, 0xff, DW_OP_lit1, t[i].op));
		gives(&le32, t[i].less, BYTES(DW_OP_const1s, 0xff, DW_OP_lit1, t[i].op));
		gives(&le64, t[i].same, BYTES(DW_OP_lit9, DW_OP_lit9, t[i].op));
		gives(&le64, t[i].more, BYTES(DW_OP_lit9, DW_OP_lit8, t[i].op));
	}
}

static void stack_and_jumps(void **state)
{
	(void)state;
	gives(&le64, 10, BYTES(DW_OP_lit5, DW_OP_dup, DW_OP_plus));
	gives(&le64, 5, BYTES(DW_OP_lit5, DW_OP_lit6, DW_OP_drop));
	gives(&le64, 1, BYTES(DW_OP_lit5, DW_OP_lit6, DW_OP_over, DW_OP_minus));
	gives(&le64, 3, BYTES(DW_OP_lit3, DW_OP_lit6, DW_OP_lit9, DW_OP_pick, 2));
	gives(&le64, 1, BYTES(DW_OP_lit5, DW_OP_lit6, DW_OP_swap, DW_OP_minus));
	/* 1 2 3 becomes 3 1 2 */
	gives(&le64, 2, BYTES(DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot));
	gives(&le64, 1, BYTES(DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot, DW_OP_drop));
	gives(&le64, 3,
		BYTES(DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot, DW_OP_drop, DW_OP_drop));
	gives(&le64, 4, BYTES(DW_OP_lit4, DW_OP_nop, DW_OP_skip, 1, 0, DW_OP_neg));
	gives(&le64, 4, BYTES(DW_OP_lit4, DW_OP_lit1, DW_OP_bra, 1, 0, DW_OP_neg, DW_OP_nop));
	gives(&le64, (uint64_t)-4, BYTES(DW_OP_lit4, DW_OP_lit0, DW_OP_bra, 1, 0, DW_OP_neg));
	/* a loop: 3 to 0 */
	gives(&le64, 0,
		BYTES(DW_OP_lit3, DW_OP_lit1, DW_OP_minus, DW_OP_dup, DW_OP_bra, 0xfa, 0xff));
	fails(ERR_FORMAT, BYTES(DW_OP_lit4, DW_OP_skip, 1, 0, DW_OP_const2u, 1, 1, DW_OP_nop));
	fails(ERR_LIMIT, BYTES(DW_OP_lit4, DW_OP_skip, 0xfd, 0xff));
	fails(ERR_FORMAT, BYTES(DW_OP_lit4, DW_OP_dup, DW_OP_skip, 0xfc, 0xff)); /* overflows */
	fails(ERR_FORMAT, BYTES(DW_OP_swap));
	fails(ERR_FORMAT, BYTES(DW_OP_lit1, DW_OP_swap));
	fails(ERR_FORMAT, BYTES(DW_OP_lit1, DW_OP_lit1, DW_OP_rot));
	fails(ERR_FORMAT, BYTES(DW_OP_lit1, DW_OP_pick, 1));
	fails(ERR_FORMAT, BYTES(DW_OP_lit1, DW_OP_pick, 0xff));
	fails(ERR_FORMAT, BYTES(DW_OP_drop));
}

static void memory_reads(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(memory); i++)
		memory[i] = (uint8_t)(i + 1);
	gives(&le64, 0x0807060504030201, BYTES(DW_OP_breg0, 0, DW_OP_deref));
	gives(&le32, 0x04030201, BYTES(DW_OP_breg0, 0, DW_OP_deref));
	gives(&be32, 0x01020304, BYTES(DW_OP_breg0, 0, DW_OP_deref));
	gives(&le64, 0x0201, BYTES(DW_OP_breg0, 0, DW_OP_deref_size, 2));
	fails(ERR_FORMAT, BYTES(DW_OP_breg0, 0, DW_OP_deref_size, 9));
	fails(ERR_FORMAT, BYTES(DW_OP_breg0, 0, DW_OP_deref_size, 0));
	fails(ERR_FAULT, BYTES(DW_OP_lit1, DW_OP_deref));
	fails(ERR_FAULT, BYTES(DW_OP_breg0, 60, DW_OP_deref));
	uint64_t v, first = 0x1008;
	assert_null(number(&le64, BYTES(DW_OP_deref_size, 1), &first, &v));
	assert_int_equal(v, 9);
}

/* ---- places ----------------------------------------------- */

static void loads(
	const struct abi *abi, const uint8_t *b, size_t n, const char *want, const char *known)
{
	struct location l;
	struct location_env env = env_of(abi);
	uint8_t got[16], have[16];
	size_t size = strlen(want) / 2;
	char hex[40], mask[40];
	struct err *err = evaluate(abi, b, n, &l);
	if (!err)
		err = location_load(&env, &l, size, got, have);
	if (err)
		fail_msg("0x%x…: %s", b[0], err->msg);
	for (size_t i = 0; i < size; i++) {
		snprintf(hex + 2 * i, 3, "%02x", got[i]);
		snprintf(mask + 2 * i, 3, "%02x", have[i]);
	}
	assert_string_equal(hex, want);
	assert_string_equal(mask, known);
}

static void whole_objects(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(memory); i++)
		memory[i] = (uint8_t)(i + 1);
	loads(&le64, BYTES(DW_OP_reg20), "88776655", "ffffffff");
	loads(&le64, BYTES(DW_OP_reg0 + LOST_REGISTER), "0000", "0000");
	/* A register is no wider than it is. */
	loads(&le32, BYTES(DW_OP_reg20), "8877665500000000", "ffffffff00000000");
	loads(&be32, BYTES(DW_OP_reg20), "7788", "ffff");
	loads(&be32, BYTES(DW_OP_reg20), "55667788", "ffffffff");
	loads(&le64, BYTES(DW_OP_breg0, 2), "030405", "ffffff");
	loads(&le64, BYTES(DW_OP_const2u, 0x34, 0x12, DW_OP_stack_value), "34120000", "ffffffff");
	loads(&be32, BYTES(DW_OP_const2u, 0x12, 0x34, DW_OP_stack_value), "00001234", "ffffffff");
	loads(&le64, BYTES(DW_OP_implicit_value, 3, 0xaa, 0xbb, 0xcc), "aabbcc00", "ffffff00");
	loads(&le64, BYTES(DW_OP_implicit_value, 3, 0xaa, 0xbb, 0xcc), "aabb", "ffff");
	struct location l;
	assert_null(evaluate(&le64, NULL, 0, &l));
	assert_true(l.nparts == 1 && l.part[0].kind == PART_ABSENT);
	assert_null(evaluate(&le64, BYTES(DW_OP_fbreg, 8), &l));
	assert_true(l.nparts == 1 && l.part[0].kind == PART_MEMORY && l.part[0].v == 0x5008 &&
		    !l.part[0].bits);
	fails(ERR_FORMAT, BYTES(DW_OP_reg1, DW_OP_reg2));
	fails(ERR_FORMAT, BYTES(DW_OP_reg1, DW_OP_lit2));
	fails(ERR_FORMAT, BYTES(DW_OP_stack_value));
}

static void pieces(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(memory); i++)
		memory[i] = (uint8_t)(i + 1);
	loads(&le64,
		BYTES(DW_OP_reg20, DW_OP_piece, 2, DW_OP_piece, 1, DW_OP_breg0, 4, DW_OP_piece, 2),
		"8877000506", "ffff00ffff");
	loads(&le64,
		BYTES(DW_OP_lit5, DW_OP_stack_value, DW_OP_piece, 4, DW_OP_lit6, DW_OP_stack_value,
			DW_OP_piece, 4),
		"0500000006000000", "ffffffffffffffff");
	/* the second describes more than the object has */
	loads(&le64, BYTES(DW_OP_reg20, DW_OP_piece, 1, DW_OP_reg20, DW_OP_piece, 8), "8888",
		"ffff");
	/* fewer than it has: the rest is not there */
	loads(&le64, BYTES(DW_OP_reg20, DW_OP_piece, 1), "880000", "ff0000");
	/* 4 bits from bit 4 of 0x88, then 8 bits from bit 0 of 0x88 */
	loads(&le64, BYTES(DW_OP_reg20, DW_OP_bit_piece, 4, 4, DW_OP_reg20, DW_OP_bit_piece, 8, 0),
		"8808", "ff0f");
	/* from memory 0x02 0x03, bits 4 to 11: 0x30 */
	loads(&le64, BYTES(DW_OP_breg0, 1, DW_OP_bit_piece, 8, 4), "30", "ff");
	fails(ERR_FORMAT, BYTES(DW_OP_reg1, DW_OP_piece, 0));
	fails(ERR_FORMAT, BYTES(DW_OP_reg1, DW_OP_bit_piece, 0, 0));
	fails(ERR_FORMAT, BYTES(DW_OP_reg1, DW_OP_piece, 0xff, 0xff, 0xff, 0x7f));
	fails(ERR_FORMAT, BYTES(DW_OP_reg1, DW_OP_piece, 4, DW_OP_reg2));
	uint8_t many[2 * (LOCATION_PARTS_MAX + 1)];
	for (size_t i = 0; i < sizeof(many); i += 2)
		many[i] = DW_OP_piece, many[i + 1] = 1;
	struct location l;
	assert_null(evaluate(&le64, many, sizeof(many) - 2, &l));
	assert_int_equal(l.nparts, LOCATION_PARTS_MAX);
	fails(ERR_FORMAT, many, sizeof(many));
	/* a fault of one piece is told */
	uint8_t got[4], have[4];
	struct location_env env = env_of(&le64);
	assert_null(evaluate(&le64, BYTES(DW_OP_lit1, DW_OP_piece, 4), &l));
	scoped_err struct err *err = location_load(&env, &l, 4, got, have);
	assert_true(
		err && err->code == ERR_FAULT && err->fault == FAULT_EXCLUDED && err->addr == 1);
}

static void not_for_here(void **state)
{
	(void)state;
	struct location_env env = env_of(&le64);
	struct location l;
	static const uint8_t refused[] = { DW_OP_call2, DW_OP_entry_value, DW_OP_convert,
		DW_OP_addrx, DW_OP_form_tls_address, 0xff, 0x01 };
	for (size_t i = 0; i < sizeof(refused); i++)
		fails(ERR_USAGE, &refused[i], 1);
	fails(ERR_USAGE, BYTES(DW_OP_const4u, 1, 2));
	fails(ERR_USAGE, BYTES(DW_OP_implicit_value, 4, 1));
	/* Operations of a DIE without one, and a frame that is not there. */
	const Dwarf_Op entry = { .atom = DW_OP_entry_value }, call = { .atom = DW_OP_call4 },
		       fb = { .atom = DW_OP_fbreg }, tls = { .atom = DW_OP_form_tls_address };
	env.frame_base = NULL;
	scoped_err struct err *a = location_evaluate(&env, NULL, &entry, 1, NULL, &l);
	scoped_err struct err *b = location_evaluate(&env, NULL, &call, 1, NULL, &l);
	scoped_err struct err *c = location_evaluate(&env, NULL, &fb, 1, NULL, &l);
	scoped_err struct err *d = location_evaluate(&env, NULL, &tls, 1, NULL, &l);
	assert_true(a && a->code == ERR_MISSING && b && b->code == ERR_FORMAT && c &&
		    c->code == ERR_MISSING && d && d->code == ERR_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants),
		cmocka_unit_test(registers_and_frames),
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(comparisons),
		cmocka_unit_test(stack_and_jumps),
		cmocka_unit_test(memory_reads),
		cmocka_unit_test(whole_objects),
		cmocka_unit_test(pieces),
		cmocka_unit_test(not_for_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
