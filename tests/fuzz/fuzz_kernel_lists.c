/* Interrupts, timers, wait queues, open files, mounts and device numbers from any memory. The input
 * is pages of a fake target (fake_pages.h); bit 1 of its first byte says which half is read. */
#include "analyzer/kernel/device_numbers.h"
#include "analyzer/kernel/irq.h"
#include "analyzer/kernel/mounts.h"
#include "analyzer/kernel/open_files.h"
#include "analyzer/kernel/timer.h"
#include "analyzer/kernel/wait_queue.h"
#include "tests/unit/fake_lists.h"
#include "tests/unit/fake_pages.h"

enum { STEPS = 20000, FILES = 2 };

static void walk_interrupts(struct target *t)
{
	struct irq_iter it;
	bool more = true;
	struct err *err = irq_iter_init(&it, t);
	for (unsigned n = 0; !err && more && n < STEPS; n++) {
		struct irq irq;
		struct irq_action a = { 0 };
		uint64_t count;
		err = irq_iter_next(&it, &irq, &more);
		if (!err && more) {
			err_drop(irq_count(t, &irq, 0, &count)); /* its own trouble */
			for (uint64_t va = irq.action, k = 0; va && k < 100; va = a.next, k++) {
				struct err *bad = irq_action_read(t, va, &a);
				if (bad)
					a.next = 0;
				err_drop(bad); /* its own trouble */
			}
		}
		if (more) {
			err_drop(err); /* one of them */
			err = NULL;
		}
	}
	err_drop(err);
}

static void walk_waiters(struct target *t, uint64_t va)
{
	struct waiter_iter it;
	struct waiter w;
	bool more = true;
	struct err *err = waiter_iter_init(&it, t, va);
	for (unsigned n = 0; !err && more && n < STEPS; n++)
		err = waiter_iter_next(&it, &w, &more);
	err_drop(err);
}

static void walk_files(struct target *t, uint64_t task)
{
	scoped_strbuf struct strbuf text = { 0 };
	struct open_file_iter it;
	struct mounted_iter mounts;
	bool more = true;
	struct err *err = open_file_iter_init(&it, t, task);
	for (unsigned n = 0; !err && more && n < STEPS; n++) {
		struct open_file file = { 0 };
		err = open_file_iter_next(&it, &file, &more);
		strbuf_add(&text, open_file_type(file.mode));
	}
	err_drop(err);
	more = true;
	err = mounted_iter_init(&mounts, t, task);
	for (unsigned n = 0; !err && more && n < STEPS; n++) {
		struct mounted m;
		err = mounted_iter_next(&mounts, &m, &more);
		if (!err && more)
			mounted_options_format(&m, &text);
		strbuf_reset(&text);
	}
	err_drop(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	if (!n)
		return 0;
	fake_init(&f, fake_pages_word(p, n));
	if (p[0] & FILES) {
		scoped_device_numbers struct device_numbers numbers = { 0 };
		fake_file_types(&f);
		fake_symbol(&f, "chrdevs", CHRDEVS_AT, 255 * 8);
		fake_pages_load(&f, p, n);
		walk_files(f.t, fake_va(&f, TASK_FILES_AT));
		err_drop(device_numbers_read(f.t, &numbers)); /* its own trouble */
	} else {
		scoped_timers struct timers timers = { 0 };
		fake_interrupt_types(&f);
		fake_symbol(&f, "irq_desc", IRQ_AT, 0x200);
		fake_symbol(&f, "timer_bases", WHEEL_AT, 0x800);
		fake_pages_load(&f, p, n);
		walk_interrupts(f.t);
		err_drop(timers_read(f.t, 0, &timers)); /* its own trouble */
		walk_waiters(f.t, fake_va(&f, QUEUE_AT));
	}
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		fake_init(&f, word);
		fake_interrupt_types(&f);
		fake_interrupts(&f);
		fake_pages_add(&f, 0, add);
		fake_deinit(&f);
		fake_init(&f, word);
		fake_file_types(&f);
		fake_files(&f);
		fake_pages_add(&f, FILES, add);
		fake_deinit(&f);
	}
}
