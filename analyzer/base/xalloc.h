/*
 * Allocation. The x-functions are for sizes that this program chose: they end the process with one
 * line when memory is out, because nothing sensible can follow. A size that comes from a file or
 * from dump memory is first bounded and then asked for with mem_alloc_array(), which may say no.
 */
#ifndef ANALYZER_BASE_XALLOC_H
#define ANALYZER_BASE_XALLOC_H

#include <stdarg.h>
#include <stddef.h>

#include "analyzer/base/err.h"

void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc_array(void *p, size_t n, size_t size);
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);
char *xvasprintf(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);

/* Zeroed array of @n elements of @size bytes, @n from outside; ERR_NO_MEMORY names @what. */
struct err *mem_alloc_array(size_t n, size_t size, const char *what, void *ret) MUST_CHECK;

#endif
