/*
 * kernel/workqueue.c and workqueue_internal.h, 4.19 to 7.2: pools are in worker_pool_idr, queues in
 * the list workqueues, workers in their pool's list; a work's data says its pool_workqueue while it
 * is queued (include/linux/workqueue.h). BH pools (v6.9) have no workers that are tasks.
 */
#include "analyzer/kernel/workqueue.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/jiffies.h"
#include "analyzer/kernel/percpu.h"
#include "analyzer/kernel/xarray.h"

#define HINT "kernel/workqueue.c"

enum { QUEUES_MAX = 1 << 16, POOLS_MAX = 1 << 16, WORKS_MAX = 1 << 20, PWQS_MAX = 1 << 20 };
/* include/linux/workqueue.h: WORK_STRUCT_PWQ, and the flags below the address (8 bits; 9 and more
 * with debugging objects: the address is aligned to as much). */
enum { WORK_HAS_PWQ = 4, WORK_FLAGS = 0xff };

const char *work_state_name(enum work_state s)
{
	static const char *const name[] = { "running", "scheduled", "pending", "inactive" };
	return name[s];
}

/* ---- what the kernel's structs are like -------------------------------------------------- */

static const struct view_field queue_fields[] = {
	FIELD_ADDRESS(struct workqueue, va, "list"),
	FIELD_BYTES(struct workqueue, name, "name"),
	FIELD(struct workqueue, flags, "flags"),
	FIELD_ADDRESS(struct workqueue, active, "pwqs"),
};
enum { QUEUE_LIST };
static const struct view_spec queue_spec = { .type = "workqueue_struct",
	.hint = HINT,
	.fields = queue_fields,
	.nfields = ARRAY_SIZE(queue_fields) };

struct raw_pwq {
	uint64_t node_va, pool, wq, inactive_va;
	int32_t active;
};
static const struct view_field pwq_fields[] = {
	FIELD_ADDRESS(struct raw_pwq, node_va, "pwqs_node"),
	FIELD(struct raw_pwq, pool, "pool"),
	FIELD(struct raw_pwq, wq, "wq"),
	FIELD(struct raw_pwq, active, "nr_active"),
	/* delayed_works up to v5.14 */
	FIELD_ADDRESS(struct raw_pwq, inactive_va, "inactive_works", "delayed_works"),
};
enum { PWQ_NODE };
static const struct view_spec pwq_spec = { .type = "pool_workqueue",
	.hint = HINT,
	.fields = pwq_fields,
	.nfields = ARRAY_SIZE(pwq_fields) };

struct raw_pool {
	struct work_pool p;
	uint64_t worklist_va, workers_va;
};
static const struct view_field pool_fields[] = {
	FIELD(struct raw_pool, p.id, "id"),
	FIELD(struct raw_pool, p.cpu, "cpu"),
	FIELD(struct raw_pool, p.flags, "flags"),
	FIELD(struct raw_pool, p.workers, "nr_workers"),
	FIELD(struct raw_pool, p.idle, "nr_idle"),
	/* watchdog_ts up to v7.0 */
	FIELD_OPTIONAL(struct raw_pool, p.progress_ts, "last_progress_ts", "watchdog_ts"),
	FIELD_ADDRESS(struct raw_pool, worklist_va, "worklist"),
	FIELD_ADDRESS(struct raw_pool, workers_va, "workers"),
};
enum { POOL_PROGRESS = 5 };
static const struct view_spec pool_spec = { .type = "worker_pool",
	.hint = HINT,
	.fields = pool_fields,
	.nfields = ARRAY_SIZE(pool_fields) };

struct raw_worker {
	uint64_t node_va, work, function, pwq, scheduled_va, task, start;
};
static const struct view_field worker_fields[] = {
	FIELD_ADDRESS(struct raw_worker, node_va, "node"),
	FIELD(struct raw_worker, work, "current_work"),
	FIELD(struct raw_worker, function, "current_func"),
	FIELD(struct raw_worker, pwq, "current_pwq"),
	FIELD_ADDRESS(struct raw_worker, scheduled_va, "scheduled"),
	FIELD(struct raw_worker, task, "task"),
	FIELD_OPTIONAL(struct raw_worker, start, "current_start"),
};
enum { WORKER_NODE, WORKER_START = 6 };
static const struct view_spec worker_spec = { .type = "worker",
	.hint = HINT,
	.fields = worker_fields,
	.nfields = ARRAY_SIZE(worker_fields) };

