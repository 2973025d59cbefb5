/*
 * Much physical memory at once, in order, as runs of host memory. A compressed dump is decompressed
 * by threads that read ahead, past the page cache, which it neither fills nor empties; other dumps
 * are served in place and cost no thread.
 */
#ifndef ANALYZER_DUMP_BULK_H
#define ANALYZER_DUMP_BULK_H

#include "analyzer/dump/dump.h"

struct dump_run {
	struct paddr pa;
	size_t size;	       /* never 0 */
	const uint8_t *p;      /* NULL: a gap; else valid until the next call */
	enum fault_kind fault; /* of a gap: FAULT_EXCLUDED, FAULT_CUT, FAULT_CORRUPT */
};

struct dump_bulk_options {
	struct paddr first, last; /* the range, last byte included */
	unsigned threads;	  /* 0: as many as there are processors, 16 at most */
	bool data_only; /* skip what dump_next_data() skips: only runs that may be anything but
			 * zero, and gaps that are FAULT_CORRUPT */
};

struct dump_bulk;

/* One reader of the iterator at a time; several iterators over one dump are fine. */
struct err *dump_bulk_create(
	struct dump *d, const struct dump_bulk_options *o, struct dump_bulk **ret) MUST_CHECK;

/* Ends the threads, also in the middle. */
void dump_bulk_destroy(struct dump_bulk *b);

/*
 * The next run by ascending address; what no RAM has is skipped. Runs end at multiples of
 * DUMP_BULK_BYTES at the latest, so what is searched for may lie across the end of one. *ret_more
 * is false at the end. ERR_INTERRUPTED only.
 */
enum { DUMP_BULK_BYTES = 1 << 20 };
struct err *dump_bulk_next(struct dump_bulk *b, struct dump_run *ret, bool *ret_more) MUST_CHECK;

#endif
