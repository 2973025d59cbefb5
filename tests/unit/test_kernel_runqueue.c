/* Run queues, signals and the choice of tasks in memory made by hand, with 4- and 8-byte words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/kernel/runqueue.h"
#include "analyzer/kernel/signal.h"
#include "analyzer/kernel/task_detail.h"
#include "analyzer/kernel/task_select.h"
#include "tests/unit/fake_tasks.h"

static const unsigned words[] = { 4, 8 };
#define EACH_WORD(f)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (size_t w = 0; w < 2 && (fake_init(f, words[w]), fake_task_types(f), 1);       \
			fake_deinit(f), w++)

struct seen {
	uint32_t pid[64];
	unsigned n, wrong;
	enum err_code last;
	unsigned depth;
};

static struct err *see(void *cx, const struct runqueue_entry *e)
{
	struct seen *s = cx;
	if (s->n < 64)
		s->pid[s->n++] = e->task.pid;
	s->depth = e->depth;
	return NULL;
}

static void see_wrong(void *cx, struct err *err)
{
	struct seen *s = cx;
	s->wrong++;
	s->last = err->code;
	err_drop(err);
}

static struct err *look(struct fake *f, enum runqueue_class c, struct seen *s)
{
	struct runqueue rq;
	struct runqueue_walk w = { .t = f->t, .each = see, .wrong = see_wrong, .cx = s };
	*s = (struct seen){ 0 };
	assert_null(runqueue_read(f->t, 0, &rq));
	return runqueue_each(&w, &rq, c);
}

static void classes_are_found(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct seen s;
		uint64_t rt = RQ_AT + fake_offsetof(f, "rq", "rt.active.queue");
		fake_queue(f, 8);
		assert_null(look(f, RUNQUEUE_FAIR, &s));
		assert_int_equal(s.n, 0);
		uint64_t n1 = fake_in_task(f, 1, "se.run_node"),
			 n2 = fake_in_task(f, 2, "se.run_node");
		fake_set(f, "rq", RQ_AT, "cfs.tasks_timeline", fake_va(f, n1));
		fake_rb(f, n1, 0, n2, 0);
		fake_rb(f, n2, n1, 0, 0);
		assert_null(look(f, RUNQUEUE_FAIR, &s));
		assert_int_equal(s.n, 2);
		assert_int_equal(s.pid[0], 2);
		assert_int_equal(s.pid[1], 1);
		fake_list_one(f, rt + 99 * 2u * fake_word(f), fake_in_task(f, 3, "rt.run_list"));
		assert_null(look(f, RUNQUEUE_RT, &s));
		assert_true(s.n == 1 && s.pid[0] == 3 && !s.wrong);
		uint64_t n4 = fake_in_task(f, 4, "dl.rb_node");
		fake_set(f, "rq", RQ_AT, "dl.root", fake_va(f, n4));
		fake_rb(f, n4, 0, 0, 0);
		assert_null(look(f, RUNQUEUE_DEADLINE, &s));
		assert_true(s.n == 1 && s.pid[0] == 4);
		fake_set(f, "task_struct", fake_task(4), "dl.dl_server", 1);
		assert_null(look(f, RUNQUEUE_DEADLINE, &s));
		assert_int_equal(s.n, 0);
		fake_set(f, "rq", RQ_AT, "stop", fake_va(f, fake_task(5)));
		assert_null(look(f, RUNQUEUE_STOP, &s));
		assert_int_equal(s.n, 0);
		fake_set(f, "task_struct", fake_task(5), "on_rq", 1);
		assert_null(look(f, RUNQUEUE_STOP, &s));
		assert_true(s.n == 1 && s.pid[0] == 5);
	}
}

/* Task 7's entity stands for a group; the group's queue is at GROUP_AT. */
static void groups_are_looked_through(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct seen s;
		uint64_t group = fake_in_task(f, 7, "se.run_node"),
			 node = fake_in_task(f, 1, "se.run_node");
		fake_queue(f, 8);
		fake_rb(f, group, 0, 0, 0);
		fake_rb(f, node, 0, 0, 0);
		fake_set(f, "task_struct", fake_task(7), "se.my_q", fake_va(f, GROUP_AT));
		fake_set(f, "cfs_rq", GROUP_AT, "tasks_timeline", fake_va(f, node));
		fake_set(f, "rq", RQ_AT, "cfs.tasks_timeline", fake_va(f, group));
		assert_null(look(f, RUNQUEUE_FAIR, &s));
		assert_true(s.n == 1 && s.pid[0] == 1 && s.depth == 1);
		/* A group that runs is in no tree, but those who wait in it are. */
		fake_set(f, "rq", RQ_AT, "cfs.tasks_timeline", 0);
		fake_set(f, "rq", RQ_AT, "cfs.curr", fake_va(f, fake_in_task(f, 7, "se")));
		fake_set(f, "cfs_rq", GROUP_AT, "curr", fake_va(f, fake_in_task(f, 2, "se")));
		assert_null(look(f, RUNQUEUE_FAIR, &s));
		assert_true(s.n == 1 && s.pid[0] == 1);
		/* A group within itself. */
		fake_set(f, "cfs_rq", GROUP_AT, "curr", fake_va(f, fake_in_task(f, 7, "se")));
		struct err *err = look(f, RUNQUEUE_FAIR, &s);
		assert_true(err && err->code == ERR_LIMIT);
		err_drop(err);
	}
}

