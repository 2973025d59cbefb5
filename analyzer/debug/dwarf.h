/* The DWARF provider's parts: units and the names seen in them, types of DIEs, lines. */
#ifndef ANALYZER_DEBUG_DWARF_H
#define ANALYZER_DEBUG_DWARF_H

#include <elfutils/libdw.h>

#include "analyzer/base/vec.h"
#include "analyzer/debug/types_internal.h"

struct dwarf_unit {
	Dwarf_Off die; /* of the unit's own DIE */
	const char *name;
	bool scanned;
};

/* A unit's code: [start, end). */
struct dwarf_range {
	uint64_t start, end;
	uint32_t unit;
};

enum dwarf_name {
	NAME_STRUCT,
	NAME_UNION,
	NAME_TYPEDEF,
	NAME_ENUM,
	NAME_BASE,
	NAME_VARIABLE,
	NAME_VARIABLE_DECLARED,
	NNAMES,
};

struct dwarf_source {
	struct type_provider provider; /* first */
	struct types *db;
	Dwarf *dw;
	char label[16];
	VEC(struct dwarf_unit) unit;
	size_t next_unscanned; /* all units before it are scanned */
	struct strmap name[NNAMES]; /* name to 1 + offset of the first defining DIE */
	struct idmap type_of;       /* 1 + DIE offset to struct type, or BEING_BUILT */

	VEC(struct dwarf_range) range; /* lines.c: made at first use, ascending */
	bool ranges_made;
	struct dwarf_prefix {
		const char *text; /* borrowed from a unit's name */
		size_t len;
	} prefix[3]; /* where the source tree lay when C and assembler files were built */
	bool prefixes_made;
	struct strmap files; /* shortened names, kept for the callers */
};

/* Fills ->unit from the unit headers; cheap. */
void dwarf_units_open(struct dwarf_source *s);

/* Offset + 1 of the DIE that defines @name as one of @mask (1 << enum dwarf_name; the lowest bit is
 * preferred), 0 when no unit has it. @hint as types_find(). */
struct err *dwarf_units_find(struct dwarf_source *s, unsigned mask, const char *name,
	const char *hint, Dwarf_Off *ret) MUST_CHECK;

/* Scans all units, so that ->name has all names. */
struct err *dwarf_units_scan(struct dwarf_source *s) MUST_CHECK;

/* The type that a DIE defines; never NULL, void for what makes no sense. */
const struct type *dwarf_type_at(struct dwarf_source *s, Dwarf_Die *die);

/* The type that a DIE's DW_AT_type names; void without one. */
const struct type *dwarf_type_of(struct dwarf_source *s, Dwarf_Die *die);

struct err *dwarf_type_complete(struct type_provider *p, struct type *t) MUST_CHECK;

/* lines.c */
bool dwarf_source_line(struct type_provider *p, uint64_t link_va, const char **ret_file,
	int *ret_line);

#endif
