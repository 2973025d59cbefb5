/* kernel/sched/sched.h, 4.19 to 7.2: struct rq, cfs_rq, rt_rq, dl_rq; include/linux/sched.h:
 * sched_entity, sched_rt_entity, sched_dl_entity. */
#include "analyzer/kernel/runqueue.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/kernel/list.h"
#include "analyzer/kernel/rbtree.h"
#include "analyzer/kernel/task_detail.h"

/* A group in a group in a group …; entries of one queue, and groups; MAX_RT_PRIO
 * (include/linux/sched/prio.h). */
enum { GROUP_DEPTH_MAX = 32, ENTRIES_MAX = 1 << 20, GROUPS_MAX = 1 << 14, RT_PRIORITIES = 100 };

static const struct view_field rq_fields[] = {
	FIELD(struct runqueue, nr_running, "nr_running"),
	FIELD(struct runqueue, clock_ns, "clock"),
	FIELD(struct runqueue, curr, "curr"),
	FIELD(struct runqueue, idle, "idle"),
	FIELD_OPTIONAL(struct runqueue, stop, "stop"), /* SMP only */
	FIELD_ADDRESS(struct runqueue, fair_va, "cfs"),
	FIELD_ADDRESS(struct runqueue, fair_tree_va, "cfs.tasks_timeline"),
	FIELD_ADDRESS(struct runqueue, rt_va, "rt"),
	FIELD_ADDRESS(struct runqueue, rt_array_va, "rt.active"),
	FIELD_ADDRESS(struct runqueue, deadline_va, "dl"),
	FIELD_ADDRESS(struct runqueue, deadline_tree_va, "dl.root"),
	/* All tasks below: h_nr_running up to v6.13, then h_nr_queued. Kernels without groups have
	   it too. */
	FIELD(struct runqueue, fair_running, "cfs.h_nr_queued", "cfs.h_nr_running"),
	FIELD(struct runqueue, rt_running, "rt.rt_nr_running"),
	FIELD(struct runqueue, deadline_running, "dl.dl_nr_running"),
};
static const struct view_spec rq_spec = { .type = "rq",
	.hint = "kernel/sched/core.c",
	.fields = rq_fields,
	.nfields = ARRAY_SIZE(rq_fields) };

const char *runqueue_class_name(enum runqueue_class c)
{
	static const char *const name[] = { "stop", "deadline", "rt", "fair" };
	return name[c];
}

struct err *runqueue_read(struct target *t, unsigned cpu, struct runqueue *ret)
{
	const struct view *v;
	struct runqueue rq = { 0 };
	struct err *err = percpu_symbol(t, "runqueues", cpu, &rq.va);
	if (!err)
		err = target_view(t, &rq_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, rq.va, &rq);
	if (err)
		return err_wrap(err, "run queue of CPU %u", cpu);
	*ret = rq;
	return NULL;
}

/* Where in task_struct the entities lie. */
struct entity_places {
	uint64_t fair, rt, deadline;
};
static const struct view_field places_fields[] = {
	FIELD_ADDRESS(struct entity_places, fair, "se"),
	FIELD_ADDRESS(struct entity_places, rt, "rt"),
	FIELD_ADDRESS(struct entity_places, deadline, "dl"),
};
static const struct view_spec places_spec = { .type = "task_struct",
	.hint = "kernel/sched/core.c",
	.fields = places_fields,
	.nfields = ARRAY_SIZE(places_fields) };

/* The task whose entity of that kind (view field @place) lies at @va goes to @w->each. */
static struct err *give_task(
	struct runqueue_walk *w, uint64_t va, unsigned place, struct runqueue_entry *e)
{
	const struct view *v;
	struct err *err = target_view(w->t, &places_spec, &v);
	if (!err)
		err = task_read(w->t, list_entry(w->t, va, view_offset(v, place)), &e->task);
	if (!err)
		return w->each(w->cx, e);
	w->wrong(w->cx, err);
	return NULL;
}

/* The walk's own end, as against one entry's trouble. */
static struct err *check_limits(struct runqueue_walk *w)
{
	struct err *err = interrupt_check();
	if (!err && w->seen++ >= ENTRIES_MAX)
		err = err_new(ERR_LIMIT, "run queue: more than %d entries", ENTRIES_MAX);
	return err;
}

/* One more group to walk, @depth below the queue itself. */
static struct err *check_group(struct runqueue_walk *w, unsigned depth)
{
	if (depth > GROUP_DEPTH_MAX)
		return err_new(ERR_LIMIT, "run queue: groups within groups, more than %d",
			GROUP_DEPTH_MAX);
	if (w->groups++ >= GROUPS_MAX)
		return err_new(ERR_LIMIT, "run queue: more than %d groups", GROUPS_MAX);
	return NULL;
}

/* ---- fair ----------------------------------------------- */

