/*
 * Where a function's code has put its caller's registers, instruction by instruction, in ARM and
 * Thumb code. Given an ELF file as argument the program tells of the places on its standard input,
 * one a line: the function's start and end, an address, 1 for Thumb; as
 * tests/truth/test_code_flow.py compares them with readelf's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "arch/arm/arm.h"
#include "arch/arm/code_flow.h"

/* ---- a real file's functions ------------------------------------------------------------- */

struct image {
	uint8_t *data;
	size_t size;
	uint32_t start, end;
};

static bool image_read(void *cx, uint64_t va, void *buf, size_t n)
{
	const struct image *im = cx;
	const Elf32_Ehdr *e = (const void *)im->data;
	const Elf32_Phdr *p = (const void *)(im->data + e->e_phoff);

	for (unsigned i = 0; i < e->e_phnum; i++)
		if (p[i].p_type == PT_LOAD && va >= p[i].p_vaddr &&
			va + n <= (uint64_t)p[i].p_vaddr + p[i].p_filesz) {
			memcpy(buf, im->data + p[i].p_offset + (va - p[i].p_vaddr), n);
			return true;
		}
	return false;
}

static bool image_function(void *cx, uint64_t pc, const char **ret_name, uint64_t *ret_start)
{
	const struct image *im = cx;

	*ret_name = "f";
	*ret_start = im->start;
	return pc >= im->start && pc < im->end;
}

static int print_states(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct image im = { 0 };
	const struct arch_env env = { .cx = &im, .read = image_read, .function = image_function };
	unsigned start, end, pc, thumb;
	struct code_state s;

	if (!f || fseek(f, 0, SEEK_END))
		return 1;
	im.size = (size_t)ftell(f);
	im.data = malloc(im.size);
	rewind(f);
	if (!im.data || fread(im.data, 1, im.size, f) != im.size)
		return 1;
	fclose(f);
	while (scanf("%x %x %x %u", &start, &end, &pc, &thumb) == 4) {
		im.start = start;
		im.end = end;
		if (!arm_code_state(&env, start, pc, thumb, &s)) {
			printf("%x nothing\n", pc);
			continue;
		}
		printf("%x %u", pc, s.down);
		for (unsigned r = 4; r < 15; r++)
			if (s.place[r].home == CODE_ON_STACK)
				printf(" %u=c-%u", r, s.place[r].below);
			else if (s.place[r].home == CODE_IN_REGISTER && s.place[r].reg != r)
				printf(" %u=r%u", r, s.place[r].reg);
			else if (s.place[r].home == CODE_LOST)
				printf(" %u=lost", r);
		printf("\n");
	}
	free(im.data);
	return 0;
}

/* ---- functions of a few words ------------------------------------------------------------ */

enum { AT = 0xc0100000, CODE_BYTES = 256, STACK = 0xc2000000 };

static uint8_t code[CODE_BYTES];
static uint32_t stack[16];
static uint32_t function_bytes = CODE_BYTES; /* each function has so many */

static bool mem_read(void *cx, uint64_t va, void *buf, size_t n)
{
	(void)cx;
	if (va >= AT && va + n <= AT + CODE_BYTES)
		memcpy(buf, code + (va - AT), n);
	else if (va >= STACK && va + n <= STACK + sizeof(stack))
		memcpy(buf, (uint8_t *)stack + (va - STACK), n);
	else
		return false;
	return true;
}

static bool mem_function(void *cx, uint64_t pc, const char **ret_name, uint64_t *ret_start)
{
	(void)cx;
	*ret_name = pc == AT + 0x80 ? "__gnu_mcount_nc" : "f";
	*ret_start = pc - pc % function_bytes;
	return pc >= AT && pc < AT + CODE_BYTES;
}

static const struct arch_env env = { .read = mem_read, .function = mem_function };
static const struct abi abi = { 4, false };

static void words(unsigned at, const uint32_t *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < 4; k++)
			code[at + 4 * i + k] = (uint8_t)(w[i] >> (8 * k));
}

