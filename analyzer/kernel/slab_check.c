/*
 * mm/slub.c, validate_slab_cache(), on_freelist(), check_object(), 4.19 to 7.2, and what the kernel
 * never looks at: sheaves, the counters of nodes, caches that are on no list. A CPU may be in the
 * midst of an operation when the machine dies: counters may be off by what CPUs have in their
 * hands.
 */
#include "analyzer/kernel/slab_check.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/slab_object.h"

struct checking {
	const struct slab_heap *h;
	const struct slab_cache *c;
	struct slab_layout layout;
	struct slab_held held;
	slab_finding_fn each;
	void *cx;
};

static struct err *tell(const struct checking *k, struct slab_finding f)
{
	f.cache = k->c;
	return k->each(k->cx, &f);
}

/* ---- a slab ----------------------------------------------- */

static struct err *check_lists(const struct checking *k, const struct slab_contents *s)
{
	const struct slab_chain *chain[] = { &s->chain, &s->cpu_chain };
	struct slab_finding f = { .slab_va = s->slab.va };
	struct err *err = NULL;
	f.kind = SLAB_FINDING_GIVEN_UP;
	if (s->given_up)
		err = tell(k, f);
	f.kind = SLAB_FINDING_CHAIN;
	for (unsigned i = 0; !err && i < 2; i++) {
		uint32_t index;
		f.chain = *chain[i];
		f.object_va = f.chain.link_va && slab_object_index(k->c, &s->slab,
							 f.chain.link_va - k->c->offset, &index)
				      ? f.chain.link_va - k->c->offset
				      : 0;
		if (f.chain.end)
			err = tell(k, f);
	}
	f.kind = SLAB_FINDING_LENGTH;
	f.object_va = 0;
	f.found = s->chain.free;
	f.said = s->slab.objects - s->slab.inuse;
	if (!err && !s->chain.end && !s->cpu_chain.end && f.found != f.said)
		err = tell(k, f);
	f.kind = SLAB_FINDING_TWICE;
	for (uint32_t i = 0; !err && i < s->ntwice; i++) {
		f.object_va = slab_object_va(k->c, &s->slab, s->twice[i]);
		f.state = s->state[s->twice[i]];
		err = tell(k, f);
	}
	return err;
}

/* Since 7.0 objects may be handed out from a new slab before they are on any list: their free
 * pointer's place has the padding's pattern. */
static bool never_linked(const uint8_t *at, unsigned word)
{
	enum { POISON_INUSE = 0x5a };
	while (word && at[word - 1] == POISON_INUSE)
		word--;
	return !word;
}

/* check_object(): a free pointer outside of the object is never written by its users. */
static struct err *check_pointer(
	const struct checking *k, const struct slab_contents *s, uint32_t i)
{
	const struct target *t = k->h->t;
	uint64_t off = (uint64_t)i * k->c->size + k->c->red_left_pad + k->c->offset, next;
	uint32_t index;
	if (!range_inside(off, t->abi.word_bytes, (uint64_t)k->c->size * s->slab.objects) ||
		never_linked(s->bytes + off, t->abi.word_bytes))
		return NULL;
	next = slab_untag(t, slab_freelist_decode(t, k->c, k->h->code,
				     get_word(&t->abi, s->bytes + off), s->slab.base_va + off));
	if (!next || slab_object_index(k->c, &s->slab, next, &index))
		return NULL;
	return tell(k, (struct slab_finding){ .kind = SLAB_FINDING_POINTER,
			       .slab_va = s->slab.va,
			       .object_va = slab_object_va(k->c, &s->slab, i),
			       .state = s->state[i],
			       .found = next });
}

static struct err *check_object(const struct checking *k, const struct slab_contents *s, uint32_t i)
{
	struct slab_finding f = { .kind = SLAB_FINDING_DAMAGE, .slab_va = s->slab.va };
	struct slab_damage d[SLAB_DAMAGE_MAX];
	struct err *err = NULL;
	unsigned n = slab_damage_look(&k->layout, &s->slab, s->bytes, i, s->state[i], d);
	for (unsigned j = 0; !err && j < n; j++) {
		f.object_va = slab_object_va(k->c, &s->slab, i);
		f.state = s->state[i];
		f.damage = d[j];
		err = tell(k, f);
	}
	if (!err && k->layout.free_outside && s->state[i] == SLAB_ALLOCATED &&
		slab_cache_has(k->c, SLAB_FLAG_POISON))
		err = check_pointer(k, s, i);
	return err;
}

