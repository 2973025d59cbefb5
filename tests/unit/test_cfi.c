/*
 * Call frame information: each instruction of its programs, both sections' formats, damaged
 * entries. Given an ELF file as argument the program prints the rows of the addresses on its
 * standard input, one a line in hexadecimal, as tests/truth/test_cfi.py compares them with
 * readelf's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/cfi.h"
#include "analyzer/debug/types_internal.h"
#include "tests/unit/tiny_dwarf.h"

static const struct abi abi64 = { .word_bytes = 8 }, abi32 = { .word_bytes = 4 };

/* ---- building ----------------------------------------------- */

static void put_n(struct tiny *t, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		put8(t, (unsigned)(v >> (8 * i)) & 0xff);
}

static void patch_length(struct tiny *t, size_t at)
{
	uint32_t n = (uint32_t)(t->n - at - 4);
	for (unsigned i = 0; i < 4; i++)
		t->b[at + i] = (uint8_t)(n >> (8 * i));
}

/* .debug_frame for an arm64-like machine: code alignment 4, data alignment -8, x30, CFA = sp + 0 */
static void put_cie(struct tiny *t)
{
	size_t at = t->n;
	put32(t, 0);
	put32(t, UINT32_MAX);
	put8(t, 1);
	put8(t, 0);
	put8(t, 4);
	put8(t, 0x78);
	put8(t, 30);
	put8(t, DW_CFA_def_cfa), put8(t, 31), put8(t, 0);
	put8(t, DW_CFA_same_value), put8(t, 16);
	patch_length(t, at);
}

static void put_fde(struct tiny *t, uint64_t start, uint64_t size, const uint8_t *program, size_t n)
{
	size_t at = t->n;
	put32(t, 0);
	put32(t, 0); /* the CIE at the section's start */
	put_n(t, start, 8);
	put_n(t, size, 8);
	for (size_t i = 0; i < n; i++)
		put8(t, program[i]);
	patch_length(t, at);
}

static struct cfi *table(const struct tiny *t)
{
	struct cfi_section s = { .bytes = t->b, .n = t->n };
	return cfi_create(&abi64, &s, 1);
}

/* The row @at bytes into a function at 0x1000 that has @program. */
static bool row_at(const uint8_t *program, size_t n, uint64_t at, struct cfi_row *ret)
{
	struct tiny t = { .n = 0 };
	put_cie(&t);
	put_fde(&t, 0x1000, 0x100, program, n);
	struct cfi *c = table(&t);
	bool found = cfi_find(c, 0x1000 + at, ret);
	cfi_destroy(c);
	/* The bytes are gone: only numbers may be looked at. */
	for (unsigned i = 0; found && i < ARCH_MAX_REGS; i++)
		ret->reg[i].expression = NULL;
	return found;
}

static void check_rule(const struct cfi_rule *r, enum cfi_how how, int64_t offset)
{
	assert_int_equal(r->how, how);
	assert_int_equal(r->offset, offset);
}

/* ---- tests ----------------------------------------------- */

