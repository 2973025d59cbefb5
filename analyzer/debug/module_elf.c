/*
 * Relocatable files of modules. Knows ELF and libdwfl; what a section's address is, and that this
 * is the right file, is the caller's word.
 */
#include "analyzer/debug/module_elf.h"

#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/elf_inflate.h"
#include "analyzer/debug/module_unpack.h"

struct module_elf {
	const char *path;
	const struct module_elf_section *section;
	size_t nsections;
	Dwfl *dwfl;
	Dwfl_Module *module;
};

static bool find_section(const struct module_elf *m, const char *name, uint64_t *ret_va)
{
	for (size_t i = 0; i < m->nsections; i++) {
		if (!strcmp(m->section[i].name, name)) {
			*ret_va = m->section[i].va;
			return true;
		}
	}
	return false;
}

/* ---- libdwfl's callbacks ----------------------------------------------- */

static struct err *open_file(const struct module_elf *m, int *ret_fd)
{
	int inflated = -1;
	scoped_fd int fd = -1;
	struct err *err = module_unpack_open(m->path, &fd);
	if (err)
		return err;
	err = elf_inflate(fd, &inflated);
	if (err)
		return err_wrap(err, "%s", m->path);
	*ret_fd = inflated >= 0 ? inflated : fd;
	if (inflated < 0)
		fd = -1;
	return NULL;
}

static int find_elf(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
	char **ret_name, Elf **ret_elf)
{
	int fd;
	(void)module, (void)name, (void)base, (void)ret_name, (void)ret_elf;
	struct err *err = open_file(*user, &fd);
	bool failed = err != NULL;
	err_drop(err); /* module_elf_dwarf() opened it a moment ago */
	return failed ? -1 : fd;
}

/* All that there is stands in the one file. */
static int find_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
	const char *file, const char *link, GElf_Word crc, char **ret)
{
	(void)module, (void)user, (void)name, (void)base, (void)file, (void)link, (void)crc,
		(void)ret;
	return -1;
}

/* (Dwarf_Addr)-1: libdwfl's word for a section that is not in memory. */
static int section_address(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
	const char *section, GElf_Word index, const GElf_Shdr *header, Dwarf_Addr *ret)
{
	uint64_t va;
	(void)module, (void)name, (void)base, (void)index, (void)header;
	*ret = find_section(*user, section, &va) ? va : (Dwarf_Addr)-1;
	return DWARF_CB_OK;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = find_elf,
	.find_debuginfo = find_debuginfo,
	.section_address = section_address,
};

/* ---- opening ----------------------------------------------- */

struct module_elf *module_elf_create(
	const char *path, const struct module_elf_section *section, size_t nsections)
{
	struct module_elf *m = xcalloc(1, sizeof(*m));
	*m = (struct module_elf){ .path = path, .section = section, .nsections = nsections };
	return m;
}

void module_elf_destroy(struct module_elf *m)
{
	if (!m)
		return;
	if (m->dwfl)
		dwfl_end(m->dwfl);
	free(m);
}

/* libdwfl says of failures no more than a number: what can be said better is said here. */
static struct err *check_file(const struct module_elf *m)
{
	scoped_fd int fd = -1;
	struct err *err = open_file(m, &fd);
	if (err)
		return err;
	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	GElf_Ehdr header;
	if (!elf || !gelf_getehdr(elf, &header))
		err = err_new(ERR_FORMAT, "%s: it is no ELF file", m->path);
	else if (header.e_type != ET_REL)
		err = err_new(ERR_FORMAT, "%s: it is no relocatable file, so no module", m->path);
	elf_end(elf);
	return err;
}

static struct err *open_dwfl(struct module_elf *m)
{
	void **user;
	struct err *err = check_file(m);
	if (err)
		return err;
	m->dwfl = dwfl_begin(&callbacks);
	if (!m->dwfl)
		return err_new(ERR_FORMAT, "%s: %s", m->path, dwfl_errmsg(-1));
	dwfl_report_begin(m->dwfl);
	/* The bounds only order modules among each other; there is one. */
	m->module = dwfl_report_module(m->dwfl, "module", 0x1000, 0x2000);
	if (!m->module || dwfl_report_end(m->dwfl, NULL, NULL))
		return err_new(ERR_FORMAT, "%s: %s", m->path, dwfl_errmsg(-1));
	dwfl_module_info(m->module, &user, NULL, NULL, NULL, NULL, NULL, NULL);
	*user = m;
	return NULL;
}

