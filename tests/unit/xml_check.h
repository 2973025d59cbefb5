/* Whether a text is well-formed XML, as far as a document of elements, quoted attributes, text and
 * CDATA goes. Returns NULL, or what is wrong. */
#ifndef TESTS_UNIT_XML_CHECK_H
#define TESTS_UNIT_XML_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { XML_DEPTH = 16, XML_NAME = 32 };

static const char *xml_text_wrong(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] < 0x20 && p[i] != '\n' && p[i] != '\t')
			return "a control character";
		if (p[i] == '<')
			return "a < in text";
		if (p[i] == 0xef && i + 2 < n && p[i + 1] == 0xbf && p[i + 2] >= 0xbe)
			return "no character";
		if (p[i] != '&')
			continue;
		static const char *const known[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };
		bool good = false;
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			good |= n - i >= strlen(known[k]) &&
				!memcmp(p + i, known[k], strlen(known[k]));
		if (!good)
			return "a bare &";
	}
	return NULL;
}

/* The end of the tag that begins at @p, quotes respected; NULL: it has none. */
static const char *xml_tag_end(const char *p, const char *end)
{
	char quote = 0;
	for (; p < end; p++) {
		if (quote ? *p == quote : *p == '>')
			quote = 0;
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
		if (!quote && *p == '>')
			return p;
	}
	return NULL;
}

static inline const char *xml_wrong(const char *text, size_t n)
{
	const char *p = text, *end = text + n;
	char open[XML_DEPTH][XML_NAME];
	unsigned depth = 0, roots = 0;
	while (p < end) {
		const char *lt = memchr(p, '<', (size_t)(end - p));
		const char *wrong =
			xml_text_wrong((const unsigned char *)p, (size_t)((lt ? lt : end) - p));
		if (wrong)
			return wrong;
		if (!lt)
			break;
		if (end - lt > 9 && !memcmp(lt, "<![CDATA[", 9)) {
			const char *close = memmem(lt, (size_t)(end - lt), "]]>", 3);
			if (!close)
				return "CDATA without an end";
			p = close + 3;
			continue;
		}
		const char *gt = xml_tag_end(lt, end);
		if (!gt)
			return "a tag without an end";
		p = gt + 1;
		if (lt[1] == '?')
			continue;
		bool closes = lt[1] == '/';
		const char *name = lt + 1 + closes;
		size_t len = strcspn(name, " />");
		if (!len || len >= XML_NAME)
			return "a name";
		if (closes) {
			if (!depth-- || strlen(open[depth]) != len ||
				memcmp(open[depth], name, len))
				return "a tag closes that is not open";
		} else if (gt[-1] != '/') {
			if (depth == XML_DEPTH)
				return "too deep";
			roots += !depth;
			memcpy(open[depth], name, len);
			open[depth++][len] = '\0';
		}
	}
	return depth ? "an element without an end" : roots != 1 ? "not one root" : NULL;
}

#endif
