/* Waiters on stacks, of every kind of lock and both ways to queue them; rings that are damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/fake_locks.h"

#define EACH_WORD for (unsigned word = 4; word <= 8; word += 4)

static void start(struct fake *f, struct lock_waits *w, unsigned word, bool first)
{
	fake_init(f, word);
	fake_lock_types(f, first);
	fake_lock_code(f);
	memset(w, 0, sizeof(*w));
	fake_lock_sleepers(f, w);
}

static void finish(struct fake *f, struct lock_waits *w)
{
	lock_waits_deinit(w);
	fake_deinit(f);
}

static void expect(struct fake *f, const struct lock_waits *w, unsigned task, const char *function,
	enum lock_kind kind, uint64_t owner)
{
	struct lock_wait found;
	struct err *err = fake_lock_find(f, w, task, function, &found);
	if (err)
		print_message("%s\n", err->msg);
	assert_null(err);
	assert_int_equal(found.kind, kind);
	assert_int_equal(found.lock_va, fake_va(f, LOCK_AT));
	assert_int_equal(found.waiter_va, fake_va(f, fake_lock_waiter(task)));
	assert_int_equal(found.owner_va, owner);
	assert_int_equal(!found.owner_unknown, owner != 0);
}

static void mutex_in_a_list(void **state)
{
	(void)state;
	EACH_WORD
	{
		struct fake f;
		struct lock_waits w;
		start(&f, &w, word, false);
		fake_lock_ring(&f, "mutex_waiter", "list", 2,
			LOCK_AT + fake_offsetof(&f, "mutex", "wait_list"));
		fake_set(&f, "mutex", LOCK_AT, "owner.counter", fake_va(&f, fake_lock_task(2)) | 3);
		expect(&f, &w, 0, "__mutex_lock", LOCK_MUTEX, fake_va(&f, fake_lock_task(2)));
		expect(&f, &w, 1, "__mutex_lock", LOCK_MUTEX, fake_va(&f, fake_lock_task(2)));
		fake_set(&f, "mutex", LOCK_AT, "owner.counter", 1);
		expect(&f, &w, 1, "__mutex_lock", LOCK_MUTEX, 0);
		finish(&f, &w);
	}
}

/* Since 7.0 the ring has no head: the lock's address stands on the stack. */
static void rwsem_with_its_first_waiter(void **state)
{
	(void)state;
	EACH_WORD
	{
		struct fake f;
		struct lock_waits w;
		struct lock_wait found;
		start(&f, &w, word, true);
		fake_lock_ring(&f, "rwsem_waiter", "list", 2, 0);
		fake_set(&f, "rw_semaphore", LOCK_AT, "first_waiter",
			fake_va(&f, fake_lock_waiter(0)));
		fake_set(&f, "rw_semaphore", LOCK_AT, "owner.counter",
			fake_va(&f, fake_lock_task(2)) | 1);
		struct err *err = fake_lock_find(&f, &w, 1, "rwsem_down_write_slowpath", &found);
		assert_non_null(err); /* nothing leads to the lock yet */
		assert_int_equal(err->code, ERR_FORMAT);
		err_drop(err);
		fake_put(f.t->dump, fake_lock_waiter(1) + 0x80, fake_va(&f, LOCK_AT), word);
		expect(&f, &w, 1, "rwsem_down_write_slowpath", LOCK_RWSEM,
			fake_va(&f, fake_lock_task(2)));
		assert_null(fake_lock_find(&f, &w, 1, "rwsem_down_write_slowpath", &found));
		assert_true(found.readers);
		finish(&f, &w);
	}
}

static void semaphores_and_completions_have_no_owner(void **state)
{
	(void)state;
	EACH_WORD
	{
		struct fake f;
		struct lock_waits w;
		start(&f, &w, word, false);
		fake_lock_ring(&f, "semaphore_waiter", "list", 3,
			LOCK_AT + fake_offsetof(&f, "semaphore", "wait_list"));
		expect(&f, &w, 2, "__down", LOCK_SEMAPHORE, 0);
		fake_lock_ring(&f, "swait_queue", "task_list", 1,
			LOCK_AT + fake_offsetof(&f, "completion", "wait.task_list"));
		expect(&f, &w, 0, "wait_for_completion", LOCK_COMPLETION, 0);
		finish(&f, &w);
	}
}

/* flush_work(): the completion is in a barrier on the same stack, whose work stands in the worker's
 * list. */
static void work_is_run_by_its_worker(void **state)
{
	(void)state;
	EACH_WORD
	{
		struct fake f;
		struct lock_waits w;
		struct lock_wait found;
		start(&f, &w, word, false);
		uint64_t barrier = fake_lock_waiter(0) + 0x60,
			 done = barrier + fake_offsetof(&f, "wq_barrier", "done");
		uint64_t entry = barrier + fake_offsetof(&f, "wq_barrier", "work.entry");
		uint64_t scheduled = WORKER_AT + fake_offsetof(&f, "worker", "scheduled");
		fake_lock_ring(&f, "swait_queue", "task_list", 1,
			done + fake_offsetof(&f, "completion", "wait.task_list"));
		fake_set(&f, "wq_barrier", barrier, "task", fake_va(&f, fake_lock_task(0)));
		fake_set(&f, "worker", WORKER_AT, "task", fake_va(&f, fake_lock_task(1)));
		fake_set(&f, "worker", WORKER_AT, "current_func", 0x1234);
		fake_put(f.t->dump, entry, fake_va(&f, scheduled), word);
		fake_put(f.t->dump, scheduled, fake_va(&f, entry), word);
		assert_null(fake_lock_find(&f, &w, 0, "wait_for_completion", &found));
		assert_int_equal(found.kind, LOCK_WORK);
		assert_int_equal(found.owner_va, fake_va(&f, fake_lock_task(1)));
		assert_int_equal(found.work_fn, 0x1234);
		finish(&f, &w);
	}
}

static void damage_is_no_lock(void **state)
{
	(void)state;
	EACH_WORD
	{
		struct fake f;
		struct lock_waits w;
		struct lock_wait found;
		start(&f, &w, word, false);
		uint64_t head = LOCK_AT + fake_offsetof(&f, "mutex", "wait_list");
		fake_lock_ring(&f, "mutex_waiter", "list", 2, head);
		fake_put(f.t->dump, head + word, 0, word); /* a back link */
		struct err *err = fake_lock_find(&f, &w, 0, "__mutex_lock", &found);
		assert_non_null(err); /* it does wait, nobody knows for which */
		assert_int_equal(err->code, ERR_FORMAT);
		err_drop(err);
		err = fake_lock_find(&f, &w, 0, "other", &found);
		assert_non_null(err);
		assert_int_equal(err->code, ERR_NOT_FOUND);
		err_drop(err);
		finish(&f, &w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutex_in_a_list),
		cmocka_unit_test(rwsem_with_its_first_waiter),
		cmocka_unit_test(semaphores_and_completions_have_no_owner),
		cmocka_unit_test(work_is_run_by_its_worker),
		cmocka_unit_test(damage_is_no_lock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
