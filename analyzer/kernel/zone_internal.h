/* What zone.c and zone_stat.c share. */
#ifndef ANALYZER_KERNEL_ZONE_INTERNAL_H
#define ANALYZER_KERNEL_ZONE_INTERNAL_H

#include "analyzer/target/target.h"

#define ZONE_HINT "mm/page_alloc.c"

/* An array that is a struct's member. */
struct zone_array {
	uint64_t offset, count, element_bytes;
};

struct err *zone_array_find(struct target *t, const char *type_name, const char *member,
	struct zone_array *ret) MUST_CHECK;

#endif
