/* What the cache's files share: the file's form, and the folder. */
#ifndef ANALYZER_DEBUG_INDEX_CACHE_INTERNAL_H
#define ANALYZER_DEBUG_INDEX_CACHE_INTERNAL_H

#include <pthread.h>

#include "analyzer/debug/index_cache.h"

enum {
	INDEX_VERSION = 1, /* of the sections' form; the program's own build-id counts as well */
	INDEX_ID_BYTES = 32,
};
#define INDEX_MAGIC	 "INQINDEX"
#define INDEX_BYTE_ORDER 0x01020304u

struct index_file_section {
	uint64_t offset, bytes, sum; /* offset 0: not there */
};

/* In the host's byte order, which .byte_order proves. */
struct index_file_header {
	char magic[8];
	uint32_t version, byte_order;
	uint64_t file_bytes;
	uint8_t program[INDEX_ID_BYTES];  /* which build of this program wrote it */
	uint8_t build_id[INDEX_ID_BYTES]; /* of the vmlinux */
	uint64_t vmlinux_bytes;
	int64_t vmlinux_changed_ns;
	struct index_file_section section[INDEX_SECTIONS_END];
	uint64_t sum; /* of all that stands before it */
};

struct index_cache {
	char *path, *folder; /* NULL: no cache */
	uint64_t limit_bytes;
	struct index_file_header want; /* identity that a file must have */
	const uint8_t *map;	       /* the file; NULL: none that is good */
	size_t map_bytes;
	enum { SUM_UNKNOWN, SUM_GOOD, SUM_BAD } checked[INDEX_SECTIONS_END];
	_Atomic(const char *) state; /* a constant */

	pthread_mutex_t lock; /* of what follows */
	struct {
		void *bytes;
		size_t n;
	} put[INDEX_SECTIONS_END];
	bool dirty;
};

/* The folder (malloc'ed), made when it is not there; NULL with *ret_why (a constant) when it cannot
 * be used. */
char *index_folder_open(const char **ret_why);

/* Removes the files that were used longest ago, until no more than @limit_bytes are left, and what
 * writers that died left behind. @keep (a name in the folder) stays. */
void index_folder_trim(const char *folder, uint64_t limit_bytes, const char *keep);

/* INQUEST_CACHE_MB in bytes. */
uint64_t index_folder_limit(void);

#endif
