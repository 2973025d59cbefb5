/* The frame of a page: style sheet, search script, sections. Knows nothing of what stands in them;
 * what foreign bytes must not be is xml.c's. */
#include "analyzer/out/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/xalloc.h"
#include "analyzer/base/scope.h"
#include "analyzer/out/xml.h"

static const char style[] =
	"<style>\n"
	":root{color-scheme:light "
	"dark;--bg:#fff;--fg:#1c1c1e;--dim:#686870;--line:#d8d8de;--soft:#f4f4f7;"
	"--bad:#c62828;--good:#2e7d32;--warn:#b26a00;--blue:#2b62b8}\n"
	"@media "
	"(prefers-color-scheme:dark){:root{--bg:#17181c;--fg:#e6e6ea;--dim:#9a9aa4;--line:#3a3b43;"
	"--soft:#212229;--bad:#ff7b72;--good:#7ecb84;--warn:#e5b567;--blue:#7aa8f0}}\n"
	"body{margin:0 auto;max-width:76rem;padding:0 1rem "
	"3rem;background:var(--bg);color:var(--fg);"
	"font:16px/1.45 system-ui,sans-serif}\n"
	"h1{font-size:1.4rem;margin:1rem 0;overflow-wrap:anywhere}\n"
	"h2{font-size:1.1rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}\n"
	"table{border-collapse:collapse;font-size:.9rem}\n"
	"th,td{text-align:left;padding:.15rem .7rem .15rem "
	"0;vertical-align:top;overflow-wrap:anywhere}\n"
	"th{color:var(--dim);font-weight:600;overflow-wrap:normal}td.n{text-align:right;font-"
	"family:monospace;white-"
	"space:nowrap}\n"
	"code,pre,.m{font-family:monospace;font-size:.85rem;overflow-wrap:anywhere}\n"
	"pre{max-height:32rem;overflow:auto}.wide{overflow-x:auto}.dim{color:var(--dim)}.bad{color:"
	"var(--bad);font-weight:600}\n"
	".memory,.log,.inference{white-space:nowrap}.memory{color:var(--good)}.log{color:var(--"
	"blue)}.inference{color:var(--warn)}\n"
	"ol.stack{font-family:monospace;font-size:.85rem;padding-left:3rem;overflow-wrap:anywhere}"
	"\n"
	"li.culprit{color:var(--bad);font-weight:700}\n"
	"input{font:inherit;width:100%;max-width:24rem;box-sizing:border-box;padding:.3rem .5rem;"
	"background:var(--soft);color:var(--fg);border:1px solid var(--line)}\n"
	"svg.draw{width:100%;height:auto;display:block;margin:.5rem 0}\n"
	"svg.draw text{font:12px monospace;fill:var(--fg)}\n"
	"svg.draw rect{stroke:var(--bg);stroke-width:1}\n"
	".k0{fill:#8fb8ea}.k1{fill:#e9a3a3}.k2{fill:#a6d3a0}.k3{fill:#d9c38a}.k4{fill:#c7b2e6}.k5{"
	"fill:#9ad0d0}\n"
	"svg.draw .in{fill:#1c1c1e}svg.draw .none{fill:var(--soft);stroke:var(--line)}\n"
	"svg.draw .hit{fill:none;stroke:var(--bad);stroke-width:3}svg.draw .damage{fill:#d32f2f}\n"
	"</style>\n";

/* Hides the tasks whose rows do not hold the words. */
static const char script[] =
	"<script>\n"
	"(function(){var box=document.getElementById('task-search');if(!box)return;\n"
	"var rows=document.querySelectorAll('#task-table tbody "
	"tr'),n=document.getElementById('task-count');\n"
	"function search(){var want=box.value.toLowerCase().split(/\\s+/),shown=0;\n"
	"rows.forEach(function(r){var text=r.textContent.toLowerCase();\n"
	"r.hidden=!want.every(function(w){return text.indexOf(w)>=0});if(!r.hidden)shown++;});\n"
	"n.textContent=shown+' of '+rows.length;}\n"
	"box.addEventListener('input',search);search();})();\n"
	"</script>\n";

void html_begin(struct strbuf *out, const char *title)
{
	strbuf_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
			"<link rel=\"icon\" href=\"data:,\">\n");
	html_element(out, "title", NULL, "%s", title);
	strbuf_add(out, style);
	strbuf_add(out, "</head>\n<body>\n");
}

void html_end(struct strbuf *out)
{
	strbuf_add(out, script);
	strbuf_add(out, "</body>\n</html>\n");
}

void html_section_begin(struct strbuf *out, const char *id, const char *heading)
{
	strbuf_addf(out, "<section id=\"%s\">\n<h2>%s</h2>\n", id, heading);
}

void html_section_end(struct strbuf *out)
{
	strbuf_add(out, "</section>\n");
}

void html_text(struct strbuf *out, const char *s)
{
	if (s)
		xml_add_text(out, s, strlen(s));
}

static void add_formatted(struct strbuf *out, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
static void add_formatted(struct strbuf *out, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n <= 0)
		return;
	scoped_free char *text = xcalloc(1, (size_t)n + 1);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	xml_add_text(out, text, (size_t)n);
}

void html_textf(struct strbuf *out, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add_formatted(out, fmt, ap);
	va_end(ap);
}

void html_element(struct strbuf *out, const char *tag, const char *class, const char *fmt, ...)
{
	va_list ap;
	strbuf_addf(out, class ? "<%s class=\"%s\">" : "<%s>", tag, class);
	va_start(ap, fmt);
	add_formatted(out, fmt, ap);
	va_end(ap);
	strbuf_addf(out, "</%s>\n", tag);
}
