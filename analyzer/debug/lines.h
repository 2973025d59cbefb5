/* Addresses to source lines, from DWARF, for the kernel image. */
#ifndef ANALYZER_DEBUG_LINES_H
#define ANALYZER_DEBUG_LINES_H

#include "analyzer/debug/type.h"

/* File (shortened to the source tree's own path: "kernel/panic.c") and line of link-time address
 * @link_va; false when there is no such information. *ret_file lives as long as @db. */
bool types_source_line(struct types *db, uint64_t link_va, const char **ret_file, int *ret_line);

/* A function that has code at an address, whether inlined or not. */
struct source_frame {
	const char *function; /* NULL: without a name */
	const char *file;     /* as types_source_line() has it; NULL: not known */
	int line;
	bool inlined;
};

enum { SOURCE_FRAMES_MAX = 32 }; /* of one address; the outermost are left out beyond it */

/*
 * The functions whose code stands at @link_va, innermost first: each inlined one, then the one that
 * was called. The innermost has the line that belongs to @link_va, each other one the line of its
 * call of the one before. Where no function's debug information holds the address (assembler) there
 * is one without a name. @start is where the symbol that holds the address begins, 0 when there is
 * none: the first instructions of a function may be known by it alone. Returns how many of
 * @out[0..SOURCE_FRAMES_MAX) were filled, 0 when nothing is known. Strings live as long as @db.
 */
size_t types_source_frames(
	struct types *db, uint64_t link_va, uint64_t start, struct source_frame *out);

#endif
