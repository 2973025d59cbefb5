/* depot: call stacks that the kernel saved, by their handles. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column stack_columns[] = { { "handle" }, { "extra" }, { "count" },
	{ "nframes", .title = "FRAMES" }, { "freed", .hidden = true },
	{ "record", .object = "struct stack_record" }, { "sorted_by", .title = "SORTED BY" },
	{ "frames", .list = &stack_rows_table }, { 0 } };
static const struct table stack_table = { .layout = LAYOUT_HEADLINE, .columns = stack_columns };

static const struct column summary_columns[] = { { "pools" }, { "pool_bytes", .title = "EACH" },
	{ "stacks" }, { "freed" }, { "nframes", .title = "FRAMES" }, { "deepest" }, { "counted" },
	{ "used_bytes", .title = "USED" }, { 0 } };
static const struct table summary_table = { .layout = LAYOUT_RECORD, .columns = summary_columns };

static const struct option depot_options[] = { { 'a', NULL, "all stacks" },
	{ 's', "SYMBOL", "all stacks that go through this function" },
	{ 'n', "COUNT", "top: so many, not 10" }, { 0 } };

static void show_stack(
	struct cx *cx, const struct stack_depot_record *r, unsigned extra, const char *sorted_by)
{
	out_row(cx->out);
	out_hex(cx->out, "handle", r->handle);
	if (extra)
		out_hex(cx->out, "extra", extra);
	if (r->has_count)
		out_uint(cx->out, "count", r->count);
	out_uint(cx->out, "nframes", r->nframes);
	out_bool(cx->out, "freed", r->freed);
	out_addr(cx->out, "record", r->va);
	out_str(cx->out, "sorted_by", sorted_by);
	stack_rows_show(cx, "frames", r->pc, r->freed ? 0 : r->nframes);
}

/* ---- by handle ----------------------------------------------- */

