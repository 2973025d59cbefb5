/* Shadow call stacks as memory made by hand: their ends, how far they were used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/stack/stack_check.h"
#include "tests/unit/fake_kernel.h"

enum { TASK_AT = 0x10000, SHADOW_AT = 0x20000, IRQ_AT = 0x30000, PAGE = 4096 };

static const struct task *scene(struct fake *f, bool with_shadow, struct task *task)
{
	fake_init(f, 8);
	if (with_shadow)
		FAKE_STRUCT(f, "thread_info", "flags:word", "scs_base:word", "scs_sp:word");
	else
		FAKE_STRUCT(f, "thread_info", "flags:word", "other:word");
	FAKE_STRUCT(f, "task_struct", "thread_info:thread_info", "stack:word", "pid:u32");
	fake_at(f->t->dump, TASK_AT);
	fake_at(f->t->dump, SHADOW_AT);
	if (with_shadow) {
		fake_set(f, "task_struct", TASK_AT, "thread_info.scs_base", fake_va(f, SHADOW_AT));
		fake_set(f, "task_struct", TASK_AT, "thread_info.scs_sp",
			fake_va(f, SHADOW_AT + 0x18));
	}
	fake_put(f->t->dump, SHADOW_AT + PAGE - 8, SHADOW_END_MAGIC, 8);
	fake_put(f->t->dump, SHADOW_AT, 0x1234, 8);
	fake_put(f->t->dump, SHADOW_AT + 0x38, 0x5678, 8); /* popped since */
	*task = (struct task){ .va = fake_va(f, TASK_AT), .pid = 7 };
	return task;
}

static void of_a_task(void **state)
{
	struct fake f;
	struct task task;
	struct arena a = { 0 };
	struct stack_check c;
	(void)state;
	assert_true(scene(&f, true, &task) == &task);
	assert_true(stack_check_shadow(f.t, &task, &a, &c));
	assert_int_equal(c.findings, 0);
	assert_true(c.shadow && c.has_end && c.end_known && c.end_word == c.end_magic);
	assert_true(c.end_va == fake_va(&f, SHADOW_AT + PAGE - 8));
	assert_true(c.used_known && c.used_bytes == 0x40);
	assert_true(c.sp_known && c.sp == fake_va(&f, SHADOW_AT + 0x18));
	assert_string_equal(c.stack.name, "shadow");
	/* The last word below the magic. */
	fake_put(f.t->dump, SHADOW_AT + PAGE - 16, 1, 8);
	assert_true(stack_check_shadow(f.t, &task, &a, &c));
	assert_int_equal(c.used_bytes, PAGE - 8);
	assert_int_equal(c.findings, 0);
	/* It ran over. */
	fake_put(f.t->dump, SHADOW_AT + PAGE - 8, 0x9abc, 8);
	assert_true(stack_check_shadow(f.t, &task, &a, &c));
	assert_int_equal(c.findings, STACK_END_LOST);
	assert_int_equal(c.end_word, 0x9abc);
	/* Running: what the task has is of its last switch. */
	task.on_cpu = 1;
	assert_true(stack_check_shadow(f.t, &task, &a, &c));
	assert_false(c.sp_known);
	fake_fault(f.t->dump, SHADOW_AT, FAULT_EXCLUDED);
	fake_move(f.t->dump);
	assert_true(stack_check_shadow(f.t, &task, &a, &c));
	assert_true(!c.used_known && c.used_why && !c.end_known && !c.findings);
	fake_set(&f, "task_struct", TASK_AT, "thread_info.scs_base", 0);
	assert_false(stack_check_shadow(f.t, &task, &a, &c)); /* patched away */
	fake_set(&f, "task_struct", TASK_AT, "thread_info.scs_base", fake_va(&f, SHADOW_AT + 4));
	assert_false(stack_check_shadow(f.t, &task, &a, &c));
	arena_deinit(&a);
	fake_deinit(&f);
	scene(&f, false, &task);
	assert_false(stack_check_shadow(f.t, &task, &a, &c));
	fake_deinit(&f);
}

/* Pointers since v5.11, with magics; arrays of 1 KiB without before. */
static void of_a_cpu(void **state)
{
	(void)state;
	for (int pointer = 0; pointer < 2; pointer++) {
		struct fake f;
		struct task task;
		struct arena a = { 0 };
		struct stack_check c;
		unsigned n = 0;
		scene(&f, true, &task);
		fake_at(f.t->dump, IRQ_AT);
		fake_put(f.t->dump, IRQ_AT + 0x10, 1, 8);
		if (pointer)
			fake_number(&f, "irq_shadow_call_stack_ptr", 0x500, fake_va(&f, IRQ_AT), 8);
		else
			fake_symbol(&f, "irq_shadow_call_stack", IRQ_AT, 1024);
		for (unsigned i = 0; stack_check_cpu_shadow(f.t, 0, i, &a, &c); i++) {
			if (c.stack.lo == c.stack.hi)
				continue;
			n++;
			assert_int_equal(c.stack.hi - c.stack.lo, pointer ? PAGE : 1024);
			assert_int_equal(c.findings, pointer ? STACK_END_LOST : 0);
			assert_int_equal(c.has_end, pointer);
			assert_true(c.used_known && c.used_bytes == 0x18 && !c.sp_known);
		}
		assert_int_equal(n, 1);
		arena_deinit(&a);
		fake_deinit(&f);
	}
}

/* Full shadow stacks do not say that the others were never cleared. */
static void among_others(void **state)
{
	struct stack_check v[4];
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		v[i] = (struct stack_check){ .stack = { 0x1000, 0x2000, "shadow" },
			.task = { .va = 1, .pid = i },
			.shadow = true,
			.has_end = true,
			.end_va = 0x1ff8,
			.used_known = true,
			.used_bytes = 0xff8 };
	v[3].shadow = false;
	v[3].end_va = 0x1000;
	v[3].used_bytes = 0x100;
	stack_checks_settle(v, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_true(v[i].used_known);
	assert_int_equal(v[3].task.pid, 3);
	/* Nor do other stacks that were never cleared say it of them. */
	v[3].used_bytes = 0xff8;
	stack_checks_settle(v, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(v[i].used_known, v[i].shadow);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(of_a_task), cmocka_unit_test(of_a_cpu),
		cmocka_unit_test(among_others) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
