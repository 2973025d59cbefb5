/* Frames of programs: every way from one to its caller on both architectures, and what a mapped ELF
 * file says of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <string.h>

#include "analyzer/stack/user_elf.h"
#include "arch/arm/arm.h"
#include "arch/arm64/arm64.h"

enum {
	BASE = 0x10000,
	BYTES = 0x8000,
	CODE = BASE + 0x1000,
	TABLE = BASE + 0x3000,
	STACK = BASE + 0x4000,
	STACK_END = BASE + 0x8000,
};
static uint8_t memory[BYTES];
static uint64_t table_end;

static bool mem_read(void *cx, uint64_t va, void *buf, size_t n)
{
	(void)cx;
	if (va < BASE || va - BASE > BYTES || n > BYTES - (va - BASE))
		return false;
	memcpy(buf, memory + (va - BASE), n);
	return true;
}

static bool mem_stack(void *cx, uint64_t sp, uint64_t *ret_lo, uint64_t *ret_hi)
{
	(void)cx;
	if (sp < STACK || sp > STACK_END)
		return false;
	*ret_lo = STACK;
	*ret_hi = STACK_END;
	return true;
}

static bool mem_table(void *cx, uint64_t pc, uint64_t *ret_start, uint64_t *ret_stop)
{
	(void)cx;
	(void)pc;
	*ret_start = TABLE;
	*ret_stop = table_end;
	return table_end > TABLE;
}

static const struct arch_env env = {
	.read = mem_read, .stack = mem_stack, .unwind_table = mem_table
};
static const struct arch_layout layout = { .paging = { .va_bits = 48 } };

static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	table_end = 0;
	return 0;
}

static void put16(uint64_t va, uint16_t v)
{
	memcpy(memory + (va - BASE), &v, sizeof(v));
}
static void put32(uint64_t va, uint32_t v)
{
	memcpy(memory + (va - BASE), &v, sizeof(v));
}
static void put64(uint64_t va, uint64_t v)
{
	memcpy(memory + (va - BASE), &v, sizeof(v));
}
static void code(uint64_t va, const uint32_t *insn, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put32(va + 4 * i, insn[i]);
}
#define CODE_AT(va, ...)                                                                           \
	code(va, (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

static struct unwind_step step_of(const struct arch *arch, struct regs *io, bool exact)
{
	struct unwind_step step = { .exact = exact };
	struct err *err = arch->unwind_user(&env, &layout, io, &step);
	assert_null(err);
	return step;
}

/* ---- arm64 ------------------------------------------------------------------------------- */

enum {
	NOP = 0xd503201f,
	RET = 0xd65f03c0,
	STP = 0xa9be7bfd,
	LDP = 0xa8c27bfd,
	MOV_FP = 0x910003fd
};

static uint32_t a64_bl(uint64_t from, uint64_t to)
{
	return 0x94000000 | (((to - from) >> 2) & 0x3ffffff);
}

static struct regs a64(uint64_t pc, uint64_t lr, uint64_t fp, uint64_t sp)
{
	struct regs r = { 0 };
	for (unsigned i = 0; i < A64_NREGS; i++)
		regs_set(&r, i, 0);
	regs_set(&r, A64_PC, pc);
	regs_set(&r, A64_LR, lr);
	regs_set(&r, A64_FP, fp);
	regs_set(&r, A64_SP, sp);
	return r;
}

static void test_a64_leaf(void **state)
{
	(void)state;
	CODE_AT(CODE, NOP, NOP, RET);
	put32(CODE + 0x100, a64_bl(CODE + 0x100, CODE));
	struct regs r = a64(CODE + 4, CODE + 0x104, STACK + 0x100, STACK + 0x80);
	struct unwind_step s = step_of(&arch_arm64, &r, true);
	assert_false(s.end);
	assert_int_equal(r.v[A64_PC], CODE + 0x104);
	assert_int_equal(r.v[A64_FP], STACK + 0x100);
	assert_int_equal(s.how, HOW_REGS);
	assert_false(s.exact);
}

