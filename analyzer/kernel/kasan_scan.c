/*
 * Sweeps over the shadow's own memory, which is an eighth or a sixteenth of all, and page by page
 * against struct page. The zero page is left out of both: it stands for what nobody watches.
 */
#include "analyzer/kernel/kasan_scan.h"

#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/kasan_look.h"
#include "analyzer/kernel/kasan_scan_slab.h"
#include "analyzer/kernel/kasan_shadow.h"
#include "analyzer/kernel/kfence.h"
#include "analyzer/kernel/page.h"
#include "analyzer/space/pieces.h"

/* ---- the sweep ----------------------------------------------- */

struct scan {
	const struct kasan *k;
	struct pieces *pieces;
	struct kasan_histogram *histogram;
	kasan_finding_fn found;
	void *found_cx;
	struct kasan_look look;
};

static struct err *next_piece(void *cx, struct sweep_piece *ret, bool *ret_more)
{
	struct scan *s = cx;
	struct err *err;
	while (!(err = pieces_next(s->pieces, ret, ret_more)) && *ret_more)
		if (!s->k->zero_va || ret->pa.v != s->k->zero_pa)
			break;
	return err;
}

static void look(void *cx, const struct sweep_run *run, struct sweep_hits *hits)
{
	const struct scan *s = cx;
	kasan_look(&s->look, run, hits);
}

static struct err *hit(void *cx, const struct sweep_hit *h)
{
	struct scan *s = cx;
	struct kasan_told told = kasan_told(h);
	if (told.kind == TOLD_COUNT) {
		s->histogram->count[told.value] += told.n;
		return NULL;
	}
	struct kasan_finding f = { .va = kasan_from_shadow(s->k, h->addr),
		.granules = told.n,
		.value = told.value,
		.what = told.kind == TOLD_STRANGE
				? "shadow has a value that KASAN does not have"
				: "accessible directly behind a granule that ends early" };
	return s->found ? s->found(s->found_cx, &f) : NULL;
}

struct err *kasan_scan_shadow(const struct kasan *k, uint64_t lo, uint64_t last,
	struct kasan_histogram *ret, kasan_finding_fn found, void *cx)
{
	struct scan s = { .k = k, .histogram = ret, .found = found, .found_cx = cx };
	struct err *err = kasan_need_shadow(k);
	if (err)
		return err;
	memset(ret, 0, sizeof(*ret));
	kasan_look_init(k, &s.look);
	uint64_t least = kasan_from_shadow(k, k->start);
	lo = lo > least ? lo : least;
	if (last < lo)
		return NULL;
	s.pieces = pieces_of_space(k->t->dump, vspace_facts(k->t->kernel), kasan_to_shadow(k, lo),
		kasan_to_shadow(k, last));
	struct sweep sweep = {
		.cx = &s, .next = next_piece, .look = look, .hit = hit, .seam_bytes = 1
	};
	err = sweep_memory(k->t->dump, &sweep, &ret->totals);
	pieces_destroy(s.pieces);
	return err;
}

/* ---- against struct page ----------------------------------------------- */

/* What decides whose a page is, as page_owner() reads it, but for where it lies. */
struct owner_memo {
	uint64_t flags;
	uint32_t type;
	uint8_t mapping;
	bool referenced;
	const char *owner;
};

enum { MEMOS_MAX = 64 };

struct pages {
	const struct kasan *k;
	struct owner_memo memo[MEMOS_MAX];
	unsigned nmemos;
	uint64_t free_until; /* frame behind the free block that was met last */
	kasan_finding_fn found;
	void *cx;
	struct kasan_finding open; /* not told yet: the next page may go on with it */
	bool deferred;
	uint8_t *shadow; /* of one page */
	size_t nshadow;
	const char *cache;	       /* only its slabs; NULL: all */
	uint64_t chunk;		       /* the frames that .first_va is of; UINT64_MAX: none yet */
	uint64_t first_va, page_bytes; /* of its first struct page; sizeof(struct page) */
	struct kfence kfence;	       /* .nobjects 0: none; its pool is not for KASAN to watch */
	struct kasan_compared n;
};

