/* Pages of a fake target as bytes and back, for fuzz seeds and inputs: one byte says the word size
 * (bit 0: 8 bytes), then page by page its number (one byte) and 4096 bytes. */
#ifndef TESTS_UNIT_FAKE_PAGES_H
#define TESTS_UNIT_FAKE_PAGES_H

#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_kernel.h"

static inline unsigned fake_pages_word(const uint8_t *p, size_t n)
{
	return n && p[0] & 1 ? 8 : 4;
}

static inline void fake_pages_load(struct fake *f, const uint8_t *p, size_t n)
{
	for (size_t at = 1; at < n; at += 1 + FAKE_PAGE) {
		size_t have = n - at - 1 < FAKE_PAGE ? n - at - 1 : FAKE_PAGE;
		fake_bytes(f, (uint64_t)p[at] * FAKE_PAGE, p + at + 1, have);
	}
}

static inline void fake_pages_add(struct fake *f, unsigned flags, fuzz_add_fn add)
{
	const struct dump *d = f->t->dump;
	size_t n = 1 + (size_t)d->npages * (1 + FAKE_PAGE);
	uint8_t *bytes = xmalloc(n), *to = bytes;
	*to++ = (uint8_t)(flags | (f->t->abi.word_bytes == 8));
	for (unsigned i = 0; i < d->npages; i++) {
		*to++ = (uint8_t)(d->page[i].pa / FAKE_PAGE);
		memcpy(to, d->page[i].bytes, FAKE_PAGE);
		to += FAKE_PAGE;
	}
	add(bytes, n);
	free(bytes);
}

#endif
