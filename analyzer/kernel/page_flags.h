/* The kernel's names for the bits of struct page: its flags, and since 4.18 its page_type. */
#ifndef ANALYZER_KERNEL_PAGE_FLAGS_H
#define ANALYZER_KERNEL_PAGE_FLAGS_H

#include "analyzer/target/target.h"

struct page_flag {
	const char *name; /* "PG_locked"; lives as long as the target */
	unsigned bit;
	bool alias; /* an earlier name has the same bit */
};

/* Number @i of enum pageflags, in the order of its declaration; false beyond the last, and without
 * types. Marks that only first tail pages have come as aliases. */
bool page_flag_get(struct target *t, size_t i, struct page_flag *ret);

/* Whether @flags has the flag of this name; false where the kernel has no such flag. */
bool page_flag_has(struct target *t, uint64_t flags, const char *name);

/* The value of @name in the enum @tag of the memory management; false: not there. */
bool page_enum_find(struct target *t, const char *tag, const char *name, int64_t *ret);

/* What page_type's word says: "buddy", "page table", "guard" …; NULL: it is no type but a mapcount.
 */
const char *page_type_word(struct target *t, uint32_t type);

#endif