static struct err *flush(struct pages *p)
{
	struct kasan_finding f = p->open;
	p->open.granules = 0;
	return f.granules && p->found ? p->found(p->cx, &f) : NULL;
}

static struct err *add(void *cx, uint64_t va, uint64_t granules, uint8_t v, const char *what)
{
	struct pages *p = cx;
	struct err *err = NULL;
	if (p->open.granules && p->open.what == what && p->open.value == v &&
		p->open.va + p->open.granules * p->k->granule == va) {
		p->open.granules += granules;
		return NULL;
	}
	err = flush(p);
	p->open = (struct kasan_finding){ va, granules, v, what };
	return err;
}

/*
 * What a page's owner allows (mm/page_alloc.c, mm/kasan/common.c): all of a free page is poisoned
 * as freed; while struct pages are set up late (CONFIG_DEFERRED_STRUCT_PAGE_INIT), pages come free
 * unpoisoned. Slabs have slab values only. Anything else in use has no slab value and is not freed;
 * stacks may be in it. Reserved pages are the image's own and boot's.
 */
static const char *objection(const struct pages *p, const char *owner, uint8_t v)
{
	enum kasan_kind kind = kasan_value_kind(p->k, v);
	bool fine = kind == KASAN_ACCESSIBLE || kind == KASAN_PARTIAL;
	if (!strcmp(owner, "buddy")) {
		if (v == KASAN_PAGE_FREE || (!v && p->deferred))
			return NULL;
		return v ? "free page with another poison" : "free page is accessible";
	}
	if (!strcmp(owner, "slab"))
		return fine || kind == KASAN_SLAB ? NULL : "slab with what no slab has";
	if (strcmp(owner, "anon") && strcmp(owner, "file") && strcmp(owner, "page table") &&
		strcmp(owner, "kernel"))
		return NULL;
	if (v == KASAN_PAGE_FREE)
		return "page in use is poisoned as freed";
	return kind == KASAN_SLAB ? "slab poison in a page of no slab" : NULL;
}

/* page_owner() asks the types many questions; pages are of few kinds. Of a free block it is the
 * first page that tells how many follow. */
static struct err *owner_of(struct pages *p, uint64_t pfn, struct page *page, const char **ret)
{
	enum {
		FLAG_BITS = 28,
		ORDER_MAX = 16
	}; /* above are section, node, zone and the last CPU */
	struct owner_memo m = { .flags = page->flags & ((1u << FLAG_BITS) - 1),
		.type = page->page_type >> 31 ? page->page_type : 0,
		.mapping = (uint8_t)((page->mapping & 3) | (page->mapping ? 4 : 0)),
		.referenced = page->refcount > 0 };
	if (pfn < p->free_until) {
		*ret = "buddy";
		return NULL;
	}
	/* tail pages and those on a CPU's list look alike: they are nobody's for certain */
	if (!m.type && !m.referenced && !m.mapping) {
		*ret = "free";
		return NULL;
	}
	unsigned i = 0;
	while (i < p->nmemos &&
		(p->memo[i].flags != m.flags || p->memo[i].type != m.type ||
			p->memo[i].mapping != m.mapping || p->memo[i].referenced != m.referenced))
		i++;
	if (i < p->nmemos) {
		m.owner = p->memo[i].owner;
	} else {
		struct err *err = page_owner(p->k->t, page, &m.owner);
		if (err)
			return err;
		if (p->nmemos < MEMOS_MAX)
			p->memo[p->nmemos++] = m;
	}
	if (!strcmp(m.owner, "buddy") && page->private_word < ORDER_MAX)
		p->free_until = pfn + (1ull << page->private_word);
	*ret = m.owner;
	return NULL;
}

