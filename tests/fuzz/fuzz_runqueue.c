/* Run queues and signal queues from any memory. The input is pages of a fake target (fake_pages.h).
 */
#include "analyzer/kernel/runqueue.h"
#include "analyzer/kernel/signal.h"
#include "tests/unit/fake_pages.h"
#include "tests/unit/fake_tasks.h"

static struct err *see(void *cx, const struct runqueue_entry *e)
{
	unsigned *n = cx;
	(void)e;
	return ++*n < 20000 ? NULL : err_new(ERR_LIMIT, "enough");
}

static void see_wrong(void *cx, struct err *err)
{
	(void)cx;
	if (!err->msg[0])
		abort();
	err_drop(err);
}

static void walk_signals(struct fake *f, const struct task *task)
{
	struct signal_state s;
	struct signal_queue_iter it;
	bool more = true;
	struct err *err = signal_read(f->t, task, &s);
	if (!err)
		signal_queue_init(&it, f->t, s.pending_list);
	for (unsigned n = 0; !err && more && n < 20000; n++) {
		struct signal_queued q;
		err = signal_queue_next(&it, &q, &more);
	}
	err_drop(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	struct runqueue rq;
	struct task task;
	unsigned seen = 0;
	if (!n)
		return 0;
	fake_init(&f, fake_pages_word(p, n));
	fake_task_types(&f);
	fake_pages_load(&f, p, n);
	struct runqueue_walk w = { .t = f.t, .each = see, .wrong = see_wrong, .cx = &seen };
	struct err *err = runqueue_read(f.t, 0, &rq);
	for (unsigned c = RUNQUEUE_STOP; !err && c <= RUNQUEUE_FAIR; c++)
		err_drop(runqueue_each(&w, &rq, c)); /* its own trouble */
	err_drop(err);
	err = task_read(f.t, fake_va(&f, fake_task(1)), &task);
	if (!err)
		walk_signals(&f, &task);
	err_drop(err);
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		fake_init(&f, word);
		fake_task_types(&f);
		fake_queue(&f, 8);
		uint64_t n1 = fake_in_task(&f, 1, "se.run_node"),
			 n7 = fake_in_task(&f, 7, "se.run_node");
		uint64_t n2 = fake_in_task(&f, 2, "se.run_node");
		uint64_t rt = RQ_AT + fake_offsetof(&f, "rq", "rt.active.queue");
		fake_set(&f, "rq", RQ_AT, "cfs.tasks_timeline", fake_va(&f, n1));
		fake_rb(&f, n1, 0, n7, 0);
		fake_rb(&f, n7, n1, 0, 0);
		fake_rb(&f, n2, 0, 0, 0);
		fake_set(&f, "task_struct", fake_task(7), "se.my_q", fake_va(&f, GROUP_AT));
		fake_set(&f, "cfs_rq", GROUP_AT, "tasks_timeline", fake_va(&f, n2));
		fake_list_one(&f, rt, fake_in_task(&f, 3, "rt.run_list"));
		fake_list_one(&f, fake_in_task(&f, 1, "pending.list"), GROUP_AT + 0x100);
		fake_set(&f, "task_struct", fake_task(1), "sighand", fake_va(&f, SIGHAND_AT));
		fake_pages_add(&f, 0, add);
		fake_deinit(&f);
	}
}
