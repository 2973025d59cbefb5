/*
 * What is kept: blocks of frames with the slabs that begin there, one block per slot of a table of
 * fixed size; states of their objects, dropped all at once beyond a limit; caches with what CPUs
 * hold of them. A dump does not change, so that nothing kept is ever wrong.
 */
#include "analyzer/kernel/slab_object.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/kfence.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/slab_loose.h"

static const char key;

enum {
	SLOTS = 1 << 14,	/* blocks: 64 GiB of 4-KiB pages; others take their places */
	CACHES_MAX = 4096,	/* kept; more make no sense, and are read again each time */
	STATES_MAX = 256 << 20, /* bytes of objects' states */
};

struct known_slab {
	struct slab slab;
	uint8_t *state; /* enum slab_state, [slab.objects]; NULL: not read yet */
	enum slab_place place;
	unsigned cpu;
	bool given_up, broken;
};

struct block {
	uint64_t number;
	VEC(struct known_slab) slabs;
	uint16_t of[SLAB_BLOCK_PAGES]; /* index + 1 into slabs; 0: no slab's page */
};

struct known_cache {
	struct slab_cache cache;
	bool has_held, damaged;
	struct slab_held held;
};

struct lookup {
	struct target *t;
	bool has_code, has_loose;
	enum slab_code code;
	unsigned proved;
	unsigned page_shift;
	struct kfence kfence; /* nobjects 0: none */
	struct block *block[SLOTS];
	VEC(struct known_cache) caches;
	size_t last_cache;
	uint64_t state_bytes;
	struct slab_contents contents; /* for reading slab after slab */
};

/* ---- keeping ----------------------------------------------- */

static void drop_states(struct lookup *l, struct block *b)
{
	for (size_t i = 0; i < b->slabs.n; i++) {
		struct known_slab *s = &b->slabs.v[i];
		l->state_bytes -= s->state ? s->slab.objects : 0;
		free(s->state);
		s->state = NULL;
	}
}

void slab_object_forget(struct target *t)
{
	struct lookup *l = target_kept(t, &key);
	for (unsigned i = 0; l && i < SLOTS; i++)
		if (l->block[i])
			drop_states(l, l->block[i]);
	for (size_t i = 0; l && i < l->caches.n; i++) {
		slab_held_deinit(&l->caches.v[i].held);
		l->caches.v[i].has_held = false;
	}
}

static void drop_block(struct lookup *l, unsigned slot)
{
	struct block *b = l->block[slot];
	if (!b)
		return;
	drop_states(l, b);
	vec_deinit(&b->slabs);
	free(b);
	l->block[slot] = NULL;
}

static void destroy(void *what)
{
	struct lookup *l = what;
	for (unsigned i = 0; i < SLOTS; i++)
		drop_block(l, i);
	for (size_t i = 0; i < l->caches.n; i++)
		slab_held_deinit(&l->caches.v[i].held);
	vec_deinit(&l->caches);
	slab_contents_deinit(&l->contents);
	free(l);
}

static struct err *get(struct target *t, struct lookup **ret)
{
	struct lookup *l = target_kept(t, &key);
	struct err *err = l ? NULL : target_need_kernel(t);
	if (err)
		return err;
	if (!l) {
		l = xcalloc(1, sizeof(*l));
		l->t = t;
		l->page_shift = page_shift(t);
		err_drop(kfence_init(t, &l->kfence)); /* most kernels have none, or have it off */
		target_keep(t, &key, l, destroy);
	}
	*ret = l;
	return NULL;
}

/* Whoever looks for loose sheaves asks for objects: that must be over before anything here is held.
 */
static struct err *get_ready(struct target *t, struct lookup **ret)
{
	const struct slab_loose *loose;
	struct err *err = get(t, ret);
	if (err || (*ret)->has_loose)
		return err;
	err = slab_loose_get(t, &loose);
	(*ret)->has_loose = !err && loose->looked;
	return err;
}

static struct err *find_code(struct lookup *l)
{
	struct err *err = l->has_code ? NULL : slab_freelist_code(l->t, &l->code, &l->proved);
	l->has_code |= !err;
	return err;
}

