/* struct page: where a frame's is, what its flags are called, and in one word whose it is. */
#ifndef ANALYZER_KERNEL_PAGE_H
#define ANALYZER_KERNEL_PAGE_H

#include "analyzer/target/target.h"

struct page {
	uint64_t va;	  /* of the struct page */
	uint64_t head_va; /* of the first page of its folio; .va itself where it is no tail */
	uint64_t flags, mapping;
	uint32_t page_type; /* shares its place with _mapcount */
	int32_t refcount;
	uint64_t compound_head; /* compound_info since 7.2 */
	uint64_t private_word;
};

/* PAGE_SHIFT of the target; 12 without a kernel. */
unsigned page_shift(const struct target *t);

/* The struct page of a frame, by mem_section[] (SPARSEMEM) or mem_map (FLATMEM). ERR_NOT_FOUND: the
 * kernel has none for it (a device, a hole). ERR_MISSING: neither array can be found. */
struct err *page_of_pfn(struct target *t, uint64_t pfn, uint64_t *ret_va) MUST_CHECK;

/* SPARSEMEM: the struct mem_section that holds a frame. ERR_MISSING: FLATMEM has none.
 * ERR_NOT_FOUND. */
struct page_section {
	uint64_t va, first_pfn, npfns;
};
struct err *page_section(struct target *t, uint64_t pfn, struct page_section *ret) MUST_CHECK;

/* The frame of the struct page at @va. */
struct err *page_to_pfn(struct target *t, uint64_t va, uint64_t *ret_pfn) MUST_CHECK;

struct err *page_read(struct target *t, uint64_t va, struct page *ret) MUST_CHECK;

/* Frames that are in the dump's memory and have a struct page, ascending within each piece of
 * memory. */
struct page_iter {
	struct target *t;
	size_t extent;
	uint64_t pfn, asked;
};
void page_iter_init(struct page_iter *it, struct target *t);
struct err *page_iter_next(
	struct page_iter *it, uint64_t *ret_pfn, uint64_t *ret_va, bool *ret_more) MUST_CHECK;

/* The flags' names, "uptodate|lru|swapbacked": the kernel's own pageflag_names[], else enum
 * pageflags. Zone, node and section in the upper bits are left out. "" where none is set. */
struct err *page_flags_format(struct target *t, uint64_t flags, struct strbuf *out) MUST_CHECK;

/* "reserved", "buddy", "slab", "page table", "anon", "file", "kernel", "free" (on a CPU's list) …;
 * of a tail page what its folio is. */
struct err *page_owner(struct target *t, const struct page *page, const char **ret) MUST_CHECK;

#endif
