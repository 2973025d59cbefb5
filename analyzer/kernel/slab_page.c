/*
 * mm/slab.h, include/linux/mm_types.h, 4.19 to 7.2. A slab's head page is told by PG_slab up to 6.9
 * and by its page type's top byte since 6.12 (include/linux/page-flags.h); tails have bit 0 set in
 * the word where a head has its cache or its list.
 */
#include "analyzer/kernel/slab_page.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/percpu.h"

#define SLUB_HINT "mm/slub.c"

static const struct view_field slab_fields[] = {
	FIELD(struct slab, cache_va, "slab_cache"),
	FIELD(struct slab, freelist, "freelist"),
	FIELD(struct slab, inuse, "inuse"),
	FIELD(struct slab, objects, "objects"),
	FIELD(struct slab, frozen, "frozen"),
	/* flags in its low bits; memcg_data up to 6.8 */
	FIELD_OPTIONAL(struct slab, exts_va, "obj_exts", "memcg_data"),
	FIELD_OPTIONAL(struct slab, stride, "stride"),
};
/* struct slab stands in struct page's place since 5.17 */
static const struct view_spec slab_spec = { .type = "slab",
	.type_old = "page",
	.hint = SLUB_HINT,
	.fields = slab_fields,
	.nfields = ARRAY_SIZE(slab_fields) };

/* ---- is it one ----------------------------------------------- */

/* How a slab's head page shows in the bytes of a struct page. */
struct slab_mark {
	uint64_t page_bytes, head_at; /* head_at: of the word that a tail has its head in */
	uint64_t at;		      /* of the word that is tested */
	unsigned bytes;
	uint64_t mask, value;
	/* Blocks whose struct pages were found lately, by address: lists lead to one slab after the
	 * other. */
	struct {
		uint64_t va, pfn; /* of the block's first; va 0: none yet */
	} block[64];
};

static struct err *make_mark(struct target *t, struct slab_mark *ret)
{
	struct slab_mark m = { 0 };
	uint64_t n;
	if (!target_number(t, "sizeof(page)", &m.page_bytes) || m.page_bytes < 16 ||
		m.page_bytes > 256 ||
		(!target_number(t, "offsetof(page.compound_info)", &m.head_at) &&
			!target_number(t, "offsetof(page.compound_head)", &m.head_at)))
		return err_new(ERR_MISSING, "struct page is not known: give the vmlinux");
	if (target_number(t, "enum(pagetype.PGTY_slab)", &n) &&
		target_number(t, "offsetof(page.page_type)", &m.at)) {
		m.bytes = 4;
		m.mask = 0xff000000;
		m.value = n << 24;
	} else if (target_number(t, "enum(pageflags.PG_slab)", &n) && n < 32) {
		if (!target_number(t, "offsetof(page.flags)", &m.at))
			m.at = 0;
		m.bytes = t->abi.word_bytes;
		m.mask = m.value = 1ull << n;
	} else {
		return err_new(ERR_MISSING,
			"neither PG_slab nor PGTY_slab is known: this kernel's "
			"way to mark slabs is not one of 4.19 to 6.9 or 6.12 on");
	}
	if (!range_inside(m.at, m.bytes, m.page_bytes) ||
		!range_inside(m.head_at, t->abi.word_bytes, m.page_bytes))
		return err_new(ERR_FORMAT, "struct page's members do not lie in it");
	*ret = m;
	return NULL;
}

/* Found out once: every slab that is read asks. */
static struct err *find_mark(struct target *t, struct slab_mark **ret)
{
	static const char key;
	struct slab_mark m = { 0 }, *kept = target_kept(t, &key);
	struct err *err = kept ? NULL : make_mark(t, &m);
	if (err)
		return err;
	if (!kept) {
		kept = xmalloc(sizeof(*kept));
		*kept = m;
		target_keep(t, &key, kept, free);
	}
	*ret = kept;
	return NULL;
}

static bool is_slab(const struct target *t, const struct slab_mark *m, const uint8_t *page)
{
	return (load_uint(&t->abi, page + m->at, m->bytes) & m->mask) == m->value &&
	       !(get_word(&t->abi, page + m->head_at) & 1);
}

