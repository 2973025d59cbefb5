/* Pipelines of commands of our own: who sees which rows, who stops whom, what is refused before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/shell/session.h"

static const struct column thing_columns[] = { { "n", .width = 3 },
	{ "thing", .hidden = true, .object = "struct thing" }, { 0 } };
static const struct table thing_table = { LAYOUT_LINES, thing_columns };
static const struct column plain_columns[] = { { "n", .width = 3 }, { "text" }, { 0 } };
static const struct table plain_table = { LAYOUT_LINES, plain_columns };

static uint64_t made; /* rows of the source */

static struct err *things_run(struct cx *cx, const struct args *a)
{
	uint64_t most;
	struct err *err = args_uint(a, 0, &most);
	out_table(cx->out, &thing_table);
	for (made = 0; !err && !(err = interrupt_check()) && made < most; made++) {
		out_row(cx->out);
		out_uint(cx->out, "n", made);
		out_addr(cx->out, "thing", 0x1000 + made);
		if (made == 2)
			out_complain(cx->out, err_new(ERR_FORMAT, "thing 2 is odd"));
	}
	return err;
}

static struct err *plain_run(struct cx *cx, const struct args *a)
{
	(void)a;
	out_table(cx->out, &plain_table);
	out_row(cx->out);
	out_str(cx->out, "text", "no object");
	return NULL;
}

/* Two rows for each thing. */
static struct err *show_run(struct cx *cx, const struct args *a)
{
	uint64_t va;
	struct err *err = args_addr(a, args_count(a) - 1, &va);
	if (!err && va == 0x1001 && args_flag(a, 'f'))
		return err_new(ERR_FORMAT, "thing 1 is bad");
	out_table(cx->out, &plain_table);
	for (unsigned i = 0; !err && i < 2; i++) {
		err = interrupt_check();
		out_row(cx->out);
		out_uint(cx->out, "n", va - 0x1000);
		out_strf(cx->out, "text", "%u of %d", i, args_count(a));
	}
	return err;
}

static struct err *interrupted_run(struct cx *cx, const struct args *a)
{
	struct err *err = things_run(cx, a);
	if (err)
		return err;
	interrupt_raise();
	return interrupt_check();
}

static const struct command cmd_things = { .name = "things",
	.max_args = 1,
	.needs_no_target = true,
	.rows = &thing_table,
	.run = things_run };
static const struct command cmd_plain = {
	.name = "plain", .needs_no_target = true, .rows = &plain_table, .run = plain_run
};
static const struct option show_options[] = { { 'f', NULL, "fail" }, { 0 } };
static const struct command cmd_show = { .name = "show",
	.max_args = 2,
	.needs_no_target = true,
	.options = show_options,
	.takes = "struct thing",
	.run = show_run };
static const struct command cmd_other = { .name = "other",
	.max_args = 2,
	.needs_no_target = true,
	.takes = "struct other",
	.run = show_run };
static const struct command cmd_interrupted = {
	.name = "interrupted", .max_args = 1, .needs_no_target = true, .run = interrupted_run
};
extern const struct command cmd_first, cmd_count, cmd_where;

static const struct command *const commands[] = { &cmd_things, &cmd_plain, &cmd_show, &cmd_other,
	&cmd_interrupted, &cmd_first, &cmd_count, &cmd_where, NULL };

static struct session *session;
static FILE *to, *errors;
static char *text, *error_text;
static size_t n, error_n;

static int open_session(void **state)
{
	(void)state;
	text = error_text = NULL;
	to = open_memstream(&text, &n);
	errors = open_memstream(&error_text, &error_n);
	struct session_options o = { .commands = commands, .to = to, .errors = errors };
	assert_null(session_create(&o, &session));
	return 0;
}

static int close_session(void **state)
{
	(void)state;
	session_destroy(session);
	fclose(to);
	fclose(errors);
	free(text);
	free(error_text);
	interrupt_clear();
	return 0;
}

