/*
 * Printers: how a type is shown in place of its members. value_format() asks them wherever an
 * object of such a type stands, also deep inside another. Higher layers fill the list.
 */
#ifndef ANALYZER_DEBUG_TYPE_PRINTERS_H
#define ANALYZER_DEBUG_TYPE_PRINTERS_H

#include "analyzer/debug/type.h"

struct type_printer {
	const char *type; /* "struct x", "union x", or a typedef's name */
	/* Appends one line for the object at @va. *ret_done false: nothing was appended, the usual
	 * form is wanted. */
	struct err *(*print)(void *cx, uint64_t va, struct strbuf *out, bool *ret_done);
	void *cx;
};

struct type_printers;

struct type_printers *type_printers_create(void);
void type_printers_destroy(struct type_printers *p);

/* @printer is borrowed until it is removed. ERR_MISMATCH: the type has one already. */
struct err *type_printers_add(
	struct type_printers *p, const struct type_printer *printer) MUST_CHECK;
void type_printers_remove(struct type_printers *p, const struct type_printer *printer);

/*
 * Shows an object of @t at @va. False, with nothing appended, when no printer does, or when this
 * one is at work on this object already: a printer may ask for the usual form. Whatever fails
 * stands as <text>.
 */
bool type_printers_print(
	struct type_printers *p, const struct type *t, uint64_t va, struct strbuf *out);

#endif
