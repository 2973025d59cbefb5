/* What lockdep has noted of a task: as it should be, from before 5.3, and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/fake_lockdep.h"

static void begin(struct fake *f, unsigned word)
{
	fake_init(f, word);
	fake_lockdep_types(f);
	fake_lockdep_lock(f, 0, "left");
	fake_lockdep_lock(f, 1, "right");
}

static void expect_names(struct fake *f, const char *first, const char *second)
{
	struct lockdep_locks l;
	assert_null(fake_lockdep_read(f, &l));
	assert_int_equal(l.n, 2);
	assert_string_equal(l.held[0].name, first);
	assert_string_equal(l.held[1].name, second);
}

static void two_locks(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		struct lockdep_locks l;
		begin(&f, word);
		fake_set(&f, "lock_class", fake_class(&f, 2), "name_version", 3);
		fake_set(&f, "lock_class", fake_class(&f, 3), "subclass", 1);
		expect_names(&f, "left#3", "right/1");
		uint64_t flags = fake_held(&f, 1) + fake_offsetof(&f, "held_lock", "pin_count") - 4;
		fake_put(f.t->dump, flags, 3 | 1u << 15 | 2u << 16 | 5u << 20, 4);
		assert_null(fake_lockdep_read(&f, &l));
		assert_int_equal(l.held[1].va, fake_va(&f, fake_held(&f, 1)));
		assert_int_equal(l.held[1].map_va, fake_va(&f, LD_MAPS + 0x40));
		assert_int_equal(l.held[1].acquire_va, fake_va(&f, 0x100));
		assert_int_equal(l.held[1].references, 5);
		assert_true(l.held[1].shared && l.held[1].tried);
		assert_false(l.held[0].shared || l.held[0].tried || l.cut);
		fake_deinit(&f);
	}
}

/* Numbers of classes began with 1: the class before is the one whose key is the lock's. */
static void numbers_from_one(void **state)
{
	(void)state;
	struct fake f;
	begin(&f, 8);
	for (unsigned n = 0; n < 2; n++) {
		uint64_t at = fake_held(&f, n) + fake_offsetof(&f, "held_lock", "pin_count") - 4;
		fake_put(f.t->dump, at, n + 3, 4);
	}
	fake_set(&f, "lock_class", fake_class(&f, 3), "name_version", 2);
	expect_names(&f, "left", "right#2");
	fake_deinit(&f);
}

/* A class of another lock, and a number that no class has: the lock's own name, of no class. */
static void no_such_class(void **state)
{
	(void)state;
	struct fake f;
	begin(&f, 8);
	fake_set(&f, "lock_class", fake_class(&f, 2), "name_version", 9);
	fake_set(&f, "lock_class", fake_class(&f, 2), "key", fake_va(&f, LD_MAPS + 0x80));
	uint64_t at = fake_held(&f, 1) + fake_offsetof(&f, "held_lock", "pin_count") - 4;
	fake_put(f.t->dump, at, LD_NCLASSES + 1, 4);
	expect_names(&f, "left", "right");
	fake_set(&f, "lockdep_map", LD_MAPS, "name", 0);
	fake_set(&f, "held_lock", fake_held(&f, 1), "instance", 0);
	expect_names(&f, "", "");
	fake_deinit(&f);
}

static void depth_damaged(void **state)
{
	(void)state;
	struct fake f;
	struct lockdep_locks l;
	begin(&f, 4);
	fake_set(&f, "task_struct", LD_TASK, "lockdep_depth", LOCKDEP_DEPTH_MAX + 1);
	assert_null(fake_lockdep_read(&f, &l));
	assert_true(l.cut && !l.n);
	fake_deinit(&f);
}

static void switched_off(void **state)
{
	(void)state;
	struct fake f;
	struct lockdep l;
	begin(&f, 8);
	assert_null(lockdep_init(&l, f.t));
	assert_false(l.off);
	fake_put(f.t->dump, LD_ON, 0, 4);
	assert_null(lockdep_init(&l, f.t));
	assert_true(l.off);
	fake_deinit(&f);
	fake_init(&f, 8);
	scoped_err struct err *err = lockdep_init(&l, f.t);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_MISSING);
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_locks),
		cmocka_unit_test(numbers_from_one),
		cmocka_unit_test(no_such_class),
		cmocka_unit_test(depth_damaged),
		cmocka_unit_test(switched_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