static void check(const char *line, const char *want, const char *want_errors)
{
	rewind(to);
	rewind(errors);
	session_run(session, line);
	fflush(to);
	fflush(errors);
	text[n] = error_text[error_n] = '\0';
	assert_string_equal(text, want);
	assert_string_equal(error_text, want_errors);
}

static void test_rows_pass(void **state)
{
	(void)state;
	check("things 2 | first", "0\n1\n", "");
	check("things 2 | show", "0   0 of 1\n0   1 of 1\n1   0 of 1\n1   1 of 1\n", "");
	check("things 2 | show 9", "0   0 of 2\n0   1 of 2\n1   0 of 2\n1   1 of 2\n", "");
	check("things 2 | show it", "",
		"show: not an address: it\n"
		"    things 2 | show it\n                    ^ try: help show\n");
	check("things 0 | count", "0\n", "");
	check("things 2 | show | count", "4\n", "");
	check("things 2 | show | cat -n | head -1", "", ""); /* the host writes to our stdout */
}

static void test_first_stops(void **state)
{
	(void)state;
	check("things 100000000 | first 2", "0\n1\n", "");
	assert_in_range(made, 2, 4);
	assert_false(session_failed(session) || session_interrupted(session));
	/* the rows that were passed before stay on their way */
	check("things 100000000 | first 2 | show | count", "4\n", "");
	check("things 100000000 | show | first 3", "0   0 of 1\n0   1 of 1\n1   0 of 1\n", "");
	assert_in_range(made, 1, 4);
	check("things 100000000 | first 5 | first 1 | count", "1\n", "");
	assert_false(session_failed(session) || session_interrupted(session));
}

static void test_complaints(void **state)
{
	(void)state;
	check("things 4 | count", "4\n", "count: things: thing 2 is odd\n");
	check("things 3 | first", "0\n1\n2\n", "things: thing 2 is odd\n");
	check("things 2 | show -f", "0   0 of 1\n0   1 of 1\n", "show: thing 1 is bad\n");
	assert_true(session_failed(session));
}

static void test_refused(void **state)
{
	(void)state;
	made = 77;
	check("things 2 | other", "",
		"other: other wants a struct other, these rows are of struct thing\n"
		"    things 2 | other\n               ^ try: help other\n");
	check("plain | show", "",
		"show: show wants a struct thing, and these rows stand for nothing; "
		"name a column: | show KEY\n    plain | show\n            ^ try: help show\n");
	check("things 2 | things", "",
		"things: things takes nothing from a pipe; `| command things` "
		"is the host's\n    things 2 | things\n               ^ try: help things\n");
	check("things 2 | show -z", "",
		"show: unknown option -z\n"
		"    things 2 | show -z\n                    ^ try: help show\n");
	check("things 2 | where n == 1", "", "where: no dump is open\n");
	check("first 2", "",
		"first: first stands behind another command: ps | first …\n"
		"    first 2\n    ^ try: help first\n");
	assert_int_equal(made, 77); /* nothing ran */
	check("things x | first", "",
		"things: not a number: x\n"
		"    things x | first\n           ^ try: help things\n");
}

static void test_interrupt(void **state)
{
	(void)state;
	/* the row that was being made may be half a row */
	check("interrupted 2 | first 5", "0\n", "interrupted: interrupted\n");
	assert_true(session_interrupted(session));
}

/* A million rows take no more room than a few. */
static void test_streams(void **state)
{
	struct rusage before, after;
	(void)state;
	check("things 1000 | first 1000 | show | count", "2000\n",
		"count: things: thing 2 is odd\n");
	getrusage(RUSAGE_SELF, &before);
	check("things 1000000 | first 1000000 | show | count", "2000000\n",
		"count: things: thing 2 is odd\n");
	getrusage(RUSAGE_SELF, &after);
#ifndef __SANITIZE_ADDRESS__ /* which keeps freed memory for a while */
	assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 512);
#endif
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_session, close_session)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_rows_pass), TEST(test_first_stops),
		TEST(test_complaints), TEST(test_refused), TEST(test_interrupt),
		TEST(test_streams) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
