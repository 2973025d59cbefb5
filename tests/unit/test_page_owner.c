/* Page extensions in memory made by hand: sections and nodes, whose first frame is not aligned, and
 * which frames begin an allocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/fake_page_owner.h"

#define EACH(f, sections)                                                                          \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (unsigned w = 4; w <= 8; w += 4)                                               \
			for (unsigned sections = 0;                                                \
				sections < 2 && (fake_owners(f, w, sections), 1);                  \
				fake_deinit(f), sections++)

static void expect_err(struct err *err, enum err_code code, const char *word)
{
	assert_non_null(err);
	if (err->code != code || !strstr(err->msg, word))
		fail_msg("code %d, \"%s\" lacks \"%s\"", err->code, err->msg, word);
	err_drop(err);
}

static void one_frame(void **state)
{
	(void)state;
	EACH(f, sections)
	{
		struct page_owner_source s;
		struct page_owner o;
		assert_null(page_owner_init(f->t, &s));
		assert_int_equal(s.ext.flat, !sections);
		assert_null(page_owner_read(&s, 7, &o));
		assert_true(
			o.known && o.allocated && o.has_times && o.has_task && !o.has_free_task);
		assert_int_equal(o.handle, 0x1007);
		assert_int_equal(o.order, 1);
		assert_null(page_owner_read(&s, 10, &o));
		assert_true(o.known && !o.allocated);
		fake_put(f->t->dump, EXT_AT + 11 * ENTRY, 0, f->t->abi.word_bytes);
		assert_null(page_owner_read(&s, 11, &o));
		assert_false(o.known);
	}
}

/* Frames of the dump that are allocated, have a stack, and are the first of their block: once each.
 */
static void all_frames(void **state)
{
	(void)state;
	EACH(f, sections)
	{
		struct page_owner_iter it;
		struct page_owner o;
		bool more = true;
		uint64_t next = 0;
		assert_null(page_owner_iter_init(&it, f->t));
		fake_set(f, "page_owner", EXT_AT + 9 * ENTRY + 16, "handle", 0);
		while (!page_owner_iter_next(&it, &o, &more) && more) {
			while (!(next % 5) || next % (1u << next % 3) || next == 9)
				next++;
			assert_int_equal(o.pfn, next++);
		}
		assert_in_range(next, 0x3c, 0x40);
	}
}

/* A node's array begins at its first frame rounded down to the largest order, 1024 frames here. */
static void unaligned_node(void **state)
{
	struct fake f;
	struct page_owner_source s;
	struct page_owner o;
	(void)state;
	fake_owners(&f, 4, false);
	fake_set(&f, "pglist_data", NODE_AT, "node_start_pfn", 1024 + 5);
	assert_null(page_owner_init(f.t, &s));
	assert_null(page_owner_read(&s, 1024 + 7, &o));
	assert_int_equal(o.handle, 0x1007);
	expect_err(page_owner_read(&s, 1024 + 4, &o), ERR_NOT_FOUND, "in no node");
	fake_deinit(&f);
}

/* A section's stored address is frame 0's; its low bit says that the array is going away. */
static void sections_base(void **state)
{
	struct fake f;
	struct page_owner_source s;
	struct page_owner o;
	(void)state;
	fake_owners(&f, 8, true);
	uint64_t second = SECTION_AT + fake_sizeof(&f, "mem_section"), first = 1 << 18;
	fake_set(&f, "mem_section", second, "page_ext", fake_va(&f, EXT_AT) - first * ENTRY);
	assert_null(page_owner_init(f.t, &s));
	assert_null(page_owner_read(&s, first + 7, &o));
	assert_int_equal(o.handle, 0x1007);
	assert_null(page_owner_read(&s, 7, &o)); /* and back to the first */
	assert_int_equal(o.handle, 0x1007);
	fake_set(&f, "mem_section", second, "page_ext", (fake_va(&f, EXT_AT) - first * ENTRY) | 1);
	expect_err(page_owner_read(&s, first + 7, &o), ERR_NOT_FOUND, "has no page extension");
	fake_deinit(&f);
}

static void switched_off(void **state)
{
	(void)state;
	EACH(f, sections)
	{
		struct page_owner_source s;
		fake_put(f->t->dump, VARIABLES + 16, ENTRY, f->t->abi.word_bytes);
		expect_err(page_owner_init(f->t, &s), ERR_FORMAT, "offset 96 lies behind");
		fake_put(f->t->dump, VARIABLES, 0, f->t->abi.word_bytes);
		expect_err(page_owner_init(f->t, &s), ERR_FORMAT, "make no sense");
		fake_put(f->t->dump, VARIABLES + 8, 0, 4);
		expect_err(page_owner_init(f->t, &s), ERR_MISSING, "was off");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_frame),
		cmocka_unit_test(all_frames),
		cmocka_unit_test(unaligned_node),
		cmocka_unit_test(sections_base),
		cmocka_unit_test(switched_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
