/* What the symbol table's files share: the table's compact entries. */
#ifndef ANALYZER_DEBUG_SYMTAB_INTERNAL_H
#define ANALYZER_DEBUG_SYMTAB_INTERNAL_H

#include "analyzer/base/arena.h"
#include "analyzer/base/strmap.h"
#include "analyzer/base/vec.h"
#include "analyzer/debug/symtab.h"

/* 200,000 of these are loaded at each start: names are borrowed, sizes come from the neighbours. */
struct symtab_entry {
	uint64_t va;
	const char *name;
	uint32_t size; /* as the source has it, saturated; only where no neighbour or range ends it
			*/
	uint16_t module; /* index into module; 0: the kernel */
	uint8_t rank;	 /* among aliases, lower is better; see symtab_rank() */
	char type;
	bool thumb; /* a function of Thumb code (ARM32) */
};

/* Of a vmlinux's hidden symbols, which have no order: does not move with the kernel. */
enum { SYMTAB_RANK_ABSOLUTE = 0xff };

struct symtab_range {
	uint64_t start, end;
	uint16_t module;
};

/* Where entry @hidden of the hidden ones was taken from. */
struct symtab_source {
	uint32_t hidden;
	const char *text;
};

/* A vmlinux's symbols are in .image; the rest is for all others, which are few then. In them
 * two arrays stand behind one numbering: [0, sym.n) are sorted by address and take part in lookups
 * by address; [sym.n, sym.n + hidden.n) are found by name only. */
struct symtab {
	struct symtab_image *image; /* NULL: there is no vmlinux */
	VEC(struct symtab_entry) sym;
	VEC(struct symtab_entry) hidden;
	VEC(struct symtab_range) range;
	VEC(struct symtab_source) source; /* few */
	VEC(const char *) module;	  /* [0] is NULL */
	struct strmap modules;		  /* name to its address in .module, kept as index + 1 */
	struct arena names;

	uint64_t *slot; /* hash << 32 | (index + 1); 0: empty */
	uint32_t *next; /* index + 1 of the next entry of the same name */
	uint32_t nslots;
	bool finished, indexed; /* by address; by name */

	symtab_load_fn load; /* NULL: nothing more to come */
	void *load_cx;
	symtab_load_fn more; /* after load */
	void *more_cx;
};

/* The kernel's order among aliases of one address, as one number. */
uint8_t symtab_rank(const char *name, size_t len, char type);

/* Sorts symbols and ranges. */
void symtab_sort(struct symtab *st);

uint32_t symtab_hash(const char *s, size_t n);

uint16_t symtab_module_index(struct symtab *st, const char *module);

/* The linker's symbols that nm prints but that kallsyms drops. */
bool symtab_ignored(const char *name, size_t len);

#endif
