/*
 * A checker of the kernel's stands in the victim's stack: its name says what it found. Whoever
 * called it, or was interrupted by it, is to blame. Functions of kernel/, lib/ and mm/ from 4.19
 * to 7.2; where compilers leave out a call, one further in has another name.
 */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/triage/triage.h"

struct reporter {
	const char *function;
	enum verdict_class class;
	enum weight weight;
	const char *says;
	bool warns; /* it counts only where a warning came from it */
};

static const struct reporter reporters[] = {
	{ "__list_add_valid*", VERDICT_LIST_CORRUPTION, WEIGHT_REPORT,
		"list_add() found wrong neighbours" },
	{ "__list_del_entry_valid*", VERDICT_LIST_CORRUPTION, WEIGHT_REPORT,
		"list_del() found wrong neighbours" },
	{ "__stack_chk_fail", VERDICT_STACK_CORRUPTION, WEIGHT_REPORT,
		"a function found its canary overwritten" },
	{ "handle_bad_stack", VERDICT_STACK_OVERFLOW, WEIGHT_REPORT,
		"an exception found the stack used up" },
	{ "panic_bad_stack", VERDICT_STACK_OVERFLOW, WEIGHT_REPORT,
		"an exception found the stack used up" },
	{ "refcount_warn_saturate", VERDICT_REFCOUNT, WEIGHT_REPORT,
		"a reference count left its range" },
	{ "*refcount_*", VERDICT_REFCOUNT, WEIGHT_REPORT, "a reference count left its range",
		.warns = true },
	{ "watchdog_timer_fn", VERDICT_SOFT_LOCKUP, WEIGHT_REPORT,
		"the watchdog saw a CPU that did not schedule" },
	{ "watchdog_overflow_callback", VERDICT_HARD_LOCKUP, WEIGHT_REPORT,
		"the watchdog saw a CPU without interrupts" },
	{ "watchdog_hardlockup_check", VERDICT_HARD_LOCKUP, WEIGHT_REPORT,
		"the watchdog saw a CPU without interrupts" },
	{ "spin_dump", VERDICT_SPINLOCK_LOCKUP, WEIGHT_REPORT, "the spinlock's own checks failed" },
	{ "spin_bug", VERDICT_SPINLOCK_LOCKUP, WEIGHT_REPORT, "the spinlock's own checks failed" },
	{ "panic_on_rcu_stall", VERDICT_RCU_STALL, WEIGHT_REPORT,
		"RCU waited too long for a CPU or a task" },
	{ "print_other_cpu_stall", VERDICT_RCU_STALL, WEIGHT_REPORT,
		"RCU waited too long for another CPU" },
	{ "print_cpu_stall", VERDICT_RCU_STALL, WEIGHT_REPORT, "RCU waited too long for this CPU" },
	{ "rcu_sched_clock_irq", VERDICT_RCU_STALL, WEIGHT_REPORT, "RCU waited too long" },
	{ "rcu_check_callbacks", VERDICT_RCU_STALL, WEIGHT_REPORT, "RCU waited too long" },
	{ "out_of_memory", VERDICT_OOM, WEIGHT_REPORT,
		"the out-of-memory killer was told to panic, or had nobody left" },
	{ "arm64_serror_panic", VERDICT_HARDWARE_ERROR, WEIGHT_REPORT,
		"the hardware reported an error" },
	{ "do_serror", VERDICT_HARDWARE_ERROR, WEIGHT_REPORT, "the hardware reported an error" },
	{ "check_hung_uninterruptible_tasks", VERDICT_HUNG_TASK, WEIGHT_REPORT,
		"khungtaskd found a task that waits too long" },
	{ "sysrq_handle_crash", VERDICT_SYSRQ, WEIGHT_REQUEST,
		"a person or a program asked for it" },
	{ "softdog_fire", VERDICT_WATCHDOG, WEIGHT_REPORT, "nobody fed the software watchdog" },
	{ "watchdog_pretimeout*", VERDICT_WATCHDOG, WEIGHT_REPORT, "nobody fed the watchdog" },
};

/* How many calls, from the innermost, belong to the end and its report: up to the culprit and,
 * where a checker is one itself, with it. */
static size_t report_length(const struct facts *f)
{
	size_t culprit = 0;
	if (!calls_culprit(&f->calls, f->end_call, &culprit))
		return f->calls.n;
	return culprit + 1;
}

static const struct reporter *find_reporter(const struct facts *f, size_t *ret_call)
{
	size_t end = report_length(f);
	for (size_t r = 0; r < ARRAY_SIZE(reporters); r++) {
		size_t at = calls_find(&f->calls, reporters[r].function, f->end_call);
		if (at >= end || (reporters[r].warns && !facts_warned(f)))
			continue;
		*ret_call = at;
		return reporters + r;
	}
	return NULL;
}

static bool is_khungtaskd(const struct facts *f)
{
	return !strncmp(f->victim.comm, "khungtaskd", sizeof(f->victim.comm));
}

static void say_report(
	struct triage *tr, struct finding *f, const struct reporter *r, const char *function)
{
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "bt", "reported by", "%s(): %s",
		function, r->says);
	if (tr->facts.panic_text)
		finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "sys", "panic", "%s",
			tr->facts.panic_text);
}

/* RCU's watchman may run on another CPU than the one that it waits for: that has been at its task
 * for longest. */
static bool blame_other(struct finding *f, const struct facts *facts)
{
	const struct call_of_cpu *longest = NULL;
	for (size_t i = 0; i < facts->cpus.n; i++) {
		const struct call_of_cpu *c = facts->cpus.v + i;
		if (!c->idle && c->has_calls && c->has_slice &&
			(!longest || c->slice_ns > longest->slice_ns))
			longest = c;
	}
	if (!longest || longest->task.va == facts->victim.va)
		return false;
	finding_task(f, &longest->task);
	finding_blame(f, &longest->calls, 0);
	return true;
}

/* Stack protector, list and refcount checks blame their caller; what came by a timer blames whom
 * the interrupt came upon. Both are the next function that is no machinery. */
static struct err *run(struct triage *tr)
{
	struct facts *facts = &tr->facts;
	size_t at = 0;
	if (!facts->has_victim)
		return NULL;
	const struct reporter *r = find_reporter(facts, &at);
	if (!r && is_khungtaskd(facts) && facts->end == END_PANIC) {
		static const struct reporter hung = { "watchdog", VERDICT_HUNG_TASK, WEIGHT_REPORT,
			"khungtaskd found a task that waits too long" };
		r = &hung;
	}
	if (!r)
		return NULL;
	struct finding *f = triage_find(tr, "report", r->class, r->weight, CONFIDENCE_SURE);
	finding_task(f, &facts->victim);
	say_report(tr, f, r,
		r->function == facts->calls.call[at].function ? r->function
		: facts->calls.call[at].function	      ? facts->calls.call[at].function
							      : r->function);
	if (r->class == VERDICT_OOM || r->class == VERDICT_HUNG_TASK)
		f->calls = &facts->calls; /* whoever asked for memory, or was the guard, has done
					     nothing */
	else if (!(r->class == VERDICT_RCU_STALL && blame_other(f, facts)))
		finding_blame(f, &facts->calls, facts->end_call);
	return NULL;
}

const struct triage_rule rule_report = { "report", "checkers of the kernel in the victim's stack",
	run };
