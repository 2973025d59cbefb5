/*
 * Types from DWARF: this very program's debug information describes the types below, so the
 * compiler itself is the oracle (offsetof, sizeof). What compilers do not write comes from
 * tiny_dwarf.h.
 */
#include <dwarf.h>
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
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/dwarf.h"
#include "analyzer/debug/lines.h"
#include "analyzer/debug/type.h"
#include "tests/unit/tiny_dwarf.h"

enum demo_color { DEMO_RED, DEMO_GREEN = 5, DEMO_BLUE };
enum demo_signed { DEMO_MINUS = -3, DEMO_PLUS = 200 };

struct demo_list {
	struct demo_list *next, *prev;
};
typedef struct {
	int counter;
} demo_atomic_t;

struct demo_opaque; /* never defined */

struct demo {
	char comm[16];
	signed char narrow;
	union {
		struct {
			uint16_t inner_a, inner_b;
		};
		uint32_t whole;
	};
	struct demo_list links[3];
	unsigned int lo : 3, mid : 11;
	int neg : 5;
	unsigned long long wide : 40;
	int (*fn)(struct demo *, const char *, ...);
	const char *const *names;
	volatile unsigned long vl;
	int grid[2][3];
	enum demo_color color;
	enum demo_signed sig;
	demo_atomic_t refs;
	struct demo_opaque *opaque;
	struct {
		int deep;
	} named_anon[2];
	__int128 big;
	_Bool flag;
	uint8_t tail[];
};

struct demo demo_variable = { .comm = "demo" };
static struct demo_list *demo_static[7];
extern int demo_declared;
int demo_declared = 4;

static struct types *db;

static int open_self(void **state)
{
	(void)state;
	struct abi abi = { .word_bytes = sizeof(void *) };
	demo_static[0] = NULL;
	db = types_create(&abi);
	int fd = open("/proc/self/exe", O_RDONLY);
	struct err *e = types_add_dwarf(db, fd, "self");
	if (e)
		print_error("%s\n", e->msg);
	return e ? -1 : 0;
}

static int close_self(void **state)
{
	(void)state;
	types_destroy(db);
	return 0;
}

static const struct type *demo(void)
{
	const struct type *t;
	assert_null(types_find(db, TYPE_STRUCT, "demo", "tests/unit/test_types_dwarf.c", &t));
	assert_null(type_complete(db, t));
	return t;
}

static void expect_field(const char *path, uint64_t bit_offset, uint32_t bit_size, const char *type)
{
	struct field_ref f;
	struct err *e = type_field(db, demo(), path, &f);
	if (e)
		fail_msg("%s: %s", path, e->msg);
	assert_int_equal(f.bit_offset, bit_offset);
	assert_int_equal(f.bit_size, bit_size);
	scoped_strbuf struct strbuf b = { 0 };
	type_declare(f.type, "x", &b);
	assert_string_equal(strbuf_text(&b), type);
}

#define EXPECT_MEMBER(m, type) expect_field(#m, offsetof(struct demo, m) * 8, 0, type)

