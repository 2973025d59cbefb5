/* The stack depot from any memory. The input is pages of a fake target (fake_pages.h); bits 1 to 3
 * of its first byte are the era. */
#include "tests/unit/fake_depot.h"
#include "tests/unit/fake_pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	struct stack_depot_iter it = { 0 };
	struct stack_depot_record r;
	bool more = true;
	if (!n)
		return 0;
	enum fake_depot_era era = (p[0] >> 1 & 7) % DEPOT_ERAS;
	fake_init(&f, fake_pages_word(p, n));
	fake_depot(&f, era);
	fake_pages_load(&f, p, n);
	struct err *err = stack_depot_iter_init(&it, f.t);
	while (!err && more) {
		err = stack_depot_iter_next(&it, &r, &more);
		if (err && more) {
			err_drop(err); /* one pool */
			err = NULL;
			continue;
		}
		if (err || !more)
			break;
		if (!r.nframes || r.nframes > STACK_DEPOT_FRAMES_MAX)
			abort();
		struct stack_depot_record again;
		struct err *lost = stack_depot_find(&it.depot, r.handle, &again);
		if (!lost && again.nframes != r.nframes)
			abort();
		err_drop(lost); /* freed records are walked, but not found */
	}
	err_drop(err);
	stack_depot_iter_deinit(&it);
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4)
		for (enum fake_depot_era era = 0; era < DEPOT_ERAS; era++) {
			struct fake f;
			uint64_t at = 0;
			fake_init(&f, word);
			fake_depot(&f, era);
			for (unsigned i = 1; i < 6; i++)
				fake_depot_record(&f, era, 0, &at, i * 11, i & 1 ? 3 : 0xc0000000);
			at = 0;
			fake_depot_record(&f, era, 1, &at, 64, 1);
			fake_pages_add(&f, era << 1, add);
			fake_deinit(&f);
		}
}
