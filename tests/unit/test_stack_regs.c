/* Which NT_PRSTATUS note is a CPU's, and which stack an address lies in, over memory made by hand.
 */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/stack/crash_notes.h"
#include "analyzer/stack/current_check.h"
#include "analyzer/stack/reg_file.h"
#include "analyzer/stack/stacks.h"
#include "analyzer/stack/task_regs.h"
#include "tests/unit/fake_kernel.h"

static const unsigned words[] = { 4, 8 };
#define EACH_WORD(f)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (size_t w = 0; w < 2 && (fake_init(f, words[w]), 1); fake_deinit(f), w++)

enum {
	CPUS = 3,
	TASKS_AT = 0x10000,
	STACKS_AT = 0x40000,
	RQS_AT = 0x50000,
	STACK_BYTES = 0x2000,
	CPU_STEP = 0x1000 /* between the CPUs' copies of a variable */
};

static uint8_t desc[CPUS][512];
static struct dump_note notes[CPUS];

/* Three CPUs, each running a task with pid 100 + cpu on a stack of its own; notes in order. */
static void three_cpus(struct fake *f)
{
	unsigned word = f->t->abi.word_bytes;
	const struct arch *arch = f->t->arch;
	FAKE_STRUCT(f, "thread_info", "cpu:u32");
	FAKE_STRUCT(f, "task_struct", "thread_info:thread_info", "__state:u32", "stack:word",
		"flags:u32", "on_cpu:u32", "prio:u32", "tasks:list", "mm:word", "active_mm:word",
		"exit_state:u32", "pid:u32", "tgid:u32", "real_parent:word", "group_leader:word",
		"thread_node:list", "comm:char[16]", "signal:word");
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
		fake_put(f->t->dump, 0x300 + cpu * word, cpu * CPU_STEP, word);
		fake_set(f, "rq", RQS_AT + cpu * CPU_STEP, "curr", fake_va(f, task));
		fake_set(f, "task_struct", task, "thread_info.cpu", cpu);
		fake_set(f, "task_struct", task, "pid", 100 + cpu);
		fake_set(
			f, "task_struct", task, "stack", fake_va(f, STACKS_AT + cpu * STACK_BYTES));
		uint64_t sp = fake_va(f, STACKS_AT + cpu * STACK_BYTES + 0x1f00);
		uint32_t pid = 100 + cpu;
		memcpy(desc[cpu] + arch->prstatus_pid_off, &pid, 4);
		memcpy(desc[cpu] + arch->prstatus_regs_off + arch->reg_sp * word, &sp, word);
		notes[cpu] =
			(struct dump_note){ "CORE", NT_PRSTATUS, desc[cpu], arch->prstatus_bytes };
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
	EACH_WORD(f)
	{
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
	EACH_WORD(f)
	{
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
	EACH_WORD(f)
	{
		three_cpus(f);
		notes[1].desc_size = 8;
		assert_int_equal(stack_of(f, 1, "CPU 1 has 8 bytes"), -1);
		assert_int_equal(stack_of(f, 2, ""), 2);
		notes[1].name = "LINUX";
		assert_int_equal(stack_of(f, 1, "no NT_PRSTATUS"), -1);
		assert_int_equal(stack_of(f, 2, ""), 2); /* proved by its pid and stack pointer */
	}
}

/* ---- crash_notes ------------------------------------------------------------------------- */

enum { NOTES_POINTER_AT = 0x400, NOTES_AT = 0x60000 };

/* The kernel's own buffer of @cpu, with a copy of the dump's note number @i; -1: empty. */
static void crash_note(struct fake *f, unsigned cpu, int i)
{
	unsigned word = f->t->abi.word_bytes;
	uint64_t at = NOTES_AT + cpu * CPU_STEP;
	fake_symbol(f, "crash_notes", NOTES_POINTER_AT, word);
	fake_put(f->t->dump, NOTES_POINTER_AT, fake_va(f, NOTES_AT), word);
	for (unsigned n = 0; n < CRASH_NOTE_BYTES_MAX + 20; n += 4)
		fake_put(f->t->dump, at + n, 0, 4);
	if (i < 0)
		return;
	fake_put(f->t->dump, at, 5, 4);
	fake_put(f->t->dump, at + 4, notes[i].desc_size, 4);
	fake_put(f->t->dump, at + 8, NT_PRSTATUS, 4);
	fake_bytes(f, at + 12, "CORE\0\0\0", 8);
	fake_bytes(f, at + 20, notes[i].desc, notes[i].desc_size);
}

/* The dump has the notes in another order than the CPUs: each is who its buffer says. */
static void notes_by_crash_notes(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct cpu_regs source[CPU_REGS_MAX];
		three_cpus(f);
		for (unsigned cpu = 0; cpu < CPUS; cpu++)
			crash_note(f, cpu, (int)(cpu + 1) % CPUS);
		for (unsigned cpu = 0; cpu < CPUS; cpu++)
			assert_int_equal(stack_of(f, cpu, ""), (cpu + 1) % CPUS);
		assert_int_equal(cpu_regs_list(f->t, 1, source), 1);
		assert_string_equal(source[0].source, "CPU note, as in crash_notes");
	}
}

static void a_cpu_without_a_crash_note(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		/* CPU 1 did not answer: two notes, and a pid and a stack that would fit it. */
		three_cpus(f);
		crash_note(f, 0, 0);
		crash_note(f, 1, -1);
		crash_note(f, 2, 1);
		f->t->dump->info.nnotes = 2;
		assert_int_equal(stack_of(f, 0, ""), 0);
		assert_int_equal(stack_of(f, 1, "no NT_PRSTATUS note for CPU 1"), -1);
		assert_int_equal(stack_of(f, 2, ""), 1);
	}
}

