/* Reads a vmlinux through libelf: machine, build-id, banner and the few link addresses that placing
 * the kernel in memory takes. Debug information and the full symbol table are for analyzer/debug.
 */
#include "analyzer/target/vmlinux.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "arch/arch.h"

enum { BANNER_MAX = 1024 };

void vmlinux_close(struct vmlinux *v)
{
	if (!v)
		return;
	if (v->elf)
		elf_end(v->elf);
	if (v->fd >= 0)
		close(v->fd);
	if (v->cache)
		index_cache_close(v->cache);
	free(v->path);
	free(v->banner);
	free(v);
}

static void close_scoped(struct vmlinux **v)
{
	vmlinux_close(*v);
}

/* Finds "GNU" NT_GNU_BUILD_ID in the note sections; leaves it empty when there is none. */
static void read_build_id(struct vmlinux *v)
{
	for (Elf_Scn *scn = elf_nextscn(v->elf, NULL); scn; scn = elf_nextscn(v->elf, scn)) {
		GElf_Shdr shdr;
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_NOTE)
			continue;
		Elf_Data *data = elf_getdata(scn, NULL);
		GElf_Nhdr nhdr;
		size_t off = 0, name_off, desc_off;
		while (data && (off = gelf_getnote(data, off, &nhdr, &name_off, &desc_off)) > 0) {
			const char *base = data->d_buf;
			if (nhdr.n_type != NT_GNU_BUILD_ID || nhdr.n_namesz != 4 ||
				memcmp(base + name_off, "GNU", 4) ||
				nhdr.n_descsz > sizeof(v->build_id))
				continue;
			memcpy(v->build_id, base + desc_off, nhdr.n_descsz);
			v->build_id_bytes = (uint8_t)nhdr.n_descsz;
			return;
		}
	}
}

static void note_symbol(struct vmlinux *v, const char *name, uint64_t va)
{
	struct {
		const char *name;
		uint64_t *va;
	} wanted[] = {
		{ "_text", &v->text_va },
		{ "_end", &v->end_va },
		{ "linux_banner", &v->banner_va },
		{ "kimage_voffset", &v->kimage_voffset_va },
	};
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!strcmp(name, wanted[i].name))
			*wanted[i].va = va;
}

/* One pass over 200,000 symbols at each start: straight through libelf's arrays, which are in the
 * host's order, because its accessors check and lock for each. */
static void read_table(struct vmlinux *v, const Elf_Data *sym, const Elf_Data *str)
{
	bool wide = v->abi.word_bytes == 8;
	size_t n = sym->d_size / (wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
	size_t bytes = str->d_size;
	const char *names = str->d_buf;
	while (bytes && names[bytes - 1]) /* a last name without its end is none */
		bytes--;
	for (size_t i = 0; i < n; i++) {
		Elf64_Sym s64 = { 0 };
		Elf32_Sym s32 = { 0 };
		if (wide)
			memcpy(&s64, (const char *)sym->d_buf + i * sizeof(s64), sizeof(s64));
		else
			memcpy(&s32, (const char *)sym->d_buf + i * sizeof(s32), sizeof(s32));
		uint32_t name = s64.st_name | s32.st_name; /* one of them is all zeroes */
		if (name >= bytes || (s64.st_shndx | s32.st_shndx) == SHN_UNDEF)
			continue;
		char c = names[name];
		if (c == '_' || c == 'l' || c == 'k')
			note_symbol(v, names + name, s64.st_value | s32.st_value);
	}
}

static void read_symbols(struct vmlinux *v)
{
	for (Elf_Scn *scn = elf_nextscn(v->elf, NULL); scn; scn = elf_nextscn(v->elf, scn)) {
		GElf_Shdr shdr;
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_SYMTAB)
			continue;
		Elf_Data *sym = elf_getdata(scn, NULL);
		Elf_Data *str = elf_getdata(elf_getscn(v->elf, shdr.sh_link), NULL);
		if (sym && sym->d_buf && sym->d_type == ELF_T_SYM && str && str->d_buf)
			read_table(v, sym, str);
	}
}

/* linux_banner is a char array in .rodata: init/version.c (4.19), init/version-timestamp.c (6.2).
 */
static void read_banner(struct vmlinux *v)
{
	for (Elf_Scn *scn = elf_nextscn(v->elf, NULL); v->banner_va && scn;
		scn = elf_nextscn(v->elf, scn)) {
		GElf_Shdr shdr;
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_PROGBITS ||
			!(shdr.sh_flags & SHF_ALLOC) || v->banner_va < shdr.sh_addr ||
			v->banner_va - shdr.sh_addr >= shdr.sh_size)
			continue;
		Elf_Data *data = elf_getdata(scn, NULL);
		uint64_t off = v->banner_va - shdr.sh_addr;
		if (!data || !data->d_buf || off >= data->d_size)
			return;
		const char *s = (const char *)data->d_buf + off;
		size_t max = data->d_size - off < BANNER_MAX ? data->d_size - off : BANNER_MAX;
		size_t n = strnlen(s, max);
		if (n < max && !strncmp(s, "Linux version ", 14))
			v->banner = xstrndup(s, strcspn(s, "\n"));
		return;
	}
}

