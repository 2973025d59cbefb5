/* pte: what a page-table entry's value means, at each level where it could stand. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column pte_columns[] = {
	{ "value", .width = 18 },
	{ "level", .width = 5 },
	{ "kind", .width = 7 },
	{ "physical", .width = WIDTH_ADDRESS },
	{ "size", .width = 5, .align = ALIGN_RIGHT },
	{ "attributes" },
	{ 0 }
};
static const struct table pte_table = { .layout = LAYOUT_TABLE, .columns = pte_columns };

static const struct option pte_options[] = {
	{ 'l', "LEVEL", "only at this level: pgd, pud, pmd, pte …" },
	{ 0 }
};

static const char *kind_name(enum pte_kind kind)
{
	static const char *const name[] = {
		[PTE_NONE] = "none",
		[PTE_TABLE] = "table",
		[PTE_LEAF] = "leaf",
		[PTE_ABSENT] = "absent",
		[PTE_INVALID] = "invalid",
	};
	return name[kind];
}

static void show_level(struct cx *cx, const struct paging *p, unsigned level, uint64_t raw)
{
	scoped_strbuf struct strbuf words = { 0 };
	struct pte e = p->decode(p, level, raw);
	bool last = level + 1u == p->nlevels;

	out_row(cx->out);
	out_strf(cx->out, "value", "0x%0*llx", p->level[level].entry_bytes * 2,
		(unsigned long long)raw);
	out_str(cx->out, "level", p->level[level].name);
	out_str(cx->out, "kind", kind_name(e.kind));
	if (e.kind == PTE_TABLE || e.kind == PTE_LEAF)
		out_addr(cx->out, "physical", e.pa.v);
	if (e.kind == PTE_LEAF)
		out_bytes(cx->out, "size", 1ull << e.size_shift);
	if (e.kind == PTE_ABSENT && last && page_entry_explain(cx->target, p, raw, &words))
		;
	else if (raw)
		p->describe(p, level, raw, &words);
	out_str(cx->out, "attributes", strbuf_text(&words));
}

/* Levels where the value would be senseless are left out, unless they are asked for. */
static struct err *show_value(struct cx *cx, const struct args *a, int i, const struct paging *p)
{
	const char *wanted = args_option(a, 'l');
	uint64_t raw;
	bool known = false;
	struct err *err = args_addr(a, i, &raw);

	if (err)
		return err;
	if (p->level[0].entry_bytes == 4 && raw > UINT32_MAX)
		return args_error(a, i, "entries of this dump's tables have 32 bits");
	for (unsigned level = 0; level < p->nlevels; level++) {
		enum pte_kind kind = p->decode(p, level, raw).kind;
		bool last = level + 1u == p->nlevels;
		if (wanted && strcmp(wanted, p->level[level].name))
			continue;
		known = true;
		if (wanted || last || kind == PTE_TABLE || kind == PTE_LEAF)
			show_level(cx, p, level, raw);
	}
	return known ? NULL : err_new(ERR_USAGE, "%s: this dump's tables (%s) have no such level",
				      wanted, p->name);
}

static struct err *pte_run(struct cx *cx, const struct args *a)
{
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	struct paging p = page_entry_paging(cx->target);
	out_table(cx->out, &pte_table);
	for (int i = 0; !err && i < args_count(a); i++)
		err = show_value(cx, a, i, &p);
	return err;
}

static const char *const pte_examples[] = {
	"pte 68000040208707\ta value from vtop or rd",
	"pte -l pmd 60000040000711\tas an entry of the middle level",
	NULL,
};

const struct command cmd_pte = {
	.name = "pte",
	.summary = "what the value of a page-table entry means",
	.usage = "VALUE…",
	.options = pte_options,
	.examples = pte_examples,
	.min_args = 1,
	.max_args = -1,
	.run = pte_run,
};
