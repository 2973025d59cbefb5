/*
 * Values as text, in the form that gdb and crash have made usual. Each number is read on its own:
 * what cannot be read is marked where it stands and costs nothing else.
 */
#include <stdio.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/debug/types_internal.h"
#include "analyzer/debug/value.h"

enum {
	DEFAULT_DEPTH = 16,
	DEFAULT_ELEMENTS = 200,
	REPEATS = 10,		/* equal elements from which on they are folded, as in gdb */
	COMPARE_BYTES = 4096,	/* larger elements are not compared */
	STRING_BYTES = 64,	/* of what a char pointer points to */
	OUTPUT_BYTES = 8 << 20, /* far above any real struct: ends hostile types */
};

struct printer {
	const struct debug_env *env;
	struct strbuf *out;
	bool hex;
	unsigned max_depth, max_elements;
	size_t limit; /* of out->len */
};

static struct err *print(struct printer *p, const struct value *v, unsigned depth);

static void indent(struct printer *p, unsigned depth)
{
	strbuf_pad(p->out, ' ', depth * 2);
}

static void print_fault(struct printer *p, enum fault_kind k)
{
	strbuf_addf(p->out, "<%s>", fault_text(k));
}

/* ---- numbers ----------------------------------------------- */

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
		if (n & 0xff)
			strbuf_add_escaped(p->out, &c, 1);
		else
			strbuf_add(p->out, "\\000");
		strbuf_add_char(p->out, '\'');
	}
}

/* An enumerator's name, or the flags that make up the value when all are single bits, or a number.
 */
static void print_enum(struct printer *p, const struct type *t, uint64_t n)
{
	scoped_err struct err *e = type_complete(p->env->types, t);
	uint64_t rest = n;
	if (e) {
		print_int(p, t, n);
		return;
	}
	for (uint32_t i = 0; i < t->nenumerators; i++)
		if ((uint64_t)t->enumerator[i].value == n) {
			strbuf_add(p->out, t->enumerator[i].name);
			return;
		}
	for (uint32_t i = 0; i < t->nenumerators; i++) {
		uint64_t bit = (uint64_t)t->enumerator[i].value;
		if (bit & (bit - 1))
			rest = 0; /* not a set of flags */
		else
			rest &= ~bit;
	}
	if (!n || rest || !t->nenumerators || t->is_signed) {
		print_int(p, t, n);
		return;
	}
	const char *sep = "(";
	for (uint32_t i = 0; i < t->nenumerators; i++) {
		uint64_t bit = (uint64_t)t->enumerator[i].value;
		if (!(n & bit))
			continue;
		strbuf_addf(p->out, "%s%s", sep, t->enumerator[i].name);
		sep = " | ";
		n &= ~bit;
	}
	strbuf_add(p->out, *sep == '(' ? "0" : ")");
}

static bool is_char(const struct type *t)
{
	t = type_strip(t);
	return t->kind == TYPE_INT && t->encoding == INT_CHAR && t->size == 1;
}

static void print_symbol(struct printer *p, uint64_t va)
{
	struct symbol s;
	if (!p->env->syms || !symtab_at(p->env->syms, va, &s))
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
	/* Plain char only: what is declared unsigned char or u8 * is seldom text. */
	const struct type *to = t->target ? type_strip(t->target) : NULL;
	if (!to || !is_char(to) || !to->name || strcmp(to->name, "char"))
		return;
	scoped_err struct err *e = vspace_read_str(p->env->vs, va, s, sizeof(s));
	if (e)
		return;
	size_t n = strlen(s);
	strbuf_add(p->out, " \"");
	strbuf_add_escaped(p->out, s, n);
	strbuf_add(p->out, n == STRING_BYTES ? "\"..." : "\"");
}

static void print_number(struct printer *p, const struct value *v, const struct type *t)
{
	uint64_t n;
	scoped_err struct err *e = value_number(p->env, v, &n);
	if (e && e->code == ERR_FAULT)
		print_fault(p, e->fault);
	else if (e)
		strbuf_addf(p->out, "<%s>", e->msg);
	else if (t->kind == TYPE_POINTER)
		print_pointer(p, t, n);
	else if (t->kind == TYPE_ENUM)
		print_enum(p, t, n);
	else
		print_int(p, t, n);
}

/* What no number of eight bytes holds: __int128, floating point (absent from kernels), odd sizes.
 */
