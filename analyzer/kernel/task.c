/* Tasks and how to reach them all: init_task's list of group leaders, each leader's list of threads
 * (include/linux/sched.h, sched/signal.h: both lists in every release since 4.19), run queues. */
#include "analyzer/kernel/task.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"

enum task_field_index { TASK_CPU, TASK_TASKS, TASK_THREAD_NODE };

static const struct view_field task_fields[] = {
	/* In thread_info, in task_struct, or (ARM up to v5.15) in thread_info at the stack's base.
	 */
	[TASK_CPU] = FIELD_OPTIONAL(struct task, cpu, "thread_info.cpu", "cpu"),
	[TASK_TASKS] = FIELD_ADDRESS(struct task, tasks_va, "tasks"),
	[TASK_THREAD_NODE] = FIELD_ADDRESS(struct task, thread_node_va, "thread_node"),
	FIELD(struct task, pid, "pid"),
	FIELD(struct task, tgid, "tgid"),
	FIELD_BYTES(struct task, comm, "comm"),
	FIELD(struct task, state, "__state", "state"), /* renamed in v5.14 */
	FIELD(struct task, exit_state, "exit_state"),
	FIELD(struct task, flags, "flags"),
	FIELD_OPTIONAL(struct task, on_cpu, "on_cpu"), /* SMP only */
	FIELD(struct task, stack, "stack"),
	FIELD(struct task, mm, "mm"),
	FIELD(struct task, active_mm, "active_mm"),
	FIELD(struct task, real_parent, "real_parent"),
	FIELD(struct task, group_leader, "group_leader"),
	FIELD(struct task, signal, "signal"),
	FIELD(struct task, prio, "prio"),
};
static const struct view_spec task_spec = {
	.type = "task_struct",
	.hint = "init/main.c",
	.fields = task_fields,
	.nfields = ARRAY_SIZE(task_fields),
};

struct thread_info {
	uint32_t cpu;
};
static const struct view_field thread_info_fields[] = {
	FIELD_OPTIONAL(struct thread_info, cpu, "cpu"),
};
static const struct view_spec thread_info_spec = {
	.type = "thread_info",
	.hint = "init/main.c",
	.fields = thread_info_fields,
	.nfields = ARRAY_SIZE(thread_info_fields),
};

struct rq {
	uint64_t curr, idle;
};
static const struct view_field rq_fields[] = {
	FIELD(struct rq, curr, "curr"),
	FIELD(struct rq, idle, "idle"),
};
static const struct view_spec rq_spec = {
	.type = "rq",
	.hint = "kernel/sched/core.c",
	.fields = rq_fields,
	.nfields = ARRAY_SIZE(rq_fields),
};

struct signal {
	uint64_t thread_head_va;
};
static const struct view_field signal_fields[] = {
	FIELD_ADDRESS(struct signal, thread_head_va, "thread_head"),
};
static const struct view_spec signal_spec = {
	.type = "signal_struct",
	.hint = "init/main.c",
	.fields = signal_fields,
	.nfields = ARRAY_SIZE(signal_fields),
};

struct err *task_read(struct target *t, uint64_t va, struct task *ret)
{
	const struct view *view;
	struct task task = { 0 };
	struct err *err = target_view(t, &task_spec, &view);
	if (!err)
		err = view_read(view, t->kernel, va, &task);
	if (!err && !view_has(view, TASK_CPU)) {
		const struct view *ti_view;
		struct thread_info ti = { 0 };
		err = target_view(t, &thread_info_spec, &ti_view);
		if (!err)
			task.cpu = view_try_read(ti_view, t->kernel, task.stack, &ti)
					   ? ti.cpu
					   : TASK_CPU_UNKNOWN;
	}
	if (err)
		return err_wrap(err, "task 0x%" PRIx64, va);
	task.va = va;
	*ret = task;
	return NULL;
}

/* fs/proc/array.c get_task_state(), include/linux/sched.h __task_state_index(): the highest of the
 * reported bits names the state; TASK_IDLE is uninterruptible without load; frozen tasks (a bit of
 * their own since v6.1) and those that wait for an RT lock (since v5.16) pass for uninterruptible.
 * The bits have had these values since v4.14. */
const char *task_state_letter(const struct task *task)
{
	static const char *const letter[] = { "R", "S", "D", "T", "t", "X", "Z", "P" };
	enum {
		TASK_REPORT = 0x7f,
		TASK_UNINTERRUPTIBLE = 2,
		TASK_NOLOAD = 0x400,
		TASK_RTLOCK = 0x1000,
		TASK_FROZEN = 0x8000
	};
	uint64_t idle = TASK_UNINTERRUPTIBLE | TASK_NOLOAD;
	if (task->state & (TASK_RTLOCK | TASK_FROZEN))
		return "D";
	if ((task->state & idle) == idle)
		return "I";
	unsigned bits = (unsigned)((task->state | task->exit_state) & TASK_REPORT);
	return letter[bits ? 32 - __builtin_clz(bits) : 0];
}