/* A hypervisor's notes, made after the kernel's: both are told, the dump's first. */
static void crash_notes_that_differ(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct cpu_regs source[CPU_REGS_MAX];
		three_cpus(f);
		crash_note(f, 1, 1);
		fake_put(f->t->dump, NOTES_AT + CPU_STEP + 20 + f->t->arch->prstatus_regs_off,
			0x1234, 4);
		assert_int_equal(stack_of(f, 1, ""), 1);
		assert_int_equal(cpu_regs_list(f->t, 1, source), 2);
		assert_string_equal(source[0].source, "CPU note");
		assert_string_equal(source[1].source, "crash_notes");
		assert_int_equal(source[1].regs.v[0], 0x1234);
		assert_int_equal(cpu_regs_list(f->t, 0, source), 1);
		/* Without any note of the dump the kernel's own count. */
		f->t->dump->info.nnotes = 0;
		assert_int_equal(cpu_regs_list(f->t, 1, source), 1);
		assert_string_equal(source[0].source, "crash_notes");
		assert_int_equal(cpu_regs_list(f->t, 0, source), 0);
		assert_int_equal(cpu_regs_list(f->t, 4000000, source), 0);
	}
}

static void damaged_crash_notes(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		static const struct {
			unsigned at;
			uint32_t v;
		} damage[] = { { 0, 6 }, { 0, 0xffffffff }, { 4, 8 }, { 4, 0xfffffff0 }, { 4, 401 },
			{ 8, 2 }, { 12, 0x45524f44 }, { 16, 1 } };
		struct crash_note note;
		three_cpus(f);
		crash_note(f, 0, 0);
		assert_null(crash_note_read(f->t, 0, &note));
		assert_true(note.saved && note.pid == 100);
		for (size_t i = 0; i < ARRAY_SIZE(damage); i++) {
			crash_note(f, 0, 0);
			fake_put(f->t->dump, NOTES_AT + damage[i].at, damage[i].v, 4);
			struct err *err = crash_note_read(f->t, 0, &note);
			if (!err)
				fail_msg("damage %zu was not seen", i);
			assert_int_equal(err->code, ERR_FORMAT);
			err_drop(err);
			assert_int_equal(stack_of(f, 0, ""), 0); /* by its position, then */
		}
		crash_note(f, 1, -1);
		assert_null(crash_note_read(f->t, 1, &note));
		assert_false(note.saved);
		/* One that a larger buffer has room for, and we have not. */
		uint8_t large[1000] = { 5, 0, 0, 0, (CRASH_NOTE_BYTES_MAX + 1) & 0xff,
			(CRASH_NOTE_BYTES_MAX + 1) >> 8, 0, 0, NT_PRSTATUS, 0, 0, 0, 'C', 'O', 'R',
			'E' };
		struct err *too_large =
			crash_note_parse(f->t->arch, &f->t->abi, large, sizeof(large), &note);
		assert_non_null(too_large);
		err_drop(too_large);
		fake_put(f->t->dump, NOTES_POINTER_AT, 0, f->t->abi.word_bytes);
		struct err *err = crash_note_read(f->t, 0, &note);
		assert_int_equal(err->code, ERR_MISSING);
		err_drop(err);
	}
}

static void given_registers_come_first(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct cpu_regs source[CPU_REGS_MAX];
		struct reg_file *given;
		three_cpus(f);
		crash_note(f, 1, 1);
		fake_put(f->t->dump, NOTES_AT + CPU_STEP + 20 + f->t->arch->prstatus_regs_off,
			0x1234, 4);
		assert_null(reg_file_parse(f->t->arch, "given", "cpu 1\npc=77\n", 12, &given));
		f->t->given_regs = given;
		assert_int_equal(cpu_regs_list(f->t, 1, source), 3);
		assert_string_equal(source[0].source, "the given file");
		assert_int_equal(source[0].regs.v[f->t->arch->reg_pc], 0x77);
		assert_int_equal(cpu_regs_list(f->t, 0, source), 1);
		reg_file_close(given);
	}
}

/* ---- who was running --------------------------------------------------------------------- */

