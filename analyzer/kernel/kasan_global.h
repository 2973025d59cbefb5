/* Global variables as instrumented code registers them with KASAN: size, redzone, name, source
 * file. */
#ifndef ANALYZER_KERNEL_KASAN_GLOBAL_H
#define ANALYZER_KERNEL_KASAN_GLOBAL_H

#include "analyzer/kernel/kasan.h"

struct kasan_global {
	uint64_t descriptor_va; /* 0: only the symbol tells */
	uint64_t va, size, size_with_redzone;
	char name[128];
	char file[128]; /* as the compiler was called with it; "" unknown */
};

/* The variable at @va, or the one whose redzone @va is in. ERR_NOT_FOUND: neither a descriptor nor
 * a symbol with a size covers it. */
struct err *kasan_global_find(
	const struct kasan *k, uint64_t va, struct kasan_global *ret) MUST_CHECK;

#endif