struct fair_entity {
	uint64_t node, vruntime, deadline, my_q;
	uint8_t delayed;
};
enum { FAIR_NODE, FAIR_VRUNTIME, FAIR_DEADLINE, FAIR_GROUP, FAIR_DELAYED };
static const struct view_field fair_fields[] = {
	[FAIR_NODE] = FIELD_ADDRESS(struct fair_entity, node, "run_node"),
	[FAIR_VRUNTIME] = FIELD(struct fair_entity, vruntime, "vruntime"),
	[FAIR_DEADLINE] = FIELD_OPTIONAL(struct fair_entity, deadline, "deadline"), /* v6.6 */
	[FAIR_GROUP] = FIELD_OPTIONAL(struct fair_entity, my_q, "my_q"), /* FAIR_GROUP_SCHED */
	[FAIR_DELAYED] = FIELD_OPTIONAL(struct fair_entity, delayed, "sched_delayed"), /* v6.12 */
};
static const struct view_spec fair_spec = { .type = "sched_entity",
	.hint = "kernel/sched/core.c",
	.fields = fair_fields,
	.nfields = ARRAY_SIZE(fair_fields) };

struct fair_queue {
	uint64_t tree, curr;
};
static const struct view_field fair_queue_fields[] = {
	FIELD_ADDRESS(struct fair_queue, tree, "tasks_timeline"),
	FIELD(struct fair_queue, curr, "curr"),
};
static const struct view_spec fair_queue_spec = { .type = "cfs_rq",
	.hint = "kernel/sched/core.c",
	.fields = fair_queue_fields,
	.nfields = ARRAY_SIZE(fair_queue_fields) };

static struct err *walk_fair(struct runqueue_walk *w, uint64_t cfs_rq, unsigned depth);

/* @is_current: of its queue; it is in no tree, and when it is a task it is the running one. */
static struct err *fair_entity(
	struct runqueue_walk *w, uint64_t va, unsigned depth, bool is_current)
{
	const struct view *v;
	struct fair_entity se = { 0 };
	struct err *end = check_limits(w);
	if (end)
		return end;
	struct err *err = target_view(w->t, &fair_spec, &v);
	if (!err)
		err = view_read(v, w->t->kernel, va, &se);
	if (err) {
		w->wrong(w->cx, err_wrap(err, "sched_entity 0x%" PRIx64, va));
		return NULL;
	}
	if (se.my_q)
		return walk_fair(w, se.my_q, depth + 1);
	struct runqueue_entry e = { .depth = depth,
		.vruntime = se.vruntime,
		.deadline = se.deadline,
		.delayed = se.delayed };
	return is_current ? NULL : give_task(w, va, 0, &e);
}

static struct err *walk_fair(struct runqueue_walk *w, uint64_t cfs_rq, unsigned depth)
{
	const struct view *queue, *entity;
	struct fair_queue q = { 0 };
	struct err *err = check_group(w, depth);
	if (err)
		return err;
	err = target_view(w->t, &fair_queue_spec, &queue);
	if (!err)
		err = target_view(w->t, &fair_spec, &entity);
	if (!err)
		err = view_read(queue, w->t->kernel, cfs_rq, &q);
	if (err) {
		w->wrong(w->cx, err_wrap(err, "cfs_rq 0x%" PRIx64, cfs_rq));
		return NULL;
	}
	if (q.curr)
		err = fair_entity(w, q.curr, depth, true);
	scoped_free struct rbtree_iter *it = xcalloc(1, sizeof(*it));
	rbtree_iter_init(it, w->t, q.tree);
	while (!err) {
		uint64_t node;
		bool more;
		err = rbtree_iter_next(it, &node, &more);
		if (!err && !more)
			break;
		if (!err)
			err = fair_entity(w, list_entry(w->t, node, view_offset(entity, FAIR_NODE)),
				depth, false);
		else if (more) {
			w->wrong(w->cx, take_ptr(err));
		}
	}
	return err;
}

/* ---- real time ----------------------------------------------- */

struct rt_entity {
	uint64_t run_list, my_q;
};
enum { RT_LIST, RT_GROUP };
static const struct view_field rt_fields[] = {
	[RT_LIST] = FIELD_ADDRESS(struct rt_entity, run_list, "run_list"),
	[RT_GROUP] = FIELD_OPTIONAL(struct rt_entity, my_q, "my_q"), /* RT_GROUP_SCHED */
};
static const struct view_spec rt_spec = { .type = "sched_rt_entity",
	.hint = "kernel/sched/core.c",
	.fields = rt_fields,
	.nfields = ARRAY_SIZE(rt_fields) };

struct rt_array {
	uint64_t queues;
};
static const struct view_field rt_array_fields[] = { FIELD_ADDRESS(
	struct rt_array, queues, "queue") };
static const struct view_spec rt_array_spec = { .type = "rt_prio_array",
	.hint = "kernel/sched/core.c",
	.fields = rt_array_fields,
	.nfields = ARRAY_SIZE(rt_array_fields) };

static struct err *walk_rt(struct runqueue_walk *w, uint64_t array, unsigned depth);

