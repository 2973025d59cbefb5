/*
 * Rewrites an ELF file whose debug sections are compressed with zstd (ELFCOMPRESS_ZSTD of the gABI,
 * since 2022; libelf 0.188 knows zlib alone). Sections keep their numbers, so that links between
 * them hold. Knows nothing of what the sections mean.
 */
#include "analyzer/debug/elf_inflate.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/load.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

/* elf.h of older systems lacks the name. */
enum { COMPRESS_ZSTD = 2 };

/* Debug sections shrink to a third or a tenth; what claims more than this is made to exhaust
 * memory. */
enum { RATIO_MAX = 1024, RATIO_FREE_BYTES = 1 << 20 };
#define IMAGE_BYTES_MAX (1ull << 34)

struct piece {
	GElf_Shdr sh; /* as it will be */
	const uint8_t *from;
	uint64_t from_bytes;
	bool zstd;
};

struct image {
	Elf *elf;
	struct abi abi;
	struct piece *piece;
	size_t n;
	uint64_t headers_at, bytes;
	uint8_t *at; /* mapped */
};

/* Whether section @scn is compressed with zstd; then @p has its inflated size. */
static struct err *look(const struct image *im, Elf_Scn *scn, struct piece *p)
{
	size_t header = im->abi.word_bytes == 8 ? sizeof(Elf64_Chdr) : sizeof(Elf32_Chdr);
	if (p->sh.sh_type == SHT_NULL && elf_ndxscn(scn))
		p->sh.sh_size = 0;
	if (p->sh.sh_type == SHT_NOBITS || p->sh.sh_type == SHT_NULL)
		return NULL;
	Elf_Data *data = elf_rawdata(scn, NULL);
	if (!data || (data->d_size && !data->d_buf))
		return err_new(ERR_FORMAT, "section %zu lies outside of the file", elf_ndxscn(scn));
	p->from = data->d_buf;
	p->from_bytes = data->d_size;
	p->sh.sh_size = p->from_bytes;
	if (!(p->sh.sh_flags & SHF_COMPRESSED) || p->from_bytes < header ||
		get_u32(&im->abi, p->from) != COMPRESS_ZSTD)
		return NULL;
	bool wide = im->abi.word_bytes == 8;
	uint64_t size = wide ? get_u64(&im->abi, p->from + 8) : get_u32(&im->abi, p->from + 4);
	uint64_t align = wide ? get_u64(&im->abi, p->from + 16) : get_u32(&im->abi, p->from + 8);
	p->zstd = true;
	p->from += header;
	p->from_bytes -= header;
	if (size > IMAGE_BYTES_MAX || size > p->from_bytes * RATIO_MAX + RATIO_FREE_BYTES)
		return err_new(ERR_LIMIT, "section %zu claims to inflate %llu bytes to %llu",
			elf_ndxscn(scn), (unsigned long long)p->from_bytes,
			(unsigned long long)size);
	p->sh.sh_size = size;
	p->sh.sh_addralign = align;
	p->sh.sh_flags &= ~(GElf_Xword)SHF_COMPRESSED;
	return NULL;
}

static struct err *read_sections(struct image *im, bool *ret_any)
{
	struct err *err = mem_alloc_array(im->n, sizeof(*im->piece), "section headers", &im->piece);
	for (size_t i = 0; !err && i < im->n; i++) {
		Elf_Scn *scn = elf_getscn(im->elf, i);
		struct piece *p = &im->piece[i];
		*p = (struct piece){ 0 };
		if (!scn || !gelf_getshdr(scn, &p->sh))
			return err_new(ERR_FORMAT, "section header %zu cannot be read", i);
		/* What belongs to the program is not wanted here. */
		if (i && p->sh.sh_flags & SHF_ALLOC && p->sh.sh_type != SHT_NOTE)
			p->sh.sh_type = SHT_NOBITS;
		err = look(im, scn, p);
		*ret_any |= p->zstd;
	}
	return err;
}

/* Gives each section its place, and the image its size. */
static struct err *lay_out(struct image *im)
{
	uint64_t at = sizeof(Elf64_Ehdr);
	for (size_t i = 1; i < im->n; i++) {
		GElf_Shdr *sh = &im->piece[i].sh;
		at = (at + 15) & ~15ull;
		sh->sh_offset = at;
		if (sh->sh_type != SHT_NOBITS)
			at += sh->sh_size;
		if (at > IMAGE_BYTES_MAX)
			return err_new(ERR_LIMIT, "its sections claim more than %llu bytes",
				(unsigned long long)IMAGE_BYTES_MAX);
	}
	im->headers_at = (at + 15) & ~15ull;
	im->bytes = im->headers_at + im->n * sizeof(Elf64_Shdr);
	return NULL;
}

static struct err *inflate(const struct piece *p, uint8_t *to)
{
	enum { STEP = 1 << 20 };
	ZSTD_inBuffer in = { p->from, 0, 0 };
	ZSTD_outBuffer out = { to, p->sh.sh_size, 0 };
	ZSTD_DStream *z = ZSTD_createDStream();
	struct err *err = z ? NULL : err_new(ERR_NO_MEMORY, "no memory for zstd");
	size_t left = 1;
	while (!err && in.pos < p->from_bytes) {
		size_t was = in.pos, made = out.pos;
		in.size = p->from_bytes - in.pos > STEP ? in.pos + STEP : p->from_bytes;
		left = ZSTD_decompressStream(z, &out, &in);
		if (ZSTD_isError(left))
			err = err_new(ERR_FORMAT, "zstd: %s", ZSTD_getErrorName(left));
		else if (in.pos == was && out.pos == made)
			err = err_new(ERR_FORMAT, "it holds more than it promises");
		else
			err = interrupt_check();
	}
	ZSTD_freeDStream(z);
	if (!err && (left || out.pos != out.size))
		err = err_new(ERR_FORMAT, "it holds %zu bytes of %zu that it promises", out.pos,
			out.size);
	return err;
}

