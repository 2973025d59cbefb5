/* Waiters and rings of any content. The input is pages of a fake target (fake_pages.h). */
#include "tests/unit/fake_locks.h"
#include "tests/unit/fake_pages.h"

static const char *const functions[] = { "__mutex_lock", "rwsem_down_write_slowpath", "__down",
	"wait_for_completion" };

static void look(struct fake *f)
{
	struct lock_waits w = { 0 };
	fake_lock_code(f);
	fake_lock_sleepers(f, &w);
	for (unsigned task = 0; task < TASKS; task++)
		for (unsigned i = 0; i < ARRAY_SIZE(functions); i++) {
			struct lock_wait found;
			err_drop(fake_lock_find(
				f, &w, task, functions[i], &found)); /* only that it comes back */
		}
	lock_waits_deinit(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	if (!n)
		return 0;
	fake_init(&f, fake_pages_word(p, n));
	fake_lock_types(&f, p[0] & 2);
	fake_pages_load(&f, p, n);
	look(&f);
	fake_deinit(&f);
	return 0;
}

static void seed(unsigned word, bool first, fuzz_add_fn add)
{
	struct fake f;
	fake_init(&f, word);
	fake_lock_types(&f, first);
	uint64_t head = first ? 0 : LOCK_AT + fake_offsetof(&f, "mutex", "wait_list");
	fake_lock_ring(&f, "mutex_waiter", "list", TASKS, head);
	if (first)
		fake_set(&f, "mutex", LOCK_AT, "first_waiter", fake_va(&f, fake_lock_waiter(0)));
	fake_put(f.t->dump, fake_lock_waiter(1) + 0x80, fake_va(&f, LOCK_AT), word);
	fake_set(&f, "mutex", LOCK_AT, "owner.counter", fake_va(&f, fake_lock_task(2)));
	fake_pages_add(&f, first ? 2 : 0, add);
	fake_deinit(&f);
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4)
		for (int first = 0; first < 2; first++)
			seed(word, first, add);
}
