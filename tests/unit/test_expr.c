/*
 * The expression language: arithmetic for both word sizes without any debug information, and what
 * needs memory, types, variables and functions over this program's own types.
 */
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
#include "analyzer/debug/address.h"
#include "analyzer/debug/expr.h"
#include "analyzer/debug/types_modules.h"
#include "tests/unit/fake_vspace.h"
#include "tests/unit/tiny_dwarf.h"

enum pet { PET_NONE, PET_CAT, PET_DOG = 7 };

struct list_head {
	struct list_head *next, *prev;
};

struct owner {
	char name[8];
	const char *title;
	enum pet pet;
	unsigned int low : 5, high : 27;
	int numbers[6];
	struct list_head link;
	int old_flexible[1];
};

struct owner owner_var;
struct owner *owner_ptr;
enum { VAR = 0x1000, PTR = 0x2000, TITLE = 0x3000, COPY = 0x100 };

static struct vspace vs;
static struct types *db, *bare[2]; /* without types, 4 and 8 bytes a word */
static struct symtab *st;
static struct debug_env env;

static int setup(void **state)
{
	(void)state;
	static const char title[] = "duke";
	const struct abi abi = { .word_bytes = 8 }, narrow = { .word_bytes = 4 };
	bare[0] = types_create(&narrow);
	bare[1] = types_create(&abi);
	db = types_create(&abi);
	struct err *e = types_add_dwarf(db, open("/proc/self/exe", O_RDONLY), "self");
	if (e)
		return -1;
	st = symtab_create();
	symtab_add(st, "owner_var", VAR, sizeof(owner_var), 'D', NULL);
	symtab_add(st, "owner_ptr", PTR, 8, 'D', NULL);
	symtab_add(st, "no_type", 0x5000, 8, 'D', NULL);
	symtab_add(st, "a_function", 0x7000, 0x100, 'T', NULL);
	symtab_finish(st);
	strcpy(owner_var.name, "anna");
	owner_var.title = (const char *)TITLE;
	owner_var.pet = PET_DOG;
	owner_var.low = 3;
	owner_var.high = 5;
	for (int i = 0; i < 6; i++)
		owner_var.numbers[i] = i * i;
	owner_var.link.next = owner_var.link.prev =
		(struct list_head *)(VAR + offsetof(struct owner, link));
	owner_ptr = (struct owner *)VAR;
	vs = (struct vspace){ .facts = { .abi = abi },
		.nregions = 3,
		.region = { { VAR, sizeof(owner_var), &owner_var }, { PTR, 8, &owner_ptr },
			{ TITLE, sizeof(title), title } } };
	env = (struct debug_env){
		.vs = &vs, .types = db, .syms = st, .state = expr_state_create()
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	expr_state_destroy(env.state);
	symtab_destroy(st);
	types_destroy(db);
	types_destroy(bare[0]);
	types_destroy(bare[1]);
	return 0;
}

static struct err *evaluate(const struct debug_env *in, struct arena *a, const char *text,
	enum expr_flags flags, struct value *v, size_t *at)
{
	const struct expr *x;
	struct err *e = expr_parse(in, a, text, flags, &x, at);
	return e ? e : expr_eval(in, x, v, at);
}

static void expect_in(
	const struct debug_env *in, enum expr_flags flags, const char *text, const char *want)
{
	struct arena a = { 0 };
	struct value v;
	size_t at = 0;
	scoped_strbuf struct strbuf b = { 0 };
	struct err *e = evaluate(in, &a, text, flags, &v, &at);
	if (!e)
		e = value_format(in, &v, NULL, &b);
	if (e)
		fail_msg("%s: %s at %zu", text, e->msg, at);
	if (strcmp(strbuf_text(&b), want))
		fail_msg("%s: got %s, want %s", text, strbuf_text(&b), want);
	arena_deinit(&a);
}

static void expect(const char *text, const char *want)
{
	expect_in(&env, EXPR_C, text, want);
}

static void expect_error(const char *text, size_t want_at, const char *words)
{
	struct arena a = { 0 };
	struct value v = { .va = 42 };
	size_t at = 999;
	struct err *e = evaluate(&env, &a, text, EXPR_C, &v, &at);
	if (!e)
		fail_msg("%s: was understood", text);
	if (!strstr(e->msg, words) || at != want_at)
		fail_msg("%s: \"%s\" at %zu, want \"%s\" at %zu", text, e->msg, at, words, want_at);
	assert_int_equal(v.va, 42);
	err_drop(e);
	arena_deinit(&a);
}

/* ---- arithmetic ----------------------------------------------- */

/* An expression, its value where long has 4 bytes, and where it has 8. */
static const struct {
	const char *text, *narrow, *wide;
} sums[] = {
	{ "1 + 2 * 3 - 4 / 2", "5", "5" },
	{ "5 & 3 == 3", "1", "1" },
	{ "1 | 2 ^ 3 & 4", "3", "3" },
	{ "1 << 2 + 1", "8", "8" },
	{ "3 > 2 > 1 || 0 && 0", "0", "0" },
	{ "20 - 5 - 3", "12", "12" },
	{ "-7 / 2", "-3", "-3" },
	{ "(unsigned short)65535 + 1", "65536", "65536" },
	{ "(short)-1 < (unsigned short)1", "1", "1" },
	{ "-7 % 2", "-1", "-1" },
	{ "-1 < 1u", "0", "0" },
	{ "-1l < 1u", "0", "1" },
	{ "-1ll < 1u", "1", "1" },
	{ "-1ll < 1ul", "1", "0" },
	{ "(unsigned char)255 + 1", "256", "256" },
	{ "4294967295 + 1", "4294967296", "4294967296" },
	{ "0xffffffff + 1", "0", "0" },
	{ "0xfffffffful + 1", "0", "4294967296" },
	{ "(long)0x1ffffffff", "-1", "8589934591" },
	{ "(unsigned long)-1", "4294967295", "18446744073709551615" },
	{ "sizeof(long)", "4", "8" },
	{ "sizeof(long long)", "8", "8" },
	{ "sizeof(void *[3])", "12", "24" },
	{ "sizeof(1 + 1l)", "4", "8" },
	{ "sizeof(2147483648)", "8", "8" },
	{ "sizeof(0x80000000)", "4", "4" },
	{ "sizeof('a' + 'b')", "4", "4" },
	{ "1 << 31 >> 31", "-1", "-1" },
	{ "1u << 31 >> 31", "1", "1" },
	{ "~0u", "4294967295", "4294967295" },
	{ "-(unsigned char)1", "-1", "-1" },
	{ "!5 + !0", "1", "1" },
	{ "1 ? -1 : 1u", "4294967295", "4294967295" },
	{ "1 ? -1 : 1ul", "4294967295", "18446744073709551615" },
	{ "0 ? 1 : 0 ? 2 : 3", "3", "3" },
	{ "(short)0xffff", "-1", "-1" },
	{ "(_Bool)256", "true", "true" },
	{ "(int *)8 + 1", "0xc", "0xc" },
	{ "(int *)0xfffffffc + 1", "0x0", "0x100000000" },
	{ "(int *)16 - (int *)8", "2", "2" },
	{ "(int *)8 - (int *)16", "-2", "-2" },
	{ "(void *)8 + 3", "0xb", "0xb" },
	{ "(char *)-1 == (char *)0xffffffff", "1", "0" },
	{ "(long *)8 > (long *)0 && 2", "1", "1" },
	{ "(__int128)1 << 100", "1267650600228229401496703205376",
		"1267650600228229401496703205376" },
	{ "(__int128)-1", "-1", "-1" },
	{ "(__int128)-8 >> 1", "-4", "-4" },
	{ "(unsigned __int128)-1 >> 64", "18446744073709551615", "18446744073709551615" },
	{ "(unsigned long)((__int128)7 * 6)", "42", "42" },
	{ "(__int128)-9223372036854775807 * 4", "-36893488147419103228", "-36893488147419103228" },
	{ "-9223372036854775807ll - 1", "-9223372036854775808", "-9223372036854775808" },
	{ "(-9223372036854775807ll - 1) / -1", "-9223372036854775808", "-9223372036854775808" },
	{ "(-9223372036854775807ll - 1) % -1", "0", "0" },
	{ "'\\x41'", "65 'A'", "65 'A'" },
	{ "'\\101' + 0", "65", "65" },
	{ "'\\''", "39 '\\''", "39 '\\''" },
	{ "0b101 + 010", "13", "13" },
	{ "L'a'", "97", "97" },
	{ "sizeof(L'a')", "2", "2" },
	{ "L'\\x1234' + 0", "4660", "4660" },
	{ "L'\\n'", "10", "10" },
	{ "L'\xc3\xa9'", "233", "233" }, /* one character of UTF-8 */
	{ "L'\xe2\x82\xac'", "8364", "8364" },
	{ "\"ab\" \"cd\"[3]", "100 'd'", "100 'd'" },
	{ "sizeof(\"ab\" \"\" \"c\")", "4", "4" },
	{ "\"\\x1\" \"2\"[0]", "1 '\\x01'", "1 '\\x01'" }, /* an escape ends with its literal */
	{ "\"a\"  \"b\" == \"ab\"", "1", "1" },
	{ "sizeof(const typeof(1l))", "4", "8" },
	{ "sizeof(volatile const __typeof__(int) *)", "4", "8" },
	{ "sizeof(typeof(1ll) const *const *)", "4", "8" },
	{ "(const typeof(-1))7 - 8", "-1", "-1" },
	{ "\"ab\\n\" == \"ab\\n\"", "1", "1" },
	{ "\"ab\" != \"abc\"", "1", "1" },
};

static void arithmetic(void **state)
{
	(void)state;
	for (size_t w = 0; w < 2; w++) {
		const struct debug_env plain = { .types = bare[w] };
		for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
			expect_in(&plain, EXPR_C, sums[i].text, w ? sums[i].wide : sums[i].narrow);
	}
}

static void a_calculator_has_64_bits(void **state)
{
	(void)state;
	const struct debug_env plain = { .types = bare[0] };
	expect_in(&plain, EXPR_CALCULATOR, "1 << 40", "1099511627776");
	expect_in(&plain, EXPR_CALCULATOR, "4k + 1M", "1052672");
	expect_in(&plain, EXPR_CALCULATOR, "c0008000 - 0xc0000000", "32768");
	expect_in(&plain, EXPR_CALCULATOR, "8000a", "524298");
	expect_in(&plain, EXPR_CALCULATOR, "~0", "-1");
}

/* ---- memory ----------------------------------------------- */

static void memory(void **state)
{
	(void)state;
	expect("owner_var.name == \"anna\"", "1");
	expect("owner_var.name == \"ann\"", "0");
	expect("\"annas\" != owner_ptr->name", "1");
	expect("owner_var.title == \"duke\"", "1");
	expect("owner_var.title == \"duk\"", "0");
	expect("owner_var.numbers[2..4]", "{4, 9, 16}");
	expect("owner_var.numbers[1]@3", "{1, 4, 9}");
	expect("(&owner_var.numbers[1])[-1..1]", "{0, 1, 4}");
	expect("owner_var.pet", "PET_DOG");
	expect("owner_var.pet == PET_DOG && owner_var.pet != PET_CAT", "1");
	expect("owner_var.low - 4", "-1"); /* int holds 5 bits: C promotes to int, gdb does not */
	expect("owner_var.high * 2", "10");
	expect("offsetof(struct owner, numbers[2]) - offsetof(owner, numbers)", "8");
	expect("container_of(&owner_ptr->link, struct owner, link) == owner_ptr", "1");
	expect("owner_var.link", "<empty list 0x1030>");
	expect("owner_var.old_flexible[0]", "0");
	expect("sizeof(owner)", "72");
	expect("sizeof owner_ptr->numbers / sizeof(int)", "6");
	expect("((void (*)(int))0x7000)", "0x7000 <a_function>");
	expect("&a_function == (void *)0x7000", "1");
	expect("(long)a_function & 0xff00", "28672");
	expect("&no_type", "0x5000 <no_type>");
	expect("owner_ptr & ~0xfff", "4096");
	expect("\"abc\"[1]", "98 'b'");
}

static void nothing_is_read_in_vain(void **state)
{
	(void)state;
	expect("sizeof(*(struct owner *)0xbad0000)", "72");
	expect("sizeof(owner_ptr->link.next->next->prev)", "8");
	expect("0 && *(int *)0xbad0000", "0");
	expect("1 || *(int *)0xbad0000", "1");
	expect("1 ? 2 : *(int *)0xbad0000", "2");
	expect("0 ? 1 / 0 : 3", "3");
	expect("&((struct owner *)0)->numbers[3]", "0x24");
	struct arena a = { 0 };
	struct value v;
	size_t at;
	vs.reads = 0;
	struct err *e =
		evaluate(&env, &a, "sizeof(owner_ptr->numbers[owner_ptr->pet])", EXPR_C, &v, &at);
	assert_null(e);
	assert_int_equal(vs.reads, 0);
	arena_deinit(&a);
}

static void errors_have_their_place(void **state)
{
	(void)state;
	expect_error("1 + ", 4, "ends too early");
	expect_error("1 / (2 - 2)", 2, "division by 0");
	expect_error("1 << 32", 2, "shift");
	expect_error("1 >> -1", 2, "negative");
	expect_error("owner_var.nope", 10, "no member nope");
	expect_error("owner_var = 3", 10, "read-only");
	expect_error("owner_var.pet += 1", 14, "read-only");
	expect_error("owner_ptr++", 9, "read-only");
	expect_error("--owner_ptr", 0, "read-only");
	expect_error("1, 2", 1, "comma");
	expect_error("1.5", 1, "floating");
	expect_error("a_function(1)", 0, "does not run");
	expect_error("nothing(1)", 0, "no function");
	expect_error("3 + nothing", 4, "no symbol nothing");
	expect_error("owner_var + 1", 10, "no number");
	expect_error("owner_ptr * 2", 10, "cast to unsigned long");
	expect_error("owner_var.numbers[6]", 17, "beyond");
	expect_error("owner_var.numbers[4..9]", 17, "beyond");
	expect_error("owner_var.numbers[4..2]", 21, "before it begins");
	expect_error("no_type + 1", 8, "no known type");
	expect_error("*(int *)0xbad0000 + 1", 18, "not mapped");
	expect_error("sizeof(owner_var.low)", 0, "bitfield");
	expect_error("offsetof(struct owner, low)", 23, "bitfield");
	expect_error("(struct nosuch *)0", 1, "nosuch");
	expect_error("'ab'", 0, "one character");
	expect_error("'\\q'", 1, "escape");
	expect_error("L'ab'", 0, "16 bits");
	expect_error("L''", 0, "16 bits");
	expect_error("L'\\x10000'", 0, "16 bits");
	expect_error("L'\xf0\x9f\x98\x80'", 0, "16 bits");
	expect_error("L'\xe2\x82'", 0, "16 bits");
	expect_error("L'\xe0\x80\x80'", 0, "16 bits"); /* longer than it needs to be */
	expect_error("1 + L\"ab\"", 4, "wide strings");
	expect_error("siezof(1)", 0, "did you mean sizeof?");
	expect_error("containr_of(1)", 0, "did you mean container_of?");
	expect_error("\"open", 0, "not closed");
	expect_error("1 # 2", 2, "nothing that is known");
	expect_error("99999999999999999999", 0, "64 bits");
	expect_error("\"a\" < \"b\"", 4, "== and !=");
	expect_error("$nothing", 0, "not set");
	expect_error("$99", 0, "history");
	expect_error("$99x", 0, "neither");
}

static void everything_ends(void **state)
{
	(void)state;
	static char text[40000];
	static const char *const unit[] = { "(", "- ", "1+", "1?", "a[", "!(", "$x=", "sizeof ",
		"(int)", "1?1:" };
	for (size_t i = 0; i < ARRAY_SIZE(unit); i++) {
		struct arena a = { 0 };
		struct value v;
		size_t at, n = 0;
		while (n + strlen(unit[i]) < sizeof(text) - 1)
			n += (size_t)sprintf(text + n, "%s", unit[i]);
		struct err *e = evaluate(&env, &a, text, EXPR_C, &v, &at);
		assert_non_null(e);
		assert_true(strstr(e->msg, "nested") || strstr(e->msg, "too long"));
		err_drop(e);
		arena_deinit(&a);
	}
}

/* ---- variables, functions, names ----------------------------------------------- */

static void variables_and_history(void **state)
{
	(void)state;
	struct value v = { 0 };
	expect("$o = owner_ptr", "0x1000 <owner_var>");
	expect("$o->name", "\"anna\"");
	expect("($i = 5) + $i", "10");
	expect("$s = \"an\"", "\"an\"");
	expect("owner_var.name != $s", "1");
	expect("sizeof($never = 3)", "4");
	expect_error("$never", 0, "not set");
	assert_null(value_parse(&env, "owner_var.numbers", &v));
	assert_int_equal(expr_state_remember(env.state, &v), 1);
	assert_null(value_parse(&env, "7", &v));
	assert_int_equal(expr_state_remember(env.state, &v), 2);
	expect("$ + $$[2] + $1[3]", "20");
	expect("$$1[5]", "25");
}

static struct err *call_move(void *cx, const struct expr_call *c, struct value *ret)
{
	uint64_t n = 0;
	(void)cx;
	*ret = c->arg[0];
	struct err *e = c->unevaluated ? NULL : value_number(c->env, &c->arg[1], &n);
	ret->va += n;
	return e;
}

static void functions_are_called(void **state)
{
	(void)state;
	expr_state_add_function(env.state,
		&(struct expr_function){ "moved", "moved(VAR, BYTES)", 2, 2, call_move, NULL });
	expect("moved(owner_var.numbers[0], 8)", "4");
	expect("&moved(owner_var, 4)", "0x1004 <owner_var+4>");
	expect("sizeof(moved(owner_var, *(int *)0xbad0000))", "72");
	expect_error("moved(owner_var)", 15, "moved(VAR, BYTES)");
	expect_error("moved(owner_var, 1, 2)", 18, "moved(VAR, BYTES)");
	expect_error("moved(owner_var, nix)", 17, "no symbol nix");
}

static struct err *find_column(void *cx, const char *name, struct value *ret, bool *ret_found)
{
	const struct type *t;
	(void)cx;
	*ret_found = !strcmp(name, "pid");
	if (!*ret_found)
		return NULL;
	struct err *e = types_parse(db, "unsigned int", &t);
	*ret = (struct value){ .type = t, .computed = true, .number = 17 };
	return e;
}

static void names_come_first(void **state)
{
	(void)state;
	const struct expr_names names = { find_column, NULL };
	struct debug_env with = env;
	with.names = &names;
	expect_in(&with, EXPR_C, "(pid) + 1 > 17 && owner_var.pet == PET_DOG", "1");
	expect_error("pid", 0, "no symbol pid");
}

static void addresses(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t va;
	} good[] = { { "owner_var", VAR }, { "owner_var+0x10", VAR + 16 }, { "1000", 0x1000 },
		{ "owner_ptr->link", VAR + 0x30 }, { "owner_var.link.next", VAR + 0x30 },
		{ "(owner_ptr)", VAR }, { "&owner_var.numbers[1]", VAR + 0x1c },
		{ "owner_ptr-8", PTR - 8 } };
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		uint64_t va = 0;
		struct err *e = address_parse(&env, good[i].text, &va);
		if (e)
			fail_msg("%s: %s", good[i].text, e->msg);
		assert_int_equal(va, good[i].va);
	}
	uint64_t va;
	struct err *e = address_parse(&env, "nothing", &va);
	assert_int_equal(e->code, ERR_USAGE);
	err_drop(e);
}

