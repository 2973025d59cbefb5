/*
 * A vmlinux's symbols in the form in which they are kept on disk and used where they are: records
 * sorted by address at link time, hidden ones behind them, a hash over names, and the names. The
 * kernel's slide is applied when a record is read. Bytes may be hostile: a record, name or chain
 * that leads outside is none.
 */
#ifndef ANALYZER_DEBUG_SYMTAB_IMAGE_H
#define ANALYZER_DEBUG_SYMTAB_IMAGE_H

#include "analyzer/debug/symtab_internal.h"

struct symtab_image {
	const struct symtab_image_header *header;
	const struct symtab_record *record;
	const uint64_t *slot; /* hash << 32 | (index + 1); 0: empty */
	const char *names;    /* its last byte is 0 */
	size_t n, all;	      /* without and with the hidden ones */
	uint64_t slide;
	void *owned; /* the bytes behind the pointers, when they are this image's */
};

/* From @st's kernel symbols, which are sorted and not moved, with names that stand in @names
 * (borrowed, ends with 0). ERR_LIMIT when they are too many for the form. */
struct err *symtab_image_build(const struct symtab *st, const char *names, size_t names_bytes,
	uint64_t slide, struct symtab_image **ret) MUST_CHECK;

/* From bytes as symtab_image_save() made them, borrowed; NULL when they cannot be used. */
struct symtab_image *symtab_image_open(const void *bytes, size_t n, uint64_t slide);

/* One block of bytes, malloc'ed. */
void *symtab_image_save(const struct symtab_image *im, size_t *ret_n);

void symtab_image_destroy(struct symtab_image *im);

/* Where the kernel image lies, with the slide; equal when that is not known. */
void symtab_image_range(const struct symtab_image *im, uint64_t *ret_start, uint64_t *ret_end);

struct symtab_entry symtab_image_entry(const struct symtab_image *im, size_t i);

/* How many symbols, hidden ones apart, have an address of at most @va. */
size_t symtab_image_count_up_to(const struct symtab_image *im, uint64_t va);

/* Index + 1 of the first symbol of this name, and of the next; ascending; 0: no more. */
uint32_t symtab_image_first(const struct symtab_image *im, const char *name);
uint32_t symtab_image_next(const struct symtab_image *im, uint32_t i);

#endif
