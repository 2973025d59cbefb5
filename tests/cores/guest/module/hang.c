// SPDX-License-Identifier: GPL-2.0
/*
 * Waits without end: locks taken in the wrong order, twice, or never given back; CPUs that never come back.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/semaphore.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "misbehave.h"

static DEFINE_MUTEX(left_lock);
static DEFINE_MUTEX(right_lock);
static DECLARE_RWSEM(shelf_lock);
static DEFINE_SEMAPHORE(tray_lock);
static DEFINE_SPINLOCK(gate_lock);
static DECLARE_COMPLETION(delivery);
static volatile unsigned long turns;

/* ---- two mutexes, two threads */

static noinline void left_then_right(void *data)
{
	mutex_lock(&left_lock);
	msleep(200);
	mutex_lock(&right_lock);
	mutex_unlock(&right_lock);
	mutex_unlock(&left_lock);
}

static noinline void right_then_left(struct plan *plan)
{
	crew_start(CREW_FREE, left_then_right, plan);
	mutex_lock(&right_lock);
	msleep(200);
	mutex_lock(&left_lock);
	mutex_unlock(&left_lock);
	mutex_unlock(&right_lock);
}

static int abba_plan(struct plan *plan)
{
	tell("lock=left_lock address=0x%px owner_pid=%d waiter_pid=%d", &left_lock, crew_pid(CREW_FREE),
	     crew_pid(CREW_FAULT));
	tell("lock=right_lock address=0x%px owner_pid=%d waiter_pid=%d", &right_lock, crew_pid(CREW_FAULT),
	     crew_pid(CREW_FREE));
	tell("other_fn=left_then_right other_task=mb-free other_pid=%d", crew_pid(CREW_FREE));
	return 0;
}

/* ---- one holder that sleeps, one that waits */

static bool is(const struct plan *plan, const char *kind)
{
	return !strcmp(plan->kind, kind);
}

static noinline void holder_sleeps(void *data)
{
	struct plan *plan = data;

	if (is(plan, "rwsem"))
		down_read(&shelf_lock);
	else if (is(plan, "semaphore"))
		down(&tray_lock);
	else
		mutex_lock(&left_lock);
	for (;;)
		msleep_interruptible(100000);
}

static noinline void waiter_waits(struct plan *plan)
{
	if (!is(plan, "completion"))
		crew_start(CREW_FREE, holder_sleeps, plan);
	msleep(200);
	if (is(plan, "rwsem"))
		down_write(&shelf_lock);
	else if (is(plan, "semaphore"))
		down(&tray_lock);
	else if (is(plan, "completion"))
		wait_for_completion(&delivery);
	else
		mutex_lock(&left_lock);
	turns++;
}

static int hung_plan(struct plan *plan)
{
	const char *kind = plan->kind[0] ? plan->kind : "mutex";
	const void *lock = is(plan, "rwsem") ? (void *)&shelf_lock : is(plan, "semaphore") ? (void *)&tray_lock :
			   is(plan, "completion") ? (void *)&delivery : (void *)&left_lock;

	tell("kind=%s address=0x%px waiter_pid=%d", kind, lock, crew_pid(CREW_FAULT));
	if (!is(plan, "completion"))
		tell("owner_pid=%d owner_fn=holder_sleeps", crew_pid(CREW_FREE));
	return 0;
}

/* ---- a work item that never ends, and one who waits for it */

static noinline void job_never_ends(struct work_struct *work)
{
	for (;;)
		msleep_interruptible(100000);
}

static DECLARE_WORK(endless_job, job_never_ends);

static noinline void job_flush(struct plan *plan)
{
	schedule_work(&endless_job);
	flush_work(&endless_job);
	turns++;
}

static int work_plan(struct plan *plan)
{
	tell("work=0x%px work_fn=job_never_ends waiter_pid=%d", &endless_job, crew_pid(CREW_FAULT));
	return 0;
}

/* ---- spinning */

static noinline void gate_enter_twice(struct plan *plan)
{
	spin_lock(&gate_lock);
	turns++;
	spin_lock(&gate_lock);
	turns++;
	spin_unlock(&gate_lock);
}

static noinline void gate_keep(void *data)
{
	spin_lock(&gate_lock);
	for (;;)
		cpu_relax();
}

static noinline void gate_wait(struct plan *plan)
{
	crew_start(CREW_FREE, gate_keep, plan);
	msleep(200);
	spin_lock(&gate_lock);
	turns++;
}

static int gate_plan(struct plan *plan)
{
	tell("lock=gate_lock address=0x%px", &gate_lock);
	return 0;
}

static noinline void wheel_turns(struct plan *plan)
{
	if (is(plan, "irqs-off"))
		local_irq_disable();
	else
		preempt_disable();
	for (;;)
		cpu_relax();
}

static noinline void reader_stays(struct plan *plan)
{
	rcu_read_lock();
	preempt_disable();
	for (;;)
		cpu_relax();
}

const struct scenario hang_scenarios[] = {
	{ "abba", abba_plan, right_then_left, "right_then_left" },
	{ "hung", hung_plan, waiter_waits, "waiter_waits" },
	{ "hung-work", work_plan, job_flush, "job_flush" },
	{ "spin-twice", gate_plan, gate_enter_twice, "gate_enter_twice" },
	{ "spin-wait", gate_plan, gate_wait, "gate_wait" },
	{ "lockup", NULL, wheel_turns, "wheel_turns" },
	{ "rcu-stall", NULL, reader_stays, "reader_stays" },
	{}
};
