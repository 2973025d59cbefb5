/* The slots of enum fixed_addresses: compile-time addresses, and what they are called. */
#ifndef ANALYZER_KERNEL_FIXMAP_H
#define ANALYZER_KERNEL_FIXMAP_H

#include "analyzer/target/target.h"

struct fixmap_slots {
	const struct type *names; /* enum fixed_addresses */
	uint64_t top;		  /* of slot 0: __fix_to_virt(0) */
	uint64_t page;
	unsigned n;
};

/* ERR_MISSING, ERR_NOT_FOUND: the types or the area's place are not known. */
struct err *fixmap_slots_read(struct target *t, struct fixmap_slots *ret) MUST_CHECK;

/* The slot's own name; NULL: none. */
const char *fixmap_name(const struct fixmap_slots *s, unsigned slot);

/* The slot whose name @slot belongs to: itself, or the nearest named one below. */
unsigned fixmap_owner(const struct fixmap_slots *s, unsigned slot);

#endif
