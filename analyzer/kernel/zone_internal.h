/* What zone.c, zone_stat.c and what counts beside them share. */
#ifndef ANALYZER_KERNEL_ZONE_INTERNAL_H
#define ANALYZER_KERNEL_ZONE_INTERNAL_H

#include "analyzer/kernel/zone.h"

#define ZONE_HINT "mm/page_alloc.c"

/* An array that is a struct's member. */
struct zone_array {
	uint64_t offset, count, element_bytes;
};

struct err *zone_array_find(struct target *t, const char *type_name, const char *member,
	struct zone_array *ret) MUST_CHECK;

/* Where the names of this kind begin in vmstat_text. */
bool zone_first_text(struct target *t, enum counter_kind kind, uint64_t *ret);

/* Appends string @i of the array of strings @symbol; false, with nothing appended, where it cannot
 * be had. */
bool zone_text_add(struct target *t, const char *symbol, uint64_t i, struct strbuf *out);

/* "NR_FREE_PAGES" of enum @name as "nr_free_pages": most names are their enumerator's. */
bool zone_enumerator_add(struct target *t, const char *name, unsigned i, struct strbuf *out);

#endif
