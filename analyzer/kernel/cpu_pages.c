/*
 * include/linux/mmzone.h, struct per_cpu_pages, and mm/page_alloc.c, order_to_pindex(), v5.14 to
 * 7.2: a list for each migrate type of each order up to PAGE_ALLOC_COSTLY_ORDER, and behind these
 * those of huge pages, whose order no debug information keeps.
 */
#include "analyzer/kernel/cpu_pages.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/list.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/zone_internal.h"

enum { COSTLY_ORDER = 3, BLOCKS_MAX = 1 << 20 };

struct link_words {
	uint64_t list_va;
};
static const struct view_field link_fields[] = {
	/* a name of its own since 5.19 */
	FIELD_ADDRESS(struct link_words, list_va, "pcp_list", "lru"),
};
static const struct view_spec link_spec = {
	.type = "page", .hint = ZONE_HINT, .fields = link_fields, .nfields = ARRAY_SIZE(link_fields)
};

struct search {
	struct target *t;
	uint64_t pfn;
	struct zone_array lists;
	uint64_t types; /* lists of one order */
	uint64_t link;	/* offset of the list_head in struct page */
	unsigned cpu;
	struct cpu_block *ret;
	bool found;
};

static struct err *search_list(struct search *s, uint64_t head, unsigned order)
{
	struct list_iter it;
	uint64_t node, first;
	bool more = true;
	list_iter_init(&it, s->t, head);
	for (unsigned n = 0; !s->found && n < BLOCKS_MAX; n++) {
		struct err *err = list_iter_next(&it, &node, &more);
		if (err || !more)
			return err;
		err = page_to_pfn(s->t, list_entry(s->t, node, s->link), &first);
		if (err && err->code == ERR_NOT_FOUND)
			err->code = ERR_FORMAT; /* of the list, not of what is asked for */
		if (err)
			return err;
		if (s->pfn < first || s->pfn - first >= 1ull << order)
			continue;
		*s->ret = (struct cpu_block){ .pfn = first, .order = order, .cpu = s->cpu };
		s->found = true;
	}
	return NULL;
}

/* A list that is damaged costs the others nothing; the first of such errors is kept. */
static struct err *search_zone(struct search *s, const struct zone *z, struct err **first)
{
	struct cpu_mask cpus;
	struct err *err = cpu_mask_read(s->t, CPUS_PRESENT, &cpus);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		uint64_t va;
		err = percpu_address(s->t, z->pageset_va, cpu, &va);
		s->cpu = cpu;
		for (uint64_t i = 0; !err && !s->found && i < s->lists.count; i++) {
			if (i / s->types > COSTLY_ORDER)
				break;
			err = search_list(s, va + s->lists.offset + i * s->lists.element_bytes,
				(unsigned)(i / s->types));
			if (!err)
				err = interrupt_check();
			if (!err || err->code == ERR_INTERRUPTED)
				continue;
			if (*first)
				err_drop(err); /* the first one tells */
			else
				*first = err;
			err = NULL;
		}
	}
	return err;
}

static struct err *search_node(struct search *s, const struct node *node, struct err **first)
{
	unsigned n;
	struct err *err = zone_count(s->t, &n);
	for (unsigned i = 0; !err && !s->found && i < n; i++) {
		struct zone z;
		err = zone_read(s->t, node, i, &z);
		if (!err && s->pfn >= z.start_pfn && s->pfn - z.start_pfn < z.spanned)
			err = search_zone(s, &z, first);
	}
	return err;
}

static struct err *prepare(struct search *s)
{
	const struct view *v;
	struct err *err = zone_array_find(s->t, "per_cpu_pages", "lists", &s->lists);
	if (err && err->code == ERR_NOT_FOUND)
		err->code = ERR_MISSING; /* the type, not the frame */
	if (!err)
		err = target_view(s->t, &link_spec, &v);
	if (err)
		return err;
	s->link = view_offset(v, 0);
	if (!target_number(s->t, "enum(migratetype.MIGRATE_PCPTYPES)", &s->types) || !s->types ||
		s->types > MIGRATE_MAX)
		return err_new(ERR_MISSING, "nothing says how many lists an order has");
	if (s->lists.count <= s->types)
		return err_new(ERR_MISSING, "this kernel's CPUs keep single pages only");
	return NULL;
}

struct err *cpu_block_find(struct target *t, uint64_t pfn, struct cpu_block *ret)
{
	struct search s = { .t = t, .pfn = pfn, .ret = ret };
	scoped_free struct node *nodes = NULL;
	struct err *first = NULL;
	unsigned n = 0;
	struct err *err = prepare(&s);
	if (!err)
		err = zone_nodes_read(t, &nodes, &n);
	for (unsigned i = 0; !err && !s.found && i < n; i++)
		err = search_node(&s, nodes + i, &first);
	if (!err && !s.found && first)
		return err_wrap(first, "lists of freed pages");
	err_drop(first); /* found all the same, or the other one tells */
	if (!err && !s.found)
		return err_new(ERR_NOT_FOUND, "frame 0x%" PRIx64 " is in no CPU's list", pfn);
	return err;
}
