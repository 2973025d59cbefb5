/*
 * The one place that names the architectures, and the short walk that their layout finders use for
 * their proofs. Knows no descriptor format: those are behind paging->decode.
 */
#include "arch/arch.h"

#include "analyzer/base/scope.h"

static const struct arch *const archs[] = { &arch_arm, &arch_arm64 };

const struct arch *arch_find(uint16_t elf_machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++)
		if (archs[i]->elf_machine == elf_machine)
			return archs[i];
	return NULL;
}

bool paging_canonical(const struct paging *p, uint64_t va)
{
	if (p->va_bits >= 64)
		return true;
	uint64_t high = va >> p->va_bits;
	return high == 0 || (p->two_halves && high == UINT64_MAX >> p->va_bits);
}

enum fault_kind paging_probe_fault(const struct paging *p, struct dump *d, struct paddr root,
	uint64_t va, struct paddr *ret_pa)
{
	const struct abi abi = { .word_bytes = 8, .big_endian = p->big_endian };
	struct paddr table = root;

	if (!paging_canonical(p, va))
		return FAULT_UNMAPPED;
	for (unsigned i = 0; i < p->nlevels; i++) {
		const struct paging_level *lv = &p->level[i];
		uint64_t index = va >> lv->shift & ((1ull << lv->bits) - 1);
		struct paddr at = { table.v + index * lv->entry_bytes };
		uint8_t raw[8];

		enum fault_kind fault = dump_try_read(d, at, raw, lv->entry_bytes, NULL);
		if (fault != FAULT_NONE)
			return fault;
		struct pte e = p->decode(p, i, load_uint(&abi, raw, lv->entry_bytes));
		if (e.kind == PTE_LEAF) {
			ret_pa->v = e.pa.v | (va & ((1ull << e.size_shift) - 1));
			return FAULT_NONE;
		}
		if (e.kind != PTE_TABLE)
			return FAULT_UNMAPPED;
		table = e.pa;
	}
	return FAULT_UNMAPPED;
}

bool paging_probe(const struct paging *p, struct dump *d, struct paddr root, uint64_t va,
	struct paddr *ret_pa)
{
	return paging_probe_fault(p, d, root, va, ret_pa) == FAULT_NONE;
}
