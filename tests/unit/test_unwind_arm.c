/* ARM32 unwinding: prologues, exception frames, ends, stacks; frame pointers. */
#include "tests/unit/fake_exidx.h"

static const struct arch_layout layout;

static struct unwind_step step(struct regs *r, bool exact)
{
	struct unwind_step st = { .exact = exact };
	assert_null(arch_arm.unwind(&env, &layout, r, &st));
	return st;
}

static void test_chain(void **state)
{
	struct regs r = regs_at(FN + 0x20, STACK + 0x100);

	(void)state;
	put_entry(0, 0x80b0b0b0); /* leaf: nothing saved */
	put_entry(1, 0x8002a8b0); /* 12 bytes, r4, lr */
	put_entry(2, 0x80a8b0b0);
	put_entry(3, EXIDX_CANTUNWIND);
	regs_set(&r, ARM_LR, FN + 0x140);
	struct unwind_step st = step(&r, true);
	assert_false(st.end);
	assert_int_equal(st.how, HOW_EXIDX);
	assert_false(st.exact);
	assert_int_equal(r.v[ARM_PC], FN + 0x140);
	assert_false(regs_has(&r, ARM_LR));
	assert_false(regs_has(&r, 0));
	assert_true(regs_has(&r, 4));
	/* the return address is the first of the next function: a call that never returns */
	put_word(STACK + 0x10c, 0x44444444);
	put_word(STACK + 0x110, FN + 0x300);
	st = step(&r, false);
	assert_false(st.end);
	assert_int_equal(r.v[ARM_PC], FN + 0x300);
	assert_int_equal(r.v[ARM_SP], STACK + 0x114);
	assert_int_equal(r.v[4], 0x44444444);
	/* taken as "caller"; its own return address is the first of ret_fast_syscall (badr) */
	put_word(STACK + 0x118, FN + 0x500);
	st = step(&r, false);
	assert_false(st.end);
	st = step(&r, false);
	assert_true(st.end);
	assert_false(st.broken);
}

/* Bit 0 of a return address says Thumb; it is told and is no part of pc, and an ARM caller takes it
 * back. */
static void test_thumb_return_addresses(void **state)
{
	struct regs r = regs_at(FN + 0x20, STACK + 0x100);

	(void)state;
	put_entry(0, 0x80b0b0b0); /* leaf: nothing saved */
	put_entry(1, 0x8002a8b0); /* 12 bytes, r4, lr */
	put_entry(2, 0x8002a8b0);
	regs_set(&r, ARM_LR, FN + 0x141);
	struct unwind_step st = step(&r, true);
	assert_true(st.thumb);
	assert_int_equal(r.v[ARM_PC], FN + 0x140);
	put_word(STACK + 0x110, FN + 0x301);
	st = step(&r, false);
	assert_true(st.thumb);
	assert_int_equal(r.v[ARM_PC], FN + 0x300);
	put_word(STACK + 0x124, FN + 0x20);
	assert_null(arch_arm.unwind(&env, &layout, &r, &st));
	assert_false(st.end);
	assert_false(st.thumb);
	/* by a frame record */
	no_tables = true;
	r = regs_at(FN + 0x20, STACK + 0x0e0);
	regs_set(&r, ARM_FP, STACK + 0x180);
	put_word(STACK + 0x180, STACK + 0x190);
	put_word(STACK + 0x184, FN + 0x351);
	st = step(&r, true);
	no_tables = false;
	assert_false(st.end);
	assert_true(st.thumb);
	assert_int_equal(r.v[ARM_PC], FN + 0x350);
}

static void test_first_instruction(void **state)
{
	struct regs r = regs_at(FN + 0x100, STACK + 0x100);

	(void)state;
	put_entry(0, 0x80a8b0b0);
	put_entry(1, 0x80a8b0b0);
	regs_set(&r, ARM_LR, FN + 0x51); /* Thumb bit */
	struct unwind_step st = step(&r, true);
	assert_false(st.end);
	assert_int_equal(r.v[ARM_PC], FN + 0x50);
	assert_int_equal(r.v[ARM_SP], STACK + 0x100);
	r = regs_at(0, STACK + 0x100); /* a call through NULL */
	regs_set(&r, ARM_LR, FN + 0x50);
	st = step(&r, true);
	assert_false(st.end);
	assert_int_equal(r.v[ARM_PC], FN + 0x50);
}