static void members_lie_where_the_compiler_put_them(void **state)
{
	(void)state;
	assert_int_equal(demo()->size, sizeof(struct demo));
	EXPECT_MEMBER(comm, "char x[16]");
	EXPECT_MEMBER(inner_b, "uint16_t x");
	EXPECT_MEMBER(whole, "uint32_t x");
	EXPECT_MEMBER(links, "struct demo_list x[3]");
	EXPECT_MEMBER(links[2].prev, "struct demo_list *x");
	EXPECT_MEMBER(fn, "int (*x)(struct demo *, const char *, ...)");
	EXPECT_MEMBER(names, "const char *const *x");
	EXPECT_MEMBER(vl, "volatile long unsigned int x");
	EXPECT_MEMBER(grid, "int x[2][3]");
	EXPECT_MEMBER(grid[1][2], "int x");
	EXPECT_MEMBER(color, "enum demo_color x");
	EXPECT_MEMBER(refs.counter, "int x");
	EXPECT_MEMBER(named_anon[1].deep, "int x");
	EXPECT_MEMBER(big, "__int128 x");
	EXPECT_MEMBER(flag, "_Bool x");
	EXPECT_MEMBER(tail, "uint8_t x[]");
	expect_field("tail[9]", (offsetof(struct demo, tail) + 9) * 8, 0, "uint8_t x");
	/* lo, mid and neg share the word behind the list heads; wide begins the next 8 bytes. */
	uint64_t word = (offsetof(struct demo, links) + sizeof(struct demo_list[3])) * 8;
	expect_field("lo", word, 3, "unsigned int x");
	expect_field("mid", word + 3, 11, "unsigned int x");
	expect_field("neg", word + 14, 5, "int x");
	struct field_ref f;
	assert_null(type_field(db, demo(), "wide", &f));
	assert_int_equal(f.bit_size, 40);
}

static void wrong_paths(void **state)
{
	(void)state;
	static const char *const bad[] = { "nope", "comm.x", "links.next", "grid[2]", "comm[16]",
		"comm[x]", "lo[0]", "links[0", "", ".comm", "refs.", "comm comm" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct field_ref f = { .bit_offset = 77 };
		struct err *e = type_field(db, demo(), bad[i], &f);
		if (!e)
			fail_msg("%s was found", bad[i]);
		assert_int_equal(f.bit_offset, 77);
		err_drop(e);
	}
}

static void signs_and_enumerators(void **state)
{
	(void)state;
	const struct type *t;
	struct field_ref f;
	assert_null(types_find(db, TYPE_ENUM, "demo_signed", NULL, &t));
	assert_null(type_complete(db, t));
	assert_true(t->is_signed);
	assert_int_equal(t->nenumerators, 2);
	assert_string_equal(t->enumerator[0].name, "DEMO_MINUS");
	assert_int_equal(t->enumerator[0].value, -3);
	assert_int_equal(t->enumerator[1].value, 200);
	assert_null(types_find(db, TYPE_ENUM, "demo_color", NULL, &t));
	assert_false(t->is_signed);
	assert_null(type_field(db, demo(), "narrow", &f));
	assert_true(type_strip(f.type)->is_signed);
	assert_int_equal(type_strip(f.type)->encoding, INT_CHAR);
	assert_null(type_field(db, demo(), "flag", &f));
	assert_int_equal(type_strip(f.type)->encoding, INT_BOOL);
}

static void finding_and_interning(void **state)
{
	(void)state;
	const struct type *a, *b;
	assert_ptr_equal(demo(), demo());
	assert_null(types_find_any(db, "demo", NULL, &a));
	assert_ptr_equal(a, demo());
	assert_null(types_find_any(db, "demo_atomic_t", NULL, &a));
	assert_int_equal(a->kind, TYPE_TYPEDEF);
	assert_null(types_parse(db, " struct  demo * ", &a));
	assert_null(types_parse(db, "struct demo*", &b));
	assert_ptr_equal(a, b);
	assert_int_equal(a->size, sizeof(void *));
	struct field_ref f;
	assert_null(types_parse(db, "volatile unsigned long", &a));
	assert_null(type_field(db, demo(), "vl", &f));
	assert_ptr_equal(a, f.type); /* made from words, and from DWARF: one object */
	struct err *e = types_find(db, TYPE_STRUCT, "demo_not_there", NULL, &a);
	assert_non_null(e);
	assert_int_equal(e->code, ERR_NOT_FOUND);
	err_drop(e);
	/* Many units of this program have struct err: all are one type. */
	assert_null(types_find(db, TYPE_STRUCT, "err", "analyzer/base/err.c", &a));
	assert_null(types_find(db, TYPE_STRUCT, "err", "tests/unit/test_types_dwarf.c", &b));
	assert_ptr_equal(a, b);
}

