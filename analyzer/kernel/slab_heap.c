/*
 * mm/slub.c, get_slabinfo(), 4.19 to 7.2: the kernel counts as active whatever is not free on a
 * node's partial list. Beside that stands the truth, from all slabs and all that CPUs hold.
 */
#include "analyzer/kernel/slab_heap.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/kfence.h"

typedef VEC(struct slab) slabs;
typedef VEC(struct slab_cache) caches;

struct adding {
	slabs *all;
	struct kfence kfence; /* nobjects 0: none */
};

/* mm/kfence/core.c marks its pages as slabs of one object, which no list and no counter of SLUB
 * has. */
static struct err *add_slab(void *cx, const struct slab *s)
{
	struct adding *a = cx;
	uint32_t index;
	if (!a->kfence.nobjects || !kfence_index(&a->kfence, s->base_va, &index))
		vec_push(a->all, *s);
	return NULL;
}

static int by_cache(const void *a, const void *b)
{
	const struct slab *x = a, *y = b;
	if (x->cache_va != y->cache_va)
		return x->cache_va < y->cache_va ? -1 : 1;
	return x->base_va < y->base_va ? -1 : x->base_va > y->base_va;
}

static struct err *read_caches(struct slab_heap *h)
{
	struct slab_cache_iter it;
	caches all = { 0 };
	bool more = true;
	struct err *err = slab_cache_iter_init(&it, h->t);
	while (!err && more) {
		struct slab_cache c;
		err = slab_cache_iter_next(&it, &c, &more);
		if (!err && more)
			vec_push(&all, c);
		if (err && err->code != ERR_INTERRUPTED && (more || all.n)) {
			err_drop(h->damage); /* the last one tells as much */
			h->damage = err;
			err = NULL;
		}
	}
	h->cache = all.v;
	h->ncaches = all.n;
	return err;
}

struct err *slab_heap_read(struct target *t, struct slab_heap *ret)
{
	scoped_slab_heap struct slab_heap h = { .t = t };
	slabs all = { 0 };
	struct adding adding = { .all = &all };
	err_drop(kfence_init(t, &adding.kfence)); /* most kernels have none, or have it off */
	struct err *err = slab_code_get(t, &h.code, &h.proved);
	if (!err)
		err = read_caches(&h);
	if (!err)
		err = slab_sweep(t, add_slab, &adding, &h.missing);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_cache);
	h.slab = all.v;
	h.nslabs = all.n;
	if (err)
		return err;
	*ret = h;
	h = (struct slab_heap){ 0 };
	return NULL;
}

void slab_heap_deinit(struct slab_heap *h)
{
	free(h->cache);
	free(h->slab);
	err_drop(h->damage);
	*h = (struct slab_heap){ 0 };
}

static size_t first_of(const struct slab_heap *h, uint64_t cache_va, bool behind)
{
	size_t lo = 0, hi = h->nslabs;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (h->slab[mid].cache_va < cache_va ||
			(behind && h->slab[mid].cache_va == cache_va))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct slab *slab_heap_slabs(const struct slab_heap *h, uint64_t cache_va, size_t *ret_n)
{
	size_t from = first_of(h, cache_va, false);
	*ret_n = first_of(h, cache_va, true) - from;
	return *ret_n ? h->slab + from : NULL;
}

struct err *slab_heap_each(const struct slab_heap *h, const struct slab_cache *c,
	slab_contents_fn each, void (*unread)(void *cx, struct err *err), void *cx)
{
	scoped_slab_held struct slab_held held = { 0 };
	scoped_slab_contents struct slab_contents contents = { 0 };
	struct err *damage = NULL;
	size_t n;
	const struct slab *slab = slab_heap_slabs(h, c->va, &n);
	struct err *err = slab_held_read(h->t, c, &held, &damage);
	if (damage)
		unread(cx, damage);
	for (size_t i = 0; !err && i < n; i++) {
		err = interrupt_check();
		if (err)
			return err;
		struct err *bad = slab_contents_read(h->t, c, &held, h->code, &slab[i], &contents);
		if (bad)
			unread(cx, bad);
		else
			err = each(cx, c, &contents);
	}
	return err;
}

/* ---- totals ----------------------------------------------- */

static struct err *count_partial(
	struct target *t, uint64_t head, uint64_t list_offset, uint64_t *ret_free)
{
	struct list_iter it;
	uint64_t at;
	bool more = true;
	struct err *err = NULL;
	list_iter_init(&it, t, head);
	while (!err && !(err = list_iter_next(&it, &at, &more)) && more) {
		struct slab s;
		err = interrupt_check();
		if (!err)
			err = slab_read(t, list_entry(t, at, list_offset), &s);
		if (!err)
			*ret_free += s.objects - s.inuse;
	}
	return err;
}

static struct err *count_as_kernel(
	struct target *t, const struct slab_cache *c, struct slab_totals *n)
{
	uint64_t offset, nfree = 0;
	struct err *err = slab_list_offset(t, &offset);
	n->has_kernel = true;
	for (uint32_t i = 0; !err && i < c->nnodes; i++) {
		struct slab_node node;
		err = slab_node_read(t, c, i, &node);
		if (err || !node.va)
			continue;
		n->has_kernel &= node.counted;
		n->kernel_slabs += node.nr_slabs;
		n->kernel_objects += node.total_objects;
		err = count_partial(t, node.partial_va, offset, &nfree);
	}
	n->kernel_active = n->kernel_objects - nfree;
	if (err)
		n->has_kernel = false;
	return err ? err_wrap(err, "cache %s: lists", c->name) : NULL;
}

/* Only slabs that a CPU works on need their memory read: elsewhere the counter tells. */
static struct err *count_held(const struct slab_heap *h, const struct slab_cache *c,
	const struct slab_held *held, uint64_t *ret_free)
{
	scoped_slab_contents struct slab_contents contents = { 0 };
	for (uint32_t i = 0; i < held->ncpus; i++) {
		struct slab s;
		if (!held->cpu[i].slab_va || !held->cpu[i].freelist)
			continue;
		struct err *err = slab_read(h->t, slab_untag(h->t, held->cpu[i].slab_va), &s);
		if (!err)
			err = slab_contents_read(h->t, c, held, h->code, &s, &contents);
		if (err)
			return err_wrap(err, "cache %s: CPU %" PRIu32, c->name, i);
		*ret_free += contents.cpu_chain.free;
	}
	*ret_free += held->nsheaved;
	return NULL;
}

struct err *slab_heap_totals(const struct slab_heap *h, const struct slab_cache *c,
	struct slab_totals *ret, struct err **ret_damage)
{
	struct slab_totals n = { 0 };
	scoped_slab_held struct slab_held held = { 0 };
	struct err *damage = NULL;
	size_t nslabs;
	uint64_t nfree = 0;
	const struct slab *s = slab_heap_slabs(h, c->va, &nslabs);
	struct err *err = slab_held_read(h->t, c, &held, &damage);
	if (err)
		return err;
	n.slabs = nslabs;
	for (size_t i = 0; i < nslabs; i++) {
		n.objects += s[i].objects;
		n.inuse += s[i].inuse;
	}
	err = count_held(h, c, &held, &nfree);
	n.inuse -= nfree < n.inuse ? nfree : n.inuse;
	if (!err)
		err = count_as_kernel(h->t, c, &n);
	if (err && err->code == ERR_INTERRUPTED) {
		err_drop(damage); /* Ctrl-C says enough */
		return err;
	}
	if (damage)
		err_drop(err); /* the first is told */
	else
		damage = err;
	*ret = n;
	*ret_damage = damage;
	return NULL;
}
