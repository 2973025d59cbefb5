/* What the frames of a stack hold where their functions keep canaries, over memory made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/stack/canary.h"
#include "tests/unit/fake_kernel.h"

enum {
	TASK_AT = 0x10000,
	STACK_AT = 0x40000,
	STACK_BYTES = 0x2000,
	TEXT_AT = 0x60000,
	FUNCTION_BYTES = 0x40,
	FRAME_AT = STACK_AT + 0x1e00,
};
static const uint64_t canary = 0x5a5a5a00, other = 0x61616161;

/* Function 0 keeps a canary 24 bytes above its stack pointer, number 1 keeps none. */
static void functions(struct fake *f)
{
	static const uint32_t a64[] = { 0xa9bd7bfd, 0x910003fd, 0xd5384101, 0xf9400020, 0xf9000fe0,
		0x9400003a, 0xf9400fe0, 0xa8c37bfd, 0xd65f03c0 };
	static const uint32_t arm[] = { 0xe92d4030, 0xe24dd024, 0xee1d3f70, 0xe5932000, 0xe58d2018,
		0xeb000020, 0xe59d2018, 0xe28dd024, 0xe8bd8030 };
	uint64_t offset = fake_offsetof(f, "task_struct", "stack_canary");
	bool wide = f->t->abi.word_bytes == 8;
	for (unsigned i = 0; i < ARRAY_SIZE(arm); i++)
		fake_put(f->t->dump, TEXT_AT + 4 * i,
			i != 3 ? (wide ? a64[i] : arm[i])
			: wide ? a64[i] | (uint32_t)(offset / 8) << 10
			       : arm[i] | (uint32_t)offset,
			4);
	fake_put(f->t->dump, TEXT_AT + FUNCTION_BYTES, wide ? 0xd65f03c0 : 0xe12fff1e, 4);
	fake_symbol(f, "_stext", TEXT_AT, 0);
	fake_symbol(f, "keeps", TEXT_AT, FUNCTION_BYTES);
	fake_symbol(f, "keeps_none", TEXT_AT + FUNCTION_BYTES, FUNCTION_BYTES);
}

static void one_task(struct fake *f)
{
	FAKE_STRUCT(f, "task_struct", "stack:word", "pid:u32", "stack_canary:word");
	fake_at(f->t->dump, STACK_AT);
	fake_at(f->t->dump, STACK_AT + 0x1000);
	fake_at(f->t->dump, TEXT_AT);
	fake_symbol(f, "init_stack", STACK_AT, 0);
	fake_symbol(f, "__end_init_stack", STACK_AT + STACK_BYTES, 0);
	functions(f);
}

/* Frames of 0x40 bytes each, the first at FRAME_AT, of function @of[i], behind its call. */
static void make_frames(struct fake *f, const unsigned *of, unsigned n, struct frame *ret)
{
	const struct arch *a = f->t->arch;
	for (unsigned i = 0; i < n; i++) {
		uint64_t pc = fake_va(f, TEXT_AT + of[i] * FUNCTION_BYTES) + 24,
			 sp = fake_va(f, FRAME_AT + 0x40 * i);
		ret[i] = (struct frame){
			.pc = pc, .sp = sp, .lookup_pc = pc - 1, .trust = TRUST_SURE
		};
		regs_set(&ret[i].regs, a->reg_sp, sp);
		fake_put(f->t->dump, FRAME_AT + 0x40 * i + 24, of[i] ? 0 : canary,
			f->t->abi.word_bytes);
	}
}

static struct canary_counts look(struct fake *f, struct frame *frames, unsigned n)
{
	struct trace trace = { .frame = frames, .nframes = n };
	struct canary_counts counts;
	const struct task task = { .va = fake_va(f, TASK_AT), .stack = fake_va(f, STACK_AT) };
	scoped_canaries struct canaries *c = canaries_create(f->t);
	assert_non_null(c);
	canaries_check(c, &task, &trace, canary, &counts);
	/* Once more, from memory. */
	struct canary_counts again;
	canaries_check(c, &task, &trace, canary, &again);
	assert_int_equal(again.checked, counts.checked);
	assert_int_equal(again.damaged, counts.damaged);
	return counts;
}

