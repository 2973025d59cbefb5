/* The one list of rules: among findings of one weight the earlier rule's is the verdict. */
#include "analyzer/triage/triage.h"

extern const struct triage_rule rule_kasan, rule_kfence, rule_report, rule_heap_call, rule_fault,
	rule_heap, rule_stacks, rule_pages, rule_hang, rule_cpus, rule_irqs, rule_workqueue,
	rule_leak, rule_log, rule_splat, rule_panic;

const struct triage_rule *const triage_rules[] = {
	&rule_kasan,
	&rule_kfence,
	&rule_report,
	&rule_heap_call,
	&rule_fault,
	&rule_stacks,
	&rule_heap,
	&rule_pages,
	&rule_hang,
	&rule_cpus,
	&rule_irqs,
	&rule_workqueue,
	&rule_leak,
	&rule_log,
	&rule_splat,
	&rule_panic,
	NULL,
};
