/*
 * Types of tasks, run queues and signals for a fake target of one CPU, whose run queue lies at
 * RQ_AT and whose tasks, numbered from 0, at TASK_AT + n * TASK_STEP.
 */
#ifndef TESTS_UNIT_FAKE_TASKS_H
#define TESTS_UNIT_FAKE_TASKS_H

#include "tests/unit/fake_kernel.h"
#include "tests/unit/fake_trees.h"

enum {
	RQ_AT = 0x1000,
	TASK_AT = 0x4000,
	TASK_STEP = 0x400,
	GROUP_AT = 0x3000,
	SIGHAND_AT = 0x2000
};

static inline void fake_task_types(struct fake *f)
{
	FAKE_STRUCT(f, "rb", "parent:word", "right:word", "left:word");
	FAKE_STRUCT(f, "atomic_count", "count:u32", "need_resched:u32");
	FAKE_STRUCT(f, "thread_info", "cpu:u32", "flags:word", "preempt:atomic_count");
	FAKE_STRUCT(f, "sched_entity", "run_node:rb", "vruntime:u64", "deadline:u64",
		"sum_exec_runtime:u64", "exec_start:u64", "sched_delayed:u8", "my_q:word");
	FAKE_STRUCT(f, "sched_rt_entity", "run_list:list", "my_q:word");
	FAKE_STRUCT(f, "sched_dl_entity", "rb_node:rb", "deadline:u64", "dl_server:u8:1");
	FAKE_STRUCT(f, "sigset", "sig:u64");
	FAKE_STRUCT(f, "sigpending", "list:list", "signal:sigset");
	FAKE_STRUCT(f, "task_struct", "thread_info:thread_info", "__state:u32", "stack:word",
		"flags:u32", "on_cpu:u32", "prio:u32", "tasks:list", "mm:word", "active_mm:word",
		"exit_state:u32", "pid:u32", "tgid:u32", "real_parent:word", "group_leader:word",
		"thread_node:list", "comm:char[16]", "signal:word", "policy:u32", "static_prio:u32",
		"normal_prio:u32", "rt_priority:u32", "on_rq:u32", "cpus_mask:u64",
		"se:sched_entity", "rt:sched_rt_entity", "dl:sched_dl_entity", "pending:sigpending",
		"blocked:sigset", "sighand:word");
	FAKE_STRUCT(f, "signal_struct", "nr_threads:u32", "thread_head:list",
		"shared_pending:sigpending");
	FAKE_STRUCT(f, "cfs_rq", "h_nr_running:u32", "tasks_timeline:word", "curr:word");
	FAKE_STRUCT(f, "rt_prio_array", "bitmap:u64[2]", "queue:list[100]");
	FAKE_STRUCT(f, "rt_rq", "active:rt_prio_array", "rt_nr_running:u32");
	FAKE_STRUCT(f, "dl_rq", "root:word", "dl_nr_running:u32");
	FAKE_STRUCT(f, "rq", "nr_running:u32", "curr:word", "idle:word", "stop:word", "clock:u64",
		"cfs:cfs_rq", "rt:rt_rq", "dl:dl_rq");
	FAKE_STRUCT(f, "sa", "sa_handler:word", "sa_flags:word", "sa_mask:sigset");
	FAKE_STRUCT(f, "k_sigaction", "sa:sa");
	FAKE_STRUCT(f, "sighand_struct", "count:u32", "action:k_sigaction[64]");
	FAKE_STRUCT(f, "kill", "_pid:u32", "_uid:u32");
	FAKE_STRUCT(f, "sifields", "_kill:kill");
	FAKE_STRUCT(
		f, "siginfo", "si_signo:u32", "si_errno:u32", "si_code:u32", "_sifields:sifields");
	FAKE_STRUCT(f, "sigqueue", "list:list", "flags:u32", "info:siginfo");
	fake_symbol(f, "runqueues", RQ_AT, 0x800);
}

static inline uint64_t fake_task(unsigned n)
{
	return TASK_AT + (uint64_t)n * TASK_STEP;
}

/* Offset of member @path of task @n. */
static inline uint64_t fake_in_task(struct fake *f, unsigned n, const char *path)
{
	return fake_task(n) + fake_offsetof(f, "task_struct", path);
}

static inline void fake_empty_list(struct fake *f, uint64_t at)
{
	fake_put_word(f, at, 0, fake_va(f, at));
	fake_put_word(f, at, 1, fake_va(f, at));
}

/* A queue with nothing in it, and tasks 0 (idle, running) to @n - 1 with pid = number. */
static inline void fake_queue(struct fake *f, unsigned n)
{
	uint64_t queue = RQ_AT + fake_offsetof(f, "rq", "rt.active.queue");
	fake_set(f, "rq", RQ_AT, "curr", fake_va(f, fake_task(0)));
	fake_set(f, "rq", RQ_AT, "idle", fake_va(f, fake_task(0)));
	for (unsigned i = 0; i < 100; i++)
		fake_empty_list(f, queue + i * 2u * fake_word(f));
	for (unsigned i = 0; i < n; i++) {
		fake_set(f, "task_struct", fake_task(i), "pid", i);
		fake_set(f, "task_struct", fake_task(i), "tgid", i);
		fake_set(f, "task_struct", fake_task(i), "cpus_mask", UINT32_MAX);
		fake_empty_list(f, fake_in_task(f, i, "pending.list"));
	}
}

/* Puts task @n alone into the list at @head. */
static inline void fake_list_one(struct fake *f, uint64_t head, uint64_t node)
{
	fake_put_word(f, head, 0, fake_va(f, node));
	fake_put_word(f, node, 0, fake_va(f, head));
}

#endif