/* Behind its prologue a function has its record, whatever x30 holds; behind the epilogue x30 is
 * live again. */
static void test_a64_prologue(void **state)
{
	(void)state;
	CODE_AT(CODE, STP, MOV_FP, NOP, LDP, NOP, RET);
	put32(CODE + 0x100, a64_bl(CODE + 0x100, CODE));
	put64(STACK + 0x80, STACK + 0x200);
	put64(STACK + 0x88, CODE + 0x204);
	struct regs r = a64(CODE + 8, CODE + 0x104, STACK + 0x80, STACK + 0x80);
	struct unwind_step s = step_of(&arch_arm64, &r, true);
	assert_int_equal(s.how, HOW_FP);
	assert_int_equal(r.v[A64_PC], CODE + 0x204);
	assert_int_equal(r.v[A64_FP], STACK + 0x200);
	r = a64(CODE, CODE + 0x104, STACK + 0x80, STACK + 0x80);
	step_of(&arch_arm64, &r, true);
	assert_int_equal(r.v[A64_PC], CODE + 0x104);
	r = a64(CODE + 16, CODE + 0x104, STACK + 0x80, STACK + 0x80);
	step_of(&arch_arm64, &r, true);
	assert_int_equal(r.v[A64_PC], CODE + 0x104);
	r = a64(CODE + 24, CODE + 0x104, STACK + 0x80,
		STACK + 0x80); /* behind the return: who knows */
	step_of(&arch_arm64, &r, true);
	assert_int_equal(r.v[A64_PC], CODE + 0x204);
}

static void test_a64_stub(void **state)
{
	(void)state;
	uint64_t stub = CODE + 0x800, got = TABLE + 0x18;
	CODE_AT(CODE, NOP, NOP, RET);
	put32(CODE + 0x100, a64_bl(CODE + 0x100, stub));
	uint32_t pages = (uint32_t)((got >> 12) - (stub >> 12));
	CODE_AT(stub, 0xd503245f, 0x90000010 | (pages & 3) << 29 | pages >> 2 << 5,
		0xf9400211 | 0x18 / 8 << 10, 0x91000210, 0xd61f0220);
	put64(got, CODE);
	struct regs r = a64(CODE + 4, CODE + 0x104, 0, STACK + 0x80);
	step_of(&arch_arm64, &r, true);
	assert_int_equal(r.v[A64_PC], CODE + 0x104);
}

static void test_a64_ends(void **state)
{
	(void)state;
	struct regs r = a64(CODE, 0, 0, STACK + 0x80);
	struct unwind_step s = step_of(&arch_arm64, &r, true);
	assert_true(s.end && !s.broken);
	r = a64(CODE, 0, STACK + 0x81, STACK + 0x80);
	s = step_of(&arch_arm64, &r, true);
	assert_true(s.end && s.broken);
	r = a64(CODE, 0, STACK + 0x40, STACK + 0x80); /* below sp */
	s = step_of(&arch_arm64, &r, true);
	assert_true(s.end && s.broken);
	r = a64(CODE, 0, STACK_END + 0x40, STACK + 0x80);
	s = step_of(&arch_arm64, &r, true);
	assert_true(s.end && s.broken);
	r = a64(CODE, 0, STACK + 0x100, STACK + 0x80); /* two zeroes */
	s = step_of(&arch_arm64, &r, true);
	assert_true(s.end && !s.broken);
}

/* A signature above the address is taken off: of a return address, and of x30. */
static void test_a64_signed(void **state)
{
	(void)state;
	put64(STACK + 0x80, STACK + 0x200);
	put64(STACK + 0x88, 0x7b3a000000000000 | (CODE + 0x204));
	struct regs r = a64(CODE + 8, 0, STACK + 0x80, STACK + 0x80);
	step_of(&arch_arm64, &r, true);
	assert_int_equal(r.v[A64_PC], CODE + 0x204);
}

