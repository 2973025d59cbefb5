/*
 * Debug information of modules, beside the kernel's own in the same type database. It is listed
 * when somebody first asks for it, opened file by file, and only people's questions see its types:
 * what this program itself looks for is the kernel's, and a module may have another struct of the
 * same name.
 */
#ifndef ANALYZER_DEBUG_TYPES_MODULES_H
#define ANALYZER_DEBUG_TYPES_MODULES_H

#include <elfutils/libdw.h>

#include "analyzer/debug/type.h"

enum { TYPES_MODULE_RANGES_MAX = 8 };

/* What the database must know of a module's DWARF. Strings and @cx live as long as the database. */
struct types_module {
	const char *name, *origin;
	/* Where the module lies, moved back by the kernel's slide as every address of DWARF is. */
	struct types_module_range {
		uint64_t start, end;
	} range[TYPES_MODULE_RANGES_MAX];
	unsigned nranges;
	/* The DWARF with its addresses moved there; stays @cx's, as long as the database. */
	struct err *(*open)(void *cx, Dwarf **ret);
	void *cx;
};

/* Has @load called once, at the first question that only modules can answer: it adds them. @destroy
 * is called after the database's providers are gone. */
void types_modules_later(
	struct types *db, void (*load)(void *cx), void (*destroy)(void *cx), void *cx);

/* The @cx of types_modules_later(); NULL before it. */
void *types_modules_cx(const struct types *db);

/* Lists the modules' providers now, if they are not yet. */
void types_modules_load(struct types *db);

/* DWARF that waits until it is asked. */
void types_add_module_dwarf(struct types *db, const struct types_module *m);

/* As types_add_btf_module(), for @module only. */
struct err *types_add_module_btf(struct types *db, const char *module, const void *bytes, size_t n,
	const char *origin) MUST_CHECK;

/* Lets type lookups see modules, after a lookup that did not find its name; false: there are none,
 * or they are seen already, so there is nothing to try again. types_modules_hide() is due after
 * true. */
bool types_modules_show(struct types *db);
void types_modules_hide(struct types *db);

/* The declared type of a variable of @module; ERR_NOT_FOUND when its debug information lacks it,
 * ERR_MISSING when there is none. */
struct err *types_find_module_variable(
	struct types *db, const char *module, const char *name, const struct type **ret) MUST_CHECK;

#endif
