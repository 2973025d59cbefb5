/*
 * Debug information of the dump's modules: finds each one's file, places it where the module lies,
 * and hands types, variables, lines and symbols to the target's databases. Everything waits until
 * it is asked for.
 */
#ifndef ANALYZER_KERNEL_MODULE_DEBUG_H
#define ANALYZER_KERNEL_MODULE_DEBUG_H

#include "analyzer/target/target.h"

/* Has the target's symbols and types load what modules have when it is first needed. @symbols_dir
 * may be NULL. In place of module_symbols_later(), which it includes. */
void module_debug_later(struct target *t, const char *symbols_dir);

struct module_debug_info {
	const char *name;
	bool symbols;	   /* a file was found */
	bool debug;	   /* with DWARF, or there is BTF in the dump */
	const char *state; /* where it was found, or why there is none */
};

/* Finds all modules' files now and fills @out[0..max); returns how many modules there are. 0 also
 * without a module_debug_later(). The strings live as long as the target. */
size_t module_debug_list(struct target *t, struct module_debug_info *out, size_t max);

#endif
