/* Scalars as text: integers, characters, enumerators and flags, pointers with what they point to.
 */
#include <string.h>

#include "analyzer/debug/expr.h"
#include "analyzer/debug/value_internal.h"

enum { STRING_BYTES = 64 /* of what a char pointer points to */ };

void print_fault(struct printer *p, enum fault_kind k)
{
	strbuf_addf(p->out, "<%s>", fault_text(k));
}

static bool is_char(const struct type *t)
{
	t = type_strip(t);
	return t->kind == TYPE_INT && t->encoding == INT_CHAR && t->size == 1;
}

/* What is declared unsigned char or u8 is seldom text. */
static bool is_plain_char(const struct type *t)
{
	const char *name = type_strip(t)->name;
	return is_char(t) && name && !strcmp(name, "char");
}

/* ---- integers ----------------------------------------------- */

static void print_int(struct printer *p, const struct type *t, uint64_t n)
{
	unsigned bits = t->size && t->size < 8 ? (unsigned)t->size * 8 : 64;
	if (t->encoding == INT_BOOL && n <= 1)
		strbuf_add(p->out, n ? "true" : "false");
	else if (p->hex)
		strbuf_addf(p->out, "0x%llx",
			(unsigned long long)(bits < 64 ? n & ((1ull << bits) - 1) : n));
	else if (t->is_signed)
		strbuf_addf(p->out, "%lld", (long long)n);
	else
		strbuf_addf(p->out, "%llu", (unsigned long long)n);
	if (t->encoding == INT_CHAR && !p->hex) {
		char c = (char)n;
		strbuf_add(p->out, " '");
		if (c == '\'')
			strbuf_add(p->out, "\\'");
		else if (n & 0xff)
			strbuf_add_escaped(p->out, &c, 1);
		else
			strbuf_add(p->out, "\\000");
		strbuf_add_char(p->out, '\'');
	}
}

static void print_int128(struct printer *p, const struct type *t, const struct value *v)
{
	unsigned __int128 n = (unsigned __int128)v->high << 64 | v->number;
	char digits[48];
	size_t at = sizeof(digits);
	bool negative = t->is_signed && v->high >> 63 && !p->hex;
	unsigned base = p->hex ? 16 : 10;
	if (negative)
		n = -n;
	do {
		digits[--at] = "0123456789abcdef"[(unsigned)(n % base)];
		n /= base;
	} while (n);
	strbuf_add(p->out, p->hex ? "0x" : negative ? "-" : "");
	strbuf_add_bytes(p->out, digits + at, sizeof(digits) - at);
}

/* What no integer holds: floating point (absent from kernels), odd sizes. */
static void print_bytes(struct printer *p, const struct value *v, uint64_t size)
{
	uint8_t b[64];
	if (!size || size > sizeof(b) || v->computed) {
		strbuf_add(p->out, "<incomplete type>");
		return;
	}
	enum fault_kind k = vspace_try_read(p->env->vs, v->va, b, size, NULL);
	if (k) {
		print_fault(p, k);
		return;
	}
	bool big = types_abi(p->env->types)->big_endian, leading = true;
	strbuf_add(p->out, "0x");
	for (uint64_t i = 0; i < size; i++) {
		uint8_t byte = b[big ? i : size - 1 - i];
		if (leading && !byte && i + 1 < size)
			continue;
		strbuf_addf(p->out, leading ? "%x" : "%02x", byte);
		leading = false;
	}
}

/* ---- enums ----------------------------------------------- */

/* A set of flags: at least three single bits, and nothing that is not made of them. Two would make
 * "A | B" of the third value of an enum that counts. */
static bool is_flag_set(const struct type *t)
{
	uint64_t singles = 0, all = 0;
	for (uint32_t i = 0; i < t->nenumerators; i++) {
		uint64_t v = (uint64_t)t->enumerator[i].value;
		all |= v;
		if (!(v & (v - 1)))
			singles |= v;
	}
	return __builtin_popcountll(singles) >= 3 && !(all & ~singles);
}

static void print_flags(struct printer *p, const struct type *t, uint64_t n)
{
	const char *sep = "(";
	for (uint32_t i = 0; i < t->nenumerators; i++) {
		uint64_t bit = (uint64_t)t->enumerator[i].value;
		if (bit & (bit - 1) || !(n & bit))
			continue;
		strbuf_addf(p->out, "%s%s", sep, t->enumerator[i].name);
		sep = " | ";
		n &= ~bit;
	}
	if (n)
		strbuf_addf(p->out, "%s0x%llx", sep, (unsigned long long)n);
	strbuf_add_char(p->out, ')');
}

