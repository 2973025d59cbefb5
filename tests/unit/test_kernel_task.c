/* Lists, CPU masks, per-CPU addresses and tasks in memory made by hand, with 4- and 8-byte words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/task.h"
#include "tests/unit/fake_kernel.h"

static const unsigned words[] = { 4, 8 };
#define EACH_WORD(f)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (size_t w = 0; w < 2 && (fake_init(f, words[w]), 1); fake_deinit(f), w++)

static void expect_err(struct err *err, enum err_code code, const char *word)
{
	assert_non_null(err);
	if (err->code != code || !strstr(err->msg, word))
		fail_msg("code %d, \"%s\" lacks \"%s\"", err->code, err->msg, word);
	err_drop(err);
}

/* ---- lists ------------------------------------------------------------------------------- */

/* Chains the nodes at @off[0..n-1], the last one to @back. */
static void chain(struct fake *f, const uint64_t *off, size_t n, uint64_t back)
{
	for (size_t i = 0; i < n; i++)
		fake_put(f->t->dump, off[i], fake_va(f, i + 1 < n ? off[i + 1] : back),
			f->t->abi.word_bytes);
}

/* Walks to the end or the error; *ret_n nodes were seen. */
static struct err *walk(struct fake *f, uint64_t head, size_t *ret_n)
{
	struct list_iter it;
	uint64_t node;
	bool more = true;
	*ret_n = 0;
	list_iter_init(&it, f->t, fake_va(f, head));
	struct err *err = NULL;
	while (!(err = list_iter_next(&it, &node, &more)) && more)
		++*ret_n;
	assert_false(more);
	return err;
}

static void list_ends_at_its_head(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		static const uint64_t at[] = { 0x100, 0x200, 0x300, 0x400 };
		size_t n;
		chain(f, at, 1, 0x100);
		assert_null(walk(f, 0x100, &n));
		assert_int_equal(n, 0);
		chain(f, at, 4, 0x100);
		assert_null(walk(f, 0x100, &n));
		assert_int_equal(n, 3);
	}
}

/* Every tail length and loop length up to 12: the walk ends, and soon. */
static void list_loops_are_seen(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		for (unsigned tail = 1; tail <= 12; tail++) {
			for (unsigned loop = 1; loop <= 12; loop++) {
				uint64_t at[32];
				size_t n, len = tail + loop;
				for (size_t i = 0; i < len; i++)
					at[i] = 0x100 + i * 0x10;
				chain(f, at, len, at[tail]);
				expect_err(walk(f, 0x100, &n), ERR_LIMIT, "loops");
				assert_true(n >= len - 1 && n <= 4 * len);
			}
		}
	}
}

static void list_self_loop_comes_once(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		static const uint64_t at[] = { 0x100, 0x200 };
		size_t n;
		chain(f, at, 2, 0x200);
		expect_err(walk(f, 0x100, &n), ERR_LIMIT, "loops");
		assert_int_equal(n, 1);
	}
}

static void list_faults_and_interrupts(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		static const uint64_t at[] = { 0x100, 0x200 };
		size_t n;
		chain(f, at, 2, 0x5000); /* no such page */
		expect_err(walk(f, 0x100, &n), ERR_FAULT, "beyond");
		fake_put(f->t->dump, 0x200, 0, 8);
		expect_err(walk(f, 0x100, &n), ERR_FAULT, "node 2");
		interrupt_raise();
		expect_err(walk(f, 0x100, &n), ERR_INTERRUPTED, "interrupted");
		interrupt_clear();
	}
}

static void entries_wrap_at_the_word(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		uint64_t wrapped = list_entry(f->t, 0x10, 0x20);
		assert_true(
			wrapped == (f->t->abi.word_bytes == 4 ? 0xfffffff0 : 0xfffffffffffffff0));
	}
}

/* ---- CPUs -------------------------------------------------------------------------------- */

static void one_cpu_without_masks(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct cpu_mask m;
		uint64_t va;
		expect_err(cpu_mask_read(f->t, CPUS_ONLINE, &m), ERR_MISSING, "__cpu_online_mask");
		fake_symbol(f, "_stext", 0x100, 16); /* symbols are known, none is of SMP */
		assert_null(cpu_mask_read(f->t, CPUS_ONLINE, &m));
		assert_int_equal(cpu_mask_count(&m), 1);
		assert_true(cpu_mask_has(&m, 0));
		assert_null(percpu_address(f->t, 0x1000, 0, &va));
		assert_true(va == 0x1000);
		expect_err(percpu_address(f->t, 0x1000, 1, &va), ERR_NOT_FOUND, "one CPU");
		fake_symbol(f, "secondary_start_kernel", 0x200, 16);
		expect_err(cpu_mask_read(f->t, CPUS_ONLINE, &m), ERR_MISSING, "__cpu_online_mask");
	}
}