static void declared_only(void **state)
{
	(void)state;
	struct field_ref f;
	assert_null(type_field(db, demo(), "opaque", &f));
	const struct type *t = f.type->target;
	assert_true(t->declaration);
	struct err *e = type_complete(db, t);
	assert_non_null(e);
	assert_non_null(strstr(e->msg, "demo_opaque"));
	err_drop(e);
	/* struct types is only declared here; its body is in another unit. */
	assert_null(types_find_variable(db, "db", "test_types_dwarf.c", &t));
	t = t->target;
	assert_string_equal(t->name, "types");
	assert_null(type_complete(db, t));
	assert_false(t->declaration);
	assert_true(t->nmembers > 0);
}

static void variables(void **state)
{
	(void)state;
	const struct type *t;
	assert_null(types_find_variable(db, "demo_variable", NULL, &t));
	assert_ptr_equal(t, demo());
	assert_null(types_find_variable(db, "demo_static", NULL, &t));
	assert_int_equal(t->kind, TYPE_ARRAY);
	assert_int_equal(t->count, 7);
	assert_null(types_find_variable(db, "demo_declared", NULL, &t));
	assert_string_equal(t->name, "int");
	struct err *e = types_find_variable(db, "demo_nothing", NULL, &t);
	assert_non_null(e);
	err_drop(e);
}

static void names_as_c_writes_them(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
		size_t size;
	} rows[] = {
		{ "unsigned", "unsigned int x", 4 },
		{ "long long unsigned", "long long unsigned int x", 8 },
		{ "unsigned long", "long unsigned int x", sizeof(long) },
		{ "signed char", "signed char x", 1 },
		{ "const void *", "const void *x", sizeof(void *) },
		{ "char *const", "char *const x", sizeof(void *) },
		{ "int [3][4]", "int x[3][4]", 48 },
		{ "struct demo_list", "struct demo_list x", sizeof(struct demo_list) },
		{ "enum demo_color *[2]", "enum demo_color *x[2]", 2 * sizeof(void *) },
		{ "demo_atomic_t", "demo_atomic_t x", 4 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct type *t;
		scoped_strbuf struct strbuf b = { 0 };
		assert_null(types_parse(db, rows[i].in, &t));
		type_declare(t, "x", &b);
		assert_string_equal(strbuf_text(&b), rows[i].out);
		assert_int_equal(t->size, rows[i].size);
	}
	static const char *const bad[] = { "", "struct", "*", "int foo", "struct demo_list foo",
		"int [3", "int [3] *", "demo_atomic_t)", "struct 5" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct type *t;
		struct err *e = types_parse(db, bad[i], &t);
		if (!e)
			fail_msg("\"%s\" was taken for a type", bad[i]);
		err_drop(e);
	}
}

static void definition(void **state)
{
	(void)state;
	scoped_strbuf struct strbuf b = { 0 };
	assert_null(type_define(db, demo(), true, &b));
	const char *s = strbuf_text(&b);
	assert_non_null(strstr(s, "struct demo {\n\tchar comm[16];"));
	assert_non_null(strstr(s, "/*     0    16 */\n"));
	assert_non_null(strstr(s, "\tunion {\n\t\tstruct {\n\t\t\tuint16_t inner_a;"));
	assert_non_null(strstr(s, "unsigned int mid:11;"));
	char want[64];
	snprintf(want, sizeof(want), "/* %5zu: 3  4 */\n",
		offsetof(struct demo, links) + sizeof(struct demo_list[3]));
	assert_non_null(strstr(s, want));
	assert_non_null(strstr(s, "\t} named_anon[2];"));
	strbuf_reset(&b);
	const struct type *t;
	assert_null(types_find(db, TYPE_ENUM, "demo_signed", NULL, &t));
	assert_null(type_define(db, t, false, &b));
	assert_string_equal(strbuf_text(&b),
		"enum demo_signed {\n\tDEMO_MINUS = -3,\n\tDEMO_PLUS = 200,\n};\n");
}

