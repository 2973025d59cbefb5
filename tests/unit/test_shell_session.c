/* Lines run in a session with commands of our own: errors, carets, redirections, scripts, help. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/shell/session.h"

static const struct column columns[] = { { "n", .width = 3 }, { "text" }, { 0 } };
static const struct table lines = { LAYOUT_LINES, columns };

static struct err *echo_run(struct cx *cx, const struct args *a)
{
	out_table(cx->out, &lines);
	out_row(cx->out);
	out_uint(cx->out, "n", (uint64_t)args_count(a));
	out_str(cx->out, "text", args_rest(a, 0));
	return NULL;
}

static struct err *fail_run(struct cx *cx, const struct args *a)
{
	struct err *err = echo_run(cx, a);
	if (!err && args_count(a))
		err = args_error(a, 0, "not this");
	return err ? err : err_fault(FAULT_UNMAPPED, 0x10, "reading\033x");
}

static struct err *complain_run(struct cx *cx, const struct args *a)
{
	(void)a;
	out_complain(cx->out, err_new(ERR_LIMIT, "a loop"));
	return NULL;
}

static struct err *interrupt_run(struct cx *cx, const struct args *a)
{
	(void)cx;
	(void)a;
	interrupt_raise();
	return interrupt_check();
}

/* As many rows as anyone wants, until the sink or Ctrl-C ends it. */
static struct err *flood_run(struct cx *cx, const struct args *a)
{
	struct err *err = NULL;
	(void)a;
	out_table(cx->out, &lines);
	for (uint64_t i = 0; !(err = interrupt_check()) && i < 100000000; i++) {
		out_row(cx->out);
		out_uint(cx->out, "n", i);
	}
	return err;
}

static const struct option echo_options[] = { { 'v', NULL, "more" }, { 0 } };
static const struct command cmd_echo = {
	.name = "echo",
	.alias = "e",
	.summary = "say it",
	.usage = "WORD…",
	.max_args = -1,
	.options = echo_options,
	.expression = true,
	.needs_no_target = true,
	.run = echo_run,
};
static const struct command cmd_fail = {
	.name = "fail",
	.summary = "fail",
	.max_args = 1,
	.needs_no_target = true,
	.run = fail_run,
};
static const struct command cmd_complain = {
	.name = "complain",
	.summary = "complain",
	.needs_no_target = true,
	.run = complain_run,
};
static const struct command cmd_interrupt = {
	.name = "interrupt",
	.summary = "Ctrl-C",
	.needs_no_target = true,
	.run = interrupt_run,
};
static const struct command cmd_flood = {
	.name = "flood",
	.summary = "rows",
	.needs_no_target = true,
	.run = flood_run,
};
static const struct command cmd_target = { .name = "target", .summary = "x", .run = echo_run };
extern const struct command cmd_help, cmd_quit;

static const struct command *const commands[] = {
	&cmd_echo,
	&cmd_fail,
	&cmd_complain,
	&cmd_interrupt,
	&cmd_flood,
	&cmd_target,
	&cmd_help,
	&cmd_quit,
	NULL,
};

struct fixture {
	struct session *s;
	FILE *to, *errors;
	char *text, *error_text;
	size_t n, error_n;
	char folder[32];
};

static struct fixture f;

static void open_session(enum out_format format)
{
	f.to = open_memstream(&f.text, &f.n);
	f.errors = open_memstream(&f.error_text, &f.error_n);
	fflush(f.to);
	fflush(f.errors);
	struct session_options o = {
		.commands = commands,
		.format = format,
		.to = f.to,
		.errors = f.errors,
	};
	assert_null(session_create(&o, &f.s));
}

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){ .folder = "/tmp/inquest-shell-XXXXXX" };
	assert_non_null(mkdtemp(f.folder));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	session_destroy(f.s);
	fclose(f.to);
	fclose(f.errors);
	free(f.text);
	free(f.error_text);
	scoped_free char *rm = xasprintf("rm -r %s", f.folder);
	assert_int_equal(system(rm), 0);
	interrupt_clear();
	return 0;
}

