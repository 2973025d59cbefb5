/*
 * Types by VMCOREINFO's SIZE(), OFFSET() and LENGTH() lines: printk's records first of all, and
 * utsname. A kernel without BTF and vmlinux still shows its log by them. Knows text, nothing of
 * memory.
 */
#ifndef ANALYZER_TARGET_VMCOREINFO_BTF_H
#define ANALYZER_TARGET_VMCOREINFO_BTF_H

#include <stddef.h>
#include <stdint.h>

#include "analyzer/base/load.h"

/* Where struct timekeeper's members were found, from the variable's own address. */
struct timekeeper_place {
	const char *variable; /* "shadow_timekeeper", "tk_core"; NULL: not found */
	uint32_t xtime_sec;
};

/* These types as BTF of @abi, malloc'ed; NULL when @text describes none and @tk is empty. @text may
 * be anything. */
uint8_t *vmcoreinfo_btf(
	const char *text, const struct abi *abi, const struct timekeeper_place *tk, size_t *ret_n);

#endif
