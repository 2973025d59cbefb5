/*
 * Where call frame information stands: the sections of the files that the type database has, read
 * from the ELF file itself, since libdw's handle on a kernel's DWARF costs far more than this
 * needs.
 */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/xalloc.h"
#include "analyzer/debug/cfi.h"
#include "analyzer/debug/elf_inflate.h"
#include "analyzer/debug/types_internal.h"

struct cfi_file {
	struct cfi *cfi; /* NULL: there is none */
	Elf *elf;	 /* ours; NULL: borrowed */
	int inflated;	 /* in memory, under .elf; -1: none */
};

enum inflating { AS_IT_IS, BY_LIBELF };

/* Whether the section could be had; without one of that name there is nothing to have. */
static bool find_section(
	Elf *elf, const char *wanted, enum inflating inflating, struct cfi_section *ret)
{
	size_t names;
	if (!elf || elf_getshdrstrndx(elf, &names))
		return true;
	for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
		GElf_Shdr sh;
		const char *name =
			gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
		if (!name || strcmp(name, wanted) || sh.sh_type == SHT_NOBITS)
			continue;
		if (sh.sh_flags & SHF_COMPRESSED &&
			(inflating != BY_LIBELF || elf_compress(scn, 0, 0) < 0))
			return false;
		Elf_Data *data = elf_getdata(scn, NULL);
		if (data && data->d_buf) {
			ret->bytes = data->d_buf;
			ret->n = data->d_size;
			ret->va = sh.sh_addr;
		}
		return true;
	}
	return true;
}

static bool read_sections(
	const struct abi *abi, Elf *elf, enum inflating inflating, struct cfi_file *io)
{
	struct cfi_section section[2] = { { .eh = false }, { .eh = true } };
	if (!find_section(elf, ".debug_frame", inflating, &section[0]) ||
		!find_section(elf, ".eh_frame", inflating, &section[1]))
		return false;
	io->cfi = cfi_create(abi, section, 2);
	return true;
}

static void close_file(struct cfi_file *f)
{
	if (f->elf)
		elf_end(f->elf);
	if (f->inflated >= 0)
		close(f->inflated);
	f->elf = NULL;
	f->inflated = -1;
}

/* The kernel's, by the file that its DWARF is in. */
static void open_kernel(const struct types *db, int fd, struct cfi_file *f)
{
	elf_version(EV_CURRENT);
	f->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (read_sections(&db->abi, f->elf, BY_LIBELF, f))
		return;
	close_file(f);
	struct err *err = elf_inflate(fd, &f->inflated);
	if (err || f->inflated < 0) {
		err_drop(err); /* its DWARF says so when it is opened */
		return;
	}
	f->elf = elf_begin(f->inflated, ELF_C_READ_MMAP, NULL);
	read_sections(&db->abi, f->elf, BY_LIBELF, f);
}

/* libdwfl has relocated .debug_frame with the rest of the debug information. */
static void open_module(const struct types *db, const struct types_module *m, struct cfi_file *f)
{
	Dwarf *dw;
	struct err *err = m->open ? m->open(m->cx, &dw) : err_new(ERR_MISSING, "no DWARF");
	if (err) {
		err_drop(err); /* the provider's state says it */
		return;
	}
	struct cfi_section section = { .eh = false };
	if (find_section(dwarf_getelf(dw), ".debug_frame", AS_IT_IS, &section))
		f->cfi = cfi_create(&db->abi, &section, 1);
}

static const struct cfi *cfi_of(struct types *db, size_t i)
{
	struct provider_slot *s = &db->slot.v[i];
	if (!s->cfi && s->scans) {
		s->cfi = xcalloc(1, sizeof(*s->cfi));
		s->cfi->inflated = -1;
		if (s->module)
			open_module(db, s->module, s->cfi);
		else if (s->fd >= 0)
			open_kernel(db, s->fd, s->cfi);
	}
	return s->cfi ? s->cfi->cfi : NULL;
}

void types_cfi_close(struct provider_slot *s)
{
	if (!s->cfi)
		return;
	cfi_destroy(s->cfi->cfi);
	close_file(s->cfi);
	free(s->cfi);
}

bool types_cfi(struct types *db, uint64_t link_va, bool modules, struct cfi_row *ret)
{
	for (size_t i = 0; i < db->slot.n; i++) {
		if ((db->slot.v[i].module && !modules) || !types_slot_covers(db, i, link_va))
			continue;
		const struct cfi *c = cfi_of(db, i);
		if (c && cfi_find(c, link_va, ret))
			return true;
	}
	if (!modules || !db->modules.load)
		return false;
	types_modules_load(db);
	return types_cfi(db, link_va, modules, ret);
}
