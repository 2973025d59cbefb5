/*
 * Redzones and padding lie around objects like snow: tracks lead from where somebody came. A run of
 * damage that begins at an object's end is that object's overflow, one that ends at its start its
 * underflow, even where it crosses into the next slot.
 */
#include "analyzer/kernel/slab_inspect.h"

#include <ctype.h>
#include <stdlib.h>

#include "analyzer/base/load.h"
#include "analyzer/base/xalloc.h"

struct err *slab_inspect_read(
	struct target *t, const struct slab_object *o, struct slab_inspect *ret)
{
	struct slab_inspect i = { .object = *o };
	bool damaged;
	uint32_t size = o->cache.size;
	struct err *err = slab_layout_read(t, &o->cache, &i.layout);
	if (err)
		return err;
	i.slot = xmalloc(size);
	err = vspace_read(t->kernel, o->slab.base_va + (uint64_t)o->index * size, i.slot, size);
	if (err) {
		slab_inspect_deinit(&i);
		return err_wrap(err, "object 0x%llx", (unsigned long long)o->va);
	}
	i.orig_size = o->cache.object_size;
	i.has_orig = slab_layout_orig_size(&i.layout, i.slot, &i.orig_size, &damaged);
	i.ndamage = slab_damage_look(&i.layout, &o->slab, i.slot, 0, o->state, i.damage);
	*ret = i;
	return NULL;
}

void slab_inspect_deinit(struct slab_inspect *i)
{
	free(i->slot);
	*i = (struct slab_inspect){ 0 };
}

/* ---- who ----------------------------------------------- */

static const struct slab_damage *damage_of(const struct slab_inspect *i, int64_t from, int64_t to)
{
	for (unsigned k = 0; i && k < i->ndamage; k++)
		if (i->damage[k].first >= from && i->damage[k].last < to)
			return &i->damage[k];
	return NULL;
}

/* Where objects of this one's kind end for those who use them. */
static int64_t end_of(const struct slab_inspect *i)
{
	return i->layout.habits.orig_filled ? i->orig_size : i->object.cache.object_size;
}

static const struct slab_damage *left_side(const struct slab_inspect *i)
{
	return damage_of(i, -(int64_t)i->object.cache.red_left_pad, 0);
}

/* Damage up to the slot's last byte. */
static bool runs_out(const struct slab_inspect *i)
{
	for (unsigned k = 0; i && k < i->ndamage; k++)
		if (i->damage[k].last == (int64_t)i->layout.room - 1)
			return true;
	return false;
}

/* Damage right at the end of what is used. */
static const struct slab_damage *at_end(const struct slab_inspect *i)
{
	return i ? damage_of(i, end_of(i), i->layout.room) : NULL;
}

static bool begins_at_end(const struct slab_inspect *i)
{
	const struct slab_damage *d = at_end(i);
	enum { NEAR = 8 }; /* what was written may begin with the very byte that was expected */
	return d && d->first < end_of(i) + NEAR;
}

static bool whole_left(const struct slab_inspect *i)
{
	const struct slab_damage *d = i ? left_side(i) : NULL;
	return d && d->first == -(int64_t)i->object.cache.red_left_pad;
}

static int64_t last_on_right(const struct slab_inspect *i)
{
	int64_t last = -1;
	for (unsigned k = 0; k < i->ndamage; k++)
		if (i->damage[k].first >= end_of(i) && i->damage[k].last > last)
			last = i->damage[k].last;
	return last;
}

static struct slab_guess overflow(const struct slab_inspect *from, const struct slab_inspect *into)
{
	int64_t last = last_on_right(from);
	bool crossed = runs_out(from) && whole_left(into);
	if (crossed)
		last = from->layout.room + into->object.cache.red_left_pad + left_side(into)->last;
	return (struct slab_guess){ .kind = SLAB_GUESS_OVERFLOW,
		.object_va = from->object.va,
		.offset = end_of(from),
		.bytes = (uint64_t)(last + 1 - end_of(from)),
		.at_least = crossed && left_side(into)->last == -1 };
}

static struct slab_guess underflow(const struct slab_inspect *i)
{
	int64_t first = left_side(i)->first;
	return (struct slab_guess){ .kind = SLAB_GUESS_UNDERFLOW,
		.object_va = i->object.va,
		.offset = first,
		.bytes = (uint64_t)-first };
}

static bool guess_left(
	const struct slab_inspect *i, const struct slab_inspect *left, struct slab_guess *ret)
{
	const struct slab_damage *d = left_side(i);
	if (!d)
		return false;
	if (whole_left(i) && begins_at_end(left) && runs_out(left))
		*ret = overflow(left, i);
	else if (d->last >= -8) /* as in begins_at_end() */
		*ret = underflow(i);
	else
		*ret = (struct slab_guess){ .kind = SLAB_GUESS_STRAY,
			.object_va = i->object.va,
			.offset = d->first,
			.bytes = (uint64_t)(d->last + 1 - d->first) };
	return true;
}

