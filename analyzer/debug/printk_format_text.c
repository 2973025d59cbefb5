/* Numbers, texts and reads as printk's formats have them; knows no conversion letters. */
#include <string.h>

#include "analyzer/debug/printk_format_internal.h"

/* ---- numbers ----------------------------------------------- */

static size_t to_digits(uint64_t n, unsigned base, bool upper, char buf[static 24])
{
	const char *digit = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	size_t at = 24;
	do {
		buf[--at] = digit[n % base];
		n /= base;
	} while (n);
	memmove(buf, buf + at, 24 - at);
	return 24 - at;
}

static const char *sign_of(const struct printk_spec *spec, bool negative)
{
	return negative ? "-" : spec->plus ? "+" : spec->space ? " " : "";
}

void printk_add_number(
	struct strbuf *out, const struct printk_spec *spec, uint64_t n, enum printk_base base)
{
	bool negative = base == PRINTK_SIGNED && (int64_t)n < 0;
	unsigned radix = (unsigned)(base < 0 ? -base : base);
	const char *prefix = "";
	char digits[24];
	if (base == PRINTK_SIGNED)
		prefix = sign_of(spec, negative);
	else if (spec->alternate && radix == 16)
		prefix = base == PRINTK_HEX ? "0x" : "0X";
	else if (spec->alternate && radix == 8 && n)
		prefix = "0";
	size_t ndigits = to_digits(negative ? -n : n, radix, base == PRINTK_HEX_UPPER, digits);
	size_t shown = ndigits, width = spec->width > 0 ? (size_t)spec->width : 0;
	if (spec->precision > 0 && (size_t)spec->precision > shown)
		shown = (size_t)spec->precision;
	size_t used = strlen(prefix) + shown, fill = width > used ? width - used : 0;
	if (!spec->left && !spec->zero)
		strbuf_pad(out, ' ', fill);
	strbuf_add(out, prefix);
	if (!spec->left && spec->zero)
		strbuf_pad(out, '0', fill);
	strbuf_pad(out, '0', shown - ndigits);
	strbuf_add_bytes(out, digits, ndigits);
	if (spec->left)
		strbuf_pad(out, ' ', fill);
}

void printk_add_hex(struct strbuf *out, uint64_t n, unsigned bytes)
{
	const struct printk_spec spec = {
		.alternate = true, .zero = true, .width = (int)(2 + 2 * bytes), .precision = -1
	};
	printk_add_number(out, &spec, n, PRINTK_HEX);
}

/* ---- texts ----------------------------------------------- */

void printk_add_text(struct strbuf *out, const struct printk_spec *spec, const char *s, size_t n)
{
	scoped_strbuf struct strbuf b = { 0 };
	if (spec->precision >= 0 && (size_t)spec->precision < n)
		n = (size_t)spec->precision;
	strbuf_add_escaped(&b, s, n);
	size_t fill =
		spec->width > 0 && (size_t)spec->width > b.len ? (size_t)spec->width - b.len : 0;
	if (!spec->left)
		strbuf_pad(out, ' ', fill);
	strbuf_add(out, strbuf_text(&b));
	if (spec->left)
		strbuf_pad(out, ' ', fill);
}

/* lib/vsprintf.c:check_pointer_msg(): the first page and the last 4095 addresses are no places. */
bool printk_bad_pointer(const struct printk_pointer *p, struct strbuf *out)
{
	uint64_t last = types_abi(p->env->types)->word_bytes == 8 ? UINT64_MAX : UINT32_MAX;
	const char *what = !p->va ? "(null)" : "(efault)";
	if (p->va >= 4096 && p->va <= last - 4095)
		return false;
	printk_add_text(out, &p->spec, what, strlen(what));
	return true;
}

/* ---- reads ----------------------------------------------- */

struct err *printk_read(const struct debug_env *env, uint64_t va, void *buf, size_t n)
{
	if (!env->vs)
		return err_new(ERR_MISSING, "there is no memory to read");
	return vspace_read(env->vs, va, buf, n);
}

struct err *printk_read_uint(
	const struct debug_env *env, uint64_t va, unsigned bytes, uint64_t *ret)
{
	uint8_t b[8];
	struct err *err = printk_read(env, va, b, bytes);
	if (!err)
		*ret = load_uint(types_abi(env->types), b, bytes);
	return err;
}

struct err *printk_read_text(
	const struct debug_env *env, uint64_t va, size_t max, struct strbuf *ret)
{
	enum { CHUNK = 64 };
	uint64_t bad;
	if (!env->vs)
		return err_new(ERR_MISSING, "there is no memory to read");
	for (size_t n = 0; n < max;) {
		char b[CHUNK];
		uint64_t at = va + n;
		/* Chunks end where pages may: only at the end of memory do single bytes count. */
		size_t want = CHUNK - at % CHUNK;
		want = want < max - n ? want : max - n;
		enum fault_kind k = vspace_try_read(env->vs, at, b, want, &bad);
		if (k && want > 1) {
			want = 1;
			k = vspace_try_read(env->vs, at, b, 1, &bad);
		}
		if (k)
			return err_fault(k, at, "0x%llx", (unsigned long long)at);
		size_t length = strnlen(b, want);
		strbuf_add_bytes(ret, b, length);
		if (length < want)
			return NULL;
		n += want;
	}
	return NULL;
}

/* ---- literals ----------------------------------------------- */

size_t printk_raw_bytes(const char *s)
{
	if (*s != '\\')
		return 1;
	if (s[1] == 'x')
		return 2 + strspn(s + 2, "0123456789abcdefABCDEF");
	size_t octal = strspn(s + 1, "01234567");
	return 1 + (octal > 3 ? 3 : octal ? octal : 1);
}