static void a_prologue(void **state)
{
	(void)state;
	static const uint8_t program[] = { DW_CFA_advance_loc | 1, DW_CFA_def_cfa_offset, 32,
		DW_CFA_offset | 29, 4, DW_CFA_offset | 30, 3, DW_CFA_advance_loc | 2,
		DW_CFA_offset | 19, 2, DW_CFA_remember_state, DW_CFA_advance_loc | 3,
		DW_CFA_restore | 30, DW_CFA_restore | 29, DW_CFA_restore | 19,
		DW_CFA_def_cfa_offset, 0, DW_CFA_advance_loc | 1, DW_CFA_restore_state };
	struct cfi_row r;
	assert_true(row_at(program, sizeof(program), 3, &r));
	check_rule(&r.cfa, CFI_REGISTER, 0);
	assert_int_equal(r.cfa.reg, 31);
	check_rule(&r.reg[30], CFI_UNSPECIFIED, 0);
	assert_int_equal(r.return_column, 30);
	assert_true(r.start == 0x1000 && r.end == 0x1100 && !r.signal);
	assert_true(row_at(program, sizeof(program), 4, &r));
	check_rule(&r.cfa, CFI_REGISTER, 32);
	check_rule(&r.reg[29], CFI_OFFSET, -32);
	check_rule(&r.reg[30], CFI_OFFSET, -24);
	check_rule(&r.reg[19], CFI_UNSPECIFIED, 0);
	assert_true(row_at(program, sizeof(program), 12, &r));
	check_rule(&r.reg[19], CFI_OFFSET, -16);
	assert_true(row_at(program, sizeof(program), 24, &r));
	check_rule(&r.cfa, CFI_REGISTER, 0);
	check_rule(&r.reg[19], CFI_UNSPECIFIED, 0);
	assert_true(row_at(program, sizeof(program), 28, &r));
	check_rule(&r.cfa, CFI_REGISTER, 32);
	check_rule(&r.reg[19], CFI_OFFSET, -16);
	assert_true(row_at(program, sizeof(program), 0xff, &r));
	assert_false(row_at(program, sizeof(program), 0x100, &r));
}

static void each_instruction(void **state)
{
	(void)state;
	static const uint8_t program[] = { DW_CFA_def_cfa, 29, 16, DW_CFA_def_cfa_register, 28,
		DW_CFA_offset_extended, 20, 2, DW_CFA_offset_extended_sf, 21, 0x7f /* -1 */,
		DW_CFA_val_offset, 22, 3, DW_CFA_val_offset_sf, 23, 0x7e, DW_CFA_undefined, 24,
		DW_CFA_same_value, 25, DW_CFA_register, 26, 9, DW_CFA_GNU_negative_offset_extended,
		27, 1, DW_CFA_expression, 19, 1, DW_OP_dup, DW_CFA_val_expression, 18, 2,
		DW_OP_lit1, DW_OP_plus, DW_CFA_AARCH64_negate_ra_state, DW_CFA_GNU_args_size, 8,
		DW_CFA_nop,
		/* registers that struct regs has no place for */
		DW_CFA_offset_extended, 0x80, 2, 5, DW_CFA_register, 17, 0x80, 2,
		DW_CFA_advance_loc1, 1, DW_CFA_def_cfa_offset, 48, DW_CFA_advance_loc2, 1, 0,
		DW_CFA_def_cfa_offset_sf, 0x7e, DW_CFA_advance_loc4, 1, 0, 0, 0, DW_CFA_def_cfa_sf,
		5, 0x7f, DW_CFA_MIPS_advance_loc8, 1, 0, 0, 0, 0, 0, 0, 0, DW_CFA_restore_extended,
		20, DW_CFA_undefined, 16, DW_CFA_restore | 16, DW_CFA_def_cfa_expression, 1,
		DW_OP_dup };
	struct cfi_row r;
	assert_true(row_at(program, sizeof(program), 0, &r));
	check_rule(&r.cfa, CFI_REGISTER, 16);
	assert_int_equal(r.cfa.reg, 28);
	check_rule(&r.reg[20], CFI_OFFSET, -16);
	check_rule(&r.reg[21], CFI_OFFSET, 8);
	check_rule(&r.reg[22], CFI_VAL_OFFSET, -24);
	check_rule(&r.reg[23], CFI_VAL_OFFSET, 16);
	check_rule(&r.reg[24], CFI_UNDEFINED, 0);
	check_rule(&r.reg[25], CFI_SAME, 0);
	check_rule(&r.reg[26], CFI_REGISTER, 0);
	assert_int_equal(r.reg[26].reg, 9);
	check_rule(&r.reg[27], CFI_OFFSET, 8);
	check_rule(&r.reg[19], CFI_EXPRESSION, 0);
	assert_int_equal(r.reg[19].expression_bytes, 1);
	check_rule(&r.reg[18], CFI_VAL_EXPRESSION, 0);
	assert_int_equal(r.reg[18].expression_bytes, 2);
	check_rule(&r.reg[17], CFI_UNDEFINED, 0);
	assert_true(row_at(program, sizeof(program), 4, &r));
	check_rule(&r.cfa, CFI_REGISTER, 48);
	assert_true(row_at(program, sizeof(program), 8, &r));
	check_rule(&r.cfa, CFI_REGISTER, 16);
	assert_true(row_at(program, sizeof(program), 12, &r));
	check_rule(&r.cfa, CFI_REGISTER, 8);
	assert_int_equal(r.cfa.reg, 5);
	assert_true(row_at(program, sizeof(program), 16, &r));
	check_rule(&r.cfa, CFI_VAL_EXPRESSION, 0);
	check_rule(&r.reg[20], CFI_UNSPECIFIED, 0);
	check_rule(&r.reg[16], CFI_SAME, 0); /* as the CIE has it */
}

