/* page_owner: who allocated a page, and who has most. */
#include "analyzer/api.h"
#include "analyzer/model.h"

#define NS_PER_SECOND 1000000000

static const struct column stack_columns[] = { { "text", .text_only = true },
	{ "what", .hidden = true }, { "handle", .hidden = true },
	{ "frames", .list = &stack_rows_table }, { 0 } };
static const struct table stack_table = { .layout = LAYOUT_LINES, .columns = stack_columns };

static const struct column owner_columns[] = { { "pfn", .title = "PFN" },
	{ "address", .hidden = true }, { "state" }, { "order" }, { "gfp", .title = "GFP MASK" },
	{ "gfp_flags", .title = "GFP FLAGS" }, { "pid" }, { "tgid" },
	{ "comm", .title = "COMMAND" }, { "time", .title = "ALLOCATED AT" },
	{ "age", .title = "SECONDS AGO" }, { "free_time", .title = "FREED AT" },
	{ "free_pid", .title = "FREED BY" }, { "free_tgid", .hidden = true },
	{ "migrate_reason", .title = "MIGRATED" }, { "handle", .hidden = true },
	{ "free_handle", .hidden = true }, { "stacks", .list = &stack_table }, { 0 } };
static const struct table owner_table = { .layout = LAYOUT_RECORD, .columns = owner_columns };

static const struct column top_columns[] = { { "pages" }, { "bytes" }, { "allocations" },
	{ "handle" }, { "oldest" }, { "newest" }, { "last_pfn", .title = "LAST PFN" },
	{ "frames", .list = &stack_rows_table }, { 0 } };
static const struct table top_table = { .layout = LAYOUT_HEADLINE, .columns = top_columns };

static const struct option owner_options[] = {
	{ 'a', NULL, "each allocation without its stack, as debugfs' page_owner has them" },
	{ 'n', "COUNT", "top: so many, not 10" }, { 0 }
};

/* ---- one page ----------------------------------------------- */

static void show_stack(struct cx *cx, const char *what, uint32_t handle)
{
	uint64_t pcs[STACK_DEPOT_FRAMES_MAX];
	size_t n;
	if (!handle)
		return;
	out_row(cx->out);
	out_strf(cx->out, "text", "%s:", what);
	out_str(cx->out, "what", what);
	out_hex(cx->out, "handle", handle);
	struct err *err = stack_depot_fetch(cx->target, handle, pcs, STACK_DEPOT_FRAMES_MAX, &n);
	if (err)
		out_complain(cx->out, err);
	else
		stack_rows_show(cx, "frames", pcs, n);
}

static void show_free(struct cx *cx, const struct page_owner *o)
{
	if (o->has_times && o->free_ts_ns)
		out_seconds(cx->out, "free_time", o->free_ts_ns);
	if (o->has_free_task && o->free_handle) {
		out_uint(cx->out, "free_pid", o->free_pid);
		out_uint(cx->out, "free_tgid", o->free_tgid);
	}
}

static void show_owner(struct cx *cx, const struct page_owner *o, bool stacks)
{
	scoped_strbuf struct strbuf gfp = { 0 };
	struct system_clock clock;
	uint64_t page_va;
	out_row(cx->out);
	out_uint(cx->out, "pfn", o->pfn);
	struct err *err = page_of_pfn(cx->target, o->pfn, &page_va);
	if (!err)
		out_addr(cx->out, "address", page_va);
	err_drop(err); /* the owner is known all the same */
	out_str(cx->out, "state",
		!o->known      ? "never allocated since boot"
		: o->allocated ? "allocated"
			       : "free");
	if (!o->known)
		return;
	page_owner_gfp_format(cx->target, o->gfp, &gfp);
	out_uint(cx->out, "order", o->order);
	out_hex(cx->out, "gfp", o->gfp);
	out_str(cx->out, "gfp_flags", strbuf_text(&gfp));
	if (o->has_task) {
		out_uint(cx->out, "pid", o->pid);
		out_uint(cx->out, "tgid", o->tgid);
		out_str_n(cx->out, "comm", o->comm, strnlen(o->comm, sizeof(o->comm)));
	}
	if (o->has_times) {
		out_seconds(cx->out, "time", o->ts_ns);
		err = stacks ? system_clock_read(cx->target, &clock) : NULL;
		if (!err && stacks && clock.uptime_s * NS_PER_SECOND > (int64_t)o->ts_ns)
			out_uint(cx->out, "age",
				(uint64_t)clock.uptime_s - o->ts_ns / NS_PER_SECOND);
		err_drop(err); /* without the time of death there is no age */
	}
	show_free(cx, o);
	if (o->last_migrate_reason != -1)
		out_int(cx->out, "migrate_reason", o->last_migrate_reason);
	out_hex(cx->out, "handle", o->handle);
	out_hex(cx->out, "free_handle", o->free_handle);
	if (!stacks)
		return;
	out_list_begin(cx->out, "stacks");
	show_stack(cx, o->allocated ? "Allocated" : "Last allocated", o->handle);
	show_stack(cx, o->allocated ? "Before that freed" : "Freed", o->free_handle);
	out_list_end(cx->out);
}

