/*
 * The poison of free pages (page_poison=1): what a page that was freed with it is filled with, and
 * where something else stands by now. Whether this kernel poisons is not known here.
 */
#ifndef ANALYZER_KERNEL_PAGE_POISON_H
#define ANALYZER_KERNEL_PAGE_POISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGE_POISON = 0xaa }; /* include/linux/poison.h, 4.19 to 7.2 */

struct page_poison {
	uint32_t bytes; /* that hold something else; 0: none does */
	uint32_t first; /* of them, from the page's start */
	uint8_t found;	/* there */
};

/* A page's @n bytes, more than 16. False: fewer than half of them are poison, as of a page that was
 * never poisoned. */
bool page_poison_look(const uint8_t *page, size_t n, struct page_poison *ret);

#endif
