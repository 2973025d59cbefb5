/*
 * A unit of hand-made DWARF 5 with two functions: "caller" at 0x1000, which calls at 0x1010, and
 * "callee" at 0x2000 with every kind of variable, an inlined function and a block. arm64's
 * registers; the frame base is x29.
 */
#ifndef TESTS_UNIT_TINY_VARIABLES_H
#define TESTS_UNIT_TINY_VARIABLES_H

#include "tests/unit/tiny_dwarf.h"

enum {
	VARS_CALLER = 0x1000,
	VARS_RETURN = 0x1010,
	VARS_CALLEE = 0x2000,
	VARS_INLINED = 0x2040,
	VARS_BYTES = 0x100
};

static inline void put64(struct tiny *t, uint64_t v)
{
	put32(t, (uint32_t)v);
	put32(t, (uint32_t)(v >> 32));
}

/* An attribute of DW_FORM_exprloc. */
#define EXPR(t, ...)                                                                               \
	do {                                                                                       \
		const uint8_t expr_[] = { __VA_ARGS__ };                                           \
		put8(t, sizeof(expr_));                                                            \
		for (size_t expr_i = 0; expr_i < sizeof(expr_); expr_i++)                          \
			put8(t, expr_[expr_i]);                                                    \
	} while (0)

static inline void vars_abbrevs(struct tiny *ab)
{
	ABBREV(ab, 1, DW_TAG_compile_unit, 1, DW_AT_name, DW_FORM_string, DW_AT_low_pc,
		DW_FORM_addr, DW_AT_high_pc, DW_FORM_data4);
	ABBREV(ab, 2, DW_TAG_base_type, 0, DW_AT_name, DW_FORM_string, DW_AT_byte_size,
		DW_FORM_data1, DW_AT_encoding, DW_FORM_data1);
	ABBREV(ab, 3, DW_TAG_structure_type, 1, DW_AT_name, DW_FORM_string, DW_AT_byte_size,
		DW_FORM_data1);
	ABBREV(ab, 4, DW_TAG_member, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4,
		DW_AT_data_member_location, DW_FORM_data1);
	ABBREV(ab, 5, DW_TAG_subprogram, 1, DW_AT_name, DW_FORM_string, DW_AT_low_pc, DW_FORM_addr,
		DW_AT_high_pc, DW_FORM_data4, DW_AT_frame_base, DW_FORM_exprloc);
	ABBREV(ab, 6, DW_TAG_formal_parameter, 0, DW_AT_name, DW_FORM_string, DW_AT_type,
		DW_FORM_ref4, DW_AT_location, DW_FORM_exprloc);
	ABBREV(ab, 7, DW_TAG_variable, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4,
		DW_AT_location, DW_FORM_exprloc);
	ABBREV(ab, 8, DW_TAG_variable, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4,
		DW_AT_const_value, DW_FORM_data1);
	ABBREV(ab, 9, DW_TAG_variable, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4);
	ABBREV(ab, 10, DW_TAG_lexical_block, 1, DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc,
		DW_FORM_data4);
	ABBREV(ab, 11, DW_TAG_subprogram, 1, DW_AT_name, DW_FORM_string, DW_AT_inline,
		DW_FORM_data1);
	ABBREV(ab, 12, DW_TAG_formal_parameter, 0, DW_AT_name, DW_FORM_string, DW_AT_type,
		DW_FORM_ref4);
	ABBREV(ab, 13, DW_TAG_inlined_subroutine, 1, DW_AT_abstract_origin, DW_FORM_ref4,
		DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc, DW_FORM_data4);
	ABBREV(ab, 14, DW_TAG_formal_parameter, 0, DW_AT_abstract_origin, DW_FORM_ref4,
		DW_AT_location, DW_FORM_exprloc);
	ABBREV(ab, 15, DW_TAG_call_site, 1, DW_AT_call_return_pc, DW_FORM_addr, DW_AT_call_origin,
		DW_FORM_ref4);
	ABBREV(ab, 16, DW_TAG_call_site_parameter, 0, DW_AT_location, DW_FORM_exprloc,
		DW_AT_call_value, DW_FORM_exprloc);
	ABBREV(ab, 17, DW_TAG_variable, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4,
		DW_AT_const_value, DW_FORM_sdata);
	put8(ab, 0);
}

