/* The order of the page's sections. Knows nothing of what they show. */
#include "analyzer/shell/report_page.h"

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

static const struct {
	const char *id, *heading;
	struct err *(*write)(struct report *r);
} sections[] = {
	{ "verdict", "Verdict", report_verdict },
	{ "evidence", "Evidence", report_evidence },
	{ "stack", "Stack", report_stack },
	{ "object", "Object", report_object },
	{ "suspects", "Also suspect", report_suspects },
	{ "locks", "Locks", report_locks },
	{ "stacks", "Stacks of all tasks", report_stacks },
	{ "log", "Log", report_log },
	{ "memory", "Memory of the machine", report_memory },
	{ "caches", "Slab caches", report_caches },
	{ "tasks", "Tasks", report_tasks },
	{ "ledger", "Not seen", report_ledger },
};

void report_missing(struct report *r, const char *part, struct err *e)
{
	if (!e)
		return;
	html_element(r->out, "p", "bad", "%s: %s", part, e->msg);
	out_complain(r->faults, err_wrap(e, "%s", part));
	r->missing = true;
}

/* A section in a buffer of its own: one that fails half way leaves no open elements. */
static struct err *write_section(struct report *r, size_t i)
{
	struct strbuf *page = r->out;
	scoped_strbuf struct strbuf body = { 0 };
	r->out = &body;
	struct err *err = sections[i].write(r);
	r->out = page;
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	html_section_begin(page, sections[i].id, sections[i].heading);
	if (err)
		html_element(page, "p", "bad", "This could not be shown: %s", err->msg);
	else
		strbuf_add_bytes(page, strbuf_text(&body), body.len);
	html_section_end(page);
	r->sections += !err && !r->missing;
	r->missing = false;
	if (err)
		out_complain(r->faults, err_wrap(err, "%s", sections[i].heading));
	return NULL;
}

struct err *report_page(struct report *r)
{
	const char *title = triage_title(r->tr, r->tr->finding.v[0]);
	html_begin(r->out, title);
	html_element(r->out, "h1", NULL, "%s", title);
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		struct err *err = write_section(r, i);
		if (!err)
			err = interrupt_check();
		if (err)
			return err;
	}
	html_end(r->out);
	return NULL;
}
