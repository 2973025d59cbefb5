/* slub obj: one object, its neighbours and its past. What it all means is slab_inspect.h's. */
#include "analyzer/kernel/slab_inspect.h"
#include "analyzer/kernel/slab_where.h"
#include "analyzer/shell/kasan_rows.h"
#include "analyzer/shell/slub_rows.h"
#include "analyzer/shell/stack_rows.h"

enum { BAR_WIDTH = 72, FOUND_BYTES = 16 };

static const struct column finding_columns[] = { { "finding" }, { "kind", .hidden = true },
	{ "writer", .hidden = true }, { "bytes", .hidden = true }, { "pointer", .hidden = true },
	{ 0 } };
static const struct table finding_table = { .layout = LAYOUT_LINES, .columns = finding_columns };

static const struct column damage_columns[] = { { "what", .width = 15 },
	{ "range", .width = 10, .text_only = true }, { "first", .hidden = true },
	{ "last", .hidden = true }, { "bytes", .hidden = true }, { "expected", .width = 4 },
	{ "found", .hidden = true },
	{ "found_bytes", .title = "FOUND", .width = 3 * FOUND_BYTES - 1 }, { "text" }, { 0 } };
static const struct table damage_table = { .layout = LAYOUT_TABLE, .columns = damage_columns };

static const struct column picture_columns[] = { { "line", .text_only = true }, { 0 } };
static const struct table picture_table = { .layout = LAYOUT_LINES, .columns = picture_columns };

static const struct column layout_columns[] = { { "letter", .text_only = true },
	{ "range", .width = 13, .align = ALIGN_RIGHT, .text_only = true }, { "part" },
	{ "from", .hidden = true }, { "to", .hidden = true }, { "damaged", .hidden = true },
	{ 0 } };
static const struct table layout_table = { .layout = LAYOUT_LINES, .columns = layout_columns };

static const struct column track_columns[] = { { "doubt", .text_only = true },
	{ "text", .text_only = true }, { "written_over", .hidden = true },
	{ "what", .hidden = true }, { "pid", .hidden = true }, { "cpu", .hidden = true },
	{ "age", .hidden = true }, { "caller", .list = &stack_rows_table },
	{ "frames", .list = &stack_rows_table }, { 0 } };
static const struct table track_table = { .layout = LAYOUT_LINES, .columns = track_columns };

static const struct column beside_columns[] = { { "side", .width = 5 },
	{ "object", .width = WIDTH_ADDRESS }, { "cache", .hidden = true },
	{ "state", .hidden = true }, { "damaged", .hidden = true }, { "text", .text_only = true },
	{ 0 } };
static const struct table beside_table = { .layout = LAYOUT_LINES, .columns = beside_columns };

static const struct column where_columns[] = { { "text" }, { "state", .hidden = true }, { 0 } };
static const struct table where_table = { .layout = LAYOUT_LINES, .columns = where_columns };

static const struct column one_columns[] = { { "object" }, { "state" }, { "offset" }, { "cache" },
	{ "object_size", .title = "SIZE" }, { "asked_for", .title = "ASKED FOR" }, { "index" },
	{ "slab" }, { "place" }, { "place_text", .title = "WHERE", .text_only = true },
	{ "where", .hidden = true, .list = &where_table }, { "doubt" }, { "damaged" },
	{ "findings", .list = &finding_table }, { "damage", .list = &damage_table },
	{ "picture", .text_only = true, .list = &picture_table },
	{ "layout", .list = &layout_table }, { "tracks", .list = &track_table },
	{ "kasan_tracks", .title = "KASAN'S TRACKS", .list = &kasan_tracks_table },
	{ "neighbours", .list = &beside_table }, { 0 } };
const struct table slub_object_table = { .layout = LAYOUT_RECORD, .columns = one_columns };

/* ---- damage ----------------------------------------------- */

static void show_bytes(struct cx *cx, const uint8_t *p, uint64_t n)
{
	scoped_strbuf struct strbuf hex = { 0 }, text = { 0 };
	for (uint64_t i = 0; i < n && i < FOUND_BYTES; i++) {
		strbuf_addf(&hex, "%s%02x", i ? " " : "", p[i]);
		strbuf_add_char(&text, p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '.');
	}
	if (n > FOUND_BYTES)
		strbuf_add(&text, " …");
	out_str(cx->out, "found_bytes", strbuf_text(&hex));
	out_str(cx->out, "text", strbuf_text(&text));
}

