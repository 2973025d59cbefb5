/* slub: the slab heap: caches, their slabs, their objects, and what is damaged. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column cache_columns[] = { { "cache", .width = 24 },
	{ "address", .width = WIDTH_ADDRESS, .object = "struct kmem_cache" },
	{ "object_size", .title = "SIZE", .width = 6, .align = ALIGN_RIGHT },
	{ "slot_size", .title = "SLOT", .width = 6, .align = ALIGN_RIGHT },
	{ "inuse", .title = "IN USE", .width = 8, .align = ALIGN_RIGHT },
	{ "active", .width = 8, .align = ALIGN_RIGHT },
	{ "objects", .width = 8, .align = ALIGN_RIGHT }, { "slabs", .width = 6, .align = ALIGN_RIGHT },
	{ "per_slab", .hidden = true }, { "order", .width = 5, .align = ALIGN_RIGHT },
	{ "bytes", .width = 7, .align = ALIGN_RIGHT }, { "align", .hidden = true },
	{ "free_pointer", .hidden = true }, { "left_redzone", .hidden = true },
	{ "kernel_objects", .hidden = true }, { "kernel_slabs", .hidden = true }, { "flags" }, { 0 } };
static const struct table cache_table = { .layout = LAYOUT_TABLE, .columns = cache_columns };

static const struct column slab_columns[] = {
	{ "slab", .width = WIDTH_ADDRESS, .object = "struct page" },
	{ "memory", .width = WIDTH_ADDRESS }, { "state", .width = 11 },
	{ "cpu", .width = 3, .align = ALIGN_RIGHT },
	{ "inuse", .title = "IN USE", .width = 6, .align = ALIGN_RIGHT },
	{ "free", .width = 6, .align = ALIGN_RIGHT }, { "objects", .width = 7, .align = ALIGN_RIGHT },
	{ "damage" }, { 0 } };
static const struct table slab_table = { .layout = LAYOUT_TABLE, .columns = slab_columns };

static const struct column object_columns[] = { { "object", .width = WIDTH_ADDRESS, .object = "void" },
	{ "index", .width = 5, .align = ALIGN_RIGHT }, { "state" }, { 0 } };
static const struct table object_table = { .layout = LAYOUT_TABLE, .columns = object_columns };

static const struct column damage_columns[] = { { "what", .width = 13 },
	{ "first", .width = 5, .align = ALIGN_RIGHT }, { "last", .width = 5, .align = ALIGN_RIGHT },
	{ "bytes", .width = 5, .align = ALIGN_RIGHT }, { "expected" }, { "found" }, { 0 } };
static const struct table damage_table = { .layout = LAYOUT_TABLE, .columns = damage_columns };

static const struct column track_columns[] = { { "text", .text_only = true },
	{ "what", .hidden = true }, { "pid", .hidden = true }, { "cpu", .hidden = true },
	{ "age", .hidden = true }, { "caller", .list = &stack_rows_table }, { "frames", .list = &stack_rows_table }, { 0 } };
static const struct table track_table = { .layout = LAYOUT_LINES, .columns = track_columns };

static const struct column one_columns[] = { { "object" }, { "state" }, { "offset" }, { "cache" },
	{ "object_size", .title = "SIZE" }, { "index" }, { "slab" }, { "place" }, { "doubt" },
	{ "damage", .list = &damage_table }, { "tracks", .list = &track_table }, { 0 } };
static const struct table one_table = { .layout = LAYOUT_RECORD, .columns = one_columns };

static const struct column check_columns[] = { { "cache", .width = 24 },
	{ "slab", .width = WIDTH_ADDRESS }, { "object", .width = WIDTH_ADDRESS }, { "finding" }, { 0 } };
static const struct table check_table = { .layout = LAYOUT_TABLE, .columns = check_columns };

/* ---- caches ----------------------------------------------- */

