/* What instructions do to memory: each addressing form, with the registers that it had. Encodings
 * by the assembler (aarch64-linux-gnu-as, arm-linux-gnueabihf-as). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/insn_access.h"

struct insn_case {
	uint32_t code;
	const char *text; /* for people */
	uint64_t va;
	unsigned bytes;
	char how[3]; /* "r", "w", "rw" */
};

/* r1 = 0x1000, r2 = 0x20, r3 = -8; the rest 0x5000 and on. */
static struct regs some_regs(const struct arch *arch)
{
	struct regs regs = { 0 };
	for (unsigned i = 0; i < arch->nregs; i++)
		regs_set(&regs, i, 0x5000 + i * 0x100);
	regs_set(&regs, 1, 0x1000);
	regs_set(&regs, 2, 0x20);
	regs_set(&regs, 3, arch->abi.word_bytes == 8 ? UINT64_MAX - 7 : 0xfffffff8);
	regs_set(&regs, arch->reg_sp, 0x9000);
	return regs;
}

static void check(const struct arch *arch, bool thumb, const struct insn_case *c, size_t n)
{
	struct regs regs = some_regs(arch);
	for (; n--; c++) {
		uint8_t code[4] = { (uint8_t)c->code, (uint8_t)(c->code >> 8),
			(uint8_t)(c->code >> 16), (uint8_t)(c->code >> 24) };
		struct insn_access a;
		unsigned bytes = thumb && c->code <= UINT16_MAX ? 2 : 4;
		if (!insn_access_read(arch, thumb, code, bytes, 0x4000, &regs, &a))
			fail_msg("%s is not decoded", c->text);
		char how[3] = "";
		if (a.reads)
			strcat(how, "r");
		if (a.writes)
			strcat(how, "w");
		if (!a.memory || !a.known || a.va != c->va || a.bytes != c->bytes ||
			strcmp(how, c->how))
			fail_msg("%s: memory %d, known %d, 0x%llx, %u bytes, %s", c->text, a.memory,
				a.known, (unsigned long long)a.va, a.bytes, how);
	}
}

static void arm64_forms(void **state)
{
	static const struct insn_case c[] = {
		{ 0xf9400020, "ldr x0, [x1]", 0x1000, 8, "r" },
		{ 0xb9404820, "ldr w0, [x1, #0x48]", 0x1048, 4, "r" },
		{ 0x39000022, "strb w2, [x1]", 0x1000, 1, "w" },
		{ 0x7900043f, "strh wzr, [x1, #2]", 0x1002, 2, "w" },
		{ 0xb900003f, "str wzr, [x1]", 0x1000, 4, "w" },
		{ 0xf900003f, "str xzr, [x1]", 0x1000, 8, "w" },
		{ 0xf8626820, "ldr x0, [x1, x2]", 0x1020, 8, "r" },
		{ 0xf8627820, "ldr x0, [x1, x2, lsl #3]", 0x1100, 8, "r" },
		{ 0xb8635820, "ldr w0, [x1, w3, uxtw #2]", 0x1000 + (0xfffffff8ull << 2), 4, "r" },
		{ 0xb863c820, "ldr w0, [x1, w3, sxtw]", 0x0ff8, 4, "r" },
		{ 0xf85f8020, "ldur x0, [x1, #-8]", 0x0ff8, 8, "r" },
		{ 0xa9bf7bfd, "stp x29, x30, [sp, #-16]!", 0x8ff0, 16, "w" },
		{ 0xa8c17bfd, "ldp x29, x30, [sp], #16", 0x9000, 16, "r" },
		{ 0xf8408420, "ldr x0, [x1], #8", 0x1000, 8, "r" },
		{ 0xf8408c20, "ldr x0, [x1, #8]!", 0x1008, 8, "r" },
		{ 0x29400420, "ldp w0, w1, [x1]", 0x1000, 8, "r" },
		{ 0xc85f7c20, "ldxr x0, [x1]", 0x1000, 8, "r" },
		{ 0xc8007c22, "stxr w0, x2, [x1]", 0x1000, 8, "w" },
		{ 0x88dffc20, "ldar w0, [x1]", 0x1000, 4, "r" },
		{ 0x089ffc22, "stlrb w2, [x1]", 0x1000, 1, "w" },
		{ 0xb9800020, "ldrsw x0, [x1]", 0x1000, 4, "r" },
		{ 0x39c00020, "ldrsb w0, [x1]", 0x1000, 1, "r" },
		{ 0x3dc00020, "ldr q0, [x1]", 0x1000, 16, "r" },
		{ 0xc8a07c22, "cas x0, x2, [x1]", 0x1000, 8, "rw" },
		{ 0x48207c42, "casp x0, x1, x2, x3, [x2]", 0x20, 16, "rw" },
		{ 0x38e21020, "ldclralb w2, w0, [x1]", 0x1000, 1, "rw" },
		{ 0xb8220020, "ldadd w2, w0, [x1]", 0x1000, 4, "rw" },
		{ 0xf8228020, "swp x2, x0, [x1]", 0x1000, 8, "rw" },
	};
	(void)state;
	check(&arch_arm64, false, c, ARRAY_SIZE(c));
}

