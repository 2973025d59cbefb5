/*
 * BTF made by hand: every kind in both byte orders and with both headers, what is hostile, and
 * modules' BTF. What pahole writes is compared with pahole itself in tests/truth/test_types.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "tests/unit/btf_checks.h"

/* ---- what is well-formed ----------------------------------------------- */

static void check_sample(struct types *db)
{
	const struct type *demo = find(db, TYPE_STRUCT, "demo"), *t;
	assert_int_equal(demo->size, 96);
	assert_field(db, demo, "comm", "char [16]", 0, 0);
	assert_field(db, demo, "whole", "int", 128, 0);
	assert_field(db, demo, "first", "char", 128, 0);
	assert_field(db, demo, "lo", "int", 160, 3);
	assert_field(db, demo, "mid", "number_t", 163, 11);
	assert_field(db, demo, "links.prev", "struct list *", 256 + 64, 0);
	assert_field(db, demo, "opaque", "struct opaque *", 384, 0);
	assert_field(db, demo, "either", "union either *", 448, 0);
	assert_field(db, demo, "vol", "volatile const number_t", 512, 0);
	assert_field(db, demo, "fn", "int (*)(char *restrict, ...)", 576, 0);
	assert_field(db, demo, "d", "double", 704, 0);
	assert_int_equal(demo->nmembers, 12);
	t = find(db, TYPE_ENUM, "color");
	assert_null(type_complete(db, t));
	assert_true(t->is_signed);
	assert_int_equal(t->enumerator[0].value, -3);
	assert_int_equal(t->enumerator[1].value, 7);
	t = find(db, TYPE_ENUM, "wide");
	assert_null(type_complete(db, t));
	assert_false(t->is_signed);
	assert_true((uint64_t)t->enumerator[0].value == 0xfedcba9889abcdefull);
	t = find(db, TYPE_INT, "char");
	assert_int_equal(t->encoding, INT_CHAR);
	assert_false(t->is_signed);
	t = find(db, TYPE_INT, "signed char");
	assert_int_equal(t->encoding, INT_CHAR);
	assert_true(t->is_signed);
	assert_int_equal(find(db, TYPE_INT, "_Bool")->encoding, INT_BOOL);
	assert_int_equal(find(db, TYPE_FLOAT, "double")->size, 8);
	assert_null(types_find_variable(db, "per_cpu_demo", NULL, &t));
	assert_ptr_equal(t, demo);
	assert_null(types_parse(db, "struct list *", &t)); /* the same object as the member's */
	assert_field(db, find(db, TYPE_STRUCT, "list"), "next", "struct list *", 0, 0);
	assert_ptr_equal(t, find(db, TYPE_STRUCT, "list")->member[0].type);
	assert_int_equal(find(db, TYPE_STRUCT, "last")->size, 4);
	assert_absent(db, TYPE_STRUCT, "opaque"); /* declared only */
	assert_absent(db, TYPE_UNION, "demo");
	assert_absent(db, TYPE_VOID, "printk");
	assert_absent(db, TYPE_VOID, "per_cpu_demo");
}

static void assert_enumerator(struct types *db, const char *name, const char *of)
{
	const struct type *t = NULL;
	assert_null(types_find_enumerator(db, name, &t));
	assert_ptr_equal(t, find(db, TYPE_ENUM, of));
}

static void enumerators_by_name(void **state)
{
	(void)state;
	for (unsigned form = 0; form < 4; form++) {
		uint8_t bytes[TINY_ROOM];
		struct tiny_btf b = { .big_endian = form & 1, .long_header = form & 2 };
		tiny_btf_sample(&b);
		uint32_t late = tiny_type(&b, BTF_ENUM, "later", 2, 4);
		tiny_u32(&b, tiny_name(&b, "RED")); /* the first enum that has it wins */
		tiny_u32(&b, 1);
		tiny_u32(&b, tiny_name(&b, "GREEN"));
		tiny_u32(&b, 2);
		assert_true(late > 0);
		struct types *db = tiny_btf_open(&b, bytes);
		assert_enumerator(db, "RED", "color");
		assert_enumerator(db, "BLUE", "color");
		assert_enumerator(db, "GREEN", "later");
		assert_enumerator(db, "HUGE", "wide");
		const struct type *t = NULL;
		static const char *const absent[] = { "PURPLE", "color", "x", "" };
		for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
			scoped_err struct err *e = types_find_enumerator(db, absent[i], &t);
			assert_int_equal(e->code, ERR_NOT_FOUND);
			assert_null(t);
		}
		types_destroy(db);
	}
}

