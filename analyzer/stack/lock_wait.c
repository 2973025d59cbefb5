/*
 * A waiter is found by what it must hold: its task's address, between list links that lead to other
 * waiters on their tasks' stacks and to the lock itself. kernel/locking/mutex.h, rwsem.c,
 * semaphore.c, include/linux/swait.h, kernel/workqueue.c, 4.19 to 7.2; since 7.0 locks hold a
 * pointer to the first waiter instead of being in their ring.
 */
#include "analyzer/stack/lock_wait.h"

#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"

enum { RING_MAX = 4096, STACK_BYTES_MAX = 1 << 17, OWNER_FLAGS = 7, RWSEM_READER_OWNED = 1 };

const char *lock_kind_name(enum lock_kind k)
{
	static const char *const name[] = { "mutex", "rwsem", "semaphore", "completion", "work" };
	return name[k];
}

/* ---- what the kernel's structs are like -------------------------------------------------- */

struct raw_lock {
	uint64_t owner, list_va, first;
};
#define LOCK_FIELDS(name, owner_path)                                                              \
	static const struct view_field name##_fields[] = {                                         \
		FIELD_OPTIONAL(struct raw_lock, owner, owner_path),                                \
		FIELD_ADDRESS_OPTIONAL(struct raw_lock, list_va, "wait_list"),                     \
		FIELD_OPTIONAL(struct raw_lock, first, "first_waiter"),                            \
	}
LOCK_FIELDS(mutex, "owner.counter");
LOCK_FIELDS(semaphore, "last_holder");
static const struct view_spec mutex_spec = { .type = "mutex",
	.hint = "kernel/locking/mutex.c",
	.fields = mutex_fields,
	.nfields = ARRAY_SIZE(mutex_fields) };
static const struct view_spec rwsem_spec = { .type = "rw_semaphore",
	.hint = "kernel/locking/rwsem.c",
	.fields = mutex_fields,
	.nfields = ARRAY_SIZE(mutex_fields) };
static const struct view_spec semaphore_spec = { .type = "semaphore",
	.hint = "kernel/locking/semaphore.c",
	.fields = semaphore_fields,
	.nfields = ARRAY_SIZE(semaphore_fields) };
enum { LOCK_OWNER, LOCK_LIST, LOCK_FIRST };

struct raw_waiter {
	uint64_t list_va, task;
};
static const struct view_field waiter_fields[] = {
	FIELD_ADDRESS(struct raw_waiter, list_va, "list", "task_list"),
	FIELD(struct raw_waiter, task, "task"),
};
#define WAITER_SPEC(name, hint_file)                                                               \
	static const struct view_spec name##_spec = { .type = #name,                               \
		.hint = hint_file,                                                                 \
		.fields = waiter_fields,                                                           \
		.nfields = ARRAY_SIZE(waiter_fields) }
WAITER_SPEC(mutex_waiter, "kernel/locking/mutex.c");
WAITER_SPEC(rwsem_waiter, "kernel/locking/rwsem.c");
WAITER_SPEC(semaphore_waiter, "kernel/locking/semaphore.c");
WAITER_SPEC(swait_queue, "kernel/sched/swait.c");
enum { WAITER_LIST, WAITER_TASK };

struct raw_completion {
	uint64_t list_va;
};
static const struct view_field completion_fields[] = {
	FIELD_ADDRESS(struct raw_completion, list_va, "wait.task_list"),
};
static const struct view_spec completion_spec = { .type = "completion",
	.hint = "kernel/sched/completion.c",
	.fields = completion_fields,
	.nfields = ARRAY_SIZE(completion_fields) };

struct raw_barrier {
	uint64_t entry_va, done_va, task;
};
static const struct view_field barrier_fields[] = {
	FIELD_ADDRESS(struct raw_barrier, entry_va, "work.entry"),
	FIELD_ADDRESS(struct raw_barrier, done_va, "done"),
	FIELD(struct raw_barrier, task, "task"),
};
static const struct view_spec barrier_spec = { .type = "wq_barrier",
	.hint = "kernel/workqueue.c",
	.fields = barrier_fields,
	.nfields = ARRAY_SIZE(barrier_fields) };

