/*
 * mm/slub.c, calculate_sizes(), get_info_end(), check_pad_bytes(), 4.19 to 7.2. Whether kmalloc()'s
 * wish is kept, in how many bytes, and whether what it did not wish is filled, changed without a
 * trace in the types (6.1, 6.2, 6.12): samples of live objects vote.
 */
#include "analyzer/kernel/slab_layout.h"

#include "analyzer/base/interrupt.h"
#include "analyzer/base/load.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/kasan_meta.h"

enum { RED_ACTIVE = 0xcc, POISON_INUSE = 0x5a }; /* include/linux/poison.h */

static const char key;

/* ---- places ----------------------------------------------- */

struct slab_layout slab_layout_bare(const struct slab_cache *c)
{
	struct slab_layout l = { .cache = *c, .word = 8 };
	l.room = c->size - c->red_left_pad;
	l.free_outside = c->offset >= c->inuse;
	return l;
}

static uint32_t room_for(const struct slab_layout *l, uint64_t at, uint64_t bytes)
{
	return bytes && range_inside(at, bytes, l->room) ? (uint32_t)bytes : 0;
}

/* Sizes of structs, asked for once: some kernels have none of them, which takes long to find out.
 */
static struct slab_habits *habits_of(struct target *t)
{
	struct slab_habits *h = target_kept(t, &key);
	static const char *const number[] = { "sizeof(track)", "sizeof(slabobj_ext)",
		"sizeof(kasan_alloc_meta)", "sizeof(kasan_free_meta)" };
	if (h)
		return h;
	h = xcalloc(1, sizeof(*h));
	uint32_t *to[] = { &h->track_bytes, &h->ext_bytes, &h->kasan_alloc_bytes,
		&h->kasan_free_bytes };
	for (unsigned i = 0; i < 4; i++) {
		uint64_t bytes;
		if (target_number(t, number[i], &bytes) && bytes < 4096)
			*to[i] = (uint32_t)bytes;
	}
	target_keep(t, &key, h, free);
	return h;
}

static void place_kasan(struct target *t, struct slab_layout *l)
{
	struct kasan_cache k;
	scoped_err struct err *none = kasan_cache_read(t, l->cache.va, &k);
	if (none || !slab_cache_has(&l->cache, SLAB_FLAG_KASAN))
		return;
	if (k.has_alloc_meta) {
		l->kasan_alloc_at = k.alloc_meta_offset;
		l->kasan_alloc_bytes =
			room_for(l, k.alloc_meta_offset, l->habits.kasan_alloc_bytes);
	}
	if (k.has_free_meta) {
		l->kasan_free_at = k.free_meta_offset;
		l->kasan_free_bytes = room_for(l, k.free_meta_offset, l->habits.kasan_free_bytes);
	}
}

static uint32_t later(uint32_t end, uint32_t at, uint32_t bytes)
{
	return bytes && at + bytes > end ? at + bytes : end;
}

/* All but the habits. */
static struct slab_layout place(struct target *t, const struct slab_cache *c)
{
	struct slab_layout l = slab_layout_bare(c);
	l.habits = *habits_of(t);
	l.word = t->abi.word_bytes;
	l.track_at = c->inuse + (l.free_outside ? l.word : 0);
	if (slab_cache_has(c, SLAB_FLAG_STORE_USER))
		l.track_bytes = room_for(&l, l.track_at, 2ull * l.habits.track_bytes) / 2;
	l.orig_at = l.track_at + 2 * l.track_bytes;
	place_kasan(t, &l);
	l.ext_bytes = l.habits.ext_bytes <= 64 ? l.habits.ext_bytes : 0;
	return l;
}

static bool keeps_orig(const struct slab_layout *l)
{
	return l->track_bytes && slab_cache_has(&l->cache, SLAB_FLAG_KMALLOC);
}

static void find_end(struct slab_layout *l)
{
	l->meta_end = l->orig_at;
	if (keeps_orig(l))
		l->meta_end = later(l->meta_end, l->orig_at, l->habits.orig_bytes);
	l->meta_end = later(l->meta_end, l->kasan_alloc_at, l->kasan_alloc_bytes);
	/* it may lie in the object */
	l->meta_end = later(l->meta_end, l->kasan_free_at, l->kasan_free_bytes);
	if (l->meta_end > l->room)
		l->meta_end = l->room;
}

