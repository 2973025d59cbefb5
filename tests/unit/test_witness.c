/* Which findings are evidence of another one, and which are something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/triage/object.h"

struct made {
	const char *rule;
	enum verdict_class class;
	const char *culprit;
	unsigned pid; /* 0: no task */
	const char *text;
};

/* @b beside @a: how many findings are left, and how many statements the first has. */
static size_t left(const struct made *a, const struct made *b, size_t *ret_said)
{
	struct triage tr = { 0 };
	const struct made *made[] = { a, b };
	for (size_t i = 0; i < 2; i++) {
		struct finding *f = triage_find(
			&tr, made[i]->rule, made[i]->class, WEIGHT_CAUSE - i, CONFIDENCE_SURE);
		f->culprit_name = made[i]->culprit;
		f->has_task = made[i]->pid;
		f->task.pid = made[i]->pid;
		f->task.va = 0x1000 + made[i]->pid;
		finding_say(&tr, f, i ? EVIDENCE_LOG : EVIDENCE_MEMORY, CONFIDENCE_SURE, NULL,
			made[i]->class == VERDICT_DEADLOCK ? "waits"
			: i				   ? "report"
							   : "CPU",
			"%s", made[i]->text);
	}
	triage_hear_witnesses(&tr);
	size_t n = tr.finding.n;
	*ret_said = tr.finding.v[0]->said.n;
	assert_int_equal(tr.finding.v[0]->titles.n, n == 1);
	triage_deinit(&tr);
	return n;
}

static void check(const struct made *a, const struct made *b, bool same)
{
	size_t said;
	assert_int_equal(left(a, b, &said), same ? 1 : 2);
	assert_int_equal(said, same ? 2 : 1);
}

static const struct made lockup = { "report", VERDICT_SOFT_LOCKUP, "wheel_turns", 37, "x" };

static void same_task(void **state)
{
	(void)state;
	check(&lockup, &(struct made){ "cpus", VERDICT_SOFT_LOCKUP, "wheel_turns", 37, "y" }, true);
	check(&lockup, &(struct made){ "cpus", VERDICT_SOFT_LOCKUP, "wheel_turns", 38, "y" },
		false);
	check(&lockup, &(struct made){ "cpus", VERDICT_SOFT_LOCKUP, "gate_keep", 37, "y" }, false);
	check(&lockup, &(struct made){ "cpus", VERDICT_RCU_STALL, "wheel_turns", 37, "y" }, false);
	check(&lockup, &(struct made){ "cpus", VERDICT_SOFT_LOCKUP, NULL, 37, "y" }, false);
	check(&(struct made){ "heap", VERDICT_USE_AFTER_FREE, NULL, 0, "x" },
		&(struct made){ "heap", VERDICT_USE_AFTER_FREE, NULL, 0, "y" }, false);
}

/* Two findings of one rule are two things; only who waits is named by what is said of a wait. */
static void one_rule(void **state)
{
	(void)state;
	struct made stall = { "cpus", VERDICT_RCU_STALL, "reader", 0, "x" };
	check(&stall, &stall, false);
	struct made toy = { "toy", VERDICT_SOFT_LOCKUP, "wheel_turns", 37, "x" };
	check(&lockup, &toy, false); /* a plugin's */
	struct made other = lockup, log = { "log", VERDICT_SOFT_LOCKUP, NULL, 0,
		"BUG: soft lockup - CPU#0 stuck for 8s! [other:38]" };
	other.text = "0: other (pid 38) came upon it";
	check(&other, &log, false);
}

static void log_lines(void **state)
{
	(void)state;
	struct made log = { "log", VERDICT_SOFT_LOCKUP, NULL, 0,
		"watchdog: BUG: soft lockup - CPU#0 stuck for 8s! [mb-fault:37]" };
	check(&lockup, &log, true);
	log.text = "watchdog: BUG: soft lockup - CPU#0 stuck for 8s! [a:b]:38]";
	check(&lockup, &log, false); /* names may hold anything */
	log.text = "watchdog: BUG: soft lockup - CPU#0 stuck for 8s! [mb-fault]";
	check(&lockup, &log, true);
	log.text = "watchdog: BUG: soft lockup - CPU#0 stuck for 8s! [other:38]";
	check(&lockup, &log, false);
	log.text = "watchdog: BUG: soft lockup - CPU#0 stuck for 8s! [other:";
	check(&lockup, &log, true);
	log = (struct made){ "log", VERDICT_USE_AFTER_FREE, "widget_read", 0,
		"BUG: KASAN: use-after-free in widget_read+0x10/0x20" };
	struct made kasan = { "kasan", VERDICT_USE_AFTER_FREE, "widget_read", 37, "x" };
	check(&kasan, &log, true);
	kasan.culprit = "widget_write"; /* the log and memory disagree: both are shown */
	check(&kasan, &log, false);
}

static void from_further_off(void **state)
{
	(void)state;
	struct made circle = { "hang", VERDICT_DEADLOCK, "left", 36, "mb-fault (pid 37) for 6 s" };
	struct made log = { "log", VERDICT_HUNG_TASK, NULL, 0,
		"INFO: task mb-fault:37 blocked for more than 4 seconds." };
	check(&circle, &log, true); /* one of the circle */
	log.text = "INFO: task mb-free:36 blocked for more than 4 seconds.";
	check(&circle, &log, true);
	log.text = "INFO: task other:3 blocked for more than 4 seconds.";
	check(&circle, &log, false);
	struct made spin = { "cpus", VERDICT_SPINLOCK_LOCKUP, "gate_wait", 37, "x" };
	check(&spin, &(struct made){ "report", VERDICT_SOFT_LOCKUP, "gate_wait", 37, "y" }, true);
	check(&spin, &(struct made){ "workqueue", VERDICT_WORKQUEUE_LOCKUP, "gate_wait", 37, "y" },
		true);
	check(&spin, &(struct made){ "report", VERDICT_HUNG_TASK, "gate_wait", 37, "y" }, false);
}

static void objects(void **state)
{
	(void)state;
	for (int same = 0; same < 2; same++) {
		struct triage tr = { 0 };
		struct object a = { .kind = "slab object", .va = 0x1000 },
			      b = { .kind = "slab object", .va = same ? 0x1000 : 0x2000 };
		triage_find(&tr, "heap", VERDICT_USE_AFTER_FREE, WEIGHT_SYMPTOM, CONFIDENCE_SURE)
			->object = &a;
		triage_find(&tr, "log", VERDICT_USE_AFTER_FREE, WEIGHT_SYMPTOM, CONFIDENCE_LIKELY)
			->object = &b;
		triage_hear_witnesses(&tr);
		assert_int_equal(tr.finding.n, same ? 1 : 2);
		triage_deinit(&tr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_task),
		cmocka_unit_test(one_rule),
		cmocka_unit_test(log_lines),
		cmocka_unit_test(from_further_off),
		cmocka_unit_test(objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