struct err *slab_code_get(struct target *t, enum slab_code *ret, unsigned *ret_proved)
{
	struct lookup *l;
	struct err *err = get(t, &l);
	if (!err)
		err = find_code(l);
	if (err)
		return err;
	*ret = l->code;
	*ret_proved = l->proved;
	return NULL;
}

/* ---- from frames to slabs ----------------------------------------------- */

struct filling {
	struct lookup *l;
	struct block *b;
};

/* mm/kfence/core.c: its pages are marked as slabs, their objects are its own. */
static struct err *add_slab(void *cx, const struct slab *s)
{
	struct filling *f = cx;
	uint32_t index;
	uint64_t first;
	struct paddr pa;
	if (f->l->kfence.nobjects && kfence_index(&f->l->kfence, s->base_va, &index))
		return NULL;
	if (vspace_translate(f->l->t->kernel, s->base_va, &pa, NULL))
		return NULL;
	first = (pa.v >> f->l->page_shift) % SLAB_BLOCK_PAGES;
	vec_push(&f->b->slabs, ((struct known_slab){ .slab = *s }));
	for (uint64_t i = 0; i < s->npages && first + i < SLAB_BLOCK_PAGES; i++)
		f->b->of[first + i] = (uint16_t)f->b->slabs.n;
	return NULL;
}

static struct err *load_block(struct lookup *l, uint64_t number, struct block **ret)
{
	unsigned slot = number % SLOTS;
	struct block *b = xcalloc(1, sizeof(*b));
	struct filling f = { l, b };
	struct err *err;
	b->number = number;
	drop_block(l, slot);
	err = slab_sweep_frames(
		l->t, number * SLAB_BLOCK_PAGES, SLAB_BLOCK_PAGES, add_slab, &f, NULL);
	l->block[slot] = b;
	if (err)
		drop_block(l, slot);
	else
		*ret = b;
	return err;
}

/* *ret NULL: @va is in no slab. *ret_va: where it is in the linear map. */
static struct err *find_slab(
	struct lookup *l, uint64_t va, struct known_slab **ret, uint64_t *ret_va)
{
	struct paddr pa;
	*ret = NULL;
	if (vspace_translate(l->t->kernel, va, &pa, NULL))
		return NULL;
	uint64_t pfn = pa.v >> l->page_shift, number = pfn / SLAB_BLOCK_PAGES;
	struct block *b = l->block[number % SLOTS];
	if (!b || b->number != number) {
		struct err *err = load_block(l, number, &b);
		if (err)
			return err;
	}
	unsigned i = b->of[pfn % SLAB_BLOCK_PAGES];
	if (i && slab_linear_va(l->t, pa.v, ret_va))
		*ret = &b->slabs.v[i - 1];
	return NULL;
}

/* ---- caches and states ----------------------------------------------- */

static struct err *find_cache(struct lookup *l, uint64_t va, struct known_cache **ret)
{
	struct known_cache c = { 0 };
	if (l->last_cache < l->caches.n && l->caches.v[l->last_cache].cache.va == va) {
		*ret = &l->caches.v[l->last_cache];
		return NULL;
	}
	for (size_t i = 0; i < l->caches.n; i++) {
		if (l->caches.v[i].cache.va != va)
			continue;
		l->last_cache = i;
		*ret = &l->caches.v[i];
		return NULL;
	}
	struct err *err = slab_cache_read(l->t, va, &c.cache);
	if (err)
		return err;
	if (l->caches.n >= CACHES_MAX)
		slab_held_deinit(&l->caches.v[--l->caches.n].held);
	vec_push(&l->caches, c);
	l->last_cache = l->caches.n - 1;
	*ret = &l->caches.v[l->last_cache];
	return NULL;
}

