/* The order of the page's sections, and its way into a file. Knows nothing of what they show. */
#include "analyzer/shell/report_page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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
		html_element(page, "p", "dim", "This could not be shown: %s", err->msg);
	else
		strbuf_add_bytes(page, strbuf_text(&body), body.len);
	html_section_end(page);
	r->sections += !err;
	err_drop(err); /* it stands on the page */
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

struct err *report_file_write(const char *path, bool force, const struct strbuf *text)
{
	struct stat st;
	bool exists = lstat(path, &st) == 0;
	if (exists && !force)
		return err_new(ERR_USAGE, "%s exists; -F writes over it", path);
	if (exists && !S_ISREG(st.st_mode))
		return err_new(ERR_USAGE, "%s is no file that could be written over", path);
	scoped_free char *part = xasprintf("%s.part-%ld", path, (long)getpid());
	FILE *file = fopen(part, "wxe");
	if (!file)
		return err_io(errno, "%s", part);
	bool good = fwrite(text->s, 1, text->len, file) == text->len;
	int wrong = errno;
	if (fclose(file) && good) {
		good = false;
		wrong = errno;
	}
	if (good && (force ? rename(part, path) : link(part, path))) {
		good = false;
		wrong = errno;
	}
	if (!good || !force)
		unlink(part);
	return good ? NULL : err_io(wrong, "%s", path);
}
