/*
 * Where functions keep their canaries, in A64, ARM and Thumb code. Given an ELF file, "all" or
 * "task" and a number as arguments the program tells of the places on its standard input, one a
 * line: the function's start and end, an address, 1 for Thumb; as
 * tests/truth/test_stackcheck_canaries.py compares them with objdump's and readelf's.
 */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "arch/arch.h"

static const struct abi abi4 = { 4, false }, abi8 = { 8, false };

/* ---- a real file's functions ------------------------------------------------------------- */

struct image {
	uint8_t *data;
	size_t size;
};

static bool in_segment(const struct image *im, uint64_t at, uint64_t va, uint64_t filesz,
	uint64_t off, uint64_t n, void *buf)
{
	if (at < va || !range_inside(at - va, n, filesz) || !range_inside(off, filesz, im->size))
		return false;
	memcpy(buf, im->data + off + (at - va), n);
	return true;
}

static bool image_read(void *cx, uint64_t va, void *buf, size_t n)
{
	const struct image *im = cx;
	const Elf32_Ehdr *e = (const void *)im->data;
	const Elf64_Ehdr *e64 = (const void *)im->data;
	const Elf32_Phdr *p = (const void *)(im->data + e->e_phoff);
	const Elf64_Phdr *p64 = (const void *)(im->data + e64->e_phoff);
	bool wide = im->data[EI_CLASS] == ELFCLASS64;

	for (unsigned i = 0; i < (wide ? e64->e_phnum : e->e_phnum); i++)
		if (wide ? p64[i].p_type == PT_LOAD &&
					in_segment(im, va, p64[i].p_vaddr, p64[i].p_filesz,
						p64[i].p_offset, n, buf)
			 : p[i].p_type == PT_LOAD && in_segment(im, va, p[i].p_vaddr, p[i].p_filesz,
							     p[i].p_offset, n, buf))
			return true;
	return false;
}

static int print_slots(const char *path, const char *kind, const char *where)
{
	FILE *f = fopen(path, "rb");
	struct image im = { 0 };
	const struct arch_env e = { .cx = &im, .read = image_read };
	struct canary_source from = { .kind = *kind == 't' ? CANARY_OF_TASK : CANARY_OF_ALL,
		.where = strtoull(where, NULL, 0) };
	unsigned long long start, end, pc;
	unsigned thumb;

	if (!f || fseek(f, 0, SEEK_END))
		return 1;
	im.size = (size_t)ftell(f);
	im.data = malloc(im.size);
	rewind(f);
	if (!im.data || fread(im.data, 1, im.size, f) != im.size)
		return 1;
	fclose(f);
	bool wide = im.data[EI_CLASS] == ELFCLASS64;
	const struct arch *arch = wide ? &arch_arm64 : &arch_arm;
	while (scanf("%llx %llx %llx %u", &start, &end, &pc, &thumb) == 4) {
		struct canary_code code = { start, end - start, pc, thumb };
		struct canary_slot s;
		enum canary_answer a = arch->canary(&e, wide ? &abi8 : &abi4, &from, &code, &s);
		printf("%llx %s", pc,
			a == CANARY_NONE	? "none"
			: a == CANARY_HELD	? "held"
			: a == CANARY_ELSEWHERE ? "elsewhere"
						: "unknown");
		if (a == CANARY_HELD && s.by_sp)
			printf(" sp%+lld", (long long)s.from_sp);
		if (a == CANARY_HELD && s.by_fp)
			printf(" fp%+lld", (long long)s.from_fp);
		printf("\n");
	}
	free(im.data);
	return 0;
}

/* ---- functions of a few words ------------------------------------------------------------ */

enum { AT = 0x40001000, CODE_BYTES = 256, OFFSET = 0x398, ARM_OFFSET = 0x638, NO = INT32_MIN };

static uint8_t code[CODE_BYTES];

static bool mem_read(void *cx, uint64_t va, void *buf, size_t n)
{
	(void)cx;
	if (va < AT || !range_inside(va - AT, n, sizeof(code)))
		return false;
	memcpy(buf, code + (va - AT), n);
	return true;
}

static const struct arch_env env = { .read = mem_read };

