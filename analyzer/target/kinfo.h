/* Google's debug-kinfo: a block that Android's kernels leave for the boot loader, with physical
 * addresses of their symbol tables and page table. */
#ifndef ANALYZER_TARGET_KINFO_H
#define ANALYZER_TARGET_KINFO_H

#include "analyzer/dump/dump.h"

/* debug-kinfo: drivers/android/debug_kinfo.h of Android's kernels (5.4 to 6.12). */
struct kinfo {
	struct paddr pa; /* of the block */
	uint32_t nsyms;
	struct paddr stext, etext, end; /* .stext: _text in a later form */
	struct paddr token_table;
	struct paddr swapper;
	char release[65];
};

/* Decodes the block at @pa; false when its sum is wrong or it makes no sense. */
bool kinfo_read(struct dump *d, struct paddr pa, struct kinfo *ret);

#endif