static void what_makes_no_sense(void **state)
{
	(void)state;
	static const uint8_t unknown[] = { DW_CFA_advance_loc | 1, 0x3f },
			     unsaved[] = { DW_CFA_restore_state },
			     cut[] = { DW_CFA_def_cfa_offset },
			     moved[] = { DW_CFA_set_loc, 0, 0x10, 0, 0, 0, 0, 0, 0 };
	uint8_t many[64];
	struct cfi_row r;
	assert_true(row_at(unknown, sizeof(unknown), 0, &r));
	assert_false(row_at(unknown, sizeof(unknown), 4, &r));
	assert_false(row_at(unsaved, sizeof(unsaved), 0, &r));
	assert_false(row_at(cut, sizeof(cut), 0, &r));
	assert_false(row_at(moved, sizeof(moved), 0, &r));
	memset(many, DW_CFA_remember_state, sizeof(many));
	assert_true(row_at(many, 8, 0, &r));
	assert_false(row_at(many, 9, 0, &r));
}

static void the_right_entry(void **state)
{
	(void)state;
	struct tiny t = { .n = 0 };
	static const uint8_t a[] = { DW_CFA_def_cfa_offset, 1 }, b[] = { DW_CFA_def_cfa_offset, 2 };
	uint64_t start, end;
	put_cie(&t);
	put_fde(&t, 0x3000, 0x10, b, sizeof(b));
	put_fde(&t, 0, 0x10, a, sizeof(a)); /* the linker dropped it */
	put_fde(&t, 0x5000, 0, a, sizeof(a));
	put_fde(&t, 0x2000, 0x10, a, sizeof(a));
	put_fde(&t, UINT64_MAX - 4, 0x10, a, sizeof(a)); /* runs around the end */
	size_t whole = t.n;
	put_fde(&t, 0x4000, 0x10, a, sizeof(a));
	t.n -= 3; /* cut */
	struct cfi *c = table(&t);
	struct cfi_row r;
	assert_int_equal(cfi_count(c), 2);
	cfi_get(c, 0, &start, &end);
	assert_true(start == 0x2000 && end == 0x2010);
	assert_true(cfi_find(c, 0x200f, &r) && r.cfa.offset == 1);
	assert_true(cfi_find(c, 0x3000, &r) && r.cfa.offset == 2);
	assert_false(cfi_find(c, 0x1fff, &r) || cfi_find(c, 0x2010, &r) ||
		     cfi_find(c, 0x3010, &r) || cfi_find(c, 0x4000, &r) ||
		     cfi_find(c, UINT64_MAX, &r) || cfi_find(c, 0, &r));
	cfi_destroy(c);
	/* An entry whose CIE is itself an entry, or nowhere. */
	t.n = whole;
	t.b[4] = 0;
	c = table(&t);
	assert_int_equal(cfi_count(c), 0);
	cfi_destroy(c);
}

