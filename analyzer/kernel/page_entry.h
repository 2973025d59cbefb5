/* What a page-table entry without translation means: swapped out, migrating, poisoned … */
#ifndef ANALYZER_KERNEL_PAGE_ENTRY_H
#define ANALYZER_KERNEL_PAGE_ENTRY_H

#include "analyzer/target/target.h"

/* Appends it in words: "swap type 0 offset 0x1a2b (vda2)", "migration, write: frame 0x40321",
 * "PROT_NONE: resident, no access". False where the form of swap entries is not known or @raw is
 * none. */
bool page_entry_explain(struct target *t, const struct paging *p, uint64_t raw, struct strbuf *out);

/* The space's own form with, where the layout could not tell, the swap entries' form by the types.
 */
struct paging page_entry_paging(struct target *t);

#endif