static struct err *rt_entity(struct runqueue_walk *w, uint64_t va, unsigned depth)
{
	const struct view *v;
	struct rt_entity se = { 0 };
	struct runqueue_entry e = { .depth = depth };
	struct err *end = check_limits(w);
	if (end)
		return end;
	struct err *err = target_view(w->t, &rt_spec, &v);
	if (!err)
		err = view_read(v, w->t->kernel, va, &se);
	if (err) {
		w->wrong(w->cx, err_wrap(err, "sched_rt_entity 0x%" PRIx64, va));
		return NULL;
	}
	/* struct rt_rq begins with its rt_prio_array (all versions). */
	return se.my_q ? walk_rt(w, se.my_q, depth + 1) : give_task(w, va, 1, &e);
}

static struct err *walk_rt(struct runqueue_walk *w, uint64_t array, unsigned depth)
{
	const struct view *v, *entity;
	struct err *err = check_group(w, depth);
	if (err)
		return err;
	err = target_view(w->t, &rt_array_spec, &v);
	if (!err)
		err = target_view(w->t, &rt_spec, &entity);
	if (err) {
		w->wrong(w->cx, err_wrap(err, "rt_prio_array 0x%" PRIx64, array));
		return NULL;
	}
	for (unsigned i = 0; !err && i < RT_PRIORITIES; i++) {
		struct list_iter it;
		uint64_t node;
		bool more = true;
		list_iter_init(
			&it, w->t, array + view_offset(v, 0) + i * 2u * w->t->abi.word_bytes);
		while (!err && more) {
			err = list_iter_next(&it, &node, &more);
			if (!err && more)
				err = rt_entity(w,
					list_entry(w->t, node, view_offset(entity, RT_LIST)),
					depth);
			else if (err && err->code != ERR_INTERRUPTED) {
				w->wrong(w->cx,
					take_ptr(err)); /* the other priorities' lists stand */
			}
		}
	}
	return err;
}

/* ---- deadline ----------------------------------------------- */

struct dl_entity {
	uint64_t node, deadline;
	uint32_t server;
};
enum { DL_NODE };
static const struct view_field dl_fields[] = {
	[DL_NODE] = FIELD_ADDRESS(struct dl_entity, node, "rb_node"),
	FIELD(struct dl_entity, deadline, "deadline"),
	FIELD_OPTIONAL(struct dl_entity, server, "dl_server"), /* v6.8: a queue's, no task's */
};
static const struct view_spec dl_spec = { .type = "sched_dl_entity",
	.hint = "kernel/sched/core.c",
	.fields = dl_fields,
	.nfields = ARRAY_SIZE(dl_fields) };

static struct err *dl_entity(struct runqueue_walk *w, uint64_t va)
{
	const struct view *v;
	struct dl_entity se = { 0 };
	struct err *end = check_limits(w);
	if (end)
		return end;
	struct err *err = target_view(w->t, &dl_spec, &v);
	if (!err)
		err = view_read(v, w->t->kernel, va, &se);
	if (err) {
		w->wrong(w->cx, err_wrap(err, "sched_dl_entity 0x%" PRIx64, va));
		return NULL;
	}
	struct runqueue_entry e = { .deadline = se.deadline };
	return se.server & 1 ? NULL : give_task(w, va, 2, &e);
}

static struct err *walk_deadline(struct runqueue_walk *w, uint64_t tree)
{
	const struct view *v;
	struct err *err = target_view(w->t, &dl_spec, &v);
	scoped_free struct rbtree_iter *it = xcalloc(1, sizeof(*it));
	rbtree_iter_init(it, w->t, tree);
	while (!err) {
		uint64_t node;
		bool more;
		err = rbtree_iter_next(it, &node, &more);
		if (!err && !more)
			break;
		if (!err)
			err = dl_entity(w, list_entry(w->t, node, view_offset(v, DL_NODE)));
		else if (more) {
			w->wrong(w->cx, take_ptr(err));
		}
	}
	return err;
}

/* kernel/sched/stop_task.c: a class of one task, which is in no list; it waits when it is on the
 * queue. */
static struct err *walk_stop(struct runqueue_walk *w, const struct runqueue *rq)
{
	struct runqueue_entry e = { 0 };
	struct task_sched sched = { 0 };
	if (!rq->stop)
		return NULL;
	struct err *err = task_read(w->t, rq->stop, &e.task);
	if (!err)
		err = task_sched_read(w->t, &e.task, &sched);
	if (err) {
		w->wrong(w->cx, err);
		return NULL;
	}
	return sched.on_rq == 1 ? w->each(w->cx, &e) : NULL; /* TASK_ON_RQ_QUEUED */
}

struct err *runqueue_each(struct runqueue_walk *w, const struct runqueue *rq, enum runqueue_class c)
{
	w->seen = w->groups = 0;
	switch (c) {
	case RUNQUEUE_STOP:
		return walk_stop(w, rq);
	case RUNQUEUE_DEADLINE:
		return walk_deadline(w, rq->deadline_tree_va);
	case RUNQUEUE_RT:
		return walk_rt(w, rq->rt_array_va, 0);
	case RUNQUEUE_FAIR:
		break;
	}
	return walk_fair(w, rq->fair_va, 0);
}
