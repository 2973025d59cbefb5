/*
 * The search loop. Blocks are first asked whether they hold any match, by a loop without branches
 * that the compiler turns into vector code; only a block that does is looked at unit by unit. Reads
 * run at about the speed of memcpy that way.
 */
#include "analyzer/base/pattern.h"

#include <string.h>

enum { BLOCK_BYTES = 1024 };

/* Two forms of each loop, the processor chooses at start. Sanitizers run before it can. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
	!defined(__SANITIZE_ADDRESS__)
#define VECTOR __attribute__((optimize("O3"), target_clones("avx2", "default")))
#else
#define VECTOR
#endif

/* Whether any unit of a block lies in [low, low + span] once its other bits are masked away. One
 * question serves values (span 0) and ranges (mask all ones). */
#define DEFINE_BLOCK_HAS(type, name)                                                               \
	VECTOR static bool name(const uint8_t *p, uint64_t mask, uint64_t low, uint64_t span)      \
	{                                                                                          \
		type m = (type)mask, l = (type)low, s = (type)span, any = 0;                       \
		for (size_t i = 0; i < BLOCK_BYTES / sizeof(type); i++) {                          \
			type v;                                                                    \
			memcpy(&v, p + i * sizeof(type), sizeof(v));                               \
			any |= (type)((type)((v & m) - l) <= s);                                   \
		}                                                                                  \
		return any;                                                                        \
	}

#define DEFINE_BLOCK_HAS_VALUE(type, name)                                                         \
	VECTOR static bool name(const uint8_t *p, uint64_t mask, uint64_t low, uint64_t span)      \
	{                                                                                          \
		type m = (type)mask, l = (type)low, any = 0;                                       \
		(void)span;                                                                        \
		for (size_t i = 0; i < BLOCK_BYTES / sizeof(type); i++) {                          \
			type v;                                                                    \
			memcpy(&v, p + i * sizeof(type), sizeof(v));                               \
			any |= (type)((v & m) == l);                                               \
		}                                                                                  \
		return any;                                                                        \
	}

DEFINE_BLOCK_HAS(uint16_t, block_has_range_16)
DEFINE_BLOCK_HAS(uint32_t, block_has_range_32)
DEFINE_BLOCK_HAS(uint64_t, block_has_range_64)
DEFINE_BLOCK_HAS_VALUE(uint16_t, block_has_value_16)
DEFINE_BLOCK_HAS_VALUE(uint32_t, block_has_value_32)
DEFINE_BLOCK_HAS_VALUE(uint64_t, block_has_value_64)

typedef bool (*block_fn)(const uint8_t *p, uint64_t mask, uint64_t low, uint64_t span);

/* NULL where the host's order is not the target's: a value could be turned around, a range could
 * not. */
static block_fn block_question(const struct pattern *p, const struct abi *abi)
{
	if (abi->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		return NULL;
	bool range = p->kind == PATTERN_RANGE;
	switch (p->unit_bytes) {
	case 2:
		return range ? block_has_range_16 : block_has_value_16;
	case 4:
		return range ? block_has_range_32 : block_has_value_32;
	default:
		return range ? block_has_range_64 : block_has_value_64;
	}
}

static uint64_t range_mask(const struct pattern *p)
{
	return p->mask ? p->mask : UINT64_MAX;
}

static bool unit_matches(const struct pattern *p, uint64_t v)
{
	if (p->kind == PATTERN_RANGE) {
		uint64_t masked = v & range_mask(p);
		return masked >= p->low && masked <= p->high;
	}
	return (v & p->mask) == p->value;
}

static size_t find_unit(
	const struct pattern *p, const struct abi *abi, const uint8_t *mem, size_t n, size_t from)
{
	unsigned unit = p->unit_bytes;
	block_fn block_has = block_question(p, abi);
	uint64_t mask = p->kind == PATTERN_RANGE ? range_mask(p) : p->mask;
	uint64_t low = p->kind == PATTERN_RANGE ? p->low : p->value, span = p->high - p->low;
	size_t at = from > SIZE_MAX - unit ? n : (from + unit - 1) / unit * unit;
	while (at < n && n - at >= unit) {
		if (block_has && n - at >= BLOCK_BYTES && !block_has(mem + at, mask, low, span)) {
			at += BLOCK_BYTES;
			continue;
		}
		size_t end = n - at > BLOCK_BYTES ? at + BLOCK_BYTES : n;
		for (; end - at >= unit; at += unit)
			if (unit_matches(p, load_uint(abi, mem + at, unit)))
				return at;
		if (end == n)
			break;
	}
	return n;
}

size_t pattern_find(
	const struct pattern *p, const struct abi *abi, const uint8_t *mem, size_t n, size_t from)
{
	if (p->kind != PATTERN_BYTES)
		return find_unit(p, abi, mem, n, from);
	if (from >= n)
		return n;
	const uint8_t *hit = memmem(mem + from, n - from, p->bytes, p->nbytes);
	return hit ? (size_t)(hit - mem) : n;
}

size_t pattern_bytes(const struct pattern *p)
{
	return p->kind == PATTERN_BYTES ? p->nbytes : p->unit_bytes;
}
