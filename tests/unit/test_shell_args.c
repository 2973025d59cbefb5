/* Options, arguments and their numbers; where the caret points when something is off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/shell/args.h"

static struct arena arena;
static size_t caret;

static int reset(void **state)
{
	(void)state;
	arena_deinit(&arena);
	caret = 99;
	return 0;
}

static const struct option options[] = {
	{ 'a', NULL, "all" },
	{ 'l', NULL, "lines" },
	{ 'c', "CPU", "on CPU" },
	{ '8', NULL, "bytes" },
	{ 0 },
};
static const struct command plain = {
	.name = "bt",
	.usage = "[PID]",
	.options = options,
	.max_args = 3,
};
static const struct command expression = {
	.name = "p",
	.usage = "EXPRESSION",
	.options = options,
	.min_args = 1,
	.max_args = -1,
	.expression = true,
};

static struct args parsed(const struct command *c, const char *text)
{
	struct args a;
	struct err *err = args_parse(&arena, c, text, &a, &caret);
	assert_null(err);
	return a;
}

static void test_options(void **state)
{
	(void)state;
	struct args a = parsed(&plain, "bt -al -c 3 x");
	assert_true(args_flag(&a, 'a') && args_flag(&a, 'l') && !args_flag(&a, '8'));
	assert_string_equal(args_option(&a, 'c'), "3");
	assert_int_equal(args_count(&a), 1);
	assert_string_equal(args_get(&a, 0), "x");
	assert_null(args_get(&a, 1));
	assert_null(args_get(&a, -1));

	a = parsed(&plain, "bt -ac7 -c8");
	assert_true(args_flag(&a, 'a'));
	assert_string_equal(args_option(&a, 'c'), "8"); /* the last one wins */
	a = parsed(&plain, "bt -c7 -a -c 8 x -ac9");
	assert_string_equal(args_option_at(&a, 'c', 0), "7"); /* but all are there */
	assert_string_equal(args_option_at(&a, 'c', 1), "8");
	assert_string_equal(args_option_at(&a, 'c', 2), "9");
	assert_null(args_option_at(&a, 'c', 3));
	assert_null(args_option_at(&a, 'l', 0));
	assert_string_equal(args_option(&a, 'c'), "9");
	assert_int_equal(args_count(&a), 1);

	a = parsed(&plain, "bt x -a y"); /* as crash's `struct task_struct -o` */
	assert_true(args_flag(&a, 'a'));
	assert_int_equal(args_count(&a), 2);
	assert_string_equal(args_get(&a, 1), "y");

	a = parsed(&plain, "bt -c -a");
	assert_string_equal(args_option(&a, 'c'), "-a");
	assert_false(args_flag(&a, 'a'));
	assert_false(args_flag(&a, (char)0xe4));
}

static void test_not_options(void **state)
{
	(void)state;
	struct args a = parsed(&plain, "bt - -5 -12");
	assert_int_equal(args_count(&a), 3);
	assert_string_equal(args_get(&a, 1), "-5");
	a = parsed(&plain, "bt -8");
	assert_true(args_flag(&a, '8'));
	a = parsed(&plain, "bt -a -- -l --");
	assert_false(args_flag(&a, 'l'));
	assert_int_equal(args_count(&a), 2);
	assert_string_equal(args_get(&a, 1), "--");
}

static void test_expression(void **state)
{
	(void)state;
	struct args a = parsed(&expression, "p -a  x - -l 'c'  ");
	assert_true(args_flag(&a, 'a'));
	assert_false(args_flag(&a, 'l'));
	assert_string_equal(args_rest(&a, 0), "x - -l 'c'");
	assert_string_equal(args_rest(&a, 1), "- -l 'c'");
	assert_string_equal(args_rest(&a, 9), "");
	a = parsed(&expression, "p -(x)");
	assert_string_equal(args_rest(&a, 0), "-(x)");
	a = parsed(&expression, "p -- -x->y\\ ");
	assert_string_equal(args_rest(&a, 0), "-x->y\\ ");
}

static void test_wrong(void **state)
{
	(void)state;
	static const struct {
		const struct command *c;
		const char *text, *says;
		size_t at;
	} cases[] = {
		{ &plain, "bt -z", "unknown option -z", 3 },
		{ &plain, "bt x -az", "unknown option -z", 5 },
		{ &plain, "bt --all", "unknown option --all", 3 },
		{ &plain, "bt -\xc3\xa4", "unknown option -\xc3\xa4", 3 },
		{ &plain, "bt -a -c", "option -c needs its CPU", 6 },
		{ &plain, "bt 1 2 3 four", "one argument too many: four", 9 },
		{ &plain, "bt 'a", "the quote ' is not closed", 3 },
		{ &expression, "p", "an argument is missing: EXPRESSION", 1 },
		{ &expression, "p -a  ", "an argument is missing: EXPRESSION", 4 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct args a;
		scoped_err struct err *err =
			args_parse(&arena, cases[i].c, cases[i].text, &a, &caret);
		assert_non_null(err);
		assert_int_equal(err->code, ERR_USAGE);
		assert_string_equal(err->msg, cases[i].says);
		assert_int_equal(caret, cases[i].at);
	}
}

static void test_numbers(void **state)
{
	(void)state;
	uint64_t v;
	struct args a = parsed(&plain, "bt 10 0x1F c0008000");
	assert_null(args_uint(&a, 0, &v));
	assert_int_equal(v, 10);
	assert_null(args_uint(&a, 1, &v));
	assert_int_equal(v, 0x1f);
	assert_null(args_uint(&a, 2, &v));
	assert_int_equal(v, 0xc0008000);
	assert_null(args_addr(&a, 0, &v));
	assert_int_equal(v, 0x10);
	assert_null(args_option_uint(&a, 'c', 77, &v));
	assert_int_equal(v, 77);
	a = parsed(&plain, "bt -c 4");
	assert_null(args_option_uint(&a, 'c', 77, &v));
	assert_int_equal(v, 4);
}

static void test_wrong_numbers(void **state)
{
	(void)state;
	uint64_t v = 5;
	struct args a = parsed(&plain, "bt -c q 1 zz 11223344556677889");
	scoped_err struct err *e1 = args_uint(&a, 1, &v);
	assert_string_equal(e1->msg, "not a number: zz");
	assert_int_equal(caret, 10);
	scoped_err struct err *e2 = args_option_uint(&a, 'c', 0, &v);
	assert_non_null(e2);
	assert_int_equal(caret, 6);
	scoped_err struct err *e3 = args_addr(&a, 2, &v);
	assert_string_equal(e3->msg, "not an address: 11223344556677889");
	scoped_err struct err *e4 = args_uint(&a, 3, &v);
	assert_int_equal(e4->code, ERR_USAGE);
	assert_int_equal(caret, 30); /* the end */
	scoped_err struct err *e5 = args_error_at(&a, 1, 1, "%s", "there");
	assert_string_equal(e5->msg, "there");
	assert_int_equal(caret, 11);
	assert_int_equal(v, 5); /* untouched */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_options, reset, reset),
		cmocka_unit_test_setup_teardown(test_not_options, reset, reset),
		cmocka_unit_test_setup_teardown(test_expression, reset, reset),
		cmocka_unit_test_setup_teardown(test_wrong, reset, reset),
		cmocka_unit_test_setup_teardown(test_numbers, reset, reset),
		cmocka_unit_test_setup_teardown(test_wrong_numbers, reset, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
