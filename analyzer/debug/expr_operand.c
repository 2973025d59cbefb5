/*
 * The parser's inner half: operands. Because a cast looks like a parenthesis, it asks which names
 * are types; reads nothing of the target.
 */
#include <ctype.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/expr_parser.h"
#include "analyzer/debug/suggest.h"

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

static bool at_word(const struct parser *ps, const char *w)
{
	return ps->tok.kind == TOKEN_NAME && !strcmp(ps->tok.text, w);
}

static bool at_typeof(const struct parser *ps)
{
	return at_word(ps, "typeof") || at_word(ps, "__typeof__") || at_word(ps, "__typeof");
}

static bool at_qualifier(const struct parser *ps)
{
	return at_word(ps, "const") || at_word(ps, "volatile");
}

/* "typeof", maybe behind qualifiers, which go to @ret_qualifier (the last of them; NULL: none) with
 * the token moved to typeof; else nothing moves. */
static bool find_typeof(struct parser *ps, const char **ret_qualifier)
{
	struct token start = ps->tok;
	*ret_qualifier = NULL;
	while (at_qualifier(ps) && !ps->err) {
		*ret_qualifier = ps->tok.text;
		parser_advance(ps);
	}
	if (!ps->err && at_typeof(ps))
		return true;
	ps->tok = start;
	return false;
}

bool parser_at_type(struct parser *ps)
{
	if (ps->tok.kind != TOKEN_NAME)
		return false;
	if (at_typeof(ps) || is_type_word(ps->tok.text))
		return true;
	if (expr_name_known(ps->env, ps->tok.text) || at_word(ps, "sizeof"))
		return false;
	if (ps->flags & EXPR_CALCULATOR) { /* there most unknown names are hexadecimal numbers */
		const struct type *t;
		scoped_err struct err *e = types_find_any(ps->env->types, ps->tok.text, NULL, &t);
		return !e;
	}
	return expr_type_known(ps->env, ps->tok.text);
}

static const struct type *qualified(
	const struct parser *ps, const struct type *t, const char *qualifier)
{
	struct type q = { .kind = TYPE_QUALIFIED,
		.size = t->size,
		.target = t,
		.complete = true,
		.name = qualifier };
	return qualifier ? types_intern(ps->env->types, &q, 0) : t;
}

/* The stars and qualifiers behind typeof(). */
static const struct type *declarator(struct parser *ps, const struct type *t)
{
	for (unsigned n = 0; !ps->err && n < TYPE_MAX_DEPTH / 2; n++) {
		if (parser_is_op(ps, '*'))
			t = types_pointer_to(ps->env->types, t);
		else if (at_qualifier(ps))
			t = qualified(ps, t, at_word(ps, "const") ? "const" : "volatile");
		else
			break;
		parser_advance(ps);
	}
	return t;
}

/* "typeof(expression or type)" and what is behind it; the operand is not evaluated. */
static const struct type *type_of(struct parser *ps, const char *qualifier)
{
	struct value v = { 0 };
	size_t from = ps->tok.at, at = from;
	if (ps->depth >= EXPR_MAX_DEPTH)
		return parser_wrong(ps, from, "too deeply nested"), NULL;
	ps->depth++;
	parser_advance(ps);
	if (!parser_expect(ps, '(', "a ( is missing"))
		return NULL;
	if (parser_at_type(ps)) {
		v.type = parser_type(ps);
	} else {
		const struct expr *x = parser_expression(ps);
		struct err *e = x ? expr_eval_type(ps->env, x, &v, &at) : NULL;
		if (!e && x && v.bit_size)
			e = err_new(ERR_USAGE, "typeof of a bitfield");
		if (e)
			parser_fail(ps, at, e);
	}
	if (ps->err || !v.type || !parser_expect(ps, ')', "a ) is missing"))
		return NULL;
	const char *kept = !qualifier ? NULL : !strcmp(qualifier, "const") ? "const" : "volatile";
	v.type = declarator(ps, qualified(ps, v.type, kept));
	ps->depth--;
	return ps->err ? NULL : v.type;
}

const struct type *parser_type(struct parser *ps)
{
	size_t from = ps->tok.at, end = from;
	const struct type *t = NULL;
	if (ps->err)
		return NULL;
	const char *qualifier;
	if (find_typeof(ps, &qualifier))
		return type_of(ps, qualifier);
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
		parser_fail(ps, from, suggest_type(ps->env, name, e));
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
		parser_fail(ps, from, suggest_member(ps->env->types, t, path, e));
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
	struct near_names near;
	if (expr_name_known(ps->env, name->text))
		return parser_fail(ps, name->at,
			err_new(ERR_USAGE, "%s() cannot be called: a dump does not run",
				name->text));
	near_init(&near, name->text);
	near_offer(&near, "sizeof");
	near_offer(&near, "typeof");
	near_offer(&near, "offsetof");
	near_offer(&near, "container_of");
	expr_state_offer_functions(ps->env->state, &near);
	return parser_fail(ps, name->at,
		near_suggest(&near, err_new(ERR_NOT_FOUND, "no function %s", name->text)));
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

/* Adjacent literals are one. */
static struct expr *string(struct parser *ps)
{
	struct expr *x = parser_node(ps, X_STRING, ps->tok.at);
	scoped_strbuf struct strbuf all = { 0 };
	while (x && !ps->err && ps->tok.kind == TOKEN_STRING) {
		strbuf_add_bytes(&all, ps->tok.text, ps->tok.text_bytes);
		parser_advance(ps);
	}
	if (!x || ps->err)
		return NULL;
	char *text = arena_alloc(ps->arena, all.len + 1);
	memcpy(text, strbuf_text(&all), all.len);
	text[all.len] = '\0';
	x->name = text;
	x->number = all.len;
	return x;
}

static struct expr *literal(struct parser *ps)
{
	struct token t = ps->tok;
	if (t.kind == TOKEN_STRING)
		return string(ps);
	parser_advance(ps);
	if (t.kind == TOKEN_NUMBER || t.kind == TOKEN_CHAR)
		return number_node(ps, t.at, t.type, t.number);
	struct expr *x = parser_node(ps, X_DOLLAR, t.at);
	if (x)
		x->name = t.text;
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
