/* The poison of free pages: whole, written over at either end, half gone, never there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/kernel/page_poison.h"

enum { PAGE = 4096 };
static uint8_t page[PAGE];

static void fill(void)
{
	memset(page, PAGE_POISON, sizeof(page));
}

static void whole(void **state)
{
	struct page_poison p = { .bytes = 7 };
	(void)state;
	fill();
	assert_true(page_poison_look(page, PAGE, &p));
	assert_int_equal(p.bytes, 0);
}

/* One byte, wherever it stands, and then a second that is further on. */
static void one_byte(void **state)
{
	(void)state;
	for (unsigned at = 0; at < PAGE; at++) {
		struct page_poison p;
		fill();
		page[at] = 0x69;
		assert_true(page_poison_look(page, PAGE, &p));
		assert_int_equal(p.bytes, 1);
		assert_int_equal(p.first, at);
		assert_int_equal(p.found, 0x69);
		page[PAGE - 1] = 0x70;
		assert_true(page_poison_look(page, PAGE, &p));
		assert_int_equal(p.bytes, at == PAGE - 1 ? 1 : 2);
		assert_int_equal(p.first, at);
		assert_int_equal(p.found, at == PAGE - 1 ? 0x70 : 0x69);
	}
}

/* Half of it is the most that may be gone; a page of another byte is not whole. */
static void too_much(void **state)
{
	struct page_poison p = { .bytes = 7 };
	(void)state;
	fill();
	memset(page, 0, PAGE / 2);
	assert_true(page_poison_look(page, PAGE, &p));
	assert_int_equal(p.bytes, PAGE / 2);
	page[PAGE - 1] = 0;
	p.bytes = 7;
	assert_false(page_poison_look(page, PAGE, &p));
	memset(page, PAGE_POISON - 1, PAGE);
	assert_false(page_poison_look(page, PAGE, &p));
	assert_int_equal(p.bytes, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whole), cmocka_unit_test(one_byte),
		cmocka_unit_test(too_much) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
