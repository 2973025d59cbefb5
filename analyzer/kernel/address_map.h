/* The kernel's virtual address map by all that tells of it; see arch/address_map.h for its form. */
#ifndef ANALYZER_KERNEL_ADDRESS_MAP_H
#define ANALYZER_KERNEL_ADDRESS_MAP_H

#include "analyzer/target/target.h"
#include "arch/address_map.h"

/* Ascending by start; of two with the same start the one that holds the other is first. */
struct err *address_map_find(struct target *t, struct address_map *ret) MUST_CHECK;

#endif
