/* ELF files by hand: one section .debug_x of 4,000 bytes, compressed with zstd, an allocated one,
 * and the names. For unit tests and fuzz seeds. */
#ifndef TESTS_UNIT_ZSTD_ELF_H
#define TESTS_UNIT_ZSTD_ELF_H

#include <elf.h>
#include <string.h>
#include <zstd.h>

#include "analyzer/base/load.h"

enum { ZSTD_ELF_MAX = 4096, ZSTD_ELF_BYTES = 4000 };

struct zstd_elf {
	bool wide, big_endian;
	uint32_t type;	/* of compression; 0: zstd's */
	uint64_t claim; /* what the header says of the size; 0: the truth */
	size_t cut;	/* bytes that the compressed data lack */
};

static inline void zstd_elf_put(const struct zstd_elf *z, uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[z->big_endian ? n - 1 - i : i] = (uint8_t)(v >> (8 * i));
}

static inline void zstd_elf_header(
	const struct zstd_elf *z, uint8_t *p, unsigned i, const uint64_t *v)
{
	/* name, type, flags, address, offset, size, link, info, alignment, entry */
	static const unsigned wide[] = { 4, 4, 8, 8, 8, 8, 4, 4, 8, 8 };
	p += i * (z->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr));
	for (unsigned k = 0; k < 10; k++) {
		unsigned n = z->wide ? wide[k] : 4;
		zstd_elf_put(z, p, v[k], n);
		p += n;
	}
}

static inline void zstd_elf_content(uint8_t *p)
{
	for (unsigned i = 0; i < ZSTD_ELF_BYTES; i++)
		p[i] = (uint8_t)(i / 50 * 7 + i % 13);
}

/* Returns the size of the file in @out[ZSTD_ELF_MAX]. */
static inline size_t zstd_elf_write(const struct zstd_elf *z, uint8_t *out)
{
	static const char names[] = "\0.debug_x\0.text\0.shstrtab";
	enum { HEADERS = 64, NAMES = 400, DATA = 480 };
	uint8_t content[ZSTD_ELF_BYTES];
	unsigned chdr = z->wide ? 24 : 12, word = z->wide ? 8 : 4;
	memset(out, 0, ZSTD_ELF_MAX);
	memcpy(out, (uint8_t[]){ 0x7f, 'E', 'L', 'F', z->wide ? 2 : 1, z->big_endian ? 2 : 1, 1 },
		7);
	zstd_elf_put(z, out + 16, ET_EXEC, 2);
	zstd_elf_put(z, out + 18, z->wide ? EM_AARCH64 : EM_ARM, 2);
	zstd_elf_put(z, out + 20, 1, 4);
	zstd_elf_put(z, out + (z->wide ? 40 : 32), HEADERS, word);
	uint8_t *tail = out + (z->wide ? 52 : 40);
	zstd_elf_put(z, tail, z->wide ? 64 : 52, 2);
	zstd_elf_put(z, tail + 6, z->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr), 2);
	zstd_elf_put(z, tail + 8, 4, 2);
	zstd_elf_put(z, tail + 10, 3, 2);
	memcpy(out + NAMES, names, sizeof(names));
	zstd_elf_content(content);
	zstd_elf_put(z, out + DATA, z->type ? z->type : 2, 4);
	zstd_elf_put(z, out + DATA + (z->wide ? 8 : 4), z->claim ? z->claim : ZSTD_ELF_BYTES, word);
	zstd_elf_put(z, out + DATA + (z->wide ? 16 : 8), 1, word);
	size_t n = chdr +
		   ZSTD_compress(out + DATA + chdr, ZSTD_ELF_MAX - DATA - chdr, content,
			   sizeof(content), 3) -
		   z->cut;
	zstd_elf_header(z, out + HEADERS, 1,
		(uint64_t[]){ 1, SHT_PROGBITS, SHF_COMPRESSED, 0, DATA, n, 0, 0, 8, 0 });
	zstd_elf_header(z, out + HEADERS, 2,
		(uint64_t[]){ 10, SHT_PROGBITS, SHF_ALLOC, 0x8000, NAMES, 16, 0, 0, 4, 0 });
	zstd_elf_header(z, out + HEADERS, 3,
		(uint64_t[]){ 16, SHT_STRTAB, 0, 0, NAMES, sizeof(names), 0, 0, 1, 0 });
	return DATA + n;
}

#endif
