/*
 * C expressions over the dump, with the target's types and sizes. Parsed once, evaluated as often
 * as wanted; nothing is read before its number is needed, and not at all below sizeof, in the
 * branch of
 * ?: that is not taken, or behind an && or || that is already decided.
 *
 * The language is C's, without the comma operator, assignment to memory and floating point, plus:
 * - p.m works on pointers as p->m does;
 * - offsetof(T, a.b[1].c), container_of(p, T, m), and functions that were registered (per_cpu());
 * - a[2..5] are elements 2 to 5, both included, as an array; a[2]@4 is the same in gdb's words;
 * - == and != between a string literal and a char array or pointer compare the texts;
 * - $, $$, $N, $$N are earlier values, $name a variable, set by $name = expression;
 * - a pointer is a number for & | ^ ~ and %; enumerators are ints, a loaded module's too; a
 * character constant has type char, so that it is shown as one, and L'' the kernel's wchar_t, 16
 * bits;
 * - typeof(expression) where a type can stand, with qualifiers and stars;
 * - a bare tag stands for its struct where only a type can stand: sizeof(task_struct).
 * What C leaves undefined is an error: division by 0, shifts by more than the width, an index
 * beyond an array of known length above 1 (shorter ones are old flexible arrays).
 */
#ifndef ANALYZER_DEBUG_EXPR_H
#define ANALYZER_DEBUG_EXPR_H

#include "analyzer/base/arena.h"
#include "analyzer/debug/value.h"

struct expr;

enum expr_flags {
	EXPR_C = 0,
	/* A calculator's numbers: literals have 64 bits, may end in k, m or g (1024, …), and a word
	 * that is nothing else but hex digits is a hexadecimal number, as crash's eval reads it. */
	EXPR_CALCULATOR = 1,
};

/*
 * The expression and its strings live in @a. Depth and size are bounded. ERR_USAGE for what is not
 * understood, ERR_NOT_FOUND for an unknown type or function, with its byte offset in *ret_at.
 */
struct err *expr_parse(const struct debug_env *env, struct arena *a, const char *text,
	enum expr_flags flags, const struct expr **ret, size_t *ret_at) MUST_CHECK;

/* ERR_USAGE, ERR_NOT_FOUND (a symbol, a member) and read faults; *ret_at as above. The value
 * borrows from the expression when it is a string literal. */
struct err *expr_eval(const struct debug_env *env, const struct expr *x, struct value *ret,
	size_t *ret_at) MUST_CHECK;

/* The same without reading anything: only the type (and place, as far as it needs no memory) is
 * right. */
struct err *expr_eval_type(const struct debug_env *env, const struct expr *x, struct value *ret,
	size_t *ret_at) MUST_CHECK;

/* The value as an rvalue: memory read, arrays and functions turned into pointers. */
struct err *expr_load(const struct debug_env *env, struct value *io) MUST_CHECK;

/* Whether the value is not 0: what a filter asks. */
struct err *expr_truth(const struct debug_env *env, const struct value *v, bool *ret) MUST_CHECK;

/* True for "$x = …": its value is no new one for the history. */
bool expr_is_assignment(const struct expr *x);

/* A type as a person names it: C's words, pointers to functions as "void (*)(int)", or a bare tag.
 */
struct err *expr_parse_type(
	const struct debug_env *env, const char *text, const struct type **ret) MUST_CHECK;

/* ---- what higher layers add ----------------------------------------------- */

/* Names that stand before symbols: columns of a row, locals of a frame. *ret_found false, or a
 * value whose strings live as long as the caller's value does. */
struct expr_names {
	struct err *(*find)(void *cx, const char *name, struct value *ret, bool *ret_found);
	void *cx;
};

struct expr_call {
	const struct debug_env *env;
	const struct value *arg; /* as written: memory not read yet */
	size_t narg;
	bool unevaluated; /* only the type of the result matters; nothing may be read */
};

struct expr_function {
	const char *name;
	const char *usage;	     /* "per_cpu(VARIABLE, CPU)" */
	unsigned min_args, max_args; /* at most 4 */
	struct err *(*call)(void *cx, const struct expr_call *c, struct value *ret);
	void *cx;
};

/* History, $ variables and functions: one per session, borrowed by its debug_env. */
struct expr_state *expr_state_create(void);
void expr_state_destroy(struct expr_state *s);

/* @f is copied, its strings are borrowed; a later one of the same name replaces the earlier. */
void expr_state_add_function(struct expr_state *s, const struct expr_function *f);

/* Puts a value into the history; returns its number, from 1 on. */
size_t expr_state_remember(struct expr_state *s, const struct value *v);

#endif
