/*
 * All that struct page says about one frame: whose it is, its folio, how often it is mapped, what
 * it is a part of. page.h finds struct pages; page_owner.h knows who allocated them.
 */
#ifndef ANALYZER_KERNEL_PAGE_STATE_H
#define ANALYZER_KERNEL_PAGE_STATE_H

#include "analyzer/kernel/page.h"

struct page_state {
	struct page page, head; /* the same where it is no tail */
	uint64_t pfn, head_pfn;
	unsigned order;	   /* of its folio: 0 for a single page */
	const char *owner; /* page_owner()'s word */
	bool has_mapcount; /* else its place says something else */
	int64_t mapcount;  /* as /proc/kpagecount counts this page's */
	bool is_free;	   /* in a block of the page allocator: */
	uint64_t block_pfn;
	unsigned block_order;
	uint64_t mapping_va; /* struct address_space or anon_vma, by .owner; 0: none */
	bool has_index;
	uint64_t index; /* in units of pages, of this page and not of its folio */
	bool in_swap_cache;
	unsigned swap_type;
	uint64_t swap_offset;
	uint64_t memcg_data; /* 0: none, or this kernel does not count */
};

/* The state of the frame @pfn. ERR_NOT_FOUND: it has no struct page. */
struct err *page_state_read(struct target *t, uint64_t pfn, struct page_state *ret) MUST_CHECK;

/* The same of a struct page that was read already. */
struct err *page_state_fill(
	struct target *t, uint64_t pfn, const struct page *page, struct page_state *ret) MUST_CHECK;

/* What an address_space belongs to. */
struct page_file {
	uint64_t inode_va; /* 0: nobody's (swap) */
	uint64_t inode;	   /* its number */
	uint32_t major, minor;
	char fs[32]; /* the file system's type: "tmpfs" */
};

struct err *page_file_read(struct target *t, uint64_t mapping_va, struct page_file *ret) MUST_CHECK;

/* Appends its path within its own file system, "/bin/busybox"; nothing where the inode has no name
 * now. */
struct err *page_file_format(
	struct target *t, const struct page_file *f, struct strbuf *out) MUST_CHECK;

#endif
