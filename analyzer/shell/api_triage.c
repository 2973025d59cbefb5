/* What a plugin's triage rule sees of the facts, and how it says what it found. */
#include <stdio.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/shell/api.h"
#include "analyzer/shell/plugin_parts.h"
#include "analyzer/shell/running.h"
#include "analyzer/triage/triage.h"

/* One rule's look at it. A finding's opaque handle is the finding. */
struct api_triage {
	struct triage *tr;
	const struct plugin_rule *rule;
};

_Static_assert((int)API_END_OOPS == (int)END_OOPS && (int)API_END_NOT_KNOWN == (int)END_NOT_KNOWN,
	"api.h repeats enum facts_end");
_Static_assert((int)API_WEIGHT_CAUSE == (int)WEIGHT_CAUSE &&
		       (int)API_WEIGHT_TRAP == (int)WEIGHT_TRAP &&
		       (int)API_WEIGHT_END == (int)WEIGHT_END &&
		       (int)API_WEIGHT_SYMPTOM == (int)WEIGHT_SYMPTOM &&
		       (int)API_WEIGHT_REPORT == (int)WEIGHT_REPORT &&
		       (int)API_WEIGHT_REQUEST == (int)WEIGHT_REQUEST,
	"api.h repeats enum weight");
_Static_assert((int)API_EVIDENCE_INFERENCE == (int)EVIDENCE_INFERENCE &&
		       (int)API_CONFIDENCE_SURE == (int)CONFIDENCE_SURE,
	"api.h repeats enum evidence and enum confidence");

struct err *plugin_rule_run(const void *with, struct triage *tr)
{
	const struct plugin_rule *r = with;
	struct api_triage own = { tr, r };
	struct running before = running_begin(r, r->name);
	struct err *err = r->run(tr->t, &own);
	running_end(before);
	return err;
}

/* ---- facts ------------------------------------------------------------------------------- */

static void show_victim(const struct facts *f, struct api_facts *ret)
{
	const struct task *task = &f->victim;
	ret->has_victim = true;
	ret->victim = (struct api_task){
		.va = task->va, .pid = task->pid, .tgid = task->tgid, .cpu = f->victim_cpu
	};
	snprintf(ret->victim.state, sizeof(ret->victim.state), "R"); /* it runs until the end */
	snprintf(ret->victim.comm, sizeof(ret->victim.comm), "%.*s", task_comm_length(task),
		task->comm);
}

static void show_fault(const struct triage *tr, struct api_facts *ret)
{
	const struct fault_context *c = &tr->facts.fault;
	ret->has_fault = true;
	ret->pc = c->regs.v[tr->t->arch->reg_pc];
	ret->traps = fault_is_trap(c);
	ret->has_address = c->address.source != NULL;
	ret->address = ret->has_address ? c->address.v : 0;
	ret->has_status = c->status.source != NULL;
	ret->status = ret->has_status ? c->status.v : 0;
	ret->reads = c->decoded.access == FAULT_READS;
	ret->writes = c->decoded.access == FAULT_WRITES;
	ret->executes = c->decoded.access == FAULT_EXECUTES;
}

struct api_facts api_facts(const struct api_triage *of)
{
	const struct facts *f = &of->tr->facts;
	struct api_facts ret = { .end = (enum api_end)f->end,
		.panic_text = f->panic_text,
		.calls = f->calls.n,
		.end_call = f->end_call,
		.fault_call = SIZE_MAX,
		.log_lines = f->log.n,
		.cpus = f->cpus.n };
	if (f->has_victim)
		show_victim(f, &ret);
	if (f->has_fault)
		show_fault(of->tr, &ret);
	if (f->has_fault)
		ret.fault_call = f->fault_call;
	return ret;
}