/* ---- one ----------------------------------------------- */

/* Slabs lie in the linear map. */
bool slab_linear_va(const struct target *t, uint64_t pa, uint64_t *ret)
{
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	for (unsigned i = 0; i < l->nwindows; i++) {
		if (pa - l->window[i].pa.v >= l->window[i].size)
			continue;
		*ret = l->window[i].va + (pa - l->window[i].pa.v);
		return true;
	}
	return false;
}

static struct err *read_slab(struct target *t, uint64_t va, uint64_t pfn, struct slab *ret)
{
	enum { EXTS_FLAGS = 7 }; /* include/linux/memcontrol.h: two bits up to 6.8, three since */
	struct slab s = { 0 };
	const struct view *v;
	struct err *err = target_view(t, &slab_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &s);
	if (!err && !slab_linear_va(t, pfn << page_shift(t), &s.base_va))
		err = err_new(ERR_FORMAT, "its frame 0x%" PRIx64 " is not in the linear map", pfn);
	if (err)
		return err_wrap(err, "slab 0x%" PRIx64, va);
	s.va = va;
	s.cache_va = slab_untag(t, s.cache_va);
	s.exts_va &= ~(uint64_t)EXTS_FLAGS;
	*ret = s;
	return NULL;
}

static struct err *find_pfn(struct target *t, struct slab_mark *m, uint64_t va, uint64_t *ret)
{
	uint64_t bytes = SLAB_BLOCK_PAGES * m->page_bytes, first, pfn;
	unsigned slot = (unsigned)(va / bytes % ARRAY_SIZE(m->block));
	uint64_t at = va - m->block[slot].va;
	if (m->block[slot].va && at < bytes && !(at % m->page_bytes)) {
		*ret = m->block[slot].pfn + at / m->page_bytes;
		return NULL;
	}
	struct err *err = page_to_pfn(t, va, &pfn);
	if (err)
		return err;
	*ret = pfn;
	pfn -= pfn % SLAB_BLOCK_PAGES;
	scoped_err struct err *none = page_of_pfn(t, pfn, &first);
	if (!none && first == va - (*ret - pfn) * m->page_bytes) {
		m->block[slot].va = first;
		m->block[slot].pfn = pfn;
	}
	return NULL;
}

struct err *slab_read(struct target *t, uint64_t va, struct slab *ret)
{
	uint8_t page[256];
	struct slab_mark *m;
	uint64_t pfn;
	struct err *err = find_mark(t, &m);
	if (!err)
		err = vspace_read(t->kernel, va, page, m->page_bytes);
	if (!err && !is_slab(t, m, page))
		err = err_new(ERR_NOT_FOUND, "page 0x%" PRIx64 " is not a slab", va);
	if (!err)
		err = find_pfn(t, m, va, &pfn);
	return err ? err : read_slab(t, va, pfn, ret);
}

struct err *slab_find(struct target *t, uint64_t tagged, struct slab *ret)
{
	uint64_t va = slab_untag(t, tagged), page_va;
	struct paddr pa;
	struct page page;
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	enum fault_kind fault = vspace_translate(t->kernel, va, &pa, NULL);
	if (fault)
		return err_fault(fault, va, "0x%" PRIx64, va);
	err = page_of_pfn(t, pa.v >> page_shift(t), &page_va);
	if (!err)
		err = page_read(t, page_va, &page);
	return err ? err : slab_read(t, page.head_va, ret);
}

/* ---- all ----------------------------------------------- */

/* SLAB_BLOCK_PAGES divides all sections' frames */

struct sweep {
	struct target *t;
	struct slab_mark *mark;
	uint8_t *bytes;
	slab_each_fn each;
	void *cx;
	uint64_t missing;
};

/* The head at struct page @i of the piece at @va, and its tails: up to 7.0 their word has the
 * head's address, since 7.2 it may have a mask (page.c). */