static const unsigned widths[] = { 4, 8 };
#define EACH_WORD(f)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (size_t w = 0; w < 2 && (fake_init(f, widths[w]), 1); fake_deinit(f), w++)

static void frames_of_a_stack(void **state)
{
	static const unsigned of[] = { 0, 1, 0, 0 };
	struct frame frames[4];
	(void)state;
	EACH_WORD(f)
	{
		one_task(f);
		make_frames(f, of, 4, frames);
		struct canary_counts n = look(f, frames, 4);
		assert_int_equal(n.frames, 3);
		assert_int_equal(n.checked, 3);
		assert_int_equal(n.damaged, 0);
		fake_put(f->t->dump, FRAME_AT + 0x80 + 24, other, widths[w]);
		n = look(f, frames, 4);
		assert_int_equal(n.checked, 3);
		assert_int_equal(n.damaged, 1);
		assert_int_equal(n.found.frame, 2);
		assert_true(n.found.slot_va == fake_va(f, FRAME_AT + 0x80 + 24));
		assert_true(n.found.found == other && n.alike);
		fake_put(f->t->dump, FRAME_AT + 0xc0 + 24, other + 1, widths[w]);
		n = look(f, frames, 4);
		assert_int_equal(n.damaged, 2);
		assert_int_equal(n.found.frame, 2);
		assert_false(n.alike);
	}
}

/* A wrong word where it is not certain that there is a canary says nothing. */
static void what_is_not_looked_at(void **state)
{
	static const unsigned of[] = { 0 };
	struct frame frame;
	(void)state;
	EACH_WORD(f)
	{
		const struct arch *a = f->t->arch;
		one_task(f);
		make_frames(f, of, 1, &frame);
		fake_put(f->t->dump, FRAME_AT + 24, other, widths[w]);
		assert_int_equal(look(f, &frame, 1).damaged, 1);
		frame.trust = TRUST_LIKELY;
		assert_int_equal(look(f, &frame, 1).frames, 0);
		frame.trust = TRUST_SURE;
		frame.lookup_pc = frame.pc; /* no call stands before it */
		assert_int_equal(look(f, &frame, 1).frames, 0);
		frame.exact = true; /* stopped behind the epilogue; in the middle */
		frame.pc = frame.lookup_pc = fake_va(f, TEXT_AT) + 32;
		assert_int_equal(look(f, &frame, 1).checked, 0);
		assert_int_equal(look(f, &frame, 1).frames, 1);
		frame.pc = frame.lookup_pc = fake_va(f, TEXT_AT) + 16;
		assert_int_equal(look(f, &frame, 1).checked, 0);
		frame.pc = frame.lookup_pc = fake_va(f, TEXT_AT) + 20;
		assert_int_equal(look(f, &frame, 1).damaged, 1);
		frame.regs.valid = 0;
		assert_int_equal(look(f, &frame, 1).checked, 0);
		regs_set(&frame.regs, a->reg_sp, fake_va(f, FRAME_AT) + 4 + widths[w] / 8);
		assert_int_equal(look(f, &frame, 1).checked, widths[w] == 4);
		regs_set(&frame.regs, a->reg_sp, fake_va(f, STACK_AT + STACK_BYTES) - 16);
		assert_int_equal(look(f, &frame, 1).checked, 0); /* not on the stack */
		regs_set(&frame.regs, a->reg_sp, fake_va(f, FRAME_AT));
		if (widths[w] == 8) {
			/* x29 is the frame's as well, and must agree. */
			regs_set(&frame.regs, a->reg_fp, fake_va(f, FRAME_AT));
			assert_int_equal(look(f, &frame, 1).checked, 1);
			regs_set(&frame.regs, a->reg_fp, fake_va(f, FRAME_AT + 16));
			assert_int_equal(look(f, &frame, 1).checked, 0);
		}
		frame.pc = fake_va(f, TEXT_AT - 0x1000);
		frame.lookup_pc = frame.pc - 1;
		frame.exact = false;
		assert_int_equal(look(f, &frame, 1).frames, 0);
	}
}