static void run(const char *text, const char *path)
{
	scoped_free char *line = xasprintf("%s%s", text, path);
	session_run(f.s, line);
	fflush(f.to);
}

static char *read_file(const char *name)
{
	scoped_free char *path = xasprintf("%s/%s", f.folder, name);
	FILE *in = fopen(path, "r");
	assert_non_null(in);
	char *text = xcalloc(1, 4096);
	size_t n = fread(text, 1, 4095, in);
	text[n] = '\0';
	fclose(in);
	return text;
}

static void test_good_lines(void **state)
{
	(void)state;
	open_session(OUT_TEXT);
	run("", "");
	run(" # echo no", "");
	run("echo -v  a->b  c", "");
	run("e x", "");
	assert_string_equal(f.text, "2   a->b  c\n1   x\n");
	assert_string_equal(f.error_text, "");
	assert_false(session_failed(f.s));
	assert_false(session_ended(f.s));
}

static void test_errors_text(void **state)
{
	(void)state;
	static const struct {
		const char *line, *errors;
	} cases[] = {
		{ "ecoh", "ecoh: no such command; did you mean echo?\n" },
		{ "zzz\033", "zzz\\x1b: no such command; try: help\n" },
		{ "ech", "ech: no such command; did you mean echo?\n" },
		{ "fail", "fail: reading\\x1bx: not mapped\n" },
		{ "fail ä\tb", "fail: one argument too many: b\n    fail ä b\n"
			       "           ^ try: help fail\n" },
		{ "fail x", "fail: not this\n    fail x\n         ^ try: help fail\n" },
		{ "echo -x", "echo: unknown option -x\n    echo -x\n         ^ try: help echo\n" },
		{ "e a >", "e: a file name is missing after >\n    e a >\n"
			   "        ^ try: help echo\n" },
		{ "echo | fail", "fail: fail takes nothing from a pipe; `| command fail` is the "
				 "host's\n    echo | fail\n           ^ try: help fail\n" },
		{ "complain", "complain: a loop\n" },
		{ "target", "target: no dump is open\n" },
		{ "echo 'x", "echo: the quote ' is not closed\n    echo 'x\n"
			     "         ^ try: help echo\n" },
		{ "echo > /nonexistent/x", "echo: /nonexistent/x: No such file or directory\n" },
	};
	open_session(OUT_TEXT);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t before = f.error_n;
		run(cases[i].line, "");
		assert_string_equal(f.error_text + before, cases[i].errors);
	}
	assert_true(session_failed(f.s));
}

static void test_errors_json(void **state)
{
	(void)state;
	static const char *const bad[] = { "ecoh", "fail", "fail x", "echo -x", "e a >", "complain",
		"target", "'", "echo > /nonexistent/x", "\033", "> x" };
	open_session(OUT_JSON);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t before = f.n;
		run(bad[i], "");
		const char *text = f.text + before, *end = strchr(text, '\n');
		assert_true(end && !end[1]); /* one line */
		struct json_object *doc = json_tokener_parse(text), *faults;
		assert_non_null(doc);
		assert_true(json_object_object_get_ex(doc, "faults", &faults));
		assert_int_equal(json_object_array_length(faults), 1);
		json_object_put(doc);
	}
	assert_string_equal(f.error_text, ""); /* all of it was said in JSON */
}

static void test_redirections(void **state)
{
	(void)state;
	open_session(OUT_TEXT);
	scoped_free char *a = xasprintf("%s/a", f.folder);
	scoped_free char *b = xasprintf("%s/'b c'", f.folder);
	run("echo one > ", a);
	run("echo two >> ", a);
	run("echo a->b (c > d) | tr a-z A-Z > ", b);
	run("!echo host > ", "/dev/null");
	run("echo back", "");
	scoped_free char *text_a = read_file("a");
	scoped_free char *text_b = read_file("b c");
	assert_string_equal(text_a, "1   one\n1   two\n");
	assert_string_equal(text_b, "4   A->B (C > D)\n");
	assert_string_equal(f.text, "1   back\n");
	assert_string_equal(f.error_text, "");
	assert_false(session_failed(f.s));
}

