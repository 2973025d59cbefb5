/*
 * Symbols: names to addresses and back, for the kernel and its modules together. Lookup by address
 * gives what printk's %pS would print: the kernel's own choice among aliases, and as size the distance
 * to the next symbol.
 */
#ifndef ANALYZER_DEBUG_SYMTAB_H
#define ANALYZER_DEBUG_SYMTAB_H

#include <libelf.h>

#include "analyzer/base/strbuf.h"

struct symbol {
	uint64_t va;
	uint64_t size;      /* to the next symbol of other address, as kallsyms has it */
	const char *name;   /* lives as long as the table */
	const char *module; /* NULL: the kernel itself */
	char type;          /* nm's letter: T t D d B b R r W w V v A a U u */
};

struct symtab;

struct symtab *symtab_create(void);
void symtab_destroy(struct symtab *st);

/* Adds one symbol; @name and @module are copied (module names are shared). */
void symtab_add(struct symtab *st, const char *name, uint64_t va, uint64_t size, char type,
	const char *module);

/* Adds a vmlinux's symbols that kallsyms would take, moved by @slide (KASLR); @abs_percpu ones and
 * others of section SHN_ABS stay. */
struct err *symtab_add_elf(struct symtab *st, Elf *elf, uint64_t slide) MUST_CHECK;

/* Addresses between which code and data of @module (NULL: kernel) lie: a lookup outside of every
 * range finds nothing. @end also ends the last symbol. */
void symtab_add_range(struct symtab *st, uint64_t start, uint64_t end, const char *module);

/* After adding, before looking up. Idempotent. */
void symtab_finish(struct symtab *st);

/* By name: the kernel's before a module's; "module:name" asks for one module's. */
bool symtab_find(const struct symtab *st, const char *name, struct symbol *ret);

/* The symbol whose [va, va+size) holds @va. */
bool symtab_at(const struct symtab *st, uint64_t va, struct symbol *ret);

/* The next symbol after @va of any name, and the one before it; for neighbours. */
size_t symtab_count(const struct symtab *st);
void symtab_get(const struct symtab *st, size_t i, struct symbol *ret); /* ascending addresses */

/* "sym+0xoff/0xsize [module]" as %pS; a return address is looked up at va - 1 like %pB and shown
 * with its own offset. False (nothing appended) when no symbol holds it. */
bool symtab_format(const struct symtab *st, uint64_t va, bool is_return, struct strbuf *out);

#endif
