/* Interrupts, timers, wait queues, open files, mounts and device numbers of a small scene, whole
 * and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/kernel/device_numbers.h"
#include "analyzer/kernel/irq.h"
#include "analyzer/kernel/mounts.h"
#include "analyzer/kernel/open_files.h"
#include "analyzer/kernel/timer.h"
#include "analyzer/kernel/wait_queue.h"
#include "tests/unit/fake_lists.h"

static struct fake f;

static void each_word(
	void (*test)(void), void (*types)(struct fake *), void (*scene)(struct fake *))
{
	for (unsigned word = 4; word <= 8; word += 4) {
		fake_init(&f, word);
		types(&f);
		scene(&f);
		test();
		fake_deinit(&f);
	}
}

static void wants(struct err *err, enum err_code code)
{
	assert_non_null(err);
	assert_int_equal(err->code, code);
	err_drop(err);
}

/* ---- interrupts ---------------------------------------- */

static void check_interrupts(void)
{
	struct irq_iter it;
	struct irq irq;
	struct irq_action action;
	bool more;
	uint64_t count;
	assert_null(irq_iter_init(&it, f.t));
	assert_null(irq_iter_next(&it, &irq, &more));
	assert_true(more && !irq.action && !irq.level && !*irq.chip && !irq.has_domain);
	assert_null(irq_count(f.t, &irq, 0, &count));
	assert_int_equal(count, 0);
	assert_null(irq_iter_next(&it, &irq, &more));
	assert_true(more && irq.irq == 1 && irq.hwirq == 33 && irq.level && !irq.disabled);
	assert_null(irq_action_read(f.t, irq.action, &action));
	assert_string_equal(action.name, "uart");
	assert_null(irq_iter_next(&it, &irq, &more));
	assert_false(more);
	/* a name that lies nowhere costs this one only */
	fake_set(&f, "irq_desc", IRQ_AT, "name", 0x123);
	assert_null(irq_iter_init(&it, f.t));
	wants(irq_iter_next(&it, &irq, &more), ERR_FAULT);
	assert_true(more);
	assert_null(irq_iter_next(&it, &irq, &more));
	assert_int_equal(irq.irq, 1);
}

static void test_interrupts(void **state)
{
	(void)state;
	each_word(check_interrupts, fake_interrupt_types, fake_interrupts);
}

/* ---- timers ---------------------------------------- */

static void check_timers(void)
{
	scoped_timers struct timers all = { 0 }, some = { 0 };
	assert_null(timers_read(f.t, 0, &all));
	assert_int_equal(all.all.n, 2);
	assert_int_equal(all.all.v[0].expires, 500); /* by expiry, not as they hang */
	assert_int_equal(all.all.v[0].left, -200);
	assert_int_equal(all.all.v[1].left, 300);
	assert_int_equal(all.all.v[1].base, 1);
	assert_int_equal(all.all.v[1].va, fake_va(&f, TIMER_AT));
	/* the second points to the first: that one says who points to it */
	fake_put(f.t->dump, TIMER_AT + 0x100, fake_va(&f, TIMER_AT), f.t->abi.word_bytes);
	wants(timers_read(f.t, 0, &some), ERR_FORMAT);
	assert_int_equal(some.all.n, 2);
	assert_int_equal(some.unread, 1);
}

/* On 32 bits jiffies go round 5 minutes after the start. */
static void check_jiffies_that_go_round(void)
{
	scoped_timers struct timers all = { 0 };
	uint64_t base = WHEEL_AT + fake_sizeof(&f, "timer_base");
	fake_set(&f, "timer_base", base, "clk",
		f.t->abi.word_bytes == 4 ? 0xfffffff0 : 0xfffffffffffffff0);
	assert_null(timers_read(f.t, 0, &all));
	assert_int_equal(all.all.v[0].left, 516);
	assert_int_equal(all.all.v[1].left, 1016);
}

static void test_timers(void **state)
{
	(void)state;
	each_word(check_timers, fake_interrupt_types, fake_interrupts);
	each_word(check_jiffies_that_go_round, fake_interrupt_types, fake_interrupts);
}

/* ---- wait queues ---------------------------------------- */

