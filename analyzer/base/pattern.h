/*
 * What to look for in memory, and the fast loop that looks: values with a mask, values in a range
 * (pointers into an object), byte strings. Knows nothing of where the bytes come from.
 */
#ifndef ANALYZER_BASE_PATTERN_H
#define ANALYZER_BASE_PATTERN_H

#include <stddef.h>

#include "analyzer/base/load.h"

enum pattern_kind {
	PATTERN_VALUE, /* (unit & mask) == value, at multiples of the unit's size */
	PATTERN_RANGE, /* low <= (unit & mask) <= high, at multiples of the unit's size */
	PATTERN_BYTES, /* these bytes, anywhere */
};

struct pattern {
	enum pattern_kind kind;
	uint8_t unit_bytes; /* VALUE, RANGE: 2, 4 or 8 */
	uint64_t value,
		mask;	    /* VALUE; value has no bit outside of mask. RANGE: mask 0 is all ones */
	uint64_t low, high; /* RANGE */
	const uint8_t *bytes; /* BYTES, borrowed */
	size_t nbytes;	      /* BYTES: at least 1 */
};

/*
 * Offset of the first match at or after @from, or @n when there is none. @mem is where a unit may
 * begin (its address is a multiple of the unit's size in the memory that is searched; on the host
 * it need not be); @from is rounded up to the next unit. A rest of less than a unit is not looked
 * at.
 */
size_t pattern_find(
	const struct pattern *p, const struct abi *abi, const uint8_t *mem, size_t n, size_t from);

/* Bytes of one match. */
size_t pattern_bytes(const struct pattern *p);

#endif
