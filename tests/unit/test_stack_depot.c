/* The stack depot of each era in memory made by hand: handles, records, counts, and damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/fake_depot.h"

static const unsigned words[] = { 4, 8 };
#define EACH(f, era)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (unsigned w = 0; w < 2; w++)                                                   \
			for (enum fake_depot_era era = 0;                                          \
				era < DEPOT_ERAS && (fake_init(f, words[w]), 1);                   \
				fake_deinit(f), era++)

enum { UNCOUNTED = 0xc0000000 };

static void expect_err(struct err *err, enum err_code code, const char *word)
{
	assert_non_null(err);
	if (err->code != code || !strstr(err->msg, word))
		fail_msg("code %d, \"%s\" lacks \"%s\"", err->code, err->msg, word);
	err_drop(err);
}

struct made {
	uint32_t handle[8];
	unsigned frames[8], n;
	unsigned first; /* whose handle is not 0: 6.8's first record cannot be named */
};

/* Records of all kinds in two pools: short and evictable ones, one that page_owner began to count.
 */
static struct made make(struct fake *f, enum fake_depot_era era)
{
	static const unsigned frames[] = { 3, 14, 1, 64, 5 };
	static const uint32_t counts[] = { UNCOUNTED, 7, UNCOUNTED + 5, 1, UNCOUNTED };
	struct made m = { .first = era == DEPOT_6_8 };
	fake_depot(f, era);
	for (unsigned pool = 0; pool < 2; pool++) {
		uint64_t at = 0;
		for (unsigned i = 0; i < (pool ? 2 : 5); i++, m.n++) {
			m.frames[m.n] = frames[i];
			m.handle[m.n] = fake_depot_record(f, era, pool, &at, frames[i], counts[i]);
		}
	}
	return m;
}

static void expect_record(const struct stack_depot_record *r, uint32_t handle, unsigned frames)
{
	assert_int_equal(r->handle, handle);
	assert_int_equal(r->nframes, frames);
	for (unsigned i = 0; i < frames; i++)
		assert_int_equal(r->pc[i], 0x1000 + i);
}

static void by_handle(void **state)
{
	(void)state;
	EACH(f, era)
	{
		struct made m = make(f, era);
		struct stack_depot d;
		struct stack_depot_record r;
		assert_null(stack_depot_init(f->t, &d));
		assert_int_equal(d.index_bias, era >= DEPOT_6_8_FIXED);
		assert_int_equal(d.pool_bytes, DEPOT_POOL_BYTES);
		for (unsigned i = m.first; i < m.n; i++) {
			assert_null(stack_depot_find(&d, m.handle[i], &r));
			expect_record(&r, m.handle[i], m.frames[i]);
			if (era != DEPOT_4_19) {
				uint32_t extra = m.handle[i] | 0x15u << 27;
				assert_null(stack_depot_find(&d, extra, &r));
				expect_record(&r, m.handle[i], m.frames[i]);
				assert_int_equal(stack_depot_extra(&d, extra), 0x15);
			}
		}
		assert_null(stack_depot_find(&d, m.handle[1], &r));
		assert_int_equal(r.has_count, depot_counted(era));
		assert_int_equal(r.count, depot_counted(era) ? 7 : 0);
		uint64_t pcs[4];
		size_t n;
		assert_null(stack_depot_fetch(f->t, m.handle[1], pcs, 4, &n));
		assert_int_equal(n, 4);
		assert_int_equal(pcs[3], 0x1003);
	}
}

static void wrong_handles(void **state)
{
	(void)state;
	EACH(f, era)
	{
		struct made m = make(f, era);
		struct stack_depot d;
		struct stack_depot_record r;
		assert_null(stack_depot_init(f->t, &d));
		expect_err(stack_depot_find(&d, 0, &r), ERR_NOT_FOUND, "no stack was saved");
		/* between two records, in a pool that is not there, beyond the array */
		uint32_t unit = 1u << d.offset.shift;
		expect_err(stack_depot_find(&d, m.handle[1] + unit, &r), ERR_FORMAT,
			"no record with it");
		expect_err(
			stack_depot_find(&d, m.handle[0] + 5, &r), ERR_NOT_FOUND, "there is none");
		expect_err(stack_depot_find(&d, m.handle[0] | 0xfff0, &r), ERR_FORMAT,
			"beyond the last");
		/* of the last unit of a pool not even the header would fit */
		expect_err(stack_depot_find(&d, m.handle[0] | 0x3ffu << d.offset.shift, &r),
			ERR_FORMAT, "no record with it");
	}
}

