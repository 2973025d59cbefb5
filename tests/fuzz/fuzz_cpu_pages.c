/* CPUs' lists of freed pages of any content. The input is pages of a fake target (fake_pages.h). */
#include "tests/unit/fake_cpu_pages.h"
#include "tests/unit/fake_pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	struct cpu_block b;
	if (!n)
		return 0;
	fake_cpu_pages(&f, fake_pages_word(p, n), 3);
	fake_pages_load(&f, p, n);
	for (uint64_t pfn = 0; pfn < BUDDY_FRAMES; pfn += 7) {
		struct err *err = cpu_block_find(f.t, pfn, &b);
		if (!err &&
			(pfn < b.pfn || pfn - b.pfn >= 1ull << b.order || b.order > 3 || b.cpu > 1))
			abort();
		err_drop(err); /* its own trouble */
	}
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		fake_cpu_pages(&f, word, 3);
		fake_cpu_blocks(&f, 0, 2, 7, 5);
		fake_cpu_blocks(&f, 1, 3, 10, 14);
		fake_cpu_blocks(&f, 1, 11, 24, 56);
		fake_pages_add(&f, 0, add);
		fake_deinit(&f);
	}
}
