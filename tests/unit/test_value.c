/*
 * Expressions, formatting and disassembly over a fake target: the types come from this program's
 * own debug information, the memory is this program's variables.
 */
#include <capstone/capstone.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/disasm.h"
#include "analyzer/debug/value.h"
#include "tests/unit/fake_vspace.h"

enum toy_mode { TOY_OFF, TOY_ON = 3 };
enum toy_flags { TOY_A = 1, TOY_B = 2, TOY_C = 8 };

struct toy_node {
	struct toy_node *next;
	int value;
};

struct toy {
	char name[8];
	unsigned char mac[2];
	struct toy_node node[2];
	struct toy_node *head;
	enum toy_mode mode;
	enum toy_flags flags;
	unsigned int lo : 4, hi : 4;
	int grid[12];
	union {
		int as_int;
		unsigned char as_byte;
	};
	const char *text;
	void (*fn)(int);
	_Bool yes;
	__int128 big;
};

struct toy toy_var;
struct toy *toy_ptr;
int toy_ints[3] = { 5, -6, 7 };
unsigned long long toy_wide = 0xfedcba9876543210ull;
extern char toy_banner[];
char toy_banner[] = "hello\nworld";
static const char toy_text[] = "tab\there";

/* Where they are in the target. */
enum {
	VAR = 0x1000,
	PTR = 0x2000,
	INTS = 0x3000,
	WIDE = 0x4000,
	BANNER = 0x5000,
	TEXT = 0x6000,
	CODE = 0x7000
};

static struct vspace vs;
static struct arch arch = { .name = "toy", .capstone_arch = CS_ARCH_ARM64 };
static struct types *db;
static struct symtab *st;
static struct debug_env env;

static int setup(void **state)
{
	(void)state;
	struct abi abi = { .word_bytes = 8 };
	db = types_create(&abi);
	struct err *e = types_add_dwarf(db, open("/proc/self/exe", O_RDONLY), "self");
	if (e)
		return -1;
	st = symtab_create();
	symtab_add(st, "toy_var", VAR, sizeof(toy_var), 'D', NULL);
	symtab_add(st, "toy_ptr", PTR, 8, 'D', NULL);
	symtab_add(st, "toy_ints", INTS, 12, 'D', NULL);
	symtab_add(st, "toy_wide", WIDE, 8, 'D', NULL);
	symtab_add(st, "toy_banner", BANNER, sizeof(toy_banner), 'D', NULL);
	symtab_add(st, "toy_text", TEXT, sizeof(toy_text), 'r', NULL);
	symtab_add(st, "toy_code", CODE, 0x100, 'T', NULL);
	symtab_finish(st);
	memcpy(toy_var.name, "toy\0x", 5);
	toy_var.mac[0] = 0xab;
	toy_var.node[0] =
		(struct toy_node){ (struct toy_node *)(VAR + offsetof(struct toy, node[1])), 11 };
	toy_var.node[1] = (struct toy_node){ (struct toy_node *)0xdead0000, -22 };
	toy_var.head = (struct toy_node *)(VAR + offsetof(struct toy, node));
	toy_var.mode = TOY_ON;
	toy_var.flags = TOY_A | TOY_C;
	toy_var.lo = 9;
	toy_var.hi = 5;
	toy_var.as_int = 0x141;
	toy_var.text = (const char *)TEXT;
	toy_var.fn = (void (*)(int))(CODE + 4);
	toy_var.yes = 1;
	toy_var.big = (__int128)0x12 << 64 | 0x3400;
	toy_ptr = (struct toy *)VAR;
	vs = (struct vspace){ .facts = { .arch = &arch, .abi = abi },
		.nregions = 6,
		.region = { { VAR, sizeof(toy_var), &toy_var }, { PTR, 8, &toy_ptr },
			{ INTS, 12, toy_ints }, { WIDE, 8, &toy_wide },
			{ BANNER, sizeof(toy_banner), toy_banner },
			{ TEXT, sizeof(toy_text), toy_text } } };
	env = (struct debug_env){ .vs = &vs, .types = db, .syms = st };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	symtab_destroy(st);
	types_destroy(db);
	return 0;
}

