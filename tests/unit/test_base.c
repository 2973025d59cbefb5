/* analyzer/base: errors, strings and their escaping, arenas, maps, arrays, numbers, loads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/arena.h"
#include "analyzer/base/interrupt.h"
#include "analyzer/base/load.h"
#include "analyzer/base/near.h"
#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/strmap.h"
#include "analyzer/base/vec.h"

/* ---- errors ------------------------------------------------------------------------------ */

static void errors_carry_their_story(void **state)
{
	(void)state;
	struct err *e = err_fault(FAULT_EXCLUDED, 0xc0de, "reading %s", "comm");
	assert_int_equal(e->code, ERR_FAULT);
	assert_int_equal(e->fault, FAULT_EXCLUDED);
	assert_true(e->addr == 0xc0de);
	assert_string_equal(e->msg, "reading comm: excluded from the dump");
	e = err_wrap(e, "task %d", 7);
	assert_int_equal(e->code, ERR_FAULT);
	assert_true(e->addr == 0xc0de);
	assert_string_equal(e->msg, "task 7: reading comm: excluded from the dump");
	err_drop(e);
	e = err_io(ENOENT, "%s", "file");
	assert_int_equal(e->code, ERR_IO);
	assert_string_equal(e->msg, "file: No such file or directory");
	err_drop(e);
	assert_null(err_wrap(NULL, "nothing %s", "happened"));
	err_drop(NULL);
	for (enum fault_kind k = FAULT_NONE; k <= FAULT_CORRUPT; k++)
		for (enum fault_kind l = FAULT_NONE; l < k; l++) {
			assert_string_not_equal(fault_text(k), fault_text(l));
			assert_string_not_equal(fault_name(k), fault_name(l));
		}
}

static void interrupts_are_errors(void **state)
{
	(void)state;
	interrupt_clear();
	assert_null(interrupt_check());
	interrupt_raise();
	assert_true(interrupt_pending());
	struct err *e = interrupt_check();
	assert_int_equal(e->code, ERR_INTERRUPTED);
	err_drop(e);
	interrupt_clear();
	assert_false(interrupt_pending());
}

/* ---- strings ----------------------------------------------------------------------------- */

static void strings_grow(void **state)
{
	(void)state;
	scoped_strbuf struct strbuf b = { 0 };
	assert_string_equal(strbuf_text(&b), "");
	strbuf_add(&b, "");
	assert_int_equal(b.len, 0);
	for (unsigned i = 0; i < 1000; i++)
		strbuf_add_char(&b, (char)('a' + i % 26));
	assert_int_equal(b.len, 1000);
	assert_int_equal(strlen(b.s), 1000);
	assert_int_equal(b.s[999], 'a' + 999 % 26);
	strbuf_reset(&b);
	assert_string_equal(strbuf_text(&b), "");
	/* Around the small buffer of strbuf_addf(), and around the first capacity. */
	static const int width[] = { 1, 62, 63, 64, 65, 254, 255, 256, 257, 4096 };
	for (size_t i = 0; i < ARRAY_SIZE(width); i++) {
		strbuf_reset(&b);
		strbuf_addf(&b, "%*d", width[i], 7);
		assert_int_equal(b.len, width[i]);
		assert_int_equal(strlen(b.s), width[i]);
		assert_int_equal(b.s[width[i] - 1], '7');
	}
	strbuf_reset(&b);
	strbuf_add(&b, "x");
	strbuf_pad(&b, '-', 300);
	assert_int_equal(b.len, 301);
	assert_int_equal(b.s[300], '-');
	assert_int_equal(b.s[301], 0);
	char *s = strbuf_take(&b);
	assert_int_equal(strlen(s), 301);
	free(s);
	assert_null(b.s);
	s = strbuf_take(&b);
	assert_string_equal(s, "");
	free(s);
}

typedef void (*escape_fn)(struct strbuf *b, const char *s, size_t n);

static void expect_escaped(escape_fn escape, const char *in, size_t n, const char *out)
{
	scoped_strbuf struct strbuf b = { 0 };
	/* A copy of the exact size: ASan sees a read behind it. */
	char *exact = xmalloc(n);
	memcpy(exact, in, n);
	escape(&b, exact, n);
	free(exact);
	assert_string_equal(strbuf_text(&b), out);
}
#define EXPECT_ESCAPED(fn, in, out) expect_escaped(fn, in, sizeof(in) - 1, out)

