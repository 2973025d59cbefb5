/* triage: what killed it, with the evidence for each thing that is said. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column statement_columns[] = { { "topic", .width = 14 }, { "text" },
	{ "evidence", .hidden = true }, { "confidence", .hidden = true },
	{ "command", .hidden = true }, { "how", .text_only = true }, { 0 } };
static const struct table statement_table = { .layout = LAYOUT_LINES,
	.columns = statement_columns };

static const struct column call_columns[] = { { "function" }, { "module" }, { "offset" }, { "pc" },
	{ "inlined" }, { "interrupted" }, { "machinery" }, { "source" }, { "trust" }, { 0 } };
static const struct table call_table = { .layout = LAYOUT_LINES, .columns = call_columns };

static const struct column stack_columns[] = { { "mark", .width = 2 }, { "place" }, { "source" },
	{ 0 } };
static const struct table stack_table = { .layout = LAYOUT_LINES, .columns = stack_columns };

static const struct column pc_columns[] = { { "place" }, { "pc", .hidden = true }, { 0 } };
static const struct table pc_table = { .layout = LAYOUT_LINES, .columns = pc_columns };

static const struct column object_columns[] = { { "kind" }, { "name" }, { "address" }, { "bytes" },
	{ "offset" }, { "state" }, { "source" }, { "allocated", .list = &pc_table },
	{ "freed", .list = &pc_table }, { 0 } };
static const struct table object_table = { .layout = LAYOUT_LINES, .columns = object_columns };

static const struct column suspect_columns[] = { { "class", .width = 20 }, { "title" },
	{ "rule", .hidden = true }, { "culprit", .hidden = true },
	{ "statements", .list = &statement_table }, { 0 } };
static const struct table suspect_table = { .layout = LAYOUT_LINES, .columns = suspect_columns };

static const struct column ledger_columns[] = { { "what", .width = 14 }, { "text" }, { 0 } };
static const struct table ledger_table = { .layout = LAYOUT_LINES, .columns = ledger_columns };

static const struct column taint_columns[] = { { "letter", .width = 1 }, { "meaning" },
	{ "modules", .hidden = true }, { "by", .text_only = true }, { 0 } };
static const struct table taint_table = { .layout = LAYOUT_LINES, .columns = taint_columns };

static const struct column triage_columns[] = { { "title", .title = "VERDICT" }, { "class" },
	{ "confidence" }, { "culprit" }, { "module" }, { "source" }, { "pid" },
	{ "task", .object = "struct task_struct" }, { "cpu" }, { "comm", .title = "COMMAND" },
	{ "rule", .hidden = true }, { "signature" }, { "coarse", .title = "COARSE" },
	{ "signature_lines", .hidden = true }, { "coarse_lines", .hidden = true },
	{ "titles", .hidden = true },
	{ "statements", .title = "EVIDENCE", .list = &statement_table },
	{ "calls", .hidden = true, .list = &call_table },
	{ "stack", .title = "STACK", .text_only = true, .list = &stack_table },
	{ "object", .hidden = true, .list = &object_table },
	{ "taints", .title = "TAINTED", .list = &taint_table },
	{ "suspects", .title = "ALSO", .list = &suspect_table },
	{ "ledger", .title = "NOT SEEN", .list = &ledger_table }, { 0 } };
static const struct table triage_table = { .layout = LAYOUT_RECORD, .columns = triage_columns };

/* ---- parts ------------------------------------------------------------------------------- */

static void show_statements(struct cx *cx, const struct finding *f)
{
	out_list_begin(cx->out, "statements");
	for (size_t i = 0; i < f->said.n; i++) {
		const struct statement *s = f->said.v + i;
		out_row(cx->out);
		out_str(cx->out, "topic", s->topic);
		out_str(cx->out, "text", s->text);
		out_str(cx->out, "evidence", evidence_name(s->evidence));
		out_str(cx->out, "confidence", confidence_name(s->confidence));
		out_str(cx->out, "command", s->command);
		out_strf(cx->out, "how", "  [%s%s%s%s]", evidence_name(s->evidence),
			s->confidence == CONFIDENCE_SURE ? "" : ", ",
			s->confidence == CONFIDENCE_SURE ? "" : confidence_name(s->confidence),
			s->command ? arena_printf(cx->arena, ": %s", s->command) : "");
	}
	out_list_end(cx->out);
}