/* push {r4, r5, r6, lr} at "middle", whose table pops them; "caller" has called it. */
static struct regs begin_prologue(unsigned off)
{
	static const uint32_t code[] = { 0xe92d4070, 0xe24dd008, 0xe3a04000, 0xeb000000, 0xe28dd008,
		0xe8bd4070, 0xea000100 };
	struct regs r = regs_at(FN + 0x100 + off, STACK + 0x100);

	put_entry(1, 0x8001aab0); /* vsp += 8; pop {r4, r5, r6, lr} */
	put_entry(2, 0x80a8b0b0);
	for (unsigned i = 0; i < 64; i++)
		put_word(FN + 0x100 + 4 * i, i < ARRAY_SIZE(code) ? code[i] : 0xe1a00000);
	put_word(FN + 0x220, 0xebffffb6); /* bl middle */
	put_word(FN + 0x230, 0xeb000000);
	put_word(STACK + 0x114, FN + 0x308); /* where the table looks for lr */
	regs_set(&r, ARM_CPSR, 0x13);
	regs_set(&r, ARM_LR, FN + 0x224);
	return r;
}

/* What the table says holds from the last instruction of the prologue to the first of the epilogue.
 */
static void test_before_and_behind_the_body(void **state)
{
	static const struct {
		unsigned off, down;
		bool in_lr;
	} at[] = { { 0, 0, true }, { 4, 16, true }, { 8, 24, true }, { 16, 24, false },
		{ 20, 16, false }, { 24, 0, true } };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
		setup(NULL);
		struct regs r = begin_prologue(at[i].off);
		if (!at[i].in_lr) {
			put_word(STACK + 0x100 + at[i].down - 4, FN + 0x224);
			regs_set(&r, ARM_LR, 0xdead0000);
		}
		struct unwind_step st = step(&r, true);
		assert_false(st.end);
		assert_false(st.exact || st.unproved);
		assert_int_equal(r.v[ARM_PC], FN + 0x224);
		assert_int_equal(r.v[ARM_SP], STACK + 0x100 + at[i].down);
		assert_int_equal(st.how, at[i].in_lr ? HOW_REGS : HOW_CODE);
		assert_int_equal(r.v[4], at[i].off < 12 || at[i].off > 20
						 ? 0xaa000004
						 : stack_word(at[i].down - 16));
		assert_true(regs_has(&r, 7) && !regs_has(&r, 0) && !regs_has(&r, ARM_LR));
		teardown(NULL);
	}
}

/* The same in a Thumb-2 kernel: push {r4, lr}; mov r4, r0, called by bl. */
static void test_thumb_prologue(void **state)
{
	(void)state;
	for (unsigned off = 0; off < 6; off += 2) {
		setup(NULL);
		struct regs r = regs_at(FN + 0x100 + off, STACK + 0x100);
		put_entry(1, 0x80a8b0b0);
		put_entry(2, 0x80a8b0b0);
		for (unsigned i = 0; i < 64; i++)
			put_word(FN + 0x100 + 4 * i, 0xbf00bf00);
		put_word(FN + 0x100, 0x4604b510);
		put_word(FN + 0x220, 0xf800f000);
		put_word(STACK + 0x100, 0x44);
		regs_set(&r, ARM_CPSR, 0x33);
		regs_set(&r, ARM_LR, FN + 0x225);
		struct unwind_step st = step(&r, true);
		assert_false(st.end || st.unproved);
		assert_true(st.thumb);
		assert_int_equal(st.how, HOW_REGS);
		assert_int_equal(r.v[ARM_PC], FN + 0x224);
		assert_int_equal(r.v[ARM_SP], STACK + 0x100 + (off ? 8 : 0));
		assert_int_equal(r.v[4], off < 4 ? 0xaa000004 : 0x44);
		teardown(NULL);
	}
}

