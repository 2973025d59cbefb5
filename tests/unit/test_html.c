/* The page's frame: hostile names and log lines stay text, in elements and in what is formatted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/out/html.h"

#define HOSTILE "</td><script>alert('1')</script><img src=x onerror=\"a()\">&amp;"

static void expect(const struct strbuf *out, const char *want)
{
	assert_string_equal(strbuf_text(out), want);
}

static void hostile_text(void **state)
{
	(void)state;
	scoped_strbuf struct strbuf out = { 0 };
	html_text(&out, HOSTILE);
	expect(&out, "&lt;/td&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&lt;img src=x "
		     "onerror=&quot;a()&quot;&gt;&amp;amp;");
	strbuf_reset(&out);
	html_text(&out, NULL);
	expect(&out, "");
	html_text(&out, "\xff\x01\x1b[31m\xc3\xa4");
	expect(&out, "\\xff\\x01\\x1b[31m\xc3\xa4");
}

static void hostile_format(void **state)
{
	(void)state;
	scoped_strbuf struct strbuf out = { 0 };
	html_textf(&out, "%s, pid %u", "<b>", 7u);
	expect(&out, "&lt;b&gt;, pid 7");
	strbuf_reset(&out);
	html_element(&out, "td", NULL, "%s", "<i>%s%n");
	expect(&out, "<td>&lt;i&gt;%s%n</td>\n");
	strbuf_reset(&out);
	html_element(&out, "td", "n", "%s", "");
	expect(&out, "<td class=\"n\"></td>\n");
}

static void hostile_title(void **state)
{
	(void)state;
	scoped_strbuf struct strbuf out = { 0 };
	html_begin(&out, "</title><script>alert(1)</script>");
	html_section_begin(&out, "log", "Log");
	html_section_end(&out);
	html_end(&out);
	assert_non_null(strstr(strbuf_text(&out),
		"<title>&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;</title>"));
	assert_null(strstr(strbuf_text(&out), "<script>alert"));
	assert_non_null(
		strstr(strbuf_text(&out), "<section id=\"log\">\n<h2>Log</h2>\n</section>"));
	assert_null(strstr(strbuf_text(&out), "http")); /* nothing from outside */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_text),
		cmocka_unit_test(hostile_format),
		cmocka_unit_test(hostile_title),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