static void masks_beyond_a_word(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct cpu_mask m;
		fake_number(f, "nr_cpu_ids", 0x100, 100, 4);
		fake_symbol(f, "__cpu_possible_mask", 0x200, 16);
		static const unsigned cpus[] = { 0, 31, 32, 63, 64, 99, 100, 127 };
		for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
			*fake_at(f->t->dump, 0x200 + cpus[i] / 8) |= (uint8_t)(1 << cpus[i] % 8);
		assert_null(cpu_mask_read(f->t, CPUS_POSSIBLE, &m));
		assert_int_equal(
			cpu_mask_count(&m), 6); /* what lies beyond nr_cpu_ids does not count */
		unsigned cpu = 0;
		for (size_t i = 0; i < 6; i++, cpu++) {
			cpu = cpu_mask_next(&m, cpu);
			assert_int_equal(cpu, cpus[i]);
		}
		assert_int_equal(cpu_mask_next(&m, cpu), CPUS_MAX);
		assert_false(cpu_mask_has(&m, 100));
		assert_false(cpu_mask_has(&m, UINT32_MAX));
	}
}

static void damaged_masks(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct cpu_mask m;
		fake_number(f, "__cpu_present_mask", 0x200, 0x15, 8);
		/* Without a sensible nr_cpu_ids the mask's own size counts. */
		static const uint32_t bad[] = { 0, CPUS_MAX + 1, 0xffffffff };
		fake_number(f, "nr_cpu_ids", 0x100, 3, 4);
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			fake_put(f->t->dump, 0x100, bad[i], 4);
			assert_null(cpu_mask_read(f->t, CPUS_PRESENT, &m));
			assert_int_equal(cpu_mask_count(&m), 3);
		}
		fake_put(f->t->dump, 0x100, 3, 4);
		fake_put(f->t->dump, 0x200, 0x18, 8);
		expect_err(cpu_mask_read(f->t, CPUS_PRESENT, &m), ERR_FORMAT,
			"__cpu_present_mask holds no CPU");
		fake_fault(f->t->dump, 0x200, FAULT_EXCLUDED);
		f->t->dump->generation++; /* or the TLB still has it */
		expect_err(cpu_mask_read(f->t, CPUS_PRESENT, &m), ERR_FAULT, "excluded");
	}
}

static void percpu_addresses_wrap(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		unsigned word = f->t->abi.word_bytes;
		uint64_t va;
		fake_symbol(f, "__per_cpu_offset", 0x300, 2 * word);
		fake_put(f->t->dump, 0x300 + word, 0x20 - f->base, word); /* negative */
		fake_symbol(f, "counter", 0x80, 8);
		assert_null(percpu_symbol(f->t, "counter", 1, &va));
		assert_true(va == 0xa0);
	}
}

/* ---- tasks ------------------------------------------------------------------------------- */

enum { TASKS_AT = 0x10000, TASK_STEP = 0x1000, SIGNALS_AT = 0x40000, RQS_AT = 0x50000 };

static void task_types(struct fake *f)
{
	FAKE_STRUCT(f, "thread_info", "cpu:u32");
	FAKE_STRUCT(f, "task_struct", "thread_info:thread_info", "__state:u32", "stack:word",
		"flags:u32", "on_cpu:u32", "prio:u32", "tasks:list", "mm:word", "active_mm:word",
		"exit_state:u32", "pid:u32", "tgid:u32", "real_parent:word", "group_leader:word",
		"thread_node:list", "comm:char[16]", "signal:word");
	FAKE_STRUCT(f, "signal_struct", "nr_threads:u32", "thread_head:list");
	FAKE_STRUCT(f, "rq", "nr_running:u32", "curr:word", "idle:word");
}

static uint64_t task_at(unsigned i)
{
	return TASKS_AT + i * TASK_STEP;
}

/* Links @n places (list nodes) into a ring with the head at @head. */
static void ring(struct fake *f, uint64_t head, const uint64_t *node, size_t n)
{
	uint64_t at[16] = { head };
	memcpy(at + 1, node, n * sizeof(*node));
	chain(f, at, n + 1, head);
}

