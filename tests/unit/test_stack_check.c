/* What stacks say of themselves, over memory made by hand: ends, depths, canaries, pointers. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/stack/stack_check.h"
#include "tests/unit/fake_kernel.h"

static const unsigned words[] = { 4, 8 };
#define EACH_WORD(f)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (size_t w = 0; w < 2 && (fake_init(f, words[w]), 1); fake_deinit(f), w++)

enum {
	TASK_AT = 0x10000,
	STACK_AT = 0x40000,
	STACK_BYTES = 0x2000,
	RQ_AT = 0x50000,
	CODE_AT = 0x60000,
	OVERFLOW_AT = 0x70000,
	CANARY = 0x5a5a5a00
};

static uint8_t desc[512];
static struct dump_note note;

static void poke(struct fake *f, uint64_t off, uint64_t v)
{
	fake_put(f->t->dump, STACK_AT + off, v, f->t->abi.word_bytes);
}

static void save_sp(struct fake *f, uint64_t off)
{
	fake_set(f, "task_struct", TASK_AT,
		f->t->abi.word_bytes == 8 ? "thread.cpu_context.sp" : "thread_info.cpu_context.sp",
		fake_va(f, off));
}

/* One CPU, one task, asleep, with a healthy stack whose upper 0x200 bytes are in use. @in_base: its
 * thread_info lies at the stack's base. */
static void one_task(struct fake *f, bool in_base)
{
	FAKE_STRUCT(f, "registers", "r4:word", "r5:word", "r6:word", "r7:word", "r8:word",
		"r9:word", "sl:word", "x19:word", "x20:word", "x21:word", "x22:word", "x23:word",
		"x24:word", "x25:word", "x26:word", "x27:word", "x28:word", "fp:word", "sp:word",
		"pc:word");
	FAKE_STRUCT(f, "thread_info", "task:word", "cpu:u32", "cpu_context:registers",
		"stack_canary:word");
	FAKE_STRUCT(f, "thread", "cpu_context:registers");
	if (in_base)
		FAKE_STRUCT(f, "task_struct", "__state:u32", "stack:word", "flags:u32",
			"on_cpu:u32", "prio:u32", "tasks:list", "mm:word", "active_mm:word",
			"exit_state:u32", "pid:u32", "tgid:u32", "real_parent:word",
			"group_leader:word", "thread_node:list", "comm:char[16]", "signal:word",
			"stack_canary:word", "thread:thread");
	else
		FAKE_STRUCT(f, "task_struct", "thread_info:thread_info", "__state:u32",
			"stack:word", "flags:u32", "on_cpu:u32", "prio:u32", "tasks:list",
			"mm:word", "active_mm:word", "exit_state:u32", "pid:u32", "tgid:u32",
			"real_parent:word", "group_leader:word", "thread_node:list",
			"comm:char[16]", "signal:word", "stack_canary:word", "thread:thread");
	FAKE_STRUCT(f, "rq", "nr_running:u32", "curr:word", "idle:word");
	fake_symbol(f, "init_stack", STACK_AT, 0);
	fake_symbol(f, "__end_init_stack", STACK_AT + STACK_BYTES, 0);
	fake_symbol(f, "runqueues", RQ_AT, 64);
	fake_set(f, "rq", RQ_AT, "curr", fake_va(f, TASK_AT + 0x1000));
	fake_set(f, "task_struct", TASK_AT, "stack", fake_va(f, STACK_AT));
	fake_set(f, "task_struct", TASK_AT, "pid", 7);
	fake_set(f, "task_struct", TASK_AT, "stack_canary", CANARY);
	for (unsigned off = 0; off < STACK_BYTES; off += 0x1000)
		fake_at(f->t->dump, STACK_AT + off);
	if (in_base) {
		fake_set(f, "thread_info", STACK_AT, "task", fake_va(f, TASK_AT));
		fake_set(f, "thread_info", STACK_AT, "stack_canary", CANARY);
		fake_set(f, "thread_info", STACK_AT, "cpu_context.sp",
			fake_va(f, STACK_AT + 0x1f00));
	}
	poke(f, in_base ? fake_sizeof(f, "thread_info") : 0, STACK_END_MAGIC);
	poke(f, STACK_BYTES - 0x200, 0x1234);
	if (!in_base || f->t->abi.word_bytes == 8) /* arm64 has it nowhere else */
		save_sp(f, STACK_AT + 0x1f00);
}

