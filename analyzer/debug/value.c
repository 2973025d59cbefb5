/*
 * Expressions over the dump, first form: names, members, indices, dereference, address, casts and
 * numbers. A value stays a place in target memory until somebody wants its number.
 */
#include "analyzer/debug/value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/types_internal.h"

enum { PARSE_MAX_DEPTH = 64, NAME_MAX_BYTES = 256 };

struct parser {
	const struct debug_env *env;
	const char *text, *p;
	unsigned depth;
};

static void skip_blanks(struct parser *ps)
{
	while (isspace((unsigned char)*ps->p))
		ps->p++;
}

static size_t identifier(const char *p)
{
	size_t n = 0;
	if (isdigit((unsigned char)*p))
		return 0;
	while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == '$')
		n++;
	return n;
}

static struct err *here(const struct parser *ps, const char *at, const char *what)
{
	return err_new(
		ERR_USAGE, "\"%s\": %s at column %zu", ps->text, what, (size_t)(at - ps->text) + 1);
}

/* Puts expression and place before an error of a layer below. */
static struct err *there(const struct parser *ps, const char *at, struct err *e)
{
	return err_wrap(e, "\"%s\" at column %zu", ps->text, (size_t)(at - ps->text) + 1);
}

static struct err *expression(struct parser *ps, struct value *ret);

/* ---- steps ----------------------------------------------- */

static uint64_t word_mask(const struct debug_env *env)
{
	return types_abi(env->types)->word_bytes == 8 ? UINT64_MAX : UINT32_MAX;
}

/* The object that pointer @v points to. */
static struct err *dereference(struct parser *ps, const char *at, struct value *io)
{
	const struct type *t = type_strip(io->type);
	if (t->kind == TYPE_ARRAY && !io->computed) {
		io->type = t->target;
		return NULL;
	}
	if (t->kind != TYPE_POINTER)
		return here(ps, at, "what is dereferenced is no pointer");
	uint64_t va;
	struct err *e = value_number(ps->env, io, &va);
	if (e)
		return there(ps, at, e);
	*io = (struct value){ .type = t->target, .va = va };
	return NULL;
}

static struct err *address_of(struct parser *ps, const char *at, struct value *io)
{
	if (io->computed)
		return here(ps, at, "& needs something in memory");
	if (io->bit_size)
		return here(ps, at, "& of a bitfield");
	*io = (struct value){ .type = types_pointer_to(ps->env->types, io->type),
		.computed = true,
		.number = io->va };
	return NULL;
}

static void move(struct value *io, const struct debug_env *env, const struct field_ref *ref)
{
	uint64_t bits = ref->bit_offset;
	io->type = ref->type;
	io->va = (io->va + bits / 8) & word_mask(env);
	io->bit_size = ref->bit_size;
	io->bit_offset = ref->bit_size ? (uint32_t)(bits % 8) : 0;
}

static struct err *member(struct parser *ps, struct value *io)
{
	const char *at = ps->p;
	bool arrow = *ps->p == '-';
	ps->p += arrow ? 2 : 1;
	skip_blanks(ps);
	size_t n = identifier(ps->p);
	if (!n || n >= NAME_MAX_BYTES)
		return here(ps, ps->p, "a member's name is missing");
	/* gdb lets . stand for -> on a pointer; people rely on it. */
	if (arrow || type_strip(io->type)->kind == TYPE_POINTER) {
		struct err *e = dereference(ps, at, io);
		if (e)
			return e;
	}
	if (io->computed)
		return here(ps, at, "this has no members");
	char name[NAME_MAX_BYTES];
	memcpy(name, ps->p, n);
	name[n] = '\0';
	struct field_ref ref;
	struct err *e = type_field(ps->env->types, io->type, name, &ref);
	if (e)
		return there(ps, ps->p, e);
	ps->p += n;
	move(io, ps->env, &ref);
	return NULL;
}