static void expect(const char *expr, const char *want)
{
	struct value v;
	scoped_strbuf struct strbuf b = { 0 };
	struct err *e = value_parse(&env, expr, &v);
	if (!e)
		e = value_format(&env, &v, NULL, &b);
	if (e)
		fail_msg("%s: %s", expr, e->msg);
	if (strcmp(strbuf_text(&b), want))
		fail_msg("%s: got\n%s\nwant\n%s", expr, strbuf_text(&b), want);
}

static void expressions_work(void **state)
{
	(void)state;
	expect("toy_ints[1]", "-6");
	expect(" toy_ints [ 2 ] ", "7");
	expect("*toy_ints", "5");
	expect("toy_var.node[0].value", "11");
	expect("toy_var.node[toy_var.yes].value", "-22");
	expect("toy_ptr->head->next->value", "-22");
	expect("toy_ptr.head.value", "11");
	expect("(*toy_ptr).lo", "9");
	expect("toy_ptr->hi", "5");
	expect("*&toy_ints", "{5, -6, 7}");
	expect("&toy_var.node[1]", "0x1020 <toy_var+32>");
	expect("((struct toy_node *)0x1010)->value", "11");
	expect("(unsigned char)toy_var.as_int", "65 'A'");
	expect("(signed char)255", "-1 '\\xff'");
	expect("toy_code", "0x7000 <toy_code>");
	expect("(long)toy_code", "28672");
	expect("0x10", "16");
}

static void expect_error(const char *expr, const char *word)
{
	struct value v = { .va = 42 };
	struct err *e = value_parse(&env, expr, &v);
	if (!e)
		fail_msg("\"%s\" was understood", expr);
	if (!strstr(e->msg, word))
		fail_msg("%s: \"%s\" lacks \"%s\"", expr, e->msg, word);
	assert_int_equal(v.va, 42);
	err_drop(e);
}

static void errors_show_the_place(void **state)
{
	(void)state;
	expect_error("", "column 1");
	expect_error("nothing", "at column 1: no symbol nothing");
	expect_error("toy_var.nope", "at column 9");
	expect_error("toy_var.name.x", "at column 14");
	expect_error("toy_ints[3]", "beyond the array's 3");
	expect_error("toy_ints[1", "column 11");
	expect_error("toy_ints 5", "column 10");
	expect_error("toy_var..lo", "column 8");
	expect_error("toy_var->lo", "no pointer");
	expect_error("&toy_var.lo", "bitfield");
	expect_error("&5", "in memory");
	expect_error("*5", "no pointer");
	expect_error("(toy_ints", "a ) is missing");
	expect_error("(struct toy)5", "no number or pointer");
	expect_error("toy_var.node[1].next->next->next", "not mapped");
	expect_error("12ab", "column 3");
	char deep[512];
	memset(deep, '(', sizeof(deep));
	deep[sizeof(deep) - 1] = '\0';
	expect_error(deep, "nested");
	memset(deep, '*', sizeof(deep) - 1);
	expect_error(deep, "nested");
}

static void formats(void **state)
{
	(void)state;
	expect("toy_var", "{\n"
			  "  .name = \"toy\\000x\",\n"
			  "  .mac = {ab 00},\n"
			  "  .node = {\n"
			  "    [0] = { .next = 0x1020 <toy_var+32>, .value = 11 },\n"
			  "    [1] = { .next = 0xdead0000, .value = -22 }\n"
			  "  },\n"
			  "  .head = 0x1010 <toy_var+16>,\n"
			  "  .mode = TOY_ON,\n"
			  "  .flags = (TOY_A | TOY_C),\n"
			  "  .lo = 9,\n"
			  "  .hi = 5,\n"
			  "  .grid = {0 <repeats 12 times>},\n"
			  "  union { .as_int = 321, .as_byte = 65 'A' },\n"
			  "  .text = 0x6000 <toy_text> \"tab\\there\",\n"
			  "  .fn = 0x7004 <toy_code+4>,\n"
			  "  .yes = true,\n"
			  "  .big = 332041393326771942400\n"
			  "}");
	expect("toy_banner", "\"hello\\nworld\"");
}

