/* Writing files whose zeroes take no room. */
#ifndef ANALYZER_DUMP_SPARSE_H
#define ANALYZER_DUMP_SPARSE_H

#include <stddef.h>

#include "analyzer/base/err.h"

bool sparse_is_zero(const uint8_t *p, size_t n);

/* Writes @n bytes at @off but for whole, aligned units of zeroes, which a file that was empty
 * before then has as holes; whoever is done sets the size by ftruncate(). */
struct err *sparse_write(int fd, const uint8_t *p, size_t n, uint64_t off) MUST_CHECK;

#endif
