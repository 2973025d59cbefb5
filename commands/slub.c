/* slub: the slab heap: caches, their slabs, their objects, and what is damaged. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column cache_columns[] = { { "cache", .width = 24 },
	{ "address", .width = WIDTH_ADDRESS, .object = "struct kmem_cache" },
	{ "object_size", .title = "SIZE", .width = 6, .align = ALIGN_RIGHT },
	{ "slot_size", .title = "SLOT", .width = 6, .align = ALIGN_RIGHT },
	{ "inuse", .title = "IN USE", .width = 8, .align = ALIGN_RIGHT },
	{ "active", .width = 8, .align = ALIGN_RIGHT },
	{ "objects", .width = 8, .align = ALIGN_RIGHT },
	{ "slabs", .width = 6, .align = ALIGN_RIGHT }, { "per_slab", .hidden = true },
	{ "order", .width = 5, .align = ALIGN_RIGHT },
	{ "bytes", .width = 7, .align = ALIGN_RIGHT }, { "align", .hidden = true },
	{ "free_pointer", .hidden = true }, { "left_redzone", .hidden = true },
	{ "kernel_objects", .hidden = true }, { "kernel_slabs", .hidden = true }, { "flags" },
	{ 0 } };
static const struct table cache_table = { .layout = LAYOUT_TABLE, .columns = cache_columns };

static const struct column slab_columns[] = { { "slab", .width = WIDTH_ADDRESS,
						      .object = "struct page" },
	{ "memory", .width = WIDTH_ADDRESS }, { "state", .width = 11 },
	{ "cpu", .width = 3, .align = ALIGN_RIGHT },
	{ "inuse", .title = "IN USE", .width = 6, .align = ALIGN_RIGHT },
	{ "free", .width = 6, .align = ALIGN_RIGHT },
	{ "objects", .width = 7, .align = ALIGN_RIGHT }, { "damage" }, { 0 } };
static const struct table slab_table = { .layout = LAYOUT_TABLE, .columns = slab_columns };

static const struct column object_columns[] = { { "object", .width = WIDTH_ADDRESS,
							.object = "void" },
	{ "index", .width = 5, .align = ALIGN_RIGHT }, { "state" }, { 0 } };
static const struct table object_table = { .layout = LAYOUT_TABLE, .columns = object_columns };

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

static void complain(void *to, struct err *err)
{
	struct cx *cx = to;
	out_complain(cx->out, err);
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

static struct err *show_slab(void *to, const struct slab_cache *c, const struct slab_contents *s)
{
	struct cx *cx = to;
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

static struct err *show_objects(void *to, const struct slab_cache *c, const struct slab_contents *s)
{
	struct cx *cx = to;
	for (uint32_t i = 0; i < s->slab.objects; i++) {
		out_row(cx->out);
		out_addr(cx->out, "object", slab_object_va(c, &s->slab, i));
		out_uint(cx->out, "index", i);
		out_str(cx->out, "state", slab_state_name(s->state[i]));
	}
	return NULL;
}

/* ---- the command ----------------------------------------------- */

static const struct slab_cache *cache_of(const struct slab_heap *h, const char *name)
{
	for (size_t i = 0; i < h->ncaches; i++)
		if (!strcmp(h->cache[i].name, name))
			return &h->cache[i];
	return NULL;
}

static struct err *run_over(
	struct cx *cx, const char *name, const struct table *table, slab_contents_fn each)
{
	scoped_slab_heap struct slab_heap h = { 0 };
	struct err *err = slab_heap_read(cx->target, &h);
	if (err)
		return err;
	if (name && !cache_of(&h, name))
		return err_new(ERR_NOT_FOUND, "no cache is called %s: slub lists them", name);
	out_table(cx->out, table);
	out_nothing(cx->out, "%s has no slabs", name ? name : "the heap");
	for (size_t i = 0; !err && i < h.ncaches; i++)
		if (!name || !strcmp(h.cache[i].name, name))
			err = slab_heap_each(&h, &h.cache[i], each, complain, cx);
	return err;
}

static struct err *slub_objects(struct cx *cx, const struct args *a)
{
	uint64_t va;
	struct err *err = NULL;
	if (args_count(a) < 2)
		return args_error(a, 1, "slub obj wants an address");
	out_table(cx->out, &slub_object_table);
	for (int i = 1; i < args_count(a); i++) {
		err = arg_address(cx, a, i, &va);
		if (!err)
			err = slub_show_object(cx, va);
		if (err && (err->code == ERR_USAGE || err->code == ERR_INTERRUPTED))
			return err;
		if (err)
			out_complain(cx->out, err);
	}
	return NULL;
}

static struct err *slub_owners(struct cx *cx, const struct args *a, const char *name)
{
	uint64_t most;
	struct err *err = args_option_uint(a, 'n', 10, &most);
	return err ? err : slub_show_owners(cx, name, most);
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
		return slub_show_check(cx, name);
	if (word && !strcmp(word, "owners"))
		return slub_owners(cx, a, name);
	if (word && !strcmp(word, "objs"))
		return name ? run_over(cx, name, &object_table, show_objects)
			    : err_new(ERR_USAGE, "slub objs wants the name of a cache");
	if (word && name)
		return err_new(
			ERR_USAGE, "slub %s: only obj, objs, check and owners take more", word);
	if (word)
		return run_over(cx, word, &slab_table, show_slab);
	scoped_slab_heap struct slab_heap h = { 0 };
	struct err *err = slab_heap_read(cx->target, &h);
	return err ? err : show_caches(cx, &h);
}

static const struct option slub_options[] = { { 'n', "COUNT", "owners: so many stacks, not 10" },
	{ 0 } };

static const char *const slub_examples[] = {
	"slub\tall caches; ACTIVE is what /proc/slabinfo says, IN USE the truth",
	"slub kmalloc-128\tits slabs",
	"slub objs kmalloc-128\tits objects, allocated and free",
	"slub obj ffffff8003733368\tthe object there, and damage to it",
	"slub check\tdamaged lists, counters, redzones, poison and padding in the whole heap",
	"slub owners -n 3\tthe three allocation stacks that hold most bytes",
	NULL,
};

const struct command cmd_slub = {
	.name = "slub",
	.summary = "the slab heap: caches, slabs, objects, damage",
	.usage = "[CACHE | objs CACHE | obj ADDRESS… | check [CACHE] | owners [-n COUNT] [CACHE]]",
	.options = slub_options,
	.examples = slub_examples,
	.max_args = -1,
	.run = slub_run,
};