static void test_a64_signal(void **state)
{
	(void)state;
	uint64_t frame = STACK + 0x400, record = STACK + 0x2000, regs = frame + 128 + 176 + 8;
	CODE_AT(CODE, 0xd2801168, 0xd4000001);
	put64(regs + 8 * A64_FP, STACK + 0x3000);
	put64(regs + 8 * A64_LR, CODE + 0x104);
	put64(regs + 8 * A64_SP, STACK + 0x2100);
	put64(regs + 8 * A64_PC, CODE + 0x40);
	put64(record, STACK + 0x3000);
	put64(record + 8, CODE + 0x104);
	struct regs r = { 0 };
	regs_set(&r, A64_PC, CODE);
	regs_set(&r, A64_FP, record);
	struct unwind_step step = { .floor_va = STACK + 0x300 };
	struct err *err = arch_arm64.unwind_user(&env, &layout, &r, &step);
	assert_null(err);
	assert_true(step.exact);
	assert_int_equal(step.pt_regs_va, regs);
	assert_int_equal(r.v[A64_PC], CODE + 0x40);
	assert_int_equal(r.v[A64_SP], STACK + 0x2100);
}

static void test_compat(void **state)
{
	(void)state;
	struct regs r = a64(0x8124, 0, 0, 0), arm;
	assert_false(arch_arm64.compat_regs(&r, &arm));
	r.v[A64_PSTATE] = 0x30;
	r.v[13] = 0xffb00000;
	r.v[14] = 0x8001;
	r.v[11] = 0xffb00010;
	assert_true(arch_arm64.compat_regs(&r, &arm));
	assert_int_equal(arm.v[ARM_PC], 0x8124);
	assert_int_equal(arm.v[ARM_SP], 0xffb00000);
	assert_int_equal(arm.v[ARM_LR], 0x8001);
	assert_int_equal(arm.v[ARM_FP], 0xffb00010);
	assert_int_equal(arm.v[ARM_CPSR], 0x30);
	assert_true(arch_arm.user_mode(&arm));
}

/* ---- ARM32 ------------------------------------------------------------------------------- */

enum { PUSH_R4_LR = 0xe92d4010, ARM_NOP = 0xe1a00000, BX_LR = 0xe12fff1e };

static uint32_t arm_bl(uint64_t from, uint64_t to)
{
	return 0xeb000000 | (((to - from - 8) >> 2) & 0xffffff);
}

static struct regs a32(uint64_t pc, uint64_t lr, uint64_t sp, uint64_t cpsr)
{
	struct regs r = { 0 };
	for (unsigned i = 0; i < ARM_NREGS; i++)
		regs_set(&r, i, 0);
	regs_set(&r, ARM_PC, pc);
	regs_set(&r, ARM_LR, lr);
	regs_set(&r, ARM_SP, sp);
	regs_set(&r, ARM_CPSR, cpsr);
	return r;
}

/* push {r4}; sub sp, #8: lr is live, and sp 12 below the caller's. */
static void test_arm_leaf(void **state)
{
	(void)state;
	CODE_AT(CODE, 0xe52d4004, 0xe24dd008, ARM_NOP, BX_LR);
	put32(CODE + 0x100, arm_bl(CODE + 0x100, CODE));
	struct regs r = a32(CODE + 8, CODE + 0x104, STACK + 0x80, 0x10);
	struct unwind_step s = step_of(&arch_arm, &r, true);
	assert_false(s.end);
	assert_int_equal(r.v[ARM_PC], CODE + 0x104);
	assert_int_equal(r.v[ARM_SP], STACK + 0x8c);
	assert_false(regs_has(&r, 4)); /* pushed: not looked up */
	assert_int_equal(s.how, HOW_REGS);
}

