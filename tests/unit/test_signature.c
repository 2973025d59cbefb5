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
		"inquest-signature 2\nclass bug\nframe driver_probe\nframe bus_addN\n");
	assert_string_equal(
		strbuf_text(&coarse), "inquest-signature 2\nclass bug\nculprit driver_probe\n");
	arena_deinit(&tr.arena);
}

static void expect_lines(const struct finding *f, bool coarse, const char *wanted)
{
	struct triage tr = { 0 };
	scoped_strbuf struct strbuf lines = { 0 };
	signature_lines(&tr, f, coarse, &lines);
	assert_string_equal(strbuf_text(&lines), wanted);
	arena_deinit(&tr.arena);
}

/* A timer's function fails: what the timer came upon has nothing to do with it. */
static void frames_end_where_an_exception_came(void **state)
{
	(void)state;
	struct call v[] = { { .function = "watch_fire" }, { .function = "helper", .inlined = true },
		{ .function = "run_list" }, { .function = "el1_interrupt" },
		{ .function = "vfs_inlined", .inlined = true, .interrupted = true },
		{ .function = "vfs_write", .interrupted = true }, { .function = "ksys_write" } };
	struct calls c = calls_with(v, ARRAY_SIZE(v));
	struct finding f = { .class = VERDICT_WATCHDOG, .calls = &c, .culprit = 0 };
	expect_lines(&f, false,
		"inquest-signature 2\nclass watchdog\nframe watch_fire\nframe run_list\n");
	f.culprit = 5; /* the interrupted function itself is to blame: its callers are its own */
	expect_lines(&f, false,
		"inquest-signature 2\nclass watchdog\nframe vfs_write\nframe ksys_write\n");
}

static void frames_are_told_once_and_no_leftovers(void **state)
{
	(void)state;
	struct call v[] = { { .function = "walk" }, { .function = "visit" },
		{ .function = "walk.isra.0" }, { .function = "old", .trust = TRUST_GUESS },
		{ .function = "visit" }, { .function = "begin" } };
	struct calls c = calls_with(v, ARRAY_SIZE(v));
	struct finding f = { .class = VERDICT_BUG, .calls = &c, .culprit = 0 };
	expect_lines(&f, false,
		"inquest-signature 2\nclass bug\nframe walk\nframe visit\nframe begin\n");
	v[0].trust = TRUST_GUESS; /* where all is a guess, all count */
	expect_lines(&f, false,
		"inquest-signature 2\nclass bug\nframe walk\nframe visit\nframe old\nframe "
		"begin\n");
}

static void frames_are_so_many(void **state)
{
	(void)state;
	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k",
		"l", "m", "n" };
	struct call v[ARRAY_SIZE(names)] = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		v[i].function = names[i];
	struct calls c = calls_with(v, ARRAY_SIZE(v));
	struct finding f = { .class = VERDICT_BUG, .calls = &c, .culprit = 1 };
	expect_lines(&f, false,
		"inquest-signature 2\nclass bug\nframe b\nframe c\nframe d\nframe e\nframe f\n"
		"frame g\nframe h\nframe i\nframe j\nframe k\nframe l\nframe m\n");
}

/* Whether the stack ended in one or the other is chance. */
static void recursion_is_told_by_name(void **state)
{
	(void)state;
	struct call v[] = { { .function = "leaf" }, { .function = "ping" }, { .function = "pong" },
		{ .function = "ping" }, { .function = "pong" }, { .function = "ping" },
		{ .function = "pong" }, { .function = "begin" } };
	static const char wanted[] =
		"inquest-signature 2\nclass stack-overflow\nrecurs ping\nrecurs pong\n";
	struct calls c = calls_with(v, ARRAY_SIZE(v)), later = calls_with(v + 1, ARRAY_SIZE(v) - 1);
	struct finding f = { .class = VERDICT_STACK_OVERFLOW, .calls = &c, .culprit = 0 };
	expect_lines(&f, false, wanted);
	expect_lines(&f, true, wanted);
	f.calls = &later;
	expect_lines(&f, false, wanted);
	f.class = VERDICT_BUG; /* elsewhere recursion is a stack like others */
	expect_lines(
		&f, false, "inquest-signature 2\nclass bug\nframe ping\nframe pong\nframe begin\n");
	f.class = VERDICT_STACK_OVERFLOW;
	v[2].trust = v[4].trust = v[6].trust = TRUST_GUESS; /* leftovers do not recur */
	expect_lines(&f, false, "inquest-signature 2\nclass stack-overflow\nrecurs ping\n");
	v[2].trust = v[4].trust = v[6].trust = TRUST_SURE;
	later.n = 4; /* twice is no recursion */
	expect_lines(
		&f, false, "inquest-signature 2\nclass stack-overflow\nframe ping\nframe pong\n");
}

