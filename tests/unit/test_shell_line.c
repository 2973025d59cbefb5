/* Words, quotes, redirections and pipes of a typed line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/shell/line.h"

static struct arena arena;

static int reset(void **state)
{
	(void)state;
	arena_deinit(&arena);
	return 0;
}

static void test_words(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words; /* joined by '|' */
	} cases[] = {
		{ "", "" },
		{ "  \t ", "" },
		{ "ps", "ps" },
		{ "  bt -a\t1 ", "bt|-a|1" },
		{ "a 'b c' d", "a|b c|d" },
		{ "a \"b 'c\" d", "a|b 'c|d" },
		{ "x\"y\"'z'w", "xyzw" },
		{ "a\\ b \\'", "a b|'" },
		{ "\"a\\\"b\\\\c\\d\"", "a\"b\\c\\d" },
		{ "'a\\b'", "a\\b" },
		{ "'' \"\"", "|" },
		{ "end\\", "end\\" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct word *words;
		size_t n, bad;
		char joined[64] = "";
		assert_null(words_split(&arena, cases[i].text, &words, &n, &bad));
		for (size_t k = 0; k < n; k++) {
			strcat(joined, k ? "|" : "");
			strcat(joined, words[k].text);
		}
		assert_string_equal(joined, cases[i].words);
	}
}

static void test_word_places(void **state)
{
	(void)state;
	struct word *words;
	size_t n, bad;
	assert_null(words_split(&arena, " p 'a b'  c", &words, &n, &bad));
	assert_int_equal(n, 3);
	assert_int_equal(words[0].start, 1);
	assert_int_equal(words[1].start, 3);
	assert_int_equal(words[1].end, 8);
	assert_int_equal(words[2].start, 10);
}

static void test_open_quote(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t at;
	} cases[] = { { "a 'b", 2 }, { "\"", 0 }, { "x \"a\\\"", 2 }, { "a'b'\"", 4 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct word *words;
		struct line line;
		size_t n, at = 99;
		scoped_err struct err *err = words_split(&arena, cases[i].text, &words, &n, &at);
		assert_non_null(err);
		assert_int_equal(err->code, ERR_USAGE);
		assert_int_equal(at, cases[i].at);
		scoped_err struct err *err2 =
			line_parse(&arena, cases[i].text, NULL, NULL, &line, &at);
		assert_non_null(err2);
		assert_int_equal(at, cases[i].at);
	}
}

#define assert_text(got, want)                                                                     \
	do {                                                                                       \
		const char *got_ = (got), *want_ = (want);                                         \
		if (!want_)                                                                        \
			assert_null(got_);                                                         \
		else                                                                               \
			assert_string_equal(got_ ? got_ : "(none)", want_);                        \
	} while (0)

static void test_lines(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum line_kind kind;
		const char *command, *host, *file;
		bool append;
	} cases[] = {
		{ "", LINE_EMPTY, "", NULL, NULL, false },
		{ "  # ps > x", LINE_EMPTY, "", NULL, NULL, false },
		{ " ps", LINE_COMMAND, " ps", NULL, NULL, false },
		{ "!ls | wc > x", LINE_HOST, "", "ls | wc > x", NULL, false },
		{ "ps|grep -v 'a", LINE_COMMAND, "ps", "grep -v 'a", NULL, false },
		{ "log | sort > f | x", LINE_COMMAND, "log ", "sort > f | x", NULL, false },
		{ "ps >f", LINE_COMMAND, "ps ", NULL, "f", false },
		{ "ps >> 'a b'", LINE_COMMAND, "ps ", NULL, "a b", true },
		{ "p a->b", LINE_COMMAND, "p a->b", NULL, NULL, false },
		{ "p a->b>x", LINE_COMMAND, "p a->b", NULL, "x", false },
		{ "p a->b | cat", LINE_COMMAND, "p a->b ", "cat", NULL, false },
		{ "p (a >> 2)", LINE_COMMAND, "p (a >> 2)", NULL, NULL, false },
		{ "p (a || b) | c", LINE_COMMAND, "p (a || b) ", "c", NULL, false },
		{ "p ((a) > b) > c", LINE_COMMAND, "p ((a) > b) ", NULL, "c", false },
		{ "p x[a >> 1]", LINE_COMMAND, "p x[a >> 1]", NULL, NULL, false },
		{ "p '>' \"|\" \\>", LINE_COMMAND, "p '>' \"|\" \\>", NULL, NULL, false },
		{ "p ) > f", LINE_COMMAND, "p ) ", NULL, "f", false },
		{ "ps > 2x", LINE_COMMAND, "ps ", NULL, "2x", false },
		{ "ps # no comment", LINE_COMMAND, "ps # no comment", NULL, NULL, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct line line;
		size_t at;
		assert_null(line_parse(&arena, cases[i].text, NULL, NULL, &line, &at));
		assert_int_equal(line.kind, cases[i].kind);
		assert_text(line.command, cases[i].command);
		assert_text(line.host, cases[i].host);
		assert_text(line.file, cases[i].file);
		assert_int_equal(line.append, cases[i].append);
	}
}

