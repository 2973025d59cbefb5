/*
 * Locks with waiters on tasks' stacks, for a fake target: tasks 0 to 2 at TASK_AT + n * TASK_STEP,
 * the stack of each at STACK_AT + n * STACK_BYTES, its waiter at WAITER_IN from there. The lock
 * lies at LOCK_AT.
 */
#ifndef TESTS_UNIT_FAKE_LOCKS_H
#define TESTS_UNIT_FAKE_LOCKS_H

#include "analyzer/stack/lock_wait.h"
#include "tests/unit/fake_kernel.h"

enum {
	TASKS = 3,
	TASK_AT = 0x1000,
	TASK_STEP = 0x400,
	LOCK_AT = 0x3000,
	CODE_AT = 0x4000,
	WORKER_AT = 0x5000,
	STACK_AT = 0x10000,
	STACK_BYTES = 0x2000,
	WAITER_IN = 0x1e40
};

/* @first: as since 7.0, a lock holds its first waiter's address; else a list's head. */
static inline void fake_lock_types(struct fake *f, bool first)
{
	FAKE_STRUCT(f, "counter", "counter:word");
	FAKE_STRUCT(f, "task_struct", "thread_info:word", "__state:u32", "stack:word", "flags:u32",
		"on_cpu:u32", "prio:u32", "tasks:list", "mm:word", "active_mm:word",
		"exit_state:u32", "pid:u32", "tgid:u32", "real_parent:word", "group_leader:word",
		"thread_node:list", "comm:char[16]", "signal:word");
	FAKE_STRUCT(f, "mutex", "owner:counter", "wait_lock:u32",
		first ? "first_waiter:word" : "wait_list:list");
	FAKE_STRUCT(f, "rw_semaphore", "count:counter", "owner:counter", "wait_lock:u32",
		first ? "first_waiter:word" : "wait_list:list");
	FAKE_STRUCT(f, "semaphore", "lock:u32", "count:u32",
		first ? "first_waiter:word" : "wait_list:list");
	FAKE_STRUCT(f, "mutex_waiter", "list:list", "task:word", "ww_ctx:word");
	FAKE_STRUCT(f, "rwsem_waiter", "list:list", "task:word", "type:u32", "timeout:word");
	FAKE_STRUCT(f, "semaphore_waiter", "list:list", "task:word", "up:u8");
	FAKE_STRUCT(f, "swait_queue", "task:word", "task_list:list");
	FAKE_STRUCT(f, "swait_head", "lock:u32", "task_list:list");
	FAKE_STRUCT(f, "completion", "done:u32", "wait:swait_head");
	FAKE_STRUCT(f, "work_struct", "data:word", "entry:list", "func:word");
	FAKE_STRUCT(f, "wq_barrier", "work:work_struct", "done:completion", "task:word");
	FAKE_STRUCT(f, "worker", "entry:list", "current_work:word", "current_func:word",
		"scheduled:list", "task:word");
	fake_symbol(f, "init_stack", STACK_AT, 0);
	fake_symbol(f, "__end_init_stack", STACK_AT + STACK_BYTES, 0);
	for (uint64_t at = STACK_AT; at < STACK_AT + TASKS * STACK_BYTES; at += FAKE_PAGE)
		fake_at(f->t->dump, at); /* the page is there */
}

static inline uint64_t fake_lock_task(unsigned n)
{
	return TASK_AT + (uint64_t)n * TASK_STEP;
}

static inline uint64_t fake_lock_waiter(unsigned n)
{
	return STACK_AT + (uint64_t)n * STACK_BYTES + WAITER_IN;
}

/* The waiters of tasks 0 to @n - 1 in a ring, with the node at @head (0: none) in it, too. */
static inline void fake_lock_ring(
	struct fake *f, const char *waiter, const char *list, unsigned n, uint64_t head)
{
	uint64_t node[TASKS + 1];
	unsigned nodes = 0;
	if (head)
		node[nodes++] = head;
	for (unsigned i = 0; i < n; i++) {
		fake_set(f, waiter, fake_lock_waiter(i), "task", fake_va(f, fake_lock_task(i)));
		node[nodes++] = fake_lock_waiter(i) + fake_offsetof(f, waiter, list);
	}
	for (unsigned i = 0; i < nodes; i++) {
		unsigned word = f->t->abi.word_bytes;
		fake_put(f->t->dump, node[i], fake_va(f, node[(i + 1) % nodes]), word);
		fake_put(f->t->dump, node[i] + word, fake_va(f, node[(i + nodes - 1) % nodes]),
			word);
	}
}

/* All tasks as lock_waits_init() would find them. */
static inline void fake_lock_sleepers(struct fake *f, struct lock_waits *w)
{
	w->t = f->t;
	for (unsigned i = 0; i < TASKS; i++) {
		struct lock_sleeper s = { .stack = fake_va(f, STACK_AT + i * STACK_BYTES),
			.task_va = fake_va(f, fake_lock_task(i)) };
		s.end = s.stack + STACK_BYTES;
		vec_push(&w->sleeper, s);
	}
}

/* What task @n waits for, when its backtrace is in @function. */
static inline struct err *fake_lock_find(struct fake *f, const struct lock_waits *w, unsigned n,
	const char *function, struct lock_wait *ret)
{
	struct symbol s;
	struct frame frame = { 0 };
	struct trace trace = { .frame = &frame, .nframes = 1 };
	struct task task = { .va = fake_va(f, fake_lock_task(n)),
		.stack = fake_va(f, STACK_AT + n * STACK_BYTES),
		.pid = n };
	if (symtab_find(f->t->syms, function, &s))
		frame.lookup_pc = s.va + 4;
	return lock_wait_find(w, &task, &trace, ret);
}

/* Functions whose names tell what is waited for. */
static inline void fake_lock_code(struct fake *f)
{
	static const char *const names[] = { "__mutex_lock", "rwsem_down_write_slowpath", "__down",
		"wait_for_completion", "other" };
	symtab_add_range(f->t->syms, fake_va(f, CODE_AT),
		fake_va(f, CODE_AT + ARRAY_SIZE(names) * 0x100), NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		symtab_add(f->t->syms, names[i], fake_va(f, CODE_AT + i * 0x100), 0x100, 'T', NULL);
	symtab_finish(f->t->syms);
}

#endif