static void halves(const uint16_t *h, size_t n)
{
	memset(code, 0, sizeof(code));
	for (size_t i = 0; i < n; i++) {
		code[2 * i] = (uint8_t)h[i];
		code[2 * i + 1] = (uint8_t)(h[i] >> 8);
	}
}

/* B to itself behind it: what runs there stays there. */
#define ARM(...)                                                                                   \
	do {                                                                                       \
		memset(code, 0, sizeof(code));                                                     \
		words(0, (const uint32_t[]){ __VA_ARGS__ },                                        \
			sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4);                            \
	} while (0)
#define THUMB(...)                                                                                 \
	halves((const uint16_t[]){ __VA_ARGS__ }, sizeof((const uint16_t[]){ __VA_ARGS__ }) / 2)

static bool thumb;

static struct code_state state_at(unsigned off)
{
	struct code_state s;

	assert_true(arm_code_state(&env, AT, AT + off, thumb, &s));
	return s;
}

static bool nothing_at(unsigned off)
{
	struct code_state s;

	return !arm_code_state(&env, AT, AT + off, thumb, &s);
}

static void expect_stack(const struct code_state *s, unsigned r, unsigned below)
{
	assert_int_equal(s->place[r].home, CODE_ON_STACK);
	assert_int_equal(s->place[r].below, below);
}

static void expect_register(const struct code_state *s, unsigned r, unsigned in)
{
	assert_int_equal(s->place[r].home, CODE_IN_REGISTER);
	assert_int_equal(s->place[r].reg, in);
}

static void expect_lost(const struct code_state *s, unsigned r)
{
	assert_int_equal(s->place[r].home, CODE_LOST);
}

static int reset(void **state)
{
	(void)state;
	thumb = false;
	function_bytes = CODE_BYTES;
	return 0;
}

static void prologue_and_epilogue(void **state)
{
	struct code_state s;

	(void)state;
	ARM(0xe92d4070,	     /* push {r4, r5, r6, lr} */
		0xe24dd010,  /* sub sp, sp, #16 */
		0xe1a04000,  /* mov r4, r0 */
		0xeb00001b,  /* bl */
		0xe28dd010,  /* add sp, sp, #16 */
		0xe8bd4070,  /* pop {r4, r5, r6, lr} */
		0xea00003f); /* b: another function */
	s = state_at(0);
	assert_int_equal(s.down, 0);
	expect_register(&s, ARM_LR, ARM_LR);
	expect_register(&s, 4, 4);
	s = state_at(4);
	assert_int_equal(s.down, 16);
	expect_register(&s, 4, 4); /* saved, and still there */
	s = state_at(12);
	assert_int_equal(s.down, 32);
	expect_stack(&s, 4, 16);
	expect_register(&s, 5, 5);
	expect_register(&s, ARM_LR, ARM_LR);
	s = state_at(16);
	expect_stack(&s, ARM_LR, 4);
	s = state_at(24);
	assert_int_equal(s.down, 0);
	expect_register(&s, 4, 4);
	expect_register(&s, ARM_LR, ARM_LR);
	assert_true(nothing_at(28)); /* nothing leads there */
	assert_true(nothing_at(2));
}

