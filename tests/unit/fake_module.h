/* Modules by hand, for unit tests and fuzz seeds: struct module up to v6.3 (core_layout) and since v6.4
 * (mem[]), struct mod_kallsyms with its tables. */
#ifndef TESTS_UNIT_FAKE_MODULE_H
#define TESTS_UNIT_FAKE_MODULE_H

#include "analyzer/kernel/module.h"
#include "tests/unit/fake_kernel.h"

enum { MODULES_HEAD = 0x500, MODULES_AT = 0x10000, MODULE_STEP = 0x1000, CODE_AT = 0x100000 };
enum { SYMTAB_IN = 0x400, STRTAB_IN = 0x800, TYPETAB_IN = 0xc00, KALLSYMS_IN = 0x300 }; /* of a step */
enum fake_module_era { MODULE_LAYOUT, MODULE_MEM };

static inline void fake_module_types(struct fake *f, enum fake_module_era era)
{
	if (era == MODULE_MEM) {
		FAKE_STRUCT(f, "module_memory", "base:word", "size:u32");
		FAKE_STRUCT(f, "module", "state:u32", "list:list", "name:char[56]", "mem:module_memory[7]",
			"kallsyms:word");
	} else {
		FAKE_STRUCT(f, "module_layout", "base:word", "size:u32", "text_size:u32");
		FAKE_STRUCT(f, "module", "state:u32", "list:list", "name:char[56]", "core_layout:module_layout",
			"init_layout:module_layout", "kallsyms:word");
	}
	FAKE_STRUCT(f, "mod_kallsyms", "symtab:word", "num_symtab:u32", "strtab:word", "typetab:word");
	fake_symbol(f, "modules", MODULES_HEAD, 2 * f->t->abi.word_bytes);
}

static inline uint64_t fake_module_at(unsigned i)
{
	return MODULES_AT + i * MODULE_STEP;
}

/* Links modules 0 to @n - 1. */
static inline void fake_modules_link(struct fake *f, unsigned n)
{
	uint64_t list = fake_offsetof(f, "module", "list"), from = MODULES_HEAD;
	for (unsigned i = 0; i <= n; i++) {
		uint64_t to = i < n ? fake_module_at(i) + list : MODULES_HEAD;
		fake_put(f->t->dump, from, fake_va(f, to), f->t->abi.word_bytes);
		from = to;
	}
}

static inline void fake_module(struct fake *f, enum fake_module_era era, unsigned i, const char *name)
{
	uint64_t at = fake_module_at(i);
	fake_set(f, "module", at, "state", 0);
	fake_bytes(f, at + fake_offsetof(f, "module", "name"), name, strlen(name) + 1);
	fake_set(f, "module", at, era == MODULE_MEM ? "mem[0].base" : "core_layout.base",
		fake_va(f, CODE_AT + i * 0x10000));
	fake_set(f, "module", at, era == MODULE_MEM ? "mem[0].size" : "core_layout.size", 0x4000);
	if (era == MODULE_LAYOUT)
		fake_set(f, "module", at, "core_layout.text_size", 0x2000);
	fake_set(f, "module", at, "kallsyms", fake_va(f, at + KALLSYMS_IN));
	fake_set(f, "mod_kallsyms", at + KALLSYMS_IN, "symtab", fake_va(f, at + SYMTAB_IN));
	fake_set(f, "mod_kallsyms", at + KALLSYMS_IN, "strtab", fake_va(f, at + STRTAB_IN));
	fake_set(f, "mod_kallsyms", at + KALLSYMS_IN, "typetab", fake_va(f, at + TYPETAB_IN));
	fake_set(f, "mod_kallsyms", at + KALLSYMS_IN, "num_symtab", 1);
}

struct fake_sym {
	const char *name;
	uint64_t value, size;
	uint8_t info;
	char type;
	uint16_t section;
};

/* Appends a symbol to module @i's table: Elf32_Sym or Elf64_Sym by the word. */
static inline void fake_module_symbol(struct fake *f, unsigned i, unsigned n, uint32_t name_off,
	const struct fake_sym *s)
{
	uint64_t at = fake_module_at(i), word = f->t->abi.word_bytes;
	uint64_t sym = at + SYMTAB_IN + n * (word == 8 ? 24 : 16);
	struct dump *d = f->t->dump;
	fake_put(d, sym, name_off, 4);
	fake_put(d, sym + (word == 8 ? 8 : 4), s->value, (unsigned)word);
	fake_put(d, sym + (word == 8 ? 16 : 8), s->size, (unsigned)word);
	fake_put(d, sym + (word == 8 ? 4 : 12), s->info, 1);
	fake_put(d, sym + (word == 8 ? 6 : 14), s->section, 2);
	fake_put(d, at + TYPETAB_IN + n, (uint8_t)s->type, 1);
	fake_bytes(f, at + STRTAB_IN + name_off, s->name, strlen(s->name) + 1);
	fake_set(f, "mod_kallsyms", at + KALLSYMS_IN, "num_symtab", n + 1);
}

#endif