static struct err *read_states(struct lookup *l, struct known_cache *c, struct known_slab *s)
{
	struct slab_contents *contents = &l->contents;
	struct err *err = find_code(l), *damage = NULL;
	if (!err && !c->has_held) {
		err = slab_held_read(l->t, &c->cache, &c->held, &damage);
		c->has_held = !err;
		c->damaged = damage != NULL;
		err_drop(damage); /* that there is damage is all that matters here */
	}
	if (!err)
		err = slab_contents_read(l->t, &c->cache, &c->held, l->code, &s->slab, contents);
	if (err)
		return err;
	if (l->state_bytes + s->slab.objects > STATES_MAX)
		for (unsigned i = 0; i < SLOTS; i++)
			if (l->block[i])
				drop_states(l, l->block[i]);
	l->state_bytes += s->slab.objects;
	s->state = xmalloc(s->slab.objects);
	memcpy(s->state, contents->state, s->slab.objects);
	s->slab.ext_in_object = contents->slab.ext_in_object;
	s->place = contents->place;
	s->cpu = contents->cpu;
	s->given_up = contents->given_up;
	s->broken = contents->chain.end || contents->cpu_chain.end || c->damaged;
	return NULL;
}

static struct err *fill(
	struct lookup *l, struct known_slab *s, uint64_t va, struct slab_object *ret)
{
	struct known_cache *c;
	struct err *err = find_cache(l, s->slab.cache_va, &c);
	if (!err && !s->state)
		err = read_states(l, c, s);
	if (err)
		return err;
	uint64_t index = (va - s->slab.base_va) / c->cache.size;
	ret->cache = c->cache;
	ret->slab = s->slab;
	ret->index = (uint32_t)(index < s->slab.objects ? index : s->slab.objects - 1);
	ret->va = slab_object_va(&c->cache, &s->slab, ret->index);
	ret->offset = (int64_t)(va - ret->va);
	ret->state = s->state[ret->index];
	ret->place = s->place;
	ret->cpu = s->cpu;
	ret->given_up = s->given_up;
	ret->broken = s->broken;
	return NULL;
}

/* ---- one object ----------------------------------------------- */

static struct err *refuse(struct lookup *l, uint64_t va)
{
	struct slab slab;
	uint32_t index;
	if (l->kfence.nobjects && kfence_index(&l->kfence, va, &index))
		return err_new(ERR_NOT_FOUND,
			"0x%" PRIx64 " is in no slab but in KFENCE's pool: kfence "
			"0x%" PRIx64,
			va, va);
	struct err *err = slab_find(l->t, va, &slab);
	return err ? err
		   : err_new(ERR_FORMAT,
			     "0x%" PRIx64 ": the pages of slab 0x%" PRIx64
			     " do not say that they are one",
			     va, slab.va);
}

struct err *slab_object_find(struct target *t, uint64_t tagged, struct slab_object *ret)
{
	uint64_t va = slab_untag(t, tagged), linear = 0;
	struct known_slab *s;
	struct lookup *l;
	struct slab_object o;
	struct err *err = get_ready(t, &l);
	if (!err)
		err = find_slab(l, va, &s, &linear);
	if (!err)
		err = s ? fill(l, s, linear, &o) : refuse(l, va);
	if (!err)
		*ret = o;
	return err;
}

bool slab_object_try_find(struct target *t, uint64_t tagged, struct slab_object *ret)
{
	uint64_t linear = 0;
	struct known_slab *s = NULL;
	struct lookup *l;
	struct slab_object o;
	struct err *err = get_ready(t, &l);
	if (!err)
		err = find_slab(l, slab_untag(t, tagged), &s, &linear);
	if (!err && s)
		err = fill(l, s, linear, &o);
	bool found = !err && s;
	err_drop(err); /* a scanner goes on */
	if (found)
		*ret = o;
	return found;
}

bool slab_object_left(struct target *t, const struct slab_object *o, struct slab_object *ret)
{
	uint64_t slot = o->slab.base_va + (uint64_t)o->index * o->cache.size;
	return slab_object_try_find(t, slot - 1, ret) && ret->va != o->va;
}

bool slab_object_right(struct target *t, const struct slab_object *o, struct slab_object *ret)
{
	uint64_t slot = o->slab.base_va + (o->index + 1ull) * o->cache.size;
	uint64_t page = 1ull << page_shift(t);
	if (o->index + 1 == o->slab.objects)
		slot = (slot + page - 1) & ~(page - 1);
	return slab_object_try_find(t, slot, ret) && ret->va != o->va;
}
