/*
 * printk's formats over the dump: "FORMAT", arg, arg… where the arguments are C expressions
 * (expr.h) and the conversions those of Documentation/core-api/printk-formats.rst (6.1) and of
 * lib/vsprintf.c, where that page is silent. This header is also the registry of what may follow
 * %p: each row names letters and a function, higher folders add theirs.
 *
 * Where it differs from the kernel, on purpose:
 * - %p is the address itself, never its hash, and %pK never hides it;
 * - unknown letters, missing and surplus arguments are errors (the kernel drops or makes up
 * something);
 * - so is a value that does not fit the conversion's type (%d of 1 << 32), except for %h and %hh,
 * which are there to cut; %s ends with its char array;
 * - bytes of the dump are escaped (strbuf_add_escaped()), and what cannot be read stands as
 *   "<not mapped>"; "(null)" and "(efault)" are the kernel's words for NULL and for what is below
 * the first page or an error pointer;
 * - a * that gives a width above PRINTK_MAX_WIDTH is an error.
 */
#ifndef ANALYZER_DEBUG_PRINTK_FORMAT_H
#define ANALYZER_DEBUG_PRINTK_FORMAT_H

#include "analyzer/base/arena.h"
#include "analyzer/debug/value.h"

enum { PRINTK_MAX_WIDTH = 65536, PRINTK_MAX_PRECISION = 32767 };

/* What stands between % and the letter. */
struct printk_spec {
	bool left, plus, space, alternate, zero; /* - + blank # 0 */
	int width, precision;			 /* -1: not given */
};

/* One %p conversion at work. */
struct printk_pointer {
	const struct debug_env *env;
	struct printk_spec spec;
	uint64_t va;	     /* the argument, cut to the target's word */
	const char *letters; /* what follows the extension's name: "cp" of %pIScp */
};

struct printk_extension {
	const char *name; /* what follows %p: "I4"; "" is %p itself. The longest that fits wins */
	const char *letters; /* any of these may follow, in any order */
	const char *help;    /* one line, for people */
	bool is_address;     /* the argument is only looked at, not read: no (null) and (efault) */
	/* Appends to @out. ERR_FAULT is shown in its place; others end the whole. */
	struct err *(*print)(const struct printk_pointer *p, struct strbuf *out);
};

struct printk_formats;

/* With all formats that need no kernel structures. */
struct printk_formats *printk_formats_create(void);
void printk_formats_destroy(struct printk_formats *f);
#define scoped_printk_formats __attribute__((cleanup(printk_formats_destroy_scoped)))
void printk_formats_destroy_scoped(struct printk_formats **f);

/* Borrows @x; a later row of the same name replaces the earlier. */
void printk_formats_add(struct printk_formats *f, const struct printk_extension *x);

/* Number @i by order of adding; NULL behind the last. */
const struct printk_extension *printk_formats_get(const struct printk_formats *f, size_t i);

/*
 * Formats @text, which is the string literal and its arguments, to the end of @out. ERR_USAGE and
 * ERR_NOT_FOUND have their byte offset in *ret_at; then nothing was appended. With ERR_FAULT, which
 * is the first of maybe several, the whole text was appended. Nothing that is kept lives in @a.
 */
struct err *printk_print(const struct debug_env *env, const struct printk_formats *f,
	struct arena *a, const char *text, struct strbuf *out, size_t *ret_at) MUST_CHECK;

/* ---- for those who write extensions ----------------------------------------------- */

/* @n bytes of foreign text: cut to the precision, escaped, padded to the width. */
void printk_add_text(struct strbuf *out, const struct printk_spec *spec, const char *s, size_t n);

enum printk_base {
	PRINTK_SIGNED = -10,
	PRINTK_OCTAL = 8,
	PRINTK_DECIMAL = 10,
	PRINTK_HEX = 16,
	PRINTK_HEX_UPPER = -16
};

/* lib/vsprintf.c:number(): unlike C, 0 stays with a precision and # puts 0x before 0, too. */
void printk_add_number(
	struct strbuf *out, const struct printk_spec *spec, uint64_t n, enum printk_base base);

/* "0x" and all digits of a number of @bytes. */
void printk_add_hex(struct strbuf *out, uint64_t n, unsigned bytes);

/* What %pS and (@is_return) %pB show of p->va; @build_id, which may be NULL, stands behind a
 * module's name. */
struct err *printk_add_symbol(const struct printk_pointer *p, bool is_return, const char *build_id,
	struct strbuf *out) MUST_CHECK;

/* Appends "(null)" or "(efault)" and returns true when @p is no pointer to anything. */
bool printk_bad_pointer(const struct printk_pointer *p, struct strbuf *out);

/* The bytes at @va, with the address in the error. */
struct err *printk_read(const struct debug_env *env, uint64_t va, void *buf, size_t n) MUST_CHECK;

/* An unsigned number of @bytes in the target's order. */
struct err *printk_read_uint(
	const struct debug_env *env, uint64_t va, unsigned bytes, uint64_t *ret) MUST_CHECK;

/* A text of at most @max bytes: up to its NUL. After ERR_FAULT *ret has what came before. */
struct err *printk_read_text(
	const struct debug_env *env, uint64_t va, size_t max, struct strbuf *ret) MUST_CHECK;

#endif