static void test_wrong_lines(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t at;
		const char *says;
	} cases[] = {
		{ "ps >", 3, "file name is missing after >" },
		{ "ps >>  ", 3, "file name is missing after >>" },
		{ "ps > a b", 7, "nothing else" },
		{ "ps > 'a", 5, "not closed" },
		{ "p a >= b", 4, "parentheses" },
		{ "p a >> 2", 4, "parentheses" },
		{ "p a > 0x10", 4, "parentheses" },
		{ "p a || b", 4, "parentheses" },
		{ "ps | ", 3, "missing after |" },
		{ "  !", 2, "missing after !" },
		{ " | cat", 1, "missing before |" },
		{ "> f", 0, "missing before >" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct line line;
		size_t at = 99;
		scoped_err struct err *err =
			line_parse(&arena, cases[i].text, NULL, NULL, &line, &at);
		assert_non_null(err);
		assert_int_equal(err->code, ERR_USAGE);
		assert_non_null(strstr(err->msg, cases[i].says));
		assert_int_equal(at, cases[i].at);
	}
}

static bool is_bt_or_where(const void *cx, const char *word)
{
	(void)cx;
	return !strcmp(word, "bt") || !strcmp(word, "where");
}

static void test_stages(void **state)
{
	(void)state;
	static const struct {
		const char *text, *command;
		const char *stages; /* joined by ';', each behind its offset */
		const char *host, *file;
	} cases[] = {
		{ "ps | bt", "ps ", "5:bt;", NULL, NULL },
		{ "ps|bt", "ps", "3:bt;", NULL, NULL },
		{ "ps | where (a | b) | bt -l", "ps ", "5:where (a | b) ;21:bt -l;", NULL, NULL },
		{ "ps | bt | less | bt", "ps ", "5:bt ;", "less | bt", NULL },
		{ "ps | where x > f", "ps ", "5:where x ;", NULL, "f" },
		{ "ps | where c == '|' | bt", "ps ", "5:where c == '|' ;22:bt;", NULL, NULL },
		{ "ps | command bt", "ps ", "", "command bt", NULL },
		{ "ps | bt| wc", "ps ", "5:bt;", "wc", NULL },
		{ "ps | bts", "ps ", "", "bts", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct line line;
		size_t at;
		char stages[128] = "";
		assert_null(line_parse(&arena, cases[i].text, is_bt_or_where, NULL, &line, &at));
		for (size_t k = 0; k < line.nstages; k++)
			sprintf(stages + strlen(stages), "%zu:%s;", line.stage[k].at,
				line.stage[k].text);
		assert_text(line.command, cases[i].command);
		assert_string_equal(stages, cases[i].stages);
		assert_text(line.host, cases[i].host);
		assert_text(line.file, cases[i].file);
	}
}

static void test_wrong_stages(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t at;
	} cases[] = { { "ps | where a >= 3", 13 }, { "ps | where 'x", 11 }, { "ps | bt |", 8 },
		{ "ps | where a || b", 13 }, { "ps | bt | bt > ", 13 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct line line;
		size_t at = 99;
		scoped_err struct err *err =
			line_parse(&arena, cases[i].text, is_bt_or_where, NULL, &line, &at);
		assert_non_null(err);
		assert_int_equal(at, cases[i].at);
	}
}

static void test_home(void **state)
{
	(void)state;
	struct line line;
	size_t at;
	setenv("HOME", "/home/x", 1);
	assert_null(line_parse(&arena, "ps > ~/f", NULL, NULL, &line, &at));
	assert_string_equal(line.file, "/home/x/f");
	assert_null(line_parse(&arena, "ps > ~f", NULL, NULL, &line, &at));
	assert_string_equal(line.file, "~f");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_words, reset),
		cmocka_unit_test_teardown(test_word_places, reset),
		cmocka_unit_test_teardown(test_open_quote, reset),
		cmocka_unit_test_teardown(test_lines, reset),
		cmocka_unit_test_teardown(test_wrong_lines, reset),
		cmocka_unit_test_teardown(test_stages, reset),
		cmocka_unit_test_teardown(test_wrong_stages, reset),
		cmocka_unit_test_teardown(test_home, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