static void test_thumb_leaf(void **state)
{
	(void)state;
	put16(CODE, 0xb480); /* push {r7} */
	put16(CODE + 2, 0xdf00);
	put16(CODE + 4, 0x4770);
	put16(CODE + 0x100, 0xf7ff); /* bl CODE: offset -0x104 */
	put16(CODE + 0x102, 0xff7e);
	struct regs r = a32(CODE + 4, CODE + 0x105, STACK + 0x80, 0x30);
	struct unwind_step s = step_of(&arch_arm, &r, true);
	assert_false(s.end);
	assert_true(s.thumb);
	assert_int_equal(r.v[ARM_PC], CODE + 0x104);
	assert_int_equal(r.v[ARM_SP], STACK + 0x84);
}

/* Tables first, where they lead to a call. */
static void test_arm_table(void **state)
{
	(void)state;
	put32(TABLE, (CODE - TABLE) & 0x7fffffff);
	put32(TABLE + 4, 0x80a8b0b0); /* pop {r4, lr} */
	table_end = TABLE + 8;
	CODE_AT(CODE, PUSH_R4_LR, ARM_NOP, ARM_NOP);
	put32(CODE + 0x100, arm_bl(CODE + 0x100, CODE));
	put32(STACK + 0x80, 0x4444);
	put32(STACK + 0x84, CODE + 0x104);
	struct regs r = a32(CODE + 8, 0x9999, STACK + 0x80, 0x10);
	struct unwind_step s = step_of(&arch_arm, &r, true);
	assert_int_equal(s.how, HOW_EXIDX);
	assert_int_equal(r.v[ARM_PC], CODE + 0x104);
	assert_int_equal(r.v[4], 0x4444);
	assert_int_equal(r.v[ARM_SP], STACK + 0x88);
	put32(STACK + 0x84, CODE + 0x204); /* no call there */
	r = a32(CODE + 8, 0x9999, STACK + 0x80, 0x10);
	s = step_of(&arch_arm, &r, true);
	assert_true(s.end);
}

/* C++, or C with cleanups: a personality routine of its own. What its table says counts where it
 * leads to a call, of a frame that was not interrupted, too. */
static void test_arm_generic_table(void **state)
{
	(void)state;
	put32(TABLE, (CODE - TABLE) & 0x7fffffff);
	put32(TABLE + 4, 0x10); /* the entry stands at TABLE + 0x14 */
	put32(TABLE + 0x14, (CODE + 0x400 - (TABLE + 0x14)) & 0x7fffffff);
	put32(TABLE + 0x18, 0x01b20001); /* vsp += 0x204; vsp += 8 */
	put32(TABLE + 0x1c, 0xa8b0b0b0); /* pop {r4, lr} */
	table_end = TABLE + 8;
	put32(CODE + 0x100, arm_bl(CODE + 0x100, CODE));
	put32(STACK + 0x80 + 0x20c, 0x4444);
	put32(STACK + 0x80 + 0x210, CODE + 0x104);
	for (unsigned exact = 0; exact < 2; exact++) {
		struct regs r = a32(CODE + 8, 0x9999, STACK + 0x80, 0x10);
		struct unwind_step s = step_of(&arch_arm, &r, exact);
		assert_false(s.end);
		assert_int_equal(s.how, HOW_EXIDX);
		assert_int_equal(r.v[ARM_PC], CODE + 0x104);
		assert_int_equal(r.v[4], 0x4444);
		assert_int_equal(r.v[ARM_SP], STACK + 0x80 + 0x214);
	}
	put32(STACK + 0x80 + 0x210, CODE + 0x204); /* no call there */
	struct regs r = a32(CODE + 8, 0x9999, STACK + 0x80, 0x10);
	assert_true(step_of(&arch_arm, &r, false).end);
}

static void test_arm_outermost(void **state)
{
	(void)state;
	put32(TABLE, (CODE - TABLE) & 0x7fffffff);
	put32(TABLE + 4, 1); /* EXIDX_CANTUNWIND */
	table_end = TABLE + 8;
	struct regs r = a32(CODE + 0x20, 0, STACK + 0x80, 0x10);
	struct unwind_step s = step_of(&arch_arm, &r, true);
	assert_true(s.end && !s.broken);
	r = a32(CODE + 0x200, 0, STACK + 0x80, 0x10);
	s = step_of(&arch_arm, &r, true);
	assert_true(s.end && s.broken);
}

