/*
 * Free pages that the page allocator has poisoned (page_poison=1) and that hold something else by
 * now. Whether they were poisoned at all is judged by the pages themselves.
 */
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/kernel/buddy.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/page_owner.h"
#include "analyzer/kernel/page_poison.h"
#include "analyzer/kernel/zone.h"
#include "analyzer/triage/object.h"

enum { SAMPLE = 64, FINDINGS_MAX = 4 };

struct sweep {
	struct triage *tr;
	unsigned shift;
	uint64_t pages, poisoned;
	struct spoiled {
		uint64_t pfn;
		struct page_poison poison;
	} spoiled[FINDINGS_MAX];
	unsigned n;
	bool hopeless;	 /* the first pages show that nothing is poisoned */
	unsigned unread; /* blocks of the lists that are damaged, pages that cannot be read */
};

static void look_at(struct sweep *s, uint64_t pfn, const uint8_t *p, size_t n)
{
	struct spoiled found = { .pfn = pfn };
	s->pages++;
	if (!page_poison_look(p, n, &found.poison))
		return; /* as a page that was never freed since boot */
	s->poisoned += !found.poison.bytes;
	if (found.poison.bytes && s->n < FINDINGS_MAX)
		s->spoiled[s->n++] = found;
}

static void look_at_block(struct sweep *s, uint64_t pfn, unsigned order)
{
	size_t n = (size_t)1 << s->shift;
	scoped_free uint8_t *page = xmalloc(n);
	for (uint64_t i = 0; i < 1ull << order && !s->hopeless; i++) {
		struct paddr pa = { (pfn + i) << s->shift };
		struct err *err = dump_read(s->tr->t->dump, pa, page, n);
		if (!err)
			look_at(s, pfn + i, page, n);
		s->unread += err && err->fault != FAULT_EXCLUDED;
		err_drop(err); /* counted, or filtered out as free pages are */
		s->hopeless = s->pages == SAMPLE && !s->poisoned;
	}
}

static struct err *look_at_zone(struct sweep *s, const struct zone *z)
{
	struct err *err = NULL;
	for (unsigned order = 0; !err && order < z->norders; order++)
		for (unsigned type = 0; !err && type < z->nmigratetypes && !s->hopeless; type++) {
			struct buddy_iter it;
			struct buddy_block b;
			bool more = true;
			err = buddy_iter_init(&it, s->tr->t, z, order, type);
			while (!err && more && !s->hopeless) {
				err = buddy_iter_next(&it, &b, &more);
				if (!err && more)
					look_at_block(s, b.pfn, order);
				if (err && err->code != ERR_INTERRUPTED) {
					err_drop(err); /* counted; kmem -f tells which */
					s->unread++;
					err = NULL;
				}
				if (!err)
					err = interrupt_check();
			}
		}
	return err;
}

/* Blocks on CPUs' lists look like tail pages of others; only page_owner knows that they are free,
 * and of which order. */
static struct err *look_at_cpu_lists(struct sweep *s)
{
	enum { CPU_LIST_ORDER_MAX = 9 };
	struct target *t = s->tr->t;
	struct page_owner_source owners;
	struct page_iter it;
	uint64_t pfn, va;
	bool more = true;
	scoped_err struct err *none = page_owner_init(t, &owners);
	struct err *err = NULL;
	page_iter_init(&it, t);
	while (!err && !none && !s->hopeless) {
		struct page page;
		struct page_owner owner;
		const char *word;
		err = page_iter_next(&it, &pfn, &va, &more);
		if (err || !more)
			break;
		struct err *bad = page_read(t, va, &page);
		if (!bad)
			bad = page_owner(t, &page, &word);
		if (!bad && !strcmp(word, "free")) {
			bad = page_owner_read(&owners, pfn, &owner);
			if (!bad && owner.known && !owner.allocated &&
				owner.order <= CPU_LIST_ORDER_MAX &&
				!(pfn & ((1ull << owner.order) - 1)))
				look_at_block(s, pfn, owner.order);
		}
		err_drop(bad); /* a struct page that the dump lacks, a page that nobody ever had */
		err = interrupt_check();
	}
	return err;
}

static void tell(struct sweep *s)
{
	struct triage *tr = s->tr;
	for (unsigned i = 0; i < s->n; i++) {
		const struct spoiled *d = s->spoiled + i;
		struct object o = { .kind = "page", .state = "free" };
		struct finding *f = triage_find(tr, "pages", VERDICT_USE_AFTER_FREE,
			i ? WEIGHT_NOTE : WEIGHT_SYMPTOM, CONFIDENCE_SURE);
		f->access = "Write";
		f->title = "use-after-free Write found in a free page";
		if (object_find_page(tr->t, d->pfn, &tr->arena, &o)) {
			o.offset += d->poison.first;
			finding_object(tr, f, &o);
		}
		finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE,
			arena_printf(&tr->arena, "page 0x%llx", (unsigned long long)d->pfn),
			"damage",
			"free page 0x%llx is poisoned but for %u bytes from offset %u on: 0x%02x "
			"instead of 0x%02x",
			(unsigned long long)d->pfn, d->poison.bytes, d->poison.first,
			d->poison.found, PAGE_POISON);
	}
}

static struct err *run(struct triage *tr)
{
	struct sweep s = { .tr = tr,
		.shift = vspace_facts(tr->t->kernel)->layout.paging.page_shift };
	struct node *node = NULL;
	unsigned nnodes = 0, nzones = 0;
	struct err *err = zone_nodes_read(tr->t, &node, &nnodes);
	if (!err)
		err = zone_count(tr->t, &nzones);
	for (unsigned n = 0; !err && n < nnodes; n++)
		for (unsigned i = 0; !err && i < nzones; i++) {
			struct zone z;
			err = zone_read(tr->t, &node[n], i, &z);
			if (!err && z.present)
				err = look_at_zone(&s, &z);
		}
	free(node);
	if (!err)
		err = look_at_cpu_lists(&s);
	/* Poisoning is on when nearly all free pages have it. */
	if (!err && s.poisoned > s.pages / 2)
		tell(&s);
	if (s.unread && !(s.hopeless && !s.poisoned))
		triage_lost(tr, "free pages",
			"%u blocks or pages of the free lists are damaged or cannot be read: kmem "
			"-f",
			s.unread);
	return err;
}

const struct triage_rule rule_pages = { "pages", "poison of free pages", run };
