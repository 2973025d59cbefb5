/* kasan: what KASAN knows about an address, and about all of memory. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column variable_columns[] = { { "mark", .width = 1, .text_only = true },
	{ "range", .text_only = true }, { "name" }, { "offset", .hidden = true },
	{ "size", .hidden = true }, { "line", .hidden = true }, { "place", .hidden = true },
	{ "note", .text_only = true }, { 0 } };
static const struct table variable_table = { .layout = LAYOUT_LINES, .columns = variable_columns };

static const struct column kasan_columns[] = { { "address" }, { "mode" }, { "verdict" },
	{ "shadow" }, { "backing" }, { "value" }, { "meaning" }, { "tag", .title = "POINTER TAG" },
	{ "cache" }, { "object" }, { "object_size", .title = "OBJECT SIZE" }, { "place" },
	{ "index", .hidden = true }, { "slab", .hidden = true }, { "variable" },
	{ "variable_address", .title = "AT" }, { "variable_size", .title = "SIZE" }, { "file" },
	{ "task" }, { "pid", .hidden = true }, { "frame" }, { "function" },
	{ "frame_offset", .title = "FRAME OFFSET" }, { "area", .title = "VMALLOC AREA" },
	{ "area_pages", .title = "PAGES" }, { "area_caller", .title = "ALLOCATED AT" },
	{ "shadow_of", .title = "SHADOW OF" }, { "proof", .hidden = true },
	{ "source", .hidden = true }, { "variables", .list = &variable_table },
	{ "tracks", .list = &kasan_tracks_table }, { "memory", .list = &kasan_memory_table },
	{ "values", .list = &kasan_values_table }, { 0 } };
static const struct table kasan_table = { .layout = LAYOUT_RECORD, .columns = kasan_columns };

static const struct option kasan_options[] = {
	{ 'v', NULL, "map: each extent; quarantine: each object; scan: each finding, not 100" },
	{ 0 }
};

/* What could not be found is no failure of the command: the address just is not that. */
static struct err *forgive(struct err *err)
{
	if (!err || (err->code != ERR_NOT_FOUND && err->code != ERR_FAULT))
		return err;
	err_drop(err);
	return NULL;
}

/* ---- an object ----------------------------------------------- */

static struct err *show_object(struct cx *cx, const struct kasan *k, uint64_t va,
	struct kasan_tracks *ret, bool *ret_found)
{
	struct kasan_object o;
	struct err *err = kasan_object_find(k, va, &o);
	if (err)
		return forgive(err);
	struct kasan_place place = kasan_object_place(&o, kasan_untag(k, va));
	*ret_found = true;
	out_str(cx->out, "cache", o.cache.name);
	out_addr(cx->out, "object", o.va);
	out_uint(cx->out, "object_size", o.cache.object_size);
	out_strf(cx->out, "place", "%llu bytes %s it", (unsigned long long)place.bytes,
		place.relation);
	out_uint(cx->out, "index", o.index);
	out_addr(cx->out, "slab", o.slab_va);
	return kasan_tracks_read(k, &o, ret);
}

/* ---- variables ----------------------------------------------- */

static struct err *show_global(struct cx *cx, const struct kasan *k, uint64_t va)
{
	struct kasan_global g;
	struct err *err = kasan_global_find(k, va, &g);
	if (err)
		return forgive(err);
	out_str(cx->out, "variable", g.name);
	out_addr(cx->out, "variable_address", g.va);
	out_uint(cx->out, "variable_size", g.size);
	if (va - g.va < g.size)
		out_strf(cx->out, "place", "%llu bytes inside of it",
			(unsigned long long)(va - g.va));
	else
		out_strf(cx->out, "place", "%llu bytes to the right of it",
			(unsigned long long)(va - g.va - g.size));
	if (*g.file)
		out_str(cx->out, "file", g.file);
	return NULL;
}