static struct err *check_tail(const struct checking *k, const struct slab_contents *s)
{
	struct target *t = k->h->t;
	uint64_t used = (uint64_t)k->c->size * s->slab.objects;
	uint64_t all = (uint64_t)s->slab.npages << page_shift(t);
	struct slab_finding f = { .kind = SLAB_FINDING_TAIL, .slab_va = s->slab.va };
	if (!slab_cache_has(k->c, SLAB_FLAG_POISON) || all <= used ||
		all - used > k->c->size + (1 << 16))
		return NULL;
	scoped_free uint8_t *copy = NULL;
	const uint8_t *tail;
	size_t run;
	if (vspace_map(t->kernel, s->slab.base_va + used, &tail, &run) || run < all - used) {
		tail = copy = xmalloc(all - used);
		if (vspace_try_read(t->kernel, s->slab.base_va + used, copy, all - used, NULL))
			return NULL; /* a tail that the dump lacks holds nobody's data */
	}
	if (!slab_damage_tail(&k->layout, &s->slab, tail, all - used, &f.damage))
		return NULL;
	return tell(k, f);
}

static struct err *check_slab(const struct checking *k, const struct slab_contents *s)
{
	struct err *err = check_lists(k, s);
	/* without patterns objects say nothing */
	bool patterns =
		slab_cache_has(k->c, SLAB_FLAG_RED_ZONE) || slab_cache_has(k->c, SLAB_FLAG_POISON);
	for (uint32_t i = 0; patterns && !err && i < s->slab.objects; i++)
		err = check_object(k, s, i);
	return err ? err : check_tail(k, s);
}

/* ---- a cache ----------------------------------------------- */

static struct err *check_sheaves(const struct checking *k)
{
	struct err *err = NULL;
	for (size_t i = 0; !err && i < k->held.nsheaved; i++) {
		const struct slab_sheaved *s = &k->held.sheaved[i];
		struct slab_object o;
		if (slab_object_try_find(k->h->t, s->va, &o) && !o.offset && o.cache.va == k->c->va)
			continue;
		err = tell(k, (struct slab_finding){ .kind = SLAB_FINDING_STRAY,
				      .object_va = s->va,
				      .found = s->sheaf_va });
	}
	return err;
}

static struct err *check_count(const struct checking *k, unsigned node, const char *what,
	uint64_t said, uint64_t found, uint64_t slack)
{
	uint64_t off = said > found ? said - found : found - said;
	if (off <= slack)
		return NULL;
	return tell(k, (struct slab_finding){ .kind = SLAB_FINDING_COUNT,
			       .what = what,
			       .said = said,
			       .found = found,
			       .node = node });
}

/* One of a node's lists: its slabs are this cache's. */
static struct err *walk_list(const struct checking *k, uint64_t head, uint64_t *ret_n)
{
	struct target *t = k->h->t;
	struct list_iter it;
	uint64_t offset, at;
	bool more = true;
	struct err *err = slab_list_offset(t, &offset);
	if (err)
		return err;
	list_iter_init(&it, t, head);
	while (!(err = list_iter_next(&it, &at, &more)) && more) {
		struct slab s;
		err = interrupt_check();
		if (!err)
			err = slab_read(t, list_entry(t, at, offset), &s);
		if (!err && s.cache_va != k->c->va)
			err = err_new(ERR_FORMAT, "slab 0x%" PRIx64 " is another cache's", s.va);
		if (err)
			return err;
		++*ret_n;
	}
	return err;
}

