/* Spinlocks' queues, workqueues and RCU's tree from any memory. The input is pages of a fake target
 * (fake_pages.h). */
#include "analyzer/kernel/rcu_state.h"
#include "analyzer/kernel/spinlock.h"
#include "analyzer/kernel/workqueue.h"
#include "tests/unit/fake_pages.h"
#include "tests/unit/fake_stalls.h"

enum { TICKET = 2 };

static void declare(struct fake *f, unsigned word, bool ticket)
{
	fake_stalls(f, word, ticket);
	fake_symbol(f, "worker_pool_idr", IDR_AT, 0x20);
	fake_symbol(f, "workqueues", QUEUES_AT, 0x10);
	fake_symbol(f, "rcu_state", RCU_AT, 0x80);
}

static void look(struct target *t, uint64_t lock_va)
{
	struct spinlock lock;
	struct err *err = spinlock_read(t, lock_va, &lock);
	if (!err) {
		scoped_spinlock_queue struct spinlock_queue q = { 0 };
		err = spinlock_queue_read(t, &lock, &q);
		if (q.v.n > 8) /* two CPUs of four levels */
			abort();
	}
	err_drop(err); /* its own trouble */
	scoped_workqueues struct workqueues w = { 0 };
	err_drop(workqueues_read(t, &w)); /* likewise */
	for (size_t i = 0; i < w.work.n; i++)
		if (w.work.v[i].pool >= w.pool.n)
			abort();
	scoped_rcu struct rcu r = { 0 };
	err_drop(rcu_read(t, &r)); /* likewise */
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	if (!n)
		return 0;
	declare(&f, fake_pages_word(p, n), p[0] & TICKET);
	fake_pages_load(&f, p, n);
	look(f.t, fake_va(&f, SPIN_AT));
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4)
		for (int ticket = 0; ticket < 2; ticket++) {
			struct fake f;
			fake_stalls(&f, word, ticket);
			if (!ticket)
				fake_spinlock(&f);
			fake_works(&f);
			fake_grace_period(&f);
			fake_pages_add(&f, ticket ? TICKET : 0, add);
			fake_deinit(&f);
		}
}