static void ways_that_meet(void **state)
{
	struct code_state s;

	(void)state;
	ARM(0xe3500000,	     /* cmp r0, #0 */
		0x0a000003,  /* beq 24 */
		0xe52de004,  /* push {lr} */
		0xe24dd004,  /* sub sp, sp, #4 */
		0xeb00001b,  /* bl */
		0xe28dd004,  /* add sp, sp, #4 */
		0xe49de004,  /* pop {lr}: 24 */
		0xe12fff1e); /* bx lr */
	/* One way comes with 4 bytes pushed, the other with none. */
	assert_int_equal(state_at(20).down, 8);
	assert_true(nothing_at(24));
	ARM(0xe3500000,	     /* cmp r0, #0 */
		0x012fff1e,  /* bxeq lr */
		0xe92d4010,  /* push {r4, lr} */
		0xe2504001,  /* subs r4, r0, #1: 12 */
		0xeb00001b,  /* bl */
		0x1afffffc,  /* bne 12 */
		0x08bd8010,  /* popeq {r4, pc} */
		0xe3a05000,  /* mov r5, #0 */
		0xeafffffe); /* b . */
	s = state_at(8);
	assert_int_equal(s.down, 0);
	s = state_at(12);
	assert_int_equal(s.down, 8);
	expect_stack(&s, 4, 8);
	expect_stack(&s, ARM_LR, 4);
	s = state_at(28);
	expect_stack(&s, 4, 8); /* what a return has taken is still below */
	s = state_at(32);
	expect_lost(&s, 5);
	assert_int_equal(s.down, 8);
}

static void frame_pointers(void **state)
{
	struct code_state s;

	(void)state;
	ARM(0xe1a0c00d,	     /* mov ip, sp */
		0xe92dd810,  /* push {r4, fp, ip, lr, pc} */
		0xe24cb004,  /* sub fp, ip, #4 */
		0xe3a04001,  /* mov r4, #1 */
		0xe04dd000,  /* sub sp, sp, r0 */
		0xe24bd010,  /* sub sp, fp, #16 */
		0xe89d6810,  /* ldm sp, {r4, fp, sp, lr} */
		0xea00003f); /* b: another function */
	s = state_at(16);
	assert_int_equal(s.down, 20);
	expect_stack(&s, ARM_FP, 16);
	expect_stack(&s, 4, 20);
	expect_register(&s, ARM_LR, ARM_LR);
	assert_true(nothing_at(20)); /* sp is what only a register knew */
	s = state_at(24);
	assert_int_equal(s.down, 20);
	s = state_at(28);
	assert_int_equal(s.down, 0);
	expect_register(&s, ARM_FP, ARM_FP);
	expect_register(&s, ARM_LR, ARM_LR);
	expect_register(&s, 4, 4);
}

static void single_instructions(void **state)
{
	struct code_state s;

	(void)state;
	ARM(0xe52de004,	     /* str lr, [sp, #-4]! */
		0xed2d8b04,  /* vpush {d8, d9} */
		0xe24dd00c,  /* sub sp, sp, #12 */
		0xe1cd40f0,  /* strd r4, [sp] */
		0xe58d6008,  /* str r6, [sp, #8] */
		0xe8911ff0,  /* ldm r1, {r4 - ip} */
		0xe28dd00c,  /* add sp, sp, #12 */
		0xecbd8b04,  /* vpop {d8, d9} */
		0xe49df004); /* ldr pc, [sp], #4 */
	s = state_at(24);
	assert_int_equal(s.down, 32);
	expect_stack(&s, 4, 32);
	expect_stack(&s, 5, 28);
	expect_stack(&s, 6, 24);
	expect_lost(&s, 7);
	s = state_at(28);
	assert_int_equal(s.down, 20);
	expect_lost(&s, 4); /* its word is no longer part of the stack */
	assert_int_equal(state_at(32).down, 4);
	assert_true(nothing_at(36));
	/* BUG(), a jump through a table: what follows is not reached */
	ARM(0xe7f001f2, 0xe1a00000);
	assert_true(nothing_at(4));
	ARM(0xe79ff100, 0xe1a00000);
	assert_true(nothing_at(4));
	ARM(0x979ff100, 0xe1a00000);
	assert_int_equal(state_at(4).down, 0);
	/* lr is a number like others */
	ARM(0xe1a0700e, 0xe3a0e000, 0xe1a00000);
	s = state_at(8);
	expect_register(&s, ARM_LR, 7);
	expect_lost(&s, 7);
}

