/* The kernel's ELF file: what it says of itself. Knows nothing of any dump. */
#ifndef ANALYZER_TARGET_VMLINUX_H
#define ANALYZER_TARGET_VMLINUX_H

#include <libelf.h>

#include "analyzer/base/err.h"
#include "analyzer/base/load.h"
#include "analyzer/debug/index_cache.h"

enum vmlinux_cache {
	VMLINUX_CACHED,
	VMLINUX_NOT_CACHED, /* read the file itself, write nothing */
};

struct vmlinux {
	char *path;
	int fd;
	Elf *elf;
	uint16_t machine; /* e_machine */
	struct abi abi;
	uint8_t build_id[32];
	uint8_t build_id_bytes;	   /* 0: has none */
	char *banner;		   /* linux_banner's text without its newline; NULL: not found */
	struct index_cache *cache; /* of this build; never NULL */
	/* Link-time addresses, 0 when absent. */
	uint64_t text_va, end_va, banner_va, kimage_voffset_va;
};

/* ERR_FORMAT when it is no ELF kernel of an architecture known here; the message says what it is.
 */
struct err *vmlinux_open(
	const char *path, enum vmlinux_cache caching, struct vmlinux **ret) MUST_CHECK;
void vmlinux_close(struct vmlinux *v);

/* "6.1.0-49-arm64 (build-id 0123…)" or what is known, for messages; malloc'ed. */
char *vmlinux_describe(const struct vmlinux *v);

#endif
