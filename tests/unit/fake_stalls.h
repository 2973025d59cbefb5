/*
 * Two CPUs of a fake target, and on them what a machine that stands still is asked about: a
 * spinlock with its queue, a pool of workers with its works, and a grace period of RCU.
 */
#ifndef TESTS_UNIT_FAKE_STALLS_H
#define TESTS_UNIT_FAKE_STALLS_H

#include "tests/unit/fake_kernel.h"
#include "tests/unit/fake_trees.h"

enum {
	MASK_AT = 0x200,
	SPIN_AT = 0x1000,
	QUEUES_AT = 0x1100, /* the list workqueues */
	IDR_AT = 0x1180,
	RCU_AT = 0x1200, /* struct rcu_state */
	NODE_AT = 0x1300, /* struct rcu_node */
	QUEUE_AT_ = 0x1400, /* struct workqueue_struct */
	PWQ_AT = 0x1500, /* its low byte is clear: flags stand there */
	POOL_AT = 0x1600,
	WORKER_AT_ = 0x1700,
	WORK_AT = 0x1800, /* four, 0x40 apart: running, scheduled, pending, inactive */
	SLEEPER_AT = 0x1a00, /* two tasks in blkd_tasks, 0x80 apart */
	CPU_AT = 0x4000, /* CPU n's part is CPU_STEP * n further */
	CPU_STEP = 0x1000,
	QNODES_IN = 0x100,
	DATA_IN = 0x200,
	JIFFIES = 50000
};

static inline uint64_t fake_work(unsigned i)
{
	return WORK_AT + 0x40ull * i;
}

static inline void fake_spin_types(struct fake *f, bool ticket)
{
	FAKE_STRUCT(f, "number", "counter:u32");
	FAKE_STRUCT(f, "tickets", "owner:u16", "next:u16");
	if (ticket)
		FAKE_STRUCT(f, "arch_lock", "tickets:tickets");
	else
		FAKE_STRUCT(f, "arch_lock", "val:number");
	FAKE_STRUCT(f, "raw_spinlock", "raw_lock:arch_lock", "magic:u32", "owner_cpu:u32",
		"owner:word");
	FAKE_STRUCT(f, "mcs", "next:word", "locked:u32", "count:u32");
	FAKE_STRUCT(f, "qnode", "mcs:mcs");
}

static inline void fake_work_types(struct fake *f)
{
	fake_xarray_types(f, DIALECT_XARRAY);
	FAKE_STRUCT(f, "idr", "idr_rt:xarray", "idr_base:u32");
	FAKE_STRUCT(f, "workqueue_struct", "pwqs:list", "list:list", "name:char[24]", "flags:u32");
	FAKE_STRUCT(f, "pool_workqueue", "pool:word", "wq:word", "nr_active:u32",
		"inactive_works:list", "pwqs_node:list");
	FAKE_STRUCT(f, "worker_pool", "cpu:u32", "id:u32", "flags:u32", "watchdog_ts:word",
		"worklist:list", "nr_workers:u32", "nr_idle:u32", "workers:list");
	FAKE_STRUCT(f, "worker", "current_work:word", "current_func:word", "current_pwq:word",
		"scheduled:list", "task:word", "node:list");
	FAKE_STRUCT(f, "work_struct", "data:atomic", "entry:list", "func:word");
}

static inline void fake_rcu_types(struct fake *f)
{
	FAKE_STRUCT(f, "rcu_state", "gp_seq:word", "gp_kthread:word", "gp_state:u16",
		"n_force_qs:word", "gp_start:word", "gp_activity:word", "jiffies_stall:word",
		"n_force_qs_gpstart:word");
	FAKE_STRUCT(f, "noqs_bits", "norm:u8", "exp:u8");
	FAKE_STRUCT(f, "rcu_noqs", "b:noqs_bits");
	FAKE_STRUCT(f, "cblist", "len:word");
	FAKE_STRUCT(f, "rcu_data", "gp_seq:word", "cpu_no_qs:rcu_noqs", "core_needs_qs:u8",
		"mynode:word", "grpmask:word", "ticks_this_gp:word", "cblist:cblist",
		"dynticks:number");
	FAKE_STRUCT(f, "rcu_node", "qsmask:word", "grplo:u32", "grphi:u32", "blkd_tasks:list",
		"gp_tasks:word");
	FAKE_STRUCT(f, "task_struct", "pid:u32", "rcu_node_entry:list");
}

