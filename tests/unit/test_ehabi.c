/* ARM32's unwind tables: every opcode, the models' forms, how an entry is found. */
#include "tests/unit/fake_exidx.h"

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

/* Each opcode of the classes that have many. */
static void test_opcode_classes(void **state)
{
	struct exidx_vm vm;

	(void)state;
	for (unsigned op = 0xa0; op < 0xb0; op++) {
		uint32_t mask = ((1u << ((op & 7) + 1)) - 1) << 4 | (op & 8 ? 1u << ARM_LR : 0);
		expect_vsp(RUN(&vm, (uint8_t)op), &vm, 4 * (uint32_t)__builtin_popcount(mask));
		assert_int_equal(vm.popped, mask);
		assert_int_equal(vm.r[4], stack_word(0));
		if (op & 8)
			assert_int_equal(vm.r[ARM_LR], stack_word(4 * ((op & 7) + 1)));
	}
	for (unsigned op = 0; op < 0x40; op++)
		expect_vsp(RUN(&vm, (uint8_t)op), &vm, 4 * op + 4);
	for (unsigned op = 0x40; op < 0x80; op++)
		expect_vsp(RUN(&vm, 0x3f, (uint8_t)op), &vm, 256 - 4 * (op & 0x3f) - 4);
	for (unsigned op = 0xb8; op < 0xc0; op++)
		expect_vsp(RUN(&vm, (uint8_t)op), &vm, 8 * (op & 7) + 12);
	for (unsigned op = 0xc0; op < 0xc6; op++)
		expect_vsp(RUN(&vm, (uint8_t)op), &vm, 8 * (op & 7) + 8);
	for (unsigned op = 0xd0; op < 0xd8; op++)
		expect_vsp(RUN(&vm, (uint8_t)op), &vm, 8 * (op & 7) + 8);
	for (unsigned n = 1; n < 16; n++) {
		expect_vsp(RUN(&vm, 0xb1, (uint8_t)n), &vm, 4 * (uint32_t)__builtin_popcount(n));
		assert_int_equal(vm.popped, n);
		expect_vsp(RUN(&vm, 0xc7, (uint8_t)n), &vm, 4 * (uint32_t)__builtin_popcount(n));
		assert_int_equal(vm.popped, 0);
		expect_vsp(RUN(&vm, 0xb3, (uint8_t)n), &vm, 8 * n + 12);
		expect_vsp(RUN(&vm, 0xc6, (uint8_t)n), &vm, 8 * n + 8);
		expect_vsp(RUN(&vm, 0xc8, (uint8_t)n), &vm, 8 * n + 8);
		expect_vsp(RUN(&vm, 0xc9, (uint8_t)n), &vm, 8 * n + 8);
	}
	for (unsigned op = 0xca; op < 0x100; op++)
		if (op < 0xd0 || op >= 0xd8)
			assert_string_equal(RUN(&vm, (uint8_t)op), "unwind table: spare opcode");
	assert_string_equal(RUN(&vm, 0xb6), "unwind table: spare opcode");
	assert_string_equal(RUN(&vm, 0xb7), "unwind table: spare opcode");
	/* ULEB128 of one byte to three, and one whose upper bytes are zero */
	expect_vsp(RUN(&vm, 0xb2, 0x7f), &vm, 0x204 + (0x7f << 2));
	expect_vsp(RUN(&vm, 0xb2, 0x80, 0x01), &vm, 0x204 + (0x80 << 2));
	expect_vsp(RUN(&vm, 0xb2, 0xff, 0x0d), &vm, 0x204 + (0x6ff << 2));
	expect_vsp(RUN(&vm, 0xb2, 0x83, 0x80, 0x80, 0x80, 0x00), &vm, 0x204 + (3 << 2));
	assert_string_equal(RUN(&vm, 0xb2, 0x80, 0x80, 0x01), "stack pointer leaves its stack");
}

/* The third compact model differs from the second by what follows the opcodes, only. */
static void test_personalities(void **state)
{
	struct exidx_entry e = { FN, prel31_of(TAB, IDX + 4), IDX + 4 };
	struct exidx_vm vm;

	(void)state;
	for (unsigned model = 0; model < 16; model++) {
		RUN(&vm, 0xb0);
		put_word(TAB, 0x80000000 | model << 24 | (model ? 0x010100 : 0x0000a8));
		put_word(TAB + 4, 0xa8b0b0b0);
		const char *why = exidx_run(&e, &vm);
		if (model > 2)
			assert_string_equal(why, "unwind table: unknown personality routine");
		else
			expect_vsp(why, &vm, model ? 8 + 4 + 8 : 4 + 4 + 8);
	}
	e.word = 0x80a8b0b0; /* in the index itself only the first */
	RUN(&vm, 0xb0);
	expect_vsp(exidx_run(&e, &vm), &vm, 8);
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

/* What gcc 12 wrote for a function of 1200 bytes and a cleanup: the routine __gcc_personality_v0,
 * then opcodes. */
static void test_generic_model(void **state)
{
	const struct exidx_entry e = { FN, prel31_of(TAB, IDX + 4), IDX + 4 };
	struct exidx_vm vm;

	(void)state;
	RUN(&vm, 0xb0);
	put_word(TAB, prel31_of(FN + 0x100, TAB));
	put_word(FN + 0x100, 0xe92d4070);
	put_word(TAB + 4, 0x01b2ab01);
	put_word(TAB + 8, 0xaab0b0b0);
	put_word(TAB + 12, 0x0801ffff); /* the routine's own */
	const struct exidx_vm before = vm;
	assert_string_equal(exidx_run(&e, &vm), "unwind table: unknown personality routine");
	vm = before;
	vm.takes_generic = true;
	expect_vsp(exidx_run(&e, &vm), &vm, 1200 + 16);
	assert_true(vm.generic);
	assert_int_equal(vm.popped, 0x4070);
	assert_int_equal(vm.r[ARM_LR], stack_word(1200 + 12));
	/* Three opcodes and no more words */
	vm = before;
	vm.takes_generic = true;
	put_word(TAB + 4, 0x00b0aab0);
	expect_vsp(exidx_run(&e, &vm), &vm, 0);
	put_word(TAB + 4, 0x00aa00b0);
	expect_vsp(exidx_run(&e, &vm), &vm, 20);
	/* No code there: this is no such entry. */
	put_word(TAB, prel31_of(0xc0f00000, TAB));
	vm = before;
	vm.takes_generic = true;
	assert_non_null(exidx_run(&e, &vm));
	assert_false(vm.generic);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_vsp_opcodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pop_opcodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opcode_classes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_personalities, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_opcodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_generic_model, setup, teardown),
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
