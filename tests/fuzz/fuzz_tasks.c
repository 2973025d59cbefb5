/* Task lists from any memory: leaders, threads, idle and current tasks. The input is pages of a
 * fake target (fake_pages.h). Every walk ends, and soon; what is wrong is said. */
#include "analyzer/kernel/task_select.h"
#include "tests/unit/fake_pages.h"
#include "tests/unit/fake_tasks.h"

enum { SIGNALS_AT = 0x6000, SIGNAL_STEP = 0x100, NTASKS = 5, MOST = 2000000 };

static void symbols(struct fake *f)
{
	fake_task_types(f);
	fake_symbol(f, "init_task", fake_task(0), fake_sizeof(f, "task_struct"));
	fake_number(f, "nr_cpu_ids", 0x100, 1, 4);
	fake_number(f, "__cpu_possible_mask", 0x200, 1, 8);
}

/* How many came. */
static unsigned walk_all(struct fake *f)
{
	struct task_iter it;
	bool more = true;
	unsigned seen = 0;
	struct err *err = task_iter_init(&it, f->t);
	for (unsigned n = 0; !err && more; n++) {
		struct task task;
		if (n == MOST)
			abort(); /* more than the lists' own limits allow */
		err = task_iter_next(&it, &task, &more);
		if (err && !err->msg[0])
			abort();
		seen += !err && more;
		if (err && more) {
			err_drop(err); /* one task's */
			err = NULL;
		}
	}
	err_drop(err); /* the last one, which ended it */
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	struct task task;
	unsigned cpu;
	if (!n)
		return 0;
	fake_init(&f, fake_pages_word(p, n));
	symbols(&f);
	fake_pages_load(&f, p, n);
	walk_all(&f);
	err_drop(task_find_pid(f.t, 3, &task)); /* only that they end well */
	err_drop(task_current(f.t, 0, &task));
	err_drop(task_panicking(f.t, &task, &cpu));
	fake_deinit(&f);
	return 0;
}

/* Links @n list_heads into a ring. */
static void ring(struct fake *f, const uint64_t *at, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		fake_put_word(f, at[i], 0, fake_va(f, at[(i + 1) % n]));
		fake_put_word(f, at[i], 1, fake_va(f, at[(i + n - 1) % n]));
	}
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		fake_init(&f, word);
		symbols(&f);
		fake_queue(&f, NTASKS);
		uint64_t head = fake_offsetof(&f, "signal_struct", "thread_head");
		for (unsigned i = 0; i < NTASKS; i++)
			fake_set(&f, "task_struct", fake_task(i), "signal",
				fake_va(&f, SIGNALS_AT + (i > 2 ? 2 : i) * SIGNAL_STEP));
		ring(&f,
			(uint64_t[]){ fake_in_task(&f, 0, "tasks"), fake_in_task(&f, 1, "tasks"),
				fake_in_task(&f, 2, "tasks") },
			3);
		ring(&f,
			(uint64_t[]){ SIGNALS_AT + SIGNAL_STEP + head,
				fake_in_task(&f, 1, "thread_node") },
			2);
		ring(&f,
			(uint64_t[]){ SIGNALS_AT + 2 * SIGNAL_STEP + head,
				fake_in_task(&f, 2, "thread_node"),
				fake_in_task(&f, 3, "thread_node"),
				fake_in_task(&f, 4, "thread_node") },
			4);
		if (walk_all(&f) != NTASKS)
			abort(); /* a seed that leads nowhere tests nothing */
		fake_pages_add(&f, 0, add);
		fake_deinit(&f);
	}
}
