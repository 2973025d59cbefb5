/* page_owner: who allocated each page and who freed it, where the kernel was booted with
 * page_owner=on. */
#ifndef ANALYZER_KERNEL_PAGE_OWNER_H
#define ANALYZER_KERNEL_PAGE_OWNER_H

#include "analyzer/kernel/page_ext.h"

struct page_owner {
	uint64_t pfn;	/* of the frame that was asked for */
	bool known;	/* something was recorded since boot */
	bool allocated; /* else it is the last allocation of a page that is free now */
	uint16_t order;
	int16_t last_migrate_reason;	   /* -1: never migrated */
	uint32_t gfp, handle, free_handle; /* handles of the stack depot; 0: none */
	bool has_times;			   /* 5.10 has none */
	uint64_t ts_ns, free_ts_ns;
	bool has_task; /* 5.10 has none */
	uint32_t pid, tgid;
	char comm[16];
	bool has_free_task; /* 6.1 has none */
	uint32_t free_pid, free_tgid;
};

struct page_owner_source {
	struct target *t;
	struct page_ext ext;
	uint64_t offset;		   /* of its data in a frame's entry */
	uint64_t owner_bit, allocated_bit; /* masks */
	const struct view *flags, *owner;
};

/* ERR_MISSING: not built in, or not switched on. */
struct err *page_owner_init(struct target *t, struct page_owner_source *ret) MUST_CHECK;

/* ERR_NOT_FOUND: the frame has no such data. */
struct err *page_owner_read(
	struct page_owner_source *s, uint64_t pfn, struct page_owner *ret) MUST_CHECK;

/* Allocations in the dump's memory, each once: by its first frame, as debugfs' page_owner has them.
 */
struct page_owner_iter {
	struct page_owner_source source;
	size_t extent;
	uint64_t pfn, asked;
};
struct err *page_owner_iter_init(struct page_owner_iter *it, struct target *t) MUST_CHECK;
struct err *page_owner_iter_next(
	struct page_owner_iter *it, struct page_owner *ret, bool *ret_more) MUST_CHECK;

/* "GFP_KERNEL|__GFP_ZERO" as %pGg: by the kernel's own gfpflag_names[]; "0x…" for what has no name.
 */
void page_owner_gfp_format(struct target *t, uint32_t gfp, struct strbuf *out);

#endif