static void arm_forms(void **state)
{
	static const struct insn_case c[] = {
		{ 0xe5910000, "ldr r0, [r1]", 0x1000, 4, "r" },
		{ 0xe5910044, "ldr r0, [r1, #0x44]", 0x1044, 4, "r" },
		{ 0xe5110044, "ldr r0, [r1, #-0x44]", 0x0fbc, 4, "r" },
		{ 0xe50138e0, "str r3, [r1, #-0x8e0]", 0x0720, 4, "w" },
		{ 0xe7910002, "ldr r0, [r1, r2]", 0x1020, 4, "r" },
		{ 0xe7910102, "ldr r0, [r1, r2, lsl #2]", 0x1080, 4, "r" },
		{ 0xe7110002, "ldr r0, [r1, -r2]", 0x0fe0, 4, "r" },
		{ 0xe4910004, "ldr r0, [r1], #4", 0x1000, 4, "r" },
		{ 0xe5b10004, "ldr r0, [r1, #4]!", 0x1004, 4, "r" },
		{ 0xe5c12000, "strb r2, [r1]", 0x1000, 1, "w" },
		{ 0xe1c120b2, "strh r2, [r1, #2]", 0x1002, 2, "w" },
		{ 0xe1d100d0, "ldrsb r0, [r1]", 0x1000, 1, "r" },
		{ 0xe1c140d8, "ldrd r4, r5, [r1, #8]", 0x1008, 8, "r" },
		{ 0x15c12000, "strbne r2, [r1]", 0x1000, 1, "w" },
		{ 0xe92d4100, "push {r8, lr}", 0x8ff8, 8, "w" },
		{ 0xe8bd8010, "pop {r4, pc}", 0x9000, 8, "r" },
		{ 0xe891000c, "ldm r1, {r2, r3}", 0x1000, 8, "r" },
		{ 0xe921000c, "stmdb r1!, {r2, r3}", 0x0ff8, 8, "w" },
		{ 0xe991000c, "ldmib r1, {r2, r3}", 0x1004, 8, "r" },
		{ 0xe811000c, "ldmda r1, {r2, r3}", 0x0ffc, 8, "r" },
		{ 0xe1910f9f, "ldrex r0, [r1]", 0x1000, 4, "r" },
		{ 0xe1810f92, "strex r0, r2, [r1]", 0x1000, 4, "w" },
		{ 0xe59f0008, "ldr r0, [pc, #8]", 0x4010, 4, "r" },
	};
	static const struct insn_case t[] = {
		{ 0x6808, "ldr r0, [r1]", 0x1000, 4, "r" },
		{ 0x700a, "strb r2, [r1]", 0x1000, 1, "w" },
		{ 0xb510, "push {r4, lr}", 0x8ff8, 8, "w" },
		{ 0x4802, "ldr r0, [pc, #8]", 0x400c, 4, "r" },
		{ 0x0048f8d1, "ldr.w r0, [r1, #0x48]", 0x1048, 4, "r" },
	};
	(void)state;
	check(&arch_arm, false, c, ARRAY_SIZE(c));
	check(&arch_arm, true, t, ARRAY_SIZE(t));
}

static void no_memory(void **state)
{
	struct regs regs = some_regs(&arch_arm64);
	struct insn_access a;
	(void)state;
	/* add x0, x1, x2 */
	assert_true(insn_access_read(
		&arch_arm64, false, (const uint8_t[]){ 0x20, 0, 0x02, 0x8b }, 4, 0, &regs, &a));
	assert_false(a.memory || a.reads || a.writes);
	assert_int_equal(a.noperands, 3);
	assert_string_equal(a.operand[1].name, "x1");
	assert_true(a.operand[1].known && a.operand[1].value == 0x1000);
	/* No instruction. */
	assert_false(insn_access_read(
		&arch_arm64, false, (const uint8_t[]){ 0, 0, 0, 0 }, 4, 0, &regs, &a));
	assert_false(
		insn_access_read(&arch_arm64, false, (const uint8_t[]){ 0x20 }, 1, 0, &regs, &a));
}

static void unknown_registers(void **state)
{
	struct regs regs = some_regs(&arch_arm64);
	struct insn_access a;
	(void)state;
	regs.valid &= ~(1ull << 1);
	assert_true(insn_access_read(
		&arch_arm64, false, (const uint8_t[]){ 0x20, 0, 0x40, 0xf9 }, 4, 0, &regs, &a));
	assert_true(a.memory && !a.known && a.base == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm64_forms),
		cmocka_unit_test(arm_forms),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(unknown_registers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
