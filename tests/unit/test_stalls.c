/* Spinlocks and their queues, workqueues, RCU's grace period: as they should be, and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/kernel/rcu_state.h"
#include "analyzer/kernel/spinlock.h"
#include "analyzer/kernel/workqueue.h"
#include "tests/unit/fake_stalls.h"

#define EACH_WORD for (unsigned word = 4; word <= 8; word += 4)

static void queued_spinlock(void **state)
{
	(void)state;
	EACH_WORD
	{
		struct fake f;
		struct spinlock l;
		struct spinlock_queue q;
		fake_stalls(&f, word, false);
		fake_spinlock(&f);
		assert_null(spinlock_read(f.t, fake_va(&f, SPIN_AT), &l));
		assert_int_equal(l.form, SPINLOCK_QUEUED);
		assert_true(l.held && l.valid && !l.pending && l.has_tail && l.debug);
		assert_int_equal(l.tail_cpu, 0);
		assert_int_equal(l.tail_level, 1);
		assert_int_equal(l.owner_va, fake_va(&f, SLEEPER_AT));
		assert_int_equal(l.owner_cpu, 1);
		assert_null(spinlock_queue_read(f.t, &l, &q));
		assert_int_equal(q.v.n, 2);
		assert_int_equal(q.v.v[0].cpu, 1);
		assert_int_equal(q.v.v[0].level, 0);
		assert_int_equal(q.v.v[1].cpu, 0);
		assert_int_equal(q.v.v[1].level, 1);
		assert_false(q.cut);
		spinlock_queue_deinit(&q);
		fake_deinit(&f);
	}
}

/* A circle of nodes, and a tail that no node in use has. */
static void queue_damaged(void **state)
{
	(void)state;
	struct fake f;
	struct spinlock l;
	struct spinlock_queue q;
	fake_stalls(&f, 8, false);
	fake_spinlock(&f);
	fake_set(&f, "qnode", fake_qnode(&f, 0, 1), "mcs.next", fake_va(&f, fake_qnode(&f, 1, 0)));
	assert_null(spinlock_read(f.t, fake_va(&f, SPIN_AT), &l));
	assert_null(spinlock_queue_read(f.t, &l, &q));
	assert_true(q.cut && q.v.n <= 3);
	spinlock_queue_deinit(&q);
	fake_set(&f, "qnode", fake_qnode(&f, 0, 0), "mcs.count", 1);
	assert_null(spinlock_queue_read(f.t, &l, &q));
	assert_true(q.cut && !q.v.n);
	fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.val.counter", 0x7f);
	assert_null(spinlock_read(f.t, fake_va(&f, SPIN_AT), &l));
	assert_false(l.valid);
	fake_set(&f, "raw_spinlock", SPIN_AT, "magic", 1);
	assert_null(spinlock_read(f.t, fake_va(&f, SPIN_AT), &l));
	assert_true(l.magic_bad && !l.owner_va);
	fake_deinit(&f);
}

static void ticket_spinlock(void **state)
{
	(void)state;
	struct fake f;
	struct spinlock l;
	fake_stalls(&f, 4, true);
	fake_set(&f, "raw_spinlock", SPIN_AT, "magic", 0xdead4ead);
	fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.tickets.owner", 0xffff);
	fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.tickets.next", 2);
	fake_set(&f, "raw_spinlock", SPIN_AT, "owner", UINT32_MAX);
	assert_null(spinlock_read(f.t, fake_va(&f, SPIN_AT), &l));
	assert_true(l.form == SPINLOCK_TICKET && l.held && l.valid);
	assert_int_equal(l.waiting, 2); /* the counter went round */
	assert_int_equal(l.owner_va, 0);
	fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.tickets.next", 0xffff);
	assert_null(spinlock_read(f.t, fake_va(&f, SPIN_AT), &l));
	assert_false(l.held);
	fake_deinit(&f);
}