static void unreadable_parts_are_marked(void **state)
{
	(void)state;
	expect("*toy_var.node[1].next", "<not mapped>");
	expect("((struct toy_node *)0xdead0000)->value", "<not mapped>");
	/* A struct whose end is missing shows what is there. */
	vs.region[0].size = offsetof(struct toy, node) + 8;
	expect("toy_var.node[0]", "{ .next = 0x1020 <toy_var+32>, .value = <not mapped> }");
	expect("toy_var.grid", "<not mapped>");
	vs.region[0].size = offsetof(struct toy, grid) + 8;
	expect("toy_var.grid", "{0, 0, <not mapped> <repeats 10 times>}");
	vs.region[0].size = sizeof(toy_var);
}

static void styles(void **state)
{
	(void)state;
	struct value v;
	scoped_strbuf struct strbuf b = { 0 };
	assert_null(value_parse(&env, "toy_ints", &v));
	assert_null(value_format(
		&env, &v, &(struct value_style){ .hex = true, .max_elements = 2 }, &b));
	assert_string_equal(strbuf_text(&b), "{0x5, 0xfffffffa, ...}");
	strbuf_reset(&b);
	assert_null(value_parse(&env, "toy_var.node[0]", &v));
	assert_null(value_at(&env, "toy", "node", VAR, &v));
	assert_null(value_format(&env, &v, &(struct value_style){ .max_depth = 1 }, &b));
	assert_string_equal(strbuf_text(&b), "{\n  [0] = {...},\n  [1] = {...}\n}");
}

static void at_addresses(void **state)
{
	(void)state;
	struct value v;
	uint64_t n;
	assert_null(value_at(&env, "toy", "node[1].value", VAR, &v));
	assert_null(value_number(&env, &v, &n));
	assert_int_equal((int64_t)n, -22);
	assert_null(value_at(&env, "unsigned long", NULL, WIDE, &v));
	assert_null(value_number(&env, &v, &n));
	assert_true(n == toy_wide);
	assert_null(value_at(&env, "int", NULL, INTS + 4, &v));
	assert_null(value_number(&env, &v, &n));
	assert_int_equal((int64_t)n, -6);
	assert_null(value_at(&env, "toy", "name", VAR, &v));
	struct err *e = value_number(&env, &v, &n);
	assert_non_null(e);
	err_drop(e);
	e = value_at(&env, "toy_not", NULL, VAR, &v);
	assert_non_null(e);
	err_drop(e);
}

/* ---- disassembly ----------------------------------------------- */

static void expect_insn(struct disasm *d, uint64_t va, unsigned size, const char *text)
{
	struct insn in;
	struct err *e = disasm_one(d, va, &in);
	if (e)
		fail_msg("%s", e->msg);
	assert_string_equal(in.text, text);
	assert_int_equal(in.size, size);
}