int task_comm_length(const struct task *task)
{
	return (int)strnlen(task->comm, sizeof(task->comm));
}

static struct err *rq_read(struct target *t, unsigned cpu, struct rq *ret)
{
	const struct view *view;
	uint64_t va;
	struct err *err = percpu_symbol(t, "runqueues", cpu, &va);
	if (!err)
		err = target_view(t, &rq_spec, &view);
	if (!err)
		err = view_read(view, t->kernel, va, ret);
	return err_wrap(err, "run queue of CPU %u", cpu);
}

struct err *task_current(struct target *t, unsigned cpu, struct task *ret)
{
	struct rq rq;
	struct err *err = rq_read(t, cpu, &rq);
	return err ? err : task_read(t, rq.curr, ret);
}

struct err *task_iter_init(struct task_iter *it, struct target *t)
{
	uint64_t init_task;
	const struct view *view;
	*it = (struct task_iter){ .t = t };
	struct err *err = target_symbol(t, "init_task", &init_task);
	if (!err)
		err = target_view(t, &task_spec, &view);
	if (err)
		return err;
	struct task task;
	err = task_read(t, init_task, &task);
	if (err)
		return err;
	/* Without the mask there are no idle tasks; the first task_iter_next() says so. */
	err = cpu_mask_read(t, CPUS_POSSIBLE, &it->cpus);
	it->mask_failed = err != NULL;
	err_drop(err);
	it->init_task = init_task;
	list_iter_init(&it->leaders, t, task.tasks_va);
	return NULL;
}

/* *ret_more is false when all were given. */
static struct err *next_idle(struct task_iter *it, struct task *ret, bool *ret_more)
{
	if (it->mask_failed) {
		it->mask_failed = false;
		*ret_more = true;
		return cpu_mask_read(it->t, CPUS_POSSIBLE, &it->cpus);
	}
	for (;;) {
		unsigned cpu = cpu_mask_next(&it->cpus, it->idle_cpu);
		if (cpu == CPUS_MAX)
			return NULL;
		it->idle_cpu = cpu + 1;
		struct rq rq;
		struct err *err = rq_read(it->t, cpu, &rq);
		/* A possible CPU that never came up has no idle task. */
		if (!err && !rq.idle)
			continue;
		*ret_more = true;
		return err ? err : task_read(it->t, rq.idle, ret);
	}
}

static struct err *enter_threads(struct task_iter *it)
{
	const struct view *view;
	struct signal signal;
	struct err *err = target_view(it->t, &signal_spec, &view);
	if (!err)
		err = view_read(view, it->t->kernel, it->leader_signal, &signal);
	if (err)
		return err_wrap(err, "threads of task 0x%" PRIx64, it->leader);
	list_iter_init(&it->threads, it->t, signal.thread_head_va);
	return NULL;
}

/* The threads of it->leader other than itself. */
static struct err *next_thread(struct task_iter *it, struct task *ret, bool *ret_more)
{
	uint64_t node;
	bool more;
	const struct view *view;
	struct err *err = target_view(it->t, &task_spec, &view);
	if (!err && it->leader_signal)
		err = enter_threads(it);
	it->leader_signal = 0;
	while (!err) {
		err = list_iter_next(&it->threads, &node, &more);
		if (err || !more)
			break;
		uint64_t va = list_entry(it->t, node, view_offset(view, TASK_THREAD_NODE));
		if (va == it->leader)
			continue;
		*ret_more = true;
		return task_read(it->t, va, ret);
	}
	it->in_threads = false;
	*ret_more = err != NULL;
	return err;
}

static struct err *next_leader(struct task_iter *it, struct task *ret, bool *ret_more)
{
	uint64_t node;
	const struct view *view;
	struct err *err = target_view(it->t, &task_spec, &view);
	if (!err)
		err = list_iter_next(&it->leaders, &node, ret_more);
	if (err || !*ret_more)
		return err;
	err = task_read(it->t, list_entry(it->t, node, view_offset(view, TASK_TASKS)), ret);
	if (err)
		return err;
	/* A process that has been reaped has no signal_struct any more. */
	it->in_threads = ret->signal != 0;
	it->leader = ret->va;
	it->leader_signal = ret->signal;
	return NULL;
}

struct err *task_iter_next(struct task_iter *it, struct task *ret, bool *ret_more)
{
	*ret_more = false;
	struct err *err = next_idle(it, ret, ret_more);
	if (!err && !*ret_more && it->in_threads)
		err = next_thread(it, ret, ret_more);
	return err || *ret_more ? err : next_leader(it, ret, ret_more);
}

