/* Which CPUs with interrupts off a death makes suspects of, by facts made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/triage/triage.h"
#include "tests/unit/fake_kernel.h"

extern const struct triage_rule rule_irqs;

static struct call stack[] = { { .function = "_raw_spin_lock" }, { .function = "gate_write" } };
static struct call stopped[] = { { .function = "ipi_cpu_stop" }, { .function = "gate_write" } };
static struct call second[] = { { .function = "panic_smp_self_stop" }, { .function = "panic" } };
static struct call masked[] = { { .function = "ipi_cpu_stop" },
	{ .function = "gate_write", .interrupted = true } };

static const struct call_of_cpu suspect = { .cpu = 1,
	.task = { .va = 0x2000, .pid = 7, .comm = "writer" },
	.has_calls = true,
	.calls = { .call = stack, .n = 2 },
	.irqs_known = true,
	.irqs_off = true };

/* How many findings there are of this CPU; *ret_title is the first one's. */
static size_t found(struct call_of_cpu c, enum facts_end end, uint64_t victim, char ret_title[64])
{
	struct fake f;
	fake_init(&f, 8);
	symtab_finish(f.t->syms);
	struct triage tr = { .t = f.t };
	tr.facts.end = end;
	tr.facts.has_victim = victim;
	tr.facts.victim.va = victim;
	vec_push(&tr.facts.cpus, c);
	assert_null(rule_irqs.run(&tr));
	size_t n = tr.finding.n;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(tr.finding.v[i]->weight, WEIGHT_NOTE);
		assert_true(tr.finding.v[i]->said.n);
	}
	snprintf(ret_title, 64, "%s", n ? triage_title(&tr, tr.finding.v[0]) : "");
	triage_deinit(&tr);
	fake_deinit(&f);
	return n;
}

static void suspects(void **state)
{
	(void)state;
	char title[64];
	struct call_of_cpu c = suspect;
	assert_int_equal(found(c, END_PANIC, 0x1000, title), 1);
	assert_string_equal(title, "interrupts off in gate_write");
	assert_int_equal(found(c, END_OOPS, 0, title), 1);
	c.calls.call = masked; /* an interrupt that nothing masks came upon it */
	assert_int_equal(found(c, END_PANIC, 0x1000, title), 1);
	assert_string_equal(title, "interrupts off in gate_write");
	c.calls.n = 0;
	assert_int_equal(found(c, END_PANIC, 0x1000, title), 1);
	assert_string_equal(title, "interrupts off");
}

static void no_suspects(void **state)
{
	(void)state;
	char title[64];
	struct call_of_cpu c = suspect;
	assert_int_equal(found(c, END_NONE, 0, title), 0);
	assert_int_equal(found(c, END_NOT_KNOWN, 0, title), 0);
	assert_int_equal(found(c, END_PANIC, c.task.va, title), 0);
	c.calls.call = stopped;
	assert_int_equal(found(c, END_PANIC, 0x1000, title), 0);
	c.calls.call = second; /* it panicked too, but came too late */
	assert_int_equal(found(c, END_PANIC, 0x1000, title), 0);
	c = suspect;
	c.idle = true;
	assert_int_equal(found(c, END_PANIC, 0x1000, title), 0);
	c = suspect;
	c.irqs_off = false;
	assert_int_equal(found(c, END_PANIC, 0x1000, title), 0);
	c = suspect;
	c.irqs_known = false;
	assert_int_equal(found(c, END_PANIC, 0x1000, title), 0);
	c = suspect;
	c.calls.trace.user = true;
	assert_int_equal(found(c, END_PANIC, 0x1000, title), 0);
	c = suspect;
	c.has_calls = false;
	assert_int_equal(found(c, END_PANIC, 0x1000, title), 0);
}

static void told_already(void **state)
{
	(void)state;
	struct triage tr = { .facts.end = END_PANIC };
	struct finding *f =
		triage_find(&tr, "cpus", VERDICT_HARD_LOCKUP, WEIGHT_SYMPTOM, CONFIDENCE_LIKELY);
	finding_task(f, &suspect.task);
	vec_push(&tr.facts.cpus, suspect);
	assert_null(rule_irqs.run(&tr));
	assert_int_equal(tr.finding.n, 1);
	triage_deinit(&tr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suspects),
		cmocka_unit_test(no_suspects),
		cmocka_unit_test(told_already),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
