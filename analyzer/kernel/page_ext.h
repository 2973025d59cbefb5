/* struct page_ext: what some features keep for each page frame beside struct page. */
#ifndef ANALYZER_KERNEL_PAGE_EXT_H
#define ANALYZER_KERNEL_PAGE_EXT_H

#include "analyzer/target/target.h"

/* Remembers the array that was asked for last: frames in a row cost one look-up. */
struct page_ext {
	struct target *t;
	uint64_t entry_bytes; /* of one frame's data, all features together */
	uint64_t base;	      /* of frame 0, by rule; the array holds [first, first + n) */
	uint64_t first, n;
	bool flat;
};

/* ERR_MISSING: this kernel was built without page extensions, or symbols or types lack. */
struct err *page_ext_init(struct target *t, struct page_ext *ret) MUST_CHECK;

/* Address of @pfn's entry. ERR_NOT_FOUND: it has none: no such frame, or no feature was switched
 * on. */
struct err *page_ext_find(struct page_ext *x, uint64_t pfn, uint64_t *ret_va) MUST_CHECK;

#endif