static void test_arm_records(void **state)
{
	(void)state;
	put32(CODE + 0x100, arm_bl(CODE + 0x100, CODE));
	/* gcc, APCS: {fp, ip, lr, pc}, fp at pc */
	CODE_AT(CODE, 0xe1a0c00d, 0xe92dd800, 0xe24cb004);
	put32(STACK + 0x90, STACK + 0x200);
	put32(STACK + 0x94, STACK + 0xa0);
	put32(STACK + 0x98, CODE + 0x104);
	put32(STACK + 0x9c, CODE + 4 + 8);
	struct regs r = a32(CODE + 0x20, 0, STACK + 0x80, 0x10);
	r.v[ARM_FP] = STACK + 0x9c;
	struct unwind_step s = step_of(&arch_arm, &r, true);
	assert_int_equal(s.how, HOW_FP);
	assert_int_equal(r.v[ARM_PC], CODE + 0x104);
	assert_int_equal(r.v[ARM_SP], STACK + 0xa0);
	assert_int_equal(r.v[ARM_FP], STACK + 0x200);
	/* gcc: {…, fp, lr}, fp at lr */
	memset(memory + (STACK - BASE), 0, 0x200);
	put32(STACK + 0x98, STACK + 0x200);
	put32(STACK + 0x9c, CODE + 0x104);
	r = a32(CODE + 0x20, 0, STACK + 0x80, 0x10);
	r.v[ARM_FP] = STACK + 0x9c;
	s = step_of(&arch_arm, &r, true);
	assert_int_equal(r.v[ARM_SP], STACK + 0xa0);
	assert_int_equal(r.v[ARM_FP], STACK + 0x200);
	/* clang: {fp, lr}, fp at the first; in Thumb code by r7 */
	put32(STACK + 0x9c, STACK + 0x200);
	put32(STACK + 0xa0, CODE + 0x104);
	put32(STACK + 0x98, 0);
	r = a32(CODE + 0x20, 0, STACK + 0x80, 0x10);
	r.v[ARM_FP] = STACK + 0x9c;
	s = step_of(&arch_arm, &r, true);
	assert_int_equal(r.v[ARM_PC], CODE + 0x104);
	assert_int_equal(r.v[ARM_SP], STACK + 0xa4);
	r = a32(CODE + 0x20, 0, STACK + 0x80, 0x30);
	r.v[7] = STACK + 0x9c;
	s = step_of(&arch_arm, &r, true);
	assert_int_equal(r.v[ARM_PC], CODE + 0x104);
	assert_int_equal(r.v[7], STACK + 0x200);
	/* a record that leads down is none */
	put32(STACK + 0x9c, STACK + 0x20);
	r = a32(CODE + 0x20, 0, STACK + 0x80, 0x10);
	r.v[ARM_FP] = STACK + 0x9c;
	s = step_of(&arch_arm, &r, true);
	assert_true(s.end);
}

/* push {r0-r3}; push {r4, r5, lr}; vpush {d8}; sub sp, #20; …; add sp; pop {r4, pc}; body goes on
 */
