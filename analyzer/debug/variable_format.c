/*
 * Variables as text. What lies in memory value_format() prints; what was put together from parts is
 * taken apart here, down to numbers, which it prints again.
 */
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/debug/types_internal.h"
#include "analyzer/debug/variables.h"

enum {
	DEFAULT_DEPTH = 16,
	DEFAULT_ELEMENTS = 200,
	FLAT_COLUMNS = 72,
	OUTPUT_BYTES = 1 << 20,
};

static const char *const optimised_out = "<optimised out>";

struct parts {
	const struct debug_env *env;
	const struct variable *v;
	const struct value_style *style;
	struct strbuf *out;
	bool flat;
	unsigned max_depth, max_elements;
};

static bool bit_known(const struct parts *p, uint64_t bit)
{
	unsigned mask = types_abi(p->env->types)->big_endian ? 0x80u >> bit % 8 : 1u << bit % 8;
	return p->v->known[bit / 8] & mask;
}

/* Of a stretch of bits: whether all, and whether any is known. */
static void known_bits(
	const struct parts *p, uint64_t bit, uint64_t n, bool *ret_all, bool *ret_any)
{
	uint64_t known = 0;
	for (uint64_t i = 0; i < n; i++) {
		if (!((bit + i) % 8) && n - i >= 8) {
			uint8_t byte = p->v->known[(bit + i) / 8];
			if (byte == 0xff || !byte) {
				known += byte ? 8 : 0;
				i += 7;
				continue;
			}
		}
		known += bit_known(p, bit + i);
	}
	*ret_all = known == n;
	*ret_any = known;
}

static struct err *print(
	struct parts *p, const struct type *type, uint64_t bit, unsigned bit_size, unsigned depth);

static struct err *print_number(struct parts *p, const struct type *t, const struct type *shown,
	uint64_t bit, unsigned bit_size)
{
	uint8_t raw[9] = { 0 };
	uint64_t size = bit_size ? (bit % 8 + bit_size + 7) / 8 : t->size;
	if (t->kind == TYPE_INT && t->size == 16 && !bit_size) {
		bool big = types_abi(p->env->types)->big_endian;
		const uint8_t *b = p->v->bytes + bit / 8;
		struct value wide = { .type = shown,
			.computed = true,
			.number = load_uint(types_abi(p->env->types), b + (big ? 8 : 0), 8),
			.high = load_uint(types_abi(p->env->types), b + (big ? 0 : 8), 8) };
		return value_format(p->env, &wide, p->style, p->out);
	}
	if (size > sizeof(raw) || (!type_is_number(t) && !bit_size)) {
		for (uint64_t i = 0; i < size; i++)
			strbuf_addf(p->out, i ? " %02x" : "%02x", p->v->bytes[bit / 8 + i]);
		return NULL;
	}
	memcpy(raw, p->v->bytes + bit / 8, size);
	struct value n = { .type = shown, .computed = true };
	n.number = scalar_decode(
		types_abi(p->env->types), raw, t->size, bit % 8, bit_size, t->is_signed);
	return value_format(p->env, &n, p->style, p->out);
}

static void between(struct parts *p, unsigned depth)
{
	strbuf_add_char(p->out, p->flat ? ' ' : '\n');
	if (!p->flat)
		strbuf_pad(p->out, ' ', depth * 2);
}

static struct err *print_members(
	struct parts *p, const struct type *t, uint64_t bit, unsigned depth)
{
	strbuf_add(p->out, t->kind == TYPE_UNION ? "union {" : "{");
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->member[i];
		between(p, depth + 1);
		if (m->name)
			strbuf_addf(p->out, ".%s = ", m->name);
		struct err *err = print(p, m->type, bit + m->bit_offset, m->bit_size, depth + 1);
		if (err)
			return err;
		strbuf_add(p->out, i + 1 < t->nmembers ? "," : "");
	}
	if (t->nmembers)
		between(p, depth);
	strbuf_add_char(p->out, '}');
	return NULL;
}

static struct err *print_struct(struct parts *p, const struct type *t, uint64_t bit, unsigned depth)
{
	struct err *err = type_complete(p->env->types, t);
	if (err && err->code != ERR_INTERRUPTED) {
		err_drop(err); /* what is there to say stands in its place */
		strbuf_add(p->out, "<incomplete type>");
		return NULL;
	}
	if (err || p->flat)
		return err ? err : print_members(p, t, bit, depth);
	size_t start = p->out->len;
	p->flat = true;
	err = print_members(p, t, bit, depth);
	p->flat = false;
	if (err || p->out->len - start + depth * 2 <= FLAT_COLUMNS)
		return err;
	p->out->len = start;
	p->out->s[start] = '\0';
	return print_members(p, t, bit, depth);
}

static struct err *print_array(struct parts *p, const struct type *t, uint64_t bit, unsigned depth)
{
	uint64_t size = type_strip(t->target)->size;
	strbuf_add_char(p->out, '{');
	for (uint64_t i = 0; size && i < t->count; i++) {
		strbuf_add(p->out, i ? ", " : "");
		if (i >= p->max_elements) {
			strbuf_add(p->out, "...");
			break;
		}
		struct err *err = print(p, t->target, bit + i * size * 8, 0, depth + 1);
		if (err)
			return err;
	}
	strbuf_add_char(p->out, '}');
	return NULL;
}

static struct err *print(
	struct parts *p, const struct type *type, uint64_t bit, unsigned bit_size, unsigned depth)
{
	const struct type *t = type_strip(type);
	bool all, any;
	uint64_t bits = bit_size ? bit_size : t->size * 8;
	struct err *err = interrupt_check();
	if (err)
		return err;
	if (p->out->len > OUTPUT_BYTES)
		return err_new(ERR_LIMIT, "the value is longer than %d bytes", OUTPUT_BYTES);
	/* A flexible array has no bytes of its own. */
	if (!range_inside(bit, bits, p->v->nbytes * 8)) {
		strbuf_add(p->out, "<incomplete type>");
		return NULL;
	}
	known_bits(p, bit, bits, &all, &any);
	if (!any && bits) {
		strbuf_add(p->out, optimised_out);
		return NULL;
	}
	if (depth >= p->max_depth) {
		strbuf_add(p->out, "{...}");
		return NULL;
	}
	if (t->kind == TYPE_STRUCT || t->kind == TYPE_UNION)
		return print_struct(p, t, bit, depth);
	if (t->kind == TYPE_ARRAY)
		return print_array(p, t, bit, depth);
	if (!all) {
		strbuf_add(p->out, optimised_out);
		return NULL;
	}
	return print_number(p, t, type, bit, bit_size);
}

struct err *variable_format(const struct debug_env *env, const struct variable *v,
	const struct value_style *style, struct strbuf *out)
{
	struct parts p = {
		.env = env,
		.v = v,
		.style = style,
		.out = out,
		.max_depth = style->max_depth ? style->max_depth : DEFAULT_DEPTH,
		.max_elements = style->max_elements ? style->max_elements : DEFAULT_ELEMENTS,
	};
	const struct value place = { .type = v->type, .va = v->va };
	switch (v->state) {
	case VARIABLE_PLACE:
		return value_format(env, &place, style, out);
	case VARIABLE_BYTES:
		return print(&p, v->type, 0, 0, 0);
	case VARIABLE_ABSENT:
		strbuf_add(out, optimised_out);
		return NULL;
	case VARIABLE_FAULT:
		strbuf_addf(out, "<%s>", fault_text(v->fault));
		return NULL;
	default:
		strbuf_addf(out, "<%s>", v->why);
		return NULL;
	}
}
