/* Debug sections that zstd compressed, for a libdw that reads none but zlib's. */
#ifndef ANALYZER_DEBUG_ELF_INFLATE_H
#define ANALYZER_DEBUG_ELF_INFLATE_H

#include "analyzer/base/err.h"

/*
 * When ELF file @fd has sections of ELFCOMPRESS_ZSTD, *ret_fd is a file in memory of the same
 * sections, these inflated and those without debug information empty (SHT_NOBITS); the caller
 * closes it. Else *ret_fd is -1 and nothing was read but the section headers: @fd itself will do,
 * also when it is no ELF file. ERR_FORMAT when a section does not hold what its header promises,
 * ERR_LIMIT when it promises too much, ERR_IO when there is no memory for it.
 */
struct err *elf_inflate(int fd, int *ret_fd) MUST_CHECK;

#endif