static void one_task(struct fake *f, unsigned i, uint32_t pid, unsigned signal)
{
	fake_set(f, "task_struct", task_at(i), "pid", pid);
	fake_set(f, "task_struct", task_at(i), "tgid", pid);
	fake_bytes(f, task_at(i) + fake_offsetof(f, "task_struct", "comm"), "task", 5);
	fake_set(f, "task_struct", task_at(i), "signal", fake_va(f, SIGNALS_AT + signal * 0x100));
}

/* CPUs 0 and 1 with their idle tasks (task 0, task 5); leaders 1 (pid 10) and 2 (pid 20); threads 3
 * and 4 (pids 21, 22) of leader 2. */
static void small_system(struct fake *f)
{
	unsigned word = f->t->abi.word_bytes;
	uint64_t tasks, node, head;
	task_types(f);
	tasks = fake_offsetof(f, "task_struct", "tasks");
	node = fake_offsetof(f, "task_struct", "thread_node");
	head = fake_offsetof(f, "signal_struct", "thread_head");
	fake_symbol(f, "init_task", task_at(0), fake_sizeof(f, "task_struct"));
	fake_number(f, "nr_cpu_ids", 0x100, 2, 4);
	fake_number(f, "__cpu_possible_mask", 0x200, 3, 8);
	fake_symbol(f, "__per_cpu_offset", 0x300, 2 * word);
	fake_put(f->t->dump, 0x300 + word, 0x100, word);
	fake_symbol(f, "runqueues", RQS_AT, fake_sizeof(f, "rq"));
	static const uint32_t pid[] = { 0, 10, 20, 21, 22, 0 };
	static const unsigned signal[] = { 0, 1, 2, 2, 2, 3 };
	for (unsigned i = 0; i < 6; i++)
		one_task(f, i, pid[i], signal[i]);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		fake_set(f, "rq", RQS_AT + cpu * 0x100, "idle", fake_va(f, task_at(cpu * 5)));
		fake_set(f, "rq", RQS_AT + cpu * 0x100, "curr", fake_va(f, task_at(cpu ? 3 : 0)));
	}
	ring(f, task_at(0) + tasks, (uint64_t[]){ task_at(1) + tasks, task_at(2) + tasks }, 2);
	ring(f, SIGNALS_AT + 0x100 + head, (uint64_t[]){ task_at(1) + node }, 1);
	ring(f, SIGNALS_AT + 0x200 + head,
		(uint64_t[]){ task_at(2) + node, task_at(3) + node, task_at(4) + node }, 3);
}

/* "0 0 10 20 21 22": the pids; errors that concern one task only as "!", a last one as "!!". */
static void expect_tasks(struct fake *f, const char *pids)
{
	scoped_strbuf struct strbuf b = { 0 };
	struct task_iter it;
	bool more = true;
	struct err *err = task_iter_init(&it, f->t);
	while (!err && more && b.len < 1000) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (err && more) {
			strbuf_add(&b, " !");
			err_drop(err);
			err = NULL;
		} else if (!err && more) {
			strbuf_addf(&b, " %u", task.pid);
		}
	}
	if (err)
		strbuf_add(&b, " !!");
	err_drop(err);
	assert_string_equal(b.s + 1, pids);
}

static void tasks_all(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		small_system(f);
		expect_tasks(f, "0 0 10 20 21 22");
		/* A possible CPU that never came up. */
		fake_set(f, "rq", RQS_AT + 0x100, "idle", 0);
		expect_tasks(f, "0 10 20 21 22");
	}
}

static void one_bad_task_hides_no_other(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		small_system(f);
		uint64_t next = fake_offsetof(f, "task_struct", "thread_node");
		/* A leader whose signal_struct is gone is still there itself. */
		fake_set(f, "task_struct", task_at(1), "signal", fake_va(f, 0x3000000));
		expect_tasks(f, "0 0 10 ! 20 21 22");
		fake_set(f, "task_struct", task_at(1), "signal", 0); /* reaped */
		expect_tasks(f, "0 0 10 20 21 22");
		/* A thread list that leads nowhere, one that loops, one that leads into itself. */
		fake_put(
			f->t->dump, task_at(3) + next, fake_va(f, 0x3000000), f->t->abi.word_bytes);
		expect_tasks(f, "0 0 10 20 21 ! !");
		fake_put(f->t->dump, task_at(3) + next, fake_va(f, task_at(3) + next),
			f->t->abi.word_bytes);
		expect_tasks(f, "0 0 10 20 21 !");
		/* A run queue that cannot be read. */
		fake_put(f->t->dump, 0x300 + f->t->abi.word_bytes, 0x3000000, f->t->abi.word_bytes);
		expect_tasks(f, "0 ! 10 20 21 !");
		fake_put(f->t->dump, 0x200, 0, 8);
		expect_tasks(f, "! 10 20 21 !");
	}
}

