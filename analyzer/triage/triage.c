/* Runs the rules over the facts and puts the weightiest finding first. */
#include "analyzer/triage/foreign.h"

#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"

static const char *const class_names[VERDICT_CLASSES] = {
	[VERDICT_ALIVE] = "alive",
	[VERDICT_UNKNOWN] = "unknown",
	[VERDICT_PANIC] = "panic",
	[VERDICT_SYSRQ] = "sysrq",
	[VERDICT_WARNING] = "warning",
	[VERDICT_BUG] = "bug",
	[VERDICT_NULL_DEREFERENCE] = "null-dereference",
	[VERDICT_WILD_DEREFERENCE] = "wild-dereference",
	[VERDICT_EXEC_FAULT] = "exec-fault",
	[VERDICT_STACK_OVERFLOW] = "stack-overflow",
	[VERDICT_STACK_CORRUPTION] = "stack-corruption",
	[VERDICT_LIST_CORRUPTION] = "list-corruption",
	[VERDICT_REFCOUNT] = "refcount",
	[VERDICT_USE_AFTER_FREE] = "use-after-free",
	[VERDICT_SLAB_OUT_OF_BOUNDS] = "slab-out-of-bounds",
	[VERDICT_STACK_OUT_OF_BOUNDS] = "stack-out-of-bounds",
	[VERDICT_GLOBAL_OUT_OF_BOUNDS] = "global-out-of-bounds",
	[VERDICT_VMALLOC_OUT_OF_BOUNDS] = "vmalloc-out-of-bounds",
	[VERDICT_DOUBLE_FREE] = "double-free",
	[VERDICT_INVALID_FREE] = "invalid-free",
	[VERDICT_SOFT_LOCKUP] = "soft-lockup",
	[VERDICT_HARD_LOCKUP] = "hard-lockup",
	[VERDICT_SPINLOCK_LOCKUP] = "spinlock-lockup",
	[VERDICT_RCU_STALL] = "rcu-stall",
	[VERDICT_HUNG_TASK] = "hung-task",
	[VERDICT_DEADLOCK] = "deadlock",
	[VERDICT_OOM] = "oom",
	[VERDICT_MEMORY_LEAK] = "memory-leak",
	[VERDICT_INIT_KILLED] = "init-killed",
	[VERDICT_HARDWARE_ERROR] = "hardware-error",
	[VERDICT_WATCHDOG] = "watchdog",
	[VERDICT_WORKQUEUE_LOCKUP] = "workqueue-lockup",
};

const char *verdict_class_name(enum verdict_class c)
{
	return class_names[c];
}

const char *evidence_name(enum evidence e)
{
	return e == EVIDENCE_MEMORY ? "memory" : e == EVIDENCE_LOG ? "log" : "inference";
}

const char *confidence_name(enum confidence c)
{
	return c == CONFIDENCE_SURE ? "sure" : c == CONFIDENCE_LIKELY ? "likely" : "guess";
}

/* ---- findings ---------------------------------------------------------------------------- */

struct finding *triage_find(struct triage *tr, const char *rule, enum verdict_class class,
	enum weight weight, enum confidence confidence)
{
	struct finding *f = xcalloc(1, sizeof(*f));
	f->rule = rule;
	f->class = class;
	f->weight = weight;
	f->confidence = confidence;
	f->culprit = SIZE_MAX;
	vec_push(&tr->finding, f);
	return f;
}

PRINTF_LIKE(2, 0) static const char *format(struct triage *tr, const char *fmt, va_list ap)
{
	scoped_free char *text = xvasprintf(fmt, ap);
	return arena_strdup(&tr->arena, text);
}

void finding_say(struct triage *tr, struct finding *f, enum evidence e, enum confidence c,
	const char *command, const char *topic, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct statement s = { topic, format(tr, fmt, ap), e, c, command };
	va_end(ap);
	vec_push(&f->said, s);
}

static void add_ledger(struct triage *tr, const char *what, const char *text)
{
	struct ledger_entry e = { what, text };
	for (size_t i = 0; i < tr->ledger.n; i++)
		if (!strcmp(tr->ledger.v[i].what, what) && !strcmp(tr->ledger.v[i].text, e.text))
			return; /* another rule met the same */
	vec_push(&tr->ledger, e);
}

void triage_ledger(struct triage *tr, const char *what, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add_ledger(tr, what, format(tr, fmt, ap));
	va_end(ap);
}