static void circle_is_the_same_whoever_closed_it(void **state)
{
	(void)state;
	struct call left[] = { { .function = "mutex_lock" }, { .function = "left_first" },
		{ .function = "kthread" } },
		    right[] = { { .function = "mutex_lock" }, { .function = "right_first" },
			    { .function = "kthread" } };
	struct calls l = calls_with(left, 3), r = calls_with(right, 3), lost = { 0 };
	const struct calls *both[] = { &l, &r }, *other[] = { &r, &l }, *blind[] = { &lost, &l };
	static const char exact[] = "inquest-signature 2\nclass deadlock\n"
				    "waiter\nframe left_first\nframe kthread\n"
				    "waiter\nframe right_first\nframe kthread\n",
			  coarse[] = "inquest-signature 2\nclass deadlock\n"
				     "culprit left_first\nculprit right_first\n";
	struct finding f = { .class = VERDICT_DEADLOCK, .calls = &l, .culprit = 1 };
	f.circle.v = both;
	f.circle.n = 2;
	expect_lines(&f, false, exact);
	expect_lines(&f, true, coarse);
	f.calls = &r;
	f.circle.v = other;
	expect_lines(&f, false, exact);
	expect_lines(&f, true, coarse);
	f.circle.v = blind;
	expect_lines(&f, false,
		"inquest-signature 2\nclass deadlock\nwaiter\nwaiter\nframe left_first\n"
		"frame kthread\n");
}

static void titles_are_those_of_all_who_wait(void **state)
{
	(void)state;
	struct triage tr = { .facts = { .panic_text = "hung_task: blocked tasks" } };
	struct call left[] = { { .function = "left_first" } },
		    right[] = { { .function = "right_first" } };
	struct calls l = calls_with(left, 1), r = calls_with(right, 1);
	const struct calls *both[] = { &r, &l };
	struct finding *f =
		triage_find(&tr, "hang", VERDICT_DEADLOCK, WEIGHT_CAUSE, CONFIDENCE_SURE);
	vec_push(&f->circle, both[0]);
	vec_push(&f->circle, both[1]);
	triage_find(&tr, "panic", VERDICT_PANIC, WEIGHT_END, CONFIDENCE_SURE);
	triage_find(&tr, "panic", VERDICT_PANIC, WEIGHT_END, CONFIDENCE_SURE);
	triage_find(&tr, "heap", VERDICT_USE_AFTER_FREE, WEIGHT_NOTE, CONFIDENCE_SURE);
	triage_find(&tr, "end", VERDICT_UNKNOWN, WEIGHT_ALIVE, CONFIDENCE_GUESS);
	scoped_strbuf struct strbuf titles = { 0 };
	signature_titles(&tr, &titles);
	assert_string_equal(strbuf_text(&titles), "deadlock in left_first\n"
						  "deadlock in right_first\n"
						  "kernel panic: hung_task: blocked tasks\n");
	triage_deinit(&tr);
}

static void objects_stand_for_a_culprit_that_is_not_known(void **state)
{
	(void)state;
	struct object o = { .kind = "slab object", .name = "kmalloc-rnd-07-192", .va = 0x1000 };
	struct finding f = { .class = VERDICT_USE_AFTER_FREE, .culprit = SIZE_MAX, .object = &o };
	expect_lines(&f, false,
		"inquest-signature 2\nclass use-after-free\nobject slab object kmalloc-192\n");
	f.culprit_name = "writer.cold";
	expect_lines(&f, false, "inquest-signature 2\nclass use-after-free\nframe writer\n");
	f.culprit_name = NULL;
	f.object = NULL;
	expect_lines(&f, true, "inquest-signature 2\nclass use-after-free\n");
}

static void caches_lose_what_is_drawn(void **state)
{
	(void)state;
	struct arena a = { 0 };
	assert_string_equal(signature_cache(&a, "kmalloc-rnd-15-2k"), "kmalloc-2k");
	assert_string_equal(signature_cache(&a, "kmalloc-part-03-64"), "kmalloc-64");
	assert_string_equal(signature_cache(&a, "kmalloc-cg-192"), "kmalloc-cg-192");
	assert_string_equal(signature_cache(&a, "my-rnd-cache"), "my-rnd-cache");
	arena_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_lose_suffixes_and_numbers),
		cmocka_unit_test(hash_is_sha256),
		cmocka_unit_test(machinery_is_not_everything),
		cmocka_unit_test(culprit_is_the_first_that_is_no_machinery),
		cmocka_unit_test(lines_hold_what_lasts),
		cmocka_unit_test(frames_end_where_an_exception_came),
		cmocka_unit_test(frames_are_told_once_and_no_leftovers),
		cmocka_unit_test(frames_are_so_many),
		cmocka_unit_test(recursion_is_told_by_name),
		cmocka_unit_test(circle_is_the_same_whoever_closed_it),
		cmocka_unit_test(titles_are_those_of_all_who_wait),
		cmocka_unit_test(objects_stand_for_a_culprit_that_is_not_known),
		cmocka_unit_test(caches_lose_what_is_drawn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
