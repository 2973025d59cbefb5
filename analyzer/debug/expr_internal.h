/* What the parts of the expression language share: tokens, the tree, arithmetic on values. */
#ifndef ANALYZER_DEBUG_EXPR_INTERNAL_H
#define ANALYZER_DEBUG_EXPR_INTERNAL_H

#include "analyzer/base/near.h"
#include "analyzer/debug/expr.h"
#include "analyzer/debug/types_internal.h"

enum {
	EXPR_MAX_DEPTH = 128,  /* of parentheses, unary operators, branches */
	EXPR_MAX_NODES = 1024, /* bounds the tree, and with it recursion and time */
	EXPR_MAX_ARGS = 4,
	EXPR_NAME_BYTES = 256,
};

/* ---- tokens (expr_lex.c) ----------------------------------------------- */

enum token_kind {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_NUMBER,
	TOKEN_CHAR,
	TOKEN_STRING,
	TOKEN_DOLLAR,
	TOKEN_OP
};

/* An operator is its characters packed into a number, the last one lowest. */
#define OP2(a, b)    ((unsigned)(a) << 8 | (unsigned)(b))
#define OP3(a, b, c) (OP2(a, b) << 8 | (unsigned)(c))

struct token {
	enum token_kind kind;
	size_t at, end;
	unsigned op;	   /* OP */
	uint64_t number;   /* NUMBER, CHAR */
	const char *type;  /* NUMBER, CHAR: C's name for its type */
	const char *text;  /* NAME, DOLLAR (without it), STRING (escapes undone): in the arena */
	size_t text_bytes; /* STRING: may hold NULs */
};

/* The token at or behind @at. ERR_USAGE with *ret_at for what begins none. */
struct err *expr_lex(const struct abi *abi, struct arena *a, const char *text, size_t at,
	enum expr_flags flags, struct token *ret, size_t *ret_at) MUST_CHECK;

/* ---- the tree (expr_parse.c) ----------------------------------------------- */

enum expr_kind {
	X_NUMBER, /* type, number */
	X_STRING, /* name, number: bytes */
	X_NAME,
	X_DOLLAR,    /* name */
	X_ASSIGN,    /* name, a */
	X_MEMBER,    /* a.name */
	X_ARROW,     /* a->name */
	X_INDEX,     /* a[b] */
	X_RANGE,     /* a[b..c] */
	X_REPEAT,    /* a@b */
	X_DEREF,     /* *a */
	X_ADDRESS,   /* &a */
	X_CAST,	     /* (type)a */
	X_UNARY,     /* op a */
	X_BINARY,    /* a op b */
	X_LOGICAL,   /* a && b, a || b */
	X_COND,	     /* a ? b : c */
	X_SIZEOF,    /* a */
	X_CONTAINER, /* a, type, number: offset */
	X_CALL,	     /* function, arg[] */
};

struct expr {
	enum expr_kind kind;
	unsigned op;
	size_t at; /* where an error about it points */
	const struct type *type;
	uint64_t number;
	const char *name;
	const struct expr *a, *b, *c;
	const struct expr_function *function;
	const struct expr *arg[EXPR_MAX_ARGS];
	size_t narg;
};

/* ---- arithmetic (expr_arith.c): messages without a place --------------------------------- */

/* expr_load() that reads nothing when @dry: the number is then 0. */
struct err *expr_load_dry(const struct debug_env *env, bool dry, struct value *io) MUST_CHECK;

/* Loads @io and makes it @type. */
struct err *expr_cast(const struct debug_env *env, bool dry, const struct type *type,
	struct value *io) MUST_CHECK;

/* op is one of + - ~ !. */
struct err *expr_unary(
	const struct debug_env *env, bool dry, unsigned op, struct value *io) MUST_CHECK;

/* Everything but && and ||. */
struct err *expr_binary(const struct debug_env *env, bool dry, unsigned op, const struct value *a,
	const struct value *b, struct value *ret) MUST_CHECK;

/* The type that both branches of ?: become; NULL when they are not both arithmetic. */
const struct type *expr_common_type(
	const struct debug_env *env, const struct value *a, const struct value *b);

/* A computed number of a C type by its name ("int", "unsigned long"). */
struct value expr_number(const struct debug_env *env, const char *type, uint64_t number);

/* Bytes that one step of a pointer to @t moves; void and functions have 1, as gcc has it. */
struct err *expr_step_bytes(
	const struct debug_env *env, const struct type *t, uint64_t *ret) MUST_CHECK;

uint64_t expr_word_mask(const struct debug_env *env);

/* Keeps @n below the number of bits that @t has, and spreads its sign. */
void expr_set_wide(struct value *v, const struct type *t, unsigned __int128 n);

/* ---- names (expr_state.c, expr_names.c) ----------------------------------------------- */

const struct expr_function *expr_state_function(const struct expr_state *s, const char *name);

/* Adds the functions that are near to what @near looks for. */
void expr_state_offer_functions(const struct expr_state *s, struct near_names *near);

/* "" is $, "$" is $$, "3" is $3, "$2" is $$2, anything else a variable. */
struct err *expr_state_get(
	const struct expr_state *s, const char *name, struct value *ret) MUST_CHECK;
void expr_state_set(struct expr_state *s, const char *name, const struct value *v);

/* Whether @name is something that has a value; so it begins no type. Does not complain. */
bool expr_name_known(const struct debug_env *env, const char *name);

/* Whether it is a type's tag or name, in the kernel or a loaded module. Does not complain. */
bool expr_type_known(const struct debug_env *env, const char *name);

/* A symbol, enumerator or one of env->names. */
struct err *expr_name_value(
	const struct debug_env *env, const char *name, struct value *ret) MUST_CHECK;

#endif
