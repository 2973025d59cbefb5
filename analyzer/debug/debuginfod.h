/* Debug files from the servers that DEBUGINFOD_URLS names, through elfutils' client library. That
 * library is loaded when a file is fetched, not before: it brings thirty others along. */
#ifndef ANALYZER_DEBUG_DEBUGINFOD_H
#define ANALYZER_DEBUG_DEBUGINFOD_H

#include <stddef.h>
#include <stdint.h>

#include "analyzer/base/err.h"

/* Called some times a second while a file is on its way: @got of @total bytes, @total 0 while it is
 * not known; a last time with @got SIZE_MAX. Who starts the program sets it, once. */
typedef void (*debuginfod_progress_fn)(size_t got, size_t total);
void debuginfod_set_progress(debuginfod_progress_fn progress);

/*
 * *ret: the path (malloc'ed) of the debug file of that build-id in the client's cache; NULL when
 * DEBUGINFOD_URLS is not set. ERR_MISSING without the library, ERR_NOT_FOUND when no server has it,
 * ERR_IO when none answers, ERR_INTERRUPTED after Ctrl-C.
 */
struct err *debuginfod_fetch(const uint8_t *build_id, size_t n, char **ret) MUST_CHECK;

#endif
