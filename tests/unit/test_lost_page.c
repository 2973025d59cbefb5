/* What counts as noise: random bytes do, what kernels keep does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/triage/triage.h"
#include "tests/unit/fake_kernel.h"

enum { PAGE = 4096, WINDOW = 512 };

static uint8_t random_byte(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint8_t)(*state >> 24);
}

static void fill(uint8_t *p, size_t n, uint64_t seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = random_byte(&seed);
}

static void random_is_noise(void **state)
{
	(void)state;
	uint8_t page[PAGE];
	unsigned found = 0;
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		fill(page, sizeof(page), seed * 0x9e3779b97f4a7c15);
		found += triage_is_noise(page, WINDOW);
		assert_true(triage_is_noise(page, sizeof(page)));
		assert_false(triage_is_noise(page, WINDOW - 1)); /* too few to tell */
	}
	assert_true(found >= 990);
}

static void content_is_none(void **state)
{
	(void)state;
	uint8_t page[PAGE] = { 0 };
	uint64_t seed = 7;
	assert_false(triage_is_noise(page, sizeof(page)));
	memset(page, 0x6b, sizeof(page));
	assert_false(triage_is_noise(page, sizeof(page)));
	for (size_t i = 0; i < sizeof(page); i++) /* text */
		page[i] = (uint8_t)(' ' + random_byte(&seed) % 95);
	assert_false(triage_is_noise(page, sizeof(page)));
	for (size_t i = 0; i < sizeof(page); i++) /* pointers with three random bytes */
		page[i] = i % 8 < 3 ? random_byte(&seed) : i % 8 < 5 ? 0x80 : 0xff;
	assert_false(triage_is_noise(page, sizeof(page)));
	for (size_t i = 0; i < sizeof(page); i++) /* three of four values */
		page[i] = (uint8_t)(random_byte(&seed) % 192);
	assert_false(triage_is_noise(page, sizeof(page)));
	fill(page, sizeof(page), 3); /* noise up to the middle of the window */
	memset(page + WINDOW / 2, 0, sizeof(page) - WINDOW / 2);
	assert_false(triage_is_noise(page, WINDOW));
}

/* Pages of a fake target: lost ones are named once each, and counted from the fifth on. */
static void ledger(void **state)
{
	(void)state;
	struct fake f;
	struct triage tr = { 0 };
	uint8_t page[PAGE] = { 0 };
	fake_init(&f, 8);
	tr.t = f.t;
	for (unsigned i = 0; i < 6; i++) {
		if (i)
			fill(page, sizeof(page), i);
		fake_bytes(&f, 0x10000 + i * PAGE, page, sizeof(page));
		/* A dump's blocks need not be a page's: this noise ends in the middle of one. */
		if (i == 5)
			fake_bytes(&f, 0x10000 + i * PAGE + 0x900, (uint8_t[0x700]){ 1 }, 0x700);
	}
	for (unsigned i = 0; i < 6; i++) {
		uint64_t va = fake_va(&f, 0x10000 + i * PAGE + 0x8f0);
		assert_true(triage_page_lost(&tr, va, "heap", "a slab"));
		assert_true(triage_page_lost(&tr, va, "heap", "a slab"));
	}
	assert_false(
		triage_page_lost(&tr, fake_va(&f, 0x10000 + 5 * PAGE + 0xc00), "heap", "a slab"));
	assert_int_equal(tr.lost_page.n, 6);
	assert_int_equal(tr.ledger.n, 4);
	assert_non_null(strstr(tr.ledger.v[0].text, "is zero"));
	assert_non_null(strstr(tr.ledger.v[1].text, "noise"));
	triage_tell_lost_pages(&tr);
	assert_string_equal(tr.ledger.v[4].text, "2 more such pages are lost");
	triage_deinit(&tr);
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_is_noise),
		cmocka_unit_test(content_is_none),
		cmocka_unit_test(ledger),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