/* ---- habits ----------------------------------------------- */

struct votes {
	unsigned none, narrow, wide, filled, empty;
};

static bool all(const uint8_t *p, size_t n, uint8_t value)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != value)
			return false;
	return true;
}

/* A slot whose left redzone says that its object is allocated. */
static void vote_slot(const struct slab_layout *l, const uint8_t *slot, struct votes *v)
{
	uint32_t pad = l->cache.red_left_pad, size = l->cache.object_size;
	const uint8_t *object = slot + pad, *at = object + l->orig_at;
	if (!pad || !all(slot, pad, RED_ACTIVE) || !range_inside(l->orig_at, 8, l->room))
		return;
	uint32_t said = load_u32le(at);
	if (said > size || !said) {
		v->none++;
		return;
	}
	if (l->word == 8 && all(at + 4, 4, 0))
		v->wide++;
	else
		v->narrow++;
	if (said == size)
		return;
	if (all(object + said, size - said, RED_ACTIVE))
		v->filled++;
	else
		v->empty++;
}

static struct err *vote_slab(struct target *t, const struct slab_layout *l, uint64_t slab_va,
	uint8_t *slot, struct votes *v)
{
	enum { FROM_ONE = 16 };
	struct slab s;
	struct err *err = slab_read(t, slab_va, &s);
	for (uint32_t i = 0; !err && i < s.objects && i < FROM_ONE; i++) {
		err = vspace_read(
			t->kernel, s.base_va + (uint64_t)i * l->cache.size, slot, l->cache.size);
		if (!err)
			vote_slot(l, slot, v);
	}
	return err;
}

static struct err *vote_cache(
	struct target *t, const struct slab_layout *l, uint64_t list_offset, struct votes *v)
{
	enum { FROM_ONE = 4 };
	struct slab_node node;
	struct err *err = slab_node_read(t, &l->cache, 0, &node);
	if (err || !node.va)
		return err;
	scoped_free uint8_t *slot = xcalloc(1, l->cache.size);
	const uint64_t head[] = { node.partial_va, node.full_va };
	for (unsigned k = 0; k < 2; k++) {
		struct list_iter it;
		uint64_t at;
		bool more = true;
		if (!head[k])
			continue;
		list_iter_init(&it, t, head[k]);
		for (int i = 0; i < FROM_ONE; i++) {
			err = list_iter_next(&it, &at, &more);
			if (err || !more)
				break;
			err = vote_slab(t, l, list_entry(t, at, list_offset), slot, v);
			if (err)
				break;
		}
		if (err)
			return err;
	}
	return NULL;
}

/* Damage votes for nothing; only Ctrl-C ends it. */
static struct err *poll(struct target *t, struct votes *v)
{
	enum { ENOUGH = 512, LARGEST = 1 << 16 };
	struct slab_cache_iter it;
	uint64_t offset;
	bool more = true;
	struct err *err = slab_list_offset(t, &offset);
	if (!err)
		err = slab_cache_iter_init(&it, t);
	while (!err && more && v->none + v->narrow + v->wide < ENOUGH) {
		struct slab_cache c;
		err = slab_cache_iter_next(&it, &c, &more);
		if (!err && more && c.size <= LARGEST) {
			struct slab_layout l = place(t, &c);
			if (keeps_orig(&l))
				err = vote_cache(t, &l, offset, v);
		}
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err);
			err = NULL;
		}
	}
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	err_drop(err); /* the list of caches breaks off: those before it have voted */
	return NULL;
}

static struct err *find_habits(struct target *t, struct slab_habits *ret)
{
	struct slab_habits *h = habits_of(t);
	if (!h->asked) {
		struct votes v = { 0 };
		struct err *err = poll(t, &v);
		if (err)
			return err;
		h->asked = true;
		h->sampled = v.none + v.narrow + v.wide;
		if (v.narrow + v.wide > v.none)
			h->orig_bytes = v.wide > v.narrow ? 8 : 4;
		h->orig_filled = h->orig_bytes && v.filled > v.empty;
	}
	*ret = *h;
	return NULL;
}