static void show_variable(struct cx *cx, const struct kasan_variable *v,
	const struct kasan_variable *meant, uint64_t at)
{
	uint64_t end = v->offset + v->size;
	out_row(cx->out);
	out_str(cx->out, "mark", v == meant ? ">" : "");
	out_strf(cx->out, "range", "[%llu, %llu)", (unsigned long long)v->offset,
		(unsigned long long)end);
	out_str(cx->out, "name", v->name);
	out_uint(cx->out, "offset", v->offset);
	out_uint(cx->out, "size", v->size);
	scoped_strbuf struct strbuf note = { 0 };
	if (v->line) {
		out_uint(cx->out, "line", v->line);
		strbuf_addf(&note, "line %u", v->line);
	}
	if (v == meant) {
		const char *relation = at < v->offset ? "to the left of"
				       : at >= end    ? "to the right of"
						      : "inside of";
		uint64_t n = at < v->offset ? v->offset - at
			     : at >= end    ? at - end
					    : at - v->offset;
		out_strf(cx->out, "place", "%llu bytes %s it", (unsigned long long)n, relation);
		strbuf_addf(&note, "%sthe address is %llu bytes %s it", note.len ? "; " : "",
			(unsigned long long)n, relation);
	}
	if (note.len)
		out_strf(cx->out, "note", "(%s)", strbuf_text(&note));
}

static struct err *show_frame(struct cx *cx, const struct kasan *k, uint64_t va)
{
	struct task task;
	scoped_free struct kasan_frame *f = xcalloc(1, sizeof(*f));
	struct err *err = kasan_stack_task(cx->target, va, &task);
	if (err)
		return forgive(err);
	out_strf(cx->out, "task", "stack of %.*s/%u", task_comm_length(&task), task.comm, task.pid);
	out_uint(cx->out, "pid", task.pid);
	err = kasan_frame_find(k, va, task.stack, f);
	if (err)
		return forgive(err);
	if (va >= f->end_va)
		return NULL; /* the next frame's, which has no description */
	scoped_strbuf struct strbuf function = { 0 };
	symtab_format(cx->target->syms, f->pc, false, &function);
	out_addr(cx->out, "frame", f->va);
	out_str(cx->out, "function", strbuf_text(&function));
	out_uint(cx->out, "frame_offset", va - f->va);
	const struct kasan_variable *meant = kasan_frame_variable(f, va - f->va);
	out_list_begin(cx->out, "variables");
	for (unsigned i = 0; i < f->nvariables; i++)
		show_variable(cx, &f->variable[i], meant, va - f->va);
	out_list_end(cx->out);
	return NULL;
}

/* ---- one address ----------------------------------------------- */

static void show_verdict(struct cx *cx, const struct kasan *k, uint64_t va)
{
	uint8_t b, next = 0;
	uint64_t bad;
	if (!kasan_try_byte(k, va, &b))
		return;
	kasan_try_byte(k, va + k->granule, &next);
	if (kasan_backing(k, va, NULL) == KASAN_ZERO)
		out_str(cx->out, "verdict", "not watched: the shared zero page stands for it");
	else if (kasan_accessible(k, va, 1, &bad))
		out_str(cx->out, "verdict", "may be accessed");
	else if (k->mode == KASAN_GENERIC)
		out_str(cx->out, "verdict", kasan_bug_type(k, b, next));
	else
		out_str(cx->out, "verdict", "the pointer's tag is not the memory's");
}

static void show_shadow(struct cx *cx, const struct kasan *k, uint64_t va)
{
	enum fault_kind fault;
	enum kasan_backing backing = kasan_backing(k, va, &fault);
	uint8_t b;
	show_verdict(cx, k, va);
	if (backing == KASAN_OUTSIDE) {
		out_str(cx->out, "verdict", kasan_wild_bug_type(k, kasan_untag(k, va)));
		return;
	}
	out_addr(cx->out, "shadow", kasan_to_shadow(k, va));
	if (backing == KASAN_UNMAPPED)
		out_fault(cx->out, "backing", err_fault(fault, kasan_to_shadow(k, va), "shadow"));
	else
		out_str(cx->out, "backing", kasan_backing_name(backing));
	if (!kasan_try_byte(k, va, &b))
		return;
	out_hex(cx->out, "value", b);
	out_str(cx->out, "meaning", kasan_value_name(k, b));
}

