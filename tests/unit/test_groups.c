/* Which stacks are alike, the order of groups, filters. trace_task() is this file's own: it tells
 * stacks by pid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/stack/groups.h"
#include "tests/unit/fake_kernel.h"

enum { TEXT = 0x1000, FUNCTION_BYTES = 0x100 };

/* Functions f0, f1, … and, from the 8th on, those of a module. */
static void add_functions(struct fake *f)
{
	char name[8];
	symtab_add_range(f->t->syms, fake_va(f, TEXT), fake_va(f, TEXT + 8 * FUNCTION_BYTES), NULL);
	symtab_add_range(f->t->syms, fake_va(f, TEXT + 8 * FUNCTION_BYTES),
		fake_va(f, TEXT + 10 * FUNCTION_BYTES), "m");
	for (unsigned i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		symtab_add(f->t->syms, name, fake_va(f, TEXT + i * FUNCTION_BYTES), FUNCTION_BYTES,
			'T', i < 8 ? NULL : "m");
	}
	symtab_finish(f->t->syms);
}

/* pid 1xyz: functions x, y, z, each at offset 4; pid 2xyz: the same functions at offset 8; pid
 * 3xyz: at 4, and the chain breaks off; 9…: an error; below 1000: no frames, and the reason says
 * which. */
struct err *trace_task(
	struct target *t, const struct task *task, struct arena *a, struct trace *ret)
{
	static const char *const why[] = { "zero", "one" };
	unsigned kind = task->pid / 1000, digits = task->pid % 1000;
	uint64_t base = (t->abi.word_bytes == 8 ? 0xffff800000000000ull : 0xc0000000ull) + TEXT;
	if (kind == 9)
		return err_new(ERR_MISSING, "no registers");
	*ret = (struct trace){ .end = kind ? "bottom" : why[task->pid & 1], .broken = kind == 3 };
	if (!task->stack) {
		ret->end = "its stack is gone";
		return NULL;
	}
	if (!kind)
		return NULL;
	ret->nframes = 3;
	ret->frame = arena_alloc(a, 3 * sizeof(*ret->frame));
	for (unsigned i = 3; i--; digits /= 10) {
		uint64_t pc = base + digits % 10 * FUNCTION_BYTES + (kind == 2 ? 8 : 4);
		ret->frame[i] = (struct frame){ .pc = pc, .lookup_pc = pc - 1 };
	}
	return NULL;
}

static void add(
	struct stack_groups *g, uint32_t pid, uint64_t state, const struct stack_filter *filter)
{
	struct task task = {
		.va = pid, .pid = pid, .state = state, .stack = 0x1000, .comm = "sixteen letters!"
	};
	assert_null(stack_groups_add(g, &task, filter));
}

static void alike_by_place_or_function(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		struct stack_groups g;
		fake_init(&f, word);
		add_functions(&f);
		stack_groups_init(&g, f.t, STACKS_BY_PLACE);
		static const uint32_t pids[] = { 1123, 1124, 1123, 2123, 3123, 1123, 2124 };
		for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
			add(&g, pids[i], 1, NULL);
		add(&g, 1123, 2, NULL); /* in another state */
		assert_int_equal(g.group.n, 6);
		assert_int_equal(g.ntasks, 8);
		stack_groups_sort(&g, false);
		assert_int_equal(g.group.v[0]->members.n, 3);
		assert_string_equal(g.group.v[0]->members.v[0].comm, "sixteen letters!");
		stack_groups_deinit(&g);
		stack_groups_init(&g, f.t, STACKS_BY_FUNCTION);
		for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
			add(&g, pids[i], 1, NULL);
		assert_int_equal(g.group.n, 3); /* f1 f2 f3, f1 f2 f4, and the broken one */
		stack_groups_sort(&g, false);
		assert_int_equal(g.group.v[0]->members.n, 4);
		stack_groups_deinit(&g);
		fake_deinit(&f);
	}
}

static void without_frames_the_reason_counts(void **state)
{
	(void)state;
	struct fake f;
	struct stack_groups g;
	struct task dead = { .pid = 1123 };
	struct task lost = { .pid = 9000, .stack = 1 };
	fake_init(&f, 8);
	add_functions(&f);
	stack_groups_init(&g, f.t, STACKS_BY_PLACE);
	add(&g, 10, 1, NULL);
	add(&g, 11, 1, NULL);
	add(&g, 12, 1, NULL);
	assert_null(stack_groups_add(&g, &dead, NULL)); /* no stack */
	assert_int_equal(g.group.n, 3);
	assert_int_equal(g.group.v[0]->members.n, 2);
	assert_string_equal(g.group.v[2]->trace.end, "its stack is gone");
	struct err *err = stack_groups_add(&g, &lost, NULL);
	assert_non_null(err);
	assert_non_null(strstr(err->msg, "pid 9000"));
	err_drop(err);
	assert_int_equal(g.ntasks, 4);
	stack_groups_deinit(&g);
	fake_deinit(&f);
}

