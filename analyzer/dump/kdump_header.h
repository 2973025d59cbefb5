/* The headers of a kdump-compressed file, whichever of their layouts it has. */
#ifndef ANALYZER_DUMP_KDUMP_HEADER_H
#define ANALYZER_DUMP_KDUMP_HEADER_H

#include "analyzer/dump/reader.h"

/* Bits of status and of a page descriptor's flags: makedumpfile's diskdump_mod.h, QEMU's dump.h. */
enum {
	KDUMP_ZLIB = 0x1,
	KDUMP_LZO = 0x2,
	KDUMP_SNAPPY = 0x4,
	KDUMP_INCOMPLETE = 0x8, /* status only: the writer ran out of space */
	KDUMP_ZSTD = 0x20,
};
#define KDUMP_CODECS (KDUMP_ZLIB | KDUMP_LZO | KDUMP_SNAPPY | KDUMP_ZSTD)

struct kdump_range {
	uint64_t off, size;
};

struct kdump_header {
	struct abi abi;
	uint32_t version;
	uint32_t status;
	uint32_t block_bytes;
	uint32_t sub_header_blocks;
	uint32_t bitmap_blocks;
	uint64_t npages; /* max_mapnr */
	char machine[66];
	/* 0 where the version lacks them */
	uint64_t phys_base;
	uint32_t split;
	uint64_t start_pfn, end_pfn; /* split only */
	struct kdump_range vmcoreinfo, notes;
};

bool kdump_header_recognises(const struct bytes *b);
struct err *kdump_header_read(const struct bytes *b, struct kdump_header *ret) MUST_CHECK;

/* Offsets that follow from the block counts. */
uint64_t kdump_bitmap_off(const struct kdump_header *h);
uint64_t kdump_desc_off(const struct kdump_header *h);

#endif
