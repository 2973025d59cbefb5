/* The kernel's own list of the sections of its address space, which its page-table dump prints
 * between the lines: address_markers[] of arch/arm*. Kernels without CONFIG_PTDUMP have none. */
#ifndef ANALYZER_KERNEL_ADDRESS_MARKERS_H
#define ANALYZER_KERNEL_ADDRESS_MARKERS_H

#include "analyzer/target/target.h"

struct address_marker {
	uint64_t start;
	char name[48];
};

enum { ADDRESS_MARKERS_MAX = 40 };

/* Fills @out, ascending; 0 when the kernel has none, or never filled them. */
unsigned address_markers_read(const struct target *t, struct address_marker *out);

#endif
