/*
 * Loads of foreign bytes: unaligned, of either byte order, never through a host type. `struct abi`
 * is the target's word size and byte order; what reads target structures carries one along.
 */
#ifndef ANALYZER_BASE_LOAD_H
#define ANALYZER_BASE_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct abi {
	uint8_t word_bytes; /* 4 or 8: unsigned long and pointers */
	bool big_endian;
};

static inline uint16_t load_u16le(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap16(v) : v;
}

static inline uint32_t load_u32le(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(v) : v;
}

static inline uint64_t load_u64le(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(v) : v;
}

static inline uint64_t load_u64be(const void *p)
{
	return __builtin_bswap64(load_u64le(p));
}

/* An unsigned integer of @n bytes (1 to 8) in the target's order. */
static inline uint64_t load_uint(const struct abi *abi, const void *p, unsigned n)
{
	const uint8_t *b = p;
	uint64_t v = 0;
	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)b[abi->big_endian ? n - 1 - i : i] << (8 * i);
	return v;
}

static inline uint16_t get_u16(const struct abi *abi, const void *p)
{
	return abi->big_endian ? __builtin_bswap16(load_u16le(p)) : load_u16le(p);
}

static inline uint32_t get_u32(const struct abi *abi, const void *p)
{
	return abi->big_endian ? __builtin_bswap32(load_u32le(p)) : load_u32le(p);
}

static inline uint64_t get_u64(const struct abi *abi, const void *p)
{
	return abi->big_endian ? __builtin_bswap64(load_u64le(p)) : load_u64le(p);
}

/* An unsigned long or a pointer of the target. */
static inline uint64_t get_word(const struct abi *abi, const void *p)
{
	return abi->word_bytes == 8 ? get_u64(abi, p) : get_u32(abi, p);
}

/* @v of @bits bits (1 to 64) with its sign spread over 64. */
static inline int64_t sign_extend(uint64_t v, unsigned bits)
{
	unsigned shift = 64 - bits;
	return (int64_t)(v << shift) >> shift;
}

/* True when [off, off+len) lies inside [0, size), without overflow. */
static inline bool range_inside(uint64_t off, uint64_t len, uint64_t size)
{
	return off <= size && len <= size - off;
}

#endif
