/* Addresses to source lines, from DWARF, for the kernel image. */
#ifndef ANALYZER_DEBUG_LINES_H
#define ANALYZER_DEBUG_LINES_H

#include "analyzer/debug/type.h"

/* File (shortened to the source tree's own path: "kernel/panic.c") and line of link-time address
 * @link_va; false when there is no such information. *ret_file lives as long as @db. */
bool types_source_line(struct types *db, uint64_t link_va, const char **ret_file, int *ret_line);

#endif
