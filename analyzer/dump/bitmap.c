/* Bitmaps of pages, indexed by rank. Knows the order of the bits, not what they say. */
#include "analyzer/dump/bitmap.h"

enum { CHUNK_BYTES = 4096 };

struct err *bitmap_load(const struct bytes *b, uint64_t off, uint64_t nbits, struct bitmap *ret)
{
	uint64_t nbytes = nbits / 8 + (nbits % 8 != 0), nwords = nbits / 64 + (nbits % 64 != 0);
	/* The file's own size is the bound: a flattened stream's holes may be of any length. */
	if (!range_inside(off, nbytes, bytes_size(b)) || nbytes > bytes_file_size(b))
		return err_new(ERR_FORMAT, "cut inside its bitmaps");
	struct bitmap m = { .nbits = nbits };
	struct err *err = mem_alloc_array((size_t)nwords, sizeof(*m.word), "bitmap", &m.word);
	if (err)
		return err;
	for (uint64_t at = 0; at < nbytes; at += CHUNK_BYTES) {
		uint8_t chunk[CHUNK_BYTES + 8] = { 0 };
		uint64_t n = nbytes - at < CHUNK_BYTES ? nbytes - at : CHUNK_BYTES;
		if (!bytes_read(b, off + at, chunk, (size_t)n)) {
			bitmap_deinit(&m);
			return err_new(ERR_FORMAT, "cut inside its bitmaps");
		}
		for (uint64_t k = 0; k < n; k += 8)
			m.word[(at + k) / 8].bits = load_u64le(chunk + k);
	}
	if (nbits % 64)
		m.word[nwords - 1].bits &= ((uint64_t)1 << (nbits % 64)) - 1;
	for (uint64_t i = 0; i < nwords; i++) {
		m.word[i].rank = m.total;
		m.total += (uint64_t)__builtin_popcountll(m.word[i].bits);
	}
	*ret = m;
	return NULL;
}

void bitmap_deinit(struct bitmap *m)
{
	free(m->word);
	*m = (struct bitmap){ 0 };
}

uint64_t bitmap_next(const struct bitmap *m, uint64_t from, bool value)
{
	for (uint64_t i = from; i < m->nbits; i = (i | 63) + 1) {
		uint64_t w = value ? m->word[i / 64].bits : ~m->word[i / 64].bits;
		w &= UINT64_MAX << (i % 64);
		if (w) {
			i = (i & ~(uint64_t)63) + (uint64_t)__builtin_ctzll(w);
			return i < m->nbits ? i : m->nbits;
		}
	}
	return m->nbits;
}
