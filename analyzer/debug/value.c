/* Values: their number, their address, objects of a type at an address. Expressions are expr_*.c.
 */
#include "analyzer/debug/value.h"

#include <ctype.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/expr_internal.h"

static void release(struct arena *a)
{
	arena_deinit(a);
}

struct err *value_parse(const struct debug_env *env, const char *text, struct value *ret)
{
	__attribute__((cleanup(release))) struct arena arena = { 0 };
	const struct expr *x;
	struct value v = { 0 };
	size_t at = 0;
	struct err *e = expr_parse(env, &arena, text, EXPR_C, &x, &at);
	if (!e)
		e = expr_eval(env, x, &v, &at);
	if (!e && v.text)
		e = err_new(ERR_USAGE, "a string is no value here");
	/* Faults too: the place says which of several reads it was. */
	if (e)
		return err_wrap(e, "\"%s\" at column %zu", text, at + 1);
	*ret = v;
	return NULL;
}

static bool is_bare_word(const char *s)
{
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return !*s;
}

struct err *value_at(const struct debug_env *env, const char *type_name, const char *member_path,
	uint64_t va, struct value *ret)
{
	struct types *db = env->types;
	const struct type *t = NULL;
	struct err *e = NULL;
	/* "task_struct" means the struct, as crash reads it; any other C type name works as well.
	 */
	bool bare = is_bare_word(type_name);
	e = bare ? types_find_any(db, type_name, NULL, &t) : types_parse(db, type_name, &t);
	if (e && e->code == ERR_NOT_FOUND && bare) {
		err_drop(e); /* "int" and the like */
		e = types_parse(db, type_name, &t);
	}
	struct value v = { .type = t, .va = va };
	if (!e && member_path) {
		struct field_ref ref;
		e = type_field(db, t, member_path, &ref);
		if (!e)
			v = (struct value){
				.type = ref.type,
				.va = (va + ref.bit_offset / 8) & expr_word_mask(env),
				.bit_offset = ref.bit_size ? (uint32_t)(ref.bit_offset % 8) : 0,
				.bit_size = ref.bit_size,
			};
	}
	if (!e)
		*ret = v;
	return e;
}

struct err *value_of_number(const struct debug_env *env, const char *type_name, uint64_t number,
	struct value *ret)
{
	*ret = (struct value){ .computed = true, .number = number };
	return types_parse(env->types, type_name, &ret->type);
}

struct err *value_of_text(
	const struct debug_env *env, const char *s, size_t n, struct value *ret)
{
	*ret = (struct value){ .computed = true, .text = s };
	struct err *e = types_parse(env->types, "char", &ret->type);
	if (!e)
		ret->type = types_array_of(env->types, ret->type, n + 1);
	return e;
}

static struct err *no_number(const struct value *v)
{
	scoped_strbuf struct strbuf b = { 0 };
	type_declare(v->type, NULL, &b);
	return err_new(ERR_USAGE, "%s is no number", strbuf_text(&b));
}

struct err *value_number(const struct debug_env *env, const struct value *v, uint64_t *ret)
{
	const struct type *t = type_strip(v->type);
	if (v->text)
		return no_number(v);
	if (t->kind == TYPE_INT && t->size == 16) {
		struct value wide = *v;
		struct err *e = expr_load(env, &wide);
		if (!e && wide.high != (t->is_signed && wide.number >> 63 ? UINT64_MAX : 0))
			e = err_new(ERR_USAGE, "this number has more than 64 bits");
		if (!e)
			*ret = wide.number;
		return e;
	}
	if (v->computed || t->kind == TYPE_FUNCTION) {
		*ret = v->computed ? v->number : v->va;
		return NULL;
	}
	if (!type_is_number(t))
		return no_number(v);
	if (!env->vs)
		return err_new(ERR_MISSING, "there is no memory to read");
	uint8_t bytes[9];
	size_t n = v->bit_size ? (v->bit_offset + v->bit_size + 7) / 8 : t->size;
	if (n > sizeof(bytes))
		return err_new(ERR_FORMAT, "a bitfield of %u bits", v->bit_size);
	struct err *e = vspace_read(env->vs, v->va, bytes, n);
	if (e)
		return e;
	*ret = scalar_decode(
		types_abi(env->types), bytes, t->size, v->bit_offset, v->bit_size, t->is_signed);
	return NULL;
}

struct err *value_address(const struct debug_env *env, const struct value *v, uint64_t *ret)
{
	const struct type *t = type_strip(v->type);
	if (v->computed || type_is_number(t))
		return value_number(env, v, ret);
	*ret = v->va;
	return NULL;
}
