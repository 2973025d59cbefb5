/* Number parsing without locale, sign surprises or trailing rubbish. */
#include "analyzer/base/number.h"

#include <stddef.h>

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

static bool parse_digits(const char *s, unsigned base, uint64_t *ret)
{
	uint64_t v = 0;
	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned d = (unsigned)digit_value(*s);
		if (d >= base || __builtin_mul_overflow(v, base, &v) ||
			__builtin_add_overflow(v, d, &v))
			return false;
	}
	*ret = v;
	return true;
}

static bool has_hex_prefix(const char *s)
{
	return s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
}

bool number_parse(const char *s, uint64_t *ret)
{
	return has_hex_prefix(s) ? parse_digits(s + 2, 16, ret) : parse_digits(s, 10, ret);
}

bool number_parse_hex(const char *s, uint64_t *ret)
{
	return parse_digits(has_hex_prefix(s) ? s + 2 : s, 16, ret);
}

bool number_parse_signed(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	uint64_t v;
	if (!number_parse(s + negative, &v) || v > (uint64_t)INT64_MAX + negative)
		return false;
	*ret = negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}