static struct err *check_slab(struct pages *p, uint64_t va)
{
	struct kasan_object o;
	struct err *err = kasan_object_find(p->k, va, &o);
	if (err && err->code != ERR_INTERRUPTED) {
		err_drop(err); /* a damaged slab is the allocator's business, and its own command's
				*/
		return NULL;
	}
	if (err || o.base_va != va || (p->cache && strcmp(p->cache, o.cache.name)))
		return err;
	p->n.slabs++;
	return kasan_check_slab(p->k, &o, add, p, &p->n.objects);
}

static struct err *check_values(struct pages *p, uint64_t va, const char *owner)
{
	struct err *err = NULL;
	for (size_t i = 0; !err && i < p->nshadow;) {
		size_t n = 1;
		while (i + n < p->nshadow && p->shadow[i + n] == p->shadow[i])
			n++;
		const char *what = objection(p, owner, p->shadow[i]);
		if (what)
			err = add(p, va + i * p->k->granule, n, p->shadow[i], what);
		i += n;
	}
	return err;
}

/* page_of_pfn() for frames in a row: the struct pages of one section lie in one array, and sections
 * are whole chunks. */
static struct err *next_page_va(struct pages *p, uint64_t pfn, uint64_t *ret)
{
	enum { CHUNK = 4096 };
	uint64_t chunk = pfn / CHUNK;
	if (chunk != p->chunk || !p->page_bytes) {
		struct err *err = page_of_pfn(p->k->t, pfn, ret);
		if (err)
			return err;
		p->chunk = chunk;
		p->first_va = *ret - pfn % CHUNK * p->page_bytes;
		return NULL;
	}
	*ret = p->first_va + pfn % CHUNK * p->page_bytes;
	return NULL;
}

static struct err *check_page(struct pages *p, uint64_t va, uint64_t pfn)
{
	struct target *t = p->k->t;
	struct page page;
	const char *owner;
	uint64_t page_va;
	uint32_t ignored;
	/* memory without real shadow has nothing to compare */
	if (kasan_backing(p->k, va, NULL) != KASAN_REAL ||
		(p->kfence.nobjects && kfence_index(&p->kfence, va, &ignored)) ||
		vspace_try_read(t->kernel, kasan_to_shadow(p->k, va), p->shadow, p->nshadow, NULL))
		return NULL;
	struct err *err = next_page_va(p, pfn, &page_va);
	if (!err)
		err = page_read(t, page_va, &page);
	bool is_head = !err && page.head_va == page.va;
	if (!err)
		err = is_head ? NULL : page_read(t, page.head_va, &page);
	if (!err)
		err = owner_of(p, pfn, &page, &owner);
	if (err && (err->code == ERR_NOT_FOUND || err->code == ERR_FAULT)) {
		err_drop(err); /* a frame without a struct page that can be read: nothing to compare
				*/
		return NULL;
	}
	if (err)
		return err;
	p->n.pages++;
	if (!p->cache && p->k->mode == KASAN_GENERIC)
		err = check_values(p, va, owner);
	if (!err && is_head && !strcmp(owner, "slab"))
		err = check_slab(p, va);
	return err;
}

/* The frames of one extent that window @w shows. */
static struct err *check_extent(struct pages *p, const struct arch_window *w,
	const struct dump_extent *e, uint64_t lo, uint64_t last)
{
	uint64_t page = 1ull << page_shift(p->k->t), asked = 0;
	uint64_t pa = (e->start.v + page - 1) & ~(page - 1), end = e->start.v + e->size;
	for (; pa < end && end - pa >= page; pa += page) {
		uint64_t off = pa - w->pa.v, va = w->va + off;
		if (off >= w->size || va < lo || va > last)
			continue;
		struct err *err = asked++ % 1024 ? NULL : interrupt_check();
		if (!err)
			err = check_page(p, va, pa / page);
		if (err)
			return err;
	}
	return NULL;
}