struct raw_worker {
	uint64_t scheduled_va, task, current_fn;
};
static const struct view_field worker_fields[] = {
	FIELD_ADDRESS(struct raw_worker, scheduled_va, "scheduled"),
	FIELD(struct raw_worker, task, "task"),
	FIELD(struct raw_worker, current_fn, "current_func"),
};
static const struct view_spec worker_spec = { .type = "worker",
	.hint = "kernel/workqueue.c",
	.fields = worker_fields,
	.nfields = ARRAY_SIZE(worker_fields) };

/* By a function that stands in the backtrace of whoever waits. */
struct kind {
	enum lock_kind kind;
	const char *const *functions; /* beginnings of names */
	const struct view_spec *lock, *waiter;
};
static const char *const mutex_functions[] = { "__mutex_lock", "mutex_lock", "__ww_mutex_lock",
	NULL };
static const char *const rwsem_functions[] = { "rwsem_down", "down_read", "down_write",
	"__down_read", "__down_write", NULL };
static const char *const semaphore_functions[] = { "__down", "___down", "down", NULL };
static const char *const completion_functions[] = { "wait_for_completion", "__wait_for_common",
	"wait_for_common", NULL };
static const struct kind kinds[] = {
	{ LOCK_MUTEX, mutex_functions, &mutex_spec, &mutex_waiter_spec },
	{ LOCK_RWSEM, rwsem_functions, &rwsem_spec, &rwsem_waiter_spec },
	{ LOCK_SEMAPHORE, semaphore_functions, &semaphore_spec, &semaphore_waiter_spec },
	{ LOCK_COMPLETION, completion_functions, &completion_spec, &swait_queue_spec },
};

static const struct kind *kind_of(struct target *t, const struct trace *trace)
{
	for (size_t i = 0; i < trace->nframes; i++) {
		struct symbol s;
		if (!symtab_at(t->syms, trace->frame[i].lookup_pc, &s) || s.module)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
			for (const char *const *f = kinds[k].functions; *f; f++)
				if (!strncmp(s.name, *f, strlen(*f)))
					return kinds + k;
	}
	return NULL;
}

/* ---- sleepers ---------------------------------------------------------------------------- */

static int by_stack(const void *a, const void *b)
{
	const struct lock_sleeper *x = a, *y = b;
	return (x->stack > y->stack) - (x->stack < y->stack);
}

struct err *lock_waits_set_aside(struct lock_waits *w, struct err *err)
{
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	w->unread++;
	if (!w->first_unread)
		w->first_unread = err;
	else
		err_drop(err); /* counted */
	return NULL;
}

struct err *lock_waits_take_unread(struct lock_waits *w)
{
	unsigned n = w->unread;
	w->unread = 0;
	return err_wrap(take_ptr(w->first_unread), "%u part%s cannot be read; the first", n,
		n == 1 ? "" : "s");
}

struct err *lock_waits_init(struct lock_waits *w, struct target *t)
{
	struct task_iter it;
	struct task task;
	uint64_t bytes;
	bool more = true;
	w->t = t;
	struct err *err = task_stack_bytes(t, &bytes);
	if (!err)
		err = task_iter_init(&it, t);
	while (!err) {
		err = task_iter_next(&it, &task, &more);
		if (err && more) {
			err = lock_waits_set_aside(w, err);
			continue;
		}
		if (err || !more)
			break;
		struct lock_sleeper s = { task.stack, task.stack + bytes, task.va };
		if (task.stack)
			vec_push(&w->sleeper, s);
	}
	if (w->sleeper.n)
		qsort(w->sleeper.v, w->sleeper.n, sizeof(*w->sleeper.v), by_stack);
	return err;
}

void lock_waits_deinit(struct lock_waits *w)
{
	vec_deinit(&w->sleeper);
	err_drop(take_ptr(w->first_unread)); /* whoever wanted it has taken it */
}

