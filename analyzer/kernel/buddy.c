/*
 * mm/page_alloc.c, 4.19 to 7.2: zone.free_area[order].free_list[migratetype] holds the first struct
 * page of each free block, marked as buddy and with the order in its private word
 * (set_buddy_order(), PageBuddy()).
 */
#include "analyzer/kernel/buddy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/page_flags.h"
#include "analyzer/kernel/zone_internal.h"

struct link_words {
	uint64_t lru_va;
};
static const struct view_field link_fields[] = {
	FIELD_ADDRESS(
		struct link_words, lru_va, "buddy_list", "lru"), /* a name of its own since 5.19 */
};
static const struct view_spec link_spec = {
	.type = "page", .hint = ZONE_HINT, .fields = link_fields, .nfields = ARRAY_SIZE(link_fields)
};

struct err *buddy_iter_init(struct buddy_iter *it, struct target *t, const struct zone *z,
	unsigned order, unsigned migratetype)
{
	struct zone_array lists;
	const struct view *links;
	*it = (struct buddy_iter){ .ended = true };
	struct err *err = zone_array_find(t, "free_area", "free_list", &lists);
	if (!err)
		err = target_view(t, &link_spec, &links);
	if (err)
		return err;
	*it = (struct buddy_iter){ .t = t,
		.zone = z,
		.order = order,
		.migratetype = migratetype,
		.offset = view_offset(links, 0) };
	list_iter_init(&it->list, t,
		z->free_area_va + order * z->free_area_bytes + lists.offset +
			migratetype * lists.element_bytes);
	it->before = it->list.head;
	return NULL;
}

static struct err *wrap(const struct buddy_iter *it, struct err *err)
{
	return err_wrap(
		err, "zone %s, order %u, list %u", it->zone->name, it->order, it->migratetype);
}

static struct err *check_place(const struct buddy_iter *it, const struct buddy_block *b)
{
	const struct zone *z = it->zone;
	uint64_t n = 1ull << it->order;
	if (b->pfn & (n - 1))
		return err_new(ERR_FORMAT,
			"page 0x%" PRIx64 " is frame 0x%" PRIx64 ", where no block of order "
			"%u begins",
			b->page_va, b->pfn, it->order);
	if (b->pfn < z->start_pfn || b->pfn - z->start_pfn >= z->spanned ||
		n > z->spanned - (b->pfn - z->start_pfn))
		return err_new(ERR_FORMAT,
			"page 0x%" PRIx64 " is frame 0x%" PRIx64 ", which is not of this "
			"zone",
			b->page_va, b->pfn);
	return NULL;
}

static struct err *check_page(const struct buddy_iter *it, uint64_t page_va)
{
	struct page page;
	struct err *err = page_read(it->t, page_va, &page);
	if (err)
		return err;
	const char *word = page_type_word(it->t, page.page_type);
	if (page.private_word != it->order)
		return err_new(ERR_FORMAT, "page 0x%" PRIx64 " says order %" PRIu64, page_va,
			page.private_word);
	if (!word || strcmp(word, "buddy"))
		return err_new(ERR_FORMAT,
			"page 0x%" PRIx64 " is not marked as free: its type is %s", page_va,
			word ? word : "none");
	if (page.refcount)
		return err_new(ERR_FORMAT,
			"page 0x%" PRIx64 " is free and has a reference count of %d", page_va,
			page.refcount);
	return NULL;
}

/* Each block is on its list both ways. */
static struct err *check_back(const struct buddy_iter *it, uint64_t node)
{
	uint64_t back;
	struct err *err = vspace_read_word(it->t->kernel, node + it->t->abi.word_bytes, &back);
	if (!err && back != it->before)
		err = err_new(ERR_FORMAT,
			"page 0x%" PRIx64 " points back to 0x%" PRIx64 ", not to 0x%" PRIx64,
			list_entry(it->t, node, it->offset), back, it->before);
	return err;
}

struct err *buddy_iter_next(struct buddy_iter *it, struct buddy_block *ret, bool *ret_more)
{
	uint64_t node;
	struct buddy_block b = { 0 };
	*ret_more = false;
	if (it->ended)
		return NULL;
	struct err *err = list_iter_next(&it->list, &node, ret_more);
	it->ended = err || !*ret_more;
	if (it->ended)
		return wrap(it, err);
	b.page_va = list_entry(it->t, node, it->offset);
	*ret = b;
	err = page_to_pfn(it->t, b.page_va, &b.pfn);
	if (err) { /* it is no page, so what it points to is nothing */
		it->ended = true;
		*ret_more = false;
		return wrap(it, err);
	}
	*ret = b;
	it->blocks++;
	err = check_page(it, b.page_va);
	if (!err)
		err = check_place(it, &b);
	if (!err)
		err = check_back(it, node);
	it->before = node;
	return wrap(it, err);
}

/* ---- overlaps ----------------------------------------------- */

void buddy_seen_add(struct buddy_seen *s, const struct buddy_iter *it, const struct buddy_block *b)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 256;
		s->span = xrealloc_array(s->span, s->cap, sizeof(*s->span));
	}
	s->span[s->n++] = (struct buddy_span){ b->pfn, it->order, it->migratetype };
}

void buddy_seen_deinit(struct buddy_seen *s)
{
	free(s->span);
	*s = (struct buddy_seen){ 0 };
}

static int by_pfn(const void *a, const void *b)
{
	const struct buddy_span *x = a, *y = b;
	return x->pfn < y->pfn ? -1 : x->pfn > y->pfn;
}

struct err *buddy_seen_overlap(struct buddy_seen *s, size_t *io_at)
{
	if (!*io_at && s->n)
		qsort(s->span, s->n, sizeof(*s->span), by_pfn);
	for (size_t i = *io_at ? *io_at : 1; i < s->n; i++) {
		const struct buddy_span *a = &s->span[i - 1], *b = &s->span[i];
		if (b->pfn - a->pfn >= 1ull << a->order)
			continue;
		*io_at = i + 1;
		return err_new(ERR_FORMAT,
			"the free block at frame 0x%" PRIx64 " (order %u, list %u) lies in that "
			"at frame 0x%" PRIx64 " (order %u, list %u)",
			b->pfn, b->order, b->migratetype, a->pfn, a->order, a->migratetype);
	}
	return NULL;
}
