/*
 * What units define, as one block of bytes that is kept on disk and used where it is: the units,
 * the code of each, and a hash over names to the DIEs that define them. It may cover only the first
 * units of the order in which they are searched (dwarf_units.c): what it knows is right, what it
 * lacks is looked for in the rest. Bytes may be hostile: what leads outside is not there, and a DIE
 * is asked for its name before it is used.
 */
#ifndef ANALYZER_DEBUG_DWARF_INDEX_H
#define ANALYZER_DEBUG_DWARF_INDEX_H

#include "analyzer/debug/dwarf.h"

struct dwarf_index {
	const struct dwarf_index_header *header;
	const struct dwarf_index_unit *unit;
	const struct dwarf_range *range;
	const struct dwarf_index_name *name;
	const uint32_t *slot;
	const char *text; /* its last byte is 0 */
	void *owned;	  /* the bytes, when they are this index's */
};

/* The file that it was made of. */
struct dwarf_index_origin {
	uint64_t bytes;
	int64_t changed_ns;
};

/* The bytes of all that @s knows by now; malloc'ed, NULL when they would be too many. */
void *dwarf_index_build(
	const struct dwarf_source *s, const struct dwarf_index_origin *origin, size_t *ret_n);

/* Over @bytes (borrowed, aligned to 8); NULL when they are not an index of @origin. */
struct dwarf_index *dwarf_index_open(
	const void *bytes, size_t n, const struct dwarf_index_origin *origin);
void dwarf_index_destroy(struct dwarf_index *ix);

/* Fills ->unit, ->order and, when there are some, ->range. */
void dwarf_index_units(const struct dwarf_index *ix, struct dwarf_source *s);

size_t dwarf_index_nunits(const struct dwarf_index *ix);

/* How many units of the order are covered; at most @nunits. */
size_t dwarf_index_covered(const struct dwarf_index *ix, size_t nunits);
bool dwarf_index_has_ranges(const struct dwarf_index *ix);

/* Offset + 1 of the DIE; 0: not known. */
Dwarf_Off dwarf_index_find(const struct dwarf_index *ix, enum dwarf_name what, const char *name);

/* Entry @i: false behind the last. */
bool dwarf_index_get(const struct dwarf_index *ix, size_t i, enum dwarf_name *ret_what,
	const char **ret_name, Dwarf_Off *ret_plus_1);

#endif