struct err *task_find_pid(struct target *t, uint32_t pid, struct task *ret)
{
	struct task_iter it;
	bool more = true;
	scoped_err struct err *first = NULL;
	struct err *err = task_iter_init(&it, t);
	while (!err) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (err && more && err->code != ERR_INTERRUPTED) {
			/* One bad task does not hide the others. */
			if (first)
				err_drop(err);
			else
				first = err;
			err = NULL;
			continue;
		}
		if (err || !more)
			break;
		if (task.pid == pid) {
			*ret = task;
			return NULL;
		}
	}
	if (err)
		return err;
	return err_new(ERR_NOT_FOUND, "no task has pid %u%s%s", pid,
		first ? ", as far as tasks can be read: " : "", first ? first->msg : "");
}

static bool holds(const struct task *task, const struct arch_layout *l, const struct arch *arch,
	uint64_t va, uint64_t task_bytes, uint64_t stack_bytes, struct task_place *ret)
{
	uint64_t in_task = va - arch->untag(l, task->va), stack = arch->untag(l, task->stack);
	ret->in_stack = task->stack && va - stack < stack_bytes;
	if (!ret->in_stack && in_task >= task_bytes)
		return false;
	ret->task = *task;
	ret->offset = ret->in_stack ? va - stack : in_task;
	return true;
}

struct err *task_holding(struct target *t, uint64_t va, struct task_place *ret)
{
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	struct task_iter it;
	uint64_t task_bytes, stack_bytes, at = t->arch->untag(l, va);
	bool more = true;
	if (!target_number(t, "sizeof(task_struct)", &task_bytes))
		task_bytes = 0;
	struct err *err = task_stack_bytes(t, &stack_bytes);
	if (!err)
		err = task_iter_init(&it, t);
	while (!err) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* of one task only: ps tells it; another may be it */
			err = NULL;
			continue;
		}
		if (err || !more)
			break;
		if (holds(&task, l, t->arch, at, task_bytes, stack_bytes, ret))
			return NULL;
	}
	return err ? err : err_new(ERR_NOT_FOUND, "0x%" PRIx64 " is no task's", va);
}

struct err *task_parse(struct target *t, const char *text, struct task *ret)
{
	enum { PID_MAX_LIMIT = 4 * 1024 * 1024 }; /* include/linux/threads.h */
	uint64_t v;
	if (number_parse(text, &v) && v <= PID_MAX_LIMIT)
		return task_find_pid(t, (uint32_t)v, ret);
	if (!number_parse_hex(text, &v))
		return err_new(
			ERR_USAGE, "%s: neither a pid nor the address of a task_struct", text);
	return task_read(t, v, ret);
}

/* include/asm-generic/vmlinux.lds.h, INIT_TASK_DATA: the first task's stack is THREAD_SIZE long
 * between two symbols; the last was renamed by v6.12. */
static bool init_stack_bytes(const struct target *t, uint64_t *ret)
{
	struct symbol start, end;
	if (!symtab_find_kernel(t->syms, "init_stack", &start) &&
		!symtab_find_kernel(t->syms, "init_thread_union", &start))
		return false;
	if (!symtab_find_kernel(t->syms, "__end_init_stack", &end) &&
		!symtab_find_kernel(t->syms, "__end_init_task", &end))
		return false;
	*ret = end.va - start.va;
	return true;
}

struct err *task_stack_bytes(struct target *t, uint64_t *ret)
{
	uint64_t bytes;
	if (!init_stack_bytes(t, &bytes)) {
		const struct type *type;
		struct err *err =
			types_find(t->types, TYPE_UNION, "thread_union", "init/main.c", &type);
		if (err)
			return err_wrap(err, "size of kernel stacks");
		bytes = type->size;
	}
	if (bytes < 4096 || bytes > 1 << 20 || (bytes & (bytes - 1)))
		return err_new(ERR_FORMAT, "%" PRIu64 " bytes are no kernel stack's size", bytes);
	*ret = bytes;
	return NULL;
}

struct err *task_panic_cpu(struct target *t, unsigned *ret)
{
	uint64_t cpu;
	struct err *err = target_read_variable(t, "panic_cpu", 4, &cpu);
	if (err)
		return err;
	if ((uint32_t)cpu == UINT32_MAX) /* PANIC_CPU_INVALID */
		return err_new(ERR_NOT_FOUND, "no CPU has panicked");
	if (cpu >= CPUS_MAX)
		return err_new(ERR_FORMAT, "panic_cpu holds %" PRIu64 ", which is no CPU", cpu);
	*ret = (unsigned)cpu;
	return NULL;
}

struct err *task_panicking(struct target *t, struct task *ret, unsigned *ret_cpu)
{
	struct err *err = task_panic_cpu(t, ret_cpu);
	return err ? err : task_current(t, *ret_cpu, ret);
}