static void leaders_that_loop(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		small_system(f);
		uint64_t tasks = fake_offsetof(f, "task_struct", "tasks");
		fake_put(f->t->dump, task_at(2) + tasks, fake_va(f, task_at(2) + tasks),
			f->t->abi.word_bytes);
		expect_tasks(f, "0 0 10 20 21 22 !!");
		fake_put(f->t->dump, task_at(2) + tasks, 0, f->t->abi.word_bytes);
		expect_tasks(f, "0 0 10 20 21 22 ! !!");
	}
}

static void task_by_pid(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct task task;
		small_system(f);
		assert_null(task_find_pid(f->t, 22, &task));
		assert_true(task.va == fake_va(f, task_at(4)));
		expect_err(task_find_pid(f->t, 23, &task), ERR_NOT_FOUND, "no task has pid 23");
		fake_set(f, "task_struct", task_at(1), "signal", fake_va(f, 0x3000000));
		assert_null(task_find_pid(f->t, 22, &task));
		expect_err(task_find_pid(f->t, 23, &task), ERR_NOT_FOUND,
			"as far as tasks can be read");
		expect_err(task_parse(f->t, "init", &task), ERR_USAGE, "neither");
		char address[32];
		snprintf(address, sizeof(address), "%llx",
			(unsigned long long)fake_va(f, task_at(3)));
		assert_null(task_parse(f->t, address, &task));
		assert_int_equal(task.pid, 21);
	}
}

static void state_letters(void **state)
{
	(void)state;
	static const struct {
		uint64_t state;
		uint32_t exit_state;
		const char *letter;
	} known[] = { { 0, 0, "R" }, { 1, 0, "S" }, { 2, 0, "D" }, { 4, 0, "T" }, { 8, 0, "t" },
		{ 0, 0x10, "X" }, { 0, 0x20, "Z" }, { 0x40, 0, "P" }, { 0x402, 0, "I" },
		{ 0x102, 0, "D" }, { 0x80, 0x20, "Z" }, { 0x800, 0, "R" }, { 0x2001, 0, "S" },
		{ 0x8000, 0, "D" }, { 0x8402, 0, "D" }, { 0x1000, 0, "D" },
		{ UINT64_MAX, 0xffffffff, "D" } };
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct task task = { .state = known[i].state, .exit_state = known[i].exit_state };
		assert_string_equal(task_state_letter(&task), known[i].letter);
	}
}

static void panic_cpu_makes_sense(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct task task;
		unsigned cpu;
		small_system(f);
		fake_number(f, "panic_cpu", 0x400, 1, 4);
		assert_null(task_panicking(f->t, &task, &cpu));
		assert_int_equal(task.pid, 21);
		fake_put(f->t->dump, 0x400, UINT32_MAX, 4);
		expect_err(task_panicking(f->t, &task, &cpu), ERR_NOT_FOUND, "no CPU");
		fake_put(f->t->dump, 0x400, 5000, 4);
		expect_err(task_panicking(f->t, &task, &cpu), ERR_FORMAT, "5000");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_ends_at_its_head),
		cmocka_unit_test(list_loops_are_seen),
		cmocka_unit_test(list_self_loop_comes_once),
		cmocka_unit_test(list_faults_and_interrupts),
		cmocka_unit_test(entries_wrap_at_the_word),
		cmocka_unit_test(one_cpu_without_masks),
		cmocka_unit_test(masks_beyond_a_word),
		cmocka_unit_test(damaged_masks),
		cmocka_unit_test(percpu_addresses_wrap),
		cmocka_unit_test(tasks_all),
		cmocka_unit_test(one_bad_task_hides_no_other),
		cmocka_unit_test(leaders_that_loop),
		cmocka_unit_test(task_by_pid),
		cmocka_unit_test(state_letters),
		cmocka_unit_test(panic_cpu_makes_sense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
