/* Call frame information of any bytes, in both sections' formats: every entry's rows, applied to
 * registers. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/debug/cfi.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_vspace.h"
#include "tests/unit/tiny_dwarf.h"

enum { ENTRIES_MAX = 64, STEP = 5 };

bool vspace_try_word(struct vspace *vs, uint64_t va, uint64_t *ret)
{
	return vspace_try_uint(vs, va, vs->facts.abi.word_bytes, ret);
}

static void apply(const struct cfi_place *place, const struct cfi_row *row)
{
	struct regs regs = { 0 }, up;
	uint64_t cfa;
	for (unsigned i = 0; i <= place->arch->reg_pc; i++)
		if (i % 3)
			regs_set(&regs, i, 0x8000 + 8 * i);
	if (cfi_cfa(place, row, &regs, &cfa) && cfi_caller(place, row, &regs, cfa, &up) &&
		!regs_has(&up, place->arch->reg_pc))
		abort(); /* a caller without a place */
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n < 2)
		return 0;
	const struct arch *arch = p[0] & 1 ? &arch_arm : &arch_arm64;
	struct abi abi = arch->abi;
	abi.big_endian = p[0] & 4;
	struct vspace vs = { .nregions = 1, .region = { { 0x8000, n, p } } };
	vs.facts.abi = abi;
	const struct cfi_place place = { .arch = arch, .abi = &abi, .vs = &vs };
	const struct cfi_section s = { .bytes = p + 1, .n = n - 1, .va = 0x4000, .eh = p[0] & 2 };
	struct cfi *c = cfi_create(&abi, &s, 1);
	for (size_t i = 0; i < cfi_count(c) && i < ENTRIES_MAX; i++) {
		uint64_t start, end;
		struct cfi_row row;
		cfi_get(c, i, &start, &end);
		if (end <= start)
			abort();
		for (uint64_t at = 0; at < 64 && start + at < end; at += STEP)
			if (cfi_find(c, start + at, &row))
				apply(&place, &row);
		if (cfi_find(c, end - 1, &row) && (row.start > end - 1 || row.end < end))
			abort(); /* another entry's row */
	}
	cfi_destroy(c);
	return 0;
}

static void put_entry(struct tiny *t, const uint8_t *b, size_t n)
{
	put32(t, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		put8(t, b[i]);
}

void fuzz_seed(fuzz_add_fn add)
{
	static const uint8_t cie[] = { 0xff, 0xff, 0xff, 0xff, 1, 0, 4, 0x78, 30, DW_CFA_def_cfa,
		31, 0 };
	static const uint8_t fde[] = { 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0,
		0, 0, DW_CFA_advance_loc | 1, DW_CFA_def_cfa_offset, 32, DW_CFA_offset | 29, 4,
		DW_CFA_offset | 30, 3, DW_CFA_remember_state, DW_CFA_advance_loc1, 4,
		DW_CFA_restore | 29, DW_CFA_restore_state, DW_CFA_val_expression, 19, 3,
		DW_OP_breg31, 8, DW_OP_deref, DW_CFA_def_cfa_expression, 2, DW_OP_breg29, 0 };
	static const uint8_t eh_cie[] = { 0, 0, 0, 0, 1, 'z', 'P', 'L', 'R', 'S', 0, 2, 0x7c, 14, 7,
		0, 1, 2, 3, 4, 0, DW_EH_PE_pcrel | DW_EH_PE_sdata4, DW_CFA_def_cfa, 13, 0 };
	static const uint8_t eh_fde[] = { 33, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x20, 0, 0, 0, 1, 0,
		DW_CFA_advance_loc | 2, DW_CFA_offset | 14, 1, DW_CFA_register, 4, 5,
		DW_CFA_same_value, 6 };
	struct tiny t = { .n = 0 };
	put8(&t, 0);
	put_entry(&t, cie, sizeof(cie));
	put_entry(&t, fde, sizeof(fde));
	add(t.b, t.n);
	t.n = 0;
	put8(&t, 3);
	put_entry(&t, eh_cie, sizeof(eh_cie));
	put_entry(&t, eh_fde, sizeof(eh_fde));
	add(t.b, t.n);
}
