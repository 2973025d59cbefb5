/*
 * Kernel variables whose C type is known without debug information: what a session whose only types
 * are BTF, which lists per-CPU variables alone, falls back on. Only types that are the same in
 * every kernel that has the variable, or that are told apart by the types which exist.
 */
#ifndef ANALYZER_DEBUG_KNOWN_GLOBALS_H
#define ANALYZER_DEBUG_KNOWN_GLOBALS_H

#include "analyzer/debug/type.h"

/* The type of @name, NULL when it is not listed or the types that it is made of are not there.
 * Arrays of a length that the configuration decides have none. */
const struct type *known_global_type(struct types *db, const char *name);

/* The table: entry @i's variable and what types are tried for it, separated by '|'; NULL at the
 * end. */
const char *known_global_name(size_t i, const char **ret_types);

#endif
