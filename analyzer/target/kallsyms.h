/*
 * The kernel's own symbol table (CONFIG_KALLSYMS), read from the dump's physical memory: the tables
 * of scripts/kallsyms.c lie in .rodata, one behind the other, in every form that 4.19 to 7.3 have.
 * All of it is foreign: nothing is believed before the tables agree with each other. Knows nothing
 * of page tables, and of virtual addresses only what the tables say.
 */
#ifndef ANALYZER_TARGET_KALLSYMS_H
#define ANALYZER_TARGET_KALLSYMS_H

#include "analyzer/dump/dump.h"

enum kallsyms_form {
	KALLSYMS_ABSOLUTE, /* a word each: up to v6.6 without KALLSYMS_BASE_RELATIVE; v7.0, ARM */
	KALLSYMS_RELATIVE, /* u32 from relative_base: up to v6.18 */
	KALLSYMS_RELATIVE_PERCPU, /* the same, negative ones from the base, others absolute */
	KALLSYMS_SELF,		  /* s32 from the entry's own address: v7.0, 64 bits */
};

struct kallsyms {
	struct abi abi; /* the kernel's word and byte order */
	enum kallsyms_form form;
	uint32_t nsyms;
	struct paddr token_table; /* where the tables were found */
	struct paddr addresses;
	uint64_t relative_base; /* the RELATIVE forms: the run-time value */
	uint64_t self_va; /* SELF: address of .addresses. Physical until the owner sets it, so that
			   * symbols have physical addresses until then */
	uint8_t *entry;	  /* copy of the table at .addresses */
	char *text;	  /* per symbol: its type letter, its name, NUL */
	uint32_t *at;	  /* where in .text each begins */
};

struct kallsyms_symbol {
	uint64_t va;
	const char *name; /* lives as long as the tables */
	char type;
};

/*
 * The tables whose kallsyms_token_table lies at @token_table. @abi gives the byte order; a
 * word_bytes of 0 means that either may be. NULL in *ret when what is there is no such table or the
 * others do not fit to it.
 */
struct err *kallsyms_at(struct dump *d, const struct abi *abi, struct paddr token_table,
	struct kallsyms **ret) MUST_CHECK;

/* The first tables in memory, by the digits' tokens; NULL in *ret when there are none. Reads memory
 * from its beginning up to the tables: all of it when there are none. */
struct err *kallsyms_search(
	struct dump *d, const struct abi *abi, struct kallsyms **ret) MUST_CHECK;

/* The same by a pass that others use too. */
struct scan;
struct err *kallsyms_search_from(
	struct scan *scan, const struct abi *abi, struct kallsyms **ret) MUST_CHECK;

void kallsyms_destroy(struct kallsyms *k);

/* Symbol @i of nsyms, in the table's order: ascending addresses, aliases best first. */
void kallsyms_get(const struct kallsyms *k, uint32_t i, struct kallsyms_symbol *ret);

/* The first of that name. Looks at every symbol. */
bool kallsyms_lookup(const struct kallsyms *k, const char *name, uint64_t *ret_va);

/* "base-relative", … for people. */
const char *kallsyms_form_name(enum kallsyms_form form);

#endif
