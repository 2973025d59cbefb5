/* Shadow bytes, any: the fast look agrees with the slow one. The first byte says how many there are
 * before the run, and the mode. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/naive_kasan_look.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct kasan_look l;
	if (n < 2)
		return 0;
	struct kasan k = { .mode = p[0] & 1 ? KASAN_SW_TAGS : KASAN_GENERIC,
		.granule = p[0] & 1 ? 16 : 8 };
	size_t before = p[0] >> 1 & 1;
	kasan_look_init(&k, &l);
	struct sweep_run run = { .addr = 0x1000,
		.p = p + 1 + before,
		.n = n - 1 - before,
		.before = p + 1,
		.nbefore = before };
	if (!looks_agree(&l, &run))
		abort();
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	uint8_t b[2000];
	for (unsigned mode = 0; mode < 4; mode++) {
		for (size_t i = 0; i < sizeof(b); i++)
			b[i] = i % 400 < 200 ? 0xff : i % 16 < 9 ? 0 : i % 16 == 9 ? 4 : 0xfc;
		b[0] = (uint8_t)mode;
		add(b, sizeof(b));
	}
}