/* ---- what only modules have ----------------------------------------------- */

static unsigned modules_asked;

static struct err *open_self(void *cx, Dwarf **ret)
{
	Dwarf **kept = cx;
	int fd = open("/proc/self/exe", O_RDONLY);
	modules_asked++;
	*ret = *kept = dwarf_begin(fd, DWARF_C_READ);
	return *ret ? NULL : err_new(ERR_FORMAT, "self");
}

static Dwarf *self, *twin;
static struct types *with_module;

static void load_module(void *cx)
{
	(void)cx;
	const struct types_module m = {
		.name = "pets", .origin = "self", .open = open_self, .cx = &self
	};
	types_add_module_dwarf(with_module, &m);
	const struct types_module same = {
		.name = "more", .origin = "self", .open = open_self, .cx = &twin
	};
	types_add_module_dwarf(with_module, &same);
}

static struct err *count_owner(void *cx, const struct type *t)
{
	*(unsigned *)cx += !strcmp(t->name, "owner");
	return NULL;
}

static void modules_come_last(void **state)
{
	(void)state;
	const struct type *t;
	struct debug_env e = { .state = env.state };
	e.types = with_module = types_create(&(struct abi){ .word_bytes = 8 });
	uint8_t elf[16384]; /* the kernel's own types are few */
	err_drop(types_add_dwarf(with_module, tiny_fd(elf, tiny_odd_unit(elf)), "odd"));
	types_modules_later(with_module, load_module, NULL, NULL);
	expect_in(&e, EXPR_C, "1 + sizeof(long)", "9");
	expect_in(&e, EXPR_CALCULATOR, "(ff) + 1", "256");
	assert_int_equal(modules_asked, 0);
	expect_in(&e, EXPR_C, "PET_DOG", "7");
	assert_int_equal(modules_asked, 1);
	expect_in(&e, EXPR_C, "(PET_DOG) + PET_CAT", "8");
	expect_in(&e, EXPR_C, "sizeof(owner) == sizeof(struct owner)", "1");
	expect_in(&e, EXPR_C, "sizeof(owner *)", "8");
	expect_in(&e, EXPR_C, "(unsigned long)&((owner *)0x1000)->pet - 0x1000", "16");
	/* What this program looks for by itself stays the kernel's. */
	scoped_err struct err *hidden = types_find_enumerator(with_module, "PET_DOG", &t);
	assert_non_null(hidden);
	scoped_err struct err *tag = types_find_any(with_module, "owner", NULL, &t);
	assert_non_null(tag);
	unsigned owners = 0;
	assert_null(types_each(with_module, TYPE_STRUCT, count_owner, &owners));
	assert_int_equal(owners, 0);
	assert_true(types_modules_show(with_module));
	assert_null(types_each(with_module, TYPE_STRUCT, count_owner, &owners));
	types_modules_hide(with_module);
	assert_int_equal(owners, 1);
	types_destroy(with_module);
	dwarf_end(self);
	dwarf_end(twin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(a_calculator_has_64_bits),
		cmocka_unit_test(memory),
		cmocka_unit_test(nothing_is_read_in_vain),
		cmocka_unit_test(errors_have_their_place),
		cmocka_unit_test(everything_ends),
		cmocka_unit_test(variables_and_history),
		cmocka_unit_test(functions_are_called),
		cmocka_unit_test(names_come_first),
		cmocka_unit_test(addresses),
		cmocka_unit_test(modules_come_last),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