static void show_damage(struct cx *cx, const struct slab_inspect *s)
{
	const uint8_t *object = s->slot + s->object.cache.red_left_pad;
	int64_t first = INT64_MAX, last = INT64_MIN;
	for (unsigned i = 0; i < s->ndamage; i++) {
		first = s->damage[i].first < first ? s->damage[i].first : first;
		last = s->damage[i].last > last ? s->damage[i].last : last;
	}
	if (s->ndamage)
		out_strf(cx->out, "damaged", "from offset %lld to %lld", (long long)first,
			(long long)last);
	out_list_begin(cx->out, "damage");
	for (unsigned i = 0; i < s->ndamage; i++) {
		const struct slab_damage *d = &s->damage[i];
		out_row(cx->out);
		out_str(cx->out, "what", d->what);
		out_strf(cx->out, "range", "%lld..%lld", (long long)d->first, (long long)d->last);
		out_int(cx->out, "first", d->first);
		out_int(cx->out, "last", d->last);
		out_uint(cx->out, "bytes", d->bytes);
		out_hex(cx->out, "expected", d->expected);
		out_hex(cx->out, "found", d->found);
		show_bytes(cx, object + d->first, (uint64_t)(d->last + 1 - d->first));
	}
	out_list_end(cx->out);
}

/* ---- findings ----------------------------------------------- */

static void show_overflow(
	struct cx *cx, const struct slab_inspect *s, const struct slab_guess *g, const char *whose)
{
	unsigned long long n = g->bytes;
	uint32_t asked = s->orig_size, size = s->object.cache.object_size;
	const char *least = g->at_least ? "at least " : "";
	bool told = g->object_va == s->object.va && s->has_orig && asked < size;
	if (told && s->layout.habits.orig_filled)
		out_strf(cx->out, "finding",
			"who used %s wrote %s%llu bytes past the %u that it asked for", whose,
			least, n, asked);
	else if (told)
		out_strf(cx->out, "finding",
			"who used %s wrote %s%llu bytes past its end, %llu past the %u "
			"that it asked for",
			whose, least, n, n + size - asked, asked);
	else
		out_strf(cx->out, "finding", "who used %s wrote %s%llu bytes past its end", whose,
			least, n);
}

static void show_guess(struct cx *cx, const struct slab_inspect *s, const struct slab_guess *g)
{
	static const char *const kind[] = { "overflow", "underflow", "use-after-free", "stray",
		"wrong-free" };
	bool own = g->object_va == s->object.va;
	unsigned long long n = g->bytes, object = g->object_va;
	scoped_strbuf struct strbuf whose = { 0 };
	if (own)
		strbuf_add(&whose, "this object");
	else
		strbuf_addf(&whose, "its neighbour 0x%llx", object);
	out_row(cx->out);
	out_str(cx->out, "kind", kind[g->kind]);
	out_addr(cx->out, "writer", g->object_va);
	out_uint(cx->out, "bytes", n);
	if (g->kind == SLAB_GUESS_OVERFLOW)
		show_overflow(cx, s, g, strbuf_text(&whose));
	else if (g->kind == SLAB_GUESS_UNDERFLOW)
		out_strf(cx->out, "finding", "who used %s wrote %llu bytes before its start",
			strbuf_text(&whose), n);
	else if (g->kind == SLAB_GUESS_AFTER_FREE)
		out_strf(cx->out, "finding",
			"who had this object wrote %llu bytes at offset %lld after it was freed", n,
			(long long)g->offset);
	else if (g->kind == SLAB_GUESS_STRAY)
		out_strf(cx->out, "finding",
			"%llu bytes at offset %lld, away from any object's end: a wild write", n,
			(long long)g->offset);
	else
		out_strf(cx->out, "finding",
			"0x%llx was freed, which is no object: a free pointer stands where only "
			"that puts one",
			(unsigned long long)g->pointer);
	if (g->kind == SLAB_GUESS_WRONG_FREE)
		out_addr(cx->out, "pointer", g->pointer);
}

static void describe_pointer(struct cx *cx, uint64_t va, struct strbuf *out)
{
	struct slab_object o;
	struct symbol sym;
	strbuf_addf(out, "0x%llx", (unsigned long long)va);
	if (symtab_at(cx->target->syms, va, &sym)) {
		strbuf_add(out, " ");
		symtab_format(cx->target->syms, va, false, out);
	} else if (slab_object_try_find(cx->target, va, &o)) {
		strbuf_addf(out, " (%s 0x%llx%+lld, %s)", o.cache.name, (unsigned long long)o.va,
			(long long)o.offset, slab_state_name(o.state));
	}
}

