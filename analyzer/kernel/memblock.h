/*
 * memblock, the allocator of early boot: the memory that firmware gave, and what the kernel set
 * aside before the page allocator began. Knows the arrays as they were left, not who asked for
 * what.
 */
#ifndef ANALYZER_KERNEL_MEMBLOCK_H
#define ANALYZER_KERNEL_MEMBLOCK_H

#include "analyzer/target/target.h"

enum memblock_kind { MEMBLOCK_MEMORY, MEMBLOCK_RESERVED, MEMBLOCK_PHYSMEM, MEMBLOCK_KINDS };

struct memblock_list {
	const char *name; /* "memory", "reserved", "physmem" */
	uint64_t va;	  /* of the struct memblock_type */
	uint64_t count, max;
	uint64_t total_bytes; /* as the kernel counted */
	uint64_t regions_va;
	unsigned address_bytes; /* of a phys_addr_t: 4 or 8 */
};

struct memblock_region {
	uint64_t base_pa, bytes;
	uint64_t flags;
	int32_t nid;
	bool has_nid; /* the kernel knows nodes, and this region's */
};

/*
 * ERR_MISSING when the arrays were given back after boot (no CONFIG_ARCH_KEEP_MEMBLOCK), or without
 * the symbol; ERR_NOT_FOUND for a physmem that this kernel does not have; ERR_FORMAT for counts
 * that no array can have.
 */
struct err *memblock_read(
	struct target *t, enum memblock_kind kind, struct memblock_list *ret) MUST_CHECK;

/* Region @i, which is below l->count. */
struct err *memblock_region_read(struct target *t, const struct memblock_list *l, uint64_t i,
	struct memblock_region *ret) MUST_CHECK;

/* "NONE", "HOTPLUG|NOMAP": the names of enum memblock_flags without their prefix. */
void memblock_flags_format(struct target *t, uint64_t flags, struct strbuf *out);

#endif