static void print_bytes(struct printer *p, const struct value *v, uint64_t size)
{
	uint8_t b[64];
	if (!size || size > sizeof(b)) {
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

/* ---- arrays ----------------------------------------------- */

/* A char array as a string: trailing zeroes are dropped, what follows an inner one is shown. */
static bool print_string(struct printer *p, const struct value *v, uint64_t count)
{
	char s[1024];
	size_t n = count < sizeof(s) ? count : sizeof(s);
	enum fault_kind k = vspace_try_read(p->env->vs, v->va, s, n, NULL);
	if (k)
		return false; /* element by element: some may be there */
	size_t end = n;
	while (end && !s[end - 1])
		end--;
	size_t text = strnlen(s, end);
	strbuf_add_char(p->out, '"');
	strbuf_add_escaped(p->out, s, text);
	for (size_t i = text; i < end; i++) {
		if (s[i])
			strbuf_add_escaped(p->out, s + i, 1);
		else
			strbuf_add(p->out, "\\000");
	}
	strbuf_add(p->out, n < count ? "\"..." : "\"");
	return true;
}

/* How many elements from @i on hold the same bytes as element @i, or are missing for the same
 * reason. */
static uint64_t equal_run(struct printer *p, uint64_t va, uint64_t size, uint64_t i, uint64_t count)
{
	uint8_t first[COMPARE_BYTES], other[COMPARE_BYTES];
	uint64_t n = 1;
	if (!size || size > COMPARE_BYTES)
		return 1;
	enum fault_kind k = vspace_try_read(p->env->vs, va + i * size, first, size, NULL);
	while (i + n < count && !interrupt_pending() &&
		vspace_try_read(p->env->vs, va + (i + n) * size, other, size, NULL) == k &&
		(k || !memcmp(first, other, size)))
		n++;
	return n;
}

static struct err *print_array(
	struct printer *p, const struct value *v, const struct type *t, unsigned depth)
{
	const struct type *element = type_strip(t->target);
	bool nested = element->kind == TYPE_STRUCT || element->kind == TYPE_UNION;
	uint64_t shown = 0;
	if (is_char(t->target) && t->count && print_string(p, v, t->count))
		return NULL;
	strbuf_add_char(p->out, '{');
	for (uint64_t i = 0; i < t->count; shown++) {
		struct err *e = interrupt_check();
		if (e)
			return e;
		if (i)
			strbuf_add(p->out, ", ");
		if (shown >= p->max_elements) {
			strbuf_add(p->out, "...");
			break;
		}
		struct value one = { .type = t->target, .va = v->va + i * element->size };
		uint64_t run = equal_run(p, v->va, element->size, i, t->count);
		e = print(p, &one, depth + nested);
		if (e)
			return e;
		if (run < REPEATS) {
			i++;
			continue;
		}
		strbuf_addf(p->out, " <repeats %llu times>", (unsigned long long)run);
		i += run;
	}
	strbuf_add_char(p->out, '}');
	return NULL;
}

/* ---- structs ----------------------------------------------- */

/* FAULT_NONE when any page of the object can be read: then its members say what is missing. */
static enum fault_kind whole_fault(struct printer *p, uint64_t va, uint64_t size)
{
	enum { PAGE = 4096, MAX_PAGES = 64 };
	enum fault_kind k = FAULT_NONE;
	uint8_t byte;
	for (uint64_t at = 0, pages = 0; at < size && pages < MAX_PAGES; pages++) {
		k = vspace_try_read(p->env->vs, va + at, &byte, 1, NULL);
		if (!k)
			return FAULT_NONE;
		at += PAGE - (va + at) % PAGE;
	}
	return k;
}

static struct err *print_struct(
	struct printer *p, const struct value *v, const struct type *t, unsigned depth)
{
	enum fault_kind k = whole_fault(p, v->va, t->size);
	if (k) {
		print_fault(p, k);
		return NULL;
	}
	struct err *e = type_complete(p->env->types, t);
	if (e && e->code == ERR_INTERRUPTED)
		return e;
	if (e) {
		err_drop(e);
		strbuf_add(p->out, "<incomplete type>");
		return NULL;
	}
	strbuf_add(p->out, "{\n");
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->member[i];
		struct value part = {
			.type = m->type,
			.va = v->va + m->bit_offset / 8,
			.bit_offset = m->bit_size ? (uint32_t)(m->bit_offset % 8) : 0,
			.bit_size = m->bit_size,
		};
		indent(p, depth + 1);
		if (m->name)
			strbuf_addf(p->out, "%s = ", m->name);
		e = print(p, &part, depth + 1);
		if (e)
			return e;
		strbuf_add(p->out, i + 1 < t->nmembers ? ",\n" : "\n");
	}
	indent(p, depth);
	strbuf_add_char(p->out, '}');
	return NULL;
}

static struct err *print(struct printer *p, const struct value *v, unsigned depth)
{
	const struct type *t = type_strip(v->type);
	struct err *e = interrupt_check();
	if (e)
		return e;
	if (p->out->len > p->limit)
		return err_new(ERR_LIMIT, "more than %d MB of output: cut", OUTPUT_BYTES >> 20);
	switch (t->kind) {
	case TYPE_STRUCT:
	case TYPE_UNION:
		if (depth < p->max_depth)
			return print_struct(p, v, t, depth);
		strbuf_add(p->out, "{...}");
		return NULL;
	case TYPE_ARRAY:
		if (depth < p->max_depth)
			return print_array(p, v, t, depth);
		strbuf_add(p->out, "{...}");
		return NULL;
	case TYPE_FUNCTION:
		strbuf_addf(p->out, "0x%llx", (unsigned long long)v->va);
		print_symbol(p, v->va);
		return NULL;
	default:
		if (v->computed || type_is_number(t))
			print_number(p, v, t);
		else
			print_bytes(p, v, t->size);
		return NULL;
	}
}

struct err *value_format(const struct debug_env *env, const struct value *v,
	const struct value_style *style, struct strbuf *out)
{
	struct printer p = {
		.env = env,
		.out = out,
		.hex = style && style->hex,
		.max_depth = style && style->max_depth ? style->max_depth : DEFAULT_DEPTH,
		.max_elements =
			style && style->max_elements ? style->max_elements : DEFAULT_ELEMENTS,
		.limit = out->len + OUTPUT_BYTES,
	};
	if (p.max_depth > TYPE_MAX_DEPTH)
		p.max_depth = TYPE_MAX_DEPTH;
	return print(&p, v, 0);
}
