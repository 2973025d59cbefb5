/* The files of a kdump-compressed dump: one, or the parts that makedumpfile --split made. */
#ifndef ANALYZER_DUMP_KDUMP_PARTS_H
#define ANALYZER_DUMP_KDUMP_PARTS_H

#include "analyzer/dump/bitmap.h"
#include "analyzer/dump/kdump_header.h"
#include "analyzer/dump/page_cache.h"

enum {
	KDUMP_DESC_BYTES = 24
}; /* makedumpfile's diskdump_mod.h, page_desc_t: the same in all layouts */

/* Page numbers are those of the bitmaps. */
struct part {
	const struct bytes *file;
	struct kdump_header header;
	struct bitmap present, dumped;
	uint64_t first_pfn, end_pfn; /* whose descriptors are here */
	uint64_t desc_off;
	uint64_t first_rank; /* of the first descriptor's page in dumped */
	uint64_t ndumped;    /* pages that should be here */
	uint64_t ndescs;     /* pages whose descriptors are in the file */
	uint64_t cache_at;   /* number of its first page in the cache */
};

struct kdump {
	struct part *part; /* by ascending pages, not overlapping */
	size_t nparts;
	unsigned shift;
	uint64_t base_pfn; /* of bit 0 */
	struct page_cache *cache;
};

/* Opens every file of @d as a part and puts them in order. What is missing is damage of @d. */
struct err *kdump_parts_open(struct dump *d, struct kdump *k) MUST_CHECK;
void kdump_parts_close(struct kdump *k);

static inline const struct kdump_header *kdump_header_of(const struct kdump *k)
{
	return &k->part[0].header;
}

/* The first bitmap says what exists; the old diskdump leaves it empty. */
static inline const struct bitmap *kdump_existing(const struct part *t)
{
	return t->present.total ? &t->present : &t->dumped;
}

#endif
