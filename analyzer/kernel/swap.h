/*
 * Swap devices and files, as /proc/swaps lists them. Knows what is in use and how much of it, not
 * which page went where.
 */
#ifndef ANALYZER_KERNEL_SWAP_H
#define ANALYZER_KERNEL_SWAP_H

#include "analyzer/target/target.h"

struct swap_area {
	uint64_t va;   /* struct swap_info_struct */
	unsigned type; /* its number, which entries of page tables carry */
	uint64_t flags;
	int32_t priority;
	uint64_t bytes, used_bytes;
	uint64_t file;	/* struct file */
	bool is_device; /* else a file of a file system */
};

struct swap_iter {
	struct target *t;
	uint64_t table; /* swap_info[] */
	unsigned at, n;
};

/* ERR_MISSING when the kernel has no swap (CONFIG_SWAP). */
struct err *swap_iter_init(struct swap_iter *it, struct target *t) MUST_CHECK;

/* By ascending type. An error with *ret_more true is about one of them. */
struct err *swap_iter_next(struct swap_iter *it, struct swap_area *ret, bool *ret_more) MUST_CHECK;

#endif
