/* The kernel's virtual address map: what is where, from where to where, and how that is known; and
 * the words by which an architecture's page-table dump calls the areas. */
#ifndef ARCH_ADDRESS_MAP_H
#define ARCH_ADDRESS_MAP_H

#include "arch/arch.h"

struct map_region {
	const char *name;     /* "vmalloc", "lowmem" */
	uint64_t start, last; /* last byte included */
	const char *source;   /* what says so: "VMCOREINFO", "address_markers", "computed" */
	const char *marker; /* the kernel's word for it in its page-table dump; NULL: it has none */
	const char *marker_end; /* the same at its end */
	char note[80];		/* why it ends there, and the like; may be empty */
};

enum { ADDRESS_MAP_MAX = 40 };

struct address_map {
	struct map_region region[ADDRESS_MAP_MAX];
	unsigned n;
};

/*
 * What the kernel calls an area in address_markers[], where it begins and where it ends (NULL:
 * areas of which only the beginning is marked end where the next one begins). Of several for one
 * area the first is the newest. An array ends with a NULL name.
 */
struct map_words {
	const char *name, *begin, *end;
};

/* Adds a region and returns it for its note; never NULL. Nothing is added when @last < @start. */
struct map_region *address_map_add(
	struct address_map *m, const char *name, uint64_t start, uint64_t last, const char *source);

/* The first region of this name; NULL when this kernel has none. */
const struct map_region *address_map_get(const struct address_map *m, const char *name);

#endif