static void show_calls(struct cx *cx, const struct finding *f)
{
	out_list_begin(cx->out, "calls");
	for (size_t i = 0; f->calls && i < f->calls->n; i++) {
		const struct call *c = f->calls->call + i;
		out_row(cx->out);
		out_str(cx->out, "function", c->function);
		out_str(cx->out, "module", c->module);
		out_hex(cx->out, "offset", c->offset);
		out_addr(cx->out, "pc", c->pc);
		out_bool(cx->out, "inlined", c->inlined);
		out_bool(cx->out, "interrupted", c->interrupted);
		out_str(cx->out, "machinery", c->function ? machinery_kind(c->function) : NULL);
		if (c->file)
			out_strf(cx->out, "source", "%s:%d", c->file, c->line);
		out_str(cx->out, "trust", frame_trust_name(c->trust));
	}
	out_list_end(cx->out);
}

/* What called the culprit matters, and what it called; the reporting of the death hardly. */
enum { CALLS_ABOVE_CULPRIT = 5 };

static void show_call_line(struct cx *cx, const struct call *c)
{
	if (!c->function)
		out_strf(cx->out, "place", "0x%llx", (unsigned long long)c->pc);
	else if (c->inlined)
		out_str(cx->out, "place", c->function);
	else
		out_strf(cx->out, "place", "%s+0x%llx/0x%llx%s%s%s", c->function,
			(unsigned long long)c->offset, (unsigned long long)c->size,
			c->module ? " [" : "", c->module ? c->module : "", c->module ? "]" : "");
	if (c->file)
		out_strf(cx->out, "source", " %s:%d", c->file, c->line);
}

/* The calls for people. */
static void show_call_lines(struct cx *cx, const struct finding *f)
{
	size_t first = 0;
	if (!f->calls || !f->calls->n)
		return;
	if (f->culprit < f->calls->n && f->culprit > CALLS_ABOVE_CULPRIT)
		first = f->culprit - CALLS_ABOVE_CULPRIT;
	out_list_begin(cx->out, "stack");
	if (first) {
		out_row(cx->out);
		out_strf(cx->out, "place", "(%zu calls above: bt)", first);
	}
	for (size_t i = first; i < f->calls->n; i++) {
		out_row(cx->out);
		out_str(cx->out, "mark", i == f->culprit ? "=>" : "");
		show_call_line(cx, f->calls->call + i);
	}
	out_list_end(cx->out);
}

static void show_stack(struct cx *cx, const char *key, const struct object_stack *s)
{
	out_list_begin(cx->out, key);
	for (uint32_t i = 0; s->known && i < s->nframes; i++) {
		scoped_strbuf struct strbuf place = { 0 };
		out_row(cx->out);
		symtab_format_from(cx->target->syms, symtab_call_va(s->pc[i]), s->pc[i], &place);
		out_str(cx->out, "place", strbuf_text(&place));
		out_addr(cx->out, "pc", s->pc[i]);
	}
	out_list_end(cx->out);
}

static void show_object(struct cx *cx, const struct object *o)
{
	out_list_begin(cx->out, "object");
	if (o) {
		out_row(cx->out);
		out_str(cx->out, "kind", o->kind);
		out_str(cx->out, "name", o->name);
		out_addr(cx->out, "address", o->va);
		out_uint(cx->out, "bytes", o->bytes);
		out_int(cx->out, "offset", o->offset);
		out_str(cx->out, "state", o->state);
		out_str(cx->out, "source", o->source);
		show_stack(cx, "allocated", &o->alloc);
		show_stack(cx, "freed", &o->freed);
	}
	out_list_end(cx->out);
}

static void show_suspects(struct cx *cx, struct triage *tr)
{
	out_list_begin(cx->out, "suspects");
	for (size_t i = 1; i < tr->finding.n; i++) {
		const struct finding *f = tr->finding.v[i];
		if (f->class == VERDICT_ALIVE || f->class == VERDICT_UNKNOWN)
			continue;
		out_row(cx->out);
		out_str(cx->out, "class", verdict_class_name(f->class));
		out_str(cx->out, "title", triage_title(tr, f));
		out_str(cx->out, "rule", f->rule);
		out_str(cx->out, "culprit", finding_culprit(f));
		show_statements(cx, f);
	}
	out_list_end(cx->out);
}

