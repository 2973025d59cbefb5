/* Somebody called panic(): the weakest answer to what killed it, and the last when nothing else is
 * known. */
#include <string.h>

#include "analyzer/triage/triage.h"

static struct err *run(struct triage *tr)
{
	struct facts *facts = &tr->facts;
	if (facts->end != END_PANIC)
		return NULL;
	bool seen = facts->has_victim && !facts->end_by_log && facts->has_end_call;
	bool init = facts->panic_text && strstr(facts->panic_text, "Attempted to kill init");
	struct finding *f = triage_find(tr, "panic", init ? VERDICT_INIT_KILLED : VERDICT_PANIC,
		init ? WEIGHT_SYMPTOM : WEIGHT_END, seen ? CONFIDENCE_SURE : CONFIDENCE_LIKELY);
	if (facts->has_victim)
		finding_task(f, &facts->victim);
	if (facts->has_end_call)
		finding_blame(f, &facts->calls, facts->end_call);
	if (facts->panic_text)
		finding_say(tr, f,
			facts->panic_text_source[0] == 'p' ? EVIDENCE_MEMORY : EVIDENCE_LOG,
			CONFIDENCE_SURE, "sys", "panic", "%s", facts->panic_text);
	else
		finding_say(tr, f, facts->end_by_log ? EVIDENCE_LOG : EVIDENCE_MEMORY,
			CONFIDENCE_SURE, facts->end_by_log ? "log" : "p panic_cpu", "panic",
			"the kernel says that it panicked; what it said is not there");
	return NULL;
}

const struct triage_rule rule_panic = { "panic", "who called panic(), and what it said", run };
