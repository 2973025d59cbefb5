/* Tokens of expressions: C's, with $names and "..", without floating point. */
#include <ctype.h>
#include <string.h>

#include "analyzer/debug/expr_internal.h"

static struct err *wrong(size_t at, size_t *ret_at, const char *what)
{
	*ret_at = at;
	return err_new(ERR_USAGE, "%s", what);
}

static size_t identifier(const char *p)
{
	size_t n = 0;
	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

/* ---- numbers ----------------------------------------------- */

static int digit_value(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : 99;
}

/* Digits at *io in @base; false when they do not fit 64 bits. */
static bool digits(const char **io, int base, uint64_t *ret)
{
	uint64_t v = 0;
	bool fits = true;
	for (; digit_value(**io) < base; ++*io) {
		fits &= !__builtin_mul_overflow(v, (uint64_t)base, &v);
		fits &= !__builtin_add_overflow(v, (uint64_t)digit_value(**io), &v);
	}
	*ret = v;
	return fits;
}

/* C11 6.4.4.1: the first type that holds it; unsigned ones only with u, or without a decimal base.
 */
static const char *literal_type(
	const struct abi *abi, uint64_t v, unsigned nlong, bool is_unsigned, bool decimal)
{
	static const char *const name[3][2] = { { "int", "unsigned int" },
		{ "long", "unsigned long" }, { "long long", "unsigned long long" } };
	const unsigned bits[3] = { 32, abi->word_bytes * 8u, 64 };
	for (unsigned rank = nlong; rank < 3; rank++) {
		bool fits_signed = !(v >> (bits[rank] - 1));
		bool fits_unsigned = bits[rank] == 64 || !(v >> bits[rank]);
		if (!is_unsigned && fits_signed)
			return name[rank][0];
		if ((is_unsigned || !decimal) && fits_unsigned)
			return name[rank][1];
	}
	return name[2][1]; /* as gcc, which warns */
}

static bool scale(const char **p, uint64_t *v)
{
	static const char letters[] = "kmg";
	const char *l = **p ? strchr(letters, tolower((unsigned char)**p)) : NULL;
	if (!l)
		return true;
	++*p;
	return !__builtin_mul_overflow(*v, 1ull << (10 * (l - letters + 1)), v);
}

static struct err *lex_number(const struct abi *abi, const char *text, enum expr_flags flags,
	struct token *io, size_t *ret_at)
{
	const char *start = text + io->at, *p = start;
	int base = 10;
	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && isxdigit((unsigned char)p[2]))
		base = 16;
	else if (p[0] == '0' && (p[1] == 'b' || p[1] == 'B') && (p[2] == '0' || p[2] == '1'))
		base = 2;
	else if (p[0] == '0')
		base = 8;
	if (base == 16 || base == 2)
		p += 2;
	/* crash's eval: "80008000a" has a hex digit, so it is hexadecimal */
	size_t word = identifier(start);
	if ((flags & EXPR_CALCULATOR) && base <= 10 &&
		strspn(start, "0123456789abcdefABCDEF") == word &&
		strspn(start, "0123456789") < word)
		base = 16;
	if (!digits(&p, base, &io->number))
		return wrong(io->at, ret_at, "this number has more than 64 bits");
	if ((flags & EXPR_CALCULATOR) && !scale(&p, &io->number))
		return wrong(io->at, ret_at, "this number has more than 64 bits");
	unsigned nlong = 0, nunsigned = 0;
	for (; *p && strchr("uUlL", *p); p++) {
		nlong += *p == 'l' || *p == 'L';
		nunsigned += *p == 'u' || *p == 'U';
	}
	if (identifier(p) || nlong > 2 || nunsigned > 1)
		return wrong((size_t)(p - text), ret_at, "this does not belong to the number");
	if (*p == '.' && isdigit((unsigned char)p[1]))
		return wrong((size_t)(p - text), ret_at, "there is no floating point here");
	if (flags & EXPR_CALCULATOR)
		nlong = 2;
	io->type = literal_type(abi, io->number, nlong, nunsigned > 0, base == 10);
	io->kind = TOKEN_NUMBER;
	io->end = (size_t)(p - text);
	return NULL;
}

/* ---- characters and strings ----------------------------------------------- */

/* The character at *io below @limit, an escape undone; *io moves behind it. False for an unknown
 * escape. */
static bool unescape(const char **io, uint64_t limit, uint64_t *ret)
{
	static const char letter[] = "abfnrtve\\'\"?", meaning[] = "\a\b\f\n\r\t\v\x1b\\'\"?";
	const char *p = *io;
	uint64_t v = 0;
	if (*p != '\\') {
		*ret = (unsigned char)*p;
		*io = p + 1;
		return true;
	}
	const char *known = *++p ? strchr(letter, *p) : NULL;
	if (known) {
		*ret = (unsigned char)meaning[known - letter];
		*io = p + 1;
		return true;
	}
	const char *from = *p == 'x' ? ++p : p;
	int base = from[-1] == 'x' ? 16 : 8;
	while (digit_value(*p) < base && (base == 16 || p - from < 3) && v < limit)
		v = v * (unsigned)base + (unsigned)digit_value(*p++);
	*ret = v;
	*io = p;
	return p > from && v < limit;
}

