/* One compressed stream of any kind, unpacked piece by piece. */
#ifndef ANALYZER_DUMP_UNPACK_STREAM_H
#define ANALYZER_DUMP_UNPACK_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unpack_kind { UNPACK_NONE, UNPACK_GZIP, UNPACK_XZ, UNPACK_ZSTD, UNPACK_ZLIB };

enum unpack_state {
	UNPACK_MORE, /* more input or more room is wanted */
	UNPACK_END,  /* nothing of what follows belongs to it */
	UNPACK_BAD,
};

struct unpack_stream;

/* By the first bytes. zlib has no signature worth the name: it counts when it unpacks to LiME's. */
enum unpack_kind unpack_stream_kind(const uint8_t *p, size_t n);
const char *unpack_stream_name(enum unpack_kind kind); /* NULL for UNPACK_NONE */

/* NULL for UNPACK_NONE and when the library refuses. */
struct unpack_stream *unpack_stream_create(enum unpack_kind kind);
void unpack_stream_destroy(struct unpack_stream *s);

/* Unpacks some of the *n bytes at @p into *n_to bytes at @to; both become what was used. */
enum unpack_state unpack_stream_run(
	struct unpack_stream *s, const uint8_t *p, size_t *n, uint8_t *to, size_t *n_to);

/* Whether the input may end here: between two members or frames. */
bool unpack_stream_may_end(const struct unpack_stream *s);

#endif
