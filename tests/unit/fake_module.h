/* Modules by hand, for unit tests and fuzz seeds: struct module up to v6.3 (core_layout) and since
 * v6.4 (mem[]), struct mod_kallsyms with its tables. */
#ifndef TESTS_UNIT_FAKE_MODULE_H
#define TESTS_UNIT_FAKE_MODULE_H

#include "analyzer/kernel/module.h"
#include "analyzer/kernel/module_sections.h"
#include "tests/unit/fake_kernel.h"

enum { MODULES_HEAD = 0x500, MODULES_AT = 0x10000, MODULE_STEP = 0x1000, CODE_AT = 0x100000 };
enum {
	SYMTAB_IN = 0x400,
	STRTAB_IN = 0x800,
	TYPETAB_IN = 0xc00,
	KALLSYMS_IN = 0x300
}; /* of a step */
enum fake_module_era { MODULE_LAYOUT, MODULE_MEM };

static inline void fake_module_types(struct fake *f, enum fake_module_era era)
{
	if (era == MODULE_MEM) {
		FAKE_STRUCT(f, "module_memory", "base:word", "size:u32");
		FAKE_STRUCT(f, "module", "state:u32", "list:list", "name:char[56]",
			"mem:module_memory[7]", "kallsyms:word", "sect_attrs:word");
	} else {
		FAKE_STRUCT(f, "module_layout", "base:word", "size:u32", "text_size:u32");
		FAKE_STRUCT(f, "module", "state:u32", "list:list", "name:char[56]",
			"core_layout:module_layout", "init_layout:module_layout", "kallsyms:word",
			"sect_attrs:word");
	}
	FAKE_STRUCT(
		f, "mod_kallsyms", "symtab:word", "num_symtab:u32", "strtab:word", "typetab:word");
	fake_symbol(f, "modules", MODULES_HEAD, 2 * f->t->abi.word_bytes);
}

/* What module_sections.c reads; the structs of up to v6.13 or (@pointers) since. */
static inline void fake_section_types(struct fake *f, bool pointers)
{
	FAKE_STRUCT(f, "attribute", "name:word");
	FAKE_STRUCT(f, "bin_attribute", "attr:attribute", "private:word");
	FAKE_STRUCT(f, "attribute_group", "bin_attrs:word");
	if (pointers) {
		FAKE_STRUCT(
			f, "module_sect_attrs", "grp:attribute_group", "attrs:bin_attribute[1]");
	} else {
		FAKE_STRUCT(f, "module_sect_attr", "battr:bin_attribute", "address:word");
		FAKE_STRUCT(f, "module_sect_attrs", "grp:attribute_group", "nsections:u32",
			"attrs:module_sect_attr[1]");
	}
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

static inline void fake_module(
	struct fake *f, enum fake_module_era era, unsigned i, const char *name)
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
static inline void fake_module_symbol(
	struct fake *f, unsigned i, unsigned n, uint32_t name_off, const struct fake_sym *s)
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

/* Sections .text and .note.gnu.build-id (with a note) of module @i, and one that was freed. */
static inline void fake_module_sections(struct fake *f, unsigned i, bool pointers)
{
	static const char *const names[] = { ".text", ".note.gnu.build-id", ".init.text" };
	static const uint8_t note[] = { 4, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0, 1, 2,
		3, 4 };
	uint64_t at = fake_module_at(i), attrs = at + 0xd00, code = CODE_AT + i * 0x10000;
	uint64_t where[] = { code, code + 0x2000, 0x700000 };
	unsigned word = f->t->abi.word_bytes;
	fake_set(f, "module", at, "sect_attrs", fake_va(f, attrs));
	fake_bytes(f, code + 0x2000, note, sizeof(note));
	for (unsigned k = 0; k < 3; k++) {
		uint64_t name = at + 0xe00 + k * 32, one = at + 0xf00 + k * 2 * word;
		fake_bytes(f, name, names[k], strlen(names[k]) + 1);
		if (pointers) {
			fake_put(f->t->dump, at + 0xec0 + k * word, fake_va(f, one), word);
			fake_set(f, "bin_attribute", one, "attr.name", fake_va(f, name));
			fake_set(f, "bin_attribute", one, "private", fake_va(f, where[k]));
		} else {
			one = attrs + fake_offsetof(f, "module_sect_attrs", "attrs") + k * 3 * word;
			fake_set(f, "module_sect_attr", one, "battr.attr.name", fake_va(f, name));
			fake_set(f, "module_sect_attr", one, "address", fake_va(f, where[k]));
		}
	}
	if (pointers)
		fake_set(f, "module_sect_attrs", attrs, "grp.bin_attrs", fake_va(f, at + 0xec0));
	else
		fake_set(f, "module_sect_attrs", attrs, "nsections", 3);
}

#endif
