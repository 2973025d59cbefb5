/*
 * Where struct module has its memory and its symbols, for a kernel without types: the modules of
 * the dump prove it together, by what their symbol tables look like. Nothing is told that is not
 * proved.
 */
#ifndef ANALYZER_KERNEL_MODULE_LAYOUT_H
#define ANALYZER_KERNEL_MODULE_LAYOUT_H

#include "analyzer/kernel/module.h"
#include "analyzer/kernel/module_internal.h"

/* Finds the layout by the modules on the list at @head. ERR_MISSING says what was not proved; an
 * empty list needs no proof and is no error. */
struct err *module_layout_find(
	struct target *t, uint64_t head, struct module_layout *ret) MUST_CHECK;

/* The module at @va, all but what the layout does not know. */
struct err *module_layout_read(const struct module_layout *l, struct target *t, uint64_t va,
	struct module *ret) MUST_CHECK;

/* The struct mod_kallsyms at @va. */
struct err *module_layout_read_kallsyms(const struct module_layout *l, struct target *t,
	uint64_t va, struct mod_kallsyms *ret) MUST_CHECK;

/* Appends "struct module by 4 of 4 modules: …; "; nothing where it was known by types. */
void module_layout_describe(const struct module_layout *l, struct strbuf *out);

#endif