static void show_cache(struct cx *cx, const struct slab_cache *c, const struct slab_totals *n)
{
	scoped_strbuf struct strbuf flags = { 0 };
	slab_cache_format_flags(c, &flags);
	out_row(cx->out);
	out_str(cx->out, "cache", c->name);
	out_addr(cx->out, "address", c->va);
	out_uint(cx->out, "object_size", c->object_size);
	out_uint(cx->out, "slot_size", c->size);
	out_uint(cx->out, "inuse", n->inuse);
	if (n->has_kernel) {
		out_uint(cx->out, "active", n->kernel_active);
		out_uint(cx->out, "kernel_objects", n->kernel_objects);
		out_uint(cx->out, "kernel_slabs", n->kernel_slabs);
	}
	out_uint(cx->out, "objects", n->objects);
	out_uint(cx->out, "slabs", n->slabs);
	out_uint(cx->out, "per_slab", c->per_slab);
	out_uint(cx->out, "order", c->order);
	out_bytes(cx->out, "bytes", n->objects * c->size);
	out_uint(cx->out, "align", c->align);
	out_uint(cx->out, "free_pointer", c->offset);
	out_uint(cx->out, "left_redzone", c->red_left_pad);
	out_str(cx->out, "flags", strbuf_text(&flags));
}

static struct err *show_caches(struct cx *cx, struct slab_heap *h)
{
	out_table(cx->out, &cache_table);
	for (size_t i = 0; i < h->ncaches; i++) {
		struct slab_totals n;
		struct err *damage = NULL;
		struct err *err = slab_heap_totals(h, &h->cache[i], &n, &damage);
		if (err)
			return err;
		show_cache(cx, &h->cache[i], &n);
		if (damage)
			out_complain(cx->out, damage);
	}
	if (h->damage)
		out_complain(cx->out, take_ptr(h->damage));
	return NULL;
}

/* ---- the slabs of a cache ----------------------------------------------- */

typedef struct err *(*contents_fn)(
	struct cx *cx, const struct slab_cache *c, const struct slab_contents *s);

/* A slab that cannot be read is a complaint; the others go on. */
static struct err *each_slab(
	struct cx *cx, const struct slab_heap *h, const struct slab_cache *c, contents_fn each)
{
	scoped_slab_held struct slab_held held = { 0 };
	scoped_slab_contents struct slab_contents contents = { 0 };
	struct err *damage = NULL;
	size_t n;
	const struct slab *s = slab_heap_slabs(h, c->va, &n);
	struct err *err = slab_held_read(h->t, c, &held, &damage);
	if (!err && damage)
		out_complain(cx->out, damage);
	for (size_t i = 0; !err && i < n; i++) {
		err = interrupt_check();
		if (err)
			return err;
		err = slab_contents_read(h->t, c, &held, h->code, &s[i], &contents);
		if (!err) {
			err = each(cx, c, &contents);
			continue;
		}
		out_complain(cx->out, err);
		err = NULL;
	}
	return err;
}

static const char *chain_damage(const struct slab_contents *s)
{
	static const char *const word[] = { NULL, "the free list leads astray",
		"the free list has an object twice" };
	enum slab_chain_end end = s->chain.end ? s->chain.end : s->cpu_chain.end;
	if (!end && s->chain.free != s->slab.objects - s->slab.inuse)
		return "the free list is not as long as the counter says";
	return word[end];
}

static struct err *show_slab(
	struct cx *cx, const struct slab_cache *c, const struct slab_contents *s)
{
	(void)c;
	out_row(cx->out);
	out_addr(cx->out, "slab", s->slab.va);
	out_addr(cx->out, "memory", s->slab.base_va);
	out_str(cx->out, "state", slab_place_name(s->place));
	if (s->place == SLAB_PLACE_CPU)
		out_uint(cx->out, "cpu", s->cpu);
	out_uint(cx->out, "inuse", s->slab.objects - s->nfree);
	out_uint(cx->out, "free", s->nfree);
	out_uint(cx->out, "objects", s->slab.objects);
	out_str(cx->out, "damage", chain_damage(s));
	return NULL;
}

static struct err *show_objects(
	struct cx *cx, const struct slab_cache *c, const struct slab_contents *s)
{
	for (uint32_t i = 0; i < s->slab.objects; i++) {
		out_row(cx->out);
		out_addr(cx->out, "object", slab_object_va(c, &s->slab, i));
		out_uint(cx->out, "index", i);
		out_str(cx->out, "state", slab_state_name(s->state[i]));
	}
	return NULL;
}

