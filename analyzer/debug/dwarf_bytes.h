/* Reading DWARF's bytes front to back. What lies behind the end reads as zero and leaves .bad set.
 */
#ifndef ANALYZER_DEBUG_DWARF_BYTES_H
#define ANALYZER_DEBUG_DWARF_BYTES_H

#include "analyzer/base/load.h"

struct dwarf_bytes {
	const uint8_t *at, *end;
	const struct abi *abi;
	bool bad;
};

static inline const uint8_t *dwarf_take(struct dwarf_bytes *b, uint64_t n)
{
	if (b->bad || n > (uint64_t)(b->end - b->at)) {
		b->bad = true;
		return NULL;
	}
	b->at += n;
	return b->at - n;
}

/* @n: 1 to 8 */
static inline uint64_t dwarf_uint(struct dwarf_bytes *b, unsigned n)
{
	const uint8_t *p = dwarf_take(b, n);
	return p ? load_uint(b->abi, p, n) : 0;
}

static inline int64_t dwarf_sint(struct dwarf_bytes *b, unsigned n)
{
	return sign_extend(dwarf_uint(b, n), n * 8);
}

/* Bits beyond the 64th are dropped; a number of more than 16 bytes is bad. */
static inline uint64_t dwarf_uleb(struct dwarf_bytes *b)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 16 * 7; shift += 7) {
		const uint8_t *p = dwarf_take(b, 1);
		if (!p)
			return 0;
		if (shift < 64)
			v |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p & 0x80))
			return v;
	}
	b->bad = true;
	return 0;
}

static inline int64_t dwarf_sleb(struct dwarf_bytes *b)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 16 * 7; shift += 7) {
		const uint8_t *p = dwarf_take(b, 1);
		if (!p)
			return 0;
		if (shift < 64)
			v |= (uint64_t)(*p & 0x7f) << shift;
		if (*p & 0x80)
			continue;
		return shift + 7 < 64 && *p & 0x40 ? (int64_t)(v | ~0ull << (shift + 7))
						   : (int64_t)v;
	}
	b->bad = true;
	return 0;
}

#endif
