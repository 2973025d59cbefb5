/* The walker: one loop over any paging form. Every step is kept; nothing is cached or printed. */
#include "analyzer/space/walk.h"

/* Why an entry that is neither table nor leaf has no page. */
static enum fault_kind entry_fault(enum pte_kind kind)
{
	return kind == PTE_NONE || kind == PTE_ABSENT ? FAULT_UNMAPPED : FAULT_CORRUPT;
}

void walk_address(
	const struct paging *p, struct dump *d, struct paddr root, uint64_t va, struct walk *ret)
{
	const struct abi abi = { .word_bytes = 8, .big_endian = p->big_endian };
	struct paddr table = root;

	ret->nsteps = 0;
	ret->fault = FAULT_UNMAPPED;
	if (!paging_canonical(p, va))
		return;
	for (unsigned i = 0; i < p->nlevels; i++) {
		const struct paging_level *lv = &p->level[i];
		uint64_t index = va >> lv->shift & ((1ull << lv->bits) - 1);
		struct walk_step *st = &ret->step[i];
		uint8_t raw[8];

		st->level = i;
		st->entry_pa.v = table.v + index * lv->entry_bytes;
		ret->fault = dump_try_read(d, st->entry_pa, raw, lv->entry_bytes, NULL);
		if (ret->fault != FAULT_NONE)
			return;
		st->raw = load_uint(&abi, raw, lv->entry_bytes);
		st->pte = p->decode(p, i, st->raw);
		ret->nsteps = i + 1;
		if (st->pte.kind == PTE_LEAF) {
			ret->size_shift = st->pte.size_shift;
			ret->pa.v = st->pte.pa.v | (va & ((1ull << st->pte.size_shift) - 1));
			return;
		}
		if (st->pte.kind != PTE_TABLE) {
			ret->fault = entry_fault(st->pte.kind);
			return;
		}
		table = st->pte.pa;
	}
	ret->fault = FAULT_CORRUPT; /* a table below the last level */
}