struct percpu_seen {
	unsigned n;
	struct err *stop;
};

static struct err *see_percpu(void *cx, const char *name, uint64_t offset, uint64_t bytes)
{
	struct percpu_seen *seen = cx;
	assert_string_equal(name, seen->n ? "second" : "per_cpu_demo");
	assert_int_equal(offset, seen->n ? 128 : 0);
	assert_int_equal(bytes, seen->n ? 4 : 96);
	seen->n++;
	return seen->stop;
}

static void percpu_section(void **state)
{
	(void)state;
	uint8_t bytes[TINY_ROOM];
	struct tiny_btf b = { 0 };
	struct percpu_seen seen = { 0 };
	tiny_btf_sample(&b);
	struct types *db = tiny_btf_open(&b, bytes);
	assert_null(types_each_percpu(db, see_percpu, &seen));
	assert_int_equal(seen.n, 1);
	types_destroy(db);
	/* the last section of this name counts; what is no variable does not */
	uint32_t var = tiny_type(&b, BTF_VAR, "per_cpu_demo", 0, TINY_INT);
	tiny_u32(&b, 1);
	uint32_t second = tiny_type(&b, BTF_VAR, "second", 0, TINY_INT);
	tiny_u32(&b, 1);
	tiny_type(&b, BTF_DATASEC, ".data..percpu", 4, 132);
	const uint32_t entry[] = { var, 0, 96, TINY_INT, 100, 4, second + 100, 104, 4, second, 128,
		4 };
	for (size_t i = 0; i < ARRAY_SIZE(entry); i++)
		tiny_u32(&b, entry[i]);
	tiny_type(&b, BTF_DATASEC, ".data", 1, 4);
	for (size_t i = 0; i < 3; i++)
		tiny_u32(&b, entry[i]);
	db = tiny_btf_open(&b, bytes);
	seen.n = 0;
	assert_null(types_each_percpu(db, see_percpu, &seen));
	assert_int_equal(seen.n, 2);
	seen = (struct percpu_seen){ .stop = err_new(ERR_LIMIT, "enough") };
	struct err *e = types_each_percpu(db, see_percpu, &seen);
	assert_ptr_equal(e, seen.stop);
	assert_int_equal(seen.n, 1);
	err_drop(e);
	types_destroy(db);
	db = types_create(&(struct abi){ .word_bytes = 8 });
	assert_null(types_each_percpu(db, see_percpu, &seen));
	types_destroy(db);
}

static void names_are_offered(void **state)
{
	(void)state;
	uint8_t bytes[TINY_ROOM];
	struct tiny_btf b = { 0 };
	struct near_names near;
	const struct type *t;
	tiny_btf_sample(&b);
	struct types *db = tiny_btf_open(&b, bytes);
	near_init(&near, "dmo");
	types_offer_names(db, TYPE_VOID, &near);
	assert_int_equal(near.n, 1);
	assert_string_equal(near.best[0].name, "demo");
	near_init(&near, "dmo");
	types_offer_names(db, TYPE_ENUM, &near);
	assert_int_equal(near.n, 0);
	err_drop(types_find_enumerator(db, "BLEU", &t));
	near_init(&near, "BLEU");
	types_offer_names(db, TYPE_INT, &near);
	assert_int_equal(near.n, 1);
	assert_string_equal(near.best[0].name, "BLUE");
	types_destroy(db);
}

static void every_kind(void **state)
{
	(void)state;
	for (unsigned form = 0; form < 4; form++) {
		uint8_t bytes[TINY_ROOM];
		struct tiny_btf b = { .big_endian = form & 1, .long_header = form & 2 };
		tiny_btf_sample(&b);
		struct types *db = tiny_btf_open(&b, bytes);
		assert_string_equal(types_source(db), "BTF");
		check_sample(db);
		types_destroy(db);
	}
}

