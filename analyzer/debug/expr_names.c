/* What a name in an expression stands for: a symbol with its declared type, an enumerator, a name
 * of the caller's; and types as people write them. */
#include <ctype.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/expr_internal.h"
#include "analyzer/debug/suggest.h"

static bool is_absent(const struct err *e)
{
	return e && (e->code == ERR_NOT_FOUND || e->code == ERR_MISSING);
}

/* ---- enumerators ----------------------------------------------- */

/* *ret_found false when no provider has it, or none is there. */
static struct err *find_enumerator(
	const struct debug_env *env, const char *name, struct value *ret, bool *ret_found)
{
	const struct type *t = NULL;
	struct err *e = types_find_enumerator(env->types, name, &t);
	if (!e)
		e = type_complete(env->types, t);
	if (is_absent(e)) {
		err_drop(e); /* an answer, to be said in other words */
		return NULL;
	}
	for (uint32_t i = 0; !e && i < t->nenumerators; i++) {
		int64_t v = t->enumerator[i].value;
		if (strcmp(t->enumerator[i].name, name))
			continue;
		/* C11 6.4.4.3: an int; gcc widens where int does not hold it */
		*ret = expr_number(env,
			v == (int32_t)v	   ? "int"
			: v == (uint32_t)v ? "unsigned int"
					   : "long long",
			(uint64_t)v);
		*ret_found = true;
		return NULL;
	}
	return e;
}

/* What only loaded modules have; asked last, because it may open all their files. */
static struct err *find_module_enumerator(
	const struct debug_env *env, const char *name, struct value *ret, bool *ret_found)
{
	if (!types_modules_show(env->types))
		return NULL;
	struct err *e = find_enumerator(env, name, ret, ret_found);
	types_modules_hide(env->types);
	return e;
}

/* ---- symbols ----------------------------------------------- */

static bool is_text(const struct symbol *s)
{
	return s->type == 't' || s->type == 'T' || s->type == 'w' || s->type == 'W';
}

static const struct type *void_type(const struct debug_env *env)
{
	const struct type *t = NULL;
	if (types_parse(env->types, "void", &t))
		__builtin_unreachable(); /* "void" always parses */
	return t;
}

static struct err *symbol_value(
	const struct debug_env *env, const struct symbol *sym, const char *name, struct value *ret)
{
	struct types *db = env->types;
	const struct type *type;
	*ret = (struct value){ .va = sym->va };
	/* Text has no variables: asking for one would search all units. */
	if (is_text(sym)) {
		struct type fn = {
			.kind = TYPE_FUNCTION, .complete = true, .target = void_type(env)
		};
		ret->type = types_intern(db, &fn, 0);
		return NULL;
	}
	struct err *e = sym->module ? types_find_module_variable(db, sym->module, name, &type)
				    : types_find_variable(db, name, NULL, &type);
	if (is_absent(e)) {
		err_drop(e); /* its address can be taken all the same */
		ret->type = void_type(env);
		return NULL;
	}
	if (e)
		return e;
	/* "extern char x[];" is all that some units know: the ELF symbol has the size. */
	const struct type *t = type_strip(type);
	if (t->kind == TYPE_ARRAY && !t->count && t->target->size)
		type = types_array_of(db, t->target, sym->object_size / t->target->size);
	ret->type = type;
	return NULL;
}

bool expr_name_known(const struct debug_env *env, const char *name)
{
	struct value v;
	struct symbol sym;
	bool found = false;
	if (env->names) {
		scoped_err struct err *e = env->names->find(env->names->cx, name, &v, &found);
		if (e || found)
			return true;
	}
	if (env->syms && symtab_find(env->syms, name, &sym))
		return true;
	scoped_err struct err *e = find_enumerator(env, name, &v, &found);
	return e || found;
}