struct err *module_elf_dwarf(struct module_elf *m, Dwarf **ret)
{
	Dwarf_Addr bias;
	struct err *err = m->dwfl ? NULL : open_dwfl(m);
	if (err)
		return err;
	Dwarf *dw = m->module ? dwfl_module_getdwarf(m->module, &bias) : NULL;
	if (!dw)
		return err_new(
			ERR_MISSING, "%s: no debug information: %s", m->path, dwfl_errmsg(-1));
	*ret = dw;
	return NULL;
}

/* ---- symbols ----------------------------------------------- */

struct symbol_walk {
	const struct module_elf *m;
	Elf *elf;
	size_t names; /* index of the section names' string table */
	module_elf_symbol_fn each;
	void *cx;
};

static char letter_of(const GElf_Shdr *sh, unsigned info)
{
	char c = sh->sh_flags & SHF_EXECINSTR ? 't'
		 : sh->sh_type == SHT_NOBITS  ? 'b'
		 : sh->sh_flags & SHF_WRITE   ? 'd'
					      : 'r';
	return GELF_ST_BIND(info) == STB_LOCAL ? c : (char)(c - 'a' + 'A');
}

static bool is_name(const char *s)
{
	return s && *s && *s != '$' && strncmp(s, ".L", 2);
}

static void one_symbol(const struct symbol_walk *w, const GElf_Sym *sym, const char *name)
{
	GElf_Shdr sh;
	uint64_t base;
	unsigned type = GELF_ST_TYPE(sym->st_info);
	bool wanted = type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE;
	if (!wanted || !is_name(name) || sym->st_shndx == SHN_UNDEF ||
		sym->st_shndx >= SHN_LORESERVE)
		return;
	Elf_Scn *scn = elf_getscn(w->elf, sym->st_shndx);
	const char *section =
		scn && gelf_getshdr(scn, &sh) ? elf_strptr(w->elf, w->names, sh.sh_name) : NULL;
	if (!section || sym->st_value > sh.sh_size || !find_section(w->m, section, &base))
		return;
	w->each(w->cx, &(struct module_elf_symbol){ .name = name,
			       .section = section,
			       .va = base + sym->st_value,
			       .size = sym->st_size,
			       .type = letter_of(&sh, sym->st_info),
			       .in_code = sh.sh_flags & SHF_EXECINSTR });
}

static struct err *walk_symbols(const struct symbol_walk *w)
{
	GElf_Shdr sh;
	struct err *err = NULL;
	Elf_Scn *scn = elf_nextscn(w->elf, NULL);
	while (scn && (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_SYMTAB))
		scn = elf_nextscn(w->elf, scn);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	if (!data)
		return err_new(ERR_MISSING, "%s: it has no symbol table", w->m->path);
	GElf_Sym sym;
	for (int i = 0; !err && gelf_getsym(data, i, &sym); i++) {
		one_symbol(w, &sym, elf_strptr(w->elf, sh.sh_link, sym.st_name));
		err = interrupt_check();
	}
	return err;
}

struct err *module_elf_symbols(struct module_elf *m, module_elf_symbol_fn each, void *cx)
{
	scoped_fd int fd = -1;
	struct symbol_walk w = { .m = m, .each = each, .cx = cx };
	struct err *err = module_unpack_open(m->path, &fd);
	if (err)
		return err;
	elf_version(EV_CURRENT);
	w.elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!w.elf || elf_getshdrstrndx(w.elf, &w.names))
		err = err_new(ERR_FORMAT, "%s: it is no ELF file with sections", m->path);
	if (!err)
		err = walk_symbols(&w);
	elf_end(w.elf);
	return err;
}