/* The load address of a PIE is not known here; find this function's line by its DWARF address: any
 * address of the text that has a line must give a file of the tree. */
static void lines(void **state)
{
	(void)state;
	const char *file;
	int line;
	extern char __executable_start[];
	uint64_t link = (uint64_t)(uintptr_t)lines - (uint64_t)(uintptr_t)__executable_start;
	if (!types_source_line(db, link, &file, &line)) /* not a PIE */
		assert_true(types_source_line(db, (uintptr_t)lines, &file, &line));
	assert_string_equal(file, "tests/unit/test_types_dwarf.c");
	assert_in_range(line, __LINE__ - 13, __LINE__ - 9);
	assert_false(types_source_line(db, 1, &file, &line));
}

/* A return address within demo_inner(), which is inlined into demo_outer(). */
static __attribute__((noinline)) uint64_t here(void)
{
	return (uint64_t)(uintptr_t)__builtin_return_address(0);
}

static int inner_line, outer_line;

static inline __attribute__((always_inline)) uint64_t demo_inner(void)
{
	inner_line = __LINE__ + 1;
	uint64_t va = here();
	__asm__ volatile("" : "+r"(va)); /* no tail call */
	return va;
}

static __attribute__((noinline)) uint64_t demo_outer(void)
{
	outer_line = __LINE__ + 1;
	uint64_t va = demo_inner();
	__asm__ volatile("" : "+r"(va));
	return va;
}

static void inlined_functions(void **state)
{
	(void)state;
	struct source_frame f[SOURCE_FRAMES_MAX];
	extern char __executable_start[];
	uint64_t va = demo_outer() - 1, base = (uint64_t)(uintptr_t)__executable_start;
	size_t n = types_source_frames(db, va - base, 0, f);
	if (!n) /* not a PIE */
		n = types_source_frames(db, va, 0, f);
	assert_int_equal(n, 2);
	assert_string_equal(f[0].function, "demo_inner");
	assert_true(f[0].inlined);
	assert_string_equal(f[0].file, "tests/unit/test_types_dwarf.c");
	assert_int_equal(f[0].line, inner_line);
	assert_string_equal(f[1].function, "demo_outer");
	assert_false(f[1].inlined);
	assert_string_equal(f[1].file, "tests/unit/test_types_dwarf.c");
	assert_int_equal(f[1].line, outer_line);
	assert_int_equal(types_source_frames(db, 1, 0, f), 0);
}

/* The compilation directory is no part of a file's name; what only begins like it stays. */
static void compilation_directory(void **state)
{
	(void)state;
	Dwarf_Die unit;
	Dwarf_Attribute attr;
	Dwarf_Off next;
	size_t header;
	int fd = open("/proc/self/exe", O_RDONLY);
	Dwarf *dw = dwarf_begin(fd, DWARF_C_READ);
	assert_int_equal(dwarf_nextcu(dw, 0, &next, &header, NULL, NULL, NULL), 0);
	assert_non_null(dwarf_offdie(dw, header, &unit));
	const char *dir = dwarf_formstring(dwarf_attr(&unit, DW_AT_comp_dir, &attr));
	assert_non_null(dir);
	struct dwarf_source s = { .db = db, .dw = dw, .prefixes_made = true };
	static const struct {
		const char *behind, *kept;
	} cases[] = { { "/kernel/panic.c", "kernel/panic.c" }, { "//mm/slub.c", "mm/slub.c" },
		{ "/arch/arm/../../mm/slub.c", "mm/slub.c" }, { "-other/x.c", NULL } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scoped_free char *path = xasprintf("%s%s", dir, cases[i].behind);
		assert_string_equal(dwarf_short_path(&s, &unit, path),
			cases[i].kept ? cases[i].kept : path);
	}
	assert_string_equal(dwarf_short_path(&s, &unit, "fs/./open.c"), "fs/open.c");
	s.prefix[0] = (struct dwarf_prefix){ "/tree/init/main.c", strlen("/tree") };
	assert_string_equal(dwarf_short_path(&s, &unit, "/tree/fs/read.c"), "fs/read.c");
	strmap_deinit(&s.files);
	dwarf_end(dw);
	close(fd);
}

