/*
 * One self-contained HTML page: its frame, its sections, and foreign text inside it. Everything
 * that comes from a dump goes through html_text(), html_textf() or html_element(); markup is
 * written as constants.
 */
#ifndef ANALYZER_OUT_HTML_H
#define ANALYZER_OUT_HTML_H

#include "analyzer/base/strbuf.h"

/* Head, style (light and dark) and the title as heading. */
void html_begin(struct strbuf *out, const char *title);
void html_end(struct strbuf *out);

/* @id and @heading are constants. */
void html_section_begin(struct strbuf *out, const char *id, const char *heading);
void html_section_end(struct strbuf *out);

/* Foreign text, good as content and in a quoted attribute. NULL is nothing. */
void html_text(struct strbuf *out, const char *s);
/* Formatted first, then escaped as a whole. */
void html_textf(struct strbuf *out, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* <@tag class="@class">text</@tag>; @class may be NULL. */
void html_element(struct strbuf *out, const char *tag, const char *class, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

#endif
