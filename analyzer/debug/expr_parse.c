/*
 * From text to a tree, by precedence climbing. Knows C's operators; operands are expr_operand.c's.
 */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/expr_parser.h"

static struct expr *unary(struct parser *ps);

/* ---- prefixes and postfixes ----------------------------------------------- */

static struct expr *member(struct parser *ps, struct expr *of)
{
	struct expr *x = parser_node(ps, parser_is_op(ps, '.') ? X_MEMBER : X_ARROW, ps->tok.at);
	parser_advance(ps);
	if (!x || ps->err)
		return NULL;
	if (ps->tok.kind != TOKEN_NAME)
		return parser_wrong(ps, ps->tok.at, "a member's name is missing");
	x->a = of;
	x->name = ps->tok.text;
	x->number = ps->tok.at;
	parser_advance(ps);
	return x;
}

static struct expr *element(struct parser *ps, struct expr *of)
{
	struct expr *x = parser_node(ps, X_INDEX, ps->tok.at);
	parser_advance(ps);
	struct expr *first = parser_expression(ps);
	if (!first)
		return NULL;
	x->a = of;
	x->b = first;
	if (parser_is_op(ps, OP2('.', '.'))) {
		parser_advance(ps);
		x->kind = X_RANGE;
		x->c = parser_expression(ps);
	}
	return parser_expect(ps, ']', "a ] is missing") ? x : NULL;
}

static struct expr *postfix(struct parser *ps, struct expr *x)
{
	while (x && !ps->err) {
		if (parser_is_op(ps, '.') || parser_is_op(ps, OP2('-', '>')))
			x = member(ps, x);
		else if (parser_is_op(ps, '['))
			x = element(ps, x);
		else if (parser_is_op(ps, OP2('+', '+')) || parser_is_op(ps, OP2('-', '-')))
			return parser_wrong(ps, ps->tok.at,
				"a dump is read-only: nothing can be counted up or down");
		else
			return x;
	}
	return NULL;
}

static struct expr *size_of(struct parser *ps)
{
	struct expr *x = parser_node(ps, X_SIZEOF, ps->tok.at);
	parser_advance(ps);
	if (!x)
		return NULL;
	struct token open = ps->tok;
	if (parser_is_op(ps, '(')) {
		parser_advance(ps);
		if (parser_at_type(ps))
			return parser_size_of_type(ps, x->at);
		ps->tok = open;
	}
	x->a = unary(ps);
	return x->a ? x : NULL;
}

/* "(type) operand", or NULL without an error when a parenthesis opens here. */
static struct expr *cast(struct parser *ps)
{
	struct token open = ps->tok;
	parser_advance(ps);
	if (ps->err || !parser_at_type(ps)) {
		ps->tok = open;
		return NULL;
	}
	struct expr *x = parser_node(ps, X_CAST, open.at);
	const struct type *t = parser_type(ps);
	if (!t || !parser_expect(ps, ')', "a ) is missing"))
		return NULL;
	x->type = t;
	x->a = unary(ps);
	return x->a ? x : NULL;
}

static struct expr *prefix(struct parser *ps)
{
	unsigned op = ps->tok.op;
	struct expr *x = parser_node(ps,
		op == '*'   ? X_DEREF
		: op == '&' ? X_ADDRESS
			    : X_UNARY,
		ps->tok.at);
	parser_advance(ps);
	if (!x)
		return NULL;
	x->op = op;
	x->a = unary(ps);
	return x->a ? x : NULL;
}

static struct expr *unary(struct parser *ps)
{
	struct expr *x = NULL;
	if (ps->err)
		return NULL;
	if (ps->depth >= EXPR_MAX_DEPTH)
		return parser_wrong(ps, ps->tok.at, "too deeply nested");
	ps->depth++;
	if (ps->tok.kind == TOKEN_OP && ps->tok.op < 128 && strchr("*&+-~!", (int)ps->tok.op))
		x = prefix(ps);
	else if (parser_is_op(ps, OP2('+', '+')) || parser_is_op(ps, OP2('-', '-')))
		parser_wrong(
			ps, ps->tok.at, "a dump is read-only: nothing can be counted up or down");
	else if (parser_is_op(ps, OP2('&', '&')))
		parser_wrong(ps, ps->tok.at, "&& stands between two operands");
	else if (ps->tok.kind == TOKEN_NAME && !strcmp(ps->tok.text, "sizeof"))
		x = size_of(ps);
	else if (!parser_is_op(ps, '(') || (!(x = cast(ps)) && !ps->err))
		x = postfix(ps, parser_primary(ps));
	ps->depth--;
	return ps->err ? NULL : x;
}