/* The task runs on its CPU, with its stack pointer there. */
static void run_at(struct fake *f, uint64_t sp)
{
	const struct arch *arch = f->t->arch;
	unsigned word = f->t->abi.word_bytes;
	uint64_t status = word == 8 ? 5 : 0x13, va = fake_va(f, sp), pc = fake_va(f, CODE_AT);
	memset(desc, 0, sizeof(desc));
	memcpy(desc + arch->prstatus_regs_off + arch->reg_sp * word, &va, word);
	memcpy(desc + arch->prstatus_regs_off + arch->reg_pc * word, &pc, word);
	memcpy(desc + arch->prstatus_regs_off + arch->reg_status * word, &status, word);
	note = (struct dump_note){ "CORE", NT_PRSTATUS, desc, arch->prstatus_bytes };
	f->t->dump->info.note = &note;
	f->t->dump->info.nnotes = 1;
	fake_symbol(f, "_stext", CODE_AT, 0x1000);
	fake_set(f, "rq", RQ_AT, "curr", fake_va(f, TASK_AT));
}

static struct stack_check check(struct fake *f)
{
	struct stack_check c;
	struct task task;
	struct arena scratch = { 0 };
	assert_null(task_read(f->t, fake_va(f, TASK_AT), &task));
	assert_null(stack_check_task(f->t, &task, &scratch, &c));
	arena_deinit(&scratch);
	return c;
}

static void healthy(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		for (int in_base = 0; in_base < 2; in_base++) {
			if (in_base) {
				fake_deinit(f);
				fake_init(f, words[w]);
			}
			one_task(f, in_base);
			struct stack_check c = check(f);
			assert_int_equal(c.findings, 0);
			assert_true(c.end_known && c.end_word == STACK_END_MAGIC);
			assert_true(
				c.end_va == fake_va(f, STACK_AT) +
						    (in_base ? fake_sizeof(f, "thread_info") : 0));
			assert_true(c.used_known);
			assert_int_equal(c.used_bytes, 0x200);
			assert_true(c.sp_known && c.sp == fake_va(f, STACK_AT + 0x1f00));
			assert_true(c.canary_known && c.canary == CANARY && c.guard == CANARY);
			assert_int_equal(c.copies, 0);
		}
	}
}

static void ends(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		one_task(f, false);
		poke(f, 0, 0x61616161);
		assert_int_equal(check(f).findings, STACK_END_LOST);
		/* An unsigned long: the upper half of it must be zero. */
		poke(f, 0, STACK_END_MAGIC);
		fake_put(f->t->dump, STACK_AT + 4, 1, 4);
		assert_int_equal(check(f).findings, words[w] == 8 ? STACK_END_LOST : 0);
	}
}

static void thread_info_at_the_base(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		one_task(f, true);
		fake_set(f, "thread_info", STACK_AT, "task", fake_va(f, TASK_AT) + 4);
		struct stack_check c = check(f);
		assert_int_equal(c.findings, STACK_INFO_LOST);
		assert_true(c.info_task == fake_va(f, TASK_AT) + 4);
		fake_set(f, "thread_info", STACK_AT, "task", fake_va(f, TASK_AT));
		fake_set(f, "thread_info", STACK_AT, "stack_canary", 0x61616161);
		assert_int_equal(check(f).findings, STACK_CANARY_ODD);
	}
}

static void depths(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		unsigned word = words[w];
		one_task(f, false);
		poke(f, 0x800, 1); /* deeper, with a gap above */
		assert_int_equal(check(f).used_bytes, STACK_BYTES - 0x800);
		poke(f, word, 1); /* all of it */
		assert_int_equal(check(f).used_bytes, STACK_BYTES - word);
		/* A poison: the same word, sixteen times at least. */
		for (unsigned i = 1; i <= 16; i++)
			poke(f, i * word, 0xaaaaaaaaaaaaaaaaull);
		struct stack_check c = check(f);
		assert_int_equal(c.used_bytes, STACK_BYTES - 17 * word);
		assert_int_equal(c.fill & 0xff, 0xaa);
		poke(f, 5 * word, 0);
		assert_int_equal(check(f).used_bytes, STACK_BYTES - word);
		/* What stackleak wrote was in use before. */
		for (unsigned i = 1; i <= 16; i++)
			poke(f, i * word, (uint64_t)-0xbeefll);
		assert_int_equal(check(f).used_bytes, STACK_BYTES - word);
		fake_fault(f->t->dump, STACK_AT + 0x1000, FAULT_EXCLUDED);
		fake_move(f->t->dump);
		c = check(f);
		assert_false(c.used_known);
		assert_non_null(c.used_why);
		assert_true(c.end_known);
	}
}

