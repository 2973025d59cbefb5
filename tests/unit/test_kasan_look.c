/* The fast look over shadow bytes says what a byte by byte look says: at every length, offset and
 * pattern. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "tests/unit/naive_kasan_look.h"

enum { BYTES = 12000 };

static uint8_t bytes[BYTES + 64];
static uint32_t seed = 1;

static unsigned any(unsigned below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* Stretches of one value out of @values, up to @longest bytes each. */
static void fill(const uint8_t *values, unsigned n, unsigned longest)
{
	for (size_t i = 0; i < sizeof(bytes);) {
		size_t len = 1 + any(longest);
		len = len < sizeof(bytes) - i ? len : sizeof(bytes) - i;
		memset(bytes + i, values[any(n)], len);
		i += len;
	}
}

static void check(const struct kasan_look *l)
{
	static const size_t lengths[] = { 0, 1, 63, 64, 65, 511, 512, 513, 4096, 63 * 64,
		63 * 64 + 1, BYTES };
	for (size_t k = 0; k < ARRAY_SIZE(lengths); k++)
		for (unsigned at = 0; at < 20; at += 3) {
			struct sweep_run run = { .addr = 0xffffff0000001000 + at,
				.p = bytes + 1 + at,
				.n = lengths[k],
				.before = bytes + at,
				.nbefore = at % 2 };
			assert_true(looks_agree(l, &run));
		}
}

static const uint8_t poison[] = { 0x00, 0x00, 0xfc, 0xfb, 0xff, 0x03, 0x07, 0xfa, 0xf1, 0x55 };

static void test_poison(void **state)
{
	(void)state;
	struct kasan_look l;
	kasan_look_init(&(struct kasan){ .mode = KASAN_GENERIC, .granule = 8 }, &l);
	assert_int_equal(l.class[0x55], LOOK_STRANGE);
	assert_int_equal(l.class[3], LOOK_EARLY);
	assert_int_equal(l.class[0xfc], LOOK_ORDINARY);
	for (unsigned longest = 1; longest < 5000; longest = longest * 3 + 1)
		for (unsigned n = 1; n <= sizeof(poison); n++) {
			fill(poison, n, longest);
			check(&l);
		}
}

/* Nearly one value for so long that a lane's count would go round. */
static void test_long_counts(void **state)
{
	(void)state;
	struct kasan_look l;
	kasan_look_init(&(struct kasan){ .mode = KASAN_GENERIC, .granule = 8 }, &l);
	memset(bytes, 0, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i += 60)
		bytes[i] = 0xfc;
	check(&l);
}

static void test_tags(void **state)
{
	(void)state;
	struct kasan_look l;
	uint8_t tags[256];
	for (unsigned i = 0; i < sizeof(tags); i++)
		tags[i] = (uint8_t)i;
	kasan_look_init(&(struct kasan){ .mode = KASAN_SW_TAGS, .granule = 16 }, &l);
	for (unsigned longest = 1; longest < 5000; longest = longest * 3 + 1) {
		fill(tags, sizeof(tags), longest);
		check(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_poison),
		cmocka_unit_test(test_long_counts),
		cmocka_unit_test(test_tags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
