/*
 * Decompressed pages by number. A page is filled at its first use and stays where it is until the
 * whole cache is emptied, which *generation tells. Any number of threads at once.
 */
#ifndef ANALYZER_DUMP_PAGE_CACHE_H
#define ANALYZER_DUMP_PAGE_CACHE_H

#include "analyzer/dump/codec.h"

#include "analyzer/base/err.h"

struct page_cache;

/* Writes page @n to @to. On a fault @to may hold anything. */
typedef enum fault_kind (*page_fill_fn)(void *ctx, uint64_t n, struct codec *codec, uint8_t *to);

/*
 * Room for @npages of @page_bytes. *@limit_bytes is asked at each fill, *@generation (atomic)
 * counts each emptying; both outlive the cache.
 */
struct err *page_cache_create(uint64_t npages, uint32_t page_bytes, const uint64_t *limit_bytes,
	uint64_t *generation, page_fill_fn fill, void *ctx, struct page_cache **ret) MUST_CHECK;
void page_cache_destroy(struct page_cache *c);

/* Page @n (< npages) if it is there. */
const uint8_t *page_cache_peek(struct page_cache *c, uint64_t n);

/* Page @n (< npages), filled if need be. A fault is not kept: the next call tries again. */
enum fault_kind page_cache_get(struct page_cache *c, uint64_t n, const uint8_t **ret);

/* A quarter of the host's memory, 8 GiB at most. */
uint64_t page_cache_default_limit(void);

#endif
