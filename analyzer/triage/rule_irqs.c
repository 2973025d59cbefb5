/*
 * CPUs on which a death found interrupts off, other than the one that died: who keeps them off
 * hears of no other CPU, and may be why something waited. Suspects, never the verdict; for how long
 * they had been off, rule_cpus.c asks.
 */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/triage/triage.h"

/* In the loop where a death sends all other CPUs, or where those end that die as well:
 * arch/arm64/kernel/smp.c, arch/arm/kernel/smp.c and machine_kexec.c, kernel/panic.c, 5.10 to 7.2.
 * Interrupts are off there by intent. */
static bool is_stopped(const struct call_of_cpu *c)
{
	static const char *const in[] = { "ipi_cpu_stop", "local_cpu_stop", "ipi_cpu_crash_stop",
		"cpu_park_loop", "machine_crash_nonpanic_core", "*_self_stop" };
	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		if (calls_find(&c->calls, in[i], 0) != SIZE_MAX)
			return true;
	return false;
}

/* Before an interrupt came upon it, where one did: then it was on, and .irqs_off is false. */
static bool is_suspect(const struct facts *f, const struct call_of_cpu *c)
{
	bool died = f->has_victim && f->victim.va == c->task.va;
	bool interrupted = c->has_calls && calls_before_interrupts(&c->calls);
	return !died && !c->idle && c->irqs_known && c->irqs_off && c->has_calls &&
	       !c->calls.trace.user && (interrupted || !is_stopped(c));
}

/* By rule_cpus.c, which comes first. */
static bool is_told(const struct triage *tr, const struct call_of_cpu *c)
{
	for (size_t i = 0; i < tr->finding.n; i++) {
		const struct finding *f = tr->finding.v[i];
		if (!strcmp(f->rule, "cpus") && f->has_task && f->task.va == c->task.va)
			return true;
	}
	return false;
}

static void tell(struct triage *tr, const struct call_of_cpu *c)
{
	struct finding *f =
		triage_find(tr, "irqs", VERDICT_HARD_LOCKUP, WEIGHT_NOTE, CONFIDENCE_GUESS);
	finding_task(f, &c->task);
	finding_blame(f, &c->calls, calls_before_interrupts(&c->calls));
	const char *in = finding_culprit(f);
	f->title = arena_printf(&tr->arena, "interrupts off%s%s", in ? " in " : "", in ? in : "");
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE,
		arena_printf(&tr->arena, "regs -c %u", c->cpu), "interrupts", "off on CPU %u",
		c->cpu);
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE,
		arena_printf(&tr->arena, "bt %u", c->task.pid), "task", "%.*s (pid %u)",
		task_comm_length(&c->task), c->task.comm, c->task.pid);
	triage_say_held(tr, f, &c->task, 0, 0);
}

static struct err *run(struct triage *tr)
{
	const struct facts *f = &tr->facts;
	bool died = f->end == END_PANIC || f->end == END_OOPS;
	for (size_t i = 0; died && i < f->cpus.n; i++)
		if (is_suspect(f, &f->cpus.v[i]) && !is_told(tr, &f->cpus.v[i]))
			tell(tr, &f->cpus.v[i]);
	return NULL;
}

const struct triage_rule rule_irqs = { "irqs", "CPUs with interrupts off", run };