/* All that may write a register, each with r4 as its destination; r5 stays. */
static void what_writes(void **state)
{
	static const uint32_t writes_r4[] = { 0xe0804001, 0xe2204001, 0xe3004001, 0xe3404001,
		0xe1e04001, 0xe1a04101, 0xe0040190, 0xe0240190, 0xe0804190, 0xe0c04190, 0xe16f4f10,
		0xe10f4000, 0xe5914000, 0xe5d14000, 0xe7914002, 0xe1d140b0, 0xe1d140d0, 0xe19140b2,
		0xe1914f9f, 0xe1814f90, 0xe1c140d0, 0xe6bf4071, 0xe7e04051, 0xe714f110, 0xe734f110,
		0xee104f10, 0xec504f10, 0xe8910010, 0xe4b1400c, 0xe1640180, 0xe4914004,
		0xe4140001 };
	static const uint32_t writes_none[] = { 0xe3540000, 0xe1540001, 0xe3140001, 0xe5814000,
		0xe5c14000, 0xe1c140b0, 0xe1c140f0, 0xe129f004, 0xe321f0d3, 0xee004f10, 0xf57ff05f,
		0xf5d4f000, 0xe320f000, 0xe8810010, 0xef000000, 0xe1200074, 0xec404f10 };
	struct code_state s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(writes_r4); i++) {
		ARM(writes_r4[i], 0xe1a00000);
		s = state_at(4);
		if (s.place[4].home != CODE_LOST)
			fail_msg("%08x does not write r4", writes_r4[i]);
		expect_register(&s, 6, 6);
	}
	for (size_t i = 0; i < ARRAY_SIZE(writes_none); i++) {
		ARM(writes_none[i], 0xe1a00000);
		s = state_at(4);
		if (s.place[4].home == CODE_LOST || s.down)
			fail_msg("%08x writes r4", writes_none[i]);
		expect_register(&s, ARM_LR, ARM_LR);
	}
}

/* push {lr}; bl __gnu_mcount_nc, which takes it from the stack */
static void calls_of_the_tracer(void **state)
{
	struct code_state s;

	(void)state;
	function_bytes = 0x80;
	ARM(0xe52de004, 0xeb00001d, 0xe92d4010, 0xe1a00000);
	s = state_at(4);
	assert_int_equal(s.down, 4);
	s = state_at(8);
	assert_int_equal(s.down, 0);
	expect_register(&s, ARM_LR, ARM_LR);
	assert_int_equal(state_at(12).down, 8);
	/* Another function does no such thing. */
	ARM(0xe52de004, 0xeb00003d, 0xe1a00000);
	words(4, (const uint32_t[]){ 0xebfffffd }, 1); /* bl to this one's start */
	s = state_at(8);
	assert_int_equal(s.down, 4);
	expect_stack(&s, ARM_LR, 4);
	/* With the tracer off: pop {lr} */
	ARM(0xe52de004, 0xe8bd4000, 0xe1a00000);
	s = state_at(8);
	assert_int_equal(s.down, 0);
	expect_register(&s, ARM_LR, ARM_LR);
}

