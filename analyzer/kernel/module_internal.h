/* What the module*.c files share: a module's table of symbols, and of what it exports, as they lie
 * in memory. */
#ifndef ANALYZER_KERNEL_MODULE_INTERNAL_H
#define ANALYZER_KERNEL_MODULE_INTERNAL_H

#include <elf.h>

#include "analyzer/kernel/module.h"

/* No part of a module is larger than the region that modules live in: 128 MiB, on ARM64 2 GiB since
 * v6.5 for all together (arch/arm64/kernel/module.c). */
enum { MODULE_SYMBOLS_MAX = 1 << 20, SYMBOL_NAME_MAX = 512, PART_BYTES_MAX = 1 << 28 };
enum { MODULE_UNFORMED = 3 }; /* enum module_state */

/* kernel/module/internal.h, include/linux/module.h */
struct mod_kallsyms {
	uint64_t symtab, strtab, typetab; /* typetab 0: there is none */
	uint32_t num_symtab;
};

/* One Elf32_Sym or Elf64_Sym. */
struct module_symbol {
	uint64_t va;
	uint32_t name; /* offset in strtab */
	char type;     /* 0: the symbol itself has no letter */
	bool defined;
};

/* struct kernel_symbol: what EXPORT_SYMBOL() gives. */
struct module_export {
	uint64_t va, name_va;
};
struct module_exports {
	struct module_export *v; /* by address */
	size_t n;
};

static inline size_t module_symbol_bytes(const struct abi *abi)
{
	return abi->word_bytes == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

/* @type is its letter of the typetab; 0: there is none, and the letter stands in st_info (up to
 * v5.0) or st_size (v5.1). */
struct module_symbol module_symbol_decode(const struct abi *abi, const uint8_t *p, char type);

/* The kernel itself exports 15,000 of both sorts (6.12). */
enum { MODULE_EXPORTS_MAX = 1 << 16 };

/* How struct kernel_symbol lies: distances (PREL32) of 4 bytes or pointers, name behind value. */
struct export_form {
	bool relative;
	uint32_t bytes;
};

/* One entry, at @va; false: it cannot be read. */
bool module_export_read(
	struct target *t, const struct export_form *form, uint64_t va, struct module_export *ret);

/* What @m exports for everybody: empty, too, where that cannot be known. Free .v. */
void module_exports_read(struct target *t, const struct module_layout *l, const struct module *m,
	struct module_exports *ret);

/* As the kernel has it: the same name and the same address. */
bool module_is_exported(
	struct target *t, const struct module_exports *e, const char *name, uint64_t va);

#endif