struct err *expr_name_value(const struct debug_env *env, const char *name, struct value *ret)
{
	bool found = false;
	struct symbol sym;
	if (env->names) {
		struct err *e = env->names->find(env->names->cx, name, ret, &found);
		if (e || found)
			return e;
	}
	if (env->syms && symtab_find(env->syms, name, &sym))
		return symbol_value(env, &sym, name, ret);
	struct err *e = find_enumerator(env, name, ret, &found);
	if (!e && !found)
		e = find_module_enumerator(env, name, ret, &found);
	if (e || found)
		return e;
	return suggest_value(env, name, err_new(ERR_NOT_FOUND, "no symbol %s", name));
}

/* ---- types ----------------------------------------------- */

/* "T (*)(…)" and "T (**)(…)": T in @base, the stars counted; false for other forms. */
static bool split_function_pointer(const char *text, struct strbuf *base, unsigned *ret_stars)
{
	const char *p = strchr(text, '(');
	unsigned stars = 0;
	if (!p)
		return false;
	strbuf_add_bytes(base, text, (size_t)(p - text));
	for (p++; *p == '*' || isspace((unsigned char)*p); p++)
		stars += *p == '*';
	if (!stars || stars > TYPE_MAX_DEPTH / 2 || *p++ != ')')
		return false;
	p += strspn(p, " \t");
	size_t n = strlen(p);
	while (n && isspace((unsigned char)p[n - 1]))
		n--;
	*ret_stars = stars;
	return n >= 2 && *p == '(' && p[n - 1] == ')';
}

/* A bare tag in front: "task_struct", "task_struct *". */
static struct err *parse_bare_tag(
	const struct debug_env *env, const char *text, const struct type **ret)
{
	static const char *const words[] = { "struct", "union", "enum" };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		scoped_strbuf struct strbuf b = { 0 };
		strbuf_addf(&b, "%s %s", words[i], text);
		struct err *e = types_parse(env->types, strbuf_text(&b), ret);
		if (!e || e->code != ERR_NOT_FOUND)
			return e;
		err_drop(e); /* the next kind */
	}
	return err_new(ERR_NOT_FOUND, "no struct, union, enum or typedef is called %s", text);
}

static struct err *parse_type(
	const struct debug_env *env, const char *text, const struct type **ret)
{
	scoped_strbuf struct strbuf base = { 0 };
	unsigned stars;
	if (split_function_pointer(text, &base, &stars)) {
		struct type fn = { .kind = TYPE_FUNCTION, .complete = true };
		struct err *e = parse_type(env, strbuf_text(&base), &fn.target);
		if (e)
			return e;
		const struct type *t = types_intern(env->types, &fn, 0);
		while (stars--)
			t = types_pointer_to(env->types, t);
		*ret = t;
		return NULL;
	}
	const char *word = text + strspn(text, " \t");
	size_t n = strcspn(word, " \t*[");
	struct err *e = types_parse(env->types, text, ret);
	bool tagged = !strncmp(word, "struct ", 7) || !strncmp(word, "union ", 6) ||
		      !strncmp(word, "enum ", 5);
	if (!e || e->code != ERR_NOT_FOUND || tagged || !n)
		return e;
	err_drop(e); /* "no type x" says less than what follows */
	return parse_bare_tag(env, text, ret);
}

bool expr_type_known(const struct debug_env *env, const char *name)
{
	const struct type *t;
	struct err *e = types_find_any(env->types, name, NULL, &t);
	if (e && types_modules_show(env->types)) {
		err_drop(e);
		e = types_find_any(env->types, name, NULL, &t);
		types_modules_hide(env->types);
	}
	bool found = !e;
	err_drop(e); /* then it is no type; who wants its value will say what it is not */
	return found;
}

/* Modules are looked at when the kernel has no such type. */
struct err *expr_parse_type(const struct debug_env *env, const char *text, const struct type **ret)
{
	struct err *e = parse_type(env, text, ret);
	if (!is_absent(e) || !types_modules_show(env->types))
		return e;
	struct err *again = parse_type(env, text, ret);
	types_modules_hide(env->types);
	if (is_absent(again)) {
		err_drop(again); /* the first says it better */
		return e;
	}
	err_drop(e);
	return again;
}
