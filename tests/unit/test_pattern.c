/* analyzer/base/pattern: the fast loop against the plain one, on memory of all sizes and
 * alignments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/load.h"
#include "analyzer/base/pattern.h"

enum { MEMORY = 9000 }; /* several blocks and a rest */

static const struct abi little = { .word_bytes = 8 }, big = { .word_bytes = 8, .big_endian = true };

static size_t plain_find(
	const struct pattern *p, const struct abi *abi, const uint8_t *mem, size_t n, size_t from)
{
	size_t step = p->kind == PATTERN_BYTES ? 1 : p->unit_bytes, bytes = pattern_bytes(p);
	for (size_t at = 0; at + bytes <= n; at += step) {
		uint64_t v = p->kind == PATTERN_BYTES ? 0 : load_uint(abi, mem + at, p->unit_bytes);
		if (at < from)
			continue;
		if (p->kind == PATTERN_BYTES ? !memcmp(mem + at, p->bytes, bytes)
			: p->kind == PATTERN_RANGE
				? (v & (p->mask ? p->mask : UINT64_MAX)) >= p->low &&
					  (v & (p->mask ? p->mask : UINT64_MAX)) <= p->high
				: (v & p->mask) == p->value)
			return at;
	}
	return n;
}

/* Every match from every kind of beginning. */
static void check(const struct pattern *p, const struct abi *abi, const uint8_t *mem, size_t n)
{
	size_t found = 0;
	for (size_t from = 0;; found++) {
		size_t want = plain_find(p, abi, mem, n, from);
		assert_int_equal(pattern_find(p, abi, mem, n, from), want);
		if (want == n)
			break;
		from = want + 1;
	}
	assert_int_equal(pattern_find(p, abi, mem, n, n), n);
	assert_int_equal(pattern_find(p, abi, mem, n, SIZE_MAX), n);
	(void)found;
}

static void fill(uint8_t *mem, unsigned seed, uint64_t marker, unsigned unit, bool big_endian)
{
	srand(seed);
	for (size_t i = 0; i < MEMORY; i++)
		mem[i] = (uint8_t)rand();
	for (unsigned k = 0; k < 12; k++) {
		size_t at = (size_t)rand() % (MEMORY / unit) * unit;
		for (unsigned b = 0; b < unit; b++)
			mem[at + b] = (uint8_t)(marker >> 8 * (big_endian ? unit - 1 - b : b));
	}
}

static void values_and_ranges(void **state)
{
	(void)state;
	static const unsigned units[] = { 2, 4, 8 };
	uint8_t *mem = malloc(MEMORY + 8);
	for (unsigned seed = 1; seed < 40; seed++) {
		unsigned unit = units[seed % 3];
		uint64_t all = unit == 8 ? UINT64_MAX : (1ull << 8 * unit) - 1;
		uint64_t marker = 0xffffff8012345678ull & all;
		const struct abi *abi = seed % 4 ? &little : &big;
		uint8_t *at = mem + seed % 8; /* the host's alignment does not matter */
		fill(at, seed, marker, unit, abi->big_endian);
		struct pattern p = { .kind = PATTERN_VALUE,
			.unit_bytes = (uint8_t)unit,
			.mask = all,
			.value = marker };
		assert_true(plain_find(&p, abi, at, MEMORY, 0) < MEMORY);
		check(&p, abi, at, MEMORY);
		check(&p, abi, at, MEMORY - seed);
		p.mask = all & ~0xffull;
		p.value &= p.mask;
		check(&p, abi, at, MEMORY);
		struct pattern r = { .kind = PATTERN_RANGE,
			.unit_bytes = (uint8_t)unit,
			.low = marker - 0x100,
			.high = marker };
		check(&r, abi, at, MEMORY);
		r.mask = all >> 8; /* a tag in the highest byte does not matter */
		r.low = (marker & r.mask) - 0x10;
		r.high = marker & r.mask;
		assert_true(plain_find(&r, abi, at, MEMORY, 0) < MEMORY);
		check(&r, abi, at, MEMORY);
		r.mask = 0;
		r.low = marker - 0x100;
		r.high = all; /* also those with the highest bit */
		check(&r, abi, at, MEMORY);
		r.low = 0;
		assert_int_equal(pattern_find(&r, abi, at, MEMORY, 3), unit < 4 ? 4 : unit);
	}
	free(mem);
}

static void byte_strings(void **state)
{
	(void)state;
	uint8_t mem[MEMORY] = { 0 };
	memcpy(mem + 1023, "needle", 6); /* across the loop's blocks */
	memcpy(mem + MEMORY - 6, "needle", 6);
	memcpy(mem + 3000, "needl", 5);
	struct pattern p = {
		.kind = PATTERN_BYTES, .bytes = (const uint8_t *)"needle", .nbytes = 6
	};
	check(&p, &little, mem, MEMORY);
	assert_int_equal(pattern_find(&p, &little, mem, MEMORY, 0), 1023);
	assert_int_equal(pattern_find(&p, &little, mem, MEMORY, 1024), MEMORY - 6);
	assert_int_equal(pattern_find(&p, &little, mem, MEMORY - 1, 1024), MEMORY - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_ranges),
		cmocka_unit_test(byte_strings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