static void test_reader_leaves(void **state)
{
	(void)state;
	open_session(OUT_TEXT);
	scoped_free char *a = xasprintf("%s/a", f.folder);
	run("flood | head -2 > ", a);
	run("echo x", "");
	scoped_free char *text = read_file("a");
	assert_string_equal(text, "0\n1\n");
	assert_string_equal(f.text, "1   x\n");
	assert_string_equal(f.error_text, "");
	assert_false(session_failed(f.s) || session_ended(f.s) || session_interrupted(f.s));
}

static void test_disk_full(void **state)
{
	(void)state;
	open_session(OUT_TEXT);
	run("flood > /dev/full", "");
	assert_string_equal(f.error_text, "flood: /dev/full: No space left on device\n");
	assert_true(session_failed(f.s));
	assert_false(session_ended(f.s));
}

static void test_host_fails(void **state)
{
	(void)state;
	open_session(OUT_TEXT);
	run("echo x | grep y", ""); /* 1 is grep's answer */
	run("!false", "");
	assert_false(session_failed(f.s));
	run("echo x | exit 127", "");
	assert_true(session_failed(f.s));
	/* What is ignored here must not be ignored there: SIGPIPE ends `yes`. */
	scoped_free char *line =
		xasprintf("!{ yes 2>&-; echo $? > %s/status; } | head -1 > /dev/null", f.folder);
	run(line, "");
	scoped_free char *status = read_file("status");
	assert_string_equal(status, "141\n");
}

static void test_interrupt(void **state)
{
	(void)state;
	open_session(OUT_TEXT);
	interrupt_raise(); /* an old Ctrl-C is not this command's */
	run("echo x", "");
	assert_false(session_interrupted(f.s) || session_failed(f.s));
	run("interrupt", "");
	assert_true(session_interrupted(f.s) && session_failed(f.s));
	assert_string_equal(f.error_text, "interrupt: interrupted\n");
}

static void test_script(void **state)
{
	(void)state;
	open_session(OUT_TEXT);
	scoped_free char *path = xasprintf("%s/x", f.folder);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fputs("#!/usr/bin/env inquest\n\necho 1\nnone\necho 2\nquit\necho 3", out);
	fclose(out);
	assert_null(session_run_script(f.s, path));
	fflush(f.to);
	assert_string_equal(f.text, "1   1\n1   2\n");
	assert_true(session_ended(f.s) && session_failed(f.s));
	scoped_err struct err *err = session_run_script(f.s, f.folder);
	assert_null(err); /* ended: not even read */
	scoped_err struct err *err2 = session_run_script(f.s, "/nonexistent");
	assert_int_equal(err2->code, ERR_IO);
}

static void test_script_interrupted(void **state)
{
	(void)state;
	open_session(OUT_TEXT);
	scoped_free char *path = xasprintf("%s/x", f.folder);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fputs("echo 1\ninterrupt\necho 2\n", out);
	fclose(out);
	assert_null(session_run_script(f.s, path));
	fflush(f.to);
	assert_string_equal(f.text, "1   1\n");
}

static void test_help(void **state)
{
	(void)state;
	open_session(OUT_TEXT);
	run("help e", "");
	assert_string_equal(f.text, "  usage: echo [-v] WORD…\n  alias: e\n  shows: say it\n"
				    "options:\n  -v           more\n");
	run("help fial", "");
	assert_string_equal(f.error_text, "help: fial: no such command; did you mean fail?\n");
	run("help", "");
	assert_non_null(strstr(f.text, "\nquit     end the session\n"));
}

static void test_clash(void **state)
{
	(void)state;
	struct registry r = { 0 };
	assert_null(registry_add(&r, &cmd_echo));
	scoped_err struct err *clash = registry_add(&r, &cmd_echo);
	assert_int_equal(clash->code, ERR_MISMATCH);
	registry_deinit(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good_lines),
		TEST(test_errors_text),
		TEST(test_errors_json),
		TEST(test_redirections),
		TEST(test_reader_leaves),
		TEST(test_disk_full),
		TEST(test_host_fails),
		TEST(test_interrupt),
		TEST(test_script),
		TEST(test_script_interrupted),
		TEST(test_help),
		cmocka_unit_test(test_clash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
