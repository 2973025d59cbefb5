/* Types as C text: declarations with the name where C puts it, and bodies in pahole's manner. */
#include <string.h>

#include "analyzer/debug/types_internal.h"

static void add_base_name(const struct type *t, struct strbuf *out)
{
	if (t->kind == TYPE_STRUCT || t->kind == TYPE_UNION || t->kind == TYPE_ENUM)
		strbuf_addf(out, "%s %s", type_kind_word(t->kind), t->name ? t->name : "{...}");
	else if (t->kind == TYPE_VOID)
		strbuf_add(out, "void");
	else
		strbuf_add(out, t->name ? t->name : "?");
}

static void prepend(struct strbuf *b, const char *s)
{
	scoped_strbuf struct strbuf old = *b;
	*b = (struct strbuf){ 0 };
	strbuf_add(b, s);
	strbuf_add(b, strbuf_text(&old));
}

static void add_parameters(const struct type *t, struct strbuf *out, unsigned depth);

/* Wraps @decl (the name so far) in what @t says, from the inside out, until a type that has a name
 * of its own is left; that is returned. */
static const struct type *wrap(
	const struct type *t, struct strbuf *decl, struct strbuf *quals, unsigned depth)
{
	for (unsigned i = 0; i < TYPE_MAX_DEPTH; i++) {
		const struct type *inner = t;
		switch (t->kind) {
		case TYPE_POINTER:
			prepend(decl, "*");
			while (inner->target && inner->target->kind == TYPE_QUALIFIED)
				inner = inner->target;
			inner = inner->target;
			if (inner && (inner->kind == TYPE_ARRAY || inner->kind == TYPE_FUNCTION)) {
				prepend(decl, "(");
				strbuf_add(decl, ")");
			}
			break;
		case TYPE_QUALIFIED:
			while (inner->target && inner->kind == TYPE_QUALIFIED)
				inner = inner->target;
			/* "T *const p", but "const T x" */
			if (inner->kind == TYPE_POINTER) {
				scoped_strbuf struct strbuf word = { 0 };
				strbuf_add(&word, t->name);
				strbuf_add(&word, decl->len ? " " : "");
				prepend(decl, strbuf_text(&word));
			} else {
				strbuf_addf(quals, "%s ", t->name);
			}
			break;
		case TYPE_ARRAY:
			if (t->count)
				strbuf_addf(decl, "[%llu]", (unsigned long long)t->count);
			else
				strbuf_add(decl, "[]");
			break;
		case TYPE_FUNCTION:
			strbuf_add_char(decl, '(');
			add_parameters(t, decl, depth);
			strbuf_add_char(decl, ')');
			break;
		default:
			return t;
		}
		if (!t->target)
			return t;
		t = t->target;
	}
	return t;
}

static void declare(const struct type *t, const char *name, struct strbuf *out, unsigned depth)
{
	scoped_strbuf struct strbuf decl = { 0 }, quals = { 0 };
	if (depth > 8) {
		strbuf_add(out, "...");
		return;
	}
	if (name)
		strbuf_add(&decl, name);
	const struct type *base = wrap(t, &decl, &quals, depth);
	strbuf_add(out, strbuf_text(&quals));
	add_base_name(base, out);
	if (decl.len)
		strbuf_add_char(out, ' ');
	strbuf_add(out, strbuf_text(&decl));
}

static void add_parameters(const struct type *t, struct strbuf *out, unsigned depth)
{
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->member[i];
		if (i)
			strbuf_add(out, ", ");
		if (m->name && !strcmp(m->name, "..."))
			strbuf_add(out, "...");
		else
			declare(m->type, NULL, out, depth + 1);
	}
	if (!t->nmembers)
		strbuf_add(out, "void");
}

void type_declare(const struct type *t, const char *name, struct strbuf *out)
{
	declare(t, name, out, 0);
}

/* ---- bodies ----------------------------------------------- */

struct definition {
	struct types *db;
	struct strbuf *out;
	bool offsets, big_endian;
	unsigned budget; /* members left to print: ends structs that hold themselves */
};

static void indent(struct definition *d, unsigned depth)
{
	strbuf_pad(d->out, '\t', depth);
}

/* One member's "offset size" remark. A bitfield is placed as pahole does: the offset of the
 * declared type's unit that holds it, then the bit within. */