/* Before kind_flag the type's bits made the bitfield. */
static void old_bitfields(void **state)
{
	(void)state;
	uint8_t bytes[TINY_ROOM];
	struct tiny_btf b = { 0 };
	tiny_int(&b, "unsigned int", 4, 0, 32);
	tiny_int(&b, "unsigned int", 4, 0, 5);
	tiny_int(&b, "unsigned int", 4, 0, 3 << 16 | 4); /* four bits from the third on */
	uint32_t alias = tiny_type(&b, BTF_TYPEDEF, "five_t", 0, 2);
	tiny_type(&b, BTF_STRUCT, "old", 4, 8);
	tiny_member(&b, "whole", 1, 0);
	tiny_member(&b, "five", 2, 32);
	tiny_member(&b, "alias", alias, 37);
	tiny_member(&b, "four", 3, 42);
	struct types *db = tiny_btf_open(&b, bytes);
	const struct type *t = find(db, TYPE_STRUCT, "old");
	assert_field(db, t, "whole", "unsigned int", 0, 0);
	assert_field(db, t, "five", "unsigned int", 32, 5);
	assert_field(db, t, "alias", "five_t", 37, 5);
	assert_field(db, t, "four", "unsigned int", 45, 4);
	types_destroy(db);
}

/* Writers that do not mark signed enums leave it to the values; others mean what they say. */
static void unmarked_enums(void **state)
{
	(void)state;
	for (int marked = 0; marked < 2; marked++) {
		uint8_t bytes[TINY_ROOM];
		struct tiny_btf b = { 0 };
		tiny_type(&b, BTF_ENUM, "guess", 1, 4);
		tiny_u32(&b, tiny_name(&b, "MINUS"));
		tiny_u32(&b, 0xffffffff);
		tiny_type(&b, BTF_ENUM, "other", marked ? TINY_KIND_FLAG | 1 : 1, 4);
		tiny_u32(&b, tiny_name(&b, "X"));
		tiny_u32(&b, 1);
		struct types *db = tiny_btf_open(&b, bytes);
		const struct type *t = find(db, TYPE_ENUM, "guess");
		assert_null(type_complete(db, t));
		assert_int_equal(t->is_signed, !marked);
		assert_true(t->enumerator[0].value == (marked ? 0xffffffffll : -1));
		types_destroy(db);
	}
}

/* vlen has 24 bits since 7.2; what follows must still be found. */
static void wide_vlen(void **state)
{
	(void)state;
	enum { N = 70000 };
	scoped_free uint8_t *bytes = xcalloc(1, 1 << 20);
	struct tiny_btf b = { 0 };
	tiny_type(&b, BTF_ENUM, "many", N, 4);
	size_t head = b.ntypes;
	tiny_type(&b, BTF_STRUCT, "after", 0, 24);
	size_t n = tiny_btf_finish(&b, bytes), gap = 8 * (size_t)N;
	memmove(bytes + 24 + head + gap, bytes + 24 + head, n - 24 - head);
	memset(bytes + 24 + head, 0, gap);
	tiny_word(&b, bytes + 12, (uint32_t)(b.ntypes + gap)); /* type_len */
	tiny_word(&b, bytes + 16, (uint32_t)(b.ntypes + gap)); /* str_off */
	struct abi abi = { .word_bytes = 8 };
	struct types *db = types_create(&abi);
	assert_null(types_add_btf(db, bytes, n + gap, "wide"));
	assert_int_equal(find(db, TYPE_STRUCT, "after")->size, 24);
	assert_null(type_complete(db, find(db, TYPE_ENUM, "many")));
	types_destroy(db);
}

/* ---- what is not ----------------------------------------------- */

static void use_all(struct types *db)
{
	static const char *const names[] = { "demo", "list", "color", "wide", "number_t", "last",
		"int", "per_cpu_demo" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct type *t = NULL;
		scoped_strbuf struct strbuf text = { 0 };
		err_drop(types_find_any(db, names[i], NULL, &t));
		if (t)
			err_drop(type_define(db, t, true, &text));
		t = NULL;
		err_drop(types_find_variable(db, names[i], NULL, &t));
		if (t)
			type_declare(t, "x", &text);
		err_drop(types_find_enumerator(db, names[i], &t));
	}
}

/* Each cut, in memory of exactly that size, so that ASan sees every byte too far. */
static void every_cut(void **state)
{
	(void)state;
	uint8_t bytes[TINY_ROOM];
	struct tiny_btf b = { .long_header = true };
	tiny_btf_sample(&b);
	size_t n = tiny_btf_finish(&b, bytes);
	for (size_t cut = 0; cut < n; cut++) {
		struct abi abi = { .word_bytes = 8 };
		struct types *db = types_create(&abi);
		scoped_free uint8_t *exact = xmalloc(cut + 1);
		memcpy(exact + 1, bytes, cut); /* and unaligned */
		struct err *e = types_add_btf(db, exact + 1, cut, "cut");
		assert_non_null(e);
		assert_non_null(strstr(e->msg, "cut: "));
		err_drop(e);
		assert_null(types_source(db));
		use_all(db);
		types_destroy(db);
	}
}

