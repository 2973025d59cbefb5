/* ARM32 unwinding: every opcode, both personalities, exception frames, ends, stacks; frame
 * pointers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "arch/arm/arm.h"
#include "arch/arm/exidx.h"
#include "tests/unit/fake_memory.h"

/* The fake's physical memory serves as virtual memory, one to one. */
static struct dump mem;
static bool no_tables;

enum {
	IDX = 0xc0900000,
	TAB = 0xc0980000,
	FN = 0xc0100000, /* functions of 0x100 bytes each */
	STACK = 0xc2002000,
	STACK_END = 0xc2004000,
	IRQ = 0xc3000000,
	IRQ_END = 0xc3002000,
};

static const char *const fn_name[] = { "leaf", "middle", "caller", "__irq_svc", "vector_swi",
	"ret_fast_syscall", "start_kernel", "call_with_stack", "__irq_usr" };
static unsigned nidx;

static bool mem_read(void *cx, uint64_t va, void *buf, size_t n)
{
	(void)cx;
	return dump_try_read(&mem, (struct paddr){ va }, buf, n, NULL) == FAULT_NONE;
}

static bool mem_function(void *cx, uint64_t pc, const char **ret_name, uint64_t *ret_start)
{
	(void)cx;
	if (pc < FN || pc >= FN + 0x100 * ARRAY_SIZE(fn_name))
		return false;
	*ret_name = fn_name[(pc - FN) / 0x100];
	*ret_start = pc & ~0xffull;
	return true;
}

static bool mem_stack(void *cx, uint64_t sp, uint64_t *ret_lo, uint64_t *ret_hi)
{
	(void)cx;
	bool irq = sp >= IRQ && sp < IRQ_END;
	if (!irq && (sp < STACK || sp >= STACK_END))
		return false;
	*ret_lo = irq ? IRQ : STACK;
	*ret_hi = irq ? IRQ_END : STACK_END;
	return true;
}

static bool mem_table(void *cx, uint64_t pc, uint64_t *ret_start, uint64_t *ret_stop)
{
	(void)cx;
	if (no_tables || pc < FN || pc >= FN + 0x1000)
		return false;
	*ret_start = IDX;
	*ret_stop = IDX + 8 * nidx;
	return true;
}

static const struct arch_env env = {
	.read = mem_read, .function = mem_function, .stack = mem_stack, .unwind_table = mem_table
};
static const struct arch_layout layout;

static int setup(void **state)
{
	(void)state;
	nidx = 0;
	no_tables = false;
	for (uint32_t a = STACK; a < STACK_END; a += 4)
		fake_put(
			&mem, a, 0x57000000 | (a & 0xffff), 4); /* each word tells where it stood */
	for (uint32_t a = IRQ; a < IRQ_END; a += 4)
		fake_put(&mem, a, 0x19000000 | (a & 0xffff), 4);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_clear(&mem);
	return 0;
}

static uint32_t prel31_of(uint32_t to, uint32_t from)
{
	return (to - from) & 0x7fffffff;
}

/* The next index entry: function number @fn with @word. */
static void put_entry(unsigned fn, uint32_t word)
{
	fake_put(&mem, IDX + 8 * nidx, prel31_of(FN + 0x100 * fn, IDX + 8 * nidx), 4);
	fake_put(&mem, IDX + 8 * nidx + 4, word, 4);
	nidx++;
}

static void put_word(uint32_t at, uint32_t v)
{
	fake_put(&mem, at, v, 4);
}

static struct regs regs_at(uint32_t pc, uint32_t sp)
{
	struct regs r = { 0 };
	for (unsigned i = 0; i <= ARM_LR; i++)
		regs_set(&r, i, 0xaa000000 + i);
	regs_set(&r, ARM_SP, sp);
	regs_set(&r, ARM_PC, pc);
	return r;
}

/* ---- opcodes --------------------------------------------------------------------------------- */