static void show_traces(struct cx *cx, const struct slab_inspect *s)
{
	struct slab_traces traces;
	slab_inspect_traces(cx->target, s, &traces);
	if (*traces.text) {
		out_row(cx->out);
		out_str(cx->out, "kind", "text");
		out_strf(cx->out, "finding", "what was written reads \"%s\"", traces.text);
	}
	for (unsigned i = 0; i < traces.npointers; i++) {
		scoped_strbuf struct strbuf what = { 0 };
		describe_pointer(cx, traces.pointer[i], &what);
		out_row(cx->out);
		out_str(cx->out, "kind", "pointer");
		out_addr(cx->out, "pointer", traces.pointer[i]);
		out_strf(cx->out, "finding", "what was written has a pointer: %s",
			strbuf_text(&what));
	}
}

static void show_findings(struct cx *cx, const struct slab_inspect *s,
	const struct slab_inspect *left, const struct slab_inspect *right, unsigned nwhere)
{
	struct slab_guess guess[SLAB_GUESSES_MAX], wrong[SLAB_GUESSES_MAX];
	unsigned n = slab_inspect_guess(s, left, right, guess);
	unsigned nwrong = slab_inspect_wrong_frees(cx->target, s, wrong, SLAB_GUESSES_MAX);
	out_list_begin(cx->out, "findings");
	if (nwhere > 1) {
		out_row(cx->out);
		out_str(cx->out, "kind", "double-free");
		out_strf(cx->out, "finding",
			"it is free in %u places at once: it was freed twice, or a "
			"list was written over",
			nwhere);
	}
	for (unsigned i = 0; i < nwrong; i++)
		show_guess(cx, s, &wrong[i]);
	for (unsigned i = 0; i < n; i++)
		show_guess(cx, s, &guess[i]);
	show_traces(cx, s);
	out_list_end(cx->out);
}

/* ---- layout ----------------------------------------------- */

static bool damaged(const struct slab_inspect *s, int64_t from, int64_t to)
{
	for (unsigned i = 0; i < s->ndamage; i++)
		if (s->damage[i].first < to && s->damage[i].last >= from)
			return true;
	return false;
}

/* Each part as wide as it is long, but no part without a column; a mark below what is damaged. */
static void draw(const struct slab_inspect *s, const struct slab_part *part, unsigned n,
	struct strbuf *bar, struct strbuf *marks)
{
	int64_t size = s->object.cache.size;
	for (unsigned i = 0; i < n; i++) {
		int64_t len = part[i].to - part[i].from, wide = (len * BAR_WIDTH + size / 2) / size;
		wide = wide ? wide : 1;
		for (int64_t k = 0; k < wide; k++) {
			int64_t from = part[i].from + k * len / wide;
			int64_t to = part[i].from + ((k + 1) * len + wide - 1) / wide;
			strbuf_add_char(bar, part[i].letter);
			strbuf_add_char(
				marks, damaged(s, from, to > from ? to : from + 1) ? '^' : ' ');
		}
	}
}

static void show_layout(struct cx *cx, const struct slab_inspect *s)
{
	struct slab_part part[SLAB_PARTS_MAX];
	scoped_strbuf struct strbuf bar = { 0 }, marks = { 0 };
	const struct slab_cache *c = &s->object.cache;
	unsigned n = slab_layout_parts(&s->layout, &s->object.slab, s->slot, part);
	draw(s, part, n, &bar, &marks);
	out_list_begin(cx->out, "picture");
	out_row(cx->out);
	out_str(cx->out, "line", strbuf_text(&bar));
	if (s->ndamage) {
		out_row(cx->out);
		out_str(cx->out, "line", strbuf_text(&marks));
	}
	out_list_end(cx->out);
	out_list_begin(cx->out, "layout");
	for (unsigned i = 0; i < n; i++) {
		bool bad = damaged(s, part[i].from, part[i].to);
		out_row(cx->out);
		out_strf(cx->out, "letter", "%c", part[i].letter);
		out_strf(cx->out, "range", "%d..%d", part[i].from, part[i].to - 1);
		out_str(cx->out, "part", part[i].name);
		out_int(cx->out, "from", part[i].from);
		out_int(cx->out, "to", part[i].to);
		out_bool(cx->out, "damaged", bad);
	}
	if (!s->layout.free_outside) {
		out_row(cx->out);
		out_strf(cx->out, "letter", " ");
		out_strf(cx->out, "range", "%u..%u", c->offset, c->offset + s->layout.word - 1);
		out_str(cx->out, "part", "free pointer, in the object while it is free");
		out_int(cx->out, "from", c->offset);
		out_int(cx->out, "to", (int64_t)c->offset + s->layout.word);
	}
	out_list_end(cx->out);
}

