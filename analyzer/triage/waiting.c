/* See waiting.h. How long: from when a task last ran to its run queue's clock
 * (kernel/sched/sched.h, 4.19 to 7.2). */
#include "analyzer/triage/waiting.h"

#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/runqueue.h"
#include "analyzer/kernel/task_detail.h"

enum { STATE_UNINTERRUPTIBLE = 2, STATE_NOLOAD = 0x400, WAITING_MAX = 100000 };

bool waiting_is_blocked(const struct task *task)
{
	return task->state & STATE_UNINTERRUPTIBLE && !(task->state & STATE_NOLOAD) &&
	       !task->on_cpu;
}

static struct err *read_now(struct waiting_tasks *w)
{
	struct cpu_mask present;
	struct err *err = cpu_mask_read(w->t, CPUS_PRESENT, &present);
	if (err)
		return err;
	for (unsigned cpu = cpu_mask_next(&present, 0); !err && cpu < CPUS_MAX;
		cpu = cpu_mask_next(&present, cpu + 1)) {
		struct runqueue rq;
		err = runqueue_read(w->t, cpu, &rq);
		if (!err && rq.clock_ns > w->now_ns)
			w->now_ns = rq.clock_ns;
		err = lock_waits_set_aside(&w->locks, err_wrap(err, "clock of CPU %u", cpu));
	}
	return err;
}

/* What it waits for; @broken: why its backtrace says less than all, NULL: it does not. */
static struct err *find_lock(struct waiting_tasks *w, struct waiting *ret, const char *broken)
{
	struct err *err = lock_wait_find(&w->locks, &ret->task, &ret->calls->trace, &ret->lock);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	ret->has_lock = !err;
	if (err && err->code != ERR_NOT_FOUND)
		ret->no_lock = arena_strdup(w->a, err->msg);
	else if (err)
		ret->no_lock = broken;
	err_drop(err); /* kept in words where it is more than "none" */
	return NULL;
}

struct err *waiting_one(struct waiting_tasks *w, const struct task *task, struct waiting *ret)
{
	struct task_times times;
	*ret = (struct waiting){ .task = *task, .owner = SIZE_MAX };
	ret->calls = arena_alloc(w->a, sizeof(*ret->calls));
	struct err *err = calls_of_task(w->t, task, w->a, ret->calls);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	const char *broken = NULL;
	if (err)
		broken = arena_printf(w->a, "its stack cannot be walked: %s", err->msg);
	else if (ret->calls->trace.broken)
		broken = arena_printf(w->a, "its backtrace breaks off: %s",
			ret->calls->trace.end ? ret->calls->trace.end : "no reason known");
	err_drop(err); /* kept in words: it waits all the same */
	err = task_times_read(w->t, task, &times);
	if (!err && times.last_run_ns && w->now_ns >= times.last_run_ns) {
		ret->has_since = true;
		ret->since_ns = w->now_ns - times.last_run_ns;
	}
	err = lock_waits_set_aside(&w->locks, err_wrap(err, "times of pid %u", task->pid));
	return err ? err : find_lock(w, ret, broken);
}

struct numbered {
	uint64_t task_va;
	size_t number;
};

static int by_task(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	return (x->task_va > y->task_va) - (x->task_va < y->task_va);
}

static void link_owners(struct waiting_tasks *w)
{
	scoped_free struct numbered *all = xcalloc(w->v.n + 1, sizeof(*all));
	for (size_t i = 0; i < w->v.n; i++)
		all[i] = (struct numbered){ w->v.v[i].task.va, i };
	qsort(all, w->v.n, sizeof(*all), by_task);
	for (size_t i = 0; i < w->v.n; i++) {
		const struct numbered wanted = { w->v.v[i].lock.owner_va, 0 };
		const struct numbered *found =
			wanted.task_va ? bsearch(&wanted, all, w->v.n, sizeof(*all), by_task)
				       : NULL;
		if (found)
			w->v.v[i].owner = found->number;
	}
}

/* Each task waits for one at most: whoever is met twice from one start is in a circle. */
static void find_circles(struct waiting_tasks *w)
{
	scoped_free size_t *start = xcalloc(w->v.n + 1, sizeof(*start)); /* from which, plus one */
	for (size_t i = 0; i < w->v.n; i++) {
		size_t at = i;
		for (; at != SIZE_MAX && !start[at]; at = w->v.v[at].owner)
			start[at] = i + 1;
		if (at == SIZE_MAX || start[at] != i + 1)
			continue;
		for (; !w->v.v[at].in_circle; at = w->v.v[at].owner)
			w->v.v[at].in_circle = true;
	}
}

struct err *waiting_read(struct waiting_tasks *w, struct target *t, struct arena *a)
{
	struct task_iter it;
	struct task task;
	bool more = true;
	w->t = t;
	w->a = a;
	struct err *err = lock_waits_init(&w->locks, t);
	if (!err)
		err = read_now(w);
	if (!err)
		err = task_iter_init(&it, t);
	while (!err && w->v.n < WAITING_MAX) {
		struct waiting one;
		err = task_iter_next(&it, &task, &more);
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* lock_waits_init() met and counted it */
			err = NULL;
			continue;
		}
		if (err || !more)
			break;
		if (!waiting_is_blocked(&task))
			continue;
		err = waiting_one(w, &task, &one);
		if (!err)
			vec_push(&w->v, one);
		if (!err)
			err = interrupt_check();
	}
	if (!err && w->v.n == WAITING_MAX)
		err = lock_waits_set_aside(
			&w->locks, err_new(ERR_LIMIT, "more than %d tasks wait", WAITING_MAX));
	if (!err) {
		link_owners(w);
		find_circles(w);
	}
	return err;
}

void waiting_deinit(struct waiting_tasks *w)
{
	lock_waits_deinit(&w->locks);
	vec_deinit(&w->v);
}

bool waiting_circle(const struct waiting_tasks *w, size_t i, size_t *ret_last)
{
	*ret_last = i;
	if (!w->v.v[i].in_circle)
		return false;
	for (size_t at = w->v.v[i].owner; at != i; at = w->v.v[at].owner)
		if (w->v.v[at].since_ns < w->v.v[*ret_last].since_ns)
			*ret_last = at;
	return true;
}

const char *waiting_doubt(const struct waiting_tasks *w, size_t i)
{
	for (size_t steps = 0; i != SIZE_MAX && steps <= w->v.n; steps++, i = w->v.v[i].owner) {
		const struct waiting *one = w->v.v + i;
		if (!one->has_lock)
			return one->no_lock;
		if (one->lock.damaged)
			return one->lock.owner_unknown;
	}
	return NULL;
}
