/*
 * The parser's inner half: operands. Because a cast looks like a parenthesis, it asks which names
 * are types; reads nothing of the target.
 */
#include <ctype.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/expr_parser.h"

struct expr *parser_fail(struct parser *ps, size_t at, struct err *e)
{
	if (ps->err) {
		err_drop(e); /* a consequence of the first one */
	} else {
		ps->err = e;
		ps->err_at = at;
	}
	return NULL;
}

struct expr *parser_wrong(struct parser *ps, size_t at, const char *what)
{
	return parser_fail(ps, at, err_new(ERR_USAGE, "%s", what));
}

void parser_advance(struct parser *ps)
{
	size_t at = ps->tok.end;
	if (ps->err)
		return;
	struct err *e = expr_lex(types_abi(ps->env->types), ps->arena, ps->text, ps->tok.end,
		ps->flags, &ps->tok, &at);
	if (e) {
		ps->tok = (struct token){ .at = at, .end = at };
		parser_fail(ps, at, e);
	}
}

bool parser_is_op(const struct parser *ps, unsigned op)
{
	return ps->tok.kind == TOKEN_OP && ps->tok.op == op;
}

bool parser_expect(struct parser *ps, unsigned op, const char *missing)
{
	if (!parser_is_op(ps, op)) {
		parser_wrong(ps, ps->tok.at, missing);
		return false;
	}
	parser_advance(ps);
	return !ps->err;
}

struct expr *parser_node(struct parser *ps, enum expr_kind kind, size_t at)
{
	if (ps->err)
		return NULL;
	if (++ps->nodes > EXPR_MAX_NODES)
		return parser_wrong(ps, at, "the expression is too long");
	struct expr *x = arena_alloc(ps->arena, sizeof(*x));
	x->kind = kind;
	x->at = at;
	return x;
}

static struct expr *number_node(struct parser *ps, size_t at, const char *type, uint64_t number)
{
	struct expr *x = parser_node(ps, X_NUMBER, at);
	if (x) {
		struct value v = expr_number(ps->env, type, number);
		x->type = v.type;
		x->number = v.number;
	}
	return x;
}

/* ---- types ----------------------------------------------- */

static bool is_type_word(const char *w)
{
	static const char *const words[] = { "struct", "union", "enum", "unsigned", "signed", "int",
		"long", "short", "char", "void", "_Bool", "const", "volatile", "__int128", "float",
		"double" };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(w, words[i]))
			return true;
	return false;
}

bool parser_at_type(struct parser *ps)
{
	const struct type *t;
	if (ps->tok.kind != TOKEN_NAME)
		return false;
	if (is_type_word(ps->tok.text))
		return true;
	if (expr_name_known(ps->env, ps->tok.text) || !strcmp(ps->tok.text, "sizeof"))
		return false;
	struct err *e = types_find_any(ps->env->types, ps->tok.text, NULL, &t);
	bool found = !e;
	err_drop(e); /* then it is no type; who wants its value will say what it is not */
	return found;
}

const struct type *parser_type(struct parser *ps)
{
	size_t from = ps->tok.at, end = from;
	const struct type *t = NULL;
	if (ps->err)
		return NULL;
	for (int open = 0; ps->text[end]; end++) {
		char c = ps->text[end];
		open += c == '(' || c == '[';
		if (!open && (c == ')' || c == ','))
			break;
		open -= c == ')' || c == ']';
	}
	char *name = arena_strndup(ps->arena, ps->text + from, end - from);
	struct err *e = expr_parse_type(ps->env, name, &t);
	if (e)
		parser_fail(ps, from, e);
	ps->tok.end = end;
	parser_advance(ps);
	return ps->err ? NULL : t;
}

struct expr *parser_size_of_type(struct parser *ps, size_t at)
{
	const struct type *t = parser_type(ps);
	if (!t || !parser_expect(ps, ')', "a ) is missing"))
		return NULL;
	struct value v = { .type = t };
	struct expr *inner = parser_node(ps, X_NUMBER, at), *x = parser_node(ps, X_SIZEOF, at);
	if (!x)
		return NULL;
	inner->type = v.type;
	x->a = inner;
	return x;
}

/* ---- calls ----------------------------------------------- */

