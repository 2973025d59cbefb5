/*
 * Writing an open dump anew, as an ELF core or as a kdump-compressed file. Pages that the dump's
 * filter left out stay excluded; bytes that are lost (cut, corrupt) are left out and counted.
 */
#ifndef ANALYZER_DUMP_WRITE_H
#define ANALYZER_DUMP_WRITE_H

#include "analyzer/dump/dump.h"

enum dump_write_format { DUMP_WRITE_ELF, DUMP_WRITE_KDUMP };
enum dump_write_codec { DUMP_WRITE_ZLIB, DUMP_WRITE_LZO, DUMP_WRITE_SNAPPY, DUMP_WRITE_ZSTD };

struct dump_write_options {
	enum dump_write_format format;
	enum dump_write_codec codec; /* kdump only */
	uint16_t elf_machine;
	struct abi abi;
	uint32_t page_bytes;	/* kdump's block: 4096, 16384 or 65536 */
	const char *vmcoreinfo; /* where the dump has none of its own; may be NULL */
};

struct dump_write_result {
	uint64_t bytes;	       /* of the file */
	uint64_t memory_bytes; /* that it holds */
	uint64_t lost_bytes;   /* that the dump should have and could not give */
};

/*
 * Reads all memory twice: what can be read must be known before the headers are written. @fd is an
 * empty file, which is incomplete after an error. ERR_IO, ERR_INTERRUPTED; ERR_UNSUPPORTED when the
 * format cannot hold the dump.
 */
struct err *dump_write(struct dump *d, int fd, const struct dump_write_options *o,
	struct dump_write_result *ret) MUST_CHECK;

#endif
