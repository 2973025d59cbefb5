/* Addresses that code forms, instruction by instruction, and the election of data symbols by them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/target/recover.h"
#include "tests/unit/fake_kernel.h"

/* ---- decoding ----------------------------------------------- */

enum { REFS_MAX = 32 };

struct refs {
	struct code_ref ref[REFS_MAX];
	size_t n;
};

static void note(void *cx, const struct code_ref *ref)
{
	struct refs *r = cx;
	assert_true(r->n < REFS_MAX);
	r->ref[r->n++] = *ref;
}

struct wanted_ref {
	uint64_t va, at; /* offset of the instruction */
	enum code_ref_kind kind;
	unsigned bytes;
};

static void expect_refs(const struct arch *arch, const uint32_t *code, size_t n, uint64_t pc,
	const struct wanted_ref *want, size_t nwant)
{
	uint8_t raw[256];
	struct refs r = { 0 };
	for (size_t i = 0; i < n; i++)
		for (unsigned b = 0; b < 4; b++)
			raw[i * 4 + b] = (uint8_t)(code[i] >> 8 * b);
	arch->code_refs(raw, n * 4, pc, note, &r);
	for (size_t i = 0; i < nwant && i < r.n; i++)
		if (r.ref[i].va != want[i].va || r.ref[i].pc != pc + want[i].at ||
			r.ref[i].kind != want[i].kind || r.ref[i].bytes != want[i].bytes)
			fail_msg("%s %zu: va %" PRIx64 " pc %" PRIx64 " kind %d bytes %u",
				arch->name, i, r.ref[i].va, r.ref[i].pc, (int)r.ref[i].kind,
				r.ref[i].bytes);
	assert_int_equal(r.n, nwant);
}

static void a64_addresses(void **state)
{
	(void)state;
	static const uint32_t code[] = {
		0x90000080, /* 00 adrp x0, 0x20000 */
		0x91222000, /* 04 add x0, x0, #0x888 */
		0x91020001, /* 08 add x1, x0, #0x80 */
		0xb9401002, /* 0c ldr w2, [x0, #16] */
		0xf9000422, /* 10 str x2, [x1, #8] */
		0x10ffff63, /* 14 adr x3, 0x10000 */
		0x97fffffa, /* 18 bl: x0 to x18 are lost */
		0xf9400404, /* 1c ldr x4, [x0, #8] */
		0xaa0103e5, /* 20 mov x5, x1 */
		0xb0000093, /* 24 adrp x19, 0x21000 */
		0x97fffff6, /* 28 bl: x19 stays */
		0xf9400e65, /* 2c ldr x5, [x19, #24] */
		0xa94153f3, /* 30 ldp x19, x20, [sp, #16]: an epilogue */
		0xd65f03c0, /* 34 ret */
		0x29411e66, /* 38 ldp w6, w7, [x19, #8] */
		0xd538d093, /* 3c mrs x19, tpidr_el1 */
		0xf9400666, /* 40 ldr x6, [x19, #8] */
		0xd0000088, /* 44 adrp x8, 0x22000 */
		0xf860d909, /* 48 ldr x9, [x8, w0, sxtw #3] */
		0xf9400908, /* 4c ldr x8, [x8, #16] */
		0xf9400909, /* 50 ldr x9, [x8, #16] */
		0xd1004063, /* 54 sub x3, x3, #0x10 */
		0xf0000089, /* 58 adrp x9, 0x23000 */
		0xc809fc41, /* 5c stlxr w9, x1, [x2] */
		0xf9400121, /* 60 ldr x1, [x9] */
		0x5800004a, /* 64 ldr x10, =0xffff800008005000 */
		0xf940014b, /* 68 ldr x11, [x10] */
		0x08005000,
		0xffff8000,
	};
	static const struct wanted_ref want[] = {
		{ 0x20888, 0x04, CODE_ADDRESS, 0 },
		{ 0x20908, 0x08, CODE_ADDRESS, 0 },
		{ 0x20898, 0x0c, CODE_LOAD, 4 },
		{ 0x20910, 0x10, CODE_STORE, 8 },
		{ 0x10000, 0x14, CODE_ADDRESS, 0 },
		{ 0x21018, 0x2c, CODE_LOAD, 8 },
		{ 0x21008, 0x38, CODE_LOAD, 4 },
		{ 0x2100c, 0x38, CODE_LOAD, 4 },
		{ 0x22010, 0x4c, CODE_LOAD, 8 },
		{ 0xffff800008005000, 0x64, CODE_ADDRESS, 0 },
		{ 0xffff800008005000, 0x68, CODE_LOAD, 8 },
	};
	expect_refs(&arch_arm64, code, ARRAY_SIZE(code), 0x10000, want, ARRAY_SIZE(want));
}

