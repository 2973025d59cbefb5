/*
 * One pass over physical memory for everything that the finders look for by its bytes. It goes only
 * as far as it is asked and never reads the same memory twice: what it met on the way is kept for
 * the next question. Knows marks, not what they mean: a hit is a place to look at, no more.
 */
#ifndef ANALYZER_TARGET_SCAN_H
#define ANALYZER_TARGET_SCAN_H

#include "analyzer/base/vec.h"
#include "analyzer/dump/dump.h"

enum scan_mark {
	SCAN_DIGITS,	 /* "0\0" to "9\0" in a row: kallsyms_token_table */
	SCAN_BANNER,	 /* "Linux version " and a digit */
	SCAN_VMCOREINFO, /* "OSRELEASE=" where a page begins */
	SCAN_KINFO,	 /* Google's debug-kinfo, where a page begins */
	SCAN_MRDUMP,	 /* MediaTek's control block, where a page begins */
	SCAN_SYSDUMP,	 /* Unisoc's header, where a page begins */
	SCAN_IMEM,	 /* Qualcomm's word for KASLR at 0x6d0 of a page */
	SCAN_FDT,	 /* a flattened device tree, where a page begins */
	SCAN_MARKS,
};

enum { SCAN_SEAM_BYTES = 24, SCAN_HITS_MAX = 4096 };

struct scan {
	struct dump *dump;
	size_t extent;			   /* where the pass stands */
	uint64_t done;			   /* bytes of that extent that are behind it */
	VEC(struct paddr) hit[SCAN_MARKS]; /* ascending within each */
	uint64_t bytes;			   /* looked at; neither holes nor pages of zeroes count */
	uint64_t took_ns;
	uint8_t seam[2 * SCAN_SEAM_BYTES]; /* the last bytes of one run, the first of the next */
	size_t nseam;
	uint64_t seam_end; /* the physical address behind the seam's bytes */
};

void scan_init(struct scan *s, struct dump *d);
void scan_deinit(struct scan *s);

/* Hit number @i of @mark, reading on as far as need be. *ret_found is false when there are no more
 * (or SCAN_HITS_MAX of them). ERR_INTERRUPTED only. */
struct err *scan_find(struct scan *s, enum scan_mark mark, size_t i, bool *ret_found,
	struct paddr *ret) MUST_CHECK;

/* The same among what was met so far. */
bool scan_seen(const struct scan *s, enum scan_mark mark, size_t i, struct paddr *ret);

/* After dump_set_base(): what was met lies @delta higher now. */
void scan_move(struct scan *s, uint64_t delta);

/* Whether all memory has been looked at. */
bool scan_finished(const struct scan *s);

#endif