static void print_enum(struct printer *p, const struct type *t, uint64_t n)
{
	scoped_err struct err *e = type_complete(p->env->types, t);
	uint64_t mask = t->size < 8 ? (1ull << t->size * 8) - 1 : UINT64_MAX;
	for (uint32_t i = 0; !e && i < t->nenumerators; i++)
		if ((uint64_t)t->enumerator[i].value == n) {
			strbuf_add(p->out, t->enumerator[i].name);
			return;
		}
	if (!e && n && is_flag_set(t))
		print_flags(p, t, n & mask);
	else
		print_int(p, t, n);
}

/* ---- pointers ----------------------------------------------- */

void print_symbol(struct printer *p, uint64_t va)
{
	struct symbol s;
	if (!p->env->syms || !symtab_at(p->env->syms, va, &s))
		return;
	/* Behind a symbol's end lies what has no name of its own: literals mostly. */
	if (s.object_size && va - s.va >= s.object_size)
		return;
	strbuf_addf(p->out, " <%s", s.name);
	if (va != s.va)
		strbuf_addf(p->out, "+%llu", (unsigned long long)(va - s.va));
	if (s.module)
		strbuf_addf(p->out, " [%s]", s.module);
	strbuf_add_char(p->out, '>');
}

static void print_pointer(struct printer *p, const struct type *t, uint64_t va)
{
	strbuf_addf(p->out, "0x%llx", (unsigned long long)va);
	if (!va)
		return;
	print_symbol(p, va);
	char s[STRING_BYTES + 1];
	if (!t->target || !is_plain_char(t->target) || !p->env->vs)
		return;
	scoped_err struct err *e = vspace_read_str(p->env->vs, va, s, sizeof(s));
	if (e)
		return;
	size_t n = strlen(s);
	strbuf_add(p->out, " \"");
	strbuf_add_escaped(p->out, s, n);
	strbuf_add(p->out, n == STRING_BYTES ? "\"..." : "\"");
}

void print_scalar(struct printer *p, const struct value *v)
{
	const struct type *t = type_strip(v->type);
	struct value n = *v;
	bool wide = t->kind == TYPE_INT && t->size == 16;
	if (!wide && !type_is_number(t)) {
		print_bytes(p, v, t->size);
		return;
	}
	scoped_err struct err *e =
		wide ? expr_load(p->env, &n) : value_number(p->env, v, &n.number);
	if (e && e->code == ERR_FAULT)
		print_fault(p, e->fault);
	else if (e)
		strbuf_addf(p->out, "<%s>", e->msg);
	else if (wide)
		print_int128(p, t, &n);
	else if (t->kind == TYPE_POINTER)
		print_pointer(p, t, n.number);
	else if (t->kind == TYPE_ENUM)
		print_enum(p, t, n.number);
	else
		print_int(p, t, n.number);
}

/* ---- char arrays ----------------------------------------------- */

/* Bytes that are declared without a sign are text only when they look like it. */
static bool looks_like_text(const char *s, size_t end)
{
	for (size_t i = 0; i < end; i++)
		if ((unsigned char)s[i] < ' ' || (unsigned char)s[i] > '~')
			return false;
	return end > 0;
}

/* Bytes as such, equal ones folded from REPEATS on. */
static void print_hex_bytes(struct printer *p, const char *s, uint64_t n, uint64_t count)
{
	enum { REPEATS = 10 };
	uint64_t run;
	strbuf_add_char(p->out, '{');
	for (uint64_t i = 0; i < n; i += run) {
		for (run = 1; i + run < n && s[i + run] == s[i]; run++)
			;
		strbuf_addf(p->out, i ? " %02x" : "%02x", (unsigned char)s[i]);
		if (run >= REPEATS)
			strbuf_addf(p->out, " <repeats %llu times>", (unsigned long long)run);
		else
			run = 1;
	}
	strbuf_add(p->out, n < count ? " ...}" : "}");
}

bool print_text(struct printer *p, const struct value *v, uint64_t count)
{
	const struct type *of = type_strip(v->type)->target;
	char s[1024];
	uint64_t n = count < sizeof(s) ? count : sizeof(s);
	if (!is_char(of) || !count)
		return false;
	if (v->text)
		memcpy(s, v->text, n);
	else if (vspace_try_read(p->env->vs, v->va, s, n, NULL))
		return false;
	size_t end = n;
	while (end && !s[end - 1])
		end--;
	if (!is_plain_char(of) && !looks_like_text(s, end)) {
		print_hex_bytes(p, s, n, count);
		return true;
	}
	/* Trailing zeroes are dropped, what follows an inner one is shown. */
	strbuf_add_char(p->out, '"');
	for (size_t i = 0; i < end;) {
		size_t run = strnlen(s + i, end - i);
		strbuf_add_escaped(p->out, s + i, run);
		for (i += run; i < end && !s[i]; i++)
			strbuf_add(p->out, "\\000");
	}
	strbuf_add(p->out, n < count ? "\"..." : "\"");
	return true;
}
