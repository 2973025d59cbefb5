/*
 * Pages that a CPU keeps in its own lists after they were freed: there a block keeps the order that
 * it was allocated with, until it goes back to the page allocator and is merged (buddy.h).
 */
#ifndef ANALYZER_KERNEL_CPU_PAGES_H
#define ANALYZER_KERNEL_CPU_PAGES_H

#include "analyzer/kernel/zone.h"

struct cpu_block {
	uint64_t pfn; /* of its first page */
	unsigned order, cpu;
};

/* The block that frame @pfn is in. ERR_NOT_FOUND: it is in no such list, or in one whose blocks'
 * order is not known. ERR_MISSING: this kernel keeps only single pages there (up to 5.13), or there
 * are no types. */
struct err *cpu_block_find(struct target *t, uint64_t pfn, struct cpu_block *ret) MUST_CHECK;

#endif