static bool guess_right(
	const struct slab_inspect *i, const struct slab_inspect *right, struct slab_guess *ret)
{
	const struct slab_damage *d = at_end(i);
	if (!d)
		return false;
	if (begins_at_end(i))
		*ret = overflow(i, right);
	else if (runs_out(i) && whole_left(right) && left_side(right)->last >= -8)
		*ret = underflow(right);
	else
		*ret = (struct slab_guess){ .kind = SLAB_GUESS_STRAY,
			.object_va = i->object.va,
			.offset = d->first,
			.bytes = (uint64_t)(d->last + 1 - d->first) };
	return true;
}

static bool guess_inside(const struct slab_inspect *i, struct slab_guess *ret)
{
	bool any = false;
	int64_t last = 0;
	for (unsigned k = 0; k < i->ndamage; k++) {
		const struct slab_damage *d = &i->damage[k];
		if (d->first < 0 || d->last >= end_of(i))
			continue;
		if (!any)
			*ret = (struct slab_guess){ .kind = SLAB_GUESS_AFTER_FREE,
				.object_va = i->object.va,
				.offset = d->first };
		any = true;
		last = d->last;
	}
	if (any)
		ret->bytes = (uint64_t)(last + 1 - ret->offset);
	return any;
}

unsigned slab_inspect_guess(const struct slab_inspect *i, const struct slab_inspect *left,
	const struct slab_inspect *right, struct slab_guess ret[SLAB_GUESSES_MAX])
{
	unsigned n = 0;
	if (left && left->object.slab.va != i->object.slab.va)
		left = NULL; /* slots of two slabs do not touch as a rule */
	if (right && right->object.slab.va != i->object.slab.va)
		right = NULL;
	n += guess_left(i, left, &ret[n]);
	n += guess_inside(i, &ret[n]);
	n += guess_right(i, right, &ret[n]);
	return n;
}

unsigned slab_inspect_wrong_frees(
	struct target *t, const struct slab_inspect *i, struct slab_guess *ret, unsigned max)
{
	const struct slab_object *o = &i->object;
	const struct slab_cache *c = &o->cache;
	unsigned n = 0, word = t->abi.word_bytes, proved;
	enum slab_code code;
	scoped_err struct err *none = slab_code_get(t, &code, &proved);
	if (none || code == SLAB_CODE_PLAIN || !c->hardened)
		return 0;
	for (uint32_t at = 0; at + word <= i->layout.room && n < max; at++) {
		uint64_t at_va = o->va + at, next;
		uint32_t index;
		if (at == c->offset)
			continue;
		next = slab_freelist_decode(
			t, c, code, get_word(&t->abi, i->slot + c->red_left_pad + at), at_va);
		if (next && !slab_object_index(c, &o->slab, slab_untag(t, next), &index))
			continue;
		ret[n++] = (struct slab_guess){ .kind = SLAB_GUESS_WRONG_FREE,
			.object_va = o->va,
			.offset = (int64_t)at - c->offset,
			.pointer = at_va - c->offset };
	}
	return n;
}

/* ---- what was written ----------------------------------------------- */

static void find_text(const uint8_t *p, int64_t n, char *ret, size_t max)
{
	enum { SHORTEST = 4 };
	size_t best = strlen(ret);
	for (int64_t i = 0; i < n;) {
		int64_t k = i;
		while (k < n && isprint(p[k]))
			k++;
		size_t len = (size_t)(k - i);
		if (len >= SHORTEST && len > best) {
			best = len < max - 1 ? len : max - 1;
			memcpy(ret, p + i, best);
			ret[best] = 0;
		}
		i = k + 1;
	}
}

static bool is_address(struct target *t, uint64_t va)
{
	struct symbol sym;
	struct slab_object o;
	struct paddr pa;
	if (vspace_translate(t->kernel, va, &pa, NULL))
		return false;
	return symtab_at(t->syms, va, &sym) || slab_object_try_find(t, va, &o);
}

static void add_pointer(struct slab_traces *r, uint64_t va)
{
	for (unsigned i = 0; i < r->npointers; i++)
		if (r->pointer[i] == va)
			return;
	if (r->npointers < SLAB_TRACE_POINTERS)
		r->pointer[r->npointers++] = va;
}

void slab_inspect_traces(struct target *t, const struct slab_inspect *i, struct slab_traces *ret)
{
	unsigned word = t->abi.word_bytes;
	const uint8_t *object = i->slot + i->object.cache.red_left_pad;
	struct slab_traces r = { 0 };
	for (unsigned k = 0; k < i->ndamage; k++) {
		const struct slab_damage *d = &i->damage[k];
		if (!strcmp(d->what, "end of poison"))
			continue;
		find_text(object + d->first, d->last + 1 - d->first, r.text, sizeof(r.text));
		/* a pointer's top bytes may be what was expected */
		int64_t from = d->first & ~(int64_t)(word - 1);
		for (int64_t at = from; at <= d->last; at += word) {
			if (at < -(int64_t)i->object.cache.red_left_pad ||
				at + word > (int64_t)i->layout.room)
				continue;
			uint64_t va = get_word(&t->abi, object + at);
			if (is_address(t, va))
				add_pointer(&r, va);
		}
	}
	*ret = r;
}
