/* Decompression of one page; the codecs are libraries. */
#ifndef ANALYZER_DUMP_CODEC_H
#define ANALYZER_DUMP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is worth keeping between pages. One thread at a time; all zero is a fresh one. */
struct codec {
	void *zlib;      /* z_stream */
	void *zstd;      /* ZSTD_DCtx */
	uint8_t *staged; /* compressed bytes that are not contiguous in the file */
	size_t staged_size;
};

enum codec_id { CODEC_ZLIB, CODEC_LZO, CODEC_SNAPPY, CODEC_ZSTD };

/* True when the @n bytes decompress to exactly @to_n. */
bool codec_decompress(struct codec *c, enum codec_id id, const uint8_t *p, size_t n, uint8_t *to,
	size_t to_n);

/* Room for @n bytes of input, valid until the next call. */
uint8_t *codec_stage(struct codec *c, size_t n);

void codec_deinit(struct codec *c);

#endif