static void load_words(const uint32_t *w, size_t n)
{
	memset(code, 0, sizeof(code));
	for (size_t i = 0; i < 4 * n; i++)
		code[i] = (uint8_t)(w[i / 4] >> (8 * (i % 4)));
}

static void load_halves(const uint16_t *h, size_t n)
{
	memset(code, 0, sizeof(code));
	for (size_t i = 0; i < 2 * n; i++)
		code[i] = (uint8_t)(h[i / 2] >> (8 * (i % 2)));
}

#define WORDS(...)                                                                                 \
	load_words((const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)
#define HALVES(...)                                                                                \
	load_halves(                                                                               \
		(const uint16_t[]){ __VA_ARGS__ }, sizeof((const uint16_t[]){ __VA_ARGS__ }) / 2)

static struct canary_source source;
static const struct arch *arch;
static bool thumb;

static void of_task(const struct arch *a, uint64_t offset)
{
	arch = a;
	thumb = false;
	source = (struct canary_source){ CANARY_OF_TASK, offset, 0 };
}

static void of_all(const struct arch *a, uint64_t va, bool is_thumb)
{
	arch = a;
	thumb = is_thumb;
	source = (struct canary_source){ CANARY_OF_ALL, va, 0 };
}

static enum canary_answer ask(unsigned off, struct canary_slot *ret)
{
	struct canary_code c = { AT, CODE_BYTES, AT + off, thumb };
	return arch->canary(&env, arch == &arch_arm ? &abi4 : &abi8, &source, &c, ret);
}

/* Distances; NO: not known by this register. */
static void held(unsigned off, int sp, int fp)
{
	struct canary_slot s;
	assert_int_equal(ask(off, &s), CANARY_HELD);
	assert_int_equal(s.by_sp, sp != NO);
	assert_int_equal(s.by_fp, fp != NO);
	if (s.by_sp)
		assert_int_equal(s.from_sp, sp);
	if (s.by_fp)
		assert_int_equal(s.from_fp, fp);
}

static void elsewhere(unsigned off)
{
	struct canary_slot s;
	assert_int_equal(ask(off, &s), CANARY_ELSEWHERE);
}

static void unknown(unsigned off)
{
	struct canary_slot s;
	assert_int_equal(ask(off, &s), CANARY_UNKNOWN);
}

static void none(unsigned off)
{
	struct canary_slot s;
	assert_int_equal(ask(off, &s), CANARY_NONE);
}

static void a64_of_a_task(void **state)
{
	(void)state;
	of_task(&arch_arm64, OFFSET);
	WORDS(0xa9bb7bfd,    /* stp x29, x30, [sp, #-80]! */
		0xd5384101,  /* mrs x1, sp_el0 */
		0x910003fd,  /* mov x29, sp */
		0xf941cc20,  /* ldr x0, [x1, #920] */
		0xf90027e0,  /* str x0, [sp, #72] */
		0xd2800000,  /* mov x0, #0 */
		0x9400003a,  /* bl */
		0xd5384100,  /* mrs x0, sp_el0 */
		0xf94027e2,  /* ldr x2, [sp, #72] */
		0xf941cc01,  /* ldr x1, [x0, #920] */
		0xeb010042,  /* subs x2, x2, x1 */
		0x54000061,  /* b.ne 56 */
		0xa8c57bfd,  /* ldp x29, x30, [sp], #80 */
		0xd65f03c0,  /* ret */
		0x94000072); /* bl */
	elsewhere(0);
	elsewhere(16);
	held(20, 72, 72);
	held(24, 72, 72);
	held(48, 72, 72); /* it was looked at, and stands there still */
	elsewhere(52);	  /* below the stack pointer now */
	held(56, 72, 72);
	unknown(22);
	unknown(CODE_BYTES);
	source.where = OFFSET + 8; /* some other word of the task */
	none(24);
	of_all(&arch_arm64, OFFSET, false);
	none(24);
}

static void a64_of_all(void **state)
{
	(void)state;
	of_all(&arch_arm64, AT + 0x128, false);
	WORDS(0xd10103ff,    /* sub sp, sp, #0x40 */
		0xa9027bfd,  /* stp x29, x30, [sp, #32] */
		0x910083fd,  /* add x29, sp, #0x20 */
		0x90000013,  /* adrp x19, AT */
		0xf9409660,  /* ldr x0, [x19, #296] */
		0xf9000fa0,  /* str x0, [x29, #24] */
		0xcb2363ff,  /* sub sp, sp, x3 */
		0x9400002a,  /* bl */
		0xf9400fa1,  /* ldr x1, [x29, #24] */
		0xd10083bf,  /* sub sp, x29, #0x20 */
		0xa9427bfd,  /* ldp x29, x30, [sp, #32] */
		0x910103ff,  /* add sp, sp, #0x40 */
		0xd65f03c0); /* ret */
	elsewhere(20);
	held(24, 56, 24);
	held(28, NO, 24); /* alloca() */
	held(40, 56, 24);
	held(44, 56, NO); /* x29 is the caller's again */
	elsewhere(48);
	source.where++;
	none(28);
}

/* Code that only a jump through a table leads to. */
static void a64_tables(void **state)
{
	(void)state;
	of_task(&arch_arm64, OFFSET);
	WORDS(0xa9bd7bfd,    /* stp x29, x30, [sp, #-48]! */
		0x910003fd,  /* mov x29, sp */
		0xd5384101,  /* mrs x1, sp_el0 */
		0xf941cc20,  /* ldr x0, [x1, #920] */
		0xf90017e0,  /* str x0, [sp, #40] */
		0xd61f0060,  /* br x3 */
		0x9400001e,  /* bl */
		0xf94017e0,  /* ldr x0, [sp, #40] */
		0xa8c37bfd,  /* ldp x29, x30, [sp], #48 */
		0xd65f03c0); /* ret */
	held(20, 40, 40);
	held(24, 40, 40);
	code[20] = 0xc0, code[21] = 0x03, code[22] = 0x5f; /* ret: nothing leads beyond */
	elsewhere(24);
}

static void a64_what_is_not_certain(void **state)
{
	(void)state;
	of_task(&arch_arm64, OFFSET);
	WORDS(0xa9bd7bfd, 0xd5384101, 0xf941cc20, 0xf90017e0, /* str x0, [sp, #40] */
		0x94000016,				      /* bl */
		0x17ffffff); /* b: it never returns, and never looks */
	elsewhere(16);
	WORDS(0xa9bd7bfd, 0x910003fd, 0xb40000c0,   /* cbz x0, 32 */
		0xd5384101, 0xf941cc22, 0xf90017e2, /* str x2, [sp, #40] */
		0x9400000e,			    /* bl */
		0xf94017e2,			    /* ldr x2, [sp, #40] */
		0x9400000c,			    /* 32: bl, with and without */
		0xa8c37bfd, 0xd65f03c0);
	held(24, 40, 40);
	elsewhere(32);
	WORDS(0xa9bd7bfd, 0xd5384101, 0xf941cc22, 0xf90017e2,	 /* str x2, [sp, #40] */
		0x94000005, 0xf94017e2,				 /* bl; ldr x2, [sp, #40] */
		0xd5384101, 0xf941cc22, 0xf90013e2,		 /* str x2, [sp, #32] */
		0x94000001, 0xf94013e2, 0xa8c37bfd, 0xd65f03c0); /* bl; ldr x2, [sp, #32] */
	elsewhere(16);
	elsewhere(36);
	WORDS(0xa9bd7bfd, 0xd5384101, 0xf941cc22, 0xf90017e2, /* str x2, [sp, #40] */
		0x97ffffec, 0xf94017e0, 0xa9027fe3,	      /* stp x3, xzr, [sp, #32] */
		0x97ffffe9, 0xd65f03c0);
	held(16, 40, NO);
	elsewhere(28);
}

/* CONFIG_KASAN_SW_TAGS: variables by addresses with a tag in the top byte. */
static void a64_tags(void **state)
{
	(void)state;
	of_task(&arch_arm64, OFFSET);
	WORDS(0xd110c3ff,    /* sub sp, sp, #0x430 */
		0xa9007bfd,  /* stp x29, x30, [sp] */
		0x910003fd,  /* mov x29, sp */
		0xd2e04002,  /* mov x2, #0x0200000000000000 */
		0x91010042,  /* add x2, x2, #0x40 */
		0x8b2263e2,  /* add x2, sp, x2 */
		0xd5384101,  /* mrs x1, sp_el0 */
		0xf941cc23,  /* ldr x3, [x1, #920] */
		0xf901f043,  /* str x3, [x2, #992] */
		0x97fffff4,  /* bl */
		0xf94213e1,  /* ldr x1, [sp, #1056] */
		0x9110c3ff,  /* add sp, sp, #0x430 */
		0xd65f03c0); /* ret */
	held(36, 0x420, 0x420);
}

static void arm_of_all(void **state)
{
	(void)state;
	of_all(&arch_arm, 0xc0806488, false);
	WORDS(0xe92d4010,    /* push {r4, lr} */
		0xe59f3020,  /* ldr r3, [pc, #32] */
		0xe24dd020,  /* sub sp, sp, #32 */
		0xe5933000,  /* ldr r3, [r3] */
		0xe58d301c,  /* str r3, [sp, #28] */
		0xe3a03000,  /* mov r3, #0 */
		0xeb000038,  /* bl */
		0xe59d301c,  /* ldr r3, [sp, #28] */
		0xe28dd020,  /* add sp, sp, #32 */
		0xe8bd8010,  /* pop {r4, pc} */
		0xe320f000,  /* nop */
		0xc0806488); /* the literal */
	elsewhere(16);
	held(24, 28, NO);
	elsewhere(36);
	WORDS(0xe92d4800,    /* push {fp, lr} */
		0xe28db004,  /* add fp, sp, #4 */
		0xe24dd018,  /* sub sp, sp, #24 */
		0xe3062488,  /* movw r2, #0x6488 */
		0xe34c2080,  /* movt r2, #0xc080 */
		0xe5922000,  /* ldr r2, [r2] */
		0xe50b2008,  /* str r2, [fp, #-8] */
		0xeb00002b,  /* bl */
		0x151b2008,  /* ldrne r2, [fp, #-8] */
		0xe24bd004,  /* sub sp, fp, #4 */
		0xe8bd8800); /* pop {fp, pc} */
	held(28, 20, -8);
}

static void arm_of_a_task(void **state)
{
	(void)state;
	of_task(&arch_arm, ARM_OFFSET);
	WORDS(0xe92d4030,    /* push {r4, r5, lr} */
		0xe52de004,  /* push {lr} */
		0xeb000025,  /* bl: a tracer, which pops it */
		0xe24dd014,  /* sub sp, sp, #20 */
		0xee1d3f70,  /* mrc 15, 0, r3, cr13, cr0, {3} */
		0xe5932638,  /* ldr r2, [r3, #0x638] */
		0xe58d200c,  /* str r2, [sp, #12] */
		0xeb000020,  /* bl */
		0xe59d200c,  /* ldr r2, [sp, #12] */
		0xe28dd014,  /* add sp, sp, #20 */
		0xe8bd8030); /* pop {r4, r5, pc} */
	held(28, 12, NO);
	elsewhere(40);
	WORDS(0xe92d4800,    /* push {fp, lr} */
		0xe28db004,  /* add fp, sp, #4 */
		0xe52de004,  /* push {lr} */
		0xeb000025,  /* bl: a tracer again */
		0xe24dd018,  /* sub sp, sp, #24 */
		0xee1d3f70,  /* mrc 15, 0, r3, cr13, cr0, {3} */
		0xe5932638,  /* ldr r2, [r3, #0x638] */
		0xe58d200c,  /* str r2, [sp, #12] */
		0xeb000020,  /* bl */
		0xe59d200c,  /* ldr r2, [sp, #12] */
		0xe24bd004,  /* sub sp, fp, #4 */
		0xe8bd8800); /* pop {fp, pc} */
	held(32, 12, -16);
	WORDS(0xe92d4010, 0xe24dd010, 0xee1d3f70, 0xe5932638, 0x158d200c, /* strne r2, [sp, #12] */
		0xeb00000d, 0xe59d200c, 0xe28dd010, 0xe8bd8010);
	elsewhere(20);
	WORDS(0xe92d4010, 0xe24dd010, 0xee1d3f70, 0xe5932638, 0xe58d200c, /* str r2, [sp, #12] */
		0x979ff100,			    /* ldrls pc, [pc, r0, lsl #2] */
		0xea000001,			    /* b 36 */
		0x00000000, 0xeb000001, 0xe59d200c, /* 36: ldr r2, [sp, #12] */
		0xe28dd010, 0xe8bd8010);
	held(32, 12, NO);
}

/* Up to v5.15, with the plugin for per-task canaries: thread_info at the stack's base. */
static void arm_of_a_stack(void **state)
{
	(void)state;
	arch = &arch_arm;
	thumb = false;
	source = (struct canary_source){ CANARY_OF_STACK, 0x38, 8192 };
	WORDS(0xe92d4010,    /* push {r4, lr} */
		0xe24dd010,  /* sub sp, sp, #16 */
		0xe3cd3d7f,  /* bic r3, sp, #8128 */
		0xe3c3303f,  /* bic r3, r3, #63 */
		0xe5933038,  /* ldr r3, [r3, #56] */
		0xe58d300c,  /* str r3, [sp, #12] */
		0xeb000016,  /* bl */
		0xe59d300c,  /* ldr r3, [sp, #12] */
		0xe28dd010,  /* add sp, sp, #16 */
		0xe8bd8010); /* pop {r4, pc} */
	held(24, 12, NO);
	source.stack_bytes = 16384;
	none(24);
}

static void thumb_code(void **state)
{
	(void)state;
	of_all(&arch_arm, 0xc0506488, true);
	HALVES(0xb510,		/* push {r4, lr} */
		0xb086,		/* sub sp, #24 */
		0x4a06,		/* ldr r2, [pc, #24] */
		0x6812,		/* ldr r2, [r2] */
		0x9205,		/* str r2, [sp, #20] */
		0xf04f, 0x0300, /* mov.w r3, #0 */
		0xf000, 0xf877, /* bl */
		0x4798,		/* blx r3 */
		0x9a05,		/* ldr r2, [sp, #20] */
		0xbf18, 0x4610, /* it ne, movne r0, r2 */
		0xb006,		/* add sp, #24 */
		0xbd10,		/* pop {r4, pc} */
		0xbf00, 0x6488, 0xc050);
	held(14, 20, NO);
	elsewhere(16); /* the middle of the call */
	held(18, 20, NO);
	elsewhere(28);
	HALVES(0xe92d, 0x41f0,	 /* stmdb sp!, {r4, r5, r6, r7, r8, lr} */
		0xf5ad, 0x7d00,	 /* sub.w sp, sp, #512 */
		0xf246, 0x4288,	 /* movw r2, #0x6488 */
		0xf2cc, 0x0250,	 /* movt r2, #0xc050 */
		0xf8d2, 0x2000,	 /* ldr.w r2, [r2] */
		0xf8cd, 0x21fc,	 /* str.w r2, [sp, #508] */
		0xf000, 0xf860,	 /* bl */
		0xf8dd, 0x21fc,	 /* ldr.w r2, [sp, #508] */
		0xf50d, 0x7d00,	 /* add.w sp, sp, #512 */
		0xe8bd, 0x81f0); /* ldmia.w sp!, {r4, r5, r6, r7, r8, pc} */
	held(24, 508, NO);
	of_task(&arch_arm, ARM_OFFSET);
	thumb = true;
	HALVES(0xb580, 0xb082, 0xee1d, 0x3f70, /* mrc 15, 0, r3, cr13, cr0, {3} */
		0xf8d3, 0x3638,		       /* ldr.w r3, [r3, #0x638] */
		0x9301,			       /* str r3, [sp, #4] */
		0xf000, 0xf851, 0x9b01, 0xb002, 0xbd80);
	held(14, 4, NO);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a64_of_a_task),
		cmocka_unit_test(a64_of_all), cmocka_unit_test(a64_tables),
		cmocka_unit_test(a64_what_is_not_certain), cmocka_unit_test(a64_tags),
		cmocka_unit_test(arm_of_all), cmocka_unit_test(arm_of_a_task),
		cmocka_unit_test(arm_of_a_stack), cmocka_unit_test(thumb_code) };
	if (argc == 4)
		return print_slots(argv[1], argv[2], argv[3]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
