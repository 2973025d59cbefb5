/* Held locks of any content. The input is pages of a fake target (fake_pages.h). */
#include "tests/unit/fake_lockdep.h"
#include "tests/unit/fake_pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	struct lockdep_locks l;
	if (!n)
		return 0;
	fake_init(&f, fake_pages_word(p, n));
	fake_lockdep_types(&f);
	fake_pages_load(&f, p, n);
	struct err *err = fake_lockdep_read(&f, &l);
	for (uint32_t i = 0; !err && i < l.n; i++)
		if (!memchr(l.held[i].name, 0, sizeof(l.held[i].name)))
			abort();
	if (!err && l.n > LOCKDEP_DEPTH_MAX)
		abort();
	err_drop(err); /* the task cannot be read */
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		fake_init(&f, word);
		fake_lockdep_types(&f);
		fake_lockdep_lock(&f, 0, "left_lock");
		fake_lockdep_lock(&f, 1, "&mm->mmap_lock");
		fake_pages_add(&f, 0, add);
		fake_deinit(&f);
	}
}
