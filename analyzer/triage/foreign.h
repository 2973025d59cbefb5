/* Rules of plugins, kept with the target that they serve. They run behind our own. */
#ifndef ANALYZER_TRIAGE_FOREIGN_H
#define ANALYZER_TRIAGE_FOREIGN_H

#include "analyzer/triage/triage.h"

struct foreign_rule {
	const char *name; /* none of triage_rules has it, nor another foreign one */
	bool needs_death, needs_fault, needs_log, needs_types;
	struct err *(*run)(const void *with, struct triage *tr);
	const void *with; /* tells it from others */
};

/* ERR_MISMATCH: the name is taken. Strings are borrowed until the target is closed or the rule
 * removed. */
struct err *foreign_rules_add(struct target *t, const struct foreign_rule *rule) MUST_CHECK;
void foreign_rules_remove(struct target *t, const void *with);

/* Runs those whose needs are there; what is missing stands in the ledger. Only ERR_INTERRUPTED. */
struct err *foreign_rules_run(struct triage *tr) MUST_CHECK;

#endif