static void four_escapings(void **state)
{
	(void)state;
	static const char in[] = "a\n\t\\\x1b[2J\x7f\0z";
	EXPECT_ESCAPED(strbuf_add_escaped, in, "a\\n\\t\\\\\\x1b[2J\\x7f\\x00z");
	EXPECT_ESCAPED(strbuf_add_text, in, "a\\n\t\\\\x1b[2J\\x7f\\x00z");
	EXPECT_ESCAPED(strbuf_add_block, in, "a\n\t\\\\x1b[2J\\x7f\\x00z");
	EXPECT_ESCAPED(strbuf_add_utf8, "a\n\t\\\x1b[2J\x7f", "a\n\t\\\x1b[2J\\x7f");
	EXPECT_ESCAPED(strbuf_add_text, "", "");
	/* A NUL stays one byte for the writer that has escapes of its own. */
	scoped_strbuf struct strbuf b = { 0 };
	strbuf_add_utf8(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.s, "a\0b", 4);
}

static void utf8_and_what_is_not(void **state)
{
	(void)state;
	static const escape_fn all[] = { strbuf_add_escaped, strbuf_add_text, strbuf_add_block,
		strbuf_add_utf8 };
	static const struct {
		const char *in, *out;
	} known[] = {
		{ "\xc2\xa0\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80",
			"\xc2\xa0\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xc2\x9b", "\\xc2\\x9b" }, /* C1: a terminal's CSI */
		{ "\xc2\x80", "\\xc2\\x80" },
		{ "\x9b", "\\x9b" },
		{ "\xc0\xaf", "\\xc0\\xaf" }, /* overlong */
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
		{ "\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },		/* surrogate */
		{ "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },	/* U+10FFFF */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* above it */
		{ "\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80" },
		{ "\xe2\x82", "\\xe2\\x82" }, /* cut */
		{ "\xe2\x82"
		  "a",
			"\\xe2\\x82"
			"a" },
		{ "\xff", "\\xff" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		for (size_t k = 0; k < ARRAY_SIZE(all); k++)
			expect_escaped(all[k], known[i].in, strlen(known[i].in), known[i].out);
}

/* ---- arenas, maps, arrays ---------------------------------------------------------------- */

static void arenas_keep_apart(void **state)
{
	(void)state;
	struct arena a = { 0 };
	uint8_t *p[200];
	static const size_t size[] = { 0, 1, 15, 16, 17, 4000, 16384, 16385, 100000 };
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++) {
		size_t n = size[i % ARRAY_SIZE(size)];
		p[i] = arena_alloc(&a, n);
		assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(p[i][k], 0);
		memset(p[i], (int)i + 1, n);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
		for (size_t k = 0; k < size[i % ARRAY_SIZE(size)]; k++)
			assert_int_equal(p[i][k], (uint8_t)(i + 1));
	arena_reset(&a);
	/* What is reused is zero again. */
	uint8_t *again = arena_alloc(&a, 4096);
	for (size_t k = 0; k < 4096; k++)
		assert_int_equal(again[k], 0);
	assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(&a, "ab\0cd", 5), "ab");
	assert_string_equal(arena_strdup(&a, ""), "");
	assert_string_equal(arena_printf(&a, "%d-%s", 5, "x"), "5-x");
	arena_deinit(&a);
	assert_null(a.head);
	arena_reset(&a);
	arena_deinit(&a);
}

static void maps_find_what_was_set(void **state)
{
	(void)state;
	struct strmap m = { 0 };
	char key[1000][8];
	assert_null(strmap_get(&m, "absent"));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(key[i], sizeof(key[i]), "k%u", i);
		strmap_set(&m, key[i], key[i]);
	}
	assert_int_equal(m.n, 1000);
	strmap_set(&m, "k7", "other");
	assert_int_equal(m.n, 1000);
	assert_string_equal(strmap_get(&m, "k7"), "other");
	for (unsigned i = 0; i < 1000; i++)
		if (i != 7)
			assert_ptr_equal(strmap_get(&m, key[i]), key[i]);
	assert_null(strmap_get(&m, "k1000"));
	assert_null(strmap_get(&m, ""));
	strmap_set(&m, "", "empty");
	assert_string_equal(strmap_get(&m, ""), "empty");
	strmap_deinit(&m);
	assert_null(strmap_get(&m, "k1"));
}

static void arrays_grow(void **state)
{
	(void)state;
	VEC(struct {
		uint64_t a;
		char b;
	})
	v = { 0 };
	for (unsigned i = 0; i < 1000; i++) {
		__typeof__(*v.v) item = { i * 3, (char)i };
		vec_push(&v, item);
	}
	assert_int_equal(v.n, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(v.v[i].a == i * 3 && v.v[i].b == (char)i);
	vec_deinit(&v);
	assert_true(!v.v && !v.n && !v.cap);
}

static void outside_sizes_may_fail(void **state)
{
	(void)state;
	char *p = NULL;
	struct err *e = mem_alloc_array(SIZE_MAX / 2, 4, "table", &p); /* the product overflows */
	assert_int_equal(e->code, ERR_NO_MEMORY);
	assert_non_null(strstr(e->msg, "table"));
	assert_null(p);
	err_drop(e);
	assert_null(mem_alloc_array(0, 4, "table", &p));
	assert_non_null(p);
	free(p);
}

/* ---- numbers and loads ------------------------------------------------------------------- */

static void numbers_to_the_last_one(void **state)
{
	(void)state;
	static const struct {
		const char *s;
		bool ok;
		uint64_t v;
	} plain[] = { { "0", true, 0 }, { "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 }, { "99999999999999999999", false, 0 },
		{ "0xffffffffffffffff", true, UINT64_MAX }, { "0x10000000000000000", false, 0 },
		{ "0X1f", true, 31 }, { "0x", false, 0 }, { "", false, 0 }, { "-1", false, 0 },
		{ "+1", false, 0 }, { " 1", false, 0 }, { "1 ", false, 0 }, { "1f", false, 0 },
		{ "010", true, 10 }, { "0x00000000000000001", true, 1 } };
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		uint64_t v = 99;
		assert_int_equal(number_parse(plain[i].s, &v), plain[i].ok);
		assert_true(v == (plain[i].ok ? plain[i].v : 99));
	}
	uint64_t v;
	assert_true(number_parse_hex("ffff800000000000", &v) && v == 0xffff800000000000ull);
	assert_true(number_parse_hex("0xC0DE", &v) && v == 0xc0de);
	assert_false(number_parse_hex("10000000000000000", &v));
	assert_false(number_parse_hex("xyz", &v));
	assert_false(number_parse_hex("", &v));
	int64_t i;
	assert_true(number_parse_signed("-9223372036854775808", &i) && i == INT64_MIN);
	assert_true(number_parse_signed("9223372036854775807", &i) && i == INT64_MAX);
	assert_false(number_parse_signed("9223372036854775808", &i));
	assert_false(number_parse_signed("-9223372036854775809", &i));
	assert_true(number_parse_signed("-0x10", &i) && i == -16);
	assert_false(number_parse_signed("-", &i));
	assert_false(number_parse_signed("--1", &i));
}

static void loads_of_both_orders(void **state)
{
	(void)state;
	static const uint8_t b[] = { 0xee, 1, 2, 3, 4, 5, 6, 7, 0x88, 0xee };
	const struct abi le4 = { 4, false }, be4 = { 4, true }, le8 = { 8, false },
			 be8 = { 8, true };
	const void *p = b + 1; /* not aligned */
	assert_int_equal(get_u16(&le4, p), 0x0201);
	assert_int_equal(get_u16(&be4, p), 0x0102);
	assert_int_equal(get_u32(&le4, p), 0x04030201);
	assert_int_equal(get_u32(&be4, p), 0x01020304);
	assert_true(get_u64(&le8, p) == 0x8807060504030201ull);
	assert_true(get_u64(&be8, p) == 0x0102030405060788ull);
	assert_true(load_u64be(p) == 0x0102030405060788ull);
	assert_int_equal(get_word(&le4, p), 0x04030201);
	assert_int_equal(get_word(&be4, p), 0x01020304);
	assert_true(get_word(&le8, p) == get_u64(&le8, p));
	assert_true(get_word(&be8, p) == get_u64(&be8, p));
	for (unsigned n = 1; n <= 8; n++) {
		uint64_t le = 0, be = 0;
		for (unsigned i = 0; i < n; i++) {
			le |= (uint64_t)b[1 + i] << 8 * i;
			be = be << 8 | b[1 + i];
		}
		assert_true(load_uint(&le8, p, n) == le);
		assert_true(load_uint(&be8, p, n) == be);
	}
}

static void signs_and_ranges(void **state)
{
	(void)state;
	assert_int_equal(sign_extend(1, 1), -1);
	assert_int_equal(sign_extend(0, 1), 0);
	assert_int_equal(sign_extend(0x7f, 8), 127);
	assert_int_equal(sign_extend(0x80, 8), -128);
	assert_int_equal(sign_extend(0xff80, 8), -128); /* what is above does not count */
	assert_true(sign_extend(0x8000000000000000ull, 64) == INT64_MIN);
	assert_true(sign_extend(UINT64_MAX, 64) == -1);
	assert_true(range_inside(0, 0, 0));
	assert_true(range_inside(10, 0, 10));
	assert_true(range_inside(0, 10, 10));
	assert_false(range_inside(1, 10, 10));
	assert_false(range_inside(11, 0, 10));
	assert_false(range_inside(UINT64_MAX, 2, 10));
	assert_false(range_inside(2, UINT64_MAX, 10));
	assert_true(range_inside(UINT64_MAX, 0, UINT64_MAX));
	assert_false(range_inside(UINT64_MAX, 1, UINT64_MAX));
}

static void pointers_are_given_away(void **state)
{
	(void)state;
	char *kept;
	{
		scoped_free char *p = xstrdup("kept");
		kept = take_ptr(p);
		assert_null(p);
	}
	assert_string_equal(kept, "kept");
	free(kept);
}

static void edits_are_counted(void **state)
{
	(void)state;
	assert_int_equal(edit_distance("", ""), 0);
	assert_int_equal(edit_distance("ps", "ps"), 0);
	assert_int_equal(edit_distance("", "abc"), 3);
	assert_int_equal(edit_distance("sp", "ps"), 1); /* swapped */
	assert_int_equal(edit_distance("vtpo", "vtop"), 1);
	assert_int_equal(edit_distance("strct", "struct"), 1);
	assert_int_equal(edit_distance("percup", "percpu"), 1);
	assert_int_equal(edit_distance("dis", "sys"), 2);
	assert_int_equal(edit_distance("a", "0123456789"), EDIT_LIMIT + 1);
	char longer[100];
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(edit_distance(longer, longer), EDIT_LIMIT + 1);
}

/* What near_suggest() says of @typed among a few of the kernel's names. */
static char *suggestion(const char *typed)
{
	static const char *const names[] = { "state", "__state", "stack", "static_call", "schedule",
		"schedule_timeout", "schedule_tail", "__schedule", "TASK_RUNNING", "task_struct",
		"schedule", "schedule_hrtimeout", "schedule_idle", "vm_event_states", "jiffies",
		"ps" };
	struct near_names near;
	near_init(&near, typed);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		near_offer(&near, names[i]);
	struct err *e = near_suggest(&near, err_new(ERR_NOT_FOUND, "no"));
	char *text = xstrdup(e->msg);
	assert_int_equal(e->code, ERR_NOT_FOUND);
	err_drop(e);
	return text;
}

static void near_names_are_offered(void **state)
{
	(void)state;
	static const struct {
		const char *typed, *said;
	} cases[] = {
		{ "stat", "no; did you mean state, __state or static_call?" },
		{ "_state", "no; did you mean state, __state or stack?" },
		{ "jifies", "no; did you mean jiffies?" },
		{ "jffies", "no; did you mean jiffies?" },
		{ "vm_event_state", "no; did you mean vm_event_states?" },
		{ "jiffies", "no" },
		{ "schedul",
			"no; did you mean schedule, __schedule, schedule_tail, schedule_idle or "
			"schedule_timeout?" },
		{ "task_running", "no; did you mean TASK_RUNNING?" },
		{ "taskstruct", "no; did you mean task_struct?" },
		{ "xyzzy", "no" },
		{ "sp", "no; did you mean ps?" },
		{ "p", "no" },
		{ "", "no" },
		{ "this_name_is_longer_than_any_name_that_anybody_would_ever_type_by_hand_at_all",
			"no" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scoped_free char *said = suggestion(cases[i].typed);
		assert_string_equal(said, cases[i].said);
	}
	assert_null(near_suggest(&(struct near_names){ 0 }, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_carry_their_story),
		cmocka_unit_test(interrupts_are_errors),
		cmocka_unit_test(strings_grow),
		cmocka_unit_test(four_escapings),
		cmocka_unit_test(utf8_and_what_is_not),
		cmocka_unit_test(arenas_keep_apart),
		cmocka_unit_test(maps_find_what_was_set),
		cmocka_unit_test(arrays_grow),
		cmocka_unit_test(outside_sizes_may_fail),
		cmocka_unit_test(numbers_to_the_last_one),
		cmocka_unit_test(loads_of_both_orders),
		cmocka_unit_test(signs_and_ranges),
		cmocka_unit_test(pointers_are_given_away),
		cmocka_unit_test(edits_are_counted),
		cmocka_unit_test(near_names_are_offered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
