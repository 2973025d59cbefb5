/* The page of `report`: its sections, each written into one buffer from one run of triage. */
#ifndef ANALYZER_SHELL_REPORT_PAGE_H
#define ANALYZER_SHELL_REPORT_PAGE_H

#include "analyzer/out/html.h"
#include "analyzer/out/out.h"
#include "analyzer/target/target.h"
#include "analyzer/triage/triage.h"

struct report {
	struct target *t;
	struct arena *a;
	struct triage *tr;
	struct strbuf *out;
	struct out *faults; /* is told of each section that could not be filled */
	unsigned sections;  /* that were written in full */
	bool missing;	    /* a part of the present one is */
};

/* All sections in their order. What a section lacks is said in its place on the page and to
 * .faults; only ERR_INTERRUPTED is returned. */
struct err *report_page(struct report *r) MUST_CHECK;

/* A part of a section that could not be filled: said there, and to .faults. Takes @e; NULL is none.
 */
void report_missing(struct report *r, const char *part, struct err *e);

/* Sections: report_verdict.c, report_object.c, report_machine.c, report_caches.c, report_tasks.c */
struct err *report_verdict(struct report *r) MUST_CHECK;
struct err *report_evidence(struct report *r) MUST_CHECK;
struct err *report_stack(struct report *r) MUST_CHECK;
struct err *report_object(struct report *r) MUST_CHECK;
struct err *report_suspects(struct report *r) MUST_CHECK;
struct err *report_locks(struct report *r) MUST_CHECK;
struct err *report_stacks(struct report *r) MUST_CHECK;
struct err *report_log(struct report *r) MUST_CHECK;
struct err *report_memory(struct report *r) MUST_CHECK;
struct err *report_caches(struct report *r) MUST_CHECK;
struct err *report_tasks(struct report *r) MUST_CHECK;
struct err *report_ledger(struct report *r) MUST_CHECK;

#endif
