/*
 * ELF cores that hold physical memory: /proc/vmcore copies, makedumpfile -E, QEMU's
 * dump-guest-memory. Memory is served in place. Physical addresses are the p_paddr of the PT_LOAD
 * segments; virtual addresses are not looked at, and note descriptors are passed on as they are.
 */
#include "analyzer/dump/reader.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/dump/places.h"

struct segment {
	uint64_t pa, va, off, file_bytes, mem_bytes;
};

struct elf_core {
	struct abi abi;
	bool is64;
	uint64_t phoff, phnum, phentsize;
	VEC(struct segment) load;
	struct places places;
};

/* Field @f of the Elf32_ or Elf64_@T at @p. */
#define ELF_GET(e, T, p, f)                                                                        \
	load_uint(&(e)->abi,                                                                       \
		(p) + ((e)->is64 ? offsetof(Elf64_##T, f) : offsetof(Elf32_##T, f)),               \
		(e)->is64 ? sizeof(((Elf64_##T *)0)->f) : sizeof(((Elf32_##T *)0)->f))
#define ELF_SIZE(e, T) ((e)->is64 ? sizeof(Elf64_##T) : sizeof(Elf32_##T))

/* Class and byte order from e_ident; false when the file is not ELF or of no known class. */
static bool ident_read(const struct bytes *b, struct elf_core *e)
{
	uint8_t id[EI_NIDENT];
	if (!bytes_read(b, 0, id, sizeof(id)) || memcmp(id, ELFMAG, SELFMAG) != 0)
		return false;
	if (id[EI_CLASS] != ELFCLASS32 && id[EI_CLASS] != ELFCLASS64)
		return false;
	if (id[EI_DATA] != ELFDATA2LSB && id[EI_DATA] != ELFDATA2MSB)
		return false;
	e->is64 = id[EI_CLASS] == ELFCLASS64;
	e->abi = (struct abi){ e->is64 ? 8 : 4, id[EI_DATA] == ELFDATA2MSB };
	return true;
}

static bool elf_core_recognises(const struct bytes *b, const char **ret_why)
{
	struct elf_core e;
	uint8_t type[EI_NIDENT + 2];
	if (!ident_read(b, &e))
		return false;
	if (!bytes_read(b, 0, type, sizeof(type))) {
		*ret_why = "is an ELF file cut inside its header";
		return false;
	}
	/* e_type follows e_ident in both classes. */
	if (get_u16(&e.abi, type + EI_NIDENT) == ET_CORE)
		return true;
	*ret_why = "is an ELF file, but no core dump (a vmlinux?)";
	return false;
}

/* e_phnum is PN_XNUM when there are more: then section header 0 has the number in sh_info. */
static struct err *phnum_read(const struct bytes *b, struct elf_core *e, const uint8_t *header)
{
	uint8_t section[sizeof(Elf64_Shdr)];
	e->phnum = ELF_GET(e, Ehdr, header, e_phnum);
	if (e->phnum != PN_XNUM)
		return NULL;
	uint64_t shoff = ELF_GET(e, Ehdr, header, e_shoff);
	if (shoff == 0)
		return NULL; /* exactly 65535 of them */
	if (!bytes_read(b, shoff, section, ELF_SIZE(e, Shdr)))
		return err_new(ERR_FORMAT, "cut before section header 0, which says how many "
					   "program headers there are");
	e->phnum = ELF_GET(e, Shdr, section, sh_info);
	return NULL;
}

static struct err *header_read(struct dump *d, const struct bytes *b, struct elf_core *e)
{
	uint8_t header[sizeof(Elf64_Ehdr)];
	if (!ident_read(b, e) || !bytes_read(b, 0, header, ELF_SIZE(e, Ehdr)))
		return err_new(ERR_FORMAT, "cut inside its ELF header");
	d->info.elf_machine = (uint16_t)ELF_GET(e, Ehdr, header, e_machine);
	d->info.abi = e->abi;
	e->phoff = ELF_GET(e, Ehdr, header, e_phoff);
	e->phentsize = ELF_GET(e, Ehdr, header, e_phentsize);
	struct err *err = phnum_read(b, e, header);
	if (err)
		return err;
	if (e->phoff == 0 || e->phnum == 0)
		return err_new(ERR_FORMAT, "has no program headers");
	if (e->phentsize < ELF_SIZE(e, Phdr))
		return err_new(ERR_FORMAT, "says that a program header has %" PRIu64 " bytes",
			e->phentsize);
	/* The file's own size also bounds it, against the holes of a flattened stream. */
	uint64_t all = e->phnum * e->phentsize; /* 32 times 16 bits */
	if (all > bytes_file_size(b) || !range_inside(e->phoff, all, bytes_size(b)))
		return err_new(ERR_FORMAT, "cut inside its %" PRIu64 " program headers", e->phnum);
	return NULL;
}

static struct err *phdrs_read(struct dump *d, const struct bytes *b, struct elf_core *e)
{
	for (uint64_t i = 0; i < e->phnum; i++) {
		uint8_t p[sizeof(Elf64_Phdr)];
		if (!bytes_read(b, e->phoff + i * e->phentsize, p, ELF_SIZE(e, Phdr)))
			return err_new(ERR_FORMAT, "program header %" PRIu64 " is not there", i);
		struct segment s = {
			.pa = ELF_GET(e, Phdr, p, p_paddr),
			.va = ELF_GET(e, Phdr, p, p_vaddr),
			.off = ELF_GET(e, Phdr, p, p_offset),
			.file_bytes = ELF_GET(e, Phdr, p, p_filesz),
			.mem_bytes = ELF_GET(e, Phdr, p, p_memsz),
		};
		uint64_t type = ELF_GET(e, Phdr, p, p_type);
		if (type == PT_NOTE)
			notes_load(d, b, s.off, s.file_bytes, &e->abi);
		if (type == PT_LOAD)
			vec_push(&e->load, s);
	}
	return NULL;
}

static int by_offset(const void *pa, const void *pb)
{
	const struct segment *a = *(const struct segment *const *)pa;
	const struct segment *b = *(const struct segment *const *)pb;
	return (a->off > b->off) - (a->off < b->off);
}

/*
 * QEMU writes the sizes of an ELF32 segment cut to 32 bits (dump/dump.c write_elf32_load): a 4 GiB
 * run of an LPAE guest has 0. Its bytes are nevertheless there, so when what lies between this
 * offset and the next segment's (or the file's end) is the stated size plus whole 4 GiB, that is
 * the size. Both sizes 0, in a file that ends too early to tell, mean the least: 4 GiB. Not
 * handled: segments behind such a one whose p_offset is cut to 32 bits as well.
 */
static void segment_widen(struct segment *s, uint64_t next_off)
{
	const uint64_t wrap = (uint64_t)1 << 32;
	if (next_off <= s->off)
		return;
	uint64_t room = next_off - s->off;
	if (room > s->file_bytes && (room - s->file_bytes) % wrap == 0) {
		s->mem_bytes += room - s->file_bytes;
		s->file_bytes = room;
	} else if (!s->file_bytes && !s->mem_bytes && s->off) {
		s->mem_bytes = s->file_bytes = wrap;
	}
}

static struct err *segments_widen(struct elf_core *e, uint64_t file_end)
{
	scoped_free struct segment **by = NULL;
	struct err *err = mem_alloc_array(e->load.n, sizeof(*by), "segments", &by);
	if (err)
		return err;
	size_t n = 0;
	for (size_t i = 0; i < e->load.n; i++) {
		/* makedumpfile -E: nothing of this segment is in the file. */
		if (e->load.v[i].file_bytes || !e->load.v[i].mem_bytes)
			by[n++] = &e->load.v[i];
	}
	if (n)
		qsort(by, n, sizeof(struct segment *), by_offset);
	for (size_t i = 0; i < n; i++)
		segment_widen(by[i], i + 1 < n ? by[i + 1]->off : file_end);
	return NULL;
}

/* A process's core has virtual addresses only. One segment at 0 may be RAM that starts there. */
static struct err *addresses_check(const struct elf_core *e)
{
	size_t nused = 0;
	for (size_t i = 0; i < e->load.n; i++) {
		if (e->load.v[i].pa)
			return NULL;
		nused += e->load.v[i].mem_bytes != 0 && e->load.v[i].va != 0;
	}
	if (nused > 1)
		return err_new(ERR_FORMAT,
			"its %zu segments have no physical addresses (the core of a process?)",
			nused);
	return NULL;
}

/* Bytes in the file, bytes behind its end, bytes left out. */
static void segment_place(struct elf_core *e, const struct dump *d, const struct segment *s)
{
	places_add_file(&e->places, d, 0, s->pa, s->off, s->file_bytes);
	if (s->mem_bytes > s->file_bytes && s->pa + s->file_bytes >= s->pa)
		places_add(&e->places, &(struct place){ .pa = s->pa + s->file_bytes,
			.size = s->mem_bytes - s->file_bytes, .kind = PLACE_EXCLUDED });
}

static struct err *runs_make(struct dump *d, const struct bytes *b, struct elf_core *e)
{
	uint64_t size = bytes_size(b), end = 0;
	for (size_t i = 0; i < e->load.n; i++) {
		const struct segment *s = &e->load.v[i];
		uint64_t stop;
		segment_place(e, d, s);
		if (__builtin_add_overflow(s->off, s->file_bytes, &stop))
			stop = UINT64_MAX;
		if (s->file_bytes && stop > end)
			end = stop;
	}
	if (end > size)
		dump_damaged(d, "cut off: the file has %" PRIu64 " of %" PRIu64 " bytes", size,
			end);
	return places_finish(&e->places, d);
}

static struct err *elf_core_open(struct dump *d)
{
	if (d->nfiles > 1)
		return err_new(ERR_UNSUPPORTED, "an ELF core is one file, not %zu", d->nfiles);
	const struct bytes *b = d->file[0];
	struct elf_core *e = d->state = xcalloc(1, sizeof(*e));
	struct err *err = header_read(d, b, e);
	if (!err)
		err = phdrs_read(d, b, e);
	if (!err && e->load.n == 0)
		err = err_new(ERR_FORMAT, "has no memory segments");
	if (!err && !e->is64)
		err = segments_widen(e, bytes_size(b));
	if (!err)
		err = addresses_check(e);
	if (!err)
		err = runs_make(d, b, e);
	if (!err && d->extents.n == 0)
		err = err_new(ERR_FORMAT, "its memory segments are all empty");
	return err;
}

static enum fault_kind elf_core_map(struct dump *d, uint64_t pa, const uint8_t **ret_p,
	size_t *ret_n)
{
	const struct elf_core *e = d->state;
	return places_map(&e->places, d, pa, ret_p, ret_n);
}

static bool elf_core_next_data(struct dump *d, uint64_t pa, uint64_t *ret)
{
	const struct elf_core *e = d->state;
	return places_next_data(&e->places, d, pa, ret);
}

static void elf_core_close(struct dump *d)
{
	struct elf_core *e = d->state;
	if (!e)
		return;
	vec_deinit(&e->load);
	places_deinit(&e->places);
	free(e);
}

const struct dump_reader elf_core_reader = {
	.name = "ELF core",
	.recognises = elf_core_recognises,
	.open = elf_core_open,
	.map = elf_core_map,
	.next_data = elf_core_next_data,
	.close = elf_core_close,
};