static void test_thumb_prologue(void **state)
{
	(void)state;
	static const uint16_t body[] = { 0xb40f, 0xb530, 0xed2d, 0x8b02, 0xb085, 0xbf00, 0xb005,
		0xbd30, 0xbf00, 0xbf00 };
	for (size_t i = 0; i < sizeof(body) / 2; i++)
		put16(CODE + 2 * i, body[i]);
	uint64_t sp = STACK + 0x80, saved = sp + 20 + 8;
	put16(CODE + 0x100, 0xf7ff);
	put16(CODE + 0x102, 0xff7e);
	put32(saved, 0x4444);
	put32(saved + 4, 0x5555);
	put32(saved + 8, CODE + 0x105);
	struct regs r = a32(CODE + 18, 0, sp, 0x30);
	r.v[6] = 0x6666;
	struct unwind_step s = { .thumb = true };
	r.valid &= ~(1ull << 7 | 1ull << ARM_CPSR);
	struct err *err = arch_arm.unwind_user(&env, &layout, &r, &s);
	assert_null(err);
	assert_false(s.end);
	assert_int_equal(s.how, HOW_SCAN);
	assert_int_equal(r.v[ARM_PC], CODE + 0x104);
	assert_true(s.thumb);
	assert_int_equal(r.v[4], 0x4444);
	assert_int_equal(r.v[5], 0x5555);
	assert_int_equal(r.v[6], 0x6666);
	assert_int_equal(r.v[ARM_SP], saved + 12 + 16);
	/* a handler returns to what nobody calls */
	uint32_t ra = CODE + 0x201;
	put32(CODE + 0x200, 0xdf0027ad);
	put32(saved + 8, ra);
	r = a32(CODE + 18, 0, sp, 0x30);
	s = (struct unwind_step){ .thumb = true };
	err = arch_arm.unwind_user(&env, &layout, &r, &s);
	assert_null(err);
	assert_int_equal(r.v[ARM_PC], CODE + 0x200);
	put32(saved + 8, CODE + 0x105);
	/* the call before the return address is of another function */
	put16(CODE + 0x102, 0xff3e);
	r = a32(CODE + 18, 0, sp, 0x30);
	s = (struct unwind_step){ .thumb = true };
	err = arch_arm.unwind_user(&env, &layout, &r, &s);
	assert_null(err);
	assert_true(s.end && s.broken);
}

/* Each way to make room on the stack: push {lr}; the instruction; nop …; @room bytes below lr. */
static void check_room(uint16_t h1, uint16_t h2, uint32_t room)
{
	uint64_t sp = STACK + 0x80;
	setup(NULL);
	put16(CODE, 0xb500);
	put16(CODE + 2, h1);
	put16(CODE + 4, h2);
	put16(CODE + 6, 0xbf00);
	put16(CODE + 8, 0xbf00);
	put16(CODE + 0x100, 0xf7ff);
	put16(CODE + 0x102, 0xff7e);
	if (room <= 0x2000)
		put32(sp + room, CODE + 0x105);
	struct regs r = a32(CODE + 10, 0, sp, 0x30);
	struct unwind_step s = { .thumb = true };
	struct err *err = arch_arm.unwind_user(&env, &layout, &r, &s);
	assert_null(err);
	if (room == UINT32_MAX) {
		assert_true(s.end);
		return;
	}
	assert_false(s.end);
	assert_int_equal(r.v[ARM_SP], sp + room + 4);
}

static void test_thumb_room(void **state)
{
	(void)state;
	check_room(0xb085, 0xbf00, 20);		/* sub sp, #20 */
	check_room(0xf2ad, 0x4db4, 0x4b4);	/* subw sp, sp, #1204 */
	check_room(0xf5ad, 0x6d80, 0x400);	/* sub.w sp, sp, #1024 */
	check_room(0xf5ad, 0x5d80, 0x1000);	/* sub.w sp, sp, #4096 */
	check_room(0xed2d, 0x8b04, 16);		/* vpush {d8, d9} */
	check_room(0xebad, 0x0d03, UINT32_MAX); /* sub.w sp, sp, r3 */
	check_room(0x4485, 0xbf00, UINT32_MAX); /* add sp, r0 */
}

static void test_arm_prologue(void **state)
{
	(void)state;
	CODE_AT(CODE, PUSH_R4_LR, 0xe24dde41, ARM_NOP, ARM_NOP); /* sub sp, #1040: 0x41 ror 28 */
	put32(CODE + 0x100, arm_bl(CODE + 0x100, CODE));
	put32(STACK + 0x490, 0x4444);
	put32(STACK + 0x494, CODE + 0x104);
	struct regs r = a32(CODE + 12, 0, STACK + 0x80, 0x10);
	struct unwind_step s = { 0 };
	struct err *err = arch_arm.unwind_user(&env, &layout, &r, &s);
	assert_null(err);
	assert_int_equal(r.v[ARM_PC], CODE + 0x104);
	assert_int_equal(r.v[ARM_SP], STACK + 0x498);
	assert_int_equal(r.v[4], 0x4444);
}