static uint32_t count_pages(const struct sweep *s, uint64_t va, uint64_t i, uint64_t n)
{
	const struct target *t = s->t;
	uint64_t size = s->mark->page_bytes, head = va + i * size, k = i + 1;
	uint64_t top = t->abi.word_bytes == 8 ? UINT64_MAX : UINT32_MAX;
	for (; k < n; k++) {
		uint64_t word = get_word(&t->abi, s->bytes + k * size + s->mark->head_at);
		uint64_t low = ~(word & ~1ull) & top;
		bool masks = low < 1ull << 31 && !(low & (low + 1));
		if (!(word & 1) ||
			(masks ? ((va + k * size) & word & ~1ull) : word & ~1ull) != head)
			break;
	}
	return (uint32_t)(k - i);
}

/* Frames that no memory section has, and holes of 2 MiB and more (include/linux/mmzone.h:
 * subsections), are not looked through one by one. */
static bool is_hole(const struct sweep *s, uint64_t pfn, uint64_t n, const struct err *first)
{
	enum { SUBSECTION = 512 };
	uint64_t va;
	if (!first || first->code != ERR_NOT_FOUND || n > SUBSECTION)
		return false;
	scoped_err struct err *last = page_of_pfn(s->t, pfn + n - 1, &va);
	return last && last->code == ERR_NOT_FOUND;
}

/* @n struct pages from @pfn's on, which lie in one piece. */
static struct err *sweep_piece(struct sweep *s, uint64_t pfn, uint64_t n)
{
	uint64_t va, size = s->mark->page_bytes;
	struct err *err = page_of_pfn(s->t, pfn, &va);
	if (err && err->code != ERR_NOT_FOUND && err->code != ERR_FAULT)
		return err;
	bool bad = err || vspace_try_read(s->t->kernel, va, s->bytes, n * size, NULL);
	bool hole = n > 1 && is_hole(s, pfn, n, err);
	err_drop(err); /* frames without struct page are no slabs */
	if (hole) {
		s->missing += n;
		return interrupt_check();
	}
	if (bad && n > 1) {
		err = sweep_piece(s, pfn, n / 2);
		return err ? err : sweep_piece(s, pfn + n / 2, n - n / 2);
	}
	if (bad) {
		s->missing++;
		return NULL;
	}
	err = interrupt_check();
	for (uint64_t i = 0; !err && i < n; i++) {
		struct slab slab;
		if (!is_slab(s->t, s->mark, s->bytes + i * size))
			continue;
		scoped_err struct err *none = read_slab(s->t, va + i * size, pfn + i, &slab);
		if (none) {
			s->missing++;
			continue;
		}
		slab.npages = count_pages(s, va, i, n);
		err = s->each(s->cx, &slab);
	}
	return err;
}

/* @n frames from @pfn on. */
static struct err *sweep_frames(struct sweep *s, uint64_t pfn, uint64_t n)
{
	struct err *err = NULL;
	while (!err && n) {
		uint64_t step = SLAB_BLOCK_PAGES - pfn % SLAB_BLOCK_PAGES;
		step = step > n ? n : step;
		err = sweep_piece(s, pfn, step);
		pfn += step;
		n -= step;
	}
	return err;
}

static struct err *sweep_init(struct sweep *s, struct target *t, slab_each_fn each, void *cx)
{
	*s = (struct sweep){ .t = t, .each = each, .cx = cx };
	struct err *err = target_need_kernel(t);
	if (!err)
		err = find_mark(t, &s->mark);
	if (!err)
		s->bytes = xcalloc(SLAB_BLOCK_PAGES, s->mark->page_bytes);
	return err;
}

struct err *slab_sweep_frames(struct target *t, uint64_t pfn, uint64_t n, slab_each_fn each,
	void *cx, uint64_t *ret_missing)
{
	struct sweep s;
	struct err *err = sweep_init(&s, t, each, cx);
	scoped_free uint8_t *bytes = s.bytes;
	if (!err)
		err = sweep_frames(&s, pfn, n);
	if (!err && ret_missing)
		*ret_missing = s.missing;
	return err;
}

