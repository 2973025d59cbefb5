/*
 * Values of the target and how they are shown. First form of the expression language: a variable, a
 * type at an address, and member paths.
 */
#ifndef ANALYZER_DEBUG_VALUE_H
#define ANALYZER_DEBUG_VALUE_H

#include "analyzer/debug/symtab.h"
#include "analyzer/debug/type.h"
#include "analyzer/space/vspace.h"

struct debug_env {
	struct vspace *vs;
	struct types *types;
	const struct symtab *syms;
};

/* An object in target memory, or a number that was computed (an address taken with &). */
struct value {
	const struct type *type;
	uint64_t va;
	uint32_t bit_offset; /* within the byte at va; bitfields only */
	uint32_t bit_size;   /* 0: not a bitfield */
	bool computed;       /* not in memory: .number is what it holds */
	uint64_t number;
};

/*
 * NAME, NAME.member, NAME->member, NAME[2].x, *NAME, &…, (TYPE)…, numbers and parentheses: symbols with
 * their declared type, run-time addresses. A function's name stands for its address. Errors (ERR_USAGE
 * for what does not parse) quote the text and put the place into the message as "at column N".
 */
struct err *value_parse(const struct debug_env *env, const char *text, struct value *ret) MUST_CHECK;

/* @va as a struct/typedef; @member_path may be NULL. */
struct err *value_at(const struct debug_env *env, const char *type_name, const char *member_path,
	uint64_t va, struct value *ret) MUST_CHECK;

/* The number an integer, enum, pointer or bitfield value holds, sign-extended as its type says. */
struct err *value_number(const struct debug_env *env, const struct value *v, uint64_t *ret)
	MUST_CHECK;

struct value_style {
	bool hex;           /* integers in hex */
	unsigned max_depth; /* of nested structs; 0: default */
	unsigned max_elements; /* of arrays; 0: default 200 */
};

/* In the form that gdb and crash have made usual: nested { }, pointers with <symbol>, char arrays as
 * strings, enumerators by name, repeated elements folded. Unreadable parts stand as "<not mapped>". */
struct err *value_format(const struct debug_env *env, const struct value *v,
	const struct value_style *style, struct strbuf *out) MUST_CHECK;

#endif
