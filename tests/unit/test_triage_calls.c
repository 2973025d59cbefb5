/* Who is to blame in a stack: the first that is no machinery, named as the kernel names it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/triage/calls.h"

/* arm64's end of a bad write, as stacks of dumps have it; "~" before inlined ones, NULL for no
 * name. */
static const char *const stack[] = { "panic", "end_report", "kasan_report", "__asan_store8",
	"~list_add", NULL, "memcpy", "mutex_lock", "widget_link", "~widget_all", "kmem_cache_free",
	"widget_drop", "el0_svc" };

static struct calls make(struct call *call)
{
	for (size_t i = 0; i < ARRAY_SIZE(stack); i++)
		call[i] =
			(struct call){ .function = stack[i] ? stack[i] + (*stack[i] == '~') : NULL,
				.inlined = stack[i] && *stack[i] == '~' };
	return (struct calls){ .call = call, .n = ARRAY_SIZE(stack) };
}

static void culprit(void **state)
{
	struct call call[ARRAY_SIZE(stack)];
	struct calls c = make(call);
	size_t at = 77;
	(void)state;
	assert_true(calls_culprit(&c, 0, &at));
	assert_string_equal(call[at].function, "widget_link");
	assert_true(calls_culprit(&c, at + 1, &at));
	assert_string_equal(call[at].function, "widget_drop");
	assert_false(calls_culprit(&c, at + 1, &at));
	assert_string_equal(call[at].function, "widget_drop");
	assert_false(calls_culprit(&c, c.n, &at));
	assert_false(calls_culprit(&c, SIZE_MAX, &at));
	c.n = 0;
	assert_false(calls_culprit(&c, 0, &at));
}

static void finding(void **state)
{
	struct call call[ARRAY_SIZE(stack)];
	struct calls c = make(call);
	(void)state;
	assert_int_equal(calls_find(&c, "panic", 0), 0);
	assert_int_equal(calls_find(&c, "panic", 1), SIZE_MAX);
	assert_int_equal(calls_find(&c, "__asan_*", 0), 3);
	assert_int_equal(calls_find(&c, "list_add", 0), 4);
	assert_int_equal(calls_find(&c, "widget_?rop", 0), 11);
	assert_int_equal(calls_find(&c, "nobody", 0), SIZE_MAX);
}

static void machinery(void **state)
{
	static const char *const kinds[][2] = { { "panic", "report" }, { "die", "report" },
		{ "el1h_64_sync_handler", "exception" }, { "__dabt_svc", "exception" },
		{ "__schedule", "sleep" }, { "mutex_lock", "sleep" }, { "_raw_spin_lock", "lock" },
		{ "memcpy", "copy" }, { "kfree", "heap" }, { "__delay", "delay" } };
	static const char *const others[] = { "sysrq_handle_crash", "vfs_write", "widget_drop",
		"" };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *kind = machinery_kind(kinds[i][0]);
		if (!kind || strcmp(kind, kinds[i][1]))
			fail_msg("%s is %s", kinds[i][0], kind ? kind : "of interest");
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (machinery_kind(others[i]))
			fail_msg("%s is %s", others[i], machinery_kind(others[i]));
}

static void plain_names(void **state)
{
	struct arena a = { 0 };
	(void)state;
	assert_string_equal(call_plain_name(&a, "end_report.constprop.0"), "end_report");
	assert_string_equal(call_plain_name(&a, "schedule"), "schedule");
	arena_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(culprit),
		cmocka_unit_test(finding),
		cmocka_unit_test(machinery),
		cmocka_unit_test(plain_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
