/* What page, kmem and page_owner share: a page as an argument, and the record of one page. */
#ifndef ANALYZER_SHELL_PAGE_ROWS_H
#define ANALYZER_SHELL_PAGE_ROWS_H

#include "analyzer/kernel/page_state.h"
#include "analyzer/kernel/zone_map.h"
#include "analyzer/shell/command.h"

/* Argument @i as a frame number (decimal, or hexadecimal with 0x), the address of a struct page, or
 * of what lies in the page; @physical: a physical address. */
struct err *arg_page(
	struct cx *cx, const struct args *a, int i, bool physical, uint64_t *ret_pfn) MUST_CHECK;

extern const struct table page_rows_table;

/* One row of that table. Parts that cannot be read are faults in their places. */
void page_rows_show(struct cx *cx, const struct zone_map *zones, const struct page_state *s);

#endif