static void add_place(
	struct definition *d, size_t column, const struct type_member *m, uint64_t bit_offset)
{
	if (!d->offsets)
		return;
	strbuf_pad(d->out, ' ', column < 56 ? 56 - column : 1);
	uint64_t size = m->type->size;
	if (!m->bit_size) {
		strbuf_addf(d->out, "/* %5llu %5llu */", (unsigned long long)(bit_offset / 8),
			(unsigned long long)size);
		return;
	}
	uint64_t unit = size ? size * 8 : 8, bit = bit_offset % unit;
	if (d->big_endian && bit + m->bit_size <= unit)
		bit = unit - bit - m->bit_size;
	strbuf_addf(d->out, "/* %5llu:%2llu %2llu */",
		(unsigned long long)(bit_offset / unit * size), (unsigned long long)bit,
		(unsigned long long)size);
}

static struct err *add_body(
	struct definition *d, const struct type *t, uint64_t base, unsigned depth);

static struct err *add_member(
	struct definition *d, const struct type_member *m, uint64_t base, unsigned depth)
{
	uint64_t at = base + m->bit_offset;
	indent(d, depth);
	size_t start = d->out->len;
	scoped_strbuf struct strbuf decl = { 0 }, quals = { 0 };
	strbuf_add(&decl, m->name ? m->name : "");
	const struct type *t = wrap(m->type, &decl, &quals, 0);
	/* An anonymous body, also below an array or pointer, is written out where it stands. */
	if (!t->name && (t->kind == TYPE_STRUCT || t->kind == TYPE_UNION || t->kind == TYPE_ENUM) &&
		depth < TYPE_MAX_NESTING) {
		strbuf_addf(d->out, "%s%s {\n", strbuf_text(&quals), type_kind_word(t->kind));
		struct err *e = add_body(
			d, t, type_strip(m->type)->kind == TYPE_POINTER ? 0 : at, depth + 1);
		if (e)
			return e;
		indent(d, depth);
		start = d->out->len;
		strbuf_addf(d->out, "}%s%s", decl.len ? " " : "", strbuf_text(&decl));
	} else {
		type_declare(m->type, m->name, d->out);
	}
	if (m->bit_size)
		strbuf_addf(d->out, ":%u", m->bit_size);
	strbuf_add_char(d->out, ';');
	add_place(d, d->out->len - start + depth * 8, m, at);
	strbuf_add_char(d->out, '\n');
	return NULL;
}

static struct err *add_body(
	struct definition *d, const struct type *t, uint64_t base, unsigned depth)
{
	struct err *e = type_complete(d->db, t);
	if (e)
		return e;
	for (uint32_t i = 0; i < t->nenumerators; i++) {
		indent(d, depth);
		if (t->is_signed || t->enumerator[i].value >= 0)
			strbuf_addf(d->out, "%s = %lld,\n", t->enumerator[i].name,
				(long long)t->enumerator[i].value);
		else
			strbuf_addf(d->out, "%s = %llu,\n", t->enumerator[i].name,
				(unsigned long long)t->enumerator[i].value);
	}
	for (uint32_t i = 0; t->kind != TYPE_ENUM && i < t->nmembers; i++) {
		if (!d->budget)
			return err_new(ERR_LIMIT, "%s has too many members to show",
				t->name ? t->name : "this type");
		d->budget--;
		e = add_member(d, &t->member[i], base, depth);
		if (e)
			return e;
	}
	return NULL;
}

struct err *type_define(struct types *db, const struct type *t, bool offsets, struct strbuf *out)
{
	struct definition d = { db, out, offsets, types_abi(db)->big_endian, 1 << 16 };
	const struct type *body = type_strip(t);
	if (body->kind != TYPE_STRUCT && body->kind != TYPE_UNION && body->kind != TYPE_ENUM) {
		if (t->kind == TYPE_TYPEDEF) {
			strbuf_add(out, "typedef ");
			type_declare(t->target, t->name, out);
		} else {
			type_declare(t, NULL, out);
		}
		strbuf_add(out, ";\n");
		return NULL;
	}
	bool alias = t->kind == TYPE_TYPEDEF;
	strbuf_addf(out, "%s%s %s%s{\n", alias ? "typedef " : "", type_kind_word(body->kind),
		body->name ? body->name : "", body->name ? " " : "");
	struct err *e = add_body(&d, body, 0, 1);
	if (e)
		return e;
	strbuf_addf(out, "}%s%s;\n", alias ? " " : "", alias ? t->name : "");
	if (offsets)
		strbuf_addf(out, "/* size: %llu */\n", (unsigned long long)body->size);
	return NULL;
}
