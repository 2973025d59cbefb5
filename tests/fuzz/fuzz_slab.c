/* A slab's memory, counters and cache from any bytes: free lists end, patterns are looked for
 * inside. */
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/slab_damage.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD = 48 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct target t = { .abi.word_bytes = n && p[0] & 1 ? 8 : 4 };
	if (n < HEAD)
		return 0;
	struct slab_cache c = { .hardened = p[0] & 2,
		.size = load_u16le(p + 2),
		.object_size = load_u16le(p + 4),
		.inuse = load_u16le(p + 6),
		.offset = load_u16le(p + 8),
		.red_left_pad = load_u16le(p + 10),
		.known = load_u32le(p + 12),
		.random = load_u64le(p + 16) };
	struct slab s = { .base_va = load_u64le(p + 24),
		.freelist = load_u64le(p + 32),
		.objects = load_u16le(p + 40),
		.inuse = load_u16le(p + 42) };
	/* what slab_cache_read() lets pass */
	if (!c.size || !c.object_size || c.object_size > c.size || c.inuse > c.size ||
		c.offset >= c.size || c.red_left_pad > c.size - c.object_size)
		return 0;
	struct err *err = slab_check_counts(&c, &s);
	uint64_t bytes = (uint64_t)c.size * s.objects;
	if (err || bytes > n - HEAD) {
		err_drop(err);
		return 0;
	}
	uint8_t *memory = xcalloc(1, bytes), *state = xcalloc(1, s.objects);
	memcpy(memory, p + HEAD, bytes);
	struct slab_chain chain = slab_freelist_mark(
		&t, &c, &s, (p[0] >> 2) % 3, s.freelist, memory, state, SLAB_FREE);
	uint32_t marked = 0;
	for (uint32_t i = 0; i < s.objects; i++) {
		struct slab_damage d[SLAB_DAMAGE_MAX];
		unsigned found = slab_damage_find(&c, memory, i, state[i], d);
		marked += state[i] == SLAB_FREE;
		for (unsigned k = 0; k < found; k++)
			if (d[k].first > d[k].last || d[k].first < -(int64_t)c.red_left_pad ||
				d[k].last >= (int64_t)c.size)
				abort();
	}
	if (marked != chain.free)
		abort();
	free(memory);
	free(state);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 0; word < 2; word++) {
		uint8_t p[HEAD + 4 * 64] = { 0 };
		p[0] = (uint8_t)word;
		p[2] = 64;
		p[4] = 40;
		p[6] = 48;
		p[8] = 48;
		p[10] = 8;
		memset(p + 12, 0xff, 4);
		p[25] = 0x10; /* base 0x1000 */
		p[33] = 0x10; /* the first object, behind its redzone */
		p[32] = 8;
		p[40] = 4;
		p[HEAD + 56] = 8 + 64; /* the second one next */
		p[HEAD + 57] = 0x10;
		add(p, sizeof(p));
	}
}