static void a32_addresses(void **state)
{
	(void)state;
	static const uint32_t code[] = {
		0xe3050678, /* 00 movw r0, #0x5678 */
		0xe34c0123, /* 04 movt r0, #0xc123 */
		0xe2801080, /* 08 add r1, r0, #128 */
		0xe5902010, /* 0c ldr r2, [r0, #16] */
		0xe14120b8, /* 10 strh r2, [r1, #-8] */
		0xe1c120d8, /* 14 ldrd r2, [r1, #8] */
		0xe59f303c, /* 18 ldr r3, =0xc3000000 */
		0xe5833000, /* 1c str r3, [r3] */
		0xebfffff6, /* 20 bl: r0 to r3 are lost */
		0xe5904008, /* 24 ldr r4, [r0, #8] */
		0xe3014000, /* 28 movw r4, #0x1000 */
		0xe34c4200, /* 2c movt r4, #0xc200 */
		0xebfffff2, /* 30 bl: r4 stays */
		0xe5d45003, /* 34 ldrb r5, [r4, #3] */
		0xe1a06004, /* 38 mov r6, r4 */
		0xe8bd8010, /* 3c pop {r4, pc}: an epilogue */
		0xe5945004, /* 40 ldr r5, [r4, #4] */
		0xee1d4f90, /* 44 mrc: r4 is lost */
		0xe5945004, /* 48 ldr r5, [r4, #4] */
		0xe5b67004, /* 4c ldr r7, [r6, #4]! */
		0xe5965004, /* 50 ldr r5, [r6, #4] */
		0xe28f7000, /* 54 adr r7, 0xc010005c */
		0xe2477004, /* 58 sub r7, r7, #4 */
		0xc3000000,
	};
	static const struct wanted_ref want[] = {
		{ 0xc1235678, 0x04, CODE_ADDRESS, 0 },
		{ 0xc12356f8, 0x08, CODE_ADDRESS, 0 },
		{ 0xc1235688, 0x0c, CODE_LOAD, 4 },
		{ 0xc12356f0, 0x10, CODE_STORE, 2 },
		{ 0xc1235700, 0x14, CODE_LOAD, 8 },
		{ 0xc3000000, 0x18, CODE_ADDRESS, 0 },
		{ 0xc3000000, 0x1c, CODE_STORE, 4 },
		{ 0xc2001000, 0x2c, CODE_ADDRESS, 0 },
		{ 0xc2001003, 0x34, CODE_LOAD, 1 },
		{ 0xc2001004, 0x40, CODE_LOAD, 4 },
		{ 0xc2001004, 0x4c, CODE_LOAD, 4 },
		{ 0xc010005c, 0x54, CODE_ADDRESS, 0 },
		{ 0xc0100058, 0x58, CODE_ADDRESS, 0 },
	};
	expect_refs(&arch_arm, code, ARRAY_SIZE(code), 0xc0100000, want, ARRAY_SIZE(want));
}

/* ---- the election ----------------------------------------------- */

static const unsigned words[] = { 4, 8 };
#define EACH_WORD(f)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (size_t w = 0; w < 2 && (set_up(f, words[w]), 1); fake_deinit(f), w++)

enum { TEXT = 0x1000, TEXT_END = 0x8000, INIT = 0xa000, HEAD = 0x20100, OTHER = 0x20200 };

static void set_up(struct fake *f, unsigned word)
{
	fake_init(f, word);
	f->t->image = (struct kernel_image){ .va = fake_va(f, 0), .size = 0x40000 };
	fake_symbol(f, "_stext", TEXT, 0);
	fake_symbol(f, "_etext", TEXT_END, 0);
}

/* A function at @off that forms the address of @data. */
static void function(struct fake *f, const char *name, uint64_t off, uint64_t data)
{
	uint64_t va = fake_va(f, data);
	symtab_add(f->t->syms, name, fake_va(f, off), 0, 'T', NULL);
	symtab_add(f->t->syms, "end", fake_va(f, off + 16), 0, 't', NULL);
	symtab_finish(f->t->syms);
	if (f->t->abi.word_bytes == 8) {
		uint64_t pages = (data >> 12) - (off >> 12);
		fake_put(f->t->dump, off, 0x90000000 | (pages & 3) << 29 | (pages >> 2) << 5, 4);
		fake_put(f->t->dump, off + 4, 0x91000000 | (va & 0xfff) << 10, 4);
		fake_put(f->t->dump, off + 8, 0xd65f03c0, 4);
	} else {
		fake_put(f->t->dump, off, 0xe3000000 | (va & 0xf000) << 4 | (va & 0xfff), 4);
		fake_put(
			f->t->dump, off + 4, 0xe3400000 | (va >> 28) << 16 | (va >> 16 & 0xfff), 4);
		fake_put(f->t->dump, off + 8, 0xe12fff1e, 4);
	}
	fake_put(f->t->dump, off + 12, 0, 4);
}