/* ---- check ----------------------------------------------- */

static void find(struct cx *cx, const struct slab_cache *c, const struct slab_contents *s)
{
	out_row(cx->out);
	out_str(cx->out, "cache", c->name);
	out_addr(cx->out, "slab", s->slab.va);
}

static struct err *check_slab(
	struct cx *cx, const struct slab_cache *c, const struct slab_contents *s)
{
	const char *chain = chain_damage(s);
	if (s->given_up) {
		find(cx, c, s);
		out_str(cx->out, "finding",
			"the kernel found damage here and gave the slab up: all counted as in use");
	}
	if (chain) {
		const struct slab_chain *bad = s->chain.end ? &s->chain : &s->cpu_chain;
		find(cx, c, s);
		if (bad->end)
			out_strf(cx->out, "finding", "%s: 0x%llx, which stands at 0x%llx", chain,
				(unsigned long long)bad->link, (unsigned long long)bad->link_va);
		else
			out_strf(cx->out, "finding", "%s: %u free, counted %u", chain,
				s->chain.free, s->slab.objects - s->slab.inuse);
	}
	for (uint32_t i = 0; i < s->slab.objects; i++) {
		struct slab_damage d[SLAB_DAMAGE_MAX];
		unsigned n = slab_damage_find(c, s->bytes, i, s->state[i] != SLAB_ALLOCATED, d);
		for (unsigned k = 0; k < n; k++) {
			find(cx, c, s);
			out_addr(cx->out, "object", slab_object_va(c, &s->slab, i));
			out_strf(cx->out, "finding",
				"%s of %s object: bytes %lld to %lld, expected 0x%02x, found 0x%02x",
				d[k].what, s->state[i] ? "a free" : "an allocated",
				(long long)d[k].first, (long long)d[k].last, d[k].expected, d[k].found);
		}
	}
	return NULL;
}

/* ---- one object ----------------------------------------------- */

static struct err *show_damage(struct cx *cx, const struct slab_object *o)
{
	struct slab_damage d[SLAB_DAMAGE_MAX];
	uint64_t slot = (uint64_t)o->index * o->cache.size;
	uint8_t *bytes = arena_alloc(cx->arena, o->cache.size);
	struct err *err =
		vspace_read(cx->target->kernel, o->slab.base_va + slot, bytes, o->cache.size);
	if (err)
		return err;
	unsigned n = slab_damage_find(&o->cache, bytes, 0, o->state != SLAB_ALLOCATED, d);
	out_list_begin(cx->out, "damage");
	for (unsigned i = 0; i < n; i++) {
		out_row(cx->out);
		out_str(cx->out, "what", d[i].what);
		out_int(cx->out, "first", d[i].first);
		out_int(cx->out, "last", d[i].last);
		out_uint(cx->out, "bytes", d[i].bytes);
		out_hex(cx->out, "expected", d[i].expected);
		out_hex(cx->out, "found", d[i].found);
	}
	out_list_end(cx->out);
	return NULL;
}

