/* Growing strings, and the escaping that everything read from a dump goes through. */
#include "analyzer/base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/xalloc.h"

static void strbuf_reserve(struct strbuf *b, size_t more)
{
	if (b->cap - b->len > more)
		return;
	size_t cap = b->cap ? b->cap : 64;
	while (cap - b->len <= more)
		cap *= 2;
	b->s = xrealloc_array(b->s, cap, 1);
	b->cap = cap;
}

void strbuf_deinit(struct strbuf *b)
{
	free(b->s);
	*b = (struct strbuf){ 0 };
}

void strbuf_reset(struct strbuf *b)
{
	b->len = 0;
	if (b->s)
		b->s[0] = '\0';
}

void strbuf_add_bytes(struct strbuf *b, const void *p, size_t n)
{
	strbuf_reserve(b, n);
	if (n)
		memcpy(b->s + b->len, p, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void strbuf_add(struct strbuf *b, const char *s)
{
	strbuf_add_bytes(b, s, strlen(s));
}

void strbuf_add_char(struct strbuf *b, char c)
{
	strbuf_add_bytes(b, &c, 1);
}

void strbuf_pad(struct strbuf *b, char c, size_t n)
{
	strbuf_reserve(b, n);
	memset(b->s + b->len, c, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	char small[256];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n < sizeof(small)) {
		strbuf_add_bytes(b, small, (size_t)n);
		return;
	}
	strbuf_reserve(b, (size_t)n);
	va_start(ap, fmt);
	vsnprintf(b->s + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

/* Length of the well-formed, printable UTF-8 sequence at @s (RFC 3629), 0 when there is none. C1
 * controls (U+0080..U+009F) are refused: some terminals obey them. */
static size_t utf8_length(const unsigned char *s, size_t n)
{
	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || n < len)
		return 0;
	uint32_t cp = s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (s[i] & 0x3f);
	}
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	if (cp < least[len] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000) || cp < 0xa0)
		return 0;
	return len;
}

/* What strbuf_add_escaped() writes for one byte. */
static void add_escape(struct strbuf *b, unsigned char c)
{
	if (c == '\n')
		strbuf_add(b, "\\n");
	else if (c == '\t')
		strbuf_add(b, "\\t");
	else if (c == '\\')
		strbuf_add(b, "\\\\");
	else
		strbuf_addf(b, "\\x%02x", c);
}

/* Printable UTF-8 and the ASCII bytes that @keep names stay. */
static void add_filtered(struct strbuf *b, const char *s, size_t n,
	bool (*keep)(unsigned char c))
{
	const unsigned char *p = (const unsigned char *)s;
	while (n) {
		size_t len = *p == '\\' || *p < 0x20 ? keep(*p) : utf8_length(p, n);
		if (len)
			strbuf_add_bytes(b, p, len);
		else
			add_escape(b, *p);
		len += !len;
		p += len;
		n -= len;
	}
}

static bool keep_none(unsigned char c)
{
	(void)c;
	return false;
}

static bool keep_harmless(unsigned char c)
{
	return c == '\t' || c == '\\';
}

static bool keep_lines(unsigned char c)
{
	return c == '\n' || keep_harmless(c);
}

static bool keep_all(unsigned char c)
{
	(void)c;
	return true;
}

void strbuf_add_escaped(struct strbuf *b, const char *s, size_t n)
{
	add_filtered(b, s, n, keep_none);
}

void strbuf_add_text(struct strbuf *b, const char *s, size_t n)
{
	add_filtered(b, s, n, keep_harmless);
}

void strbuf_add_block(struct strbuf *b, const char *s, size_t n)
{
	add_filtered(b, s, n, keep_lines);
}

void strbuf_add_utf8(struct strbuf *b, const char *s, size_t n)
{
	add_filtered(b, s, n, keep_all);
}

const char *strbuf_text(const struct strbuf *b)
{
	return b->s ? b->s : "";
}

char *strbuf_take(struct strbuf *b)
{
	char *s = b->s ? b->s : xstrdup("");
	*b = (struct strbuf){ 0 };
	return s;
}
