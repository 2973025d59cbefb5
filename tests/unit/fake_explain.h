/* The heap of fake_slab.h with page tables of an imagined form, and with user space below: two
 * levels of 512 entries, the lowest two bits say what an entry is. The root is at EXPLAIN_ROOT,
 * empty at first. */
#ifndef TESTS_UNIT_FAKE_EXPLAIN_H
#define TESTS_UNIT_FAKE_EXPLAIN_H

#include "tests/unit/fake_slab.h"

enum {
	EXPLAIN_ROOT = 0x4000 + 0x800,
	EXPLAIN_PTES = 0x7000,
	EXPLAIN_WINDOW = HEAP_FRAMES * 0x1000
};

static inline struct pte explain_decode(const struct paging *p, unsigned level, uint64_t raw)
{
	static const enum pte_kind kind[] = { PTE_NONE, PTE_LEAF, PTE_ABSENT, PTE_TABLE };
	struct pte pte = { .kind = kind[raw & 3],
		.pa = { raw & 0xffffffffff00ull },
		.size_shift = p->level[level].shift };
	if (pte.kind == PTE_TABLE && level + 1u == p->nlevels)
		pte.kind = PTE_INVALID;
	return pte;
}

static inline void explain_init(struct fake_heap *h, unsigned word, bool sheaves)
{
	heap_init(h, word, sheaves);
	struct target *t = h->f.t;
	struct space_facts facts = *vspace_facts(t->kernel);
	facts.layout.paging = (struct paging){ .name = "imagined",
		.nlevels = 2,
		.page_shift = 12,
		.va_bits = word == 8 ? 48 : 32,
		.two_halves = word == 8,
		.decode = explain_decode,
		.level = { { "pgd", 21, 6, 8 }, { "pte", 12, 9, 8 } } };
	facts.layout.pgd.v = EXPLAIN_ROOT;
	facts.layout.window[0].size = EXPLAIN_WINDOW;
	facts.layout.user_end = word == 8 ? 1ull << 48 : 0xb0000000;
	facts.layout.page_offset = h->f.base;
	vspace_destroy(t->kernel);
	t->kernel = vspace_create(t->dump, &facts);
	fake_at(t->dump, EXPLAIN_ROOT);
	fake_at(t->dump, EXPLAIN_PTES);
}

#endif
