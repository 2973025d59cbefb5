/* Flame graphs and XML's escapes: names that try to be markup, weights, widths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/out/flame.h"
#include "analyzer/out/xml.h"
#include "tests/unit/xml_check.h"

static void expect_text(const char *s, size_t n, const char *want)
{
	scoped_strbuf struct strbuf out = { 0 };
	xml_add_text(&out, s, n);
	assert_string_equal(strbuf_text(&out), want);
}
#define EXPECT_TEXT(s, want) expect_text(s, sizeof(s) - 1, want)

static void escapes(void **state)
{
	(void)state;
	EXPECT_TEXT("plain_name.constprop.0", "plain_name.constprop.0");
	EXPECT_TEXT("</title><script>", "&lt;/title&gt;&lt;script&gt;");
	EXPECT_TEXT("a&amp;\"b'", "a&amp;amp;&quot;b&#39;");
	EXPECT_TEXT("]]>", "]]&gt;");
	EXPECT_TEXT("a\0b\x01\x1f\x7f", "a\\x00b\\x01\\x1f\\x7f");
	EXPECT_TEXT("\xff\xc3\x28", "\\xff\\xc3(");
	EXPECT_TEXT("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* half of a surrogate pair */
	EXPECT_TEXT("\xc3\xa4", "\xc3\xa4");
	EXPECT_TEXT("\xef\xbf\xbe\xef\xbf\xbf", "\\xef\\xbf\\xbe\\xef\\xbf\\xbf");
	EXPECT_TEXT("\xef\xbf\xbd", "\xef\xbf\xbd"); /* U+FFFD is one */
	EXPECT_TEXT("\xc2\x85", "\\xc2\\x85");	     /* a C1 control */
	EXPECT_TEXT("", "");
}

static void draw(struct flame *f, struct strbuf *out)
{
	flame_draw(f, out);
	const char *wrong = xml_wrong(strbuf_text(out), out->len);
	if (wrong)
		fail_msg("%s in %s", wrong, strbuf_text(out));
}

static void expect_has(const struct strbuf *out, const char *want, bool has)
{
	if (!strstr(strbuf_text(out), want) == has)
		fail_msg("%s%s in %s", want, has ? " is not" : "", strbuf_text(out));
}

static void weights_add_up(void **state)
{
	(void)state;
	scoped_strbuf struct strbuf out = { 0 };
	static const struct flame_name one[] = { { "entry", NULL }, { "read", NULL } };
	static const struct flame_name two[] = { { "entry", NULL }, { "write", NULL } };
	static const struct flame_name other[] = { { "entry", "module" } };
	struct flame *f = flame_create("a <title>", "tasks");
	flame_add(f, one, 2, 1);
	flame_add(f, two, 2, 5);
	flame_add(f, one, 2, 1);
	flame_add(f, other, 1, 1);
	draw(f, &out);
	expect_has(&out, "<title>all: 8 of 8 tasks, 100.0%</title>", true);
	expect_has(&out, "<title>entry: 7 of 8 tasks, 87.5%</title>", true);
	expect_has(&out, "<title>read: 2 of 8 tasks, 25.0%</title>", true);
	expect_has(&out, "<title>entry [module]: 1 of 8 tasks, 12.5%</title>", true);
	expect_has(&out, "a &lt;title&gt;", true);
	/* the heavier to the left, the next where it ends */
	expect_has(&out, "data-x=\"0\" data-n=\"5\" data-d=\"2\"><title>write", true);
	expect_has(&out, "data-x=\"5\" data-n=\"2\" data-d=\"2\"><title>read", true);
	expect_has(&out, "data-x=\"7\" data-n=\"1\" data-d=\"1\"><title>entry [module]", true);
	flame_destroy(f);
}

static void hostile_names(void **state)
{
	(void)state;
	scoped_strbuf struct strbuf out = { 0 };
	static const struct flame_name bad[] = { { "</title></g></svg><script>alert(1)</script>",
							 "\"><x" },
		{ "&", "&#0;" }, { "\x01\xff]]>", "" }, { "", NULL } };
	struct flame *f = flame_create("\"'<&>\x1b[31m", "<b>");
	flame_add(f, bad, 4, 1);
	draw(f, &out);
	expect_has(&out, "alert(1)</script>", false);
	expect_has(&out, "\x1b", false);
	flame_destroy(f);
}

static void nothing_and_too_much(void **state)
{
	(void)state;
	scoped_strbuf struct strbuf out = { 0 };
	static struct flame_name deep[FLAME_DEPTH_MAX + 100];
	struct flame *f = flame_create("empty", "tasks");
	draw(f, &out); /* no stack at all */
	strbuf_reset(&out);
	for (size_t i = 0; i < ARRAY_SIZE(deep); i++)
		deep[i].name = "again";
	flame_add(f, deep, ARRAY_SIZE(deep), 1);
	draw(f, &out);
	expect_has(&out, "data-d=\"4096\"", true);
	expect_has(&out, "data-d=\"4097\"", false);
	/* what is too narrow to see is left out: one of a hundred thousand */
	static const struct flame_name wide[] = { { "wide", NULL } };
	flame_add(f, wide, 1, 99999);
	strbuf_reset(&out);
	draw(f, &out);
	expect_has(&out, "<title>wide: 99999 of 100000 tasks", true);
	expect_has(&out, ">again", false);
	flame_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(escapes),
		cmocka_unit_test(weights_add_up), cmocka_unit_test(hostile_names),
		cmocka_unit_test(nothing_and_too_much) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
