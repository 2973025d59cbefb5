/*
 * Values of the target and how they are shown: an object in target memory, which stays a place
 * until somebody wants its number, or something computed. The language that makes them is expr.h.
 */
#ifndef ANALYZER_DEBUG_VALUE_H
#define ANALYZER_DEBUG_VALUE_H

#include "analyzer/debug/symtab.h"
#include "analyzer/debug/type.h"
#include "analyzer/space/vspace.h"

struct expr_state;
struct expr_names;
struct type_printers;

struct debug_env {
	struct vspace *vs; /* NULL: memory cannot be read; expressions that need none still work */
	struct types *types;
	const struct symtab *syms;
	struct expr_state *state;	/* $ variables and functions, see expr.h; NULL: none */
	const struct expr_names *names; /* names that come before symbols; NULL: none */
	struct type_printers *printers; /* type_printers.h; NULL: none */
};

struct value {
	const struct type *type;
	uint64_t va;
	uint32_t bit_offset; /* within the byte at va; bitfields only */
	uint32_t bit_size;   /* 0: not a bitfield */
	bool computed; /* not in memory: .number is what it holds, widened by the type's sign */
	uint64_t number;
	uint64_t high;	  /* computed values of 16-byte types: the upper half */
	const char *text; /* computed, of type char [length + 1]: a string literal; borrowed */
};

/*
 * Parses and evaluates in one go: see expr.h for the language and for errors with a column of their
 * own. Here the message quotes the text and has the place as "at column N". ERR_USAGE also when the
 * value is a bare string literal, which would outlive its bytes.
 */
struct err *value_parse(
	const struct debug_env *env, const char *text, struct value *ret) MUST_CHECK;

/* @va as a struct/typedef; @member_path may be NULL. */
struct err *value_at(const struct debug_env *env, const char *type_name, const char *member_path,
	uint64_t va, struct value *ret) MUST_CHECK;

/* The number an integer, enum, pointer or bitfield value holds, sign-extended as its type says; a
 * function's is its address. ERR_USAGE for what is no number or has more than 64 bits. */
struct err *value_number(
	const struct debug_env *env, const struct value *v, uint64_t *ret) MUST_CHECK;

/* What a person means by a value where an address is wanted: a pointer's or integer's number, the
 * place of a struct, an array, a function. */
struct err *value_address(
	const struct debug_env *env, const struct value *v, uint64_t *ret) MUST_CHECK;

/* A computed number of a C type by its name ("unsigned long", "struct task_struct *"). */
struct err *value_of_number(const struct debug_env *env, const char *type_name, uint64_t number,
	struct value *ret) MUST_CHECK;

/* A computed text of @n bytes, as a string literal is one; @s is borrowed. */
struct err *value_of_text(
	const struct debug_env *env, const char *s, size_t n, struct value *ret) MUST_CHECK;

struct value_style {
	bool hex;	       /* integers in hex */
	unsigned max_depth;    /* of nested structs; 0: default 16 */
	unsigned max_elements; /* of arrays; 0: default 200 */
};

/*
 * As a designated initialiser: { .member = value, … }, small structs on one line; "union {" marks
 * unions; pointers with <symbol> or "string"; char arrays as strings; enumerators by name, sets of
 * flags as (A | B); lists and trees that are empty say so; elements by [index] where they are
 * structs, equal ones folded. Unreadable parts stand as "<not mapped>", longer output ends with
 * ERR_LIMIT.
 */
struct err *value_format(const struct debug_env *env, const struct value *v,
	const struct value_style *style, struct strbuf *out) MUST_CHECK;

#endif