/* ---- operators ----------------------------------------------- */

/* 0: no binary operator. gdb's @ binds less than +, more than <<. */
static unsigned precedence(const struct token *t)
{
	if (t->kind != TOKEN_OP)
		return 0;
	switch (t->op) {
	case OP2('|', '|'):
		return 1;
	case OP2('&', '&'):
		return 2;
	case '|':
		return 3;
	case '^':
		return 4;
	case '&':
		return 5;
	case OP2('=', '='):
	case OP2('!', '='):
		return 6;
	case '<':
	case '>':
	case OP2('<', '='):
	case OP2('>', '='):
		return 7;
	case OP2('<', '<'):
	case OP2('>', '>'):
		return 8;
	case '@':
		return 9;
	case '+':
	case '-':
		return 10;
	case '*':
	case '/':
	case '%':
		return 11;
	default:
		return 0;
	}
}

static struct expr *binary(struct parser *ps, unsigned least)
{
	struct expr *left = unary(ps);
	while (left && precedence(&ps->tok) >= least) {
		struct token op = ps->tok;
		unsigned level = precedence(&op);
		struct expr *x = parser_node(ps,
			level <= 2   ? X_LOGICAL
			: level == 9 ? X_REPEAT
				     : X_BINARY,
			op.at);
		parser_advance(ps);
		struct expr *right = binary(ps, level + 1);
		if (!right)
			return NULL;
		x->op = op.op;
		x->a = left;
		x->b = right;
		left = x;
	}
	return ps->err ? NULL : left;
}

static struct expr *conditional(struct parser *ps)
{
	struct expr *x = binary(ps, 1);
	if (!x || !parser_is_op(ps, '?'))
		return x;
	struct expr *cond = parser_node(ps, X_COND, ps->tok.at);
	parser_advance(ps);
	struct expr *yes = parser_expression(ps);
	if (!yes || !parser_expect(ps, ':', "a : is missing"))
		return NULL;
	struct expr *no = parser_expression(ps);
	if (!no)
		return NULL;
	cond->a = x;
	cond->b = yes;
	cond->c = no;
	return cond;
}

/* = and its like, but no comparison. */
static bool is_assignment(const struct token *t)
{
	static const unsigned ops[] = { '=', OP2('+', '='), OP2('-', '='), OP2('*', '='),
		OP2('/', '='), OP2('%', '='), OP2('&', '='), OP2('|', '='), OP2('^', '='),
		OP3('<', '<', '='), OP3('>', '>', '=') };
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (t->kind == TOKEN_OP && t->op == ops[i])
			return true;
	return false;
}

struct expr *parser_expression(struct parser *ps)
{
	if (ps->err)
		return NULL;
	if (ps->depth >= EXPR_MAX_DEPTH)
		return parser_wrong(ps, ps->tok.at, "too deeply nested");
	ps->depth++;
	struct expr *x = conditional(ps);
	if (x && is_assignment(&ps->tok)) {
		struct expr *set = parser_node(ps, X_ASSIGN, ps->tok.at);
		bool variable = x->kind == X_DOLLAR && *x->name && !strchr("$0123456789", *x->name);
		if (set && !variable)
			return parser_wrong(ps, ps->tok.at,
				"a dump is read-only: only $names can be set, and == compares");
		if (set && ps->tok.op != '=')
			return parser_wrong(ps, ps->tok.at, "only = sets a variable");
		parser_advance(ps);
		struct expr *to = parser_expression(ps);
		if (to) {
			set->name = x->name;
			set->a = to;
		}
		x = to ? set : NULL;
	}
	ps->depth--;
	return x;
}

struct err *expr_parse(const struct debug_env *env, struct arena *a, const char *text,
	enum expr_flags flags, const struct expr **ret, size_t *ret_at)
{
	struct parser ps = { .env = env, .arena = a, .text = text, .flags = flags };
	parser_advance(&ps);
	struct expr *x = parser_expression(&ps);
	if (!ps.err && ps.tok.kind != TOKEN_END)
		parser_wrong(&ps, ps.tok.at,
			parser_is_op(&ps, ',') ? "the comma operator is not known here"
					       : "this is not understood");
	if (ps.err) {
		*ret_at = ps.err_at;
		return ps.err;
	}
	*ret = x;
	return NULL;
}

bool expr_is_assignment(const struct expr *x)
{
	return x->kind == X_ASSIGN;
}