/* The types end at each byte in turn: whole records before it are kept. */
static void every_end_of_types(void **state)
{
	(void)state;
	uint8_t bytes[TINY_ROOM];
	struct tiny_btf b = { .big_endian = true };
	tiny_btf_sample(&b);
	size_t n = tiny_btf_finish(&b, bytes), opened = 0;
	for (uint32_t end = 0; end <= b.ntypes; end++) {
		struct abi abi = { .word_bytes = 8, .big_endian = true };
		struct types *db = types_create(&abi);
		tiny_word(&b, bytes + 12, end);
		struct err *e = types_add_btf(db, bytes, n, "short");
		opened += !e;
		assert_true(!e == (end >= 16)); /* the first record's size */
		err_drop(e);
		use_all(db);
		types_destroy(db);
	}
	assert_int_equal(opened, b.ntypes - 15);
}

static void assert_refused(
	const struct tiny_btf *b, size_t at, uint8_t value, enum err_code code, const char *says)
{
	uint8_t bytes[TINY_ROOM];
	struct abi abi = { .word_bytes = 8 };
	struct types *db = types_create(&abi);
	size_t n = tiny_btf_finish(b, bytes);
	bytes[at] = value;
	scoped_err struct err *e = types_add_btf(db, bytes, n, "bad");
	assert_non_null(e);
	assert_int_equal(e->code, code);
	if (!strstr(e->msg, says))
		print_error("\"%s\" lacks \"%s\"\n", e->msg, says);
	assert_non_null(strstr(e->msg, says));
	struct types_provider_info info;
	assert_int_equal(types_providers(db, &info, 1), 1);
	assert_string_equal(info.name, "BTF");
	assert_string_equal(info.origin, "bad");
	assert_false(info.usable);
	assert_non_null(strstr(info.state, says));
	types_destroy(db);
}

static void bad_headers(void **state)
{
	(void)state;
	struct tiny_btf b = { .long_header = true };
	tiny_btf_sample(&b);
	assert_refused(&b, 0, 0x9e, ERR_FORMAT, "no BTF");
	assert_refused(&b, 2, 9, ERR_UNSUPPORTED, "version 9");
	assert_refused(&b, 4, 23, ERR_FORMAT, "header of 23");
	assert_refused(&b, 7, 0xff, ERR_FORMAT, "header of");
	assert_refused(&b, 11, 0xff, ERR_FORMAT, "types lie outside");
	assert_refused(&b, 19, 0xff, ERR_FORMAT, "strings lie outside");
	assert_refused(&b, 20, (uint8_t)(b.nstrings - 1), ERR_FORMAT, "no end");
	assert_refused(&b, 27, 0x7f, ERR_FORMAT, "layouts lie outside");
	struct tiny_btf none = { 0 };
	assert_refused(&none, 3, 0, ERR_FORMAT, "no types");
	struct tiny_btf narrow = { 0 };
	tiny_int(&narrow, "long unsigned int", 4, 0, 32);
	assert_refused(&narrow, 3, 0, ERR_MISMATCH, "32-bit");
}

/* An unknown kind without a layout, or a record that does not fit, ends what is known. */
static void damage_is_told(void **state)
{
	(void)state;
	uint8_t bytes[TINY_ROOM];
	for (int which = 0; which < 3; which++) {
		struct tiny_btf b = { 0 };
		tiny_btf_sample(&b);
		if (which == 0)
			tiny_type(&b, TINY_UNKNOWN_KIND, "", 0, 0);
		else if (which == 1)
			tiny_type(&b, BTF_STRUCT, "huge", 0xffffff, 8);
		else
			tiny_u32(&b, 0);
		struct types *db = tiny_btf_open(&b, bytes);
		struct types_provider_info info;
		types_providers(db, &info, 1);
		assert_true(info.usable);
		assert_non_null(strstr(info.state, "cut short"));
		check_sample(db);
		assert_absent(db, TYPE_STRUCT, "huge");
		types_destroy(db);
	}
}

