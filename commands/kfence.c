/* kfence: the objects that KFENCE guards, and what happened to each. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column list_columns[] = { { "index", .width = 5, .align = ALIGN_RIGHT },
	{ "state", .width = 11 }, { "address", .width = WIDTH_ADDRESS, .object = "void" },
	{ "size", .width = 5, .align = ALIGN_RIGHT }, { "cache", .width = 20 },
	{ "pid", .width = 7, .align = ALIGN_RIGHT }, { "time", .width = 13, .align = ALIGN_RIGHT },
	{ "damage" }, { "first_bad", .hidden = true }, { "last_bad", .hidden = true }, { 0 } };
static const struct table list_table = { .layout = LAYOUT_TABLE, .columns = list_columns };

static const struct column track_columns[] = { { "text", .text_only = true },
	{ "what", .hidden = true }, { "pid", .hidden = true }, { "cpu", .hidden = true },
	{ "time", .hidden = true }, { "frames", .list = &stack_rows_table }, { 0 } };
static const struct table track_table = { .layout = LAYOUT_LINES, .columns = track_columns };

static const struct column object_columns[] = { { "index" }, { "state" }, { "address" }, { "size" },
	{ "cache" }, { "page" }, { "place" }, { "unprotected", .title = "OPENED PAGE" },
	{ "damage" }, { "first_bad", .hidden = true }, { "last_bad", .hidden = true },
	{ "metadata" }, { "tracks", .list = &track_table }, { 0 } };
static const struct table object_table = { .layout = LAYOUT_RECORD, .columns = object_columns };

static const struct option kfence_options[] = {
	{ 'a', NULL, "also the objects that were never used" }, { 0 }
};

static void show_damage(struct cx *cx, const struct kfence_object *o)
{
	if (o->state == KFENCE_UNUSED || !o->first_bad)
		return;
	bool before = o->first_bad < o->addr;
	uint64_t n = before ? o->addr - o->first_bad : o->first_bad - o->addr - o->size;
	out_strf(cx->out, "damage", "0x%llx to 0x%llx written: from %llu bytes %s the object",
		(unsigned long long)o->first_bad, (unsigned long long)o->last_bad,
		(unsigned long long)n, before ? "before" : "behind");
	out_addr(cx->out, "first_bad", o->first_bad);
	out_addr(cx->out, "last_bad", o->last_bad);
}

/* ---- all ----------------------------------------------- */

static struct err *show_list(struct cx *cx, const struct kfence *k, bool all)
{
	out_table(cx->out, &list_table);
	scoped_free struct kfence_object *o = xcalloc(1, sizeof(*o));
	for (uint32_t i = 0; i < k->nobjects; i++) {
		struct err *err = interrupt_check();
		if (err)
			return err;
		err = kfence_read(k, i, o);
		if (err) {
			out_complain(cx->out, err);
			continue;
		}
		if (o->state == KFENCE_UNUSED && !all)
			continue;
		const struct kfence_track *t = o->state == KFENCE_ALLOCATED ? &o->alloc : &o->free;
		out_row(cx->out);
		out_uint(cx->out, "index", i);
		out_str(cx->out, "state", kfence_state_name(o->state));
		out_addr(cx->out, "address", o->addr);
		if (o->state == KFENCE_UNUSED)
			continue;
		out_uint(cx->out, "size", o->size);
		out_str(cx->out, "cache", *o->cache ? o->cache : "<destroyed>");
		out_uint(cx->out, "pid", t->pid);
		if (t->has_time)
			out_seconds(cx->out, "time", t->ts_ns);
		show_damage(cx, o);
	}
	return NULL;
}

/* ---- one ----------------------------------------------- */

static void show_track(struct cx *cx, const char *what, const struct kfence_track *t)
{
	out_row(cx->out);
	if (t->has_time)
		out_strf(cx->out, "text", "%s by task %u on CPU %u at %llu.%06us:", what, t->pid,
			t->cpu, (unsigned long long)(t->ts_ns / 1000000000),
			(unsigned)(t->ts_ns % 1000000000 / 1000));
	else
		out_strf(cx->out, "text", "%s by task %u:", what, t->pid);
	out_str(cx->out, "what", what);
	out_uint(cx->out, "pid", t->pid);
	if (t->has_time) {
		out_uint(cx->out, "cpu", t->cpu);
		out_seconds(cx->out, "time", t->ts_ns);
	}
	stack_rows_show(cx, "frames", t->pc, t->nframes);
}