enum arm_restorer { OF_ARM, OF_THUMB, OF_LIBC }; /* libc's is Thumb code with a wide mov */

static void check_arm_signal(uint32_t number, enum arm_restorer restorer)
{
	bool thumb = restorer != OF_ARM;
	setup(NULL);
	uint64_t sp = STACK + 0x100, regs = sp + (number == 173 ? 128 : 0) + 32;
	if (restorer == OF_THUMB)
		put32(CODE, 0xdf002700 | number);
	else if (restorer == OF_LIBC)
		CODE_AT(CODE, 0x0700f04f | number << 16, 0xbf00df00);
	else
		CODE_AT(CODE, 0xe3a07000 | number, 0xef900000 | number);
	for (unsigned i = 0; i < 16; i++)
		put32(regs + 4 * i, 0x100 + i);
	put32(regs + 4 * ARM_SP, STACK + 0x1000);
	put32(regs + 4 * ARM_PC, CODE + 0x80);
	put32(regs + 4 * ARM_CPSR, 0x30);
	struct regs r = a32(CODE, 0, sp, 0x10);
	struct unwind_step s = { .thumb = thumb };
	struct err *err = arch_arm.unwind_user(&env, &layout, &r, &s);
	assert_null(err);
	assert_true(s.exact);
	assert_int_equal(s.pt_regs_va, regs);
	assert_int_equal(r.v[ARM_PC], CODE + 0x80);
	assert_int_equal(r.v[ARM_SP], STACK + 0x1000);
	assert_int_equal(r.v[5], 0x105);
}

static void test_arm_signal(void **state)
{
	(void)state;
	for (enum arm_restorer r = OF_ARM; r <= OF_LIBC; r++) {
		check_arm_signal(119, r);
		check_arm_signal(173, r);
	}
}

/* ---- ELF --------------------------------------------------------------------------------- */

static const struct user_memory mem = { .read = mem_read };

/* A shared object of 64 bits: header, two PT_LOAD, PT_DYNAMIC with @hash_tag; three symbols. */
static void build_elf64(int64_t hash_tag, bool relocated)
{
	uint64_t link = 0, dyn = 0x400, sym = 0x500, str = 0x600, hash = 0x700,
		 add = relocated ? BASE : 0;
	Elf64_Ehdr e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB },
		.e_type = ET_DYN,
		.e_machine = EM_AARCH64,
		.e_phoff = 64,
		.e_phentsize = 56,
		.e_phnum = 3 };
	Elf64_Phdr p[3] = { { .p_type = PT_LOAD, .p_vaddr = link, .p_memsz = 0x3000 },
		{ .p_type = PT_LOAD, .p_offset = 0x3000, .p_vaddr = 0x3000, .p_memsz = 0x1000 },
		{ .p_type = PT_DYNAMIC, .p_offset = dyn, .p_vaddr = dyn, .p_memsz = 0x80 } };
	Elf64_Dyn d[] = { { DT_SYMTAB, { sym + add } }, { DT_STRTAB, { str + add } },
		{ DT_STRSZ, { 0x20 } }, { hash_tag, { hash + add } }, { DT_NULL, { 0 } } };
	Elf64_Sym s[] = { { 0 }, { 1, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1, 0x1000, 0x40 },
		{ 7, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), 0, 1, 0x1100, 0x40 } };
	memcpy(memory, &e, sizeof(e));
	memcpy(memory + 64, p, sizeof(p));
	memcpy(memory + dyn, d, sizeof(d));
	memcpy(memory + sym, s, sizeof(s));
	memcpy(memory + str, "\0first\0second", 14);
	if (hash_tag == DT_HASH) {
		put32(BASE + hash, 1);
		put32(BASE + hash + 4, 3);
		return;
	}
	static const uint32_t gnu[] = { 1, 1, 1, 0, 0, 0, 1, 0x10, 0x11 };
	memcpy(memory + hash, gnu, sizeof(gnu));
}

