/*
 * Files that are compressed as a whole: gzip, xz, zstd, and LiME's zlib. They are unpacked once,
 * into a cache of sparse files under ${XDG_CACHE_HOME:-~/.cache}/inquest, and opened from there.
 */
#ifndef ANALYZER_DUMP_UNPACK_H
#define ANALYZER_DUMP_UNPACK_H

#include "analyzer/dump/dump.h"

/* "gzip", "xz", … for the first bytes of a file; NULL when it is not packed. */
const char *unpack_recognises(const uint8_t *p, size_t n);

/* The first *n bytes of what @p, the beginning of a packed file, unpacks to; *n shrinks to those.
 */
void unpack_head(const uint8_t *p, size_t np, uint8_t *to, size_t *n);

/*
 * A descriptor of the unpacked content of @fd, a packed file. *ret_cut: the stream is cut or
 * damaged, and this is what came before. ERR_INTERRUPTED, ERR_IO; nothing half-done stays behind.
 * No error names the file.
 */
struct err *unpack_open(
	int fd, const struct dump_options *o, int *ret_fd, bool *ret_cut) MUST_CHECK;

#endif