static void thumb_code(void **state)
{
	struct code_state s;

	(void)state;
	thumb = true;
	THUMB(0xb570,		/* 0 push {r4, r5, r6, lr} */
		0xb084,		/* 2 sub sp, #16 */
		0xb118,		/* 4 cbz r0, 14 */
		0x4604,		/* 6 mov r4, r0 */
		0xf000, 0xf83a, /* 8 bl */
		0xbf00,		/* 12 nop */
		0xb004,		/* 14 add sp, #16 */
		0xe8bd, 0x4070, /* 16 pop.w {r4, r5, r6, lr} */
		0xe7fe);	/* 20 b . */
	s = state_at(2);
	assert_int_equal(s.down, 16);
	s = state_at(8);
	expect_stack(&s, 4, 16);
	expect_register(&s, ARM_LR, ARM_LR);
	s = state_at(14);
	assert_int_equal(s.down, 32);
	expect_stack(&s, ARM_LR, 4);
	expect_stack(&s, 4, 16);
	s = state_at(20);
	assert_int_equal(s.down, 0);
	expect_register(&s, 4, 4);
	assert_true(nothing_at(10)); /* the second half of an instruction */
	assert_true(nothing_at(22));
	THUMB(0xe92d, 0x4ff0,	 /* 0 push.w {r4 - fp, lr} */
		0xf5ad, 0x7d02,	 /* 4 sub.w sp, sp, #520 */
		0xbf0c,		 /* 8 ite eq */
		0x2400,		 /* 10 moveq r4, #0 */
		0xbdf0,		 /* 12 popne: conditional, so what follows is reached */
		0xf20d, 0x2d08,	 /* 14 addw sp, sp, #520 */
		0xe8bd, 0x8ff0); /* 18 pop.w {r4 - fp, pc} */
	s = state_at(8);
	assert_int_equal(s.down, 36 + 520);
	expect_register(&s, 8, 8);
	s = state_at(14);
	assert_int_equal(s.down, 36 + 520);
	expect_stack(&s, 4, 36);
	s = state_at(18);
	assert_int_equal(s.down, 36);
	assert_true(nothing_at(22));
	/* push {r7, lr}; add r7, sp, #0; sub sp, #8; adds r7, #8; mov sp, r7; pop {r7, pc} */
	THUMB(0xb580, 0xaf00, 0xb082, 0x3708, 0x46bd, 0xbd80);
	s = state_at(8);
	assert_int_equal(s.down, 16);
	expect_stack(&s, 7, 8);
	THUMB(0xb580, 0xb082, 0xaf00, 0x2600, 0x3708, 0x46bd, 0xbd80);
	s = state_at(12);
	assert_int_equal(s.down, 8);
	expect_lost(&s, 6);
}

/* A chunk of nonsense that goes round and round ends. */
static void endless_ways(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CODE_BYTES / 4; i++)
		words(4 * i, (const uint32_t[]){ i % 2 ? 0x0affff00 | (0xff - i) : 0xe28dd004 }, 1);
	nothing_at(CODE_BYTES - 4);
	ARM(0xe24dd004, 0xeafffffd); /* sub sp, sp, #4; b 0 */
	assert_true(nothing_at(4));
	assert_true(nothing_at(CODE_BYTES + 4));
}

/* ---- what is made of it ------------------------------------------------------------------ */

static void one_step(void **state)
{
	struct code_state s;
	struct regs r = { 0 };

	(void)state;
	ARM(0xe92d4070, 0xe3a04000, 0xe3a07000, 0xeb00001b, 0xe1a00000);
	s = state_at(16);
	for (unsigned i = 0; i < 15; i++)
		regs_set(&r, i, 100 + i);
	regs_set(&r, ARM_SP, STACK);
	regs_set(&r, ARM_PC, AT + 16);
	for (unsigned i = 0; i < 16; i++)
		stack[i] = 1000 + i;
	struct regs caller = r;
	assert_true(arm_code_step(&env, &abi, &s, STACK + 64, &caller));
	assert_int_equal(caller.v[ARM_PC], 1003);
	assert_int_equal(caller.v[ARM_SP], STACK + 16);
	assert_int_equal(caller.v[4], 1000);
	assert_int_equal(caller.v[5], 105); /* saved and unchanged: either is right */
	assert_int_equal(caller.v[8], 108);
	assert_false(regs_has(&caller, 7) || regs_has(&caller, 0) || regs_has(&caller, ARM_LR));
	caller = r;
	assert_false(arm_code_step(&env, &abi, &s, STACK + 12, &caller));
	assert_memory_equal(&caller, &r, sizeof(r));
	s = state_at(0);
	caller.valid &= ~(1ull << ARM_LR);
	assert_false(arm_code_step(&env, &abi, &s, STACK + 64, &caller));
}