/* @called: whether the call site says that it called "callee", or another function. */
static inline void vars_callee(struct tiny *in, uint32_t t_int, uint32_t t_pair, uint32_t t_nest,
	uint32_t t_byte, uint32_t inlined, uint32_t parameter)
{
	put8(in, 5), puts0(in, "callee"), put64(in, VARS_CALLEE), put32(in, VARS_BYTES);
	EXPR(in, DW_OP_breg29, 0);
	put8(in, 6), puts0(in, "reg"), put32(in, t_int);
	EXPR(in, DW_OP_reg19);
	put8(in, 6), puts0(in, "entry"), put32(in, t_int);
	EXPR(in, DW_OP_entry_value, 1, DW_OP_reg0, DW_OP_stack_value);
	put8(in, 6), puts0(in, "unsaid"), put32(in, t_int);
	EXPR(in, DW_OP_entry_value, 1, DW_OP_reg2, DW_OP_stack_value);
	put8(in, 7), puts0(in, "place"), put32(in, t_int);
	EXPR(in, DW_OP_fbreg, 8);
	put8(in, 7), puts0(in, "pair"), put32(in, t_pair);
	EXPR(in, DW_OP_reg19, DW_OP_piece, 4, DW_OP_piece, 4);
	put8(in, 7), puts0(in, "nest"), put32(in, t_nest);
	EXPR(in, DW_OP_piece, 8, DW_OP_reg19, DW_OP_piece, 4);
	put8(in, 7), puts0(in, "lost"), put32(in, t_int);
	EXPR(in, DW_OP_reg0);
	put8(in, 7), puts0(in, "fault"), put32(in, t_int);
	EXPR(in, DW_OP_lit1, DW_OP_deref, DW_OP_stack_value);
	put8(in, 7), puts0(in, "typed"), put32(in, t_int);
	/* -8 as a signed byte, widened, and divided with its sign */
	EXPR(in, DW_OP_const1u, 0xf8, DW_OP_convert, (uint8_t)t_byte, DW_OP_convert, (uint8_t)t_int,
		DW_OP_lit4, DW_OP_convert, (uint8_t)t_int, DW_OP_div, DW_OP_stack_value);
	put8(in, 7), puts0(in, "bad"), put32(in, t_int);
	EXPR(in, DW_OP_plus);
	put8(in, 8), puts0(in, "large"), put32(in, t_int), put8(in, 0x80);
	put8(in, 17), puts0(in, "negative"), put32(in, t_int), put8(in, 0x7e);
	put8(in, 9), puts0(in, "gone"), put32(in, t_int);
	put8(in, 10), put64(in, VARS_INLINED), put32(in, 0x20);
	put8(in, 7), puts0(in, "inner"), put32(in, t_int);
	EXPR(in, DW_OP_lit7, DW_OP_stack_value);
	put8(in, 13), put32(in, inlined), put64(in, VARS_INLINED), put32(in, 0x10);
	put8(in, 14), put32(in, parameter);
	EXPR(in, DW_OP_breg19, 1, DW_OP_stack_value);
	put8(in, 0); /* of the inlined function */
	put8(in, 0); /* of the block */
	put8(in, 0);
}

static inline void vars_caller(struct tiny *in, uint32_t called)
{
	put8(in, 5), puts0(in, "caller"), put64(in, VARS_CALLER), put32(in, VARS_BYTES);
	EXPR(in, DW_OP_breg29, 0);
	put8(in, 10), put64(in, VARS_CALLER), put32(in, 0x40);
	put8(in, 15), put64(in, VARS_RETURN), put32(in, called);
	put8(in, 16);
	EXPR(in, DW_OP_reg1);
	EXPR(in, DW_OP_lit1);
	put8(in, 16);
	EXPR(in, DW_OP_reg0);
	EXPR(in, DW_OP_breg20, 2);
	put8(in, 0), put8(in, 0), put8(in, 0);
}

/* Writes the ELF file to @out (at least 16 KB); returns its size. */
static inline size_t tiny_variables(uint8_t *out, int calls_callee)
{
	struct tiny ab = { 0 }, in = { 0 };
	vars_abbrevs(&ab);
	put_unit_header(&in);
	put8(&in, 1), puts0(&in, "vars.c"), put64(&in, VARS_CALLER), put32(&in, 0x2000);
	uint32_t t_int = (uint32_t)in.n;
	put8(&in, 2), puts0(&in, "int"), put8(&in, 4), put8(&in, DW_ATE_signed);
	uint32_t t_byte = (uint32_t)in.n;
	put8(&in, 2), puts0(&in, "signed char"), put8(&in, 1), put8(&in, DW_ATE_signed_char);
	uint32_t t_pair = (uint32_t)in.n;
	put8(&in, 3), puts0(&in, "pair"), put8(&in, 8);
	put8(&in, 4), puts0(&in, "a"), put32(&in, t_int), put8(&in, 0);
	put8(&in, 4), puts0(&in, "b"), put32(&in, t_int), put8(&in, 4);
	put8(&in, 0);
	uint32_t t_nest = (uint32_t)in.n;
	put8(&in, 3), puts0(&in, "nest"), put8(&in, 12);
	put8(&in, 4), puts0(&in, "p"), put32(&in, t_pair), put8(&in, 0);
	put8(&in, 4), puts0(&in, "c"), put32(&in, t_int), put8(&in, 8);
	put8(&in, 0);
	uint32_t inlined = (uint32_t)in.n;
	put8(&in, 11), puts0(&in, "helper"), put8(&in, DW_INL_inlined);
	uint32_t parameter = (uint32_t)in.n;
	put8(&in, 12), puts0(&in, "arg"), put32(&in, t_int);
	put8(&in, 0);
	uint32_t callee = (uint32_t)in.n;
	vars_callee(&in, t_int, t_pair, t_nest, t_byte, inlined, parameter);
	vars_caller(&in, calls_callee ? callee : inlined);
	put8(&in, 0);
	return tiny_elf(&in, &ab, out);
}

#endif