static void disagreements(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct task task;
		struct regs regs = { 0 };
		unsigned word = f->t->abi.word_bytes;
		three_cpus(f);
		/* Idle tasks are the ones that a walk finds without lists. */
		for (unsigned cpu = 0; cpu < CPUS; cpu++)
			fake_set(f, "rq", RQS_AT + cpu * CPU_STEP, "idle",
				fake_va(f, TASKS_AT + cpu * 0x1000));
		fake_symbol(f, "init_task", TASKS_AT, 0);
		assert_null(task_current(f->t, 1, &task));
		scoped_strbuf struct strbuf out = { 0 };
		regs_set(&regs, f->t->arch->reg_sp, task.stack + 0x100);
		regs_set(&regs, f->t->arch->reg_status, word == 8 ? 5 : 0x13);
		assert_null(current_check(f->t, 1, &task, &regs, &out));
		assert_string_equal(strbuf_text(&out), "");
		/* On CPU 2's stack. */
		regs_set(&regs, f->t->arch->reg_sp, task.stack + STACK_BYTES + 0x100);
		assert_null(current_check(f->t, 1, &task, &regs, &out));
		assert_non_null(strstr(strbuf_text(&out), "the stack pointer says pid 102"));
		/* In user mode sp says nothing. */
		strbuf_reset(&out);
		regs_set(&regs, f->t->arch->reg_status, word == 8 ? 0 : 0x10);
		assert_null(current_check(f->t, 1, &task, &regs, &out));
		assert_string_equal(strbuf_text(&out), "");
		fake_symbol(f, "__entry_task", 0x700, word);
		fake_put(f->t->dump, 0x700 + CPU_STEP, fake_va(f, TASKS_AT), word);
		assert_null(current_check(f->t, 1, &task, &regs, &out));
		assert_non_null(strstr(strbuf_text(&out), "__entry_task says pid 100"));
		strbuf_reset(&out);
		fake_put(f->t->dump, 0x700 + CPU_STEP, task.va, word);
		assert_null(current_check(f->t, 1, &task, &regs, &out));
		assert_string_equal(strbuf_text(&out), "");
	}
}

/* ARM32 up to v5.15: sp & ~(THREAD_SIZE - 1) is a thread_info, which names the task. */
static void thread_info_at_the_base(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct task task;
		three_cpus(f);
		FAKE_STRUCT(f, "old_info", "flags:u32", "task:word");
		fake_known(&f->provider, "thread_info", false)->type =
			fake_known(&f->provider, "old_info", false)->type;
		fake_put(f->t->dump, STACKS_AT + STACK_BYTES + fake_offsetof(f, "old_info", "task"),
			fake_va(f, TASKS_AT + 0x1000), f->t->abi.word_bytes);
		assert_null(
			task_by_stack(f->t, fake_va(f, STACKS_AT + STACK_BYTES + 0x1800), &task));
		assert_int_equal(task.pid, 101);
		/* A task that has another stack is not believed. */
		fake_put(f->t->dump, STACKS_AT + STACK_BYTES + fake_offsetof(f, "old_info", "task"),
			fake_va(f, TASKS_AT), f->t->abi.word_bytes);
		struct err *err =
			task_by_stack(f->t, fake_va(f, STACKS_AT + STACK_BYTES + 0x1800), &task);
		assert_true(err || task.pid != 100);
		err_drop(err);
	}
}

static void who_is_running(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct task task;
		three_cpus(f);
		assert_null(task_read(f->t, fake_va(f, TASKS_AT + 0x1000), &task));
		assert_true(task_is_running(f->t, &task));
		fake_set(f, "rq", RQS_AT + CPU_STEP, "curr", fake_va(f, TASKS_AT));
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
	EACH_WORD(f)
	{
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
		/* EFI's is one for the machine, by a pointer to its upper end; NULL: there is none.
		 */
		if (words[w] == 8) {
			uint64_t efi = fake_va(f, STACKS_AT + 16 * STACK_BYTES);
			fake_number(f, "efi_rt_stack_top", 0x700, 0, 8);
			assert_false(stack_find(f->t, NULL, efi + 16, &s));
			fake_put(f->t->dump, 0x700, efi + STACK_BYTES, 8);
			assert_true(stack_find(f->t, NULL, efi + 16, &s));
			assert_true(s.lo == efi && s.hi == efi + STACK_BYTES);
			assert_string_equal(s.name, "efi");
			assert_false(stack_find(f->t, NULL, efi - 16, &s));
		}
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
		cmocka_unit_test(notes_by_crash_notes),
		cmocka_unit_test(a_cpu_without_a_crash_note),
		cmocka_unit_test(crash_notes_that_differ),
		cmocka_unit_test(damaged_crash_notes),
		cmocka_unit_test(given_registers_come_first),
		cmocka_unit_test(disagreements),
		cmocka_unit_test(thread_info_at_the_base),
		cmocka_unit_test(who_is_running),
		cmocka_unit_test(stacks_and_their_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