struct err *slab_sweep(struct target *t, slab_each_fn each, void *cx, uint64_t *ret_missing)
{
	struct sweep s;
	struct err *err = sweep_init(&s, t, each, cx);
	scoped_free uint8_t *bytes = s.bytes;
	if (err)
		return err;
	const struct dump_info *info = dump_info(t->dump);
	unsigned shift = page_shift(t);
	uint64_t done = 0;
	for (size_t i = 0; !err && i < info->nextents; i++) {
		uint64_t pfn = info->extent[i].start.v >> shift;
		uint64_t end = (info->extent[i].start.v + info->extent[i].size - 1) >> shift;
		pfn = pfn < done ? done : pfn;
		if (!info->extent[i].size || pfn > end)
			continue;
		err = sweep_frames(&s, pfn, end - pfn + 1);
		done = end + 1;
	}
	if (!err && ret_missing)
		*ret_missing = s.missing;
	return err;
}

/* ---- CPUs ----------------------------------------------- */

static const struct view_field cpu_fields[] = {
	FIELD(struct slab_cpu, slab_va, "slab", "page"),
	FIELD(struct slab_cpu, freelist, "freelist"),
	FIELD_OPTIONAL(struct slab_cpu, partial, "partial"),
};
static const struct view_spec cpu_spec = { .type = "kmem_cache_cpu",
	.hint = SLUB_HINT,
	.fields = cpu_fields,
	.nfields = ARRAY_SIZE(cpu_fields) };

struct err *slab_cpu_read(
	struct target *t, const struct slab_cache *c, unsigned cpu, struct slab_cpu *ret)
{
	const struct view *v;
	struct slab_cpu s = { 0 };
	uint64_t va;
	if (!c->cpu_slab)
		return err_new(ERR_MISSING, "cache %s has no CPU slabs", c->name);
	struct err *err = percpu_address(t, c->cpu_slab, cpu, &va);
	if (!err)
		err = target_view(t, &cpu_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &s);
	if (err)
		return err_wrap(err, "cache %s: CPU %u", c->name, cpu);
	s.va = va;
	*ret = s;
	return NULL;
}

struct chained {
	uint64_t next;
};
static const struct view_field chained_fields[] = { FIELD(struct chained, next, "next") };
static const struct view_spec chained_spec = { .type = "slab",
	.type_old = "page",
	.hint = SLUB_HINT,
	.fields = chained_fields,
	.nfields = 1 };

struct err *slab_cpu_partial_next(struct target *t, uint64_t *io_va)
{
	const struct view *v;
	struct chained c;
	struct err *err = target_view(t, &chained_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, *io_va, &c);
	if (!err)
		*io_va = c.next;
	return err;
}

/* ---- nodes ----------------------------------------------- */

enum { NODE_SLABS = 2 };
static const struct view_field node_fields[] = {
	FIELD(struct slab_node, nr_partial, "nr_partial"),
	FIELD_ADDRESS(struct slab_node, partial_va, "partial"),
	[NODE_SLABS] = FIELD_OPTIONAL(struct slab_node, nr_slabs, "nr_slabs.counter"),
	FIELD_OPTIONAL(struct slab_node, total_objects, "total_objects.counter"),
	FIELD_ADDRESS_OPTIONAL(struct slab_node, full_va, "full"),
};
static const struct view_spec node_spec = { .type = "kmem_cache_node",
	.hint = SLUB_HINT,
	.fields = node_fields,
	.nfields = ARRAY_SIZE(node_fields) };

struct err *slab_node_read(
	struct target *t, const struct slab_cache *c, unsigned node, struct slab_node *ret)
{
	const struct view *v;
	struct slab_node n = { 0 };
	uint64_t va;
	struct err *err = vspace_read_word(t->kernel, c->nodes_va + node * c->node_stride, &va);
	if (!err && !va) {
		*ret = n;
		return NULL;
	}
	if (!err)
		err = target_view(t, &node_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &n);
	if (err)
		return err_wrap(err, "cache %s: node %u", c->name, node);
	n.va = va;
	n.counted = view_has(v, NODE_SLABS);
	*ret = n;
	return NULL;
}

struct err *slab_list_offset(struct target *t, uint64_t *ret)
{
	/* "lru" up to 4.19's end, "slab_list" since 5.2 */
	if (target_number(t, "offsetof(slab.slab_list)", ret) ||
		target_number(t, "offsetof(page.slab_list)", ret) ||
		target_number(t, "offsetof(page.lru)", ret))
		return NULL;
	return err_new(ERR_MISSING, "a slab's list is not known: give the vmlinux");
}