struct raw_work {
	uint64_t entry_va, data, function;
};
static const struct view_field work_fields[] = {
	FIELD_ADDRESS(struct raw_work, entry_va, "entry"),
	FIELD(struct raw_work, data, "data.counter"),
	FIELD(struct raw_work, function, "func"),
};
enum { WORK_ENTRY };
static const struct view_spec work_spec = { .type = "work_struct",
	.hint = HINT,
	.fields = work_fields,
	.nfields = ARRAY_SIZE(work_fields) };

struct reading {
	struct target *t;
	const struct view *queue, *pwq, *pool, *worker, *work;
	struct workqueues *ret;
	uint64_t pwqs; /* seen so far */
	bool limit;
};

/* One part that is damaged costs the others nothing. Takes @err; gives back what must end it all.
 */
static struct err *set_aside(struct reading *r, struct err *err)
{
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	r->ret->unread++;
	if (!r->ret->first_unread)
		r->ret->first_unread = err;
	else
		err_drop(err); /* counted */
	return NULL;
}

static uint64_t queue_of_pwq(struct reading *r, uint64_t pwq)
{
	struct raw_pwq raw = { 0 };
	return pwq && view_try_read(r->pwq, r->t->kernel, pwq, &raw) &&
			       workqueues_find(r->ret, raw.wq)
		       ? raw.wq
		       : 0;
}

/* atomic_long_t is signed. */
static uint64_t pwq_of_data(const struct reading *r, uint64_t data)
{
	data &= ~(uint64_t)WORK_FLAGS;
	return r->t->abi.word_bytes == 8 ? data : data & UINT32_MAX;
}

/* ---- works ------------------------------------------------------------------------------- */

/* The works of the list at @head, all in one @like's state. */
static struct err *read_works(struct reading *r, uint64_t head, const struct work *like)
{
	struct list_iter it;
	uint64_t node;
	bool more;
	list_iter_init(&it, r->t, head);
	for (;;) {
		struct err *err = list_iter_next(&it, &node, &more);
		struct raw_work raw = { 0 };
		struct work w = *like;
		if (err || !more)
			return err;
		w.va = list_entry(r->t, node, view_offset(r->work, WORK_ENTRY));
		err = view_read(r->work, r->t->kernel, w.va, &raw);
		if (err)
			return err_wrap(err, "work 0x%" PRIx64, w.va);
		if (r->ret->work.n == WORKS_MAX)
			return err_new(ERR_LIMIT, "more than %d works", WORKS_MAX);
		w.function = raw.function;
		if (!w.workqueue && raw.data & WORK_HAS_PWQ)
			w.workqueue = queue_of_pwq(r, pwq_of_data(r, raw.data));
		vec_push(&r->ret->work, w);
	}
}

static struct err *read_worker(struct reading *r, uint64_t va, size_t pool)
{
	struct raw_worker raw = { 0 };
	struct err *err = view_read(r->worker, r->t->kernel, va, &raw);
	if (err)
		return err_wrap(err, "worker 0x%" PRIx64, va);
	struct work w = { .pool = pool, .task = raw.task };
	if (raw.work) {
		w.va = raw.work;
		w.function = raw.function;
		w.workqueue = queue_of_pwq(r, raw.pwq);
		w.has_since = view_has(r->worker, WORKER_START);
		w.since = raw.start;
		vec_push(&r->ret->work, w);
	}
	struct work like = { .state = WORK_SCHEDULED, .pool = pool, .task = raw.task };
	return err_wrap(read_works(r, raw.scheduled_va, &like), "worker 0x%" PRIx64, va);
}