static bool is_global_address(struct cx *cx, uint64_t va)
{
	struct symbol s;
	return symtab_at(cx->target->syms, va, &s) && !strchr("tTwW", s.type);
}

static struct err *show_address(struct cx *cx, const struct kasan *k, uint64_t va)
{
	struct kasan_tracks tracks = { 0 };
	uint64_t plain = kasan_untag(k, va);
	bool in_object = false, is_global = is_global_address(cx, plain);
	out_table(cx->out, &kasan_table);
	out_row(cx->out);
	out_addr(cx->out, "address", plain);
	out_str(cx->out, "mode", kasan_mode_name(k->mode));
	if (k->mode != KASAN_GENERIC)
		out_hex(cx->out, "tag", kasan_tag(k, va));
	out_str(cx->out, "proof", k->proof);
	out_str(cx->out, "source", k->source);
	if (k->mode != KASAN_HW_TAGS)
		show_shadow(cx, k, va);
	else
		out_str(cx->out, "verdict", "memory tags are not in the dump: no format has them");
	if (k->mode != KASAN_HW_TAGS && plain >= k->start && plain <= k->end - 1)
		out_addr(cx->out, "shadow_of", kasan_from_shadow(k, plain));
	struct err *err = show_object(cx, k, va, &tracks, &in_object);
	if (err && err->code != ERR_INTERRUPTED) {
		out_complain(cx->out, err);
		err = NULL;
	}
	if (!err && !in_object && is_global)
		err = show_global(cx, k, plain);
	else if (!err && !in_object)
		err = show_frame(cx, k, plain);
	if (!in_object && !is_global)
		kasan_rows_area(cx, plain);
	if (in_object)
		kasan_rows_tracks(cx, &tracks, "tracks");
	else if (!is_global)
		kasan_rows_page(cx, plain, "tracks");
	if (k->mode != KASAN_HW_TAGS && kasan_covers(k, va)) {
		kasan_rows_memory(cx, k, "memory", va);
		kasan_rows_values(cx, k, "values", va);
	}
	return err;
}

static struct err *kasan_run(struct cx *cx, const struct args *a)
{
	static const struct {
		const char *word;
		struct err *(*run)(struct cx *cx, const struct kasan *k, const struct args *a);
	} form[] = { { "map", kasan_map_run }, { "scan", kasan_scan_run },
		{ "quarantine", kasan_quarantine_run }, { "report", kasan_report_run } };
	struct kasan k;
	struct err *err = kasan_init(cx->target, &k);
	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(form); i++)
		if (!strcmp(args_get(a, 0), form[i].word))
			return form[i].run(cx, &k, a);
	for (int i = 0; i < args_count(a); i++) {
		uint64_t va;
		err = arg_address(cx, a, i, &va);
		if (!err)
			err = show_address(cx, &k, va);
		if (err && (err->code == ERR_USAGE || err->code == ERR_INTERRUPTED))
			return err;
		if (err)
			out_complain(cx->out, err);
	}
	return NULL;
}

static const char *const kasan_examples[] = {
	"kasan ffffff8000f85200\tits shadow, and whose memory it is",
	"kasan map\twhich memory has a shadow of its own",
	"kasan scan\thow often each value stands there, and what contradicts itself",
	"kasan scan kmalloc-64\tthe objects of one cache against the allocator",
	"kasan quarantine\tfreed objects that are held back",
	"kasan report\tthe last report again from memory, beside the log's",
	NULL,
};

const struct command cmd_kasan = {
	.name = "kasan",
	.summary = "KASAN's shadow: what it says of an address, and where it contradicts itself",
	.usage = "ADDRESS…|map|scan [START END|CACHE]|quarantine|report",
	.options = kasan_options,
	.examples = kasan_examples,
	.min_args = 1,
	.max_args = -1,
	.complete = "symbol",
	.run = kasan_run,
};
