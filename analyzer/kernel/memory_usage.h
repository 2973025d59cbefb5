/* Where the machine's memory went, by the kernel's own counters: what /proc/meminfo would say. */
#ifndef ANALYZER_KERNEL_MEMORY_USAGE_H
#define ANALYZER_KERNEL_MEMORY_USAGE_H

#include "analyzer/target/target.h"

enum memory_item {
	MEMORY_TOTAL,
	MEMORY_FREE,
	MEMORY_AVAILABLE,
	MEMORY_USED, /* the total without what is free */
	MEMORY_BUFFERS,
	MEMORY_CACHED,
	MEMORY_SWAP_CACHED,
	MEMORY_ANON,
	MEMORY_MAPPED, /* files' pages in somebody's page tables */
	MEMORY_SHARED,
	MEMORY_DIRTY,
	MEMORY_WRITEBACK,
	MEMORY_SLAB,
	MEMORY_SLAB_RECLAIMABLE,
	MEMORY_STACKS,
	MEMORY_PAGE_TABLES,
	MEMORY_VMALLOC,
	MEMORY_PERCPU,
	MEMORY_HIGH_TOTAL,
	MEMORY_HIGH_FREE,
	MEMORY_LOW_TOTAL, /* both known only where there is high memory */
	MEMORY_LOW_FREE,
	MEMORY_HUGE_TOTAL,
	MEMORY_HUGE_FREE,
	MEMORY_SWAP_TOTAL,
	MEMORY_SWAP_FREE,
	MEMORY_SWAP_USED,
	MEMORY_COMMIT_LIMIT,
	MEMORY_COMMITTED,
	MEMORY_ITEMS
};

struct memory_usage {
	struct {
		bool known;
		uint64_t bytes;
	} item[MEMORY_ITEMS];
};

/* What this kernel does not have, or what cannot be read, is not known. ERR_MISSING: not even the
 * total. */
struct err *memory_usage_read(struct target *t, struct memory_usage *ret) MUST_CHECK;

#endif
