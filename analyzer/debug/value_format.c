/*
 * Values as text: structs and arrays as designated initialisers. Each number is read on its own:
 * what cannot be read is marked where it stands and costs nothing else.
 */
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/debug/type_printers.h"
#include "analyzer/debug/value_internal.h"

enum {
	DEFAULT_DEPTH = 16,
	DEFAULT_ELEMENTS = 200,
	REPEATS = 10,	      /* equal scalars from which on they are folded, as in gdb */
	COMPARE_BYTES = 4096, /* larger elements are not compared */
	FLAT_LEAVES = 4,      /* structs with more numbers are not tried on one line */
	FLAT_COLUMNS = 72,
	OUTPUT_BYTES = 8 << 20, /* far above any real struct: ends hostile types */
};

static struct err *print(struct printer *p, const struct value *v, unsigned depth);

static void indent(struct printer *p, unsigned depth)
{
	strbuf_pad(p->out, ' ', depth * 2);
}

static bool is_compound(const struct type *t)
{
	return t->kind == TYPE_STRUCT || t->kind == TYPE_UNION;
}

/* FAULT_NONE when any page of the object can be read: then its parts say what is missing. */
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

/* ---- arrays ----------------------------------------------- */

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

static struct err *print_scalars(
	struct printer *p, const struct value *v, const struct type *t, unsigned depth)
{
	uint64_t shown = 0, size = type_strip(t->target)->size;
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
		struct value one = { .type = t->target, .va = v->va + i * size };
		uint64_t run = equal_run(p, v->va, size, i, t->count);
		e = print(p, &one, depth);
		if (e)
			return e;
		if (run >= REPEATS)
			strbuf_addf(p->out, " <repeats %llu times>", (unsigned long long)run);
		i += run >= REPEATS ? run : 1;
	}
	strbuf_add_char(p->out, '}');
	return NULL;
}

/* Structs, unions and arrays: one a line, behind its index. (A list_head that is empty holds its
 * own address, so no two are equal and none is folded away.) */
static struct err *print_elements(
	struct printer *p, const struct value *v, const struct type *t, unsigned depth)
{
	uint64_t shown = 0, size = type_strip(t->target)->size;
	strbuf_add(p->out, "{\n");
	for (uint64_t i = 0; i < t->count; shown++) {
		struct err *e = interrupt_check();
		if (e)
			return e;
		indent(p, depth + 1);
		if (shown >= p->max_elements) {
			strbuf_add(p->out, "...\n");
			break;
		}
		struct value one = { .type = t->target, .va = v->va + i * size };
		uint64_t run = equal_run(p, v->va, size, i, t->count);
		strbuf_addf(p->out,
			run > 1 ? "[%llu..%llu] = " : "[%llu] = ", (unsigned long long)i,
			(unsigned long long)(i + run - 1));
		e = print(p, &one, depth + 1);
		if (e)
			return e;
		i += run;
		strbuf_add(p->out, i < t->count ? ",\n" : "\n");
	}
	indent(p, depth);
	strbuf_add_char(p->out, '}');
	return NULL;
}

static struct err *print_array(
	struct printer *p, const struct value *v, const struct type *t, unsigned depth)
{
	const struct type *element = type_strip(t->target);
	if (print_text(p, v, t->count))
		return NULL;
	if (!t->count || v->computed) {
		strbuf_add(p->out, "{}");
		return NULL;
	}
	enum fault_kind k = whole_fault(p, v->va, t->size);
	if (k) {
		print_fault(p, k);
		return NULL;
	}
	return is_compound(element) || element->kind == TYPE_ARRAY ? print_elements(p, v, t, depth)
								   : print_scalars(p, v, t, depth);
}

/* ---- structs ----------------------------------------------- */

/* How many numbers @t shows, as far as @most matters; what cannot stand on one line counts as more.
 */
static unsigned leaves(struct printer *p, const struct type *type, unsigned most, unsigned depth)
{
	const struct type *t = type_strip(type);
	unsigned n = 0;
	if (t->kind == TYPE_ARRAY)
		return is_compound(type_strip(t->target)) || t->count > 8 ? most + 1 : 1;
	if (!is_compound(t))
		return 1;
	scoped_err struct err *e = depth < 8 ? type_complete(p->env->types, t) : NULL;
	if (e || depth >= 8)
		return most + 1;
	for (uint32_t i = 0; i < t->nmembers && n <= most; i++)
		n += leaves(p, t->member[i].type, most - n, depth + 1);
	return n;
}

static struct err *print_member(
	struct printer *p, const struct value *v, const struct type_member *m, unsigned depth)
{
	const struct value part = {
		.type = m->type,
		.va = v->va + m->bit_offset / 8,
		.bit_offset = m->bit_size ? (uint32_t)(m->bit_offset % 8) : 0,
		.bit_size = m->bit_size,
	};
	if (m->name)
		strbuf_addf(p->out, ".%s = ", m->name);
	return print(p, &part, depth);
}

static struct err *print_members(
	struct printer *p, const struct value *v, const struct type *t, unsigned depth)
{
	strbuf_add(p->out, t->kind == TYPE_UNION ? "union {" : "{");
	strbuf_add_char(p->out, p->flat ? ' ' : '\n');
	for (uint32_t i = 0; i < t->nmembers; i++) {
		if (!p->flat)
			indent(p, depth + 1);
		struct err *e = print_member(p, v, &t->member[i], depth + 1);
		if (e)
			return e;
		strbuf_add(p->out, i + 1 < t->nmembers ? "," : "");
		strbuf_add_char(p->out, p->flat ? ' ' : '\n');
	}
	if (!p->flat)
		indent(p, depth);
	strbuf_add_char(p->out, '}');
	return NULL;
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
		err_drop(e); /* what is there to say stands in its place */
		strbuf_add(p->out, "<incomplete type>");
		return NULL;
	}
	if (print_known(p, v, t))
		return NULL;
	if (!t->nmembers) {
		strbuf_add(p->out, "{}");
		return NULL;
	}
	if (p->flat || leaves(p, t, FLAT_LEAVES, 0) > FLAT_LEAVES)
		return print_members(p, v, t, depth);
	size_t start = p->out->len;
	p->flat = true;
	e = print_members(p, v, t, depth);
	p->flat = false;
	if (e || p->out->len - start + depth * 2 <= FLAT_COLUMNS)
		return e;
	p->out->len = start;
	p->out->s[start] = '\0';
	return print_members(p, v, t, depth);
}

static struct err *print(struct printer *p, const struct value *v, unsigned depth)
{
	const struct type *t = type_strip(v->type);
	struct err *e = interrupt_check();
	if (e)
		return e;
	if (p->out->len > p->limit)
		return err_new(ERR_LIMIT, "more than %d MB of output: cut", OUTPUT_BYTES >> 20);
	if (!v->computed && !v->bit_size &&
		type_printers_print(p->env->printers, v->type, v->va, p->out))
		return NULL;
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
	case TYPE_VOID:
		/* A symbol whose type nobody knows, or *(void *)x: all there is to say is where. */
		strbuf_addf(p->out, "<no type> 0x%llx", (unsigned long long)v->va);
		print_symbol(p, v->va);
		return NULL;
	default:
		print_scalar(p, v);
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
	if (!env->vs && !v->computed)
		return err_new(ERR_MISSING, "there is no memory to read");
	return print(&p, v, 0);
}
