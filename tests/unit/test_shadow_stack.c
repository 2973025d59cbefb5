/* Traces against shadow call stacks, over memory made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/stack/shadow_stack.h"
#include "tests/unit/fake_kernel.h"

enum { TASK_AT = 0x10000, SHADOW_AT = 0x20000, CODE_AT = 0x60000, CALLS = 8, X18 = 18 };

struct scene {
	struct fake f;
	struct arena a;
	struct task task;
	struct frame frame[CALLS];
	struct trace trace;
};

/* The address that call number @i returns to. */
static uint64_t ra(const struct scene *s, unsigned i)
{
	return fake_va(&s->f, CODE_AT + 0x100 * i + 0x14);
}

/* A task asleep in call 0, as both stacks have it: entries are calls CALLS-1 (outermost) to 1. */
static void scene_init(struct scene *s, bool with_shadow)
{
	struct fake *f = &s->f;
	memset(s, 0, sizeof(*s));
	fake_init(f, 8);
	if (with_shadow)
		FAKE_STRUCT(f, "thread_info", "flags:word", "scs_base:word", "scs_sp:word");
	else
		FAKE_STRUCT(f, "thread_info", "flags:word", "other:word");
	FAKE_STRUCT(f, "task_struct", "thread_info:thread_info", "stack:word");
	symtab_add(f->t->syms, "caller", fake_va(f, CODE_AT), 0x1000, 't', NULL);
	symtab_finish(f->t->syms);
	fake_at(f->t->dump, TASK_AT);
	fake_at(f->t->dump, SHADOW_AT);
	if (with_shadow) {
		fake_set(f, "task_struct", TASK_AT, "thread_info.scs_base", fake_va(f, SHADOW_AT));
		fake_set(f, "task_struct", TASK_AT, "thread_info.scs_sp",
			fake_va(f, SHADOW_AT + 8 * (CALLS - 1)));
	}
	s->task = (struct task){ .va = fake_va(f, TASK_AT) };
	s->trace = (struct trace){ .frame = s->frame, .nframes = CALLS };
	for (unsigned i = 0; i < CALLS; i++) {
		s->frame[i].pc = ra(s, i);
		fake_put(f->t->dump, CODE_AT + 0x100 * i + 0x10, 0x94000001, 4); /* bl */
		if (i)
			fake_put(f->t->dump, SHADOW_AT + 8 * (CALLS - 1 - i), ra(s, i), 8);
	}
}

static void scene_deinit(struct scene *s)
{
	arena_deinit(&s->a);
	fake_deinit(&s->f);
}

static void apply(struct scene *s)
{
	assert_null(shadow_stack_apply(s->f.t, &s->task, &s->a, &s->trace));
}

static void nothing_accused(const struct scene *s)
{
	for (size_t i = 0; i < s->trace.nframes; i++) {
		assert_null(s->trace.frame[i].note);
		assert_int_equal(s->trace.frame[i].trust, TRUST_SURE);
	}
}

static void both_agree(void **state)
{
	struct scene s;
	(void)state;
	scene_init(&s, true);
	apply(&s);
	assert_int_equal(s.trace.nframes, CALLS);
	nothing_accused(&s);
	scene_deinit(&s);
}

static void a_wrong_return_address(void **state)
{
	struct scene s;
	(void)state;
	scene_init(&s, true);
	s.frame[3].pc = fake_va(&s.f, CODE_AT + 0xf14);
	apply(&s);
	for (unsigned i = 0; i < CALLS; i++)
		assert_int_equal(s.trace.frame[i].trust, i == 3 ? TRUST_GUESS : TRUST_SURE);
	assert_non_null(s.trace.frame[3].note);
	scene_deinit(&s);
}

/* The tracer's address has no call before it. */
static void a_tracer_is_no_contradiction(void **state)
{
	struct scene s;
	(void)state;
	scene_init(&s, true);
	fake_put(s.f.t->dump, SHADOW_AT + 8 * (CALLS - 1 - 3), fake_va(&s.f, CODE_AT + 0xe00), 8);
	apply(&s);
	nothing_accused(&s);
	scene_deinit(&s);
}

/* Assembler code pushes nothing: a frame more than there are entries. */
static void a_frame_without_entry(void **state)
{
	struct scene s;
	(void)state;
	scene_init(&s, true);
	for (unsigned i = 3; i < CALLS - 1; i++) /* entry of call 3 taken out */
		fake_put(s.f.t->dump, SHADOW_AT + 8 * (CALLS - 1 - i), ra(&s, i + 1), 8);
	fake_put(s.f.t->dump, SHADOW_AT, 0, 8);
	apply(&s);
	nothing_accused(&s);
	scene_deinit(&s);
}

static void a_broken_chain_goes_on(void **state)
{
	struct scene s;
	(void)state;
	scene_init(&s, true);
	s.trace.nframes = 3;
	s.trace.broken = true;
	apply(&s);
	assert_int_equal(s.trace.nframes, CALLS);
	for (unsigned i = 3; i < CALLS; i++) {
		assert_true(s.trace.frame[i].pc == ra(&s, i));
		assert_true(s.trace.frame[i].lookup_pc == ra(&s, i) - 1);
		assert_int_equal(s.trace.frame[i].how, HOW_SCS);
		assert_int_equal(s.trace.frame[i].trust, TRUST_LIKELY);
	}
	scene_deinit(&s);
}

/* A stopped CPU: x18 says where. Nothing below an entry that is no code. */
static void a_running_task(void **state)
{
	struct scene s;
	(void)state;
	scene_init(&s, true);
	s.trace.nframes = 1;
	s.trace.broken = true;
	s.frame[0].exact = true;
	regs_set(&s.frame[0].regs, X18, fake_va(&s.f, SHADOW_AT + 8 * 5));
	fake_put(s.f.t->dump, SHADOW_AT + 8 * 2, 0x1234, 8);
	apply(&s);
	assert_int_equal(s.trace.nframes, 3);
	assert_true(s.trace.frame[1].pc == ra(&s, CALLS - 1 - 4));
	assert_true(s.trace.frame[2].pc == ra(&s, CALLS - 1 - 3));
	scene_deinit(&s);
}

static void hostile_pointers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct scene s;
		scene_init(&s, true);
		uint64_t lo = fake_va(&s.f, SHADOW_AT);
		uint64_t sp[] = { lo - 8, lo + 0x1000, lo + 3, 0, UINT64_MAX, lo + 0x100000 };
		fake_set(&s.f, "task_struct", TASK_AT, "thread_info.scs_sp", sp[i]);
		s.trace.nframes = 3;
		s.trace.broken = true;
		apply(&s);
		assert_int_equal(s.trace.nframes, 3);
		nothing_accused(&s);
		scene_deinit(&s);
	}
}

static void none_there(void **state)
{
	struct scene s;
	(void)state;
	scene_init(&s, false);
	s.trace.nframes = 3;
	s.trace.broken = true;
	apply(&s);
	assert_int_equal(s.trace.nframes, 3);
	scene_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(both_agree),
		cmocka_unit_test(a_wrong_return_address),
		cmocka_unit_test(a_tracer_is_no_contradiction),
		cmocka_unit_test(a_frame_without_entry), cmocka_unit_test(a_broken_chain_goes_on),
		cmocka_unit_test(a_running_task), cmocka_unit_test(hostile_pointers),
		cmocka_unit_test(none_there) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