static void workqueue(void **state)
{
	(void)state;
	EACH_WORD
	{
		struct fake f;
		struct workqueues w = { 0 };
		fake_stalls(&f, word, false);
		fake_works(&f);
		assert_null(workqueues_read(f.t, &w));
		assert_int_equal(w.unread, 0);
		assert_int_equal(w.queue.n, 1);
		assert_string_equal(w.queue.v[0].name, "events");
		assert_int_equal(w.queue.v[0].active, 2);
		assert_int_equal(w.queue.v[0].inactive, 1);
		assert_int_equal(w.pool.n, 1);
		assert_int_equal(w.pool.v[0].cpu, -1);
		assert_int_equal(w.pool.v[0].id, 4);
		assert_int_equal(w.pool.v[0].pending, 1);
		assert_int_equal(w.pool.v[0].without_progress, 700);
		assert_int_equal(w.work.n, 4);
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(w.work.v[i].state, i);
			assert_int_equal(w.work.v[i].va, fake_va(&f, fake_work(i)));
			assert_int_equal(w.work.v[i].function, 0x100 * (i + 1));
			assert_int_equal(w.work.v[i].workqueue, fake_va(&f, QUEUE_AT_));
			assert_int_equal(
				w.work.v[i].task, i < 2 ? fake_va(&f, SLEEPER_AT) : 0);
		}
		workqueues_deinit(&w);
		fake_deinit(&f);
	}
}

/* A list of works that goes in a circle costs its pool's pending works, and nothing else. */
static void workqueue_damaged(void **state)
{
	(void)state;
	struct fake f;
	struct workqueues w = { 0 };
	fake_stalls(&f, 8, false);
	fake_works(&f);
	fake_put(f.t->dump, fake_entry(&f, 2), fake_va(&f, fake_entry(&f, 2)), 8);
	assert_null(workqueues_read(f.t, &w));
	assert_int_equal(w.unread, 1);
	assert_non_null(strstr(w.first_unread->msg, "pool 4"));
	assert_int_equal(w.work.v[0].state, WORK_RUNNING);
	assert_int_equal(w.work.v[w.work.n - 1].state, WORK_INACTIVE);
	workqueues_deinit(&w);
	fake_deinit(&f);
}

static void rcu(void **state)
{
	(void)state;
	EACH_WORD
	{
		struct fake f;
		struct rcu r = { 0 };
		fake_stalls(&f, word, false);
		fake_grace_period(&f);
		assert_null(rcu_read(f.t, &r));
		assert_int_equal(r.unread, 0);
		assert_true(r.gp.running && rcu_stalls(&r));
		assert_int_equal(r.gp.age, 1000);
		assert_int_equal(r.gp.stall_in, -1);
		assert_int_equal(r.gp.forced, 383);
		assert_string_equal(rcu_state_name(r.gp.state), "wait-fqs");
		assert_int_equal(r.cpu.n, 2);
		assert_false(r.cpu.v[0].holds_up);
		assert_true(r.cpu.v[1].holds_up);
		assert_true(r.cpu.v[0].passed_qs && !r.cpu.v[1].passed_qs);
		assert_int_equal(r.cpu.v[0].behind, 0);
		assert_int_equal(r.cpu.v[1].behind, 2);
		assert_int_equal(r.cpu.v[1].callbacks, 15);
		assert_int_equal(r.cpu.v[1].watching, 0x1602d);
		assert_int_equal(r.blocked.n, 2); /* once, though two CPUs share the node */
		assert_false(r.blocked.v[0].holds_up);
		assert_true(r.blocked.v[1].holds_up);
		assert_int_equal(r.blocked.v[1].task_va, fake_va(&f, SLEEPER_AT + 0x80));
		rcu_deinit(&r);
		fake_set(&f, "rcu_state", RCU_AT, "gp_seq", (uint64_t)-536);
		r = (struct rcu){ 0 };
		assert_null(rcu_read(f.t, &r));
		assert_false(r.gp.running || rcu_stalls(&r) || r.cpu.v[1].holds_up);
		rcu_deinit(&r);
		fake_deinit(&f);
	}
}

static void rcu_damaged(void **state)
{
	(void)state;
	struct fake f;
	struct rcu r = { 0 };
	fake_stalls(&f, 8, false);
	struct err *err = rcu_read(f.t, &r);
	assert_non_null(err);
	assert_non_null(strstr(err->msg, "tiny RCU"));
	err_drop(err);
	fake_grace_period(&f);
	fake_put(f.t->dump, fake_sleeper(&f, 1), fake_va(&f, fake_sleeper(&f, 0)), 8);
	assert_null(rcu_read(f.t, &r));
	assert_int_equal(r.unread, 1);
	assert_int_equal(r.cpu.n, 2);
	rcu_deinit(&r);
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queued_spinlock),
		cmocka_unit_test(queue_damaged),
		cmocka_unit_test(ticket_spinlock),
		cmocka_unit_test(workqueue),
		cmocka_unit_test(workqueue_damaged),
		cmocka_unit_test(rcu),
		cmocka_unit_test(rcu_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
