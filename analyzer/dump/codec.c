/*
 * The codecs of kdump pages: zlib, lzo1x, snappy (raw, not framed), zstd. Input is hostile: only
 * the libraries' checking entry points are used. Knows nothing of where the bytes come from.
 */
#include "analyzer/dump/codec.h"

#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "analyzer/base/xalloc.h"

static z_stream *zlib_stream(struct codec *c)
{
	z_stream *z = c->zlib;
	if (z)
		return inflateReset(z) == Z_OK ? z : NULL;
	z = xcalloc(1, sizeof(*z));
	if (inflateInit(z) != Z_OK) {
		free(z);
		return NULL;
	}
	c->zlib = z;
	return z;
}

static bool zlib_decompress(struct codec *c, const uint8_t *p, size_t n, uint8_t *to, size_t to_n)
{
	z_stream *z = zlib_stream(c);
	if (!z)
		return false;
	z->next_in = (Bytef *)p;
	z->avail_in = (uInt)n;
	z->next_out = to;
	z->avail_out = (uInt)to_n;
	return inflate(z, Z_FINISH) == Z_STREAM_END && z->avail_out == 0;
}

static bool lzo_decompress(const uint8_t *p, size_t n, uint8_t *to, size_t to_n)
{
	lzo_uint got = to_n;
	return lzo1x_decompress_safe(p, n, to, &got, NULL) == LZO_E_OK && got == to_n;
}

static bool snappy_decompress(const uint8_t *p, size_t n, uint8_t *to, size_t to_n)
{
	size_t got;
	if (snappy_uncompressed_length((const char *)p, n, &got) != SNAPPY_OK || got != to_n)
		return false;
	return snappy_uncompress((const char *)p, n, (char *)to, &got) == SNAPPY_OK && got == to_n;
}

static bool zstd_decompress(struct codec *c, const uint8_t *p, size_t n, uint8_t *to, size_t to_n)
{
	if (!c->zstd)
		c->zstd = ZSTD_createDCtx();
	/* An error comes as a number larger than any size. */
	return c->zstd && ZSTD_decompressDCtx(c->zstd, to, to_n, p, n) == to_n;
}

bool codec_decompress(struct codec *c, enum codec_id id, const uint8_t *p, size_t n, uint8_t *to,
	size_t to_n)
{
	switch (id) {
	case CODEC_ZLIB:
		return zlib_decompress(c, p, n, to, to_n);
	case CODEC_LZO:
		return lzo_decompress(p, n, to, to_n);
	case CODEC_SNAPPY:
		return snappy_decompress(p, n, to, to_n);
	case CODEC_ZSTD:
		return zstd_decompress(c, p, n, to, to_n);
	}
	return false;
}

uint8_t *codec_stage(struct codec *c, size_t n)
{
	if (c->staged_size < n) {
		c->staged = xrealloc_array(c->staged, n, 1);
		c->staged_size = n;
	}
	return c->staged;
}

void codec_deinit(struct codec *c)
{
	if (c->zlib)
		inflateEnd(c->zlib);
	free(c->zlib);
	ZSTD_freeDCtx(c->zstd);
	free(c->staged);
	*c = (struct codec){ 0 };
}
