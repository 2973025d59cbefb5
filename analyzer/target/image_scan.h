/* Looks for bytes in the kernel's image, by its physical place: for what no symbol leads to. */
#ifndef ANALYZER_TARGET_IMAGE_SCAN_H
#define ANALYZER_TARGET_IMAGE_SCAN_H

#include "analyzer/target/target.h"

/* Each place of the wanted bytes, by its run-time address. True ends the scan: this is the one. */
typedef bool (*image_hit_fn)(struct target *t, uint64_t va, void *cx);

/* Calls @hit for each occurrence of the @n (at most 32) bytes at @what in the image of @t and up to
 * @behind bytes after its end as far as that is known. True when a call was. Ends early, with
 * false, at Ctrl-C. */
bool image_scan(
	struct target *t, const void *what, size_t n, uint64_t behind, image_hit_fn hit, void *cx);

/* Bytes of the image at @va, physically contiguous as it is; false when any is missing or @va lies
 * before it. */
bool image_read(const struct target *t, uint64_t va, void *buf, size_t n);

#endif