/* A frame that was only found by a search counts where it called __stack_chk_fail(), and its canary
 * is wrong. */
static void the_one_that_found_it(void **state)
{
	static const unsigned of[] = { 1, 0, 0 };
	struct frame frames[3];
	(void)state;
	EACH_WORD(f)
	{
		one_task(f);
		make_frames(f, of, 3, frames);
		for (unsigned i = 0; i < 3; i++)
			frames[i].trust = TRUST_LIKELY;
		fake_put(f->t->dump, FRAME_AT + 0x40 + 24, other, widths[w]);
		fake_put(f->t->dump, FRAME_AT + 0x80 + 24, other, widths[w]);
		assert_int_equal(look(f, frames, 3).checked, 0);
		frames[0].pc = fake_va(f, TEXT_AT + 2 * FUNCTION_BYTES) + 24;
		frames[0].lookup_pc = frames[0].pc - 1;
		assert_int_equal(look(f, frames, 3).checked, 0);
		fake_symbol(f, "__stack_chk_fail", TEXT_AT + 2 * FUNCTION_BYTES, FUNCTION_BYTES);
		struct canary_counts n = look(f, frames, 3);
		assert_int_equal(n.checked, 1);
		assert_int_equal(n.damaged, 1);
		assert_int_equal(n.found.frame, 1);
		fake_put(f->t->dump, FRAME_AT + 0x40 + 24, canary, widths[w]);
		assert_int_equal(look(f, frames, 3).checked, 0);
	}
}

/* The page is zero: the dump has lost it. One that has anything else on it was written to. */
static void lost_pages(void **state)
{
	static const unsigned of[] = { 0 };
	struct frame frame;
	(void)state;
	EACH_WORD(f)
	{
		one_task(f);
		make_frames(f, of, 1, &frame);
		fake_put(f->t->dump, FRAME_AT + 24, 0, widths[w]);
		struct canary_counts n = look(f, &frame, 1);
		assert_int_equal(n.frames, 1);
		assert_int_equal(n.checked, 0);
		fake_put(f->t->dump, FRAME_AT - 0x80, 1, 1);
		assert_int_equal(look(f, &frame, 1).damaged, 1);
	}
}

/* Its call is its last instruction, since that never returns: the return address is another
 * function's. */
static void a_call_at_the_end(void **state)
{
	enum { AT = TEXT_AT + 0x200, BYTES = 28 };
	static const unsigned of[] = { 0 };
	struct frame frame;
	(void)state;
	EACH_WORD(f)
	{
		bool wide = widths[w] == 8;
		one_task(f);
		fake_symbol(f, "ends", AT, BYTES);
		fake_symbol(f, "next", AT + BYTES, 64);
		for (unsigned i = 0; i < 5; i++) {
			uint8_t word[4];
			assert_int_equal(vspace_try_read(f->t->kernel, fake_va(f, TEXT_AT + 4 * i),
						 word, 4, NULL),
				FAULT_NONE);
			fake_put(f->t->dump, AT + 4 * i, load_u32le(word), 4);
		}
		fake_put(f->t->dump, AT + 20, wide ? 0xf9400fe0 : 0xe59d2018, 4);
		fake_put(f->t->dump, AT + 24, wide ? 0x9400003a : 0xeb000020, 4);
		make_frames(f, of, 1, &frame);
		frame.pc = fake_va(f, AT + BYTES);
		frame.lookup_pc = frame.pc - 1;
		fake_put(f->t->dump, FRAME_AT + 24, other, widths[w]);
		assert_int_equal(look(f, &frame, 1).damaged, 1);
	}
}

static void kernels_without(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		FAKE_STRUCT(f, "task_struct", "stack:word", "pid:u32");
		assert_null(canaries_create(f->t));
		canaries_destroy(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(frames_of_a_stack),
		cmocka_unit_test(what_is_not_looked_at), cmocka_unit_test(the_one_that_found_it),
		cmocka_unit_test(lost_pages), cmocka_unit_test(a_call_at_the_end),
		cmocka_unit_test(kernels_without) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