static void walk(void **state)
{
	(void)state;
	EACH(f, era)
	{
		struct made m = make(f, era);
		scoped_stack_depot_iter struct stack_depot_iter it = { 0 };
		struct stack_depot_record r;
		bool more;
		assert_null(stack_depot_iter_init(&it, f->t));
		for (unsigned i = 0; i < m.n; i++) {
			assert_null(stack_depot_iter_next(&it, &r, &more));
			assert_true(more);
			expect_record(&r, m.handle[i], m.frames[i]);
		}
		assert_null(stack_depot_iter_next(&it, &r, &more));
		assert_false(more);
	}
}

/* A freed record keeps its handle, and nothing else. A pool that cannot be read costs only its own.
 */
static void freed_and_missing(void **state)
{
	(void)state;
	EACH(f, era)
	{
		struct made m = make(f, era);
		scoped_stack_depot_iter struct stack_depot_iter it = { 0 };
		struct stack_depot_record r;
		struct stack_depot d;
		unsigned n = 0, lost = 0;
		bool more = true;
		if (depot_counted(era)) {
			assert_null(stack_depot_init(f->t, &d));
			uint64_t second = DEPOT_POOL + (m.handle[1] >> d.offset.shift & 0x3ff) * 16;
			fake_set(f, "stack_record", second, "count", 0);
			expect_err(stack_depot_find(&d, m.handle[1], &r), ERR_NOT_FOUND, "freed");
		}
		fake_fault(f->t->dump, DEPOT_POOL + DEPOT_POOL_BYTES + FAKE_PAGE, FAULT_EXCLUDED);
		assert_null(stack_depot_iter_init(&it, f->t));
		while (more) {
			struct err *err = stack_depot_iter_next(&it, &r, &more);
			if (err) {
				expect_err(err, ERR_FAULT, "pool 1");
				lost++;
			} else if (more) {
				assert_int_equal(r.freed, depot_counted(era) && n == 1);
				n++;
			}
		}
		assert_int_equal(n, 5);
		assert_int_equal(lost, 1);
	}
}

static void damaged(void **state)
{
	(void)state;
	EACH(f, era)
	{
		struct made m = make(f, era);
		struct stack_depot d;
		struct stack_depot_record r;
		static const uint32_t sizes[] = { 0, 257, 0x80000000, UINT32_MAX };
		assert_null(stack_depot_init(f->t, &d));
		for (unsigned i = 0; i < 4; i++) {
			uint64_t at = (uint64_t)(m.handle[1] >> d.offset.shift & 0x3ff) * 16;
			fake_set(f, "stack_record", DEPOT_POOL + at, "size", sizes[i]);
			expect_err(stack_depot_find(&d, m.handle[1], &r), ERR_FORMAT, "no record");
		}
		/* the first record proves where the pools are */
		fake_put(f->t->dump, DEPOT_POOL + fake_offsetof(f, "stack_record", "handle"),
			0x77777777, 4);
		expect_err(stack_depot_init(f->t, &d), ERR_FORMAT, "does not carry its own handle");
		fake_put(f->t->dump, DEPOT_ARRAY, 0, f->t->abi.word_bytes);
		expect_err(stack_depot_init(f->t, &d), ERR_NOT_FOUND, "empty");
	}
}

static void absent(void **state)
{
	struct fake f;
	struct stack_depot d;
	(void)state;
	fake_init(&f, 8);
	expect_err(stack_depot_init(f.t, &d), ERR_MISSING, "neither stack_pools nor stack_slabs");
	fake_symbol(&f, "stack_pools", DEPOT_ARRAY, 64);
	scoped_err struct err *err = stack_depot_init(f.t, &d);
	assert_non_null(err); /* no types */
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_handle),
		cmocka_unit_test(wrong_handles),
		cmocka_unit_test(walk),
		cmocka_unit_test(freed_and_missing),
		cmocka_unit_test(damaged),
		cmocka_unit_test(absent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