void triage_lost(struct triage *tr, const char *what, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add_ledger(tr, what, format(tr, fmt, ap));
	va_end(ap);
	tr->lost++;
}

void finding_blame(struct finding *f, const struct calls *calls, size_t from)
{
	f->calls = calls;
	if (!calls_culprit(calls, from, &f->culprit))
		f->culprit = SIZE_MAX;
}

void finding_task(struct finding *f, const struct task *task)
{
	f->has_task = true;
	f->task = *task;
}

const char *finding_culprit(const struct finding *f)
{
	if (f->calls && f->culprit < f->calls->n)
		return f->calls->call[f->culprit].function;
	return f->culprit_name;
}

/* ---- the run --------------------------------------------------------------------------- */

/* Stable: the rules' order decides among equals. */
static void sort_findings(struct triage *tr)
{
	for (size_t i = 1; i < tr->finding.n; i++) {
		struct finding *f = tr->finding.v[i];
		size_t k = i;
		for (; k && tr->finding.v[k - 1]->weight < f->weight; k--)
			tr->finding.v[k] = tr->finding.v[k - 1];
		tr->finding.v[k] = f;
	}
}

void finding_drop(struct finding *f)
{
	vec_deinit(&f->said);
	vec_deinit(&f->circle);
	vec_deinit(&f->titles);
	free(f);
}

/* Nobody panicked; but a machine lives when all of its CPUs go on, and what some were at is lost.
 */
static void doubt_life(struct triage *tr)
{
	struct finding *f = triage_find(tr, "end", VERDICT_UNKNOWN, WEIGHT_ALIVE, CONFIDENCE_GUESS);
	f->title = "nobody panicked; whether all CPUs went on is not known";
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "p panic_cpu", "end",
		"no CPU has panicked");
	finding_say(tr, f, EVIDENCE_INFERENCE, CONFIDENCE_SURE, NULL, "CPUs",
		"what %u of them were at is lost: they may stand still", tr->facts.cpus_lost);
}

static void close_verdict(struct triage *tr)
{
	const struct facts *f = &tr->facts;
	if (f->end == END_NONE && f->cpus_lost)
		doubt_life(tr);
	else if (f->end == END_NONE)
		triage_find(tr, "end", VERDICT_ALIVE, WEIGHT_ALIVE,
			tr->lost ? CONFIDENCE_LIKELY : CONFIDENCE_SURE);
	else
		triage_find(tr, "end", VERDICT_UNKNOWN, WEIGHT_ALIVE, CONFIDENCE_GUESS);
	sort_findings(tr);
	triage_tell_lost_pages(tr);
	/* Nothing outweighs a cause; what outweighs the rest may stand where nobody could look. */
	struct finding *verdict = tr->finding.v[0];
	if (tr->lost && verdict->weight < WEIGHT_CAUSE && verdict->confidence == CONFIDENCE_SURE)
		verdict->confidence = CONFIDENCE_LIKELY;
	triage_hear_witnesses(tr);
}

static struct err *run_rules(struct triage *tr)
{
	struct err *err = NULL;
	for (size_t i = 0; !err && triage_rules[i]; i++) {
		err = triage_rules[i]->run(tr);
		if (err && err->code != ERR_INTERRUPTED) {
			triage_lost(tr, triage_rules[i]->name, "%s", err->msg);
			err_drop(err); /* the ledger has it */
			err = NULL;
		}
		if (!err)
			err = interrupt_check();
	}
	return err ? err : foreign_rules_run(tr);
}

struct err *triage_run(struct target *t, struct triage *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->t = t;
	struct err *err = facts_gather(ret);
	if (!err && t->kernel)
		err = run_rules(ret);
	if (!err)
		close_verdict(ret);
	struct finding *verdict = err ? NULL : ret->finding.v[0];
	if (verdict && verdict->has_task && !verdict->locks_said && t->kernel)
		triage_say_held(ret, verdict, &verdict->task, 0, 0);
	return err ? err : interrupt_check();
}

void triage_deinit(struct triage *tr)
{
	for (size_t i = 0; i < tr->finding.n; i++)
		finding_drop(tr->finding.v[i]);
	vec_deinit(&tr->finding);
	vec_deinit(&tr->ledger);
	vec_deinit(&tr->lost_page);
	facts_deinit(&tr->facts);
	arena_deinit(&tr->arena);
}