/* Runs up to 255 * 4 + 2 opcode bytes through a personality-1 table, from vsp STACK + 0x100. */
static const char *run(struct exidx_vm *vm, const uint8_t *op, unsigned n)
{
	uint32_t words = n <= 2 ? 0 : (n - 2 + 3) / 4;
	struct exidx_entry e = { FN, prel31_of(TAB, IDX + 4), IDX + 4 };

	*vm = (struct exidx_vm){
		.env = &env, .abi = { 4, false }, .valid = 0x7fff, .hi = STACK_END
	};
	for (unsigned i = 0; i < 16; i++)
		vm->r[i] = 0xaa000000 + i;
	vm->r[13] = STACK + 0x100;
	vm->lo = STACK + 0x100;
	vm->r[7] = STACK + 0x800;
	put_word(TAB,
		0x81000000 | words << 16 | (n > 0 ? op[0] : 0xb0) << 8 | (n > 1 ? op[1] : 0xb0));
	for (unsigned w = 0; w < words; w++) {
		uint32_t v = 0;
		for (unsigned k = 0; k < 4; k++)
			v = v << 8 | (2 + 4 * w + k < n ? op[2 + 4 * w + k] : 0xb0);
		put_word(TAB + 4 + 4 * w, v);
	}
	return exidx_run(&e, vm);
}

