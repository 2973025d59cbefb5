/* Who spins on which spinlock, and what khungtaskd knows of who sleeps: proved, doubtful, damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/fake_waits.h"

#define EACH_WORD for (unsigned word = 4; word <= 8; word += 4)

static void expect_none(struct fake *f, struct frame *frame, enum err_code code)
{
	struct spin_wait w;
	struct err *err = fake_spin_find(f, frame, WAIT_FRAMES, &w);
	assert_non_null(err);
	assert_int_equal(err->code, code);
	err_drop(err);
}

static void expect_lock(struct fake *f, struct frame *frame, bool sure)
{
	struct spin_wait w;
	assert_null(fake_spin_find(f, frame, WAIT_FRAMES, &w));
	assert_int_equal(w.lock.va, fake_va(f, SPIN_AT));
	assert_int_equal(w.frame, FRAME_SLOWPATH);
	assert_int_equal(w.sure, sure);
}

/* A lock with debugging proves itself, and says who holds it. */
static void debug_lock(void **state)
{
	(void)state;
	EACH_WORD
	{
		struct fake f;
		struct spin_wait w;
		struct frame frame[WAIT_FRAMES];
		fake_waits(&f, word, false, true);
		fake_wait_frames(&f, frame);
		fake_spinlock(&f);
		fake_set(&f, "raw_spinlock", SPIN_AT, "owner", fake_va(&f, fake_wait_task(2)));
		fake_set(&f, "task_struct", fake_wait_task(2), "pid", 99);
		expect_none(&f, frame, ERR_FORMAT); /* nothing leads to it */
		regs_set(&frame[FRAME_LOCK].regs, 0, fake_va(&f, SPIN_AT));
		expect_lock(&f, frame, true);
		assert_null(fake_spin_find(&f, frame, WAIT_FRAMES, &w));
		assert_int_equal(w.owner_va, fake_va(&f, fake_wait_task(2)));
		assert_int_equal(w.lock.owner_cpu, 1);
		assert_null(w.owner_unknown);
		fake_set(&f, "raw_spinlock", SPIN_AT, "owner", fake_va(&f, 1 << 29));
		assert_null(fake_spin_find(&f, frame, WAIT_FRAMES, &w));
		assert_int_equal(w.owner_va, 0); /* there is no memory */
		assert_non_null(strstr(w.owner_unknown, "cannot be read"));
		fake_set(&f, "raw_spinlock", SPIN_AT, "magic", 0xdead4eac);
		expect_none(&f, frame, ERR_FORMAT);
		fake_set(&f, "raw_spinlock", SPIN_AT, "magic", 0xdead4ead);
		fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.val.counter", 0);
		expect_none(&f, frame, ERR_FORMAT); /* nobody spins on what is free */
		fake_deinit(&f);
	}
}

/* Where the address lies: a register, the frame's own words, those that a callee saved; not
 * further off. */
static void places(void **state)
{
	(void)state;
	EACH_WORD
	{
		struct fake f;
		struct frame frame[WAIT_FRAMES];
		fake_waits(&f, word, false, true);
		fake_wait_frames(&f, frame);
		fake_spinlock(&f);
		for (unsigned i = FRAME_OTHER; i < FRAME_CALLER; i++) {
			uint64_t at = WAIT_STACK_AT + i * WAIT_FRAME_BYTES + 2 * word;
			fake_put(f.t->dump, at, fake_va(&f, SPIN_AT), word);
			expect_lock(&f, frame, true);
			fake_put(f.t->dump, at, fake_va(&f, SPIN_AT) + 1, word); /* not aligned */
			expect_none(&f, frame, ERR_FORMAT);
			fake_put(f.t->dump, at, 0, word);
		}
		fake_put(f.t->dump, WAIT_STACK_AT + WAIT_FRAMES * WAIT_FRAME_BYTES,
			fake_va(&f, SPIN_AT), word);
		expect_none(&f, frame, ERR_FORMAT); /* beyond the outermost frame */
		fake_deinit(&f);
	}
}

/* Without debugging the lock's word and its queue must say that this CPU waits. */
static void plain_queue(void **state)
{
	(void)state;
	struct fake f;
	struct frame frame[WAIT_FRAMES];
	fake_waits(&f, 8, false, false);
	fake_wait_frames(&f, frame);
	regs_set(&frame[FRAME_SLOWPATH].regs, 3, fake_va(&f, SPIN_AT));
	fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.val.counter", 1);
	expect_none(&f, frame, ERR_FORMAT); /* held, and nobody waits */
	fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.val.counter", 1 | 1 << 8);
	expect_lock(&f, frame, false); /* somebody is pending */
	fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.val.counter", 1 | 1u << 18);
	expect_none(&f, frame, ERR_FORMAT); /* a queue, and no node of it is in use */
	fake_set(&f, "qnode", fake_qnode(&f, 0, 0), "mcs.count", 1);
	expect_lock(&f, frame, true); /* CPU 0's is */
	fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.val.counter", 1 | 2u << 18);
	fake_set(&f, "qnode", fake_qnode(&f, 1, 0), "mcs.count", 1);
	expect_none(&f, frame, ERR_FORMAT); /* CPU 1 alone waits */
	fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.val.counter", 7);
	expect_none(&f, frame, ERR_FORMAT); /* no lock word */
	fake_put(f.t->dump, SPIN_AT + 1, 1 | 1 << 8, 4);
	regs_set(&frame[FRAME_SLOWPATH].regs, 3, fake_va(&f, SPIN_AT + 1));
	expect_none(&f, frame, ERR_FORMAT); /* one, but where no lock can lie */
	fake_deinit(&f);
}