static struct err *read_workers(struct reading *r, uint64_t head, size_t pool)
{
	struct list_iter it;
	uint64_t node;
	bool more = true;
	list_iter_init(&it, r->t, head);
	for (;;) {
		struct err *err = list_iter_next(&it, &node, &more);
		if (err || !more)
			return err;
		if (r->ret->work.n >= WORKS_MAX)
			return err_new(ERR_LIMIT, "more than %d works", WORKS_MAX);
		uint64_t va = list_entry(r->t, node, view_offset(r->worker, WORKER_NODE));
		err = set_aside(r, read_worker(r, va, pool));
		if (err)
			return err;
	}
}

/* ---- pools ------------------------------------------------------------------------------- */

static int64_t jiffies_after(const struct reading *r, uint64_t a, uint64_t b)
{
	return sign_extend(a - b, r->t->abi.word_bytes * 8u);
}

/* The watchdog counts from when it was last told of a pause: kernel/workqueue.c,
 * wq_watchdog_timer_fn(), v4.5 to 7.2. */
static void judge_progress(struct reading *r, struct work_pool *p)
{
	uint64_t touched, va, from = p->progress_ts;
	struct workqueues *w = r->ret;
	int64_t stood = jiffies_after(r, w->now, p->progress_ts);
	if (!w->has_now || !p->has_progress || !p->pending)
		return;
	p->without_progress = stood > 0 ? (uint64_t)stood : 0;
	bool found = false;
	if (p->cpu >= 0) {
		struct err *err =
			percpu_symbol(r->t, "wq_watchdog_touched_cpu", (unsigned)p->cpu, &va);
		found = !err && vspace_try_word(r->t->kernel, va, &touched);
		err_drop(err); /* then the pool's own word counts */
	} else {
		found = target_try_variable(r->t, "wq_watchdog_touched", &touched);
	}
	if (found && jiffies_after(r, touched, from) > 0)
		from = touched;
	p->stalled = w->threshold && w->hz &&
		     jiffies_after(r, w->now, from) > (int64_t)(w->threshold * w->hz);
}

static struct err *read_pool(struct reading *r, uint64_t va)
{
	struct raw_pool raw = { 0 };
	struct err *err = view_read(r->pool, r->t->kernel, va, &raw);
	if (err)
		return err_wrap(err, "worker_pool 0x%" PRIx64, va);
	if (r->ret->pool.n == POOLS_MAX)
		return err_new(ERR_LIMIT, "more than %d pools", POOLS_MAX);
	size_t number = r->ret->pool.n;
	raw.p.va = va;
	raw.p.has_progress = view_has(r->pool, POOL_PROGRESS);
	vec_push(&r->ret->pool, raw.p);
	err = set_aside(r,
		err_wrap(read_workers(r, raw.workers_va, number), "workers of pool %d", raw.p.id));
	size_t before = r->ret->work.n;
	struct work like = { .state = WORK_PENDING, .pool = number };
	if (!err)
		err = set_aside(r, err_wrap(read_works(r, raw.worklist_va, &like),
					   "works of pool %d", raw.p.id));
	r->ret->pool.v[number].pending = r->ret->work.n - before;
	judge_progress(r, r->ret->pool.v + number);
	return err;
}

static struct err *read_pools(struct reading *r)
{
	uint64_t idr;
	bool more;
	scoped_free struct xarray_iter *it = xcalloc(1, sizeof(*it));
	struct err *err = target_symbol(r->t, "worker_pool_idr", &idr);
	if (!err)
		err = xarray_iter_init_idr(it, r->t, idr);
	while (!err) {
		struct xarray_entry e;
		err = xarray_iter_next(it, &e, &more);
		if (!err && !more)
			break;
		if (!err && !e.is_value)
			err = read_pool(r, e.entry);
		if (err && more)
			err = set_aside(r, err);
		if (!err)
			err = interrupt_check();
	}
	return err;
}

/* ---- queues ------------------------------------------------------------------------------ */

static size_t pool_number(const struct workqueues *w, uint64_t va)
{
	for (size_t i = 0; i < w->pool.n; i++)
		if (w->pool.v[i].va == va)
			return i;
	return SIZE_MAX;
}

