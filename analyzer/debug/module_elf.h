/*
 * A module's relocatable file, placed where its sections lie in a dump: DWARF with those addresses,
 * and the symbols of its own table. libdwfl does the relocating; nothing is opened before it is
 * asked for.
 */
#ifndef ANALYZER_DEBUG_MODULE_ELF_H
#define ANALYZER_DEBUG_MODULE_ELF_H

#include <elfutils/libdw.h>

#include "analyzer/base/err.h"

struct module_elf_section {
	const char *name;
	uint64_t va;
};

struct module_elf;

/* @path and @section are borrowed as long as the file is open. Sections that are not named there
 * are not in memory: their addresses are not known to anything. */
struct module_elf *module_elf_create(
	const char *path, const struct module_elf_section *section, size_t nsections);
void module_elf_destroy(struct module_elf *m);

/* ERR_IO and ERR_FORMAT for a file that cannot be read, ERR_MISSING without debug information. */
struct err *module_elf_dwarf(struct module_elf *m, Dwarf **ret) MUST_CHECK;

struct module_elf_symbol {
	const char *name;
	const char *section;
	uint64_t va; /* of a section that is in memory */
	uint64_t size;
	char type;    /* as nm has it: t d b r, upper case when global */
	bool in_code; /* in a section of instructions */
};

/* Calls @each for the named functions and objects of sections in memory, as the file has them (the
 * kernel's mapping symbols and compiler's labels left out). */
typedef void (*module_elf_symbol_fn)(void *cx, const struct module_elf_symbol *s);
struct err *module_elf_symbols(
	struct module_elf *m, module_elf_symbol_fn each, void *cx) MUST_CHECK;

#endif
