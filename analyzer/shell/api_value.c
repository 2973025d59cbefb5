/* The plugins' typed values: struct value of the debug layer under a closed form that may be
 * copied. */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/expr.h"
#include "analyzer/shell/api.h"
#include "analyzer/target/target.h"

_Static_assert(
	sizeof(struct value) <= sizeof(struct api_value), "a value has room in the closed form");

static struct value opened(const struct api_value *v)
{
	struct value out;
	memcpy(&out, v, sizeof(out));
	return out;
}

static void close_into(const struct value *v, struct api_value *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, v, sizeof(*v));
}

static struct err *find_it(void *cx, const char *name, struct value *ret, bool *ret_found)
{
	*ret_found = !strcmp(name, "it");
	if (*ret_found)
		*ret = opened(cx);
	return NULL;
}

struct err *api_value(
	struct target *t, const struct api_value *it, const char *text, struct api_value *ret)
{
	const struct expr_names names = { find_it, (void *)it };
	struct debug_env env = t->debug;
	struct value v;
	if (it)
		env.names = &names;
	struct err *err = value_parse(&env, text, &v);
	if (!err)
		close_into(&v, ret);
	return err;
}

struct err *api_value_at(struct target *t, const char *type, uint64_t va, struct api_value *ret)
{
	struct value v = { .va = va };
	struct err *err = expr_parse_type(&t->debug, type, &v.type);
	if (!err)
		close_into(&v, ret);
	return err;
}

static enum api_kind kind_of(const struct type *type)
{
	const struct type *t = type_strip(type);
	switch (t->kind) {
	case TYPE_INT:
		return t->encoding == INT_BOOL	 ? API_BOOL
		       : t->encoding == INT_CHAR ? API_CHAR
						 : API_INT;
	case TYPE_FLOAT:
		return API_FLOAT;
	case TYPE_ENUM:
		return API_ENUM;
	case TYPE_POINTER:
		return API_POINTER;
	case TYPE_ARRAY:
		return API_ARRAY;
	case TYPE_STRUCT:
		return API_STRUCT;
	case TYPE_UNION:
		return API_UNION;
	case TYPE_FUNCTION:
		return API_FUNCTION;
	default:
		return API_VOID;
	}
}

struct api_value_info api_value_info(const struct api_value *it)
{
	const struct value v = opened(it);
	const struct type *t = type_strip(v.type);
	bool points = t->kind == TYPE_POINTER || t->kind == TYPE_ARRAY;
	return (struct api_value_info){
		.kind = kind_of(t),
		.is_signed = t->is_signed,
		.in_memory = !v.computed,
		.bit_field = v.bit_size != 0,
		.va = v.computed ? 0 : v.va,
		.bytes = t->size,
		.count = t->kind == TYPE_ARRAY ? t->count : 0,
		.target = points ? kind_of(t->target) : API_VOID,
	};
}

void api_value_type(const struct api_value *it, struct strbuf *out)
{
	const struct value v = opened(it);
	type_declare(v.type, NULL, out);
}

struct err *api_value_number(struct target *t, const struct api_value *it, uint64_t *ret)
{
	const struct value v = opened(it);
	return value_number(&t->debug, &v, ret);
}

struct err *api_value_print(
	struct target *t, const struct api_value *it, bool hex, struct strbuf *out)
{
	const struct value v = opened(it);
	return value_format(&t->debug, &v, &(struct value_style){ .hex = hex }, out);
}

struct err *api_value_member(
	struct target *t, const struct api_value *it, size_t i, const char **ret_name)
{
	const struct type *type = type_strip(opened(it).type);
	struct err *err = NULL;
	if (type->kind == TYPE_POINTER)
		type = type_strip(type->target);
	bool has = type->kind == TYPE_STRUCT || type->kind == TYPE_UNION;
	if (has)
		err = type_complete(t->types, type);
	if (err)
		return err;
	if (!has || i >= type->nmembers)
		*ret_name = NULL;
	else
		*ret_name = type->member[i].name ? type->member[i].name : "";
	return NULL;
}