static struct err *check_list(
	const struct checking *k, unsigned node, const char *what, uint64_t head, uint64_t *ret_n)
{
	*ret_n = 0;
	scoped_err struct err *bad = head ? walk_list(k, head, ret_n) : NULL;
	if (!bad)
		return NULL;
	if (bad->code == ERR_INTERRUPTED)
		return take_ptr(bad);
	*ret_n = UINT64_MAX;
	return tell(k,
		(struct slab_finding){
			.kind = SLAB_FINDING_LIST, .what = what, .node = node, .error = bad->msg });
}

/* Slabs come and go while CPUs hold one each: as many may be missing in a count. */
static struct err *check_nodes(const struct checking *k, uint64_t nslabs, uint64_t nobjects,
	void (*unread)(void *cx, struct err *err))
{
	uint64_t slabs = 0, objects = 0, slack = k->held.ncpus;
	bool counted = true;
	struct err *err = NULL;
	for (uint32_t i = 0; !err && i < k->c->nnodes; i++) {
		struct slab_node n;
		uint64_t partial, full;
		struct err *bad = slab_node_read(k->h->t, k->c, i, &n);
		if (bad) {
			counted = false;
			unread(k->cx, bad);
			continue;
		}
		if (!n.va)
			continue;
		err = check_list(k, i, "partial", n.partial_va, &partial);
		if (!err && partial != UINT64_MAX)
			err = check_count(k, i, "nr_partial", n.nr_partial, partial, slack);
		if (!err)
			err = check_list(k, i, "full", n.full_va, &full);
		counted &= n.counted;
		slabs += n.nr_slabs;
		objects += n.total_objects;
	}
	if (!err && counted)
		err = check_count(k, 0, "nr_slabs", slabs, nslabs, slack);
	if (!err && counted)
		err = check_count(
			k, 0, "total_objects", objects, nobjects, slack * (k->c->per_slab + 1ull));
	return err;
}

static struct err *check_slabs(
	struct checking *k, void (*unread)(void *cx, struct err *err), uint64_t *ret_objects)
{
	scoped_slab_contents struct slab_contents contents = { 0 };
	size_t n;
	uint64_t objects = 0;
	const struct slab *s = slab_heap_slabs(k->h, k->c->va, &n);
	struct err *err = NULL;
	for (size_t i = 0; !err && i < n; i++) {
		err = interrupt_check();
		if (err)
			return err;
		objects += s[i].objects;
		struct err *bad =
			slab_contents_read(k->h->t, k->c, &k->held, k->h->code, &s[i], &contents);
		if (bad)
			unread(k->cx, bad);
		else
			err = check_slab(k, &contents);
	}
	*ret_objects += objects;
	return err ? err : check_nodes(k, n, objects, unread);
}

struct err *slab_check_cache(const struct slab_heap *h, const struct slab_cache *c,
	slab_finding_fn each, void (*unread)(void *cx, struct err *err), void *cx,
	uint64_t *ret_objects)
{
	struct checking k = { .h = h, .c = c, .each = each, .cx = cx };
	struct err *damage = NULL;
	struct err *err = slab_layout_read(h->t, c, &k.layout);
	if (!err)
		err = slab_held_read(h->t, c, &k.held, &damage);
	if (damage)
		unread(cx, damage);
	if (!err)
		err = check_slabs(&k, unread, ret_objects);
	if (!err)
		err = check_sheaves(&k);
	slab_held_deinit(&k.held);
	return err;
}

/* ---- caches ----------------------------------------------- */

struct err *slab_check_unlisted(const struct slab_heap *h, slab_finding_fn each, void *cx)
{
	for (size_t i = 0, n; i < h->nslabs; i += n) {
		uint64_t va = h->slab[i].cache_va;
		struct slab_cache c = { .va = va };
		bool listed = false;
		slab_heap_slabs(h, va, &n);
		for (size_t k = 0; !listed && k < h->ncaches; k++)
			listed = h->cache[k].va == va;
		if (listed)
			continue;
		scoped_err struct err *bad = slab_cache_read(h->t, va, &c);
		struct slab_finding f = { .kind = SLAB_FINDING_UNLISTED,
			.cache = &c,
			.slab_va = h->slab[i].va,
			.found = n,
			.error = bad ? bad->msg : NULL };
		struct err *err = each(cx, &f);
		if (err)
			return err;
	}
	return NULL;
}
