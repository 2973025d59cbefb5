/* The answers of slub that are more than a table: one object laid out, what a check finds, owners.
 */
#ifndef ANALYZER_SHELL_SLUB_ROWS_H
#define ANALYZER_SHELL_SLUB_ROWS_H

#include "analyzer/kernel/slab_heap.h"
#include "analyzer/kernel/slab_track.h"
#include "analyzer/shell/command.h"

extern const struct table slub_object_table, slub_check_table, slub_owner_table;

/* A row of slub_object_table about the object at @va. */
struct err *slub_show_object(struct cx *cx, uint64_t va) MUST_CHECK;

/* Findings about the whole heap, or about the cache of this name. */
struct err *slub_show_check(struct cx *cx, const char *cache) MUST_CHECK;

/* The @most stacks that hold the most bytes of all caches, or of one. */
struct err *slub_show_owners(struct cx *cx, const char *cache, uint64_t most) MUST_CHECK;

#endif
