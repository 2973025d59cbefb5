/* The DWARF provider's parts: units and the names seen in them, types of DIEs, lines. */
#ifndef ANALYZER_DEBUG_DWARF_H
#define ANALYZER_DEBUG_DWARF_H

#include <elfutils/libdw.h>

#include "analyzer/base/vec.h"
#include "analyzer/debug/dwarf_file.h"
#include "analyzer/debug/types_internal.h"

enum dwarf_name {
	NAME_STRUCT,
	NAME_UNION,
	NAME_TYPEDEF,
	NAME_ENUM,
	NAME_BASE,
	NAME_VARIABLE,
	NAME_VARIABLE_DECLARED,
	NAME_ENUMERATOR, /* stands for its enum's DIE */
	NNAMES,
};

/* Names to 1 + offset of the first defining DIE. */
struct dwarf_names {
	struct strmap map[NNAMES];
};
void dwarf_names_deinit(struct dwarf_names *names);

struct dwarf_unit {
	Dwarf_Off die; /* of the unit's own DIE; units ascend */
	const char *name;
	uint32_t rank;		 /* place in the order of search */
	bool untyped;		 /* assembler's: defines nothing */
	struct dwarf_names *own; /* of this unit alone, once a hint asked for it */
};

/* A unit's code: [start, end). */
struct dwarf_range {
	uint64_t start, end;
	uint32_t unit;
};

struct dwarf_index;
struct dwarf_cache;

struct dwarf_source {
	struct type_provider provider; /* first */
	struct types *db;
	Dwarf *dw;
	struct dwarf_file file;
	struct dwarf_source *alt; /* what dwz moved to its alternate file; NULL: nothing */
	char label[16];
	VEC(struct dwarf_unit) unit;
	uint32_t *order;		 /* of search: indexes into .unit */
	size_t next_unscanned;		 /* in .order: what is before it, .index or .names has */
	const struct dwarf_index *index; /* NULL: none; else it outweighs .names */
	struct dwarf_names names;	 /* what was scanned in this session */
	struct dwarf_cache *cache;	 /* NULL: nothing is kept of this source */
	struct idmap type_of;		 /* 1 + DIE offset to struct type, or BEING_BUILT */

	VEC(struct dwarf_range) range; /* lines.c: made at first use, ascending */
	bool ranges_made;
	struct dwarf_prefix {
		const char *text; /* borrowed from a unit's name */
		size_t len;
	} prefix[3]; /* where the source tree lay when C and assembler files were built */
	bool prefixes_made;
	struct strmap files; /* shortened names, kept for the callers */
};

/* Fills ->unit and ->order from the unit headers and names. */
void dwarf_units_open(struct dwarf_source *s);
void dwarf_units_deinit(struct dwarf_source *s);

/* Scans the next unit of the order; there must be one. */
void dwarf_units_scan_next(struct dwarf_source *s);

/* Offset + 1 of the DIE that defines @name as one of @mask (1 << enum dwarf_name), 0 when no unit
 * has it: in the units that @hint (may be NULL) names, else in the first that has it; of one unit
 * the lowest bit. */
struct err *dwarf_units_find(struct dwarf_source *s, unsigned mask, const char *name,
	const char *hint, Dwarf_Off *ret) MUST_CHECK;

/* Scans all units, so that all names are known. */
struct err *dwarf_units_scan(struct dwarf_source *s) MUST_CHECK;

/* Offset + 1 of the first defining DIE among the units scanned so far; 0: none. */
Dwarf_Off dwarf_units_known(struct dwarf_source *s, enum dwarf_name what, const char *name);

/* All that are known by now, in no order. An error of @each ends it. */
typedef struct err *(*dwarf_each_fn)(void *cx, const char *name, Dwarf_Off die);
struct err *dwarf_units_each(
	struct dwarf_source *s, enum dwarf_name what, dwarf_each_fn each, void *cx) MUST_CHECK;

/* ---- dwarf_cache.c ---- */

/* Units and names from the cache when it has them, else from the headers. */
void dwarf_cache_open(struct dwarf_source *s);

/* Takes the index that was built in the background, once it is ready. */
void dwarf_cache_adopt(struct dwarf_source *s);

/* The index of @s lies: forgets it, and that its units were scanned. */
void dwarf_cache_reject(struct dwarf_source *s);

/* Puts what is known by now into the cache if that is more than the cache has. */
void dwarf_cache_keep(struct dwarf_source *s);

/* The file of the DWARF that is kept. */
void dwarf_cache_set_file(struct dwarf_cache *c, int fd);

/* Ends what runs in the background. NULL is fine. */
void dwarf_cache_destroy(struct dwarf_cache *c);

/* The type that a DIE defines; never NULL, void for what makes no sense. */
const struct type *dwarf_type_at(struct dwarf_source *s, Dwarf_Die *die);

/* The type that a DIE's DW_AT_type names; void without one. */
const struct type *dwarf_type_of(struct dwarf_source *s, Dwarf_Die *die);

struct err *dwarf_type_complete(struct type_provider *p, struct type *t) MUST_CHECK;

/* inlines.c: the function with code at *@io_va, which moves to where it begins if that is behind
 * @start, its symbol; and from a function or block into the block or inlined function within that
 * has code at @va. */
bool dwarf_find_function(struct dwarf_source *s, uint64_t start, uint64_t *io_va,
	Dwarf_Die *ret_unit, Dwarf_Die *ret);
bool dwarf_step_inwards(Dwarf_Die *die, uint64_t va, Dwarf_Die *ret);
size_t dwarf_source_frames(
	struct type_provider *p, uint64_t link_va, uint64_t start, struct source_frame *out);

/* lines.c: the unit with code at @va; false without one. */
bool dwarf_unit_at(struct dwarf_source *s, uint64_t va, Dwarf_Die *ret);

/* A path of @unit as lines.h has it; kept. */
const char *dwarf_short_path(struct dwarf_source *s, Dwarf_Die *unit, const char *path);

/* lines.c */
void dwarf_make_ranges(struct dwarf_source *s);
bool dwarf_source_line(
	struct type_provider *p, uint64_t link_va, const char **ret_file, int *ret_line);

#endif
