/*
 * Who waits for whom, in a circle or not, of tasks made by hand. The file under test is included
 * for its inner functions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/triage/waiting.c"

enum { TASK = 0x1000 };

/* @owner: the number of whom each waits for, -1 for one that is none of them; "since" grows by its
 * number. */
static struct waiting_tasks make(const int *owner, size_t n)
{
	struct waiting_tasks w = { 0 };
	for (size_t i = 0; i < n; i++) {
		struct waiting one = { .task = { .va = TASK * (n - i) },
			.has_lock = true,
			.since_ns = 100 + i,
			.owner = SIZE_MAX };
		one.lock.owner_va = owner[i] < 0 ? 0x77 : TASK * (n - (size_t)owner[i]);
		vec_push(&w.v, one);
	}
	link_owners(&w);
	find_circles(&w);
	return w;
}

static void owners(void **state)
{
	(void)state;
	static const int owner[] = { 1, -1, 0 };
	struct waiting_tasks w = make(owner, 3);
	assert_int_equal(w.v.v[0].owner, 1);
	assert_int_equal(w.v.v[1].owner, SIZE_MAX);
	assert_int_equal(w.v.v[2].owner, 0);
	size_t last;
	for (size_t i = 0; i < 3; i++)
		assert_false(waiting_circle(&w, i, &last));
	vec_deinit(&w.v);
}

/* 0 → 1 → 2 → 3 → 1, 4 → 4, 5 → 4: a circle with a tail, one that waits for itself, and its waiter.
 */
static void circles(void **state)
{
	(void)state;
	static const int owner[] = { 1, 2, 3, 1, 4, 4 };
	static const bool circle[] = { false, true, true, true, true, false };
	struct waiting_tasks w = make(owner, 6);
	w.v.v[2].since_ns = 1; /* it came last, and closed the circle */
	size_t last;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(waiting_circle(&w, i, &last), circle[i]);
	for (size_t i = 1; i <= 3; i++) {
		assert_true(waiting_circle(&w, i, &last));
		assert_int_equal(last, 2);
	}
	assert_true(waiting_circle(&w, 4, &last));
	assert_int_equal(last, 4);
	vec_deinit(&w.v);
}

/* As many as a hostile dump may have, in one chain: nothing is walked again and again. */
static void long_chain(void **state)
{
	(void)state;
	enum { N = WAITING_MAX };
	int *owner = xcalloc(N, sizeof(*owner));
	for (int i = 0; i < N; i++)
		owner[i] = i + 1 < N ? i + 1 : -1;
	struct waiting_tasks w = make(owner, N);
	size_t last;
	for (size_t i = 0; i < N; i++)
		assert_false(waiting_circle(&w, i, &last));
	assert_int_equal(w.v.v[0].owner, 1);
	vec_deinit(&w.v);
	free(owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(owners), cmocka_unit_test(circles),
		cmocka_unit_test(long_chain) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