static struct err *show_handles(struct cx *cx, const struct args *a)
{
	struct stack_depot d;
	struct err *err = stack_depot_init(cx->target, &d);
	scoped_free struct stack_depot_record *r = xcalloc(1, sizeof(*r));
	out_table(cx->out, &stack_table);
	for (int i = 0; !err && i < args_count(a); i++) {
		uint64_t handle;
		err = args_addr(a, i, &handle);
		if (!err && handle > UINT32_MAX)
			err = args_error(a, i, "a stack handle has 32 bits");
		if (err)
			return err;
		err = stack_depot_find(&d, (uint32_t)handle, r);
		if (!err)
			show_stack(cx, r, stack_depot_extra(&d, (uint32_t)handle), NULL);
		else if (err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}

/* ---- all of them ----------------------------------------------- */

typedef struct err *(*record_fn)(void *cx, const struct stack_depot_record *r);

/* A pool that cannot be read costs its own records only. */
static struct err *each_record(
	struct cx *cx, record_fn each, void *each_cx, struct stack_depot *ret_depot)
{
	scoped_stack_depot_iter struct stack_depot_iter it = { 0 };
	scoped_free struct stack_depot_record *r = xcalloc(1, sizeof(*r));
	bool more = true;
	struct err *err = stack_depot_iter_init(&it, cx->target);
	if (!err && ret_depot)
		*ret_depot = it.depot;
	while (!err) {
		err = stack_depot_iter_next(&it, r, &more);
		if (err && more) {
			out_complain(cx->out, err);
			err = NULL;
			continue;
		}
		if (err || !more)
			return err;
		err = each(each_cx, r);
	}
	return err;
}

struct seen {
	struct cx *cx;
	uint64_t from, to; /* of the function that is asked for; both 0: none */
	uint64_t stacks, freed, frames, deepest, counted;
};

static struct err *show_one(void *cx, const struct stack_depot_record *r)
{
	struct seen *s = cx;
	bool through = !s->to;
	for (uint32_t i = 0; i < r->nframes && !r->freed; i++)
		through |= r->pc[i] >= s->from && r->pc[i] < s->to;
	if (through && !(s->to && r->freed)) {
		show_stack(s->cx, r, 0, NULL);
		s->stacks++;
	}
	return NULL;
}

static struct err *show_through(struct cx *cx, const char *name)
{
	struct seen s = { .cx = cx };
	struct symbol sym;
	if (name && !symtab_find(cx->target->syms, name, &sym))
		return err_new(ERR_USAGE, "there is no symbol %s", name);
	if (name) {
		s.from = sym.va; /* as the frames are printed: an interrupted one may be the first
				    byte */
		s.to = sym.va + sym.size;
	}
	out_table(cx->out, &stack_table);
	struct err *err = each_record(cx, show_one, &s, NULL);
	if (!err && name && !s.stacks)
		return err_new(ERR_NOT_FOUND, "no saved stack goes through %s", name);
	return err;
}

static struct err *count_one(void *cx, const struct stack_depot_record *r)
{
	struct seen *s = cx;
	s->stacks++;
	s->freed += r->freed;
	s->counted += r->has_count && !r->freed;
	s->frames += r->freed ? 0 : r->nframes;
	s->deepest = r->nframes > s->deepest ? r->nframes : s->deepest;
	return NULL;
}

static struct err *show_summary(struct cx *cx)
{
	struct seen s = { .cx = cx };
	struct stack_depot d;
	struct err *err = each_record(cx, count_one, &s, &d);
	uint64_t pools = 0, va;
	if (err)
		return err;
	while (pools < d.npools &&
		vspace_try_word(
			cx->target->kernel, d.pools_va + pools * cx->target->abi.word_bytes, &va) &&
		va)
		pools++;
	out_table(cx->out, &summary_table);
	out_row(cx->out);
	out_uint(cx->out, "pools", pools);
	out_bytes(cx->out, "pool_bytes", d.pool_bytes);
	out_uint(cx->out, "stacks", s.stacks);
	if (d.counted)
		out_uint(cx->out, "freed", s.freed);
	out_uint(cx->out, "nframes", s.frames);
	out_uint(cx->out, "deepest", s.deepest);
	if (d.counted)
		out_uint(cx->out, "counted", s.counted);
	out_bytes(cx->out, "used_bytes",
		s.stacks * d.entries_at + s.frames * cx->target->abi.word_bytes);
	return NULL;
}

/* ---- top ----------------------------------------------- */

struct top_entry {
	uint32_t handle, count, nframes;
};
struct top {
	VEC(struct top_entry) entry;
};

static struct err *collect(void *cx, const struct stack_depot_record *r)
{
	struct top *top = cx;
	struct top_entry e = { r->handle, r->has_count ? r->count : 0, r->nframes };
	if (!r->freed)
		vec_push(&top->entry, e);
	return NULL;
}

static int by_use(const void *a, const void *b)
{
	const struct top_entry *x = a, *y = b;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	if (x->nframes != y->nframes)
		return x->nframes < y->nframes ? 1 : -1;
	return (x->handle > y->handle) - (x->handle < y->handle);
}

static struct err *show_top(struct cx *cx, const struct args *a)
{
	struct top top = { 0 };
	struct stack_depot d;
	uint64_t most;
	scoped_free struct stack_depot_record *r = xcalloc(1, sizeof(*r));
	struct err *err = args_option_uint(a, 'n', 10, &most);
	if (!err)
		err = each_record(cx, collect, &top, &d);
	if (!err && top.entry.n)
		qsort(top.entry.v, top.entry.n, sizeof(*top.entry.v), by_use);
	out_table(cx->out, &stack_table);
	for (size_t i = 0; !err && i < top.entry.n && i < most; i++) {
		err = stack_depot_find(&d, top.entry.v[i].handle, r);
		if (!err)
			show_stack(cx, r, 0, d.counted ? "count" : "depth: uses are not counted");
	}
	vec_deinit(&top.entry);
	return err;
}

static struct err *depot_run(struct cx *cx, const struct args *a)
{
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	if (args_flag(a, 'a') || args_option(a, 's'))
		return show_through(cx, args_option(a, 's'));
	if (!args_count(a))
		return show_summary(cx);
	if (args_count(a) == 1 && !strcmp(args_get(a, 0), "top"))
		return show_top(cx, a);
	return show_handles(cx, a);
}

static const char *const depot_examples[] = {
	"depot\thow many stacks there are",
	"depot 1a40034\tthe stack with this handle",
	"depot top\tthe most used ones, where the kernel counts",
	"depot -s kmem_cache_free\tthose that go through a function",
	NULL,
};

const struct command cmd_depot = {
	.name = "depot",
	.summary = "call stacks that the kernel saved (KASAN, SLUB, page_owner), by handle",
	.usage = "[HANDLE…|top]",
	.options = depot_options,
	.examples = depot_examples,
	.max_args = -1,
	.run = depot_run,
};
