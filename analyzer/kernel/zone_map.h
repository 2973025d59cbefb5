/* Which node and zone a page frame belongs to. */
#ifndef ANALYZER_KERNEL_ZONE_MAP_H
#define ANALYZER_KERNEL_ZONE_MAP_H

#include "analyzer/kernel/page.h"
#include "analyzer/kernel/zone.h"

struct zone_place {
	struct node node;
	struct zone zone;
	unsigned index; /* of the zone in its node */
};

struct zone_map {
	struct zone_place *place; /* populated zones, by node and index */
	size_t n;
	unsigned node_shift; /* where page->flags has the node; 0: nowhere */
	uint64_t node_mask;
};

struct err *zone_map_read(struct target *t, struct zone_map *ret) MUST_CHECK;
void zone_map_deinit(struct zone_map *m);
#define scoped_zone_map __attribute__((cleanup(zone_map_deinit)))

/* By the zones' spans; where nodes' spans overlap, by the node that @flags (of its struct page)
 * name. NULL: in no zone. */
const struct zone_place *zone_map_find(const struct zone_map *m, uint64_t pfn, uint64_t flags);

#endif