/* A list of one module, "virtio". */
static void list(struct fake *f, uint64_t head)
{
	unsigned word = f->t->abi.word_bytes;
	uint64_t node = head + 0x1000;
	fake_put(f->t->dump, head, fake_va(f, node), word);
	fake_put(f->t->dump, head + word, fake_va(f, node), word);
	fake_put(f->t->dump, node, fake_va(f, head), word);
	fake_put(f->t->dump, node + word, fake_va(f, head), word);
	for (unsigned i = 0; i < 64; i += 8)
		fake_put(f->t->dump, node + 2 * word + i, 0, 8);
	fake_bytes(f, node + 2 * word, "virtio", 7);
}

static bool recovered(struct fake *f, const char *name, uint64_t off)
{
	struct symbol s;
	recover_from_code(f->t);
	if (!symtab_find_kernel(f->t->syms, name, &s))
		return false;
	assert_non_null(s.source);
	assert_true(strstr(s.source, "recovered: ") == s.source);
	if (s.va != fake_va(f, off))
		fail_msg("%s at %" PRIx64, name, s.va);
	return true;
}

static void two_functions_agree(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		list(f, HEAD);
		function(f, "m_start", 0x2000, HEAD);
		function(f, "m_next", 0x2100, HEAD);
		function(f, "module_get_kallsym", 0x2200, OTHER);
		assert_true(recovered(f, "modules", HEAD));
	}
}

static void one_function_is_not_enough(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		list(f, HEAD);
		list(f, OTHER);
		function(f, "m_start", 0x2000, HEAD);
		function(f, "m_next", 0x2100, OTHER);
		assert_false(recovered(f, "modules", HEAD));
	}
}

static void the_content_must_prove_it(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		unsigned word = f->t->abi.word_bytes;
		list(f, HEAD);
		fake_put(f->t->dump, HEAD + 0x1000 + word, fake_va(f, HEAD + 8), word);
		function(f, "m_start", 0x2000, HEAD);
		function(f, "m_next", 0x2100, HEAD);
		assert_false(recovered(f, "modules", HEAD));
		list(f, HEAD);
		fake_put(f->t->dump, HEAD + 0x1000 + 2 * word, 1, 1); /* no module's name */
		assert_false(recovered(f, "modules", HEAD));
	}
}

static void a_tie_decides_nothing(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		list(f, HEAD);
		list(f, OTHER);
		function(f, "m_start", 0x2000, HEAD);
		function(f, "m_next", 0x2100, HEAD);
		function(f, "module_get_kallsym", 0x2200, OTHER);
		function(f, "print_modules", 0x2300, OTHER);
		assert_false(recovered(f, "modules", HEAD));
		function(f, "find_module_all", 0x2400, OTHER);
		assert_true(recovered(f, "modules", OTHER));
	}
}

static void freed_code_does_not_vote(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		list(f, HEAD);
		function(f, "m_start", 0x2000, HEAD);
		function(f, "m_next", INIT, HEAD);
		assert_false(recovered(f, "modules", HEAD));
	}
}

static void a_known_symbol_stays(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct symbol s;
		list(f, HEAD);
		function(f, "m_start", 0x2000, HEAD);
		function(f, "m_next", 0x2100, HEAD);
		fake_symbol(f, "modules", OTHER, 16);
		recover_from_code(f->t);
		assert_true(symtab_find_kernel(f->t->syms, "modules", &s));
		assert_true(s.va == fake_va(f, OTHER) && !s.source);
	}
}

/* The possible mask is the one whose highest CPU is the last of nr_cpu_ids. */
static void masks_build_on_the_count(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		fake_number(f, "nr_cpu_ids", 0x20000, 3, 4);
		fake_put(f->t->dump, HEAD, 3, 8);
		fake_put(f->t->dump, OTHER, 7, 8);
		function(f, "init_cpu_possible", 0x2000, HEAD);
		function(f, "snmp_fold_field", 0x2100, HEAD);
		assert_false(recovered(f, "__cpu_possible_mask", HEAD));
		fake_put(f->t->dump, HEAD, 7, 8);
		assert_true(recovered(f, "__cpu_possible_mask", HEAD));
		fake_put(f->t->dump, OTHER, 8, 8); /* not possible, so not present */
		function(f, "init_cpu_present", 0x2200, OTHER);
		function(f, "_cpu_up", 0x2300, OTHER);
		assert_false(recovered(f, "__cpu_present_mask", OTHER));
		fake_put(f->t->dump, OTHER, 5, 8);
		assert_true(recovered(f, "__cpu_present_mask", OTHER));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a64_addresses),
		cmocka_unit_test(a32_addresses),
		cmocka_unit_test(two_functions_agree),
		cmocka_unit_test(one_function_is_not_enough),
		cmocka_unit_test(the_content_must_prove_it),
		cmocka_unit_test(a_tie_decides_nothing),
		cmocka_unit_test(freed_code_does_not_vote),
		cmocka_unit_test(a_known_symbol_stays),
		cmocka_unit_test(masks_build_on_the_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