static struct err *element(struct parser *ps, struct value *io)
{
	const char *at = ps->p++;
	struct value index;
	uint64_t i;
	struct err *e = expression(ps, &index);
	if (e)
		return e;
	skip_blanks(ps);
	if (*ps->p != ']')
		return here(ps, ps->p, "a ] is missing");
	ps->p++;
	e = value_number(ps->env, &index, &i);
	if (e)
		return there(ps, at, e);
	const struct type *t = type_strip(io->type);
	if (t->kind == TYPE_ARRAY && t->count && i >= t->count)
		return err_new(ERR_USAGE,
			"\"%s\": index %llu is beyond the array's %llu at column %zu", ps->text,
			(unsigned long long)i, (unsigned long long)t->count,
			(size_t)(at - ps->text) + 1);
	e = dereference(ps, at, io);
	if (e)
		return e;
	/* The multiplication may wrap as the target's would. */
	io->va = (io->va + i * type_strip(io->type)->size) & word_mask(ps->env);
	return NULL;
}

static struct err *postfix(struct parser *ps, struct value *io)
{
	for (;;) {
		skip_blanks(ps);
		struct err *e = NULL;
		if (*ps->p == '.' || (ps->p[0] == '-' && ps->p[1] == '>'))
			e = member(ps, io);
		else if (*ps->p == '[')
			e = element(ps, io);
		else
			return NULL;
		if (e)
			return e;
	}
}

/* ---- operands ----------------------------------------------- */

/* A symbol: a variable where there is a declared type, a function otherwise. */
static struct err *named(struct parser *ps, struct value *ret)
{
	size_t n = identifier(ps->p);
	char name[NAME_MAX_BYTES];
	if (!n || n >= sizeof(name))
		return here(ps, ps->p,
			*ps->p ? "a name or a number is wanted" : "the expression ends too early");
	memcpy(name, ps->p, n);
	name[n] = '\0';
	struct symbol sym;
	if (!ps->env->syms || !symtab_find(ps->env->syms, name, &sym))
		return err_new(ERR_NOT_FOUND, "\"%s\": no symbol %s at column %zu", ps->text, name,
			(size_t)(ps->p - ps->text) + 1);
	struct types *db = ps->env->types;
	const struct type *type;
	/* Text has no variables: asking for one would search all units. */
	if (sym.type == 't' || sym.type == 'T' || sym.type == 'w' || sym.type == 'W') {
		struct type fn = { .kind = TYPE_FUNCTION, .complete = true };
		if (types_parse(db, "void", &fn.target))
			__builtin_unreachable(); /* "void" always parses */
		*ret = (struct value){ .type = types_intern(db, &fn, 0), .va = sym.va };
		ps->p += n;
		return NULL;
	}
	struct err *e = types_find_variable(db, name, NULL, &type);
	if (e)
		return there(ps, ps->p, e);
	ps->p += n;
	/* "extern char x[];" is all that some units know: the ELF symbol has the size. */
	const struct type *t = type_strip(type);
	if (t->kind == TYPE_ARRAY && !t->count && t->target->size)
		type = types_array_of(db, t->target, sym.object_size / t->target->size);
	*ret = (struct value){ .type = type, .va = sym.va };
	return NULL;
}

static struct err *number(struct parser *ps, struct value *ret)
{
	char *end;
	const struct debug_env *env = ps->env;
	unsigned long long v = strtoull(ps->p, &end, 0);
	if (identifier(end))
		return here(ps, end, "this does not belong to the number");
	*ret = (struct value){ .computed = true, .number = v & word_mask(env) };
	struct err *e =
		types_parse(env->types, v > INT32_MAX ? "unsigned long" : "int", &ret->type);
	if (e)
		return e;
	ps->p = end;
	return NULL;
}

/* What a cast makes of @io: the same number, cut to the type. */
static struct err *cast(
	struct parser *ps, const char *at, const struct type *type, struct value *io)
{
	const struct type *t = type_strip(type);
	if (!type_is_number(t))
		return here(ps, at, "a cast to what is no number or pointer");
	uint64_t v = io->va;
	const struct type *from = type_strip(io->type);
	if (io->computed || (from->kind != TYPE_ARRAY && from->kind != TYPE_FUNCTION)) {
		struct err *e = value_number(ps->env, io, &v);
		if (e)
			return there(ps, at, e);
	}
	if (t->size < 8) {
		v &= (1ull << t->size * 8) - 1;
		if (t->is_signed)
			v = (uint64_t)sign_extend(v, (unsigned)t->size * 8);
	}
	*io = (struct value){ .type = type, .computed = true, .number = v };
	return NULL;
}

static struct err *unary(struct parser *ps, struct value *ret);