static void show_place(
	struct cx *cx, const struct kfence *k, const struct kfence_object *o, uint64_t va)
{
	unsigned long long n = va < o->addr ? o->addr - va : va - o->addr;
	bool guard = va - o->page_va >= k->page_bytes;
	if (va - o->addr < o->size)
		out_strf(cx->out, "place", "%llu bytes inside of it", n);
	else if (va < o->addr)
		out_strf(cx->out, "place", "%llu bytes before it%s", n,
			guard ? ", in a guard page" : "");
	else
		out_strf(cx->out, "place", "%llu bytes behind its end%s",
			n - (unsigned long long)o->size, guard ? ", in a guard page" : "");
}

static struct err *show_object(struct cx *cx, const struct kfence *k, uint32_t index, uint64_t va)
{
	scoped_free struct kfence_object *o = xcalloc(1, sizeof(*o));
	struct err *err = kfence_read(k, index, o);
	if (err)
		return err;
	out_row(cx->out);
	out_uint(cx->out, "index", index);
	out_str(cx->out, "state", kfence_state_name(o->state));
	out_addr(cx->out, "address", o->addr);
	out_addr(cx->out, "page", o->page_va);
	out_addr(cx->out, "metadata", o->metadata_va);
	if (o->state == KFENCE_UNUSED)
		return NULL;
	out_uint(cx->out, "size", o->size);
	out_str(cx->out, "cache", *o->cache ? o->cache : "<destroyed>");
	if (va)
		show_place(cx, k, o, va);
	if (o->unprotected_page)
		out_addr(cx->out, "unprotected", o->unprotected_page);
	show_damage(cx, o);
	out_list_begin(cx->out, "tracks");
	show_track(cx, "Allocated", &o->alloc);
	if (o->state == KFENCE_FREED || o->state == KFENCE_RCU_FREEING)
		show_track(cx, o->state == KFENCE_FREED ? "Freed" : "Being freed by RCU", &o->free);
	out_list_end(cx->out);
	return NULL;
}

static struct err *show_arg(struct cx *cx, const struct kfence *k, const struct args *a, int i)
{
	uint64_t n;
	uint32_t index;
	struct err *err = args_uint(a, i, &n);
	if (!err && n < k->nobjects)
		return show_object(cx, k, (uint32_t)n, 0);
	err_drop(err); /* no number: perhaps a symbol */
	err = arg_address(cx, a, i, &n);
	if (err)
		return err;
	if (!kfence_index(k, n, &index))
		return err_new(ERR_NOT_FOUND,
			"0x%llx is not in KFENCE's pool, which is 0x%llx to 0x%llx",
			(unsigned long long)n, (unsigned long long)k->pool_va,
			(unsigned long long)(k->pool_va + (k->nobjects + 1ull) * 2 * k->page_bytes -
					     1));
	return show_object(cx, k, index, n);
}

static struct err *kfence_run(struct cx *cx, const struct args *a)
{
	struct kfence k;
	struct err *err = kfence_init(cx->target, &k);
	if (err || !args_count(a))
		return err ? err : show_list(cx, &k, args_flag(a, 'a'));
	out_table(cx->out, &object_table);
	for (int i = 0; i < args_count(a); i++) {
		err = show_arg(cx, &k, a, i);
		if (err && (err->code == ERR_USAGE || err->code == ERR_INTERRUPTED))
			return err;
		if (err)
			out_complain(cx->out, err);
	}
	return NULL;
}

static const char *const kfence_examples[] = {
	"kfence\tthe objects that were guarded, the last state of each",
	"kfence 17\tone of them, with its stacks",
	"kfence ffff00007fc45fc0\tthe one nearest to this address",
	NULL,
};

const struct command cmd_kfence = {
	.name = "kfence",
	.summary = "objects that KFENCE guards: state, stacks, written guard bytes",
	.usage = "[ADDRESS|INDEX…]",
	.options = kfence_options,
	.examples = kfence_examples,
	.max_args = -1,
	.run = kfence_run,
};
