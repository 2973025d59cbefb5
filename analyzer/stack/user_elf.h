/*
 * A program or library as its mapped pages show it: what its ELF header says of itself at run time.
 * Pages that are not in the dump and headers that make no sense are told apart by nobody: then
 * there is nothing known. Section headers are not mapped, so of symbols there are the dynamic ones.
 */
#ifndef ANALYZER_STACK_USER_ELF_H
#define ANALYZER_STACK_USER_ELF_H

#include <stdbool.h>
#include <stddef.h>

#include "analyzer/base/load.h"

/* A task's memory; false when any byte is missing. */
struct user_memory {
	void *cx;
	bool (*read)(void *cx, uint64_t va, void *buf, size_t n);
};

struct user_elf {
	struct abi abi;
	uint64_t base;			       /* where file offset 0 is mapped */
	uint64_t bias;			       /* run-time address minus the file's own */
	uint64_t lo, hi;		       /* what its segments take */
	uint64_t exidx, exidx_end;	       /* PT_ARM_EXIDX; empty: none */
	uint64_t symtab, strtab, strtab_bytes; /* 0: none */
	uint32_t nsyms;
	bool is_arm; /* ELF32 of ARM: symbols have the Thumb bit */
};

/* From the header at @base. False when there is none. Numbers are in @abi's byte order. */
bool user_elf_read(
	const struct user_memory *m, const struct abi *abi, uint64_t base, struct user_elf *ret);

struct user_symbol {
	uint64_t va, size; /* without the Thumb bit */
	char name[128];	   /* a longer one is cut */
};

/* The function that holds @va, by a dynamic symbol with a size. At most 131072 are looked through.
 */
bool user_elf_symbol(const struct user_memory *m, const struct user_elf *e, uint64_t va,
	struct user_symbol *ret);

#endif
