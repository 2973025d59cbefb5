/*
 * CPUs that never came back: one task for many seconds, or no tick for many seconds while another
 * CPU went on; the spinlock that one waits for, and a grace period of RCU that does not end. A
 * machine that nobody stopped for it hangs all the same.
 */
#include <inttypes.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/rcu_state.h"
#include "analyzer/stack/spin_wait.h"
#include "analyzer/triage/triage.h"

/* watchdog_thresh is 10 s (kernel/watchdog.c); half of it is no accident any more. */
static const uint64_t LONG_NS = 5000000000ull;

static bool spins(const struct calls *c, size_t *ret_from)
{
	size_t from = calls_before_interrupts(c);
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

/* ---- the lock that a CPU spins on -------------------------------------------------------- */

static const char *lock_name(struct triage *tr, uint64_t va)
{
	struct symbol s;
	if (!symtab_at(tr->t->syms, va, &s))
		return arena_printf(&tr->arena, "0x%" PRIx64, va);
	return va == s.va ? s.name : arena_printf(&tr->arena, "%s+0x%" PRIx64, s.name, va - s.va);
}

/* Where the CPU that runs @task stands: the first function that is no machinery. */
static const char *stands_in(struct triage *tr, uint64_t task)
{
	for (size_t i = 0; i < tr->facts.cpus.n; i++) {
		const struct call_of_cpu *c = tr->facts.cpus.v + i;
		size_t at;
		if (c->task.va != task || !c->has_calls)
			continue;
		if (calls_culprit(&c->calls, calls_before_interrupts(&c->calls), &at))
			return arena_printf(
				&tr->arena, ", which is in %s()", c->calls.call[at].function);
	}
	return "";
}

static struct err *say_lock(struct triage *tr, struct finding *f, const struct call_of_cpu *c)
{
	struct spin_wait w;
	struct task owner;
	struct err *err = spin_wait_find(tr->t, &c->task, &c->calls.trace, &w);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	if (err) {
		finding_say(tr, f, EVIDENCE_INFERENCE, CONFIDENCE_SURE, NULL, "for",
			"not known: %s", err->msg);
		err_drop(err); /* said */
		return NULL;
	}
	enum confidence sure = w.sure ? CONFIDENCE_SURE : CONFIDENCE_LIKELY;
	const char *command = arena_printf(&tr->arena, "locks 0x%" PRIx64, w.lock.va);
	finding_say(tr, f, EVIDENCE_MEMORY, sure, command, "for", "spinlock %s",
		lock_name(tr, w.lock.va));
	err = w.owner_va ? task_read(tr->t, w.owner_va, &owner) : NULL;
	if (w.owner_va == c->task.va)
		finding_say(tr, f, EVIDENCE_MEMORY, sure, command, "held by",
			"the task that spins on it");
	else if (w.owner_va && !err)
		finding_say(tr, f, EVIDENCE_MEMORY, sure, command, "held by",
			"%.*s (pid %u), taken on CPU %u%s", task_comm_length(&owner), owner.comm,
			owner.pid, w.lock.owner_cpu, stands_in(tr, owner.va));
	else
		finding_say(tr, f, EVIDENCE_INFERENCE, CONFIDENCE_SURE, NULL, "held by",
			"not known: %s",
			w.owner_unknown ? w.owner_unknown
			: err		? err->msg
					: "its task cannot be read");
	err_drop(err); /* said */
	uint64_t bytes = 0;
	target_number(tr->t, "sizeof(raw_spinlock)", &bytes);
	triage_say_held(tr, f, &c->task, w.lock.va, bytes);
	return NULL;
}

/* ---- one CPU ----------------------------------------------------------------------------- */

static struct err *tell(struct triage *tr, const struct call_of_cpu *c, enum verdict_class class,
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
	if (lock)
		return say_lock(tr, f, c);
	triage_say_held(tr, f, &c->task, 0, 0);
	return NULL;
}

/* ---- RCU --------------------------------------------------------------------------------- */

static void tell_stall(struct triage *tr, const struct rcu *r)
{
	struct finding *f =
		triage_find(tr, "cpus", VERDICT_RCU_STALL, WEIGHT_SYMPTOM, CONFIDENCE_LIKELY);
	bool blamed = false;
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "rcu", "grace period",
		"has been running for %" PRIu64 " jiffies", r->gp.age);
	for (size_t i = 0; i < r->cpu.n; i++) {
		const struct call_of_cpu *c = NULL;
		for (size_t k = 0; k < tr->facts.cpus.n; k++)
			if (tr->facts.cpus.v[k].cpu == r->cpu.v[i].cpu)
				c = tr->facts.cpus.v + k;
		if (!r->cpu.v[i].holds_up)
			continue;
		finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "rcu", "held up by",
			"CPU %u%s", r->cpu.v[i].cpu, c ? stands_in(tr, c->task.va) : "");
		if (!c || c->idle || !c->has_calls || blamed)
			continue;
		finding_task(f, &c->task);
		finding_blame(f, &c->calls, calls_before_interrupts(&c->calls));
		blamed = true;
	}
	for (size_t i = 0; i < r->blocked.n; i++)
		if (r->blocked.v[i].holds_up)
			finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "rcu", "held up by",
				"task 0x%" PRIx64 ", which sleeps in a critical section",
				r->blocked.v[i].task_va);
}

static struct err *look_at_rcu(struct triage *tr)
{
	scoped_rcu struct rcu r = { 0 };
	struct err *err = rcu_read(tr->t, &r);
	if (!err && rcu_stalls(&r))
		tell_stall(tr, &r);
	if (r.unread)
		triage_lost(tr, "RCU", "%u parts cannot be read; the first: %s", r.unread,
			r.first_unread->msg);
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	/* The tiny RCU of kernels for one CPU has nothing that could stall. */
	if (err->code != ERR_MISSING || target_has_symbol(tr->t, "rcu_state"))
		triage_ledger(tr, "RCU", "%s", err->msg);
	err_drop(err); /* the ledger has it, or there is no such RCU */
	return NULL;
}

static struct err *run(struct triage *tr)
{
	struct err *err = NULL;
	for (size_t i = 0; !err && i < tr->facts.cpus.n; i++) {
		const struct call_of_cpu *c = tr->facts.cpus.v + i;
		if (c->idle)
			continue;
		if (c->behind_ns > LONG_NS && c->irqs_known && c->irqs_off)
			err = tell(tr, c, VERDICT_HARD_LOCKUP, "no timer interrupt", c->behind_ns);
		else if (c->has_slice && c->slice_ns > LONG_NS && !c->calls.trace.user)
			err = tell(tr, c, VERDICT_SOFT_LOCKUP, "one task without a switch",
				c->slice_ns);
	}
	return err ? err : look_at_rcu(tr);
}

const struct triage_rule rule_cpus = { "cpus", "CPUs that have been at one task for long", run };