static void test_elf64(void **state)
{
	(void)state;
	static const struct abi abi = { .word_bytes = 8 };
	for (unsigned i = 0; i < 4; i++) {
		struct user_elf e;
		struct user_symbol sym;
		setup(NULL);
		build_elf64(i & 1 ? DT_HASH : DT_GNU_HASH, i & 2);
		assert_true(user_elf_read(&mem, &abi, BASE, &e));
		assert_int_equal(e.bias, BASE);
		assert_int_equal(e.lo, BASE);
		assert_int_equal(e.hi, BASE + 0x4000);
		assert_int_equal(e.nsyms, 3);
		assert_true(user_elf_symbol(&mem, &e, BASE + 0x103f, &sym));
		assert_string_equal(sym.name, "first");
		assert_int_equal(sym.va, BASE + 0x1000);
		assert_int_equal(sym.size, 0x40);
		assert_false(user_elf_symbol(&mem, &e, BASE + 0x1040, &sym));
		assert_false(user_elf_symbol(&mem, &e, BASE + 0x1100, &sym)); /* no function */
	}
}

static void test_elf32(void **state)
{
	(void)state;
	static const struct abi abi = { .word_bytes = 4 };
	Elf32_Ehdr h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB },
		.e_type = ET_EXEC,
		.e_machine = EM_ARM,
		.e_phoff = 52,
		.e_phentsize = 32,
		.e_phnum = 2 };
	Elf32_Phdr p[2] = { { .p_type = PT_ARM_EXIDX, .p_vaddr = 0x3000 + BASE, .p_memsz = 0x20 },
		{ .p_type = PT_LOAD, .p_vaddr = BASE, .p_memsz = 0x4000 } };
	struct user_elf e;
	memcpy(memory, &h, sizeof(h));
	memcpy(memory + 52, p, sizeof(p));
	assert_true(user_elf_read(&mem, &abi, BASE, &e));
	assert_int_equal(e.bias, 0);
	assert_int_equal(e.exidx, BASE + 0x3000);
	assert_int_equal(e.exidx_end, BASE + 0x3020);
	p[0].p_memsz = 0x2000; /* beyond what is loaded */
	memcpy(memory + 52, p, sizeof(p));
	assert_true(user_elf_read(&mem, &abi, BASE, &e));
	assert_int_equal(e.exidx_end, 0);
	memory[EI_CLASS] = ELFCLASS64;
	assert_false(user_elf_read(&mem, &abi, BASE, &e));
	memory[EI_CLASS] = ELFCLASS32;
	memory[0] = 0;
	assert_false(user_elf_read(&mem, &abi, BASE, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a64_leaf, setup),
		cmocka_unit_test_setup(test_a64_prologue, setup),
		cmocka_unit_test_setup(test_a64_stub, setup),
		cmocka_unit_test_setup(test_a64_ends, setup),
		cmocka_unit_test_setup(test_a64_signed, setup),
		cmocka_unit_test_setup(test_a64_signal, setup),
		cmocka_unit_test_setup(test_compat, setup),
		cmocka_unit_test_setup(test_arm_leaf, setup),
		cmocka_unit_test_setup(test_thumb_leaf, setup),
		cmocka_unit_test_setup(test_arm_table, setup),
		cmocka_unit_test_setup(test_arm_generic_table, setup),
		cmocka_unit_test_setup(test_arm_outermost, setup),
		cmocka_unit_test_setup(test_arm_records, setup),
		cmocka_unit_test_setup(test_thumb_prologue, setup),
		cmocka_unit_test_setup(test_thumb_room, setup),
		cmocka_unit_test_setup(test_arm_prologue, setup),
		cmocka_unit_test_setup(test_arm_signal, setup),
		cmocka_unit_test_setup(test_elf64, setup),
		cmocka_unit_test_setup(test_elf32, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