static struct err *show_pages(struct cx *cx, const struct args *a)
{
	struct page_owner_source s;
	struct err *err = page_owner_init(cx->target, &s);
	out_table(cx->out, &owner_table);
	for (int i = 0; !err && i < args_count(a); i++) {
		struct page_owner o;
		uint64_t pfn;
		err = arg_page(cx, a, i, false, &pfn);
		if (err && err->code == ERR_USAGE)
			return err;
		if (!err)
			err = page_owner_read(&s, pfn, &o);
		if (!err)
			show_owner(cx, &o, true);
		else
			out_complain(cx->out, err);
		err = NULL;
	}
	return err;
}

/* ---- all pages ----------------------------------------------- */

static struct err *show_all(struct cx *cx)
{
	struct page_owner_iter it;
	struct page_owner o;
	bool more;
	struct err *err = page_owner_iter_init(&it, cx->target);
	out_table(cx->out, &owner_table);
	while (!err && !(err = page_owner_iter_next(&it, &o, &more)) && more)
		show_owner(cx, &o, false);
	return err;
}

struct holder {
	uint32_t handle;
	uint64_t pages, allocations, oldest_ns, newest_ns, last_pfn;
	bool has_times;
};
struct holders {
	VEC(struct holder) holder;
	uint32_t *slot; /* open addressing by handle: index + 1 */
	size_t nslots;
};

static struct holder *find_holder(struct holders *h, uint32_t handle)
{
	if (h->holder.n * 2 >= h->nslots) {
		free(h->slot);
		h->nslots = h->nslots ? h->nslots * 2 : 1024;
		h->slot = xcalloc(h->nslots, sizeof(*h->slot));
		for (size_t i = 0; i < h->holder.n; i++) {
			size_t at = h->holder.v[i].handle * 2654435761u & (h->nslots - 1);
			while (h->slot[at])
				at = (at + 1) & (h->nslots - 1);
			h->slot[at] = (uint32_t)i + 1;
		}
	}
	size_t at = handle * 2654435761u & (h->nslots - 1);
	for (; h->slot[at]; at = (at + 1) & (h->nslots - 1))
		if (h->holder.v[h->slot[at] - 1].handle == handle)
			return &h->holder.v[h->slot[at] - 1];
	struct holder one = { .handle = handle, .oldest_ns = UINT64_MAX };
	vec_push(&h->holder, one);
	h->slot[at] = (uint32_t)h->holder.n;
	return &h->holder.v[h->holder.n - 1];
}

static int by_pages(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;
	if (x->pages != y->pages)
		return x->pages < y->pages ? 1 : -1;
	return (x->handle > y->handle) - (x->handle < y->handle);
}

static void show_holder(struct cx *cx, const struct holder *h)
{
	uint64_t pcs[STACK_DEPOT_FRAMES_MAX];
	size_t n;
	out_row(cx->out);
	out_uint(cx->out, "pages", h->pages);
	out_bytes(cx->out, "bytes", h->pages << page_shift(cx->target));
	out_uint(cx->out, "allocations", h->allocations);
	out_hex(cx->out, "handle", h->handle);
	if (h->has_times) {
		out_seconds(cx->out, "oldest", h->oldest_ns);
		out_seconds(cx->out, "newest", h->newest_ns);
	}
	out_uint(cx->out, "last_pfn", h->last_pfn);
	struct err *err = stack_depot_fetch(cx->target, h->handle, pcs, STACK_DEPOT_FRAMES_MAX, &n);
	if (err)
		out_complain(cx->out, err);
	else
		stack_rows_show(cx, "frames", pcs, n);
}

static struct err *show_top(struct cx *cx, const struct args *a)
{
	struct holders all = { 0 };
	struct page_owner_iter it;
	struct page_owner o;
	bool more;
	uint64_t most;
	struct err *err = args_option_uint(a, 'n', 10, &most);
	if (!err)
		err = page_owner_iter_init(&it, cx->target);
	while (!err && !(err = page_owner_iter_next(&it, &o, &more)) && more) {
		struct holder *h = find_holder(&all, o.handle);
		h->pages += 1ull << o.order;
		h->allocations++;
		h->has_times = o.has_times;
		h->oldest_ns = o.ts_ns < h->oldest_ns ? o.ts_ns : h->oldest_ns;
		h->newest_ns = o.ts_ns > h->newest_ns ? o.ts_ns : h->newest_ns;
		h->last_pfn = o.pfn;
	}
	if (!err && all.holder.n)
		qsort(all.holder.v, all.holder.n, sizeof(*all.holder.v), by_pages);
	out_table(cx->out, &top_table);
	for (size_t i = 0; !err && i < all.holder.n && i < most; i++)
		show_holder(cx, &all.holder.v[i]);
	free(all.slot);
	vec_deinit(&all.holder);
	return err;
}

static struct err *page_owner_run(struct cx *cx, const struct args *a)
{
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	if (args_flag(a, 'a'))
		return show_all(cx);
	if (!args_count(a) || !strcmp(args_get(a, 0), "top"))
		return show_top(cx, a);
	return show_pages(cx, a);
}

static const char *const owner_examples[] = {
	"page_owner 0x40f80\twho allocated this page frame, and who freed it before",
	"page_owner ffffff8000f85000\tthe page that holds this address",
	"page_owner top\tthe stacks that hold most pages",
	NULL,
};

const struct command cmd_page_owner = {
	.name = "page_owner",
	.summary = "who allocated a page (kernels booted with page_owner=on)",
	.usage = "[PFN|ADDRESS…|top]",
	.options = owner_options,
	.examples = owner_examples,
	.max_args = -1,
	.run = page_owner_run,
};