static void a_bad_list_costs_its_priority(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct seen s;
		uint64_t rt = RQ_AT + fake_offsetof(f, "rq", "rt.active.queue");
		fake_queue(f, 4);
		fake_put_word(f, rt, 0, 0x10); /* leads nowhere */
		fake_list_one(f, rt + 2u * fake_word(f), fake_in_task(f, 3, "rt.run_list"));
		assert_null(look(f, RUNQUEUE_RT, &s));
		assert_true(s.n == 1 && s.pid[0] == 3 && s.wrong);
	}
}

static void signals(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct signal_state s;
		struct task task;
		struct signal_queue_iter it;
		struct signal_queued q;
		bool more;
		const uint64_t action = SIGHAND_AT + fake_offsetof(f, "sighand_struct", "action");
		fake_queue(f, 2);
		fake_set(
			f, "task_struct", fake_task(1), "blocked.sig", 1ull << 63 | 1ull << 32 | 2);
		fake_set(f, "task_struct", fake_task(1), "pending.signal.sig", 1ull << 8);
		fake_set(f, "task_struct", fake_task(1), "sighand", fake_va(f, SIGHAND_AT));
		fake_set(f, "k_sigaction", action + 14 * fake_sizeof(f, "k_sigaction"),
			"sa.sa_handler", 0x4711);
		fake_set(f, "k_sigaction", action + 63 * fake_sizeof(f, "k_sigaction"),
			"sa.sa_handler", 1);
		assert_null(task_read(f->t, fake_va(f, fake_task(1)), &task));
		assert_null(signal_read(f->t, &task, &s));
		assert_true(s.blocked == (1ull << 63 | 1ull << 32 | 2));
		assert_true(s.pending == 1ull << 8 && s.shared_pending == 0);
		assert_true(s.caught == 1ull << 14 && s.ignored == 1ull << 63);
		assert_int_equal(s.action[15].handler, 0x4711);
		fake_list_one(f, fake_in_task(f, 1, "pending.list"), GROUP_AT);
		fake_set(f, "sigqueue", GROUP_AT, "info.si_signo", 9);
		fake_set(f, "sigqueue", GROUP_AT, "info._sifields._kill._pid", 77);
		signal_queue_init(&it, f->t, s.pending_list);
		assert_null(signal_queue_next(&it, &q, &more));
		assert_true(more && q.number == 9 && q.pid == 77 && q.has_sender);
		assert_null(signal_queue_next(&it, &q, &more));
		assert_false(more);
	}
	assert_string_equal(signal_name(64), "SIGRTMAX");
	assert_string_equal(signal_name(49), "SIGRTMAX-15");
	assert_string_equal(signal_name(31), "SIGSYS");
	assert_null(signal_name(65));
	assert_null(signal_name(0));
}

static bool wants(struct target *t, const char *words_, struct task *task)
{
	struct task_select s = { 0 };
	scoped_free char *copy = xstrdup(words_);
	char *rest = copy, *word;
	bool wanted;
	while ((word = strsep(&rest, " ")))
		if (!task_select_keyword(&s, word))
			assert_null(task_select_add(&s, word));
	assert_null(task_select_wants(&s, t, task, &wanted));
	task_select_deinit(&s);
	return wanted;
}

static void selection(void **state)
{
	(void)state;
	struct task k = { .va = 0xffff000012345678,
		.pid = 12,
		.tgid = 12,
		.comm = "kworker/0:1",
		.state = 1,
		.flags = 0x200000,
		.cpu = TASK_CPU_UNKNOWN };
	assert_true(wants(NULL, "12", &k) && wants(NULL, "99 12", &k) && !wants(NULL, "99", &k));
	assert_true(wants(NULL, "ffff000012345678", &k) && wants(NULL, "0xffff000012345678", &k));
	assert_true(wants(NULL, "kworker/0:1", &k) && !wants(NULL, "kworker", &k));
	assert_true(wants(NULL, "/^kw.*[0-9]$/", &k) && !wants(NULL, "/^worker/", &k));
	assert_true(wants(NULL, "kernel", &k) && !wants(NULL, "user", &k) &&
		    wants(NULL, "gleader", &k));
	assert_true(wants(NULL, "IN", &k) && wants(NULL, "S", &k) && wants(NULL, "UN IN", &k));
	assert_true(
		!wants(NULL, "UN", &k) && !wants(NULL, "12 UN", &k) && !wants(NULL, "active", &k));
	k.pid = 13;
	assert_false(wants(NULL, "gleader", &k));
	struct task_select s = { 0 };
	struct err *err = task_select_add(&s, "/(/");
	assert_true(err && err->code == ERR_USAGE);
	err_drop(err);
	task_select_deinit(&s);
}

static void words_for_numbers(void **state)
{
	(void)state;
	struct cpu_mask m = { .bits = { 0x2d, 1 } };
	scoped_strbuf struct strbuf cpus = { 0 }, flags = { 0 }, rest = { 0 };
	uint32_t policy;
	task_cpus_format(&m, &cpus);
	assert_string_equal(strbuf_text(&cpus), "0,2-3,5,64");
	task_flags_format(0x200100, &flags);
	assert_string_equal(strbuf_text(&flags), "SUPERPRIV | KTHREAD");
	task_flags_format(0x10000, &rest);
	assert_string_equal(strbuf_text(&rest), "0x10000");
	assert_null(task_policy_parse("sched_fifo", &policy));
	assert_int_equal(policy, 1);
	assert_null(task_policy_parse("5", &policy));
	assert_string_equal(task_policy_name(policy), "IDLE");
	struct err *err = task_policy_parse("4", &policy);
	assert_true(err && err->code == ERR_USAGE);
	err_drop(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_are_found),
		cmocka_unit_test(groups_are_looked_through),
		cmocka_unit_test(a_bad_list_costs_its_priority),
		cmocka_unit_test(signals),
		cmocka_unit_test(selection),
		cmocka_unit_test(words_for_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