static void tickets(void **state)
{
	(void)state;
	struct fake f;
	struct frame frame[WAIT_FRAMES];
	fake_waits(&f, 4, true, false);
	fake_wait_frames(&f, frame);
	regs_set(&frame[FRAME_LOCK].regs, 0, fake_va(&f, SPIN_AT));
	fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.tickets.owner", 0xffff);
	expect_none(&f, frame, ERR_FORMAT); /* one holds it, and nobody waits */
	fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.tickets.next", 1);
	expect_lock(&f, frame, false);
	fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.tickets.next", 0x7fff);
	expect_none(&f, frame, ERR_FORMAT); /* more than there can be CPUs */
	fake_deinit(&f);
}

static void no_spinning(void **state)
{
	(void)state;
	struct fake f;
	struct frame frame[WAIT_FRAMES];
	struct spin_wait w;
	fake_waits(&f, 8, false, true);
	fake_wait_frames(&f, frame);
	fake_spinlock(&f);
	regs_set(&frame[FRAME_CALLER].regs, 0, fake_va(&f, SPIN_AT));
	struct trace trace = { .frame = frame + FRAME_CALLER, .nframes = 1 };
	struct task task = { .pid = 7 };
	struct err *err = spin_wait_find(f.t, &task, &trace, &w);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_NOT_FOUND);
	err_drop(err);
	trace = (struct trace){ .frame = frame, .nframes = WAIT_FRAMES, .user = true };
	err = spin_wait_find(f.t, &task, &trace, &w);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_NOT_FOUND);
	err_drop(err);
	fake_deinit(&f);
}

/* ---- khungtaskd ----------------------------------------------- */

static struct hung_task look(struct fake *f, uint32_t task_state)
{
	struct hung_tasks h;
	struct hung_task ret;
	struct task task = { .va = fake_va(f, fake_wait_task(1)), .state = task_state };
	assert_null(hung_tasks_init(&h, f->t));
	assert_null(hung_task_read(&h, &task, &ret));
	return ret;
}

static void hung(void **state)
{
	enum { UNINTERRUPTIBLE = 2, KILLABLE = 0x102, IDLE = 0x402, FROZEN = 0x8002 };
	(void)state;
	EACH_WORD
	{
		struct fake f;
		struct hung_tasks h;
		fake_waits(&f, word, false, true);
		fake_hung(&f);
		assert_null(hung_tasks_init(&h, f.t));
		assert_int_equal(h.hz, 250);
		assert_int_equal(h.timeout_s, 8);
		struct hung_task t = look(&f, UNINTERRUPTIBLE);
		assert_true(t.noted && t.reported);
		assert_int_equal(t.noted_s, 10);
		assert_false(look(&f, KILLABLE).reported);
		assert_false(look(&f, IDLE).reported);
		assert_false(look(&f, FROZEN).reported);
		fake_put(f.t->dump, WAIT_TIMEOUT_AT, 11, word);
		assert_false(look(&f, UNINTERRUPTIBLE).reported);
		fake_put(f.t->dump, WAIT_TIMEOUT_AT, 0, word);
		assert_false(look(&f, UNINTERRUPTIBLE).reported); /* switched off */
		fake_set(&f, "task_struct", fake_wait_task(1), "nvcsw", 6);
		assert_false(look(&f, UNINTERRUPTIBLE).noted); /* it has run since */
		/* Counts and times of the kernel's words go round. */
		uint64_t most = word == 8 ? UINT64_MAX : UINT32_MAX;
		fake_set(&f, "task_struct", fake_wait_task(1), "nvcsw", most - 1);
		fake_set(&f, "task_struct", fake_wait_task(1), "nivcsw", 9);
		assert_true(look(&f, UNINTERRUPTIBLE).noted);
		fake_set(&f, "task_struct", fake_wait_task(1), "last_switch_time", JIFFIES + 1);
		assert_false(look(&f, UNINTERRUPTIBLE).noted); /* of the future */
		fake_deinit(&f);
	}
}

/* Counts of nothing: a task that never ran, and a clock that says no sensible rate. */
static void hung_damaged(void **state)
{
	(void)state;
	struct fake f;
	struct hung_tasks h;
	fake_waits(&f, 8, false, true);
	fake_put(f.t->dump, WAIT_TIMEOUT_AT, 8, 8);
	struct err *err = hung_tasks_init(&h, f.t); /* no rate */
	assert_non_null(err);
	assert_int_equal(err->code, ERR_MISSING);
	err_drop(err);
	fake_hung(&f);
	fake_set(&f, "clocksource", WAIT_CLOCK_AT, "mult", 1); /* a jiffy of no time */
	err = hung_tasks_init(&h, f.t);
	assert_non_null(err);
	err_drop(err);
	fake_set(&f, "clocksource", WAIT_CLOCK_AT, "mult", 4000000);
	fake_set(&f, "clocksource", WAIT_CLOCK_AT, "shift", 40);
	err = hung_tasks_init(&h, f.t);
	assert_non_null(err);
	err_drop(err);
	fake_hung(&f);
	fake_set(&f, "task_struct", fake_wait_task(1), "nvcsw", 0);
	fake_set(&f, "task_struct", fake_wait_task(1), "nivcsw", 0);
	fake_set(&f, "task_struct", fake_wait_task(1), "last_switch_count", 0);
	assert_false(look(&f, 2).noted);
	struct task nowhere = { .va = fake_va(&f, 1 << 29) };
	struct hung_task t;
	assert_null(hung_tasks_init(&h, f.t));
	err = hung_task_read(&h, &nowhere, &t);
	assert_non_null(err);
	err_drop(err);
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debug_lock),
		cmocka_unit_test(places),
		cmocka_unit_test(plain_queue),
		cmocka_unit_test(tickets),
		cmocka_unit_test(no_spinning),
		cmocka_unit_test(hung),
		cmocka_unit_test(hung_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
