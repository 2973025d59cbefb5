/*
 * A task that spins and one that sleeps, for a fake target: tasks 0 to 2 at WAIT_TASK_AT + n *
 * WAIT_TASK_STEP, the spinning one's frames on the stack at WAIT_STACK_AT, its code at
 * WAIT_CODE_AT: functions 0x100 apart, in the order of fake_wait_code(). The lock and the CPUs are
 * fake_stalls.h's, the clock that tells how long a jiffy is lies at WAIT_CLOCK_AT.
 */
#ifndef TESTS_UNIT_FAKE_WAITS_H
#define TESTS_UNIT_FAKE_WAITS_H

#include "analyzer/kernel/hung_task.h"
#include "analyzer/stack/spin_wait.h"
#include "tests/unit/fake_stalls.h"

enum {
	WAIT_TASK_AT = 0x8000,
	WAIT_TASK_STEP = 0x400,
	WAIT_CLOCK_AT = 0x9000,
	WAIT_TIMEOUT_AT = 0x9100,
	WAIT_CODE_AT = 0xa000,
	WAIT_STACK_AT = 0xc000,
	WAIT_FRAMES = 4,
	WAIT_FRAME_BYTES = 0x80
};
/* Frames, innermost first. */
enum { FRAME_OTHER, FRAME_SLOWPATH, FRAME_LOCK, FRAME_CALLER };

static inline void fake_wait_types(struct fake *f, bool ticket, bool debug)
{
	FAKE_STRUCT(f, "number", "counter:u32");
	FAKE_STRUCT(f, "tickets", "owner:u16", "next:u16");
	if (ticket)
		FAKE_STRUCT(f, "arch_lock", "tickets:tickets");
	else
		FAKE_STRUCT(f, "arch_lock", "val:number");
	if (debug)
		FAKE_STRUCT(f, "raw_spinlock", "raw_lock:arch_lock", "magic:u32", "owner_cpu:u32",
			"owner:word");
	else
		FAKE_STRUCT(f, "raw_spinlock", "raw_lock:arch_lock");
	FAKE_STRUCT(f, "mcs", "next:word", "locked:u32", "count:u32");
	FAKE_STRUCT(f, "qnode", "mcs:mcs");
	FAKE_STRUCT(f, "thread_info", "cpu:u32");
	FAKE_STRUCT(f, "task_struct", "thread_info:thread_info", "__state:u32", "stack:word",
		"flags:u32", "on_cpu:u32", "prio:u32", "tasks:list", "mm:word", "active_mm:word",
		"exit_state:u32", "pid:u32", "tgid:u32", "real_parent:word", "group_leader:word",
		"thread_node:list", "comm:char[16]", "signal:word", "nvcsw:word", "nivcsw:word",
		"last_switch_count:word", "last_switch_time:word");
	FAKE_STRUCT(f, "clocksource", "mult:u32", "shift:u32");
}

static inline void fake_wait_code(struct fake *f)
{
	static const char *const names[] = { "cpu_relax_a_bit", "queued_spin_lock_slowpath",
		"_raw_spin_lock", "widget_update" };
	symtab_add_range(f->t->syms, fake_va(f, WAIT_CODE_AT),
		fake_va(f, WAIT_CODE_AT + ARRAY_SIZE(names) * 0x100), NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		symtab_add(f->t->syms, names[i], fake_va(f, WAIT_CODE_AT + i * 0x100), 0x100, 'T',
			NULL);
	symtab_finish(f->t->syms);
}

/* Types, CPUs, symbols and code, but no content. */
static inline void fake_waits(struct fake *f, unsigned word, bool ticket, bool debug)
{
	fake_init(f, word);
	fake_wait_types(f, ticket, debug);
	fake_cpus(f);
	fake_symbol(f, "sysctl_hung_task_timeout_secs", WAIT_TIMEOUT_AT, word);
	fake_symbol(f, "clocksource_jiffies", WAIT_CLOCK_AT, 8);
	fake_wait_code(f);
	for (uint64_t at = WAIT_STACK_AT; at < WAIT_STACK_AT + 2 * FAKE_PAGE; at += FAKE_PAGE)
		fake_at(f->t->dump, at); /* the page is there */
}

static inline uint64_t fake_wait_task(unsigned n)
{
	return WAIT_TASK_AT + (uint64_t)n * WAIT_TASK_STEP;
}

/* Jiffies of 4 ms, khungtaskd's limit of 8 s, and task 1, which it saw 10 s ago. */
static inline void fake_hung(struct fake *f)
{
	fake_set(f, "clocksource", WAIT_CLOCK_AT, "mult", 4000000u << 8);
	fake_set(f, "clocksource", WAIT_CLOCK_AT, "shift", 8);
	fake_put(f->t->dump, WAIT_TIMEOUT_AT, 8, f->t->abi.word_bytes);
	fake_set(f, "task_struct", fake_wait_task(1), "nvcsw", 5);
	fake_set(f, "task_struct", fake_wait_task(1), "nivcsw", 2);
	fake_set(f, "task_struct", fake_wait_task(1), "last_switch_count", 7);
	fake_set(f, "task_struct", fake_wait_task(1), "last_switch_time", JIFFIES - 2500);
}

/* Frames of task 0 on CPU 0; none of them has a register yet. */
static inline void fake_wait_frames(struct fake *f, struct frame *frame)
{
	for (unsigned i = 0; i < WAIT_FRAMES; i++)
		frame[i] = (struct frame){ .sp = fake_va(f, WAIT_STACK_AT + i * WAIT_FRAME_BYTES),
			.lookup_pc = fake_va(f, WAIT_CODE_AT + i * 0x100 + 4) };
}

static inline struct err *fake_spin_find(
	struct fake *f, struct frame *frame, unsigned n, struct spin_wait *ret)
{
	struct trace trace = { .frame = frame, .nframes = n };
	struct task task = { .va = fake_va(f, fake_wait_task(0)), .cpu = 0, .pid = 7 };
	return spin_wait_find(f->t, &task, &trace, ret);
}

#endif