/* "type, member.path)" of offsetof and container_of: the place of the member. */
static const struct type *parse_member_place(struct parser *ps, uint64_t *ret_offset)
{
	const struct type *t = parser_type(ps);
	struct field_ref ref = { 0 };
	if (!t || !parser_expect(ps, ',', "a , and a member are missing"))
		return NULL;
	size_t from = ps->tok.at, n = strcspn(ps->text + from, ") \t,");
	char *path = arena_strndup(ps->arena, ps->text + from, n);
	struct err *e = type_field(ps->env->types, t, path, &ref);
	if (!e && ref.bit_size)
		e = err_new(ERR_USAGE, "%s is a bitfield and has no offset in bytes", path);
	if (e)
		parser_fail(ps, from, e);
	*ret_offset = ref.bit_offset / 8;
	ps->tok.end = from + n;
	parser_advance(ps);
	return parser_expect(ps, ')', "a ) is missing") ? t : NULL;
}

static struct expr *offset_of(struct parser *ps, size_t at)
{
	uint64_t offset;
	if (!parse_member_place(ps, &offset))
		return NULL;
	return number_node(ps, at, "unsigned long", offset);
}

static struct expr *container_of(struct parser *ps, size_t at)
{
	struct expr *x = parser_node(ps, X_CONTAINER, at), *inner = parser_expression(ps);
	if (!inner || !parser_expect(ps, ',', "a , and a type are missing"))
		return NULL;
	const struct type *t = parse_member_place(ps, &x->number);
	if (!t)
		return NULL;
	x->a = inner;
	x->type = types_pointer_to(ps->env->types, t);
	return x;
}

static struct expr *unknown_function(struct parser *ps, const struct token *name)
{
	return parser_fail(ps, name->at,
		expr_name_known(ps->env, name->text)
			? err_new(ERR_USAGE, "%s() cannot be called: a dump does not run",
				  name->text)
			: err_new(ERR_NOT_FOUND, "no function %s", name->text));
}

static struct expr *call(struct parser *ps, const struct token *name)
{
	if (!strcmp(name->text, "offsetof"))
		return offset_of(ps, name->at);
	if (!strcmp(name->text, "container_of"))
		return container_of(ps, name->at);
	const struct expr_function *f = expr_state_function(ps->env->state, name->text);
	if (!f)
		return unknown_function(ps, name);
	struct expr *x = parser_node(ps, X_CALL, name->at);
	while (!ps->err && !parser_is_op(ps, ')') && x->narg < f->max_args) {
		if (x->narg && !parser_expect(ps, ',', "a , is missing"))
			return NULL;
		x->arg[x->narg++] = parser_expression(ps);
	}
	if (ps->err)
		return NULL;
	if (!parser_is_op(ps, ')') || x->narg < f->min_args)
		return parser_fail(ps, ps->tok.at, err_new(ERR_USAGE, "this is %s", f->usage));
	parser_advance(ps);
	x->function = f;
	return x;
}

/* ---- operands ----------------------------------------------- */

static struct expr *named(struct parser *ps)
{
	struct token name = ps->tok;
	uint64_t n = 0;
	parser_advance(ps);
	if (parser_is_op(ps, '(')) {
		parser_advance(ps);
		return call(ps, &name);
	}
	if ((ps->flags & EXPR_CALCULATOR) && strlen(name.text) <= 16 &&
		name.text[strspn(name.text, "0123456789abcdefABCDEF")] == '\0' &&
		!expr_name_known(ps->env, name.text)) {
		for (const char *p = name.text; *p; p++)
			n = n * 16 + (*p & 15u) + (isdigit((unsigned char)*p) ? 0 : 9u);
		return number_node(ps, name.at, "unsigned long long", n);
	}
	struct expr *x = parser_node(ps, X_NAME, name.at);
	if (x)
		x->name = name.text;
	return x;
}

static struct expr *literal(struct parser *ps)
{
	struct token t = ps->tok;
	enum expr_kind kind = t.kind == TOKEN_STRING ? X_STRING : X_DOLLAR;
	parser_advance(ps);
	if (t.kind == TOKEN_NUMBER || t.kind == TOKEN_CHAR)
		return number_node(ps, t.at, t.type, t.number);
	struct expr *x = parser_node(ps, kind, t.at);
	if (x) {
		x->name = t.text;
		x->number = t.text_bytes;
	}
	return x;
}

struct expr *parser_primary(struct parser *ps)
{
	if (ps->err)
		return NULL;
	if (ps->tok.kind == TOKEN_NAME)
		return named(ps);
	if (ps->tok.kind == TOKEN_END)
		return parser_wrong(ps, ps->tok.at, "the expression ends too early");
	if (ps->tok.kind != TOKEN_OP)
		return literal(ps);
	if (!parser_is_op(ps, '('))
		return parser_wrong(ps, ps->tok.at, "a name or a number is wanted");
	parser_advance(ps);
	struct expr *x = parser_expression(ps);
	return x && parser_expect(ps, ')', "a ) is missing") ? x : NULL;
}
