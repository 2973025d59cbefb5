/*
 * Raw RAM of which nobody said where it lies. Page tables hold absolute physical addresses, so a
 * wrong base cannot be proved: each candidate is put to the finders, the best ones first.
 */
#ifndef ANALYZER_TARGET_BASE_SEARCH_H
#define ANALYZER_TARGET_BASE_SEARCH_H

#include "analyzer/target/target.h"

/* Whether the kernel can be proved with the dump's base as it is now. */
typedef struct err *(*base_try_fn)(void *cx, struct target *t, bool *ret_proved);

/* Sets the base to the first candidate that @fn proves; *ret_found is false when there is none
 * (then it is 0). Errors are @fn's, and ERR_INTERRUPTED. */
struct err *base_search(struct target *t, base_try_fn fn, void *cx, bool *ret_found) MUST_CHECK;

#endif
