/*
 * Symbols: names to addresses and back, for the kernel and its modules together. Lookup by address
 * gives what printk's %pS would print: the kernel's own choice among aliases, and as size the
 * distance to the next symbol.
 */
#ifndef ANALYZER_DEBUG_SYMTAB_H
#define ANALYZER_DEBUG_SYMTAB_H

#include <libelf.h>

#include "analyzer/base/strbuf.h"

struct symbol {
	uint64_t va;
	uint64_t size;	      /* to the next symbol of other address, as kallsyms has it */
	uint64_t object_size; /* as its source has it (ELF's st_size); 0: not said */
	const char *name;     /* lives as long as the table */
	const char *module;   /* NULL: the kernel itself */
	char type;	      /* nm's letter: T t D d B b R r W w V v A a U u */
	bool thumb;	    /* ARM32: Thumb code, as a vmlinux says; tables in memory do not tell */
	const char *source; /* NULL: a symbol table has it; else what this program took it from */
};

struct symtab;

struct symtab *symtab_create(void);
void symtab_destroy(struct symtab *st);

/* Adds one symbol; @name and @module are copied (module names are shared). */
void symtab_add(struct symtab *st, const char *name, uint64_t va, uint64_t size, char type,
	const char *module);

/* Adds a symbol of the kernel's own table in memory: @name is borrowed, @order is its place among
 * the symbols of this address. */
void symtab_add_kallsyms(
	struct symtab *st, const char *name, uint64_t va, char type, uint32_t order);

/*
 * Adds a kernel symbol that no symbol table has: @source (a constant: "VMCOREINFO", "recovered: …")
 * says where it comes from. It is found by name, but no address belongs to it and symtab_get() does
 * not count it: symtab_get_recovered() lists these. symtab_finish() is due afterwards.
 */
void symtab_add_recovered(
	struct symtab *st, const char *name, uint64_t va, char type, const char *source);

/* Number @i of them; false behind the last. */
bool symtab_get_recovered(const struct symtab *st, size_t i, struct symbol *ret);

/*
 * Adds a vmlinux's symbols (of one per table) that kallsyms would take, moved by @slide (KASLR),
 * and the range from _text to _end. Names are borrowed from @elf's string table: it must stay open
 * as long as the table. What kallsyms leaves out on purpose (absolute symbols, which do not move,
 * veneers, its own tables) is found by name, but no address belongs to it and symtab_get() does not
 * count it.
 */
struct err *symtab_add_elf(struct symtab *st, Elf *elf, uint64_t slide) MUST_CHECK;

/* What symtab_add_elf() added, as malloc'ed bytes that do not depend on the slide; NULL when it did
 * not. */
void *symtab_save(const struct symtab *st, size_t *ret_n);

/* Adds that again, from @bytes, borrowed as long as the table and aligned to 8; false, with nothing
 * added, when they cannot be it. */
bool symtab_add_saved(struct symtab *st, const void *bytes, size_t n, uint64_t slide);

/* Addresses between which code and data of @module (NULL: kernel) lie: a lookup outside of every
 * range finds nothing. @end also ends the last symbol. */
void symtab_add_range(struct symtab *st, uint64_t start, uint64_t end, const char *module);

/* After adding, before looking up. Idempotent. */
void symtab_finish(struct symtab *st);

/*
 * More symbols that cost something to load (the modules'): @load is called once, at the first
 * lookup by address outside of every range, by name that is not among the kernel's, or of all
 * symbols. It adds what it finds and calls symtab_finish().
 */
typedef void (*symtab_load_fn)(void *cx);
void symtab_load_later(struct symtab *st, symtab_load_fn load, void *cx);

/* Still more, of the modules' files: after @load above, at the first name that is nowhere, and at
 * the first address of a module that no symbol holds. Called once, in the same way. */
void symtab_load_more_later(struct symtab *st, symtab_load_fn more, void *cx);

/* By name among the kernel's own symbols only: for what the program itself needs to know. */
bool symtab_find_kernel(const struct symtab *st, const char *name, struct symbol *ret);

/* By name: the kernel's before a module's; "module:name" asks for one module's. */
bool symtab_find(const struct symtab *st, const char *name, struct symbol *ret);

/* The symbol whose [va, va+size) holds @va. */
bool symtab_at(const struct symtab *st, uint64_t va, struct symbol *ret);

/* All symbols by ascending address; aliases in the kernel's order. */
size_t symtab_count(const struct symtab *st);
void symtab_get(const struct symtab *st, size_t i, struct symbol *ret);

/* The last byte of the call that returns to @va: there its function and line are looked up. Return
 * addresses into ARM32's Thumb code have bit 0 set. */
static inline uint64_t symtab_call_va(uint64_t return_va)
{
	return (return_va & ~1ull) - 1;
}

/* "sym+0xoff/0xsize [module]" as %pS; a return address is looked up at va - 1 like %pB and shown
 * with its own offset. False (nothing appended) when no symbol holds it. */
bool symtab_format(const struct symtab *st, uint64_t va, bool is_return, struct strbuf *out);

/* The same where it is known already at which address the symbol of @va is looked up; of a return
 * address that is symtab_call_va(). */
bool symtab_format_from(
	const struct symtab *st, uint64_t lookup_va, uint64_t va, struct strbuf *out);

#endif