/* Neighbours with the same table share one entry (the linker joins them): the first instruction of
 * the second is not the entry's. */
static void test_first_instruction_of_a_neighbour(void **state)
{
	struct regs r = regs_at(FN + 0x100, STACK + 0x100);

	(void)state;
	put_entry(0, 0x80a8b0b0);
	regs_set(&r, ARM_LR, FN + 0x50);
	struct unwind_step st = step(&r, true);
	assert_false(st.end);
	assert_int_equal(r.v[ARM_PC], FN + 0x50);
	assert_int_equal(r.v[ARM_SP], STACK + 0x100);
}

/* Assembler may be entered elsewhere than at its symbol: where the table leads to a call as well,
 * it is not sure. */
static void test_code_against_table(void **state)
{
	struct regs r = begin_prologue(4);

	(void)state;
	put_word(STACK + 0x100 + 8 + 12, FN + 0x234);
	assert_true(step(&r, true).unproved);
	assert_int_equal(r.v[ARM_PC], FN + 0x224);
	/* Where the entry begins nothing can be pushed. */
	nidx = 0;
	r = begin_prologue(0);
	put_word(STACK + 0x100 + 8 + 12, FN + 0x234);
	assert_false(step(&r, true).unproved);
	/* No call stands before what lr has: the table it is. */
	nidx = 0;
	r = begin_prologue(4);
	put_word(STACK + 0x100 + 8 + 12, FN + 0x234);
	regs_set(&r, ARM_LR, FN + 0x2f0);
	struct unwind_step st = step(&r, true);
	assert_int_equal(st.how, HOW_EXIDX);
	assert_int_equal(r.v[ARM_PC], FN + 0x234);
}

static void test_exception(void **state)
{
	struct regs r = regs_at(FN + 0x340, STACK + 0x100);

	(void)state;
	put_entry(0, 0x80a8b0b0);
	put_entry(3, prel31_of(TAB, IDX + 8 + 4));
	put_word(TAB, 0x8101b10f);
	put_word(TAB + 4, 0x8fffb0b0);
	for (unsigned i = 0; i < 16; i++)
		put_word(STACK + 0x100 + 4 * i, 0x100 + i);
	put_word(STACK + 0x100 + 4 * 13, STACK + 0x150);
	put_word(STACK + 0x100 + 4 * 15, FN + 0x20);
	put_word(STACK + 0x100 + 4 * 16, 0x60000193);
	struct unwind_step st = step(&r, false);
	assert_false(st.end);
	assert_true(st.exact);
	assert_int_equal(st.pt_regs_va, STACK + 0x100);
	assert_int_equal(r.v[ARM_SP], STACK + 0x150);
	assert_int_equal(r.v[ARM_LR], 0x10e);
	assert_int_equal(r.v[12], 0x10c);
	assert_int_equal(r.v[ARM_PC], FN + 0x20);
	assert_int_equal(r.v[ARM_CPSR], 0x60000193);
	regs_set(&r, ARM_CPSR, 0x60000010);
	st = step(&r, true);
	assert_true(st.end && !st.broken);
	assert_string_equal(st.why, "user mode");
}

/* call_with_stack: vsp = fp leads from the irq stack to the task's; no sum may do that. */
static void test_stack_change(void **state)
{
	struct regs r = regs_at(FN + 0x740, IRQ_END - 8);

	(void)state;
	put_entry(0, 0x80b20000 | 0xff << 8 | 0x01);
	put_entry(7, 0x809b8480);
	regs_set(&r, ARM_FP, STACK + 0x200);
	put_word(STACK + 0x200, STACK + 0x300);
	put_word(STACK + 0x204, FN + 0x140);
	struct unwind_step st = step(&r, false);
	assert_false(st.end);
	assert_int_equal(r.v[ARM_SP], STACK + 0x208);
	assert_int_equal(r.v[ARM_PC], FN + 0x140);
	assert_int_equal(r.v[ARM_FP], STACK + 0x300);
	/* downwards on one stack is no change */
	r = regs_at(FN + 0x740, STACK + 0x300);
	regs_set(&r, ARM_FP, STACK + 0x200);
	st = step(&r, false);
	assert_true(st.end && st.broken);
	/* the registers of an end are untouched */
	assert_int_equal(r.v[ARM_SP], STACK + 0x300);
	assert_int_equal(r.v[ARM_FP], STACK + 0x200);
}