/* .eh_frame of 32 bits: relative addresses, augmentation data, ids that count back */
static void eh_frame(void **state)
{
	(void)state;
	struct tiny t = { .n = 0 };
	put32(&t, 0);
	put32(&t, 0);
	put8(&t, 1);
	puts0(&t, "zPLRS");
	put8(&t, 2), put8(&t, 0x7c), put8(&t, 14);
	put8(&t, 7); /* augmentation data */
	put8(&t, DW_EH_PE_absptr), put32(&t, 0x1234), put8(&t, DW_EH_PE_absptr);
	put8(&t, DW_EH_PE_pcrel | DW_EH_PE_sdata4);
	put8(&t, DW_CFA_def_cfa), put8(&t, 13), put8(&t, 0);
	patch_length(&t, 0);
	size_t at = t.n;
	put32(&t, 0);
	put32(&t, (uint32_t)t.n);
	put32(&t, (uint32_t)-0x100); /* 0x100 before this word */
	put32(&t, 0x20);
	put8(&t, 1), put8(&t, 0); /* augmentation data that nobody needs */
	put8(&t, DW_CFA_advance_loc | 4), put8(&t, DW_CFA_offset | 14), put8(&t, 1);
	patch_length(&t, at);
	put32(&t, 0); /* the end */
	struct cfi_section s = { .bytes = t.b, .n = t.n, .va = 0x8000, .eh = true };
	struct cfi *c = cfi_create(&abi32, &s, 1);
	struct cfi_row r;
	uint64_t start = 0x8000 + at + 8 - 0x100;
	assert_int_equal(cfi_count(c), 1);
	assert_true(cfi_find(c, start + 8, &r) && r.signal && r.start == start);
	check_rule(&r.reg[14], CFI_OFFSET, -4);
	assert_true(cfi_find(c, start + 7, &r));
	check_rule(&r.reg[14], CFI_UNSPECIFIED, 0);
	cfi_destroy(c);
}

/* ---- rows for the comparison with readelf ----------------------------------------------- */

static void print_rule(const char *name, unsigned i, const struct cfi_rule *r)
{
	if (r->how == CFI_OFFSET)
		printf(" %s%u=c%+" PRId64, name, i, r->offset);
	else if (r->how == CFI_VAL_OFFSET)
		printf(" %s%u=v%+" PRId64, name, i, r->offset);
	else if (r->how == CFI_REGISTER)
		printf(" %s%u=r%u", name, i, r->reg);
	else if (r->how == CFI_SAME)
		printf(" %s%u=s", name, i);
	else if (r->how != CFI_UNSPECIFIED && r->how != CFI_UNDEFINED)
		printf(" %s%u=exp", name, i);
}

static int print_rows(const char *path, unsigned word_bytes)
{
	const struct abi abi = { .word_bytes = (uint8_t)word_bytes };
	struct types *db = types_create(&abi);
	scoped_fd int fd = open(path, O_RDONLY);
	scoped_err struct err *err = types_add_dwarf(db, fd, path);
	uint64_t va;
	while (!err && scanf("%" SCNx64, &va) == 1) {
		struct cfi_row r;
		if (!types_cfi(db, va, false, &r)) {
			printf("%" PRIx64 " none\n", va);
			continue;
		}
		printf("%" PRIx64 " %u%+" PRId64, va, r.cfa.reg, r.cfa.offset);
		for (unsigned i = 0; i < ARCH_MAX_REGS; i++)
			print_rule("", i, &r.reg[i]);
		putchar('\n');
	}
	types_destroy(db);
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prologue),
		cmocka_unit_test(each_instruction),
		cmocka_unit_test(what_makes_no_sense),
		cmocka_unit_test(the_right_entry),
		cmocka_unit_test(eh_frame),
	};
	if (argc == 3)
		return print_rows(argv[1], (unsigned)strtoul(argv[2], NULL, 10));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
