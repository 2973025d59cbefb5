/* What the parts of variables share. */
#ifndef ANALYZER_DEBUG_VARIABLES_INTERNAL_H
#define ANALYZER_DEBUG_VARIABLES_INTERNAL_H

#include "analyzer/debug/cfi.h"
#include "analyzer/debug/dwarf.h"
#include "analyzer/debug/dwarf_location.h"
#include "analyzer/debug/variables.h"

/* The function at an address. */
struct variables_code {
	struct dwarf_source *source;
	Dwarf_Die unit, function;
	uint64_t va; /* link-time, where location lists are looked up */
};

bool variables_function(
	struct types *db, uint64_t link_va, uint64_t start, struct variables_code *ret);

/* Frame .n of .env, while expressions of its function are evaluated. */
struct variables_cx {
	const struct variables_env *env;
	size_t n;
	struct variables_code code;
};

/* False when no debug information has the frame's code. */
bool variables_enter(const struct variables_env *env, size_t n, struct variables_cx *ret);

struct location_env variables_location_env(struct variables_cx *c, unsigned nesting);

/* call_sites.c: DW_OP_entry_value, for struct location_env; @cx is a struct variables_cx. */
struct err *variables_entry_value(void *cx, unsigned nesting, Dwarf_Attribute *attr,
	const Dwarf_Op *op, uint64_t *ret) MUST_CHECK;

#endif