struct err *slab_layout_read(struct target *t, const struct slab_cache *c, struct slab_layout *ret)
{
	struct slab_layout l = place(t, c);
	struct err *err = keeps_orig(&l) ? find_habits(t, &l.habits) : NULL;
	if (err)
		return err;
	find_end(&l);
	*ret = l;
	return NULL;
}

/* ---- parts ----------------------------------------------- */

bool slab_layout_orig_size(
	const struct slab_layout *l, const uint8_t *slot, uint32_t *ret, bool *ret_damaged)
{
	*ret_damaged = false;
	if (!l->habits.orig_bytes || !keeps_orig(l) ||
		!range_inside(l->orig_at, l->habits.orig_bytes, l->room))
		return false;
	const uint8_t *at = slot + l->cache.red_left_pad + l->orig_at;
	uint64_t said = l->habits.orig_bytes == 8 ? load_u64le(at) : load_u32le(at);
	*ret_damaged = said > l->cache.object_size;
	if (!*ret_damaged)
		*ret = (uint32_t)said;
	return !*ret_damaged;
}

uint32_t slab_layout_padding(const struct slab_layout *l, const struct slab *s)
{
	uint32_t end = l->meta_end ? l->meta_end : l->room;
	if (s->ext_in_object && l->ext_bytes)
		end += l->ext_bytes; /* 7.2: obj_exts_offset_in_object() */
	return end < l->room ? end : l->room;
}

struct drawing {
	struct slab_part *part;
	unsigned n;
	int32_t at;
};

/* Bytes before @from that nothing claimed are padding. */
static void add(struct drawing *d, const char *name, char letter, int64_t from, int64_t to)
{
	if (from < d->at)
		from = d->at;
	if (to <= from || d->n + 2 > SLAB_PARTS_MAX)
		return;
	if (from > d->at)
		d->part[d->n++] = (struct slab_part){ "padding", '.', d->at, (int32_t)from };
	d->part[d->n++] = (struct slab_part){ name, letter, (int32_t)from, (int32_t)to };
	d->at = (int32_t)to;
}

unsigned slab_layout_parts(const struct slab_layout *l, const struct slab *s, const uint8_t *slot,
	struct slab_part ret[SLAB_PARTS_MAX])
{
	const struct slab_cache *c = &l->cache;
	int64_t pad = c->red_left_pad, end = l->orig_at;
	struct drawing d = { .part = ret, .at = (int32_t)-pad };
	bool red = slab_cache_has(c, SLAB_FLAG_RED_ZONE), damaged;
	uint32_t orig = c->object_size;
	if (slot && l->habits.orig_filled)
		slab_layout_orig_size(l, slot, &orig, &damaged);
	add(&d, "left redzone", 'r', -pad, 0);
	add(&d, "object", 'O', 0, orig);
	add(&d, "kmalloc redzone", 'k', orig, c->object_size);
	add(&d, red ? "right redzone" : "padding", red ? 'r' : '.', c->object_size,
		c->inuse < l->room ? c->inuse : l->room);
	if (l->free_outside)
		add(&d, "free pointer", 'f', c->offset, c->offset + l->word);
	add(&d, "allocation track", 'A', l->track_at, l->track_at + l->track_bytes);
	add(&d, "free track", 'F', l->track_at + l->track_bytes, end);
	if (keeps_orig(l))
		add(&d, "size asked for", 's', l->orig_at, l->orig_at + l->habits.orig_bytes);
	bool free_first = l->kasan_free_at < l->kasan_alloc_at;
	for (unsigned i = 0; i < 2; i++) {
		if ((i == 0) == free_first && l->kasan_free_at >= c->object_size)
			add(&d, "KASAN's free data", 'q', l->kasan_free_at,
				l->kasan_free_at + l->kasan_free_bytes);
		else if ((i == 0) != free_first)
			add(&d, "KASAN's allocation data", 'K', l->kasan_alloc_at,
				l->kasan_alloc_at + l->kasan_alloc_bytes);
	}
	if (s->ext_in_object)
		add(&d, "accounting", 'a', l->meta_end, slab_layout_padding(l, s));
	add(&d, "padding", '.', d.at, l->room);
	return d.n;
}
