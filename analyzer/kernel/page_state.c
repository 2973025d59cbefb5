/*
 * struct page and struct folio, include/linux/mm_types.h and mm.h, fs/proc/page.c; 4.19 to 7.2.
 * What a word of struct page means depends on what the page is used for: each is looked at only
 * then.
 */
#include "analyzer/kernel/page_state.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/page_flags.h"

#define PAGE_HINT "mm/page_alloc.c"

enum { ORDER_MAX = 16 }; /* orders end below it everywhere */

/* ---- whose it is ----------------------------------------------- */

static bool is_word(const char *word, const char *wanted)
{
	return word && !strcmp(word, wanted);
}

/*
 * Of a free block only the first page is marked, with the block's order in its private word:
 * is_free_buddy_page() in mm/page_alloc.c. Blocks are aligned to their size.
 */
static bool find_free_block(struct target *t, uint64_t pfn, uint64_t *ret_pfn, unsigned *ret_order)
{
	uint64_t va;

	for (unsigned order = 0; order < ORDER_MAX; order++) {
		struct page head;
		uint64_t first = pfn >> order << order;
		if (order && first == pfn >> (order - 1) << (order - 1))
			continue; /* that page was asked already */
		scoped_err struct err *none = page_of_pfn(t, first, &va);
		if (!none)
			none = page_read(t, va, &head);
		if (none)
			return false;
		if (!is_word(page_type_word(t, head.page_type), "buddy"))
			continue;
		*ret_pfn = first;
		*ret_order = (unsigned)head.private_word;
		return head.private_word < ORDER_MAX && pfn - first < 1ull << head.private_word;
	}
	return false;
}

static bool in_free_block(struct target *t, const struct page *page)
{
	uint64_t pfn, block;
	unsigned order;
	scoped_err struct err *err = page_to_pfn(t, page->va, &pfn);
	return !err && find_free_block(t, pfn, &block, &order);
}

struct err *page_owner(struct target *t, const struct page *page, const char **ret)
{
	enum { ANON = 1, KERNEL = 2 }; /* PAGE_MAPPING_ANON, PAGE_MAPPING_MOVABLE; both: KSM */
	struct page head = *page;
	struct err *err = NULL;

	if (page->head_va != page->va)
		err = page_read(t, page->head_va, &head);
	if (err)
		return err_wrap(err, "folio of 0x%" PRIx64, page->va);
	const char *word = page_type_word(t, head.page_type);
	if (page_flag_has(t, head.flags, "PG_slab") || is_word(word, "slab"))
		word = "slab"; /* KFENCE's pool is slabs in reserved memory */
	else if (page_flag_has(t, head.flags, "PG_reserved"))
		word = "reserved";
	else if (word)
		;
	else if ((head.mapping & (ANON | KERNEL)) == (ANON | KERNEL))
		word = "ksm";
	else if (head.mapping & ANON)
		word = "anon";
	else if (head.mapping & KERNEL)
		word = "movable";
	else if (head.mapping && head.refcount > 0)
		word = "file";
	else if (head.refcount > 0)
		word = "kernel";
	else
		word = in_free_block(t, &head) ? "buddy" : "free";
	*ret = word;
	return NULL;
}

/* ---- its folio ----------------------------------------------- */

struct tail_words {
	uint32_t order, order_in_folio;
	int32_t entire; /* count of mappings as a whole, less one; -1 where there is none */
	uint64_t flags_1;
};
enum { TAIL_ORDER };
/* struct page's own names for its first tail's words, up to 6.1 */
static const struct view_field tail_fields[] = {
	FIELD_OPTIONAL(struct tail_words, order, "compound_order"),
	FIELD_OPTIONAL(struct tail_words, entire, "compound_mapcount.counter"),
	FIELD_OPTIONAL(struct tail_words, flags_1, "flags.f", "flags"),
};
static const struct view_spec tail_spec = {
	.type = "page", .hint = PAGE_HINT, .fields = tail_fields, .nfields = ARRAY_SIZE(tail_fields)
};

enum { FOLIO_FLAGS, FOLIO_ORDER, FOLIO_ENTIRE };
static const struct view_field folio_fields[] = {
	FIELD_OPTIONAL(struct tail_words, flags_1, "_flags_1"),
	FIELD_OPTIONAL(struct tail_words, order_in_folio, "_folio_order"),     /* 5.16 to 6.5 */
	FIELD_OPTIONAL(struct tail_words, entire, "_entire_mapcount.counter"), /* 6.3 */
};
static const struct view_spec folio_spec = { .type = "folio",
	.hint = PAGE_HINT,
	.fields = folio_fields,
	.nfields = ARRAY_SIZE(folio_fields) };

static struct err *read_tail(struct target *t, const struct page *head, struct tail_words *ret)
{
	const struct view *page_view, *v;
	struct tail_words w = { .entire = -1 };
	struct err *err = target_view(t, &tail_spec, &page_view);
	if (err)
		return err;
	uint64_t bytes = view_size(page_view);
	if (view_has(page_view, TAIL_ORDER)) {
		err = view_read(page_view, t->kernel, head->va + bytes, &w);
	} else {
		err = target_view(t, &folio_spec, &v);
		if (!err)
			err = view_read(v, t->kernel, head->va, &w);
		if (err)
			return err;
		/* since 6.6 the low byte of the first tail's flags */
		w.order = view_has(v, FOLIO_ORDER) ? w.order_in_folio : w.flags_1 & 0xff;
		/* on 32-bit machines it is in the second tail, which pairs do not have */
		if (!view_has(v, FOLIO_ENTIRE) ||
			(w.order < 2 && view_offset(v, FOLIO_ENTIRE) >= 2 * bytes))
			w.entire = -1;
	}
	if (!err && (!w.order || w.order >= 2 * ORDER_MAX))
		err = err_new(
			ERR_FORMAT, "page 0x%" PRIx64 ": a folio of order %u", head->va, w.order);
	if (!err)
		*ret = w;
	return err;
}

