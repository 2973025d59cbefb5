/* What the two halves of the expression parser share: expr_operand.c (types, names, calls) and
 * expr_parse.c (operators). */
#ifndef ANALYZER_DEBUG_EXPR_PARSER_H
#define ANALYZER_DEBUG_EXPR_PARSER_H

#include "analyzer/debug/expr_internal.h"

/* The first error stays; what parses returns NULL from then on. */
struct parser {
	const struct debug_env *env;
	struct arena *arena;
	const char *text;
	enum expr_flags flags;
	struct token tok;
	unsigned depth, nodes;
	struct err *err;
	size_t err_at;
};

/* Each returns NULL or false when an error stands. parser_fail() takes @e. */
struct expr *parser_fail(struct parser *ps, size_t at, struct err *e);
struct expr *parser_wrong(struct parser *ps, size_t at, const char *what);
void parser_advance(struct parser *ps);
bool parser_is_op(const struct parser *ps, unsigned op);

/* Goes over @op, or complains with @missing. */
bool parser_expect(struct parser *ps, unsigned op, const char *missing);
struct expr *parser_node(struct parser *ps, enum expr_kind kind, size_t at);

/* Whether a type stands here: a word of C's, or a name that is a type and nothing else. */
bool parser_at_type(struct parser *ps);

/* The type between here and the , or ) that ends it, which becomes the token. */
const struct type *parser_type(struct parser *ps);
struct expr *parser_size_of_type(struct parser *ps, size_t at);

/* A name, a literal, a call, or what stands in parentheses. */
struct expr *parser_primary(struct parser *ps);

/* A whole expression, with ?: and =. */
struct expr *parser_expression(struct parser *ps);

#endif