static inline void fake_cpus(struct fake *f)
{
	unsigned word = f->t->abi.word_bytes;
	struct dump *d = f->t->dump;
	fake_number(f, "__cpu_possible_mask", MASK_AT, 3, 8);
	fake_number(f, "nr_cpu_ids", MASK_AT + 0x10, 2, 4);
	fake_number(f, "jiffies", MASK_AT + 0x20, JIFFIES, word);
	fake_symbol(f, "__per_cpu_start", CPU_AT, 0);
	fake_symbol(f, "qnodes", CPU_AT + QNODES_IN, 0x80);
	fake_symbol(f, "rcu_data", CPU_AT + DATA_IN, 0x80);
	fake_symbol(f, "__per_cpu_end", CPU_AT + CPU_STEP, 0);
	fake_symbol(f, "__per_cpu_offset", MASK_AT + 0x40, 2 * word);
	fake_put(d, MASK_AT + 0x40, 0, word);
	fake_put(d, MASK_AT + 0x40 + word, CPU_STEP, word);
}

/* A ring of list heads: @n of them. */
static inline void fake_ring(struct fake *f, const uint64_t *at, unsigned n)
{
	unsigned word = f->t->abi.word_bytes;
	for (unsigned i = 0; i < n; i++) {
		fake_put(f->t->dump, at[i], fake_va(f, at[(i + 1) % n]), word);
		fake_put(f->t->dump, at[i] + word, fake_va(f, at[(i + n - 1) % n]), word);
	}
}
#define FAKE_RING(f, ...)                                                                          \
	fake_ring(f, (const uint64_t[]){ __VA_ARGS__ },                                            \
		sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

static inline uint64_t fake_qnode(struct fake *f, unsigned cpu, unsigned level)
{
	return CPU_AT + (uint64_t)CPU_STEP * cpu + QNODES_IN + level * fake_sizeof(f, "qnode");
}

/* CPU 1's task level is first in the queue, CPU 0's interrupt level (1) the last. */
static inline void fake_spinlock(struct fake *f)
{
	fake_set(f, "raw_spinlock", SPIN_AT, "raw_lock.val.counter", 1 | 1 << 16 | 1u << 18);
	fake_set(f, "raw_spinlock", SPIN_AT, "magic", 0xdead4ead);
	fake_set(f, "raw_spinlock", SPIN_AT, "owner", fake_va(f, SLEEPER_AT));
	fake_set(f, "raw_spinlock", SPIN_AT, "owner_cpu", 1);
	fake_set(f, "qnode", fake_qnode(f, 0, 0), "mcs.count", 2);
	fake_set(f, "qnode", fake_qnode(f, 1, 0), "mcs.count", 1);
	fake_set(f, "qnode", fake_qnode(f, 1, 0), "mcs.next", fake_va(f, fake_qnode(f, 0, 1)));
}

static inline void fake_one_work(struct fake *f, unsigned i)
{
	fake_set(f, "work_struct", fake_work(i), "func", 0x100 * (i + 1));
	fake_set(f, "work_struct", fake_work(i), "data.counter", fake_va(f, PWQ_AT) | 5);
}

static inline uint64_t fake_entry(struct fake *f, unsigned work)
{
	return fake_work(work) + fake_offsetof(f, "work_struct", "entry");
}

static inline void fake_works(struct fake *f)
{
	fake_symbol(f, "worker_pool_idr", IDR_AT, 0x20);
	fake_symbol(f, "workqueues", QUEUES_AT, 0x10);
	fake_set(f, "idr", IDR_AT, "idr_rt.xa_head", fake_va(f, POOL_AT));
	FAKE_RING(f, QUEUES_AT, QUEUE_AT_ + fake_offsetof(f, "workqueue_struct", "list"));
	FAKE_RING(f, QUEUE_AT_ + fake_offsetof(f, "workqueue_struct", "pwqs"),
		PWQ_AT + fake_offsetof(f, "pool_workqueue", "pwqs_node"));
	fake_bytes(f, QUEUE_AT_ + fake_offsetof(f, "workqueue_struct", "name"), "events", 7);
	fake_set(f, "pool_workqueue", PWQ_AT, "pool", fake_va(f, POOL_AT));
	fake_set(f, "pool_workqueue", PWQ_AT, "wq", fake_va(f, QUEUE_AT_));
	fake_set(f, "pool_workqueue", PWQ_AT, "nr_active", 2);
	for (unsigned i = 0; i < 4; i++)
		fake_one_work(f, i);
	FAKE_RING(f, POOL_AT + fake_offsetof(f, "worker_pool", "worklist"), fake_entry(f, 2));
	FAKE_RING(f, POOL_AT + fake_offsetof(f, "worker_pool", "workers"),
		WORKER_AT_ + fake_offsetof(f, "worker", "node"));
	FAKE_RING(f, WORKER_AT_ + fake_offsetof(f, "worker", "scheduled"), fake_entry(f, 1));
	FAKE_RING(f, PWQ_AT + fake_offsetof(f, "pool_workqueue", "inactive_works"),
		fake_entry(f, 3));
	fake_set(f, "worker", WORKER_AT_, "current_work", fake_va(f, fake_work(0)));
	fake_set(f, "worker", WORKER_AT_, "current_func", 0x100);
	fake_set(f, "worker", WORKER_AT_, "current_pwq", fake_va(f, PWQ_AT));
	fake_set(f, "worker", WORKER_AT_, "task", fake_va(f, SLEEPER_AT));
	fake_set(f, "worker_pool", POOL_AT, "cpu", UINT32_MAX);
	fake_set(f, "worker_pool", POOL_AT, "id", 4);
	fake_set(f, "worker_pool", POOL_AT, "nr_workers", 1);
	fake_set(f, "worker_pool", POOL_AT, "watchdog_ts", JIFFIES - 700);
}

static inline uint64_t fake_sleeper(struct fake *f, unsigned i)
{
	return SLEEPER_AT + 0x80ull * i + fake_offsetof(f, "task_struct", "rcu_node_entry");
}

/* CPU 1 and the older of two sleepers hold up what began 1,000 jiffies ago. */
static inline void fake_grace_period(struct fake *f)
{
	fake_symbol(f, "rcu_state", RCU_AT, 0x80);
	fake_set(f, "rcu_state", RCU_AT, "gp_seq", (uint64_t)-535);
	fake_set(f, "rcu_state", RCU_AT, "gp_start", JIFFIES - 1000);
	fake_set(f, "rcu_state", RCU_AT, "gp_activity", JIFFIES - 6);
	fake_set(f, "rcu_state", RCU_AT, "jiffies_stall", JIFFIES - 1);
	fake_set(f, "rcu_state", RCU_AT, "n_force_qs", 400);
	fake_set(f, "rcu_state", RCU_AT, "n_force_qs_gpstart", 17);
	fake_set(f, "rcu_state", RCU_AT, "gp_state", 5);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		uint64_t at = CPU_AT + (uint64_t)CPU_STEP * cpu + DATA_IN;
		fake_set(f, "rcu_data", at, "mynode", fake_va(f, NODE_AT));
		fake_set(f, "rcu_data", at, "grpmask", 1u << cpu);
		fake_set(f, "rcu_data", at, "gp_seq", (uint64_t)-535 - 8 * cpu);
		fake_set(f, "rcu_data", at, "cblist.len", 14 + cpu);
		fake_set(f, "rcu_data", at, "cpu_no_qs.b.norm", cpu);
		fake_set(f, "rcu_data", at, "dynticks.counter", 0x1602c + cpu);
	}
	fake_set(f, "rcu_node", NODE_AT, "qsmask", 2);
	fake_set(f, "rcu_node", NODE_AT, "grphi", 1);
	fake_set(f, "rcu_node", NODE_AT, "gp_tasks", fake_va(f, fake_sleeper(f, 1)));
	FAKE_RING(f, NODE_AT + fake_offsetof(f, "rcu_node", "blkd_tasks"), fake_sleeper(f, 0),
		fake_sleeper(f, 1));
}

/* All of it. */
static inline void fake_stalls(struct fake *f, unsigned word, bool ticket)
{
	fake_init(f, word);
	fake_spin_types(f, ticket);
	fake_work_types(f);
	fake_rcu_types(f);
	fake_cpus(f);
}

#endif