static const char *foreign_machine(uint16_t machine)
{
	switch (machine) {
	case EM_X86_64:
		return "x86-64";
	case EM_386:
		return "x86";
	case EM_RISCV:
		return "RISC-V";
	case EM_PPC64:
		return "PowerPC";
	case EM_S390:
		return "s390";
	case EM_MIPS:
		return "MIPS";
	default:
		return "foreign";
	}
}

static struct err *open_elf(struct vmlinux *v)
{
	v->fd = open(v->path, O_RDONLY | O_CLOEXEC);
	if (v->fd < 0)
		return err_io(errno, "%s", v->path);
	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_new(ERR_UNSUPPORTED, "libelf: %s", elf_errmsg(-1));
	v->elf = elf_begin(v->fd, ELF_C_READ_MMAP, NULL);
	GElf_Ehdr ehdr;
	if (!v->elf || elf_kind(v->elf) != ELF_K_ELF || !gelf_getehdr(v->elf, &ehdr))
		return err_new(ERR_FORMAT, "%s: neither a dump nor an ELF kernel", v->path);
	v->machine = ehdr.e_machine;
	v->abi.word_bytes = ehdr.e_ident[EI_CLASS] == ELFCLASS64 ? 8 : 4;
	v->abi.big_endian = ehdr.e_ident[EI_DATA] == ELFDATA2MSB;
	if (!arch_find(v->machine))
		return err_new(ERR_FORMAT,
			"%s: a kernel for %s machines (ELF machine %u); "
			"ARM and ARM64 are understood",
			v->path, foreign_machine(v->machine), v->machine);
	if (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN)
		return err_new(ERR_FORMAT, "%s: an ELF object file, not a linked kernel", v->path);
	return NULL;
}

/* ---- the cache ----------------------------------------------- */

/* What the passes over symbols and sections found; the banner with its 0 follows. */
struct cached_facts {
	uint64_t text_va, end_va, banner_va, kimage_voffset_va;
	uint64_t banner_bytes; /* 0: none */
};

static void open_cache(struct vmlinux *v, enum vmlinux_cache caching)
{
	struct index_key key = { v->fd, v->build_id, v->build_id_bytes };
	v->cache = caching == VMLINUX_CACHED ? index_cache_open(&key)
					     : index_cache_none("not used: --no-cache");
}

static bool facts_from_cache(struct vmlinux *v)
{
	const struct cached_facts *f;
	const void *bytes;
	size_t n;
	if (!index_cache_section(v->cache, INDEX_FACTS, &bytes, &n))
		return false;
	f = bytes;
	if (n < sizeof(*f) || f->banner_bytes != n - sizeof(*f) || f->banner_bytes > BANNER_MAX ||
		(f->banner_bytes && ((const char *)bytes)[n - 1])) {
		index_cache_reject(v->cache, INDEX_FACTS);
		return false;
	}
	v->text_va = f->text_va;
	v->end_va = f->end_va;
	v->banner_va = f->banner_va;
	v->kimage_voffset_va = f->kimage_voffset_va;
	v->banner = f->banner_bytes ? xstrdup((const char *)(f + 1)) : NULL;
	return true;
}

static void facts_to_cache(const struct vmlinux *v)
{
	size_t n = v->banner ? strlen(v->banner) + 1 : 0;
	struct cached_facts *f = xcalloc(1, sizeof(*f) + n);
	*f = (struct cached_facts){ v->text_va, v->end_va, v->banner_va, v->kimage_voffset_va, n };
	if (n)
		memcpy(f + 1, v->banner, n);
	index_cache_put(v->cache, INDEX_FACTS, f, sizeof(*f) + n);
}

struct err *vmlinux_open(const char *path, enum vmlinux_cache caching, struct vmlinux **ret)
{
	__attribute__((cleanup(close_scoped))) struct vmlinux *v = xcalloc(1, sizeof(*v));
	v->path = xstrdup(path);
	v->fd = -1;
	struct err *err = open_elf(v);
	if (err)
		return err;
	read_build_id(v);
	open_cache(v, caching);
	bool known = facts_from_cache(v);
	if (!known)
		read_symbols(v);
	if (!v->text_va)
		return err_new(ERR_FORMAT, "%s: no kernel: its symbol table has no _text%s", path,
			v->end_va ? "" : " (stripped, or not a vmlinux)");
	if (!known) {
		read_banner(v);
		facts_to_cache(v);
	}
	*ret = take_ptr(v);
	return NULL;
}

char *vmlinux_describe(const struct vmlinux *v)
{
	struct strbuf b = { 0 };
	if (v->banner) {
		const char *release = v->banner + strlen("Linux version ");
		strbuf_addf(&b, "Linux %.*s", (int)strcspn(release, " "), release);
		const char *build = strrchr(v->banner, '#');
		if (build)
			strbuf_addf(&b, " %s", build);
	} else {
		strbuf_add(&b, "a kernel without linux_banner");
	}
	if (v->build_id_bytes) {
		strbuf_add(&b, ", build-id ");
		for (unsigned i = 0; i < v->build_id_bytes; i++)
			strbuf_addf(&b, "%02x", v->build_id[i]);
	}
	return strbuf_take(&b);
}