static struct err *read_pwqs(struct reading *r, size_t number)
{
	struct list_iter it;
	struct workqueue *q = r->ret->queue.v + number;
	uint64_t node;
	bool more;
	list_iter_init(&it, r->t, q->active);
	q->active = 0;
	for (;;) {
		struct raw_pwq raw = { 0 };
		struct err *err = list_iter_next(&it, &node, &more);
		if (err || !more)
			return err;
		if (r->pwqs++ >= PWQS_MAX)
			return err_new(ERR_LIMIT, "more than %d pool_workqueues", PWQS_MAX);
		uint64_t va = list_entry(r->t, node, view_offset(r->pwq, PWQ_NODE));
		err = view_read(r->pwq, r->t->kernel, va, &raw);
		if (err)
			return err_wrap(err, "pool_workqueue 0x%" PRIx64, va);
		q->pools++;
		q->active += raw.active > 0 ? (uint64_t)raw.active : 0;
		size_t before = r->ret->work.n, pool = pool_number(r->ret, raw.pool);
		struct work like = { .state = WORK_INACTIVE, .workqueue = q->va, .pool = pool };
		if (pool == SIZE_MAX)
			return err_new(ERR_FORMAT, "pool 0x%" PRIx64 " is not in worker_pool_idr",
				raw.pool);
		err = read_works(r, raw.inactive_va, &like);
		q->inactive += r->ret->work.n - before;
		if (err)
			return err;
	}
}

static struct err *read_queues(struct reading *r)
{
	struct list_iter it;
	uint64_t head, node;
	bool more;
	struct err *err = target_symbol(r->t, "workqueues", &head);
	if (err)
		return err;
	list_iter_init(&it, r->t, head);
	for (;;) {
		struct workqueue q = { 0 };
		err = list_iter_next(&it, &node, &more);
		if (err || !more)
			return err;
		uint64_t va = list_entry(r->t, node, view_offset(r->queue, QUEUE_LIST));
		err = view_read(r->queue, r->t->kernel, va, &q);
		if (err)
			return err_wrap(err, "workqueue 0x%" PRIx64, va);
		if (r->ret->queue.n == QUEUES_MAX)
			return err_new(ERR_LIMIT, "more than %d workqueues", QUEUES_MAX);
		q.va = va;
		q.name[sizeof(q.name) - 1] = '\0';
		vec_push(&r->ret->queue, q);
	}
}

static struct err *bind(struct reading *r)
{
	struct err *err = target_view(r->t, &queue_spec, &r->queue);
	if (!err)
		err = target_view(r->t, &pwq_spec, &r->pwq);
	if (!err)
		err = target_view(r->t, &pool_spec, &r->pool);
	if (!err)
		err = target_view(r->t, &worker_spec, &r->worker);
	if (!err)
		err = target_view(r->t, &work_spec, &r->work);
	return err;
}

struct err *workqueues_read(struct target *t, struct workqueues *ret)
{
	struct reading r = { .t = t, .ret = ret };
	struct err *err = bind(&r);
	if (err)
		return err;
	ret->has_now = target_try_variable(t, "jiffies", &ret->now);
	if (!jiffies_hz(t, &ret->hz))
		ret->hz = 0;
	if (!target_try_variable(t, "wq_watchdog_thresh", &ret->threshold) ||
		ret->threshold > INT32_MAX)
		ret->threshold = 0;
	err = set_aside(&r, err_wrap(read_queues(&r), "list of workqueues"));
	if (!err)
		err = read_pools(&r);
	for (size_t i = 0; !err && i < ret->queue.n; i++) {
		err = set_aside(
			&r, err_wrap(read_pwqs(&r, i), "workqueue %s", ret->queue.v[i].name));
		if (!err)
			err = interrupt_check();
	}
	return err;
}

void workqueues_deinit(struct workqueues *w)
{
	vec_deinit(&w->queue);
	vec_deinit(&w->pool);
	vec_deinit(&w->work);
	err_drop(w->first_unread); /* whoever wanted it has taken it */
	w->first_unread = NULL;
}

const struct workqueue *workqueues_find(const struct workqueues *w, uint64_t va)
{
	for (size_t i = 0; i < w->queue.n; i++)
		if (w->queue.v[i].va == va)
			return w->queue.v + i;
	return NULL;
}