static void canaries(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		one_task(f, false);
		poke(f, 0x1f10, CANARY);
		poke(f, 0x1f80, CANARY);
		poke(f, 0x1e00, CANARY); /* below sp: of a function that has returned */
		assert_int_equal(check(f).copies, 2);
		/* One for all: the boot task's. */
		fake_symbol(f, "secondary_start_kernel", CODE_AT + 0x2000, 16);
		fake_number(f, "__per_cpu_offset", 0x300, 0, 8);
		fake_number(f, "__cpu_possible_mask", 0x310, 1, 8);
		fake_number(f, "__cpu_present_mask", 0x320, 1, 8);
		fake_number(f, "__stack_chk_guard", 0x400, 0x11223300, words[w]);
		poke(f, 0x1f20, 0x11223300);
		struct stack_check c = check(f);
		assert_int_equal(c.findings, 0);
		assert_int_equal(c.copies, 1);
		fake_set(f, "task_struct", TASK_AT, "stack_canary", 0x11223344);
		assert_int_equal(check(f).findings, words[w] == 8 ? STACK_CANARY_ODD : 0);
	}
}

static void pointers(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		one_task(f, false);
		save_sp(f, STACK_AT + STACK_BYTES); /* empty */
		assert_int_equal(check(f).findings, 0);
		save_sp(f, STACK_AT + STACK_BYTES + 0x100);
		assert_int_equal(check(f).findings, STACK_POINTER_LOST);
		save_sp(f, STACK_AT - 0x40);
		struct stack_check c = check(f);
		assert_int_equal(c.findings, STACK_OVERFLOWED);
		assert_true(c.sp == fake_va(f, STACK_AT - 0x40));
		save_sp(f, 0x900000);
		assert_int_equal(check(f).findings, STACK_POINTER_LOST);
		fake_set(f, "task_struct", TASK_AT, "stack", 0);
		struct task task;
		struct arena scratch = { 0 };
		assert_null(task_read(f->t, fake_va(f, TASK_AT), &task));
		struct err *err = stack_check_task(f->t, &task, &scratch, &c);
		assert_non_null(err);
		assert_int_equal(err->code, ERR_MISSING);
		err_drop(err);
	}
}

static void running_tasks(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		one_task(f, false);
		run_at(f, STACK_AT + 0x1e00);
		struct stack_check c = check(f);
		assert_true(c.running);
		assert_int_equal(c.findings, 0);
		run_at(f, STACK_AT - 0x100);
		c = check(f);
		assert_int_equal(c.findings, STACK_OVERFLOWED);
		assert_true(c.sp == fake_va(f, STACK_AT - 0x100));
		run_at(f, STACK_AT - STACK_BYTES - 8); /* anywhere else is none of its business */
		assert_int_equal(check(f).findings, 0);
		assert_false(check(f).sp_known);
	}
}

/* A damaged task that says it runs on a CPU that cannot be. */
static void a_cpu_beyond_all(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		one_task(f, false);
		run_at(f, STACK_AT + 0x1e00);
		fake_set(f, "task_struct", TASK_AT, "thread_info.cpu", 4000000000u);
		fake_set(f, "task_struct", TASK_AT, "on_cpu", 1);
		struct stack_check c = check(f);
		assert_int_equal(c.findings, 0);
		assert_false(c.sp_known);
	}
}

/* A return address in __stack_chk_fail(), and above it the one of its caller: `bl
 * __stack_chk_fail`. */
