/*
 * mm/slub.c, rcu_free_sheaf() and kmem_cache_prefill_sheaf(), 6.18 to 7.2: struct slab_sheaf is an
 * object of kmalloc(), and says whose objects it holds. A live object that names a cache with
 * sheaves, and whose every entry is an object of that cache, is taken for one.
 */
#include "analyzer/kernel/slab_loose.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/slab_object.h"

struct looking {
	struct target *t;
	uint64_t cache_at, size_at, objects_at;
	VEC(struct slab_cache) caches; /* with sheaves */
	VEC(struct slab_cache) homes;  /* kmalloc()'s, where sheaves may be */
	VEC(struct slab) slabs;	       /* of homes */
	VEC(uint64_t) known;	       /* sheaves that are found otherwise */
	VEC(struct slab_loose_object) found;
};

static const struct slab_cache *among(const struct slab_cache *v, size_t n, uint64_t va)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].va == va)
			return &v[i];
	return NULL;
}

static struct err *note_known(struct looking *l, const struct slab_cache *c)
{
	scoped_slab_held struct slab_held held = { 0 };
	struct err *damage = NULL;
	struct err *err = slab_held_read(l->t, c, &held, &damage);
	err_drop(damage); /* told to whoever asks for the cache */
	for (size_t i = 0; !err && i < held.nsheaved; i++)
		if (!l->known.n || l->known.v[l->known.n - 1] != held.sheaved[i].sheaf_va)
			vec_push(&l->known, held.sheaved[i].sheaf_va);
	return err;
}

static struct err *read_caches(struct looking *l)
{
	struct slab_cache_iter it;
	bool more = true;
	struct err *err = slab_cache_iter_init(&it, l->t);
	while (!err && more) {
		struct slab_cache c;
		err = slab_cache_iter_next(&it, &c, &more);
		if (!err && more && c.sheaf_capacity)
			vec_push(&l->caches, c);
		if (!err && more && !strncmp(c.name, "kmalloc", 7) && c.object_size > l->objects_at)
			vec_push(&l->homes, c);
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err);
			err = NULL;
		}
	}
	for (size_t i = 0; !err && i < l->caches.n; i++)
		err = note_known(l, &l->caches.v[i]);
	return err;
}

static struct err *add_slab(void *cx, const struct slab *s)
{
	struct looking *l = cx;
	if (among(l->homes.v, l->homes.n, s->cache_va))
		vec_push(&l->slabs, *s);
	return NULL;
}

/* Adds the objects of a sheaf, or nothing where one of them is none. */
static void look_at(struct looking *l, uint64_t va, const uint8_t *bytes, uint32_t size)
{
	const struct abi *abi = &l->t->abi;
	const struct slab_cache *c = among(
		l->caches.v, l->caches.n, slab_untag(l->t, get_word(abi, bytes + l->cache_at)));
	uint64_t n = c ? get_u32(abi, bytes + l->size_at) : 0;
	size_t before = l->found.n;
	if (!n || n > (size - l->objects_at) / abi->word_bytes)
		return;
	for (size_t i = 0; i < l->known.n; i++)
		if (l->known.v[i] == va)
			return;
	for (uint64_t i = 0; i < n; i++) {
		struct slab_object o;
		uint64_t entry = slab_untag(
			l->t, get_word(abi, bytes + l->objects_at + i * abi->word_bytes));
		if (!slab_object_try_find(l->t, entry, &o) || o.offset || o.cache.va != c->va) {
			l->found.n = before;
			return;
		}
		vec_push(&l->found,
			((struct slab_loose_object){ c->va, { entry, va, SLAB_SHEAF_LOOSE, 0 } }));
	}
}

static struct err *look_through(struct looking *l)
{
	scoped_slab_contents struct slab_contents s = { 0 };
	enum slab_code code;
	unsigned proved;
	struct err *err = slab_code_get(l->t, &code, &proved);
	for (size_t k = 0; !err && k < l->homes.n; k++) {
		const struct slab_cache *c = &l->homes.v[k];
		scoped_slab_held struct slab_held held = { 0 };
		struct err *damage = NULL;
		err = slab_held_read(l->t, c, &held, &damage);
		err_drop(damage); /* as above */
		for (size_t i = 0; !err && i < l->slabs.n; i++) {
			if (l->slabs.v[i].cache_va != c->va)
				continue;
			err = interrupt_check();
			if (err)
				return err;
			scoped_err struct err *bad =
				slab_contents_read(l->t, c, &held, code, &l->slabs.v[i], &s);
			for (uint32_t j = 0; !bad && j < s.slab.objects; j++)
				if (s.state[j] == SLAB_ALLOCATED)
					look_at(l, slab_object_va(c, &s.slab, j),
						s.bytes + (uint64_t)j * c->size + c->red_left_pad,
						c->object_size);
		}
	}
	return err;
}

static int by_cache(const void *a, const void *b)
{
	const struct slab_loose_object *x = a, *y = b;
	return x->cache_va < y->cache_va ? -1 : x->cache_va > y->cache_va;
}

static struct err *look(struct target *t, struct slab_loose *ret)
{
	struct looking l = { .t = t };
	if (!target_number(t, "offsetof(slab_sheaf.cache)", &l.cache_at) ||
		!target_number(t, "offsetof(slab_sheaf.size)", &l.size_at) ||
		!target_number(t, "offsetof(slab_sheaf.objects)", &l.objects_at) ||
		l.cache_at + 8 > l.objects_at || l.size_at + 4 > l.objects_at)
		return NULL;
	struct err *err = read_caches(&l);
	if (!err && l.caches.n)
		err = slab_sweep(t, add_slab, &l, NULL);
	if (!err && l.caches.n)
		err = look_through(&l);
	if (l.found.n)
		qsort(l.found.v, l.found.n, sizeof(*l.found.v), by_cache);
	*ret = (struct slab_loose){ .object = l.found.v, .n = l.found.n };
	vec_deinit(&l.caches);
	vec_deinit(&l.homes);
	vec_deinit(&l.slabs);
	vec_deinit(&l.known);
	return err;
}

static void destroy(void *what)
{
	struct slab_loose *loose = what;
	free(loose->object);
	free(loose);
}

struct err *slab_loose_get(struct target *t, const struct slab_loose **ret)
{
	static const char key;
	struct slab_loose found = { 0 }, *kept = target_kept(t, &key);
	if (!kept) {
		kept = xcalloc(1, sizeof(*kept));
		target_keep(t, &key, kept, destroy);
	}
	*ret = kept;
	if (kept->looked || kept->looking)
		return NULL;
	kept->looking = true;
	struct err *err = look(t, &found);
	kept->looking = false;
	if (err && err->code == ERR_INTERRUPTED) {
		free(found.object);
		return err; /* whoever asks next looks again */
	}
	err_drop(err); /* a heap that cannot be read has other complaints */
	found.looked = true;
	*kept = found;
	if (found.n)
		slab_object_forget(t); /* states that were read meanwhile */
	return NULL;
}
