/* Names, machinery and hashes of signatures. What verdicts are is the truth tests' to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/triage/object.h"
#include "analyzer/triage/signature.h"

static void names_lose_suffixes_and_numbers(void **state)
{
	(void)state;
	struct arena a = { 0 };
	assert_string_equal(signature_name(&a, "end_report.constprop.0"), "end_report");
	assert_string_equal(signature_name(&a, "__arm64_sys_write"), "__armN_sys_write");
	assert_string_equal(signature_name(&a, "work12_of_34"), "workN_of_N");
	arena_deinit(&a);
}

/* printf 'inquest-signature 1\nclass bug\n' | sha256sum */
static void hash_is_sha256(void **state)
{
	(void)state;
	char hash[SIGNATURE_DIGITS + 1];
	signature_hash("inquest-signature 1\nclass bug\n", hash);
	assert_string_equal(hash, "d2d7970902bdac10");
	signature_hash("", hash);
	assert_string_equal(hash, "e3b0c44298fc1c14"); /* of nothing */
}

static void machinery_is_not_everything(void **state)
{
	(void)state;
	static const char *const machinery[] = { "panic", "kasan_report", "__asan_store8",
		"handle_percpu_devid_irq", "memcpy", "__memcpy", "___down_common", "kfree",
		"queued_spin_lock_slowpath", "el1h_64_sync_handler", "__und_svc" };
	static const char *const others[] = { "ext4_readdir", "sysrq_handle_crash", "softdog_fire",
		"vfs_write", "kthread", "do_exit", "tcp_v4_rcv" };
	for (size_t i = 0; i < ARRAY_SIZE(machinery); i++)
		assert_non_null(machinery_kind(machinery[i]));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_null(machinery_kind(others[i]));
}

static struct calls calls_with(struct call *v, size_t n)
{
	return (struct calls){ .call = v, .n = n };
}

static void culprit_is_the_first_that_is_no_machinery(void **state)
{
	(void)state;
	struct call v[] = { { .function = "panic" },
		{ .function = "inner_helper", .inlined = true }, { .function = NULL },
		{ .function = "die" }, { .function = "driver_probe" }, { .function = "other" } };
	struct calls c = calls_with(v, ARRAY_SIZE(v));
	size_t at;
	assert_true(calls_culprit(&c, 0, &at));
	assert_int_equal(at, 4);
	assert_true(calls_culprit(&c, 5, &at));
	assert_int_equal(at, 5);
	assert_false(calls_culprit(&c, 6, &at));
	assert_int_equal(calls_find(&c, "driver_*", 0), 4);
	assert_int_equal(calls_find(&c, "panic", 1), SIZE_MAX);
}

/* Addresses, offsets and sizes must not count; the frames must. */
static void lines_hold_what_lasts(void **state)
{
	(void)state;
	struct triage tr = { 0 };
	struct call v[] = { { .function = "panic" },
		{ .function = "driver_probe", .pc = 0x1234, .offset = 4 },
		{ .function = "bus_add2" } };
	struct calls c = calls_with(v, ARRAY_SIZE(v));
	struct finding f = { .class = VERDICT_BUG, .calls = &c, .culprit = 1 };
	scoped_strbuf struct strbuf exact = { 0 }, coarse = { 0 };
	signature_lines(&tr, &f, false, &exact);
	signature_lines(&tr, &f, true, &coarse);
	assert_string_equal(strbuf_text(&exact),
		"inquest-signature 1\nclass bug\nframe driver_probe\nframe bus_addN\n");
	assert_string_equal(
		strbuf_text(&coarse), "inquest-signature 1\nclass bug\nculprit driver_probe\n");
	arena_deinit(&tr.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_lose_suffixes_and_numbers),
		cmocka_unit_test(hash_is_sha256),
		cmocka_unit_test(machinery_is_not_everything),
		cmocka_unit_test(culprit_is_the_first_that_is_no_machinery),
		cmocka_unit_test(lines_hold_what_lasts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
