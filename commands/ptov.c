/* ptov: from a physical address to the virtual ones that the kernel has for it. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column ptov_columns[] = {
	{ "physical", .width = WIDTH_ADDRESS },
	{ "virtual", .width = WIDTH_ADDRESS },
	{ "by" },
	{ 0 }
};
static const struct table ptov_table = { .layout = LAYOUT_TABLE, .columns = ptov_columns };

static const struct option ptov_options[] = {
	{ 'a', NULL, "all mappings in the kernel's page table, not only those by windows" },
	{ 0 }
};

static bool in_dump(const struct dump *d, uint64_t pa)
{
	const struct dump_info *info = dump_info(d);
	for (size_t i = 0; i < info->nextents; i++)
		if (pa - info->extent[i].start.v < info->extent[i].size)
			return true;
	return false;
}

static void show(struct cx *cx, uint64_t pa, uint64_t va, const char *by)
{
	out_row(cx->out);
	out_addr(cx->out, "physical", pa);
	out_addr(cx->out, "virtual", va);
	out_str(cx->out, "by", by);
}

/* Linear map and image: a subtraction. */
static unsigned show_windows(struct cx *cx, uint64_t pa)
{
	const struct arch_layout *l = &vspace_facts(cx->target->kernel)->layout;
	unsigned n = 0;
	for (unsigned i = 0; i < l->nwindows; i++) {
		uint64_t off = pa - l->window[i].pa.v;
		if (off < l->window[i].size && in_dump(cx->target->dump, pa)) {
			show(cx, pa, l->window[i].va + off, l->window[i].name);
			n++;
		}
	}
	return n;
}

/* Everything else that maps it: a walk over the whole table. */
static struct err *show_table(struct cx *cx, uint64_t pa, unsigned *n)
{
	const struct arch_layout *l = &vspace_facts(cx->target->kernel)->layout;
	struct table_runs_options o = { .last = UINT64_MAX };
	struct table_run r;
	bool more;

	if (l->paging.two_halves)
		o.lo = UINT64_MAX << l->paging.va_bits;
	struct table_runs *it = table_runs_create(&l->paging, cx->target->dump, l->pgd, &o);
	struct err *err;
	while (!(err = table_runs_next(it, &r, &more)) && more) {
		uint64_t off = pa - r.pa.v, page = 1ull << r.entry_shift;
		if (r.kind != RUN_MAPPED || off >= (r.repeats ? page : r.size))
			continue;
		uint64_t va = r.va + off;
		bool windowed = false;
		for (unsigned i = 0; i < l->nwindows; i++)
			windowed |= va - l->window[i].va < l->window[i].size;
		if (windowed)
			continue;
		show(cx, pa, va, r.repeats ? "page table, and again behind" : "page table");
		++*n;
	}
	table_runs_destroy(it);
	return err;
}

static struct err *ptov_run(struct cx *cx, const struct args *a)
{
	struct err *err = target_need_kernel(cx->target);

	out_table(cx->out, &ptov_table);
	for (int i = 0; !err && i < args_count(a); i++) {
		uint64_t pa;
		err = args_addr(a, i, &pa);
		if (err)
			break;
		unsigned n = show_windows(cx, pa);
		if (args_flag(a, 'a') || !n)
			err = show_table(cx, pa, &n);
		if (err || n)
			continue;
		out_row(cx->out);
		out_addr(cx->out, "physical", pa);
		out_fault(cx->out, "virtual", err_new(ERR_NOT_FOUND, "%s",
			in_dump(cx->target->dump, pa) ? "the kernel has not mapped it"
						      : "no memory of the dump"));
	}
	return err;
}

static const char *const ptov_examples[] = {
	"ptov 40208000\tthe kernel's address of a physical one",
	"ptov -a 40208000\tall its addresses in the kernel's table: vmalloc, vmemmap, fixmap …",
	NULL,
};

const struct command cmd_ptov = {
	.name = "ptov",
	.summary = "physical to virtual",
	.usage = "PHYSICAL…",
	.options = ptov_options,
	.examples = ptov_examples,
	.min_args = 1,
	.max_args = -1,
	.run = ptov_run,
};
