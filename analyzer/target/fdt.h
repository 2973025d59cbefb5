/* A flattened device tree, for one question: where does it say that memory begins? Format: the
 * Devicetree Specification, chapter 5. The bytes may be anything. */
#ifndef ANALYZER_TARGET_FDT_H
#define ANALYZER_TARGET_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FDT_HEADER_BYTES = 40, FDT_BYTES_MAX = 2 << 20 };

/* The size that the header claims; 0 when it is none. */
size_t fdt_size(const uint8_t *p, size_t n);

/* The lowest address of the nodes /memory@…; false when there are none. */
bool fdt_memory_start(const uint8_t *p, size_t n, uint64_t *ret);

#endif