static void circles(void **state)
{
	(void)state;
	uint8_t bytes[TINY_ROOM];
	struct tiny_btf b = { 0 };
	tiny_int(&b, "int", 4, 1, 32);
	tiny_type(&b, BTF_TYPEDEF, "self_t", 0, 2);
	tiny_type(&b, BTF_TYPEDEF, "there_t", 0, 4);
	tiny_type(&b, BTF_TYPEDEF, "back_t", 0, 3);
	tiny_array(&b, 5, 1000);
	tiny_type(&b, BTF_FUNC_PROTO, "", 1, 6);
	tiny_u32(&b, 0);
	tiny_u32(&b, 6);
	tiny_type(&b, BTF_STRUCT, "snake", 6, 8);
	tiny_member(&b, "", 7, 0); /* itself, unnamed */
	tiny_member(&b, "array", 5, 0);
	tiny_member(&b, "fn", 6, 0);
	tiny_member(&b, "beyond", 99999, 0);
	tiny_member(&b, "outside", 1, 40);
	tiny_member(&b, "odd", 1, 3);
	tiny_type(&b, BTF_TYPEDEF, "deep_t", 0, 9);
	for (uint32_t i = 0; i < 300; i++)
		tiny_type(&b, BTF_PTR, "", 0, i < 299 ? b.id + 2 : 1);
	struct types *db = tiny_btf_open(&b, bytes);
	struct field_ref f;
	assert_int_equal(type_strip(find(db, TYPE_TYPEDEF, "self_t"))->kind, TYPE_VOID);
	assert_int_equal(type_strip(find(db, TYPE_TYPEDEF, "back_t"))->kind, TYPE_VOID);
	const struct type *snake = find(db, TYPE_STRUCT, "snake");
	assert_null(type_complete(db, snake));
	assert_int_equal(snake->nmembers, 4); /* "outside" and "odd" are not */
	assert_text(snake->member[3].type, NULL, "void");
	err_drop(type_field(db, snake, "nothing", &f));
	scoped_strbuf struct strbuf text = { 0 };
	err_drop(type_define(db, snake, true, &text));
	type_declare(find(db, TYPE_TYPEDEF, "deep_t"), NULL, &text);
	err_drop(type_define(db, find(db, TYPE_TYPEDEF, "deep_t"), true, &text));
	types_destroy(db);
}

/* ---- modules ----------------------------------------------- */

static void split(void **state)
{
	(void)state;
	uint8_t bytes[TINY_ROOM], more[TINY_ROOM];
	struct abi abi = { .word_bytes = 8 };
	struct tiny_btf b = { 0 }, alone = { 0 };
	tiny_btf_sample(&b);
	struct tiny_btf m = { .id = b.id, .first_string = (uint32_t)b.nstrings };
	struct types *db = types_create(&abi);
	size_t n = tiny_btf_finish(&alone, more);
	struct err *e = types_add_btf_module(db, more, n, "mod");
	assert_int_equal(e->code, ERR_MISSING);
	err_drop(e);
	types_destroy(db);
	tiny_type(&m, BTF_STRUCT, "mod_priv", 3, 40);
	tiny_member(&m, "list", TINY_LIST, 0);
	tiny_member(&m, "self", b.id + 2, 128);
	tiny_member(&m, "n", TINY_INT, 192);
	tiny_type(&m, BTF_PTR, "", 0, b.id + 1);
	db = tiny_btf_open(&b, bytes);
	n = tiny_btf_finish(&m, more);
	assert_null(types_add_btf_module(db, more, n, "mod"));
	check_sample(db);
	const struct type *t = find(db, TYPE_STRUCT, "mod_priv");
	assert_field(db, t, "list.prev", "struct list *", 64, 0);
	assert_field(db, t, "self", "struct mod_priv *", 128, 0);
	assert_ptr_equal(t->member[0].type, find(db, TYPE_STRUCT, "list"));
	assert_ptr_equal(t->member[2].type, find(db, TYPE_INT, "int"));
	types_destroy(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind),
		cmocka_unit_test(enumerators_by_name),
		cmocka_unit_test(percpu_section),
		cmocka_unit_test(names_are_offered),
		cmocka_unit_test(old_bitfields),
		cmocka_unit_test(unmarked_enums),
		cmocka_unit_test(wide_vlen),
		cmocka_unit_test(every_cut),
		cmocka_unit_test(every_end_of_types),
		cmocka_unit_test(bad_headers),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(circles),
		cmocka_unit_test(split),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
