/* A list of named regions, for the rules of each architecture and for who shows them. Knows no
 * rule. */
#include "arch/address_map.h"

#include <string.h>

struct map_region *address_map_add(
	struct address_map *m, const char *name, uint64_t start, uint64_t last, const char *source)
{
	static struct map_region full; /* the array is larger than all rules together */
	if (m->n == ADDRESS_MAP_MAX || last < start)
		return &full;
	struct map_region *r = &m->region[m->n++];
	*r = (struct map_region){ .name = name, .start = start, .last = last, .source = source };
	return r;
}

const struct map_region *address_map_get(const struct address_map *m, const char *name)
{
	for (unsigned i = 0; i < m->n; i++)
		if (!strcmp(m->region[i].name, name))
			return &m->region[i];
	return NULL;
}