/* ---- tracks ----------------------------------------------- */

/* Whether something wrote over the track: a free pointer that a wrong free put there, or damage
 * that runs from the right redzone into the padding. */
static bool written_over(struct cx *cx, const struct slab_inspect *s, unsigned kind)
{
	struct slab_guess wrong[SLAB_GUESSES_MAX];
	uint32_t bytes = s->layout.track_bytes;
	int64_t from = (int64_t)s->layout.track_at + kind * bytes, to = from + bytes;
	unsigned n = slab_inspect_wrong_frees(cx->target, s, wrong, SLAB_GUESSES_MAX);
	for (unsigned i = 0; i < n; i++) {
		int64_t at = wrong[i].offset + s->object.cache.offset;
		if (at < to && at + s->layout.word > from)
			return true;
	}
	return damaged(s, s->object.cache.object_size, s->object.cache.inuse) &&
	       damaged(s, s->layout.meta_end, s->layout.room);
}

static void show_track(struct cx *cx, const char *what, const struct slab_track *t, bool doubtful)
{
	if (!t->known)
		return;
	out_row(cx->out);
	out_bool(cx->out, "written_over", doubtful);
	if (doubtful)
		out_str(cx->out, "doubt", "written over, in part at least:");
	if (t->has_age)
		out_strf(cx->out, "text",
			"%s by task %u on CPU %u, %llu.%03u s before the end:", what, t->pid,
			t->cpu, (unsigned long long)(t->age_ns / 1000000000),
			(unsigned)(t->age_ns % 1000000000 / 1000000));
	else
		out_strf(cx->out, "text", "%s by task %u on CPU %u:", what, t->pid, t->cpu);
	out_str(cx->out, "what", what);
	out_uint(cx->out, "pid", t->pid);
	out_uint(cx->out, "cpu", t->cpu);
	if (t->has_age)
		out_seconds(cx->out, "age", t->age_ns);
	/* the stack may lack the caller itself: saved frames begin above it on arm */
	bool in_stack = false;
	for (uint32_t i = 0; i < t->nframes; i++)
		in_stack |= t->pc[i] == t->addr;
	if (!in_stack)
		stack_rows_show(cx, "caller", &t->addr, 1);
	stack_rows_show(cx, "frames", t->pc, t->nframes);
}

/* A damaged track is a complaint, beside the other one. */
static void show_tracks(struct cx *cx, const struct slab_inspect *s)
{
	const struct slab_object *o = &s->object;
	static const char *const what[] = { "Allocated", "Freed" };
	if (!slab_cache_has(&o->cache, SLAB_FLAG_STORE_USER))
		return;
	out_list_begin(cx->out, "tracks");
	for (unsigned kind = SLAB_TRACK_ALLOC; kind <= SLAB_TRACK_FREE; kind++) {
		struct slab_track track = { 0 };
		struct err *err = slab_track_read(cx->target, &o->cache, o->va, kind, &track);
		bool stands = !err || track.known;
		if (err)
			out_complain(cx->out, err);
		if (stands)
			show_track(cx, what[kind], &track, written_over(cx, s, kind));
	}
	out_list_end(cx->out);
}

static bool kasan_tracks(struct target *t, uint64_t va, struct kasan_tracks *ret)
{
	struct kasan k;
	struct kasan_object o;
	struct err *err = kasan_init(t, &k);
	if (!err)
		err = kasan_object_find(&k, va, &o);
	if (!err)
		err = kasan_tracks_read(&k, &o, ret);
	bool found = !err && (ret->alloc.known || ret->free.known || ret->aux[0] || ret->aux[1]);
	err_drop(err); /* kasan ADDRESS tells why there are none */
	return found;
}

/* ---- neighbours ----------------------------------------------- */

static void add_event(struct cx *cx, const struct slab_object *o, enum slab_track_kind kind,
	const char *word, struct strbuf *out)
{
	struct slab_track track = { 0 };
	scoped_err struct err *none = slab_track_read(cx->target, &o->cache, o->va, kind, &track);
	if (!track.known)
		return; /* none is kept, or it never happened */
	strbuf_addf(out, ", %s by task %u in ", word, track.pid);
	symtab_format(cx->target->syms, track.addr, false, out);
}