bool api_facts_call(const struct api_triage *of, size_t i, struct api_call *ret)
{
	const struct calls *calls = &of->tr->facts.calls;
	if (i >= calls->n)
		return false;
	const struct call *c = &calls->call[i];
	*ret = (struct api_call){ .function = c->function,
		.module = c->module,
		.file = c->file,
		.line = c->line,
		.pc = c->pc,
		.inlined = c->inlined,
		.guess = c->trust == TRUST_GUESS,
		.machinery = c->function && machinery_kind(c->function) };
	return true;
}

const char *api_facts_log(const struct api_triage *of, size_t i)
{
	return i < of->tr->facts.log.n ? of->tr->facts.log.v[i] : NULL;
}

bool api_facts_cpu(const struct api_triage *of, size_t i, struct api_cpu *ret)
{
	const struct facts *f = &of->tr->facts;
	if (i >= f->cpus.n)
		return false;
	const struct call_of_cpu *c = &f->cpus.v[i];
	*ret = (struct api_cpu){ .cpu = c->cpu,
		.task = c->task.va,
		.idle = c->idle,
		.irqs_known = c->irqs_known,
		.irqs_off = c->irqs_off,
		.function = c->has_calls && c->calls.n ? c->calls.call[0].function : NULL };
	return true;
}

/* ---- findings ---------------------------------------------------------------------------- */

static struct finding *finding_of(struct api_finding *f)
{
	return (struct finding *)f;
}

struct err *api_find(struct api_triage *of, const char *class, enum api_weight weight,
	enum api_confidence confidence, struct api_finding **ret)
{
	unsigned c = 0;
	while (c < VERDICT_CLASSES &&
		strcmp(verdict_class_name((enum verdict_class)c), class) != 0)
		c++;
	if (c == VERDICT_CLASSES)
		return err_new(ERR_USAGE, "there is no class %s of verdicts", class);
	if (c == VERDICT_ALIVE || c == VERDICT_UNKNOWN)
		return err_new(ERR_USAGE, "%s is not a rule's to say", class);
	if ((unsigned)weight > API_WEIGHT_CAUSE || (unsigned)confidence > API_CONFIDENCE_SURE)
		return err_new(ERR_USAGE, "a weight or a confidence that there is not");
	*ret = (struct api_finding *)triage_find(of->tr, of->rule->name, (enum verdict_class)c,
		(enum weight)weight, (enum confidence)confidence);
	return NULL;
}

void api_finding_title(struct api_triage *of, struct api_finding *f, const char *title)
{
	finding_of(f)->title = arena_strdup(&of->tr->arena, title);
}

void api_finding_blame(struct api_triage *of, struct api_finding *f, size_t call)
{
	const struct facts *facts = &of->tr->facts;
	if (!facts->has_victim)
		return;
	finding_task(finding_of(f), &facts->victim);
	finding_of(f)->calls = &facts->calls;
	finding_of(f)->culprit = call < facts->calls.n ? call : SIZE_MAX;
}

void api_finding_culprit(struct api_triage *of, struct api_finding *f, const char *function)
{
	finding_of(f)->culprit_name = arena_strdup(&of->tr->arena, function);
}

void api_finding_say(struct api_triage *of, struct api_finding *f, enum api_evidence evidence,
	enum api_confidence confidence, const char *command, const char *topic, const char *text)
{
	struct arena *a = &of->tr->arena;
	finding_say(of->tr, finding_of(f),
		evidence == API_EVIDENCE_MEMORY ? EVIDENCE_MEMORY
		: evidence == API_EVIDENCE_LOG	? EVIDENCE_LOG
						: EVIDENCE_INFERENCE,
		confidence == API_CONFIDENCE_SURE     ? CONFIDENCE_SURE
		: confidence == API_CONFIDENCE_LIKELY ? CONFIDENCE_LIKELY
						      : CONFIDENCE_GUESS,
		command ? arena_strdup(a, command) : NULL, arena_strdup(a, topic), "%s", text);
}

void api_triage_not_seen(struct api_triage *of, const char *text)
{
	triage_ledger(of->tr, of->rule->name, "%s", text);
}