static void a64(void **state)
{
	(void)state;
	static const uint32_t code[] = {
		0x94000002,			    /* bl   CODE+8 */
		0x54000041,			    /* b.ne CODE+0xc */
		0xf0ffffc0,			    /* adrp x0, … */
		0x91004000,			    /* add  x0, x0, #0x10 */
		0x58000060,			    /* ldr  x0, CODE+0x1c */
		0xd65f03c0,			    /* ret */
		0x00000000,			    /* udf */
		0x00006000, 0x00000000, 0xb4000040, /* cbz x0, CODE+0x2c */
	};
	vs.region[6] = (struct fake_region){ CODE, sizeof(code), code };
	vs.nregions = 7;
	struct disasm *d;
	struct insn in;
	assert_null(disasm_open(&vs, st, false, &d));
	expect_insn(d, CODE, 4, "bl 0x7008 <toy_code+0x8>");
	expect_insn(d, CODE + 4, 4, "b.ne 0x700c <toy_code+0xc>");
	expect_insn(d, CODE + 8, 4, "adrp x0, 0x2000");
	expect_insn(d, CODE + 12, 4, "add x0, x0, #0x10 ; 0x2010 <toy_ptr+0x10>");
	/* After a jump to elsewhere the register is not known any more. */
	expect_insn(d, CODE + 8, 4, "adrp x0, 0x2000");
	expect_insn(d, CODE + 20, 4, "ret");
	expect_insn(d, CODE + 12, 4, "add x0, x0, #0x10");
	expect_insn(d, CODE + 16, 4, "ldr x0, 0x701c ; 0x6000 <toy_text>");
	expect_insn(d, CODE + 20, 4, "ret");
	expect_insn(d, CODE + 24, 4, ".inst 0x00000000");
	assert_null(disasm_one(d, CODE + 36, &in));
	assert_int_equal(in.target, CODE + 44);
	struct err *e = disasm_one(d, CODE + sizeof(code), &in);
	assert_int_equal(e->code, ERR_FAULT);
	err_drop(e);
	disasm_close(d);
	vs.nregions = 6;
}

static void arm_and_thumb(void **state)
{
	(void)state;
	static const uint32_t arm[] = {
		0xeb000000, /* bl CODE+8 */
		0xe59f3000, /* ldr r3, [pc] */
		0xe12fff1e, /* bx lr */
		0x00006000,
	};
	static const uint16_t thumb[] = {
		0xf000, 0xf800, /* bl CODE+4 */
		0x4a01,		/* ldr r2, [pc, #4] */
		0x4770,		/* bx lr */
		0xbf00, 0xbf00, /* nop */
		0x6000, 0x0000, /* literal */
		0xd0f6,		/* beq CODE */
		0xb140,		/* cbz r0, CODE+0x26 */
	};
	struct arch a = {
		.name = "arm", .capstone_arch = CS_ARCH_ARM, .capstone_thumb_mode = CS_MODE_THUMB
	};
	struct disasm *d;
	vs.facts.arch = &a;
	vs.facts.abi.word_bytes = 4;
	vs.nregions = 7;
	vs.region[6] = (struct fake_region){ CODE, sizeof(arm), arm };
	assert_null(disasm_open(&vs, st, false, &d));
	expect_insn(d, CODE, 4, "bl 0x7008 <toy_code+0x8>");
	expect_insn(d, CODE + 4, 4, "ldr r3, [pc] ; 0x700c: 0x6000 <toy_text>");
	expect_insn(d, CODE + 8, 4, "bx lr");
	disasm_close(d);
	vs.region[6] = (struct fake_region){ CODE, sizeof(thumb), thumb };
	assert_null(disasm_open(&vs, st, true, &d));
	expect_insn(d, CODE, 4, "bl 0x7004 <toy_code+0x4>");
	expect_insn(d, CODE + 4, 2, "ldr r2, [pc, #4] ; 0x700c: 0x6000 <toy_text>");
	expect_insn(d, CODE + 6, 2, "bx lr");
	expect_insn(d, CODE + 16, 2, "beq 0x7000 <toy_code>");
	expect_insn(d, CODE + 18, 2, "cbz r0, 0x7026 <toy_code+0x26>");
	disasm_close(d);
	vs.facts.arch = &arch;
	vs.facts.abi.word_bytes = 8;
	vs.nregions = 6;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_work),
		cmocka_unit_test(errors_show_the_place),
		cmocka_unit_test(formats),
		cmocka_unit_test(unreadable_parts_are_marked),
		cmocka_unit_test(styles),
		cmocka_unit_test(at_addresses),
		cmocka_unit_test(a64),
		cmocka_unit_test(arm_and_thumb),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