static void show_track(struct cx *cx, const char *what, const struct slab_track *t)
{
	if (!t->known)
		return;
	out_row(cx->out);
	if (t->has_age)
		out_strf(cx->out, "text", "%s by task %u on CPU %u, %llu.%03u s before the end:", what,
			t->pid, t->cpu, (unsigned long long)(t->age_ns / 1000000000),
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
static void show_tracks(struct cx *cx, const struct slab_object *o)
{
	static const char *const what[] = { "Allocated", "Freed" };
	if (!slab_cache_has(&o->cache, SLAB_FLAG_STORE_USER))
		return;
	out_list_begin(cx->out, "tracks");
	for (unsigned kind = SLAB_TRACK_ALLOC; kind <= SLAB_TRACK_FREE; kind++) {
		struct slab_track track;
		struct err *err = slab_track_read(cx->target, &o->cache, o->va, kind, &track);
		if (err)
			out_complain(cx->out, err);
		else
			show_track(cx, what[kind], &track);
	}
	out_list_end(cx->out);
}

static struct err *show_object(struct cx *cx, uint64_t va)
{
	struct slab_object o;
	struct err *err = slab_object_find(cx->target, va, &o);
	if (err)
		return err;
	out_row(cx->out);
	out_addr(cx->out, "object", o.va);
	out_str(cx->out, "state", slab_state_name(o.state));
	out_int(cx->out, "offset", o.offset);
	out_str(cx->out, "cache", o.cache.name);
	out_uint(cx->out, "object_size", o.cache.object_size);
	out_uint(cx->out, "index", o.index);
	out_addr(cx->out, "slab", o.slab.va);
	out_str(cx->out, "place", slab_place_name(o.place));
	if (o.broken)
		out_str(cx->out, "doubt", "a free list of its slab is damaged: the state may be wrong");
	err = show_damage(cx, &o);
	if (!err)
		show_tracks(cx, &o);
	return err;
}

/* ---- the command ----------------------------------------------- */

static const struct slab_cache *cache_of(const struct slab_heap *h, const char *name)
{
	for (size_t i = 0; i < h->ncaches; i++)
		if (!strcmp(h->cache[i].name, name))
			return &h->cache[i];
	return NULL;
}

static struct err *run_over(struct cx *cx, const char *name, const struct table *table,
	contents_fn each)
{
	scoped_slab_heap struct slab_heap h = { 0 };
	struct err *err = slab_heap_read(cx->target, &h);
	if (err)
		return err;
	if (name && !cache_of(&h, name))
		return err_new(ERR_NOT_FOUND, "no cache is called %s: slub lists them", name);
	out_table(cx->out, table);
	for (size_t i = 0; !err && i < h.ncaches; i++)
		if (!name || !strcmp(h.cache[i].name, name))
			err = each_slab(cx, &h, &h.cache[i], each);
	return err;
}

static struct err *slub_objects(struct cx *cx, const struct args *a)
{
	uint64_t va;
	struct err *err = NULL;
	if (args_count(a) < 2)
		return err_new(ERR_USAGE, "slub obj wants an address");
	out_table(cx->out, &one_table);
	for (int i = 1; i < args_count(a); i++) {
		err = arg_address(cx, a, i, &va);
		if (!err)
			err = show_object(cx, va);
		if (err && (err->code == ERR_USAGE || err->code == ERR_INTERRUPTED))
			return err;
		if (err)
			out_complain(cx->out, err);
	}
	return NULL;
}

static struct err *slub_run(struct cx *cx, const struct args *a)
{
	const char *word = args_count(a) ? args_get(a, 0) : NULL;
	const char *name = args_count(a) > 1 ? args_get(a, 1) : NULL;
	if (word && !strcmp(word, "obj"))
		return slub_objects(cx, a);
	if (args_count(a) > 2)
		return err_new(ERR_USAGE, "slub takes one cache");
	if (word && !strcmp(word, "check"))
		return run_over(cx, name, &check_table, check_slab);
	if (word && !strcmp(word, "objs"))
		return name ? run_over(cx, name, &object_table, show_objects)
			    : err_new(ERR_USAGE, "slub objs wants the name of a cache");
	if (word && name)
		return err_new(ERR_USAGE, "slub %s: only obj, objs and check take more", word);
	if (word)
		return run_over(cx, word, &slab_table, show_slab);
	scoped_slab_heap struct slab_heap h = { 0 };
	struct err *err = slab_heap_read(cx->target, &h);
	return err ? err : show_caches(cx, &h);
}

static const char *const slub_examples[] = {
	"slub\tall caches; ACTIVE is what /proc/slabinfo says, IN USE the truth",
	"slub kmalloc-128\tits slabs",
	"slub objs kmalloc-128\tits objects, allocated and free",
	"slub obj ffffff8003733368\tthe object there, and damage to it",
	"slub check\tdamaged free lists, counters, redzones and poison in the whole heap",
	NULL,
};

const struct command cmd_slub = {
	.name = "slub",
	.summary = "the slab heap: caches, slabs, objects, damage",
	.usage = "[CACHE | objs CACHE | obj ADDRESS… | check [CACHE]]",
	.examples = slub_examples,
	.max_args = -1,
	.run = slub_run,
};
