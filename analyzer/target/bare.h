/*
 * A dump without a vmlinux: the kernel's own symbols from its memory, where it lies, proved by its
 * page tables, and the few data symbols that can be recognised where its table has only text.
 */
#ifndef ANALYZER_TARGET_BARE_H
#define ANALYZER_TARGET_BARE_H

#include "analyzer/target/target.h"

/*
 * Fills t->syms, t->image and t->image_finder (and t->arch, where no file says or the file is wrong
 * about the word size). What is not found stays empty, with a warning. Errors: ERR_INTERRUPTED
 * only.
 */
struct err *bare_find_kernel(struct target *t) MUST_CHECK;

/* Adds what recognisers find to t->syms; when t->kernel is open. */
void bare_recover(struct target *t);

/* Where the kernel's BTF lies in its image: by __start_BTF and __stop_BTF, else by its magic, and
 * then these symbols are added. False when it has none, or before the kernel was found. */
bool bare_find_btf(struct target *t, uint64_t *ret_va, uint64_t *ret_end);

/* Adds that BTF to t->types; says with a warning why not. */
void bare_add_btf(struct target *t);

#endif