/* A function that never returns, whether anybody says so or not. */
static void registers_that_are_lost(void **state)
{
	uint64_t lost, saved;
	struct regs r = { 0 };

	(void)state;
	ARM(0xe92d4010, 0xe3a04000, 0xe3a07000, 0xeb00001b, 0xe7f001f2);
	regs_set(&r, ARM_PC, AT + 16);
	assert_true(arch_arm.saved_regs_at(&env, &r, false, &lost, &saved));
	assert_int_equal(lost, 1 << 7);
	assert_int_equal(saved, 1 << 4);
	regs_set(&r, ARM_PC, AT + 12); /* no call before it */
	assert_false(arch_arm.saved_regs_at(&env, &r, false, &lost, &saved));
	assert_false(arch_arm.saved_regs_at(&env, &r, true, &lost, &saved));
	regs_set(&r, ARM_CPSR, 0x13);
	regs_set(&r, ARM_PC, AT + 8);
	assert_true(arch_arm.saved_regs_at(&env, &r, true, &lost, &saved));
	assert_int_equal(lost, 0);
	THUMB(0xb510, 0x2400, 0x2700, 0xf000, 0xf83a, 0xde00);
	regs_set(&r, ARM_PC, AT + 10);
	assert_true(arch_arm.saved_regs_at(&env, &r, false, &lost, &saved));
	assert_int_equal(lost, 1 << 7);
}

static enum tail_answer tail(unsigned from, unsigned to)
{
	return arch_arm.tail(&env, &abi, AT + from, AT + to, thumb);
}

static void calls_at_the_end(void **state)
{
	(void)state;
	function_bytes = 32;
	memset(code, 0, sizeof(code));
	words(0, (const uint32_t[]){ 0xe1a00000, 0xea000005 }, 2);  /* b 32 */
	words(32, (const uint32_t[]){ 0xe1a00000, 0x0a00000d }, 2); /* beq 96 */
	words(64, (const uint32_t[]){ 0xeb00000e, 0xe12fff1e }, 2); /* bl 128; bx lr */
	words(128, (const uint32_t[]){ 0xe12fff13 }, 1);	    /* bx r3 */
	words(160, (const uint32_t[]){ 0xeaffffd6 }, 1);	    /* b 0 */
	words(192, (const uint32_t[]){ 0xe51ff004, AT + 64 }, 2);   /* ldr pc, [pc, #-4] */
	assert_int_equal(tail(0, 0), TAIL_REACHES);
	assert_int_equal(tail(0, 32), TAIL_REACHES);
	assert_int_equal(tail(0, 96), TAIL_REACHES);
	assert_int_equal(tail(160, 96), TAIL_REACHES);
	assert_int_equal(tail(0, 64), TAIL_ELSEWHERE);
	assert_int_equal(tail(64, 128), TAIL_ELSEWHERE); /* a call comes back */
	assert_int_equal(tail(128, 64), TAIL_MAY_REACH);
	assert_int_equal(tail(192, 64), TAIL_REACHES);
	words(96, (const uint32_t[]){ 0xeaffffe6 }, 1); /* b 0: round and round */
	assert_int_equal(tail(0, 64), TAIL_ELSEWHERE);
	THUMB(0xe00e, 0x4770); /* b 32; bx lr */
	thumb = true;
	assert_int_equal(tail(0, 32), TAIL_REACHES);
	assert_int_equal(tail(0, 64), TAIL_ELSEWHERE);
	THUMB(0xbf00, 0x4718); /* bx r3 */
	assert_int_equal(tail(0, 64), TAIL_MAY_REACH);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(prologue_and_epilogue, reset),
		cmocka_unit_test_setup(ways_that_meet, reset),
		cmocka_unit_test_setup(frame_pointers, reset),
		cmocka_unit_test_setup(single_instructions, reset),
		cmocka_unit_test_setup(what_writes, reset),
		cmocka_unit_test_setup(calls_of_the_tracer, reset),
		cmocka_unit_test_setup(thumb_code, reset),
		cmocka_unit_test_setup(endless_ways, reset),
		cmocka_unit_test_setup(one_step, reset),
		cmocka_unit_test_setup(registers_that_are_lost, reset),
		cmocka_unit_test_setup(calls_at_the_end, reset),
	};
	if (argc == 2)
		return print_states(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