/* The task on whose stack @va is; 0. */
static uint64_t sleeper_at(const struct lock_waits *w, uint64_t va)
{
	size_t lo = 0, hi = w->sleeper.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (w->sleeper.v[mid].stack <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && va < w->sleeper.v[lo - 1].end ? w->sleeper.v[lo - 1].task_va : 0;
}

static bool is_task(const struct lock_waits *w, uint64_t va)
{
	for (size_t i = 0; va && i < w->sleeper.n; i++)
		if (w->sleeper.v[i].task_va == va)
			return true;
	return false;
}

/* ---- the ring ---------------------------------------------------------------------------- */

struct search {
	const struct lock_waits *w;
	const struct kind *kind;
	const struct view *lock, *waiter;
	uint64_t list_at, task_at; /* offsets in the waiter */
	uint8_t *stack;		   /* the task's */
	uint64_t stack_va;
	size_t stack_bytes;
	struct lock_wait *ret;
};

static bool word(const struct search *s, uint64_t va, uint64_t *ret)
{
	return vspace_try_word(s->w->t->kernel, va, ret);
}

/* Whether the list node at @node is in a waiter: its task sleeps on the stack that it lies on. */
static bool is_waiter(const struct search *s, uint64_t node)
{
	uint64_t task;
	uint64_t at = node - s->list_at + s->task_at;
	return word(s, at, &task) && task && sleeper_at(s->w, at) == task;
}

struct ring {
	VEC(uint64_t) waiter; /* addresses */
	uint64_t head;	      /* the node that is in no waiter; 0: there is none */
};

/* Goes round the ring that the waiter at @va is in. */
static bool go_round(const struct search *s, uint64_t va, struct ring *ret)
{
	uint64_t start = va + s->list_at, node = start, next, back;
	for (unsigned i = 0; i < RING_MAX; i++) {
		if (node != ret->head)
			vec_push(&ret->waiter, node - s->list_at);
		if (!word(s, node, &next) || !next ||
			!word(s, next + s->w->t->abi.word_bytes, &back) || back != node)
			return false;
		if (next == start)
			return true;
		if (!is_waiter(s, next)) {
			if (ret->head)
				return false;
			ret->head = next;
		}
		node = next;
	}
	return false;
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static uint64_t stack_word(const struct search *s, size_t i)
{
	const struct abi *abi = &s->w->t->abi;
	return abi->word_bytes == 8 ? get_u64(abi, s->stack + i) : get_u32(abi, s->stack + i);
}

/* Since 7.0: a lock whose address the waiting code still has on the stack, and whose first waiter
 * is of this ring. */
static bool find_by_first(const struct search *s, struct ring *ring, uint64_t *ret_lock)
{
	unsigned n = s->w->t->abi.word_bytes;
	uint64_t at = view_offset(s->lock, LOCK_FIRST);
	if (!view_has(s->lock, LOCK_FIRST))
		return false;
	qsort(ring->waiter.v, ring->waiter.n, sizeof(*ring->waiter.v), by_address);
	for (size_t i = 0; i + n <= s->stack_bytes; i += n) {
		uint64_t lock = stack_word(s, i), first;
		if (lock && !(lock % n) && word(s, lock + at, &first) &&
			bsearch(&first, ring->waiter.v, ring->waiter.n, sizeof(first),
				by_address)) {
			*ret_lock = lock;
			return true;
		}
	}
	return false;
}

static bool take_lock(const struct search *s, uint64_t waiter_va)
{
	bool completion = s->kind->kind == LOCK_COMPLETION;
	bool has_list = completion || view_has(s->lock, LOCK_LIST);
	struct ring ring = { 0 };
	bool found = go_round(s, waiter_va, &ring) && has_list == (ring.head != 0);
	if (found && has_list)
		s->ret->lock_va = ring.head - view_offset(s->lock, completion ? 0 : LOCK_LIST);
	else if (found)
		found = find_by_first(s, &ring, &s->ret->lock_va);
	s->ret->waiter_va = waiter_va;
	vec_deinit(&ring.waiter);
	return found;
}

static bool scan_stack(const struct search *s, const struct task *task)
{
	unsigned n = s->w->t->abi.word_bytes;
	for (size_t i = 0; i + n <= s->stack_bytes; i += n) {
		if (stack_word(s, i) == task->va && take_lock(s, s->stack_va + i - s->task_at))
			return true;
	}
	return false;
}

/* ---- owners ------------------------------------------------------------------------------ */

static void find_owner(const struct search *s)
{
	struct lock_wait *r = s->ret;
	struct raw_lock raw;
	r->owner_unknown =
		r->kind == LOCK_COMPLETION
			? "nobody owns a completion: whoever would complete it is not known"
			: "this kernel's semaphores do not say who holds them";
	if (r->kind == LOCK_COMPLETION || !view_has(s->lock, LOCK_OWNER))
		return;
	if (!view_try_read(s->lock, s->w->t->kernel, r->lock_va, &raw)) {
		r->owner_unknown = "the lock cannot be read";
		r->damaged = true;
		return;
	}
	/* atomic_long_t is signed. */
	uint64_t owner = raw.owner & ~(uint64_t)OWNER_FLAGS &
			 (s->w->t->abi.word_bytes == 8 ? UINT64_MAX : UINT32_MAX);
	r->readers = r->kind == LOCK_RWSEM && raw.owner & RWSEM_READER_OWNED;
	r->owner_unknown = !owner ? "nobody holds it" : "its owner is no task";
	r->damaged = owner && !is_task(s->w, owner);
	if (!owner || r->damaged)
		return;
	r->owner_va = owner;
	r->owner_unknown = NULL;
}

/* A completion in a wq_barrier: its work is queued behind the one that is waited for, in the list
 * of the worker that runs it. */
static void find_worker(const struct search *s, const struct task *task)
{
	struct target *t = s->w->t;
	const struct view *barrier, *worker;
	struct raw_barrier b;
	struct lock_wait *r = s->ret;
	scoped_err struct err *err = target_view(t, &barrier_spec, &barrier);
	if (err)
		return;
	scoped_err struct err *err2 = target_view(t, &worker_spec, &worker);
	uint64_t va = r->lock_va - view_offset(barrier, 1);
	if (err2 || sleeper_at(s->w, va) != task->va ||
		!view_try_read(barrier, t->kernel, va, &b) || b.task != task->va)
		return;
	r->kind = LOCK_WORK;
	r->owner_unknown = "no worker runs the work that is waited for";
	uint64_t start = va + view_offset(barrier, 0), node = start;
	for (unsigned i = 0; i < RING_MAX && word(s, node, &node) && node && node != start; i++) {
		struct raw_worker w;
		if (!view_try_read(worker, t->kernel, node - view_offset(worker, 0), &w) ||
			!is_task(s->w, w.task))
			continue;
		r->owner_va = w.task;
		r->work_fn = w.current_fn;
		r->owner_unknown = NULL;
		return;
	}
}

struct err *lock_wait_find(const struct lock_waits *w, const struct task *task,
	const struct trace *trace, struct lock_wait *ret)
{
	struct search s = { .w = w, .kind = kind_of(w->t, trace), .ret = ret };
	uint64_t bytes = 0;
	if (!s.kind || !task->stack)
		return err_new(ERR_NOT_FOUND, "pid %u waits for no lock", task->pid);
	struct err *err = target_view(w->t, s.kind->lock, &s.lock);
	if (!err)
		err = target_view(w->t, s.kind->waiter, &s.waiter);
	if (!err)
		err = task_stack_bytes(w->t, &bytes);
	if (err)
		return err;
	if (bytes > STACK_BYTES_MAX)
		return err_new(ERR_FORMAT, "stacks of %llu bytes", (unsigned long long)bytes);
	scoped_free uint8_t *stack = xcalloc(1, bytes);
	err = vspace_read(w->t->kernel, task->stack, stack, bytes);
	if (err)
		return err;
	*ret = (struct lock_wait){ .kind = s.kind->kind };
	s.stack = stack;
	s.stack_va = task->stack;
	s.stack_bytes = bytes;
	s.list_at = view_offset(s.waiter, WAITER_LIST);
	s.task_at = view_offset(s.waiter, WAITER_TASK);
	if (!scan_stack(&s, task))
		return err_new(ERR_FORMAT,
			"pid %u waits for a %s, but its place in the queue is not on its stack",
			task->pid, lock_kind_name(s.kind->kind));
	find_owner(&s);
	if (ret->kind == LOCK_COMPLETION)
		find_worker(&s, task);
	return interrupt_check();
}
