/*
 * Blocks that the kernels of vendors leave in RAM for their boot loaders: Google's debug-kinfo,
 * MediaTek's mrdump control block, Unisoc's sysdump header, Qualcomm's words in IMEM. Each gives a
 * claim of how far virtual addresses are from physical ones, or of KASLR; none is believed without
 * the page tables' word.
 */
#ifndef ANALYZER_TARGET_VENDOR_H
#define ANALYZER_TARGET_VENDOR_H

#include "analyzer/target/scan.h"
#include "analyzer/target/target.h"

struct vendor_place {
	const char *finder, *how; /* static words */
	struct paddr pa;	  /* of the block */
	uint64_t voffset;	  /* virtual minus physical, as claimed */
};

enum { VENDOR_CLAIMS_MAX = 24 };

struct vendor_iter {
	struct target *t;
	bool all;
	unsigned kind;
	size_t hit;
	struct vendor_place claim[VENDOR_CLAIMS_MAX]; /* of the current block */
	size_t nclaims, next;
};

/* Claims of all blocks that were met by the scan so far, or in all of memory if @all. Needs
 * symbols. */
void vendor_iter_init(struct vendor_iter *it, struct target *t, bool all);
bool vendor_iter_next(struct vendor_iter *it, struct vendor_place *ret);

/* Qualcomm's IMEM, where the scan met its word for KASLR: whether it says what was proved. */
void vendor_check_kaslr(struct target *t);

#endif