static void show_beside(
	struct cx *cx, const char *side, const struct slab_inspect *s, bool same_slab)
{
	const struct slab_object *o = &s->object;
	scoped_strbuf struct strbuf text = { 0 };
	strbuf_addf(&text, "%s, %s", o->cache.name, slab_state_name(o->state));
	if (!same_slab)
		strbuf_add(&text, " (another slab)");
	if (s->ndamage)
		strbuf_addf(&text, ", damaged: %s at %lld", s->damage[0].what,
			(long long)s->damage[0].first);
	add_event(cx, o, SLAB_TRACK_ALLOC, "allocated", &text);
	if (slab_state_inactive(o->state))
		add_event(cx, o, SLAB_TRACK_FREE, "freed", &text);
	out_row(cx->out);
	out_str(cx->out, "side", side);
	out_addr(cx->out, "object", o->va);
	out_str(cx->out, "cache", o->cache.name);
	out_str(cx->out, "state", slab_state_name(o->state));
	out_bool(cx->out, "damaged", s->ndamage > 0);
	out_str(cx->out, "text", strbuf_text(&text));
}

static bool inspect_beside(struct target *t, const struct slab_object *o,
	bool (*beside)(struct target *, const struct slab_object *, struct slab_object *),
	struct slab_inspect *ret)
{
	struct slab_object other;
	if (!beside(t, o, &other))
		return false;
	scoped_err struct err *none = slab_inspect_read(t, &other, ret);
	return !none;
}

/* ---- all ----------------------------------------------- */

static void show_head(struct cx *cx, const struct slab_inspect *s)
{
	const struct slab_object *o = &s->object;
	out_row(cx->out);
	out_addr(cx->out, "object", o->va);
	out_str(cx->out, "state", slab_state_name(o->state));
	out_int(cx->out, "offset", o->offset);
	out_str(cx->out, "cache", o->cache.name);
	out_uint(cx->out, "object_size", o->cache.object_size);
	if (s->has_orig && !slab_state_inactive(o->state))
		out_uint(cx->out, "asked_for", s->orig_size);
	out_uint(cx->out, "index", o->index);
	out_addr(cx->out, "slab", o->slab.va);
	out_str(cx->out, "place", slab_place_name(o->place));
	if (o->given_up)
		out_str(cx->out, "doubt",
			"the kernel found damage in its slab and gave that up: the "
			"state is by the redzones");
	else if (o->broken)
		out_str(cx->out, "doubt",
			"a free list of its slab is damaged: the state may be wrong");
}

static void show_where(struct cx *cx, const struct slab_where *where, unsigned n)
{
	scoped_strbuf struct strbuf all = { 0 };
	for (unsigned i = 0; i < n; i++) {
		if (i)
			strbuf_add(&all, "; ");
		slab_where_format(&where[i], &all);
	}
	if (n)
		out_str(cx->out, "place_text", strbuf_text(&all));
	out_list_begin(cx->out, "where");
	for (unsigned i = 0; i < n; i++) {
		scoped_strbuf struct strbuf text = { 0 };
		slab_where_format(&where[i], &text);
		out_row(cx->out);
		out_str(cx->out, "text", strbuf_text(&text));
		out_str(cx->out, "state", slab_state_name(where[i].state));
	}
	out_list_end(cx->out);
}

struct err *slub_show_object(struct cx *cx, uint64_t va)
{
	struct slab_object o;
	struct slab_where where[SLAB_WHERE_MAX];
	struct kasan_tracks tracks;
	unsigned nwhere;
	scoped_slab_inspect struct slab_inspect s = { 0 }, left = { 0 }, right = { 0 };
	struct err *err = slab_object_find(cx->target, va, &o);
	if (!err)
		err = slab_inspect_read(cx->target, &o, &s);
	if (!err)
		err = slab_where_read(cx->target, &o, where, &nwhere);
	if (err)
		return err;
	bool has_left = inspect_beside(cx->target, &o, slab_object_left, &left);
	bool has_right = inspect_beside(cx->target, &o, slab_object_right, &right);
	show_head(cx, &s);
	show_where(cx, where, nwhere);
	show_findings(cx, &s, has_left ? &left : NULL, has_right ? &right : NULL, nwhere);
	show_damage(cx, &s);
	show_layout(cx, &s);
	show_tracks(cx, &s);
	if (kasan_tracks(cx->target, va, &tracks))
		kasan_rows_tracks(cx, &tracks, "kasan_tracks");
	out_list_begin(cx->out, "neighbours");
	if (has_left)
		show_beside(cx, "left", &left, left.object.slab.va == o.slab.va);
	if (has_right)
		show_beside(cx, "right", &right, right.object.slab.va == o.slab.va);
	out_list_end(cx->out);
	return NULL;
}
