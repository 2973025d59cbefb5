/*
 * What to say to a name that nothing has: the near ones among symbols, enumerators, types, members.
 * For what a person typed only: lookups that merely probe must not pay for it. Bounded: no debug
 * information is opened or scanned, at most 100 ms on a Debian kernel.
 *
 * Each takes @e and returns it, its message longer when it is ERR_NOT_FOUND and something is near.
 */
#ifndef ANALYZER_DEBUG_SUGGEST_H
#define ANALYZER_DEBUG_SUGGEST_H

#include "analyzer/debug/value.h"

/* Symbols, enumerators, and types, which a cast or sizeof could have been meant to name. */
struct err *suggest_value(const struct debug_env *env, const char *name, struct err *e) MUST_CHECK;

/* Symbols alone. */
struct err *suggest_symbol(const struct symtab *syms, const char *name, struct err *e) MUST_CHECK;

/* @text as C writes a type: "struct task_strct *"; a bare tag stands for any kind. */
struct err *suggest_type(const struct debug_env *env, const char *text, struct err *e) MUST_CHECK;

/* The member of @path, below @t, that is not there. */
struct err *suggest_member(
	struct types *db, const struct type *t, const char *path, struct err *e) MUST_CHECK;

#endif
