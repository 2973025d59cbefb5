/*
 * One death is seen in several ways: by a rule over memory, by the checker that reported it, by the
 * log. What they say is evidence of one finding, and not several; what somebody else's death left
 * behind stays a finding of its own.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/triage/object.h"

/* Whether class @b is how @a looks from further off. */
static bool shows_as(enum verdict_class a, enum verdict_class b)
{
	bool lockup = a == VERDICT_SOFT_LOCKUP || a == VERDICT_HARD_LOCKUP;
	return a == b || (a == VERDICT_DEADLOCK && b == VERDICT_HUNG_TASK) ||
	       (a == VERDICT_SPINLOCK_LOCKUP &&
		       (b == VERDICT_SOFT_LOCKUP || b == VERDICT_HARD_LOCKUP)) ||
	       ((lockup || a == VERDICT_SPINLOCK_LOCKUP) && b == VERDICT_WORKQUEUE_LOCKUP);
}

/* Whether a line of the log names a task ("[widget:37]", "INFO: task widget:37 blocked") that @of
 * does not speak of. */
static bool names_another(const struct finding *of, const char *line)
{
	const char *begin = strstr(line, "INFO: task "), *end = NULL;
	if (begin && (end = strstr(begin, " blocked ")))
		begin += strlen("INFO: task ");
	else if ((begin = strstr(line, "! [")) && (end = strrchr(begin, ']')))
		begin += strlen("! [");
	const char *colon = end ? memrchr(begin, ':', (size_t)(end - begin)) : NULL;
	if (!colon || !isdigit((unsigned char)colon[1]))
		return false; /* none */
	unsigned pid = (unsigned)strtoul(colon + 1, NULL, 10);
	if (of->has_task && of->task.pid == pid)
		return false;
	scoped_free char *word = xasprintf("(pid %u)", pid);
	for (size_t i = 0; i < of->said.n; i++)
		if (!strcmp(of->said.v[i].topic, "waits") && strstr(of->said.v[i].text, word))
			return false;
	return true;
}

/* Rules that look at how something ended, and not at what else is wrong. A plugin's rule says
 * something of its own. */
static bool may_witness(const struct finding *f)
{
	static const char *const rules[] = { "report", "cpus", "workqueue", "log", "splat" };
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (!strcmp(f->rule, rules[i]))
			return true;
	return false;
}

/* Whether @f says nothing else than @of: that the kernel panicked of it, or the same by another way
 * of looking. */
static bool is_witness(const struct finding *of, const struct finding *f)
{
	const char *blamed = finding_culprit(of), *theirs = finding_culprit(f);
	bool by_log = !strcmp(f->rule, "log") || !strcmp(f->rule, "splat");
	if (f->class == VERDICT_PANIC)
		return !strcmp(f->rule, "panic") && of->weight > f->weight;
	if (!may_witness(f) || !shows_as(of->class, f->class) || !strcmp(of->rule, f->rule))
		return false;
	if (f->object && (!of->object || of->object->va != f->object->va))
		return false;
	if (by_log && f->said.n && names_another(of, f->said.v[0].text))
		return false;
	if (!theirs)
		return by_log || !strcmp(f->rule, "report");
	bool others_task = of->has_task && f->has_task && of->task.va != f->task.va;
	return blamed && !strcmp(blamed, theirs) && !others_task;
}

/* Unless the first @had of @f's statements say it. */
static void add_statement(struct finding *f, size_t had, const struct statement *s)
{
	for (size_t i = 0; i < had; i++)
		if (!strcmp(f->said.v[i].topic, s->topic) &&
			(!strcmp(f->said.v[i].text, s->text) || s->evidence == EVIDENCE_MEMORY))
			return; /* said already, or of the same thing */
	vec_push(&f->said, *s);
}

/* What witnesses say is evidence of the weightier finding; the others are what else is wrong. */
void triage_hear_witnesses(struct triage *tr)
{
	size_t kept = 1;
	for (size_t i = 1; i < tr->finding.n; i++) {
		struct finding *f = tr->finding.v[i], *of = NULL;
		for (size_t k = 0; !of && k < kept; k++)
			if (is_witness(tr->finding.v[k], f))
				of = tr->finding.v[k];
		if (!of) {
			tr->finding.v[kept++] = f;
			continue;
		}
		size_t had = of->said.n;
		for (size_t k = 0; k < f->said.n; k++)
			add_statement(of, had, &f->said.v[k]);
		if (f->class != VERDICT_PANIC)
			vec_push(&of->titles, triage_title(tr, f));
		finding_drop(f);
	}
	tr->finding.n = kept;
}
