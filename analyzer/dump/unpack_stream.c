/* Whole-file compression by its libraries. Knows no files. */
#include "analyzer/dump/unpack_stream.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "analyzer/base/xalloc.h"

struct unpack_stream {
	enum unpack_kind kind;
	bool between; /* the last member or frame is complete, and nothing of another one was seen
		       */
	z_stream z;
	lzma_stream xz;
	ZSTD_DStream *zstd;
};

/* LiME's module can put its whole stream through zlib (LiME src/deflate.c). */
static bool is_packed_lime(const uint8_t *p, size_t n)
{
	uint8_t head[4] = { 0 };
	z_stream z = { .next_in = (Bytef *)p,
		.avail_in = (uInt)(n < 4096 ? n : 4096),
		.next_out = head,
		.avail_out = sizeof(head) };
	if (n < 2 || (p[0] & 0x0f) != 8 || ((unsigned)p[0] << 8 | p[1]) % 31 ||
		inflateInit(&z) != Z_OK)
		return false;
	int verdict = inflate(&z, Z_SYNC_FLUSH);
	inflateEnd(&z);
	return verdict >= 0 && z.avail_out == 0 && memcmp(head, "EMiL", sizeof(head)) == 0;
}

enum unpack_kind unpack_stream_kind(const uint8_t *p, size_t n)
{
	if (n >= 3 && memcmp(p, "\x1f\x8b\x08", 3) == 0)
		return UNPACK_GZIP;
	if (n >= 6 && memcmp(p,
			      "\xfd"
			      "7zXZ",
			      6) == 0)
		return UNPACK_XZ;
	if (n >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0)
		return UNPACK_ZSTD;
	return is_packed_lime(p, n) ? UNPACK_ZLIB : UNPACK_NONE;
}

const char *unpack_stream_name(enum unpack_kind kind)
{
	static const char *const name[] = { [UNPACK_GZIP] = "gzip",
		[UNPACK_XZ] = "xz",
		[UNPACK_ZSTD] = "zstd",
		[UNPACK_ZLIB] = "zlib" };
	return name[kind];
}

struct unpack_stream *unpack_stream_create(enum unpack_kind kind)
{
	struct unpack_stream *s = xcalloc(1, sizeof(*s));
	const uint64_t memory = 1 << 30; /* xz -9 wants 65 MB; a hostile file may want anything */
	bool good = false;
	s->kind = kind;
	s->xz = (lzma_stream)LZMA_STREAM_INIT;
	switch (kind) {
	case UNPACK_GZIP:
	case UNPACK_ZLIB:
		good = inflateInit2(&s->z, 15 + (kind == UNPACK_GZIP ? 16 : 0)) == Z_OK;
		break;
	case UNPACK_XZ:
		good = lzma_stream_decoder(&s->xz, memory, LZMA_CONCATENATED) == LZMA_OK;
		break;
	case UNPACK_ZSTD:
		s->zstd = ZSTD_createDStream();
		good = s->zstd && !ZSTD_isError(ZSTD_initDStream(s->zstd));
		break;
	case UNPACK_NONE:
		break;
	}
	if (good)
		return s;
	ZSTD_freeDStream(s->zstd);
	free(s);
	return NULL;
}

void unpack_stream_destroy(struct unpack_stream *s)
{
	if (!s)
		return;
	if (s->kind == UNPACK_GZIP || s->kind == UNPACK_ZLIB)
		inflateEnd(&s->z);
	lzma_end(&s->xz);
	ZSTD_freeDStream(s->zstd);
	free(s);
}

/* gzip: members follow one another; what follows the last one and is none is not looked at. */
static enum unpack_state zlib_run(
	struct unpack_stream *s, const uint8_t *p, size_t *n, uint8_t *to, size_t *n_to)
{
	if (s->between && (s->kind != UNPACK_GZIP || p[0] != 0x1f)) {
		*n = *n_to = 0;
		return UNPACK_END;
	}
	if (s->between && inflateReset(&s->z) != Z_OK)
		return UNPACK_BAD;
	s->between = false;
	s->z.next_in = (Bytef *)p;
	s->z.avail_in = (uInt)*n;
	s->z.next_out = to;
	s->z.avail_out = (uInt)*n_to;
	int verdict = inflate(&s->z, Z_NO_FLUSH);
	*n -= s->z.avail_in;
	*n_to -= s->z.avail_out;
	s->between = verdict == Z_STREAM_END;
	return verdict == Z_OK || verdict == Z_STREAM_END || verdict == Z_BUF_ERROR ? UNPACK_MORE
										    : UNPACK_BAD;
}

static enum unpack_state xz_run(
	struct unpack_stream *s, const uint8_t *p, size_t *n, uint8_t *to, size_t *n_to)
{
	s->xz.next_in = p;
	s->xz.avail_in = *n;
	s->xz.next_out = to;
	s->xz.avail_out = *n_to;
	lzma_ret verdict = lzma_code(&s->xz, LZMA_RUN);
	*n -= s->xz.avail_in;
	*n_to -= s->xz.avail_out;
	return verdict == LZMA_STREAM_END			 ? UNPACK_END
	       : verdict == LZMA_OK || verdict == LZMA_BUF_ERROR ? UNPACK_MORE
								 : UNPACK_BAD;
}

static enum unpack_state zstd_run(
	struct unpack_stream *s, const uint8_t *p, size_t *n, uint8_t *to, size_t *n_to)
{
	ZSTD_inBuffer in = { p, *n, 0 };
	ZSTD_outBuffer out = { to, *n_to, 0 };
	size_t left = ZSTD_decompressStream(s->zstd, &out, &in);
	*n = in.pos;
	*n_to = out.pos;
	s->between = left == 0;
	return ZSTD_isError(left) ? UNPACK_BAD : UNPACK_MORE;
}

enum unpack_state unpack_stream_run(
	struct unpack_stream *s, const uint8_t *p, size_t *n, uint8_t *to, size_t *n_to)
{
	if (!*n && s->kind != UNPACK_XZ && s->between) {
		*n_to = 0;
		return UNPACK_MORE;
	}
	switch (s->kind) {
	case UNPACK_XZ:
		return xz_run(s, p, n, to, n_to);
	case UNPACK_ZSTD:
		return zstd_run(s, p, n, to, n_to);
	case UNPACK_GZIP:
	case UNPACK_ZLIB:
		return zlib_run(s, p, n, to, n_to);
	case UNPACK_NONE:
		break;
	}
	return UNPACK_BAD;
}

bool unpack_stream_may_end(const struct unpack_stream *s)
{
	if (s->kind != UNPACK_XZ)
		return s->between;
	/* The index and the footer were read: asked to finish, the decoder has nothing to wait for.
	 */
	lzma_stream copy = s->xz;
	uint8_t room;
	copy.next_in = NULL;
	copy.avail_in = 0;
	copy.next_out = &room;
	copy.avail_out = sizeof(room);
	return lzma_code(&copy, LZMA_FINISH) == LZMA_STREAM_END;
}