#define RUN(vm, ...)                                                                               \
	run(vm, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void expect_vsp(const char *why, const struct exidx_vm *vm, uint32_t off)
{
	if (why)
		print_message("%s\n", why);
	assert_null(why);
	assert_int_equal(vm->r[13], STACK + 0x100 + off);
}

static uint32_t stack_word(uint32_t off)
{
	return 0x57000000 | ((STACK + 0x100 + off) & 0xffff);
}

static void test_vsp_opcodes(void **state)
{
	struct exidx_vm vm;

	(void)state;
	expect_vsp(RUN(&vm, 0x00), &vm, 4);
	expect_vsp(RUN(&vm, 0x3f), &vm, 256);
	expect_vsp(RUN(&vm, 0x3f, 0x01), &vm, 264);
	expect_vsp(RUN(&vm, 0x3f, 0x40), &vm, 252);
	expect_vsp(RUN(&vm, 0x3f, 0x7f), &vm, 0);
	expect_vsp(RUN(&vm, 0x97), &vm, 0x700);
	expect_vsp(RUN(&vm, 0xb2, 0x00), &vm, 0x204);
	expect_vsp(RUN(&vm, 0xb2, 0x81, 0x02), &vm, 0x204 + (0x101 << 2));
	expect_vsp(RUN(&vm, 0xb0, 0x00), &vm, 0);
	/* VFP and other coprocessor registers move vsp only */
	expect_vsp(RUN(&vm, 0xb3, 0x82), &vm, 3 * 8 + 4);
	expect_vsp(RUN(&vm, 0xb4), &vm, 4);
	expect_vsp(RUN(&vm, 0xb5), &vm, 0);
	expect_vsp(RUN(&vm, 0xb8), &vm, 12);
	expect_vsp(RUN(&vm, 0xbf), &vm, 68);
	expect_vsp(RUN(&vm, 0xc0), &vm, 8);
	expect_vsp(RUN(&vm, 0xc6, 0x01), &vm, 16);
	expect_vsp(RUN(&vm, 0xc7, 0x05), &vm, 8);
	expect_vsp(RUN(&vm, 0xc8, 0x0f), &vm, 128);
	expect_vsp(RUN(&vm, 0xc9, 0x87), &vm, 64);
	expect_vsp(RUN(&vm, 0xd0), &vm, 8);
	expect_vsp(RUN(&vm, 0xd7), &vm, 64);
	assert_int_equal(vm.popped, 0);
}

static void test_pop_opcodes(void **state)
{
	struct exidx_vm vm;

	(void)state;
	expect_vsp(RUN(&vm, 0x80, 0x05), &vm, 8); /* r4, r6 */
	assert_int_equal(vm.popped, 1 << 4 | 1 << 6);
	assert_int_equal(vm.r[4], stack_word(0));
	assert_int_equal(vm.r[6], stack_word(4));
	assert_int_equal(vm.pop_va[6], STACK + 0x104);
	expect_vsp(RUN(&vm, 0x84, 0x80), &vm, 8); /* fp, lr */
	assert_int_equal(vm.r[11], stack_word(0));
	assert_int_equal(vm.r[14], stack_word(4));
	expect_vsp(RUN(&vm, 0x88, 0x00), &vm, 4); /* pc */
	assert_int_equal(vm.r[15], stack_word(0));
	expect_vsp(RUN(&vm, 0xa0), &vm, 4);  /* r4 */
	expect_vsp(RUN(&vm, 0xa7), &vm, 32); /* r4-r11 */
	assert_int_equal(vm.popped, 0x0ff0);
	assert_int_equal(vm.r[11], stack_word(28));
	expect_vsp(RUN(&vm, 0xa8), &vm, 8); /* r4, lr */
	assert_int_equal(vm.r[14], stack_word(4));
	expect_vsp(RUN(&vm, 0xaf), &vm, 36); /* r4-r11, lr */
	assert_int_equal(vm.popped, 0x4ff0);
	expect_vsp(RUN(&vm, 0xb1, 0x0f), &vm, 16); /* r0-r3 */
	assert_int_equal(vm.popped, 0xf);
	assert_int_equal(vm.r[3], stack_word(12));
	put_word(STACK + 0x104, STACK + 0x900);
	expect_vsp(RUN(&vm, 0x82, 0x01), &vm, 0x800); /* r4, sp: the popped sp counts */
}

static void test_bad_opcodes(void **state)
{
	struct exidx_vm vm;
	struct exidx_entry e = { FN, 0x81000000, IDX + 4 };

	(void)state;
	assert_string_equal(RUN(&vm, 0x80, 0x00), "unwind table: refuses to unwind");
	assert_non_null(RUN(&vm, 0x9d));
	assert_non_null(RUN(&vm, 0x9f));
	assert_non_null(RUN(&vm, 0xb1, 0x00));
	assert_non_null(RUN(&vm, 0xb1, 0x10));
	assert_non_null(RUN(&vm, 0xb6));
	assert_non_null(RUN(&vm, 0xc7, 0x00));
	assert_non_null(RUN(&vm, 0xc7, 0x10));
	assert_non_null(RUN(&vm, 0xca));
	assert_non_null(RUN(&vm, 0xd8));
	assert_non_null(RUN(&vm, 0xff));
	assert_non_null(RUN(&vm, 0xb2, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00));
	assert_non_null(RUN(&vm, 0x96)); /* r6: not a stack */
	assert_string_equal(RUN(&vm, 0x40), "stack pointer leaves its stack");
	assert_string_equal(RUN(&vm, 0xb2, 0xff, 0xff, 0x03), "stack pointer leaves its stack");
	assert_non_null(exidx_run(&e, &vm)); /* personality 1 cannot be inline */
	e = (struct exidx_entry){ FN, prel31_of(TAB, IDX + 4), IDX + 4 };
	put_word(TAB, prel31_of(FN, TAB));
	assert_non_null(exidx_run(&e, &vm)); /* a personality of its own */
	e.word = prel31_of(0xc0f00000, IDX + 4);
	assert_string_equal(exidx_run(&e, &vm), "unwind table: entry not readable");
}

static void test_find(void **state)
{
	const struct abi abi = { 4, false };
	struct exidx_entry e;

	(void)state;
	for (unsigned i = 0; i < 7; i++)
		put_entry(2 * i + 1, 0x80b0b0b0 + i);
	assert_false(exidx_find(&env, &abi, IDX, IDX + 56, FN + 0xff, &e));
	for (unsigned i = 0; i < 7; i++) {
		assert_true(exidx_find(&env, &abi, IDX, IDX + 56, FN + 0x100 * (2 * i + 1), &e));
		assert_int_equal(e.word, 0x80b0b0b0 + i);
		assert_int_equal(e.fn, FN + 0x100 * (2 * i + 1));
		assert_true(
			exidx_find(&env, &abi, IDX, IDX + 56, FN + 0x100 * (2 * i + 3) - 1, &e));
		assert_int_equal(e.word, 0x80b0b0b0 + i);
	}
	assert_false(exidx_find(&env, &abi, IDX, IDX, FN + 0x100, &e));
	assert_false(exidx_find(&env, &abi, IDX + 0x10000, IDX + 0x10100, FN + 0x100, &e));
}

/* ---- frames ---------------------------------------------------------------------------------- */

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

/* Bit 0 of a return address says Thumb; it is told and is no part of pc, and an ARM caller takes it back. */
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
		cmocka_unit_test_setup_teardown(test_vsp_opcodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pop_opcodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_opcodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_thumb_return_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_instruction, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exception, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stack_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frame_pointers, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
