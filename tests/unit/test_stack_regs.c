/* Which NT_PRSTATUS note is a CPU's, and which stack an address lies in, over memory made by hand. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/stack/stacks.h"
#include "analyzer/stack/task_regs.h"
#include "tests/unit/fake_kernel.h"

static const unsigned words[] = { 4, 8 };
#define EACH_WORD(f)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (size_t w = 0; w < 2 && (fake_init(f, words[w]), 1); fake_deinit(f), w++)

enum { CPUS = 3, TASKS_AT = 0x10000, STACKS_AT = 0x40000, RQS_AT = 0x50000, STACK_BYTES = 0x2000 };

static uint8_t desc[CPUS][512];
static struct dump_note notes[CPUS];

/* Three CPUs, each running a task with pid 100 + cpu on a stack of its own; notes in order. */
static void three_cpus(struct fake *f)
{
	unsigned word = f->t->abi.word_bytes;
	const struct arch *arch = f->t->arch;
	FAKE_STRUCT(f, "thread_info", "cpu:u32");
	FAKE_STRUCT(f, "task_struct", "thread_info:thread_info", "__state:u32", "stack:word", "flags:u32",
		"on_cpu:u32", "prio:u32", "tasks:list", "mm:word", "active_mm:word", "exit_state:u32",
		"pid:u32", "tgid:u32", "real_parent:word", "group_leader:word", "thread_node:list",
		"comm:char[16]", "signal:word");
	FAKE_STRUCT(f, "rq", "nr_running:u32", "curr:word", "idle:word");
	fake_symbol(f, "init_stack", STACKS_AT, 0);
	fake_symbol(f, "__end_init_stack", STACKS_AT + STACK_BYTES, 0);
	fake_number(f, "nr_cpu_ids", 0x100, CPUS, 4);
	fake_number(f, "__cpu_present_mask", 0x200, 7, 8);
	fake_number(f, "__cpu_possible_mask", 0x210, 7, 8);
	fake_symbol(f, "__per_cpu_offset", 0x300, CPUS * word);
	fake_symbol(f, "runqueues", RQS_AT, 64);
	memset(desc, 0, sizeof(desc));
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		uint64_t task = TASKS_AT + cpu * 0x1000;
		fake_put(f->t->dump, 0x300 + cpu * word, cpu * 0x100, word);
		fake_set(f, "rq", RQS_AT + cpu * 0x100, "curr", fake_va(f, task));
		fake_set(f, "task_struct", task, "thread_info.cpu", cpu);
		fake_set(f, "task_struct", task, "pid", 100 + cpu);
		fake_set(f, "task_struct", task, "stack", fake_va(f, STACKS_AT + cpu * STACK_BYTES));
		uint64_t sp = fake_va(f, STACKS_AT + cpu * STACK_BYTES + 0x1f00);
		uint32_t pid = 100 + cpu;
		memcpy(desc[cpu] + arch->prstatus_pid_off, &pid, 4);
		memcpy(desc[cpu] + arch->prstatus_regs_off + arch->reg_sp * word, &sp, word);
		notes[cpu] = (struct dump_note){ "CORE", NT_PRSTATUS, desc[cpu], arch->prstatus_bytes };
	}
	f->t->dump->info.note = notes;
	f->t->dump->info.nnotes = CPUS;
}

/* The CPU whose stack the registers of @cpu point to; -1: none were found. */
static int stack_of(struct fake *f, unsigned cpu, const char *word)
{
	struct regs regs;
	struct err *err = cpu_note_regs(f->t, cpu, &regs);
	if (err && !strstr(err->msg, word))
		fail_msg("\"%s\" lacks \"%s\"", err->msg, word);
	if (err) {
		err_drop(err);
		return -1;
	}
	return (int)((regs.v[f->t->arch->reg_sp] - fake_va(f, STACKS_AT)) / STACK_BYTES);
}

