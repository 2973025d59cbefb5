/* Reads the slots from the target's own enumerators. Knows nothing of what they map. */
#include "analyzer/kernel/fixmap.h"

#include <string.h>

#include "analyzer/kernel/address_map.h"

enum { SLOTS_MAX = 16384 }; /* 7.3 with KVM's slot a CPU for 4096 CPUs stays below */

/* include/asm/fixmap.h; the aliases __end_of_… are bounds and no slots. */
const char *fixmap_name(const struct fixmap_slots *s, unsigned slot)
{
	const char *name = NULL;
	for (uint32_t i = 0; i < s->names->nenumerators; i++) {
		const struct type_enumerator *e = &s->names->enumerator[i];
		if (e->value == slot && strncmp(e->name, "__end_", 6) && !name)
			name = e->name;
	}
	return name;
}

/* The name of what @slot belongs to: the nearest one below. */
unsigned fixmap_owner(const struct fixmap_slots *s, unsigned slot)
{
	int64_t best = -1;
	for (uint32_t i = 0; i < s->names->nenumerators; i++) {
		const struct type_enumerator *e = &s->names->enumerator[i];
		if (e->value <= slot && e->value > best && strncmp(e->name, "__end_", 6))
			best = e->value;
	}
	return best < 0 ? slot : best;
}

struct err *fixmap_slots_read(struct target *t, struct fixmap_slots *ret)
{
	struct address_map map;
	struct fixmap_slots s = { 0 };
	struct err *err = address_map_find(t, &map);

	if (!err)
		err = types_find(t->types, TYPE_ENUM, "fixed_addresses", "mm/mmu.c", &s.names);
	if (!err)
		err = type_complete(t->types, s.names);
	if (err)
		return err_wrap(err, "the fixmap's slots");
	const struct map_region *r = address_map_get(&map, "fixmap");
	if (!r)
		return err_new(ERR_MISSING, "where the fixmap lies is not known");
	const struct paging *p = &vspace_facts(t->kernel)->layout.paging;
	s.page = 1ull << p->page_shift;
	/* asm-generic/fixmap.h: FIXADDR_TOP - (x << PAGE_SHIFT); where slot 0 is a hole, the top
	 * may be the area's end. */
	s.top = r->last + 1 - t->arch->fixmap_pages_above * s.page;
	for (uint32_t i = 0; i < s.names->nenumerators; i++) {
		const struct type_enumerator *e = &s.names->enumerator[i];
		int64_t end = e->value + (strncmp(e->name, "__end_", 6) ? 1 : 0);
		if (end > s.n && end <= SLOTS_MAX)
			s.n = end;
	}
	*ret = s;
	return NULL;
}
