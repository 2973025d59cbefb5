/* Addresses as people type them at a command. */
#ifndef ANALYZER_DEBUG_ADDRESS_H
#define ANALYZER_DEBUG_ADDRESS_H

#include "analyzer/debug/value.h"

/*
 * ADDRESS (hex, 0x or not), SYMBOL, or either with +OFFSET or -OFFSET behind it (hex with 0x, else
 * decimal). A word that is both a symbol and hex digits is the symbol, and stands for its address.
 * Anything else is an expression of expr.h: a pointer or integer is the address, a struct, an array
 * or a function lies there ("init_task.tasks", "$1", "init_task.mm->pgd"). ERR_USAGE.
 */
struct err *address_parse(const struct debug_env *env, const char *text, uint64_t *ret) MUST_CHECK;

#endif
