/* page: what one page of memory is used for. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct option page_options[] = { { 'p', NULL, "the arguments are physical addresses" },
	{ 0 } };

/* A page that cannot be shown is a complaint; the others go on. */
static struct err *show(struct cx *cx, const struct args *a, int i, const struct zone_map *zones)
{
	struct page_state s;
	uint64_t pfn;
	struct err *err = arg_page(cx, a, i, args_flag(a, 'p'), &pfn);
	if (err && err->code == ERR_USAGE)
		return err;
	if (!err)
		err = page_state_read(cx->target, pfn, &s);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	if (err)
		out_complain(cx->out, err);
	else
		page_rows_show(cx, zones, &s);
	return NULL;
}

static struct err *page_run(struct cx *cx, const struct args *a)
{
	scoped_zone_map struct zone_map zones = { 0 };
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	out_table(cx->out, &page_rows_table);
	err = zone_map_read(cx->target, &zones);
	if (err)
		out_complain(cx->out, err); /* pages are shown without their zones */
	err = NULL;
	for (int i = 0; !err && i < args_count(a); i++)
		err = show(cx, a, i, &zones);
	return err;
}

static const char *const page_examples[] = {
	"page 0x40f80\tthe page frame of this number",
	"page ffffff8000f85000\tthe page that holds this address, or whose struct page is there",
	"page -p 40f80000\tthe page at this physical address",
	"walk page | first 3 | page\tpages by their structs",
	NULL,
};

const struct command cmd_page = {
	.name = "page",
	.summary = "what a page is used for: flags, counts, folio, file, slab, free block, owner",
	.usage = "PFN|ADDRESS…",
	.details = "OWNER is one word: reserved, buddy (free), slab, anon, ksm, file, movable, "
		   "kernel, page "
		   "table, another page type, or free (on a CPU's list). MAPCOUNT is what "
		   "/proc/kpagecount "
		   "counts. FILE is the path within its own file system. Who allocated the page is "
		   "known "
		   "where the kernel was booted with page_owner=on.",
	.options = page_options,
	.examples = page_examples,
	.min_args = 1,
	.max_args = -1,
	.takes = "struct page",
	.run = page_run,
};