static void the_protector_fired(void **state)
{
	(void)state;
	enum { FAIL_AT = CODE_AT + 0x100, CALL_AT = CODE_AT + 0x40 };
	EACH_WORD(f)
	{
		uint32_t words_on = (FAIL_AT - CALL_AT) / 4;
		one_task(f, false);
		run_at(f, STACK_AT + 0x1c00);
		fake_symbol(f, "__stack_chk_fail", FAIL_AT, 0x20);
		fake_symbol(f, "next_function", FAIL_AT + 0x20, 0x20);
		fake_put(f->t->dump, CALL_AT,
			words[w] == 8 ? 0x94000000 | words_on : 0xeb000000 | (words_on - 2), 4);
		poke(f, 0x1d00,
			fake_va(f, CALL_AT + 4)); /* deeper than the proof: some earlier call's */
		assert_int_equal(check(f).findings, 0);
		poke(f, 0x1d80, fake_va(f, FAIL_AT + 0x20)); /* panic() was its last instruction */
		struct stack_check c = check(f);
		assert_int_equal(c.findings, STACK_PROTECTOR_FIRED);
		assert_true(c.fail_pc == 0);
		fake_put(f->t->dump, CALL_AT + 0x10, words[w] == 8 ? 0x94000000 : 0xeb000000, 4);
		poke(f, 0x1da0, fake_va(f, CALL_AT + 0x14)); /* a call of something else */
		poke(f, 0x1dc0, fake_va(f, CALL_AT + 4));
		c = check(f);
		assert_int_equal(c.findings, STACK_PROTECTOR_FIRED);
		assert_true(c.fail_pc == fake_va(f, CALL_AT + 3));
		poke(f, 0x1d80, fake_va(f, FAIL_AT)); /* its address alone is no call of it */
		assert_int_equal(check(f).findings, 0);
		/* A task that sleeps has not panicked. */
		poke(f, 0x1d80, fake_va(f, FAIL_AT + 0x20));
		fake_set(f, "rq", RQ_AT, "curr", fake_va(f, TASK_AT + 0x1000));
		assert_int_equal(check(f).findings, 0);
	}
}

static void stacks_of_cpus(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct stack_check c;
		struct arena scratch = { 0 };
		unsigned n = 0;
		one_task(f, false);
		fake_at(f->t->dump, OVERFLOW_AT);
		if (words[w] == 8)
			fake_symbol(f, "overflow_stack", OVERFLOW_AT, 4096);
		else
			fake_number(
				f, "overflow_stack_ptr", 0x500, fake_va(f, OVERFLOW_AT + 4096), 4);
		for (unsigned i = 1; stack_check_cpu(f->t, 0, i, &scratch, &c); i++) {
			if (c.stack.lo == c.stack.hi)
				continue;
			n++;
			assert_string_equal(c.stack.name, "overflow");
			assert_int_equal(c.findings, 0);
			assert_true(c.used_known == (words[w] == 8));
			/* ARM's was never cleared. */
			fake_put(f->t->dump, OVERFLOW_AT + 0xf00, 1, 1);
			assert_true(stack_check_cpu(f->t, 0, i, &scratch, &c));
			assert_int_equal(c.findings, words[w] == 8 ? STACK_OVERFLOW_USED : 0);
			assert_int_equal(c.used_bytes, words[w] == 8 ? 0x100 : 0);
		}
		assert_int_equal(n, 1);
		assert_false(stack_check_cpu(f->t, 0, 0, &scratch, &c));
		arena_deinit(&scratch);
	}
}

static struct stack_check made(uint32_t pid, uint64_t used, unsigned findings)
{
	return (struct stack_check){ .stack = { 0x1000, 0x3000, "task" },
		.task = { .va = 1, .pid = pid },
		.has_end = true,
		.end_va = 0x1000,
		.used_known = used,
		.used_bytes = used,
		.findings = findings };
}

static void order_and_what_is_knowable(void **state)
{
	(void)state;
	struct stack_check v[] = { made(1, 0x100, 0), made(2, 0x1ff8, 0),
		made(3, 0x80, STACK_END_LOST), made(4, 0x200, 0), made(5, 0, 0),
		made(6, 0x100, 0) };
	static const uint32_t order[] = { 3, 2, 4, 1, 6, 5 };
	stack_checks_settle(v, ARRAY_SIZE(v));
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		assert_int_equal(v[i].task.pid, order[i]);
	/* One full stack is a full stack, most of them full were never cleared. */
	assert_true(v[1].used_known);
	for (size_t i = 0; i < 4; i++)
		v[i] = made((uint32_t)i, 0x1ff8, 0);
	stack_checks_settle(v, ARRAY_SIZE(v));
	assert_int_equal(v[0].task.pid, 6);
	assert_true(v[0].used_known);
	assert_false(v[2].used_known);
	assert_non_null(v[2].used_why);
	stack_checks_settle(v, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(healthy), cmocka_unit_test(ends),
		cmocka_unit_test(thread_info_at_the_base), cmocka_unit_test(depths),
		cmocka_unit_test(canaries), cmocka_unit_test(pointers),
		cmocka_unit_test(running_tasks), cmocka_unit_test(a_cpu_beyond_all),
		cmocka_unit_test(the_protector_fired), cmocka_unit_test(stacks_of_cpus),
		cmocka_unit_test(order_and_what_is_knowable) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
