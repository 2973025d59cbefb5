/*
 * Frames to zones. struct page keeps section, node and zone in the upper bits of its flags, in
 * widths that the configuration chose (include/linux/page-flags-layout.h, 4.19 to 7.2) and nothing
 * in memory tells. A node's zones do not overlap, so their spans say the same; only nodes may
 * interleave, and then the node's bits are the topmost ones: kernels with memory on several nodes
 * have vmemmap, and no section there.
 */
#include "analyzer/kernel/zone_map.h"

#include <stdlib.h>

#include "analyzer/base/xalloc.h"

/* MAX_NUMNODES is a power of two, and node_data[] has as many. */
static void find_node_bits(struct target *t, struct zone_map *m)
{
	struct symbol sym;
	unsigned shift = 0;
	if (!symtab_find_kernel(t->syms, "node_data", &sym))
		return;
	uint64_t bytes = sym.object_size ? sym.object_size : sym.size,
		 n = bytes / t->abi.word_bytes;
	while (1ull << (shift + 1) <= n && shift < 10)
		shift++;
	if (!shift)
		return;
	m->node_shift = t->abi.word_bytes * 8u - shift;
	m->node_mask = (1ull << shift) - 1;
}

struct err *zone_map_read(struct target *t, struct zone_map *ret)
{
	scoped_free struct node *nodes = NULL;
	scoped_zone_map struct zone_map m = { 0 };
	unsigned nnodes, nzones;
	struct err *err = zone_nodes_read(t, &nodes, &nnodes);
	if (!err)
		err = zone_count(t, &nzones);
	if (err)
		return err;
	m.place = xcalloc((size_t)nnodes * nzones, sizeof(*m.place));
	for (unsigned i = 0; i < nnodes; i++)
		for (unsigned k = 0; k < nzones; k++) {
			struct zone_place p = { .node = nodes[i], .index = k };
			err = zone_read(t, &nodes[i], k, &p.zone);
			if (err)
				return err;
			if (p.zone.present)
				m.place[m.n++] = p;
		}
	find_node_bits(t, &m);
	*ret = m;
	m = (struct zone_map){ 0 };
	return NULL;
}

void zone_map_deinit(struct zone_map *m)
{
	free(m->place);
	*m = (struct zone_map){ 0 };
}

const struct zone_place *zone_map_find(const struct zone_map *m, uint64_t pfn, uint64_t flags)
{
	const struct zone_place *first = NULL;
	uint64_t node = m->node_shift ? flags >> m->node_shift & m->node_mask : 0;
	for (size_t i = 0; i < m->n; i++) {
		const struct zone_place *p = &m->place[i];
		if (pfn < p->zone.start_pfn || pfn - p->zone.start_pfn >= p->zone.spanned)
			continue;
		if ((uint64_t)p->node.id == node)
			return p;
		first = first ? first : p;
	}
	return first;
}
