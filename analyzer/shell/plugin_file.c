/*
 * Reads a plugin's ELF headers and the plain numbers at the beginning of its `plugin`. What is
 * behind pointers needs relocation and is looked at after loading, in plugins.c.
 */
#include "analyzer/shell/plugin_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/load.h"
#include "analyzer/base/scope.h"
#include "analyzer/shell/plugin.h"

static void scope_elf(Elf **e)
{
	elf_end(*e);
}
#define scoped_elf __attribute__((cleanup(scope_elf)))

/* A file that others can change is a way into this process. */
static struct err *check_owner(int fd)
{
	struct stat st;
	if (fstat(fd, &st))
		return err_io(errno, "its owner");
	if (!S_ISREG(st.st_mode))
		return err_new(ERR_FORMAT, "not a file");
	if (st.st_mode & S_IWOTH)
		return err_new(ERR_MISMATCH, "anyone may write to it; try: chmod o-w");
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_new(ERR_MISMATCH, "it belongs to another user");
	return NULL;
}

static const char *machine_name(const GElf_Ehdr *h)
{
	switch (h->e_machine) {
	case EM_X86_64:
		return "x86-64";
	case EM_386:
		return "x86";
	case EM_AARCH64:
		return "arm64";
	case EM_ARM:
		return "arm";
	case EM_RISCV:
		return "RISC-V";
	default:
		return "another machine";
	}
}

static struct err *check_machine(Elf *elf)
{
	GElf_Ehdr theirs, ours;
	scoped_fd int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_io(errno, "/proc/self/exe");
	scoped_elf Elf *self = elf_begin(fd, ELF_C_READ, NULL);
	if (!gelf_getehdr(elf, &theirs))
		return err_new(ERR_FORMAT, "not an ELF file");
	if (!gelf_getehdr(self, &ours))
		return err_new(ERR_FORMAT, "/proc/self/exe is not an ELF file");
	if (theirs.e_machine != ours.e_machine ||
		theirs.e_ident[EI_CLASS] != ours.e_ident[EI_CLASS] ||
		theirs.e_ident[EI_DATA] != ours.e_ident[EI_DATA])
		return err_new(ERR_MISMATCH, "built for %s, this inquest runs on %s",
			machine_name(&theirs), machine_name(&ours));
	return theirs.e_type == ET_DYN ? NULL : err_new(ERR_FORMAT, "not a shared object");
}

/* The bytes of the object @name that the file exports. */
static bool find_object(Elf *elf, const char *name, void *buf, size_t n)
{
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr sh, in;
		GElf_Sym sym;
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_DYNSYM)
			continue;
		Elf_Data *table = elf_getdata(scn, NULL);
		for (int i = 0; table && gelf_getsym(table, i, &sym); i++) {
			const char *is = elf_strptr(elf, sh.sh_link, sym.st_name);
			if (!is || strcmp(is, name) || sym.st_shndx == SHN_UNDEF)
				continue;
			Elf_Scn *place = elf_getscn(elf, sym.st_shndx);
			Elf_Data *data = place ? elf_rawdata(place, NULL) : NULL;
			if (!data || !data->d_buf || !gelf_getshdr(place, &in) ||
				sym.st_value < in.sh_addr ||
				!range_inside(sym.st_value - in.sh_addr, n, data->d_size))
				return false;
			memcpy(buf, (char *)data->d_buf + (sym.st_value - in.sh_addr), n);
			return true;
		}
	}
	return false;
}

static struct err *check_abi(Elf *elf)
{
	struct {
		uint32_t magic, abi, plugin_bytes, command_bytes, walker_bytes, column_bytes;
		uint32_t printer_bytes, reader_bytes, finder_bytes, rule_bytes;
	} head;
	_Static_assert(offsetof(struct plugin, name) == sizeof(head), "the numbers stand first");
	if (!find_object(elf, "plugin", &head, sizeof(head)) || head.magic != PLUGIN_MAGIC)
		return err_new(ERR_FORMAT,
			"no plugin of inquest: it exports no `const struct plugin plugin`");
	if (head.abi != PLUGIN_ABI)
		return err_new(ERR_MISMATCH,
			"built for plugin ABI %u, this inquest has %d; build it again with the "
			"installed headers",
			head.abi, PLUGIN_ABI);
	if (head.plugin_bytes != sizeof(struct plugin) ||
		head.command_bytes != sizeof(struct command) ||
		head.walker_bytes != sizeof(struct walker) ||
		head.column_bytes != sizeof(struct column) ||
		head.printer_bytes != sizeof(struct plugin_printer) ||
		head.reader_bytes != sizeof(struct plugin_reader) ||
		head.finder_bytes != sizeof(struct plugin_finder) ||
		head.rule_bytes != sizeof(struct plugin_rule))
		return err_new(ERR_MISMATCH,
			"its structures have other sizes than those of ABI %d; build it again with "
			"the installed headers",
			PLUGIN_ABI);
	return NULL;
}

struct err *plugin_file_check(int fd)
{
	struct err *err = check_owner(fd);
	if (err)
		return err;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_new(ERR_UNSUPPORTED, "libelf is too old");
	scoped_elf Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return err_new(ERR_FORMAT, "not an ELF file");
	err = check_machine(elf);
	return err ? err : check_abi(elf);
}
