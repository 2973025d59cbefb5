/* What was found: verdict, evidence, stack, suspects, ledger. Knows findings, not how they came
 * about. */
#include "analyzer/shell/report_page.h"

#include "analyzer/triage/signature.h"

static void show_pair(struct strbuf *out, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	strbuf_addf(out, "<tr><th>%s</th>", key);
	html_element(out, "td", NULL, "%s", value);
	strbuf_add(out, "</tr>\n");
}

static void show_signature(struct report *r, const struct finding *f, bool coarse)
{
	scoped_strbuf struct strbuf lines = { 0 };
	char hash[SIGNATURE_DIGITS + 1];
	signature_lines(r->tr, f, coarse, &lines);
	signature_hash(strbuf_text(&lines), hash);
	show_pair(r->out, coarse ? "coarse signature" : "signature", hash);
}

static void show_culprit(struct report *r, const struct finding *f)
{
	show_pair(r->out, "culprit", finding_culprit(f));
	if (!f->calls || f->culprit >= f->calls->n)
		return;
	const struct call *c = f->calls->call + f->culprit;
	show_pair(r->out, "module", c->module);
	if (c->file)
		show_pair(r->out, "source", arena_printf(r->a, "%s:%d", c->file, c->line));
}

static void show_taints(struct report *r)
{
	for (size_t i = 0; i < r->tr->facts.taint.n; i++) {
		const struct taint *t = r->tr->facts.taint.v + i;
		show_pair(r->out, i ? "" : "tainted",
			arena_printf(r->a, "%c: %s%s%s%s", t->letter, t->meaning,
				t->modules ? " (" : "", t->modules ? t->modules : "",
				t->modules ? ")" : ""));
	}
}

struct err *report_verdict(struct report *r)
{
	const struct finding *f = r->tr->finding.v[0];
	strbuf_add(r->out, "<table>\n");
	show_pair(r->out, "title", triage_title(r->tr, f));
	show_pair(r->out, "class", verdict_class_name(f->class));
	show_pair(r->out, "confidence", confidence_name(f->confidence));
	show_culprit(r, f);
	if (f->has_task) {
		const char *comm =
			arena_strndup(r->a, f->task.comm, (size_t)task_comm_length(&f->task));
		show_pair(r->out, "task", arena_printf(r->a, "%s, pid %u", comm, f->task.pid));
		if (f->task.cpu != TASK_CPU_UNKNOWN)
			show_pair(r->out, "CPU", arena_printf(r->a, "%u", f->task.cpu));
	}
	show_taints(r);
	show_signature(r, f, false);
	show_signature(r, f, true);
	strbuf_add(r->out, "</table>\n");
	return NULL;
}

static void show_statements(struct report *r, const struct finding *f)
{
	strbuf_add(r->out, "<div class=\"wide\"><table>\n<thead><tr><th></th><th></th><th>from</th>"
			   "<th>seen again with</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < f->said.n; i++) {
		const struct statement *s = f->said.v + i;
		const char *kind = evidence_name(s->evidence);
		strbuf_add(r->out, "<tr>");
		html_element(r->out, "th", NULL, "%s", s->topic);
		html_element(r->out, "td", NULL, "%s", s->text);
		html_element(r->out, "td", kind, "%s%s%s", kind,
			s->confidence == CONFIDENCE_SURE ? "" : ", ",
			s->confidence == CONFIDENCE_SURE ? "" : confidence_name(s->confidence));
		html_element(r->out, "td", "m", "%s", s->command ? s->command : "");
		strbuf_add(r->out, "</tr>\n");
	}
	strbuf_add(r->out, "</tbody></table></div>\n");
}

struct err *report_evidence(struct report *r)
{
	show_statements(r, r->tr->finding.v[0]);
	return NULL;
}

static void show_call(struct strbuf *out, const struct call *c, bool culprit)
{
	strbuf_add(out, culprit ? "<li class=\"culprit\">" : "<li>");
	if (!c->function)
		html_textf(out, "0x%llx", (unsigned long long)c->pc);
	else if (c->inlined)
		html_textf(out, "%s (inlined)", c->function);
	else
		html_textf(out, "%s+0x%llx/0x%llx", c->function, (unsigned long long)c->offset,
			(unsigned long long)c->size);
	if (c->module)
		html_textf(out, " [%s]", c->module);
	if (c->trust != TRUST_SURE)
		html_textf(out, " (%s)", frame_trust_name(c->trust));
	strbuf_add_char(out, ' ');
	if (c->file)
		html_element(out, "span", "dim", "%s:%d", c->file, c->line);
	if (culprit)
		html_element(out, "span", "bad", "← culprit");
	strbuf_add(out, "</li>\n");
}

struct err *report_stack(struct report *r)
{
	const struct finding *f = r->tr->finding.v[0];
	if (!f->calls || !f->calls->n) {
		html_element(r->out, "p", "dim", "No stack belongs to this verdict.");
		return NULL;
	}
	strbuf_add(r->out, "<ol class=\"stack\" start=\"0\">\n");
	for (size_t i = 0; i < f->calls->n; i++)
		show_call(r->out, f->calls->call + i, i == f->culprit);
	strbuf_add(r->out, "</ol>\n");
	return NULL;
}

struct err *report_suspects(struct report *r)
{
	size_t shown = 0;
	for (size_t i = 1; i < r->tr->finding.n; i++) {
		const struct finding *f = r->tr->finding.v[i];
		if (f->class == VERDICT_ALIVE || f->class == VERDICT_UNKNOWN)
			continue;
		strbuf_add(r->out, "<details><summary>");
		html_textf(r->out, "%s: %s", verdict_class_name(f->class), triage_title(r->tr, f));
		strbuf_add(r->out, "</summary>\n");
		show_statements(r, f);
		strbuf_add(r->out, "</details>\n");
		shown++;
	}
	if (!shown)
		html_element(r->out, "p", "dim", "Nothing else was found.");
	return NULL;
}

struct err *report_ledger(struct report *r)
{
	if (!r->tr->ledger.n)
		html_element(
			r->out, "p", "dim", "Everything that was asked for could be looked at.");
	strbuf_add(r->out, "<table>\n");
	for (size_t i = 0; i < r->tr->ledger.n; i++) {
		strbuf_add(r->out, "<tr>");
		html_element(r->out, "th", NULL, "%s", r->tr->ledger.v[i].what);
		html_element(r->out, "td", NULL, "%s", r->tr->ledger.v[i].text);
		strbuf_add(r->out, "</tr>\n");
	}
	strbuf_add(r->out, "</table>\n");
	return NULL;
}