static void odd_dwarf(void **state)
{
	(void)state;
	uint8_t elf[16384];
	struct abi abi = { .word_bytes = 8 };
	int fd = tiny_fd(elf, tiny_odd_unit(elf));
	struct types *odd = types_create(&abi);
	struct field_ref f;
	const struct type *t;
	assert_null(types_add_dwarf(odd, fd, "odd"));
	assert_string_equal(types_source(odd), "DWARF 5");
	assert_null(types_find(odd, TYPE_TYPEDEF, "cycle_t", NULL, &t));
	assert_int_equal(type_strip(t)->kind, TYPE_VOID);
	assert_null(types_find(odd, TYPE_TYPEDEF, "self_t", NULL, &t));
	assert_int_equal(type_strip(t)->kind, TYPE_POINTER);
	assert_null(types_find(odd, TYPE_STRUCT, "bits", NULL, &t));
	assert_null(type_field(odd, t, "a", &f));
	assert_int_equal(f.bit_offset, 5);
	assert_null(type_field(odd, t, "b", &f)); /* 4 bytes at 4; bits 25 to 31 less 20 */
	assert_int_equal(f.bit_offset, 32 + 32 - 20 - 7);
	assert_int_equal(f.bit_size, 7);
	assert_null(types_find(odd, TYPE_STRUCT, "ouroboros", NULL, &t));
	struct err *e = type_field(odd, t, "nothing", &f);
	assert_non_null(e);
	err_drop(e);
	scoped_strbuf struct strbuf b = { 0 };
	err_drop(type_define(odd, t, true, &b)); /* ends */
	assert_null(types_find(odd, TYPE_TYPEDEF, "huge", NULL, &t));
	assert_int_equal(type_strip(t)->size, 0);
	assert_null(types_find(odd, TYPE_STRUCT, "outside", NULL, &t));
	assert_null(type_complete(odd, t));
	assert_int_equal(t->nmembers, 1); /* "far" is none of its */
	assert_string_equal(t->member[0].name, "flex");
	assert_null(types_find_variable(odd, "spec_var", NULL, &t));
	assert_string_equal(t->name, "int");
	types_destroy(odd);
	close(fd);
}

static void not_dwarf(void **state)
{
	(void)state;
	struct abi abi = { .word_bytes = 8 };
	struct types *none = types_create(&abi);
	const struct type *t;
	int fd = tiny_fd((const uint8_t *)"hello", 5);
	struct err *e = types_add_dwarf(none, fd, "hello.txt");
	assert_non_null(e);
	assert_int_equal(e->code, ERR_MISSING);
	assert_non_null(strstr(e->msg, "hello.txt"));
	err_drop(e);
	assert_null(types_source(none));
	e = types_find(none, TYPE_STRUCT, "x", NULL, &t);
	assert_int_equal(e->code, ERR_MISSING);
	err_drop(e);
	assert_null(types_parse(none, "unsigned int", &t)); /* needs no debug information */
	types_destroy(none);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_lie_where_the_compiler_put_them),
		cmocka_unit_test(wrong_paths),
		cmocka_unit_test(signs_and_enumerators),
		cmocka_unit_test(finding_and_interning),
		cmocka_unit_test(declared_only),
		cmocka_unit_test(variables),
		cmocka_unit_test(names_as_c_writes_them),
		cmocka_unit_test(definition),
		cmocka_unit_test(lines),
		cmocka_unit_test(inlined_functions),
		cmocka_unit_test(compilation_directory),
		cmocka_unit_test(odd_dwarf),
		cmocka_unit_test(not_dwarf),
	};
	return cmocka_run_group_tests(tests, open_self, close_self);
}