/* "(" begins a cast when a type stands in it and an operand follows. */
static struct err *parenthesis(struct parser *ps, struct value *ret)
{
	const char *at = ps->p, *close = strchr(ps->p, ')');
	size_t n = identifier(ps->p + 1 + strspn(ps->p + 1, " \t"));
	struct symbol sym;
	scoped_strbuf struct strbuf word = { 0 };
	strbuf_add_bytes(&word, ps->p + 1 + strspn(ps->p + 1, " \t"), n);
	bool is_symbol = n && ps->env->syms && symtab_find(ps->env->syms, strbuf_text(&word), &sym);
	if (close && n && !is_symbol) {
		scoped_strbuf struct strbuf name = { 0 };
		const struct type *type;
		strbuf_add_bytes(&name, ps->p + 1, (size_t)(close - ps->p - 1));
		struct err *e = types_parse(ps->env->types, strbuf_text(&name), &type);
		if (e)
			return there(ps, at, e);
		ps->p = close + 1;
		e = unary(ps, ret);
		return e ? e : cast(ps, at, type, ret);
	}
	ps->p++;
	struct err *e = expression(ps, ret);
	if (e)
		return e;
	skip_blanks(ps);
	if (*ps->p != ')')
		return here(ps, ps->p, "a ) is missing");
	ps->p++;
	return postfix(ps, ret);
}

static struct err *unary(struct parser *ps, struct value *ret)
{
	struct err *e;
	if (++ps->depth > PARSE_MAX_DEPTH)
		return here(ps, ps->p, "too deeply nested");
	skip_blanks(ps);
	const char *at = ps->p;
	if (*at == '*' || *at == '&') {
		ps->p++;
		e = unary(ps, ret);
		if (!e)
			e = *at == '*' ? dereference(ps, at, ret) : address_of(ps, at, ret);
	} else if (*at == '(') {
		e = parenthesis(ps, ret);
	} else {
		e = isdigit((unsigned char)*at) ? number(ps, ret) : named(ps, ret);
		if (!e)
			e = postfix(ps, ret);
	}
	ps->depth--;
	return e;
}

static struct err *expression(struct parser *ps, struct value *ret)
{
	return unary(ps, ret);
}

/* ---- the face ----------------------------------------------- */

struct err *value_parse(const struct debug_env *env, const char *text, struct value *ret)
{
	struct parser ps = { .env = env, .text = text, .p = text };
	struct value v = { 0 };
	struct err *e = expression(&ps, &v);
	if (e)
		return e;
	skip_blanks(&ps);
	if (*ps.p)
		return here(&ps, ps.p, "this is not understood");
	*ret = v;
	return NULL;
}

struct err *value_at(const struct debug_env *env, const char *type_name, const char *member_path,
	uint64_t va, struct value *ret)
{
	struct types *db = env->types;
	const struct type *t = NULL;
	struct err *e = NULL;
	/* "task_struct" means the struct, as crash reads it; any other C type name works as well.
	 */
	e = type_name[identifier(type_name)] ? types_parse(db, type_name, &t)
					     : types_find_any(db, type_name, NULL, &t);
	if (e && e->code == ERR_NOT_FOUND && !type_name[identifier(type_name)]) {
		err_drop(e); /* "int" and the like */
		e = types_parse(db, type_name, &t);
	}
	struct value v = { .type = t, .va = va };
	if (!e && member_path) {
		struct field_ref ref;
		e = type_field(db, t, member_path, &ref);
		if (!e)
			move(&v, env, &ref);
	}
	if (!e)
		*ret = v;
	return e;
}

struct err *value_number(const struct debug_env *env, const struct value *v, uint64_t *ret)
{
	const struct type *t = type_strip(v->type);
	if (v->computed) {
		*ret = v->number;
		return NULL;
	}
	if (t->kind == TYPE_FUNCTION) { /* a function is its address */
		*ret = v->va;
		return NULL;
	}
	if (!type_is_number(t)) {
		scoped_strbuf struct strbuf b = { 0 };
		type_declare(v->type, NULL, &b);
		return err_new(ERR_USAGE, "%s is no number", strbuf_text(&b));
	}
	uint8_t bytes[9];
	size_t n = v->bit_size ? (v->bit_offset + v->bit_size + 7) / 8 : t->size;
	struct err *e = vspace_read(env->vs, v->va, bytes, n);
	if (e)
		return e;
	*ret = scalar_decode(
		types_abi(env->types), bytes, t->size, v->bit_offset, v->bit_size, t->is_signed);
	return NULL;
}