/* The header table in the file's own class and byte order. */
static struct err *put_headers(const struct image *im)
{
	unsigned order = im->abi.big_endian ? ELFDATA2MSB : ELFDATA2LSB;
	bool wide = im->abi.word_bytes == 8;
	size_t each = wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	for (size_t i = 0; i < im->n; i++) {
		const GElf_Shdr *s = &im->piece[i].sh;
		Elf32_Shdr narrow = { .sh_name = s->sh_name,
			.sh_type = s->sh_type,
			.sh_flags = (Elf32_Word)s->sh_flags,
			.sh_addr = (Elf32_Addr)s->sh_addr,
			.sh_offset = (Elf32_Off)s->sh_offset,
			.sh_size = (Elf32_Word)s->sh_size,
			.sh_link = s->sh_link,
			.sh_info = s->sh_info,
			.sh_addralign = (Elf32_Word)s->sh_addralign,
			.sh_entsize = (Elf32_Word)s->sh_entsize };
		Elf_Data from = { .d_buf = wide ? (void *)s : &narrow,
			.d_size = each,
			.d_type = ELF_T_SHDR,
			.d_version = EV_CURRENT };
		Elf_Data to = from;
		to.d_buf = im->at + im->headers_at + i * each;
		if (!(wide ? elf64_xlatetof(&to, &from, order) : elf32_xlatetof(&to, &from, order)))
			return err_new(ERR_FORMAT, "section header %zu: %s", i, elf_errmsg(-1));
	}
	return NULL;
}

static struct err *put_file_header(const struct image *im)
{
	unsigned order = im->abi.big_endian ? ELFDATA2MSB : ELFDATA2LSB;
	bool wide = im->abi.word_bytes == 8;
	union {
		Elf64_Ehdr wide;
		Elf32_Ehdr narrow;
	} h;
	Elf_Data from = { .d_buf = &h,
		.d_size = wide ? sizeof(h.wide) : sizeof(h.narrow),
		.d_type = ELF_T_EHDR,
		.d_version = EV_CURRENT };
	Elf_Data to = from;
	to.d_buf = im->at;
	if (wide) {
		h.wide = *elf64_getehdr(im->elf);
		h.wide.e_shoff = im->headers_at;
		h.wide.e_phoff = h.wide.e_phnum = h.wide.e_phentsize = 0;
	} else {
		h.narrow = *elf32_getehdr(im->elf);
		h.narrow.e_shoff = (Elf32_Off)im->headers_at;
		h.narrow.e_phoff = h.narrow.e_phnum = h.narrow.e_phentsize = 0;
	}
	if (!(wide ? elf64_xlatetof(&to, &from, order) : elf32_xlatetof(&to, &from, order)))
		return err_new(ERR_FORMAT, "file header: %s", elf_errmsg(-1));
	return NULL;
}

static struct err *fill(struct image *im)
{
	struct err *err = put_file_header(im);
	for (size_t i = 1; !err && i < im->n; i++) {
		const struct piece *p = &im->piece[i];
		if (p->sh.sh_type == SHT_NOBITS || !p->sh.sh_size)
			continue;
		if (p->zstd)
			err = err_wrap(inflate(p, im->at + p->sh.sh_offset), "section %zu", i);
		else
			memcpy(im->at + p->sh.sh_offset, p->from, p->sh.sh_size);
		if (!err)
			err = interrupt_check();
	}
	return err ? err : put_headers(im);
}

static struct err *rewrite(struct image *im, int *ret_fd)
{
	struct err *err = lay_out(im);
	if (!err && im->abi.word_bytes == 4 && im->bytes > UINT32_MAX)
		err = err_new(ERR_LIMIT, "its sections claim more than an ELF32 file holds");
	if (err)
		return err;
	scoped_fd int fd = memfd_create("inflated", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)im->bytes))
		return err_new(ERR_IO, "no memory for %llu bytes of debug information",
			(unsigned long long)im->bytes);
	im->at = mmap(NULL, im->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (im->at == MAP_FAILED)
		return err_new(ERR_IO, "no memory for %llu bytes of debug information",
			(unsigned long long)im->bytes);
	err = fill(im);
	munmap(im->at, im->bytes);
	if (err)
		return err;
	*ret_fd = fd;
	fd = -1;
	return NULL;
}

struct err *elf_inflate(int fd, int *ret_fd)
{
	struct image im = { 0 };
	bool any = false;
	*ret_fd = -1;
	elf_version(EV_CURRENT);
	im.elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	const char *ident = im.elf ? elf_getident(im.elf, NULL) : NULL;
	if (!ident || elf_kind(im.elf) != ELF_K_ELF || elf_getshdrnum(im.elf, &im.n)) {
		elf_end(im.elf);
		return NULL; /* who opens it next says so */
	}
	im.abi = (struct abi){ .word_bytes = ident[EI_CLASS] == ELFCLASS64 ? 8 : 4,
		.big_endian = ident[EI_DATA] == ELFDATA2MSB };
	struct err *err = read_sections(&im, &any);
	if (any && !err)
		err = rewrite(&im, ret_fd);
	free(im.piece);
	elf_end(im.elf);
	if (any || !err || err->code == ERR_INTERRUPTED)
		return err;
	err_drop(err); /* damage outside of what is rewritten here: libdw judges it */
	return NULL;
}
