/* fixmap: the slots of enum fixed_addresses and what each maps. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column fixmap_columns[] = { { "slot", .width = 5, .align = ALIGN_RIGHT },
	{ "name", .width = 26 }, { "address", .width = WIDTH_ADDRESS },
	{ "size", .width = 5, .align = ALIGN_RIGHT }, { "physical", .width = WIDTH_ADDRESS },
	{ "attributes" }, { 0 } };
static const struct table fixmap_table = { .layout = LAYOUT_TABLE, .columns = fixmap_columns };

static const struct option fixmap_options[] = { { 'm', NULL, "only slots that map something" },
	{ 0 } };

static struct walk walk_slot(struct target *t, const struct fixmap_slots *s, unsigned slot)
{
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	struct walk w;
	walk_address(&l->paging, t->dump, l->pgd, s->top - slot * s->page, &w);
	return w;
}

/* Slots go down in memory: the next one continues this one where its page is the one before. */
static bool goes_on(const struct walk *a, const struct walk *b, uint64_t page)
{
	bool mapped = a->fault == FAULT_NONE;
	if (mapped != (b->fault == FAULT_NONE))
		return false;
	return !mapped || (b->pa.v == a->pa.v - page && a->size_shift == b->size_shift);
}

/* Whether slots without a name belong to the named one below: windows of several pages are bounded
 * by a name at each end. */
static bool is_window(const char *name)
{
	size_t n = name ? strlen(name) : 0;
	return (n > 6 && !strcmp(name + n - 6, "_BEGIN")) ||
	       (n > 4 && !strcmp(name + n - 4, "_END")) || (name && !strcmp(name, "FIX_VNCR_END"));
}

static void show(struct cx *cx, const struct fixmap_slots *s, unsigned first, unsigned n,
	const struct walk *last)
{
	const struct paging *p = &vspace_facts(cx->target->kernel)->layout.paging;
	unsigned owner = fixmap_owner(s, first);
	const char *name = fixmap_name(s, owner);

	out_row(cx->out);
	out_uint(cx->out, "slot", first);
	if (name && owner == first)
		out_str(cx->out, "name", name);
	else if (name)
		out_strf(cx->out, "name", "%s+%u", name, first - owner);
	out_addr(cx->out, "address", s->top - (first + n - 1) * s->page);
	out_bytes(cx->out, "size", n * s->page);
	if (last->fault)
		return;
	scoped_strbuf struct strbuf words = { 0 };
	const struct walk_step *step = &last->step[last->nsteps - 1];
	p->describe(p, step->level, step->raw, &words);
	out_addr(cx->out, "physical", last->pa.v);
	out_str(cx->out, "attributes", strbuf_text(&words));
}

static struct err *fixmap_run(struct cx *cx, const struct args *a)
{
	struct fixmap_slots s = { 0 };
	struct err *err = target_need_kernel(cx->target);

	if (!err)
		err = fixmap_slots_read(cx->target, &s);
	if (err)
		return err;
	out_table(cx->out, &fixmap_table);
	for (unsigned i = 0; i < s.n;) {
		struct walk first = walk_slot(cx->target, &s, i), last = first, next;
		unsigned n = 1;
		for (; i + n < s.n && !fixmap_name(&s, i + n); n++, last = next) {
			next = walk_slot(cx->target, &s, i + n);
			if (!goes_on(&last, &next, s.page))
				break;
		}
		bool mapped = first.fault == FAULT_NONE;
		if (!mapped && !is_window(fixmap_name(&s, i)))
			n = 1;
		if (mapped || (fixmap_name(&s, i) && !args_flag(a, 'm')))
			show(cx, &s, i, n, &last);
		i += n;
	}
	return interrupt_check();
}

static const char *const fixmap_examples[] = {
	"fixmap\tevery named slot",
	"fixmap -m\twhat is mapped now",
	NULL,
};

const struct command cmd_fixmap = {
	.name = "fixmap",
	.summary = "the compile-time slots of virtual addresses, and what they map",
	.usage = "",
	.details = "Names are those of enum fixed_addresses. Slots grow downwards: of a row of "
		   "several, ADDRESS and "
		   "PHYSICAL are the lowest.",
	.options = fixmap_options,
	.examples = fixmap_examples,
	.run = fixmap_run,
};