/*
 * page_mapcount() up to 6.5 and folio_precise_page_mapcount() since: the page's own count, but for
 * typed pages, and that of the whole folio. Kernels with CONFIG_NO_PAGE_MAPCOUNT keep no page's
 * own.
 */
static void fill_mapcount(struct target *t, const struct tail_words *w, struct page_state *s)
{
	bool large = s->order > 0;
	int64_t own = (int64_t)(int32_t)s->page.page_type + 1;
	if (is_word(s->owner, "slab") || page_type_word(t, s->head.page_type))
		return;
	s->has_mapcount = own >= 0;
	s->mapcount = own + (large ? w->entire + 1 : 0);
	/* up to 6.1: then parts are mapped too, and each counts the whole once */
	if (large && s->mapcount > 0 && page_flag_has(t, w->flags_1, "PG_double_map"))
		s->mapcount--;
}

static struct err *fill_folio(struct target *t, struct page_state *s)
{
	struct tail_words w = { .entire = -1 };
	struct err *err = NULL;
	bool large = s->page.va != s->head.va || page_flag_has(t, s->head.flags, "PG_head");
	if (s->page.va != s->head.va)
		err = page_to_pfn(t, s->head.va, &s->head_pfn);
	if (!err && large)
		err = read_tail(t, &s->head, &w);
	s->order = w.order;
	if (!err && large && s->pfn - s->head_pfn >= 1ull << s->order)
		err = err_new(ERR_FORMAT,
			"frame 0x%" PRIx64 " calls itself a part of the folio of order "
			"%u at 0x%" PRIx64,
			s->pfn, s->order, s->head_pfn);
	if (!err)
		fill_mapcount(t, &w, s);
	return err;
}

/* ---- what it is a part of ----------------------------------------------- */

struct use_words {
	uint64_t index, private_word, memcg;
};
enum { USE_INDEX, USE_PRIVATE, USE_MEMCG };
static const struct view_field use_fields[] = {
	FIELD(struct use_words, index, "__folio_index", "index"), /* 6.16 */
	FIELD(struct use_words, private_word, "private"),
	FIELD_OPTIONAL(struct use_words, memcg, "memcg_data", "mem_cgroup"), /* 5.11 */
};
static const struct view_spec use_spec = {
	.type = "page", .hint = PAGE_HINT, .fields = use_fields, .nfields = ARRAY_SIZE(use_fields)
};

/* include/linux/swapops.h since 4.20: the type in the five bits below what an XArray's value has */
static void fill_swap(const struct target *t, uint64_t entry, struct page_state *s)
{
	unsigned shift = t->abi.word_bytes * 8u - 1 - 5;
	s->in_swap_cache = true;
	s->swap_type = (unsigned)(entry >> shift) & 31;
	s->swap_offset = entry & ((1ull << shift) - 1);
}

static struct err *fill_use(struct target *t, struct page_state *s)
{
	const struct view *v;
	struct use_words w = { 0 };
	bool mapped = is_word(s->owner, "anon") || is_word(s->owner, "ksm");
	bool file = is_word(s->owner, "file");
	struct err *err = target_view(t, &use_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, s->head.va, &w);
	if (err)
		return err;
	s->memcg_data = w.memcg;
	if (page_flag_has(t, s->head.flags, "PG_swapcache") &&
		page_flag_has(t, s->head.flags, "PG_swapbacked")) /* the bit has other names */
		fill_swap(t, w.private_word + (s->pfn - s->head_pfn), s);
	if (!mapped && !file)
		return NULL;
	s->mapping_va = s->head.mapping & ~3ull; /* PAGE_MAPPING_FLAGS */
	s->has_index = true;
	s->index = w.index + (s->pfn - s->head_pfn);
	return NULL;
}

struct err *page_state_fill(
	struct target *t, uint64_t pfn, const struct page *page, struct page_state *ret)
{
	struct page_state s = { .page = *page, .head = *page, .pfn = pfn, .head_pfn = pfn };
	struct err *err = NULL;
	if (page->head_va != page->va)
		err = page_read(t, page->head_va, &s.head);
	if (!err)
		err = page_owner(t, page, &s.owner);
	if (err)
		return err;
	if (is_word(s.owner, "buddy"))
		s.is_free = find_free_block(t, pfn, &s.block_pfn, &s.block_order);
	if (!s.is_free)
		err = fill_folio(t, &s);
	if (!err && !s.is_free)
		err = fill_use(t, &s);
	if (!err)
		*ret = s;
	return err;
}

struct err *page_state_read(struct target *t, uint64_t pfn, struct page_state *ret)
{
	struct page page;
	uint64_t va;
	struct err *err = page_of_pfn(t, pfn, &va);
	if (!err)
		err = page_read(t, va, &page);
	return err ? err : page_state_fill(t, pfn, &page, ret);
}