static void order_of_groups(void **state)
{
	(void)state;
	struct fake f;
	struct stack_groups g;
	fake_init(&f, 8);
	add_functions(&f);
	stack_groups_init(&g, f.t, STACKS_BY_PLACE);
	add(&g, 1555, 1, NULL);
	add(&g, 1111, 1, NULL);
	add(&g, 1222, 1, NULL);
	add(&g, 1222, 1, NULL);
	add(&g, 10, 1, NULL);
	stack_groups_sort(&g, false);
	assert_int_equal(g.group.v[0]->members.v[0].pid, 1222);
	assert_int_equal(g.group.v[1]->members.v[0].pid, 1555); /* as they were met */
	assert_int_equal(g.group.v[2]->members.v[0].pid, 1111);
	assert_int_equal(g.group.v[3]->members.v[0].pid, 10); /* without frames */
	stack_groups_sort(&g, true);
	assert_int_equal(g.group.v[0]->members.v[0].pid, 1555);
	assert_int_equal(g.group.v[3]->members.v[0].pid, 1222);
	stack_groups_deinit(&g);
	fake_deinit(&f);
}

/* More groups than the table has room for at first, each met twice. */
static void many_groups(void **state)
{
	(void)state;
	struct fake f;
	struct stack_groups g;
	fake_init(&f, 8);
	add_functions(&f);
	stack_groups_init(&g, f.t, STACKS_BY_PLACE);
	for (unsigned round = 0; round < 2; round++)
		for (uint32_t pid = 1000; pid < 3000; pid++)
			add(&g, pid, 1, NULL);
	assert_int_equal(g.group.n, 2000);
	for (size_t i = 0; i < g.group.n; i++) {
		assert_int_equal(g.group.v[i]->members.n, 2);
		assert_int_equal(g.group.v[i]->members.v[0].pid, g.group.v[i]->members.v[1].pid);
	}
	stack_groups_deinit(&g);
	fake_deinit(&f);
}

/* How many of stacks 123, 456 and 129 (f9 is the module's) and one without frames pass. */
static unsigned passing(
	const char *function, const char *module, const char *not_function, const char *not_module)
{
	struct fake f;
	struct stack_groups g;
	scoped_stack_filter struct stack_filter filter = { 0 };
	static const uint32_t pids[] = { 1123, 1456, 1129, 10 };
	fake_init(&f, 8);
	add_functions(&f);
	if (function)
		vec_push(&filter.functions, function);
	if (module)
		vec_push(&filter.modules, module);
	if (not_function)
		vec_push(&filter.not_functions, not_function);
	if (not_module)
		vec_push(&filter.not_modules, not_module);
	stack_groups_init(&g, f.t, STACKS_BY_PLACE);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		add(&g, pids[i], 1, &filter);
	unsigned n = (unsigned)g.ntasks;
	stack_groups_deinit(&g);
	fake_deinit(&f);
	return n;
}

static void filters(void **state)
{
	(void)state;
	assert_int_equal(passing(NULL, NULL, NULL, NULL), 4);
	assert_int_equal(passing("f2", NULL, NULL, NULL), 2);
	assert_int_equal(passing("f", NULL, NULL, NULL), 0); /* a whole name */
	assert_int_equal(passing("f[45]", NULL, NULL, NULL), 1);
	assert_int_equal(passing("*", NULL, NULL, NULL), 3);
	assert_int_equal(passing(NULL, "m", NULL, NULL), 1);
	assert_int_equal(passing(NULL, "kernel", NULL, NULL), 3);
	assert_int_equal(passing(NULL, "mm", NULL, NULL), 0);
	assert_int_equal(passing(NULL, NULL, "f1", NULL), 2);
	assert_int_equal(passing(NULL, NULL, NULL, "m"), 3);
	assert_int_equal(passing("f2", NULL, NULL, "m"), 1);
	assert_int_equal(passing("f2", "m", "f3", NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(alike_by_place_or_function),
		cmocka_unit_test(without_frames_the_reason_counts),
		cmocka_unit_test(order_of_groups), cmocka_unit_test(many_groups),
		cmocka_unit_test(filters) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