struct err *kasan_scan_pages(const struct kasan *k, uint64_t lo, uint64_t last, const char *cache,
	struct kasan_compared *ret, kasan_finding_fn found, void *cx)
{
	const struct arch_layout *l = &vspace_facts(k->t->kernel)->layout;
	const struct dump_info *info = dump_info(k->t->dump);
	struct err *err = kasan_need_shadow(k);
	if (err)
		return err;
	scoped_free struct pages *p = xcalloc(1, sizeof(*p));
	scoped_free uint8_t *shadow = xcalloc(1, 1ull << page_shift(k->t) >> k->scale);
	*p = (struct pages){ .k = k,
		.found = found,
		.cx = cx,
		.cache = cache,
		.chunk = UINT64_MAX,
		.shadow = shadow,
		.nshadow = 1ull << page_shift(k->t) >> k->scale,
		.deferred = target_has_symbol(k->t, "deferred_pages") };
	if (!target_number(k->t, "SIZE(page)", &p->page_bytes) &&
		!target_number(k->t, "sizeof(page)", &p->page_bytes))
		p->page_bytes = 0;		 /* then each frame is looked up */
	err_drop(kfence_init(k->t, &p->kfence)); /* most kernels with KASAN have none */
	for (unsigned w = 0; w < l->nwindows; w++)
		for (size_t i = 0;
			!err && strcmp(l->window[w].name, "kernel image") && i < info->nextents;
			i++)
			err = check_extent(p, &l->window[w], &info->extent[i], lo, last);
	if (!err)
		err = flush(p);
	*ret = p->n;
	return err;
}

/* ---- where shadow is ----------------------------------------------- */

struct kasan_extents {
	const struct kasan *k;
	struct table_runs *runs;
	struct kasan_extent ahead; /* read, but not known to be complete */
	bool have, done;
};

struct kasan_extents *kasan_extents_create(const struct kasan *k, uint64_t lo, uint64_t last)
{
	struct kasan_extents *it = xcalloc(1, sizeof(*it));
	const struct arch_layout *l = &vspace_facts(k->t->kernel)->layout;
	uint64_t least = kasan_from_shadow(k, k->start);
	lo = lo > least ? lo : least;
	struct table_runs_options o = {
		.lo = kasan_to_shadow(k, lo), .last = kasan_to_shadow(k, last), .holes = true
	};
	it->k = k;
	it->done = last < lo;
	if (!it->done)
		it->runs = table_runs_create(&l->paging, k->t->dump, l->pgd, &o);
	return it;
}

void kasan_extents_destroy(struct kasan_extents *it)
{
	if (it->runs)
		table_runs_destroy(it->runs);
	free(it);
}

struct err *kasan_extents_next(struct kasan_extents *it, struct kasan_extent *ret, bool *ret_more)
{
	struct table_run run;
	bool more;
	struct err *err = NULL;
	*ret_more = false;
	while (!it->done && !(err = table_runs_next(it->runs, &run, &more))) {
		if (!more) {
			it->done = true;
			break;
		}
		struct kasan_extent e = { .va = kasan_from_shadow(it->k, run.va),
			.size = run.size << it->k->scale,
			.backing = run.kind != RUN_MAPPED			  ? KASAN_UNMAPPED
				   : it->k->zero_va && run.pa.v == it->k->zero_pa ? KASAN_ZERO
										  : KASAN_REAL };
		if (it->have && it->ahead.backing == e.backing &&
			it->ahead.va + it->ahead.size == e.va) {
			it->ahead.size += e.size;
			continue;
		}
		*ret = it->ahead;
		*ret_more = it->have;
		it->ahead = e;
		it->have = true;
		if (*ret_more)
			return NULL;
	}
	if (!err && it->have) {
		*ret = it->ahead;
		*ret_more = true;
		it->have = false;
	}
	return err;
}