static void check_wait_queue(void)
{
	struct waiter_iter it;
	struct waiter w;
	bool more;
	assert_null(waiter_iter_init(&it, f.t, fake_va(&f, QUEUE_AT)));
	assert_null(waiter_iter_next(&it, &w, &more));
	assert_true(
		more && w.va == fake_va(&f, WAITER_AT) && !w.task); /* nobody knows the function */
	assert_null(waiter_iter_next(&it, &w, &more));
	assert_false(more);
	fake_symbol(&f, "default_wake_function", 0x9000, 16);
	fake_set(&f, "wait_queue_entry", WAITER_AT, "func", fake_va(&f, 0x9000));
	assert_null(waiter_iter_init(&it, f.t, fake_va(&f, QUEUE_AT)));
	assert_null(waiter_iter_next(&it, &w, &more));
	assert_int_equal(w.task, fake_va(&f, 0x100));
}

static void test_wait_queue(void **state)
{
	(void)state;
	each_word(check_wait_queue, fake_interrupt_types, fake_interrupts);
}

/* ---- files ---------------------------------------- */

static void check_open_files(void)
{
	struct open_file_iter it;
	struct open_file file = { 0 };
	bool more;
	assert_null(open_file_iter_init(&it, f.t, fake_va(&f, TASK_FILES_AT)));
	assert_null(open_file_iter_next(&it, &file, &more));
	assert_true(more && file.fd == 0 && file.file == fake_va(&f, FILE_AT));
	assert_string_equal(open_file_type(file.mode), "CHR");
	assert_null(open_file_iter_next(&it, &file, &more)); /* 2 is reserved only */
	assert_true(more && file.fd == 70);
	assert_null(open_file_iter_next(&it, &file, &more));
	assert_false(more);
	fake_set(&f, "fdtable", TABLE_AT, "max_fds", 0x7fffffff);
	wants(open_file_iter_init(&it, f.t, fake_va(&f, TASK_FILES_AT)), ERR_FORMAT);
	fake_set(&f, "task_struct", TASK_FILES_AT, "files", 0);
	assert_null(open_file_iter_init(&it, f.t, fake_va(&f, TASK_FILES_AT)));
	assert_null(open_file_iter_next(&it, &file, &more));
	assert_false(more);
}

static void check_mounts(void)
{
	scoped_strbuf struct strbuf options = { 0 };
	struct mounted_iter it;
	struct mounted m;
	bool more;
	assert_null(mounted_iter_init(&it, f.t, 0));
	assert_null(mounted_iter_next(&it, &m, &more));
	assert_true(more && m.id == 0);
	assert_string_equal(m.type, "tmpfs");
	assert_string_equal(m.device, "none");
	mounted_options_format(&m, &options);
	assert_string_equal(strbuf_text(&options), "rw,nosuid,relatime");
	assert_null(mounted_iter_next(&it, &m, &more)); /* the cursor is no mount */
	assert_true(more && m.id == 2);
	assert_null(mounted_iter_next(&it, &m, &more));
	assert_false(more);
	/* a list that goes round behind its head ends */
	fake_put_word(&f, MOUNTS_AT + 2 * MOUNT_STEP, 0, fake_va(&f, MOUNTS_AT));
	struct err *err = mounted_iter_init(&it, f.t, 0);
	for (unsigned n = 0; !err && more && n < 1000; n++)
		err = mounted_iter_next(&it, &m, &more);
	more = true;
	for (unsigned n = 0; !err && more && n < 1000; n++)
		err = mounted_iter_next(&it, &m, &more);
	wants(err, ERR_LIMIT);
}

static void check_device_numbers(void)
{
	scoped_device_numbers struct device_numbers all = { 0 }, again = { 0 };
	assert_null(device_numbers_read(f.t, &all));
	assert_int_equal(all.all.n, 2);
	assert_string_equal(all.all.v[0].name, "tty");
	assert_int_equal(all.all.v[1].minor, 1);
	fake_put(f.t->dump, CHRDEV_AT + 0x100, fake_va(&f, CHRDEV_AT), f.t->abi.word_bytes);
	wants(device_numbers_read(f.t, &again), ERR_LIMIT);
	assert_true(again.all.n >= 2);
}

static void test_files(void **state)
{
	(void)state;
	each_word(check_open_files, fake_file_types, fake_files);
	each_word(check_mounts, fake_file_types, fake_files);
	each_word(check_device_numbers, fake_file_types, fake_files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_wait_queue),
		cmocka_unit_test(test_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