/* One character of UTF-8 of at most three bytes, or an escape. */
static bool wide_character(const char **io, uint64_t *ret)
{
	const unsigned char *p = (const unsigned char *)*io;
	size_t more = *p >= 0xe0 && *p < 0xf0 ? 2 : *p >= 0xc2 && *p < 0xe0 ? 1 : 0;
	if (*p < 0x80)
		return unescape(io, 1 << 16, ret);
	*ret = more == 2 ? *p & 0xfu : *p & 0x1fu;
	for (size_t i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return false;
		*ret = *ret << 6 | (p[i] & 0x3fu);
	}
	*io += 1 + more;
	return more && (more == 1 || *ret >= 0x800);
}

/* L'a': the kernel's wchar_t is a u16 (include/linux/nls.h, -fshort-wchar). io->at is at the L. */
static struct err *lex_wide(const char *text, struct token *io, size_t *ret_at)
{
	const char *p = text + io->at + 2;
	if (p[-1] == '"')
		return wrong(io->at, ret_at, "wide strings are not known here, L'a' is");
	if (!*p || *p == '\'' || !wide_character(&p, &io->number) || *p != '\'')
		return wrong(io->at, ret_at, "between L'' belongs one character of 16 bits");
	io->end = (size_t)(p + 1 - text);
	io->kind = TOKEN_CHAR;
	io->type = "unsigned short";
	return NULL;
}

static struct err *lex_quoted(struct arena *a, const char *text, struct token *io, size_t *ret_at)
{
	const char *p = text + io->at, quote = *p++;
	char *s = arena_alloc(a, strlen(p) + 1);
	size_t n = 0;
	while (*p && *p != quote) {
		size_t at = (size_t)(p - text);
		uint64_t c;
		if (!unescape(&p, 256, &c))
			return wrong(at, ret_at, "an unknown escape");
		s[n++] = (char)c;
	}
	if (*p != quote)
		return wrong(io->at, ret_at, "the quote is not closed");
	io->end = (size_t)(p + 1 - text);
	io->text = s;
	io->text_bytes = n;
	io->kind = quote == '"' ? TOKEN_STRING : TOKEN_CHAR;
	if (quote == '"')
		return NULL;
	if (n != 1)
		return wrong(io->at, ret_at, "between '' belongs one character");
	io->number = (unsigned char)s[0]; /* plain char has no sign on ARM (AAPCS) */
	io->type = "char";
	return NULL;
}

/* ---- the face ----------------------------------------------- */

/* Longest first. */
static size_t operator_bytes(const char *p)
{
	static const char *const ops[] = { "<<=", ">>=", "<<", ">>", "<=", ">=", "==", "!=", "&&",
		"||", "->", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", ".." };
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strncmp(p, ops[i], strlen(ops[i])))
			return strlen(ops[i]);
	return *p && strchr("+-*/%&|^~!<>=?:.,()[]@", *p) ? 1 : 0;
}

struct err *expr_lex(const struct abi *abi, struct arena *a, const char *text, size_t at,
	enum expr_flags flags, struct token *ret, size_t *ret_at)
{
	while (isspace((unsigned char)text[at]))
		at++;
	const char *p = text + at;
	*ret = (struct token){ .at = at, .end = at };
	if (!*p)
		return NULL;
	if (isdigit((unsigned char)*p))
		return lex_number(abi, text, flags, ret, ret_at);
	if (*p == '"' || *p == '\'')
		return lex_quoted(a, text, ret, ret_at);
	if (*p == 'L' && (p[1] == '\'' || p[1] == '"'))
		return lex_wide(text, ret, ret_at);
	size_t dollars = *p == '$' ? 1 + (p[1] == '$') : 0;
	size_t n = dollars + identifier(p + dollars);
	if (n >= EXPR_NAME_BYTES)
		return wrong(at, ret_at, "this name is too long");
	if (n) {
		ret->kind = dollars ? TOKEN_DOLLAR : TOKEN_NAME;
		ret->text = arena_strndup(a, p + (dollars > 0), n - (dollars > 0));
		ret->end = at + n;
		return NULL;
	}
	n = operator_bytes(p);
	if (!n)
		return wrong(at, ret_at, "this character begins nothing that is known");
	ret->kind = TOKEN_OP;
	for (size_t i = 0; i < n; i++)
		ret->op = ret->op << 8 | (unsigned char)p[i];
	ret->end = at + n;
	return NULL;
}
