/*
 * CPUs that never came back: one task for many seconds, or no tick for many seconds while another
 * CPU went on. A machine that nobody stopped for it hangs all the same.
 */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/triage/triage.h"

/* watchdog_thresh is 10 s (kernel/watchdog.c); half of it is no accident any more. */
static const uint64_t LONG_NS = 5000000000ull;

static bool spins(const struct calls *c, size_t *ret_from)
{
	size_t from = 0;
	for (size_t i = 0; i < c->n; i++)
		if (c->call[i].interrupted)
			from = i;
	*ret_from = from;
	for (size_t i = from; i < c->n; i++) {
		const char *kind = c->call[i].function ? machinery_kind(c->call[i].function) : NULL;
		if (c->call[i].function && !kind)
			return false;
		if (kind && !strcmp(kind, "lock"))
			return true;
	}
	return false;
}

static void tell(struct triage *tr, const struct call_of_cpu *c, enum verdict_class class,
	const char *why, uint64_t ns)
{
	size_t from = 0;
	bool lock = c->has_calls && spins(&c->calls, &from);
	/* The watchdog's word about the same CPU is a symptom of this. */
	struct finding *f = triage_find(tr, "cpus", lock ? VERDICT_SPINLOCK_LOCKUP : class,
		lock ? WEIGHT_CAUSE : WEIGHT_SYMPTOM, CONFIDENCE_LIKELY);
	finding_task(f, &c->task);
	if (c->has_calls)
		finding_blame(f, &c->calls, from);
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_LIKELY, "runq", "CPU",
		"%u: %s for %llu.%llu s", c->cpu, why, (unsigned long long)(ns / 1000000000),
		(unsigned long long)(ns / 100000000 % 10));
	if (c->irqs_known && c->irqs_off)
		finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE,
			arena_printf(&tr->arena, "regs -c %u", c->cpu), "interrupts", "off");
}

static struct err *run(struct triage *tr)
{
	for (size_t i = 0; i < tr->facts.cpus.n; i++) {
		const struct call_of_cpu *c = tr->facts.cpus.v + i;
		if (c->idle)
			continue;
		if (c->behind_ns > LONG_NS && c->irqs_known && c->irqs_off)
			tell(tr, c, VERDICT_HARD_LOCKUP, "no timer interrupt", c->behind_ns);
		else if (c->has_slice && c->slice_ns > LONG_NS && !c->calls.trace.user)
			tell(tr, c, VERDICT_SOFT_LOCKUP, "one task without a switch", c->slice_ns);
	}
	return NULL;
}

const struct triage_rule rule_cpus = { "cpus", "CPUs that have been at one task for long", run };
