/* %p formats of raw bytes whose number the field's width gives: hex strings, escaped strings,
 * bitmaps. */
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/printk_format_internal.h"

enum { HEX_MAX_BYTES = 64 /* printk-formats.rst: small buffers only */ };

/* The bytes of a field: its width, or 1. NULL in *ret, and all said, for no bytes and bad pointers.
 */
static struct err *read_field(const struct printk_pointer *p, size_t max, struct strbuf *out,
	uint8_t **ret, size_t *ret_n)
{
	size_t n = p->spec.width < 0 ? 1 : (size_t)p->spec.width;
	scoped_free uint8_t *b = NULL;
	*ret = NULL;
	n = n < max ? n : max;
	if (!n || printk_bad_pointer(p, out))
		return NULL;
	struct err *err = mem_alloc_array(n, 1, "bytes", &b);
	if (!err)
		err = printk_read(p->env, p->va, b, n);
	if (err)
		return err;
	*ret = take_ptr(b);
	*ret_n = n;
	return NULL;
}

/* ---- hex ----------------------------------------------- */

static struct err *print_hex(const struct printk_pointer *p, struct strbuf *out)
{
	char separator = *p->letters == 'C' ? ':' : *p->letters == 'D' ? '-' : ' ';
	scoped_free uint8_t *b = NULL;
	size_t n = 0;
	struct err *err = read_field(p, HEX_MAX_BYTES, out, &b, &n);
	for (size_t i = 0; b && i < n; i++) {
		if (i && *p->letters != 'N')
			strbuf_add_char(out, separator);
		strbuf_addf(out, "%02x", b[i]);
	}
	return err;
}

/* ---- escaped strings ----------------------------------------------- */

/* The classes of string_escape_mem(), lib/string_helpers.c. */
enum escape {
	ESCAPE_SPACE = 1,
	ESCAPE_SPECIAL = 2,
	ESCAPE_NULL = 4,
	ESCAPE_OCTAL = 8,
	ESCAPE_ANY = 15,
	ESCAPE_NP = 16,
	ESCAPE_HEX = 32,
};

static unsigned escape_flags(const char *letters)
{
	static const struct {
		char letter;
		unsigned flags;
	} known[] = { { 'a', ESCAPE_ANY }, { 'c', ESCAPE_SPECIAL }, { 'h', ESCAPE_HEX },
		{ 'n', ESCAPE_NULL }, { 'o', ESCAPE_OCTAL }, { 'p', ESCAPE_NP },
		{ 's', ESCAPE_SPACE } };
	unsigned flags = 0;
	for (; *letters; letters++)
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			flags |= known[i].letter == *letters ? known[i].flags : 0;
	return flags ? flags : ESCAPE_ANY | ESCAPE_NP;
}

/* lib/ctype.c: Latin-1 is printable, too */
static bool is_print(uint8_t c)
{
	return (c >= 0x20 && c < 0x7f) || c >= 0xa0;
}

static bool escape_letter(struct strbuf *b, uint8_t c, const char *from, const char *to)
{
	const char *at = c ? strchr(from, c) : NULL;
	if (at)
		strbuf_addf(b, "\\%c", to[at - from]);
	return at != NULL;
}

static void escape_byte(struct strbuf *b, uint8_t c, unsigned flags)
{
	if (flags & ESCAPE_NP && is_print(c))
		strbuf_add_char(b, (char)c);
	else if (flags & ESCAPE_SPACE && escape_letter(b, c, "\n\r\t\v\f", "nrtvf"))
		return;
	else if (flags & ESCAPE_SPECIAL && escape_letter(b, c, "\\\a\x1b\"", "\\ae\""))
		return;
	else if (flags & ESCAPE_NULL && !c)
		strbuf_add(b, "\\0");
	else if (flags & ESCAPE_OCTAL)
		strbuf_addf(b, "\\%03o", c);
	else if (flags & ESCAPE_HEX)
		strbuf_addf(b, "\\x%02x", c);
	else
		strbuf_add_char(b, (char)c);
}

static struct err *print_escaped(const struct printk_pointer *p, struct strbuf *out)
{
	unsigned flags = escape_flags(p->letters);
	scoped_free uint8_t *b = NULL;
	scoped_strbuf struct strbuf text = { 0 };
	size_t n = 0;
	struct err *err = read_field(p, PRINTK_MAX_WIDTH, out, &b, &n);
	for (size_t i = 0; b && i < n; i++)
		escape_byte(&text, b[i], flags);
	/* What these flags let through must not steer a terminal; their backslashes are not
	 * doubled. */
	strbuf_add_text(out, strbuf_text(&text), text.len);
	return err;
}

/* ---- bitmaps ----------------------------------------------- */

struct bitmap {
	const struct abi *abi;
	uint8_t *bytes;
	size_t nbits;
};

static bool bit(const struct bitmap *m, size_t i)
{
	size_t word_bits = m->abi->word_bytes * 8u;
	uint64_t word = load_uint(
		m->abi, m->bytes + i / word_bits * m->abi->word_bytes, m->abi->word_bytes);
	return word >> (i % word_bits) & 1;
}

/* The width is the number of bits; whole words are read. */
static struct err *read_bitmap(
	const struct printk_pointer *p, struct strbuf *out, struct bitmap *ret)
{
	struct printk_pointer words = *p;
	const struct abi *abi = types_abi(p->env->types);
	size_t nbits = p->spec.width > 0 ? (size_t)p->spec.width : 0, n;
	size_t word_bits = abi->word_bytes * 8u;
	*ret = (struct bitmap){ .abi = abi, .nbits = nbits };
	words.spec.width = (int)((nbits + word_bits - 1) / word_bits * abi->word_bytes);
	return read_field(&words, PRINTK_MAX_WIDTH, out, &ret->bytes, &n);
}

static struct err *print_bitmap(const struct printk_pointer *p, struct strbuf *out)
{
	struct bitmap m;
	struct err *err = read_bitmap(p, out, &m);
	scoped_free uint8_t *owned = m.bytes;
	/* Groups of 32 bits from the highest on, each of as many digits as its bits need. */
	for (size_t end = m.nbits; owned && end;) {
		size_t bits = end % 32 ? end % 32 : 32;
		uint32_t group = 0;
		for (size_t i = 0; i < bits; i++)
			group |= (uint32_t)bit(&m, end - bits + i) << i;
		strbuf_addf(out, end == m.nbits ? "%0*x" : ",%0*x", (int)(bits + 3) / 4, group);
		end -= bits;
	}
	return err;
}

static struct err *print_bitmap_list(const struct printk_pointer *p, struct strbuf *out)
{
	struct bitmap m;
	struct err *err = read_bitmap(p, out, &m);
	scoped_free uint8_t *owned = m.bytes;
	const char *comma = "";
	for (size_t i = 0; owned && i < m.nbits; i++) {
		size_t last = i;
		if (!bit(&m, i))
			continue;
		while (last + 1 < m.nbits && bit(&m, last + 1))
			last++;
		strbuf_addf(out, last > i ? "%s%zu-%zu" : "%s%zu", comma, i, last);
		comma = ",";
		i = last;
	}
	return err;
}

const struct printk_extension printk_buffer_extensions[] = {
	{ "h", "CDN",
		"bytes in hex, as many as the width says; with : or - or nothing between them",
		true, print_hex },
	{ "E", "achnops", "bytes as an escaped string, as many as the width says", true,
		print_escaped },
	{ "b", "", "a bitmap of as many bits as the width says: 0779", false, print_bitmap },
	{ "bl", "", "the same as a list: 0,3-6", false, print_bitmap_list },
	{ 0 },
};