static void show_taints(struct cx *cx, const struct triage *tr)
{
	out_list_begin(cx->out, "taints");
	for (size_t i = 0; i < tr->facts.taint.n; i++) {
		const struct taint *taint = tr->facts.taint.v + i;
		out_row(cx->out);
		out_strf(cx->out, "letter", "%c", taint->letter);
		out_str(cx->out, "meaning", taint->meaning);
		out_str(cx->out, "modules", taint->modules);
		if (taint->modules)
			out_strf(cx->out, "by", " (%s)", taint->modules);
	}
	out_list_end(cx->out);
}

static void show_ledger(struct cx *cx, const struct triage *tr)
{
	out_list_begin(cx->out, "ledger");
	for (size_t i = 0; i < tr->ledger.n; i++) {
		out_row(cx->out);
		out_str(cx->out, "what", tr->ledger.v[i].what);
		out_str(cx->out, "text", tr->ledger.v[i].text);
	}
	out_list_end(cx->out);
}

static void show_culprit(struct cx *cx, const struct finding *f)
{
	out_str(cx->out, "culprit", finding_culprit(f));
	if (!f->calls || f->culprit >= f->calls->n)
		return;
	const struct call *c = f->calls->call + f->culprit;
	out_str(cx->out, "module", c->module);
	if (c->file)
		out_strf(cx->out, "source", "%s:%d", c->file, c->line);
}

static void show_signature(struct cx *cx, struct triage *tr, const struct finding *f)
{
	scoped_strbuf struct strbuf exact = { 0 }, coarse = { 0 }, titles = { 0 };
	char hash[SIGNATURE_DIGITS + 1];
	signature_lines(tr, f, false, &exact);
	signature_lines(tr, f, true, &coarse);
	signature_hash(strbuf_text(&exact), hash);
	out_str(cx->out, "signature", hash);
	signature_hash(strbuf_text(&coarse), hash);
	out_str(cx->out, "coarse", hash);
	out_str(cx->out, "signature_lines", strbuf_text(&exact));
	out_str(cx->out, "coarse_lines", strbuf_text(&coarse));
	signature_titles(tr, &titles);
	out_str(cx->out, "titles", strbuf_text(&titles));
}

static struct err *triage_command(struct cx *cx, const struct args *a)
{
	(void)a;
	scoped_triage struct triage tr;
	struct err *err = triage_run(cx->target, &tr);
	if (err)
		return err;
	const struct finding *f = tr.finding.v[0];
	out_table(cx->out, &triage_table);
	out_row(cx->out);
	out_str(cx->out, "title", triage_title(&tr, f));
	out_str(cx->out, "class", verdict_class_name(f->class));
	out_str(cx->out, "confidence", confidence_name(f->confidence));
	show_culprit(cx, f);
	if (f->has_task) {
		out_uint(cx->out, "pid", f->task.pid);
		out_addr(cx->out, "task", f->task.va);
		if (f->task.cpu != TASK_CPU_UNKNOWN)
			out_uint(cx->out, "cpu", f->task.cpu);
		out_str_n(cx->out, "comm", f->task.comm, (size_t)task_comm_length(&f->task));
	}
	out_str(cx->out, "rule", f->rule);
	show_signature(cx, &tr, f);
	show_statements(cx, f);
	show_calls(cx, f);
	show_call_lines(cx, f);
	show_object(cx, f->object);
	show_taints(cx, &tr);
	show_suspects(cx, &tr);
	show_ledger(cx, &tr);
	return NULL;
}

static const char *const triage_examples[] = {
	"triage\tthe verdict, with its evidence",
	NULL,
};

const struct command cmd_triage = {
	.name = "triage",
	.summary = "what killed it: class, culprit, object, and the evidence for each",
	.details = "Each statement says whether memory, the log or inference shows it, and the "
		   "command that shows it\n"
		   "again. ALSO lists what else is wrong, NOT SEEN what could not be looked at.",
	.examples = triage_examples,
	.run = triage_command,
};