static void test_ends(void **state)
{
	struct regs r = regs_at(FN + 0x440, STACK + 0x100);

	(void)state;
	put_entry(0, EXIDX_CANTUNWIND);
	put_entry(1, 0x80b0b0b0);
	put_entry(6, 0x80a8b0b0);
	struct unwind_step st = step(&r, false);
	assert_true(st.end && !st.broken); /* vector_swi */
	r = regs_at(FN + 0x840, STACK + 0x100);
	st = step(&r, false);
	assert_true(st.end && !st.broken); /* __irq_usr */
	r = regs_at(FN + 0x640, STACK + 0x100);
	st = step(&r, false);
	assert_true(st.end && !st.broken); /* start_kernel */
	r = regs_at(FN + 0x40, STACK + 0x100);
	st = step(&r, false);
	assert_true(st.end && st.broken); /* cantunwind in a plain function */
	r = regs_at(FN + 0x140, STACK + 0x100);
	st = step(&r, false);
	assert_true(st.end && st.broken); /* neither lr nor sp moved: a loop */
	r = regs_at(0xc5000000, STACK + 0x100);
	st = step(&r, false);
	assert_true(st.end && st.broken);
}

static void test_frame_pointers(void **state)
{
	struct regs r = regs_at(FN + 0x20, STACK + 0x0e0);

	(void)state;
	no_tables = true;
	regs_set(&r, ARM_FP, STACK + 0x10c);
	put_word(STACK + 0x10c, FN + 0x10);	/* pc: GCC's record */
	put_word(STACK + 0x108, FN + 0x140);	/* lr */
	put_word(STACK + 0x104, STACK + 0x110); /* sp */
	put_word(STACK + 0x100, STACK + 0x180); /* fp */
	struct unwind_step st = { .exact = true };
	assert_null(arch_arm.unwind(&env, &layout, &r, &st));
	assert_false(st.end);
	assert_int_equal(st.how, HOW_FP);
	assert_int_equal(r.v[ARM_PC], FN + 0x140);
	assert_int_equal(r.v[ARM_SP], STACK + 0x110);
	assert_int_equal(r.v[ARM_FP], STACK + 0x180);
	put_word(STACK + 0x180, STACK + 0x100); /* clang's record; its fp points back */
	put_word(STACK + 0x184, FN + 0x350);
	assert_null(arch_arm.unwind(&env, &layout, &r, &st));
	assert_false(st.end);
	assert_int_equal(r.v[ARM_PC], FN + 0x350);
	/* __irq_svc: the pt_regs stands at sp */
	for (unsigned i = 0; i < 18; i++)
		put_word(STACK + 0x188 + 4 * i, 0x100 + i);
	put_word(STACK + 0x188 + 4 * 13, STACK + 0x200);
	put_word(STACK + 0x188 + 4 * 16, 0x13);
	put_word(STACK + 0x188 + 4 * 11, STACK + 0x100);
	put_word(STACK + 0x188 + 4 * 15, FN + 0x20);
	assert_null(arch_arm.unwind(&env, &layout, &r, &st));
	assert_false(st.end);
	assert_true(st.exact);
	assert_int_equal(st.pt_regs_va, STACK + 0x188);
	assert_null(arch_arm.unwind(&env, &layout, &r, &st));
	assert_true(st.end && st.broken); /* fp lies below what is used up */
	assert_string_equal(st.why, "frame pointer does not advance");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_thumb_return_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_instruction, setup, teardown),
		cmocka_unit_test(test_before_and_behind_the_body),
		cmocka_unit_test(test_thumb_prologue),
		cmocka_unit_test_setup_teardown(
			test_first_instruction_of_a_neighbour, setup, teardown),
		cmocka_unit_test_setup_teardown(test_code_against_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exception, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stack_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frame_pointers, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