static void notes_by_position(void **state)
{
	(void)state;
	EACH_WORD(f) {
		three_cpus(f);
		/* QEMU's pids are CPU numbers; with all notes there they do not matter. */
		for (unsigned cpu = 0; cpu < CPUS; cpu++)
			memset(desc[cpu] + f->t->arch->prstatus_pid_off, 0, 4);
		for (unsigned cpu = 0; cpu < CPUS; cpu++)
			assert_int_equal(stack_of(f, cpu, ""), cpu);
		/* Notes of CPUs are counted among the present ones. */
		fake_put(f->t->dump, 0x200, 5, 8);
		f->t->dump->info.nnotes = 2;
		assert_int_equal(stack_of(f, 0, ""), 0);
		assert_int_equal(stack_of(f, 2, ""), 1);
	}
}

/* A CPU that did not answer has no note; the others must not take each other's place. */
static void a_missing_note_moves_no_other(void **state)
{
	(void)state;
	EACH_WORD(f) {
		three_cpus(f);
		memmove(&notes[1], &notes[2], sizeof(notes[0]));
		f->t->dump->info.nnotes = 2;
		assert_int_equal(stack_of(f, 0, ""), 0);
		assert_int_equal(stack_of(f, 1, "no NT_PRSTATUS note for CPU 1"), -1);
		assert_int_equal(stack_of(f, 2, ""), 2);
		/* The pid alone is no proof. */
		memset(desc[2] + f->t->arch->prstatus_regs_off, 0, 300);
		assert_int_equal(stack_of(f, 2, "no NT_PRSTATUS note for CPU 2"), -1);
	}
}

static void short_and_foreign_notes(void **state)
{
	(void)state;
	EACH_WORD(f) {
		three_cpus(f);
		notes[1].desc_size = 8;
		assert_int_equal(stack_of(f, 1, "CPU 1 has 8 bytes"), -1);
		assert_int_equal(stack_of(f, 2, ""), 2);
		notes[1].name = "LINUX";
		assert_int_equal(stack_of(f, 1, "no NT_PRSTATUS"), -1);
		assert_int_equal(stack_of(f, 2, ""), 2); /* proved by its pid and stack pointer */
	}
}

static void who_is_running(void **state)
{
	(void)state;
	EACH_WORD(f) {
		struct task task;
		three_cpus(f);
		assert_null(task_read(f->t, fake_va(f, TASKS_AT + 0x1000), &task));
		assert_true(task_is_running(f->t, &task));
		fake_set(f, "rq", RQS_AT + 0x100, "curr", fake_va(f, TASKS_AT));
		assert_false(task_is_running(f->t, &task));
		/* The run queue is gone: the task's own word counts. */
		task.cpu = 4000000;
		assert_false(task_is_running(f->t, &task));
		task.on_cpu = 1;
		assert_true(task_is_running(f->t, &task));
	}
}

static void stacks_and_their_ends(void **state)
{
	(void)state;
	EACH_WORD(f) {
		struct task task = { .stack = fake_va(f, STACKS_AT) };
		struct stack s;
		three_cpus(f);
		assert_true(stack_find(f->t, &task, task.stack, &s));
		assert_true(s.lo == task.stack && s.hi == task.stack + STACK_BYTES);
		assert_string_equal(s.name, "task");
		assert_true(stack_find(f->t, &task, task.stack + STACK_BYTES, &s)); /* empty */
		assert_false(stack_find(f->t, &task, task.stack + STACK_BYTES + 1, &s));
		assert_false(stack_find(f->t, &task, task.stack - 1, &s));
		assert_false(stack_find(f->t, NULL, task.stack, &s));
		/* A stack at the end of all addresses has no end. */
		task.stack = UINT64_MAX - 16;
		assert_false(stack_find(f->t, &task, UINT64_MAX - 8, &s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes_by_position),
		cmocka_unit_test(a_missing_note_moves_no_other),
		cmocka_unit_test(short_and_foreign_notes),
		cmocka_unit_test(who_is_running),
		cmocka_unit_test(stacks_and_their_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
