/* Escapes for XML. Knows which characters it must not hold as they are, and nothing of documents.
 */
#include "analyzer/out/xml.h"

#include <string.h>

/* https://www.w3.org/TR/xml/#charsets: U+FFFE and U+FFFF are no characters. */
static size_t noncharacter(const char *s, size_t n)
{
	return n >= 3 && (!memcmp(s, "\xef\xbf\xbe", 3) || !memcmp(s, "\xef\xbf\xbf", 3)) ? 3 : 0;
}

void xml_add_text(struct strbuf *out, const char *s, size_t n)
{
	/* Controls and broken UTF-8 first: after that only XML's own five characters are left. */
	scoped_strbuf struct strbuf clean = { 0 };
	strbuf_add_escaped(&clean, s, n);
	const char *p = strbuf_text(&clean), *end = p + clean.len;
	while (p < end) {
		size_t none = noncharacter(p, (size_t)(end - p));
		for (size_t i = 0; i < none; i++)
			strbuf_addf(out, "\\x%02x", (unsigned char)p[i]);
		if (none) {
			p += none;
			continue;
		}
		switch (*p) {
		case '&':
			strbuf_add(out, "&amp;");
			break;
		case '<':
			strbuf_add(out, "&lt;");
			break;
		case '>':
			strbuf_add(out, "&gt;");
			break;
		case '"':
			strbuf_add(out, "&quot;");
			break;
		case '\'':
			strbuf_add(out, "&#39;");
			break;
		default:
			strbuf_add_char(out, *p);
		}
		p++;
	}
}
