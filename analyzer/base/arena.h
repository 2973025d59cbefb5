/*
 * Arenas: many small allocations, one release. The pointers live until arena_reset() or
 * arena_deinit(); nothing is freed singly. Memory is zeroed and aligned for any type.
 */
#ifndef ANALYZER_BASE_ARENA_H
#define ANALYZER_BASE_ARENA_H

#include <stddef.h>

#include "analyzer/base/err.h"

struct arena_block;
struct arena {
	struct arena_block *head;
};

void *arena_alloc(struct arena *a, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Forgets everything, keeps one block for the next use. */
void arena_reset(struct arena *a);
void arena_deinit(struct arena *a);

#endif
