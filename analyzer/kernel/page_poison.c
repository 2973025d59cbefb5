/* Looks at one page's bytes, and reads none. */
#include "analyzer/kernel/page_poison.h"

#include <string.h>

bool page_poison_look(const uint8_t *page, size_t n, struct page_poison *ret)
{
	enum { STEP = 16 };
	struct page_poison p = { 0 };
	bool whole = true;
	for (size_t i = 0; i < STEP; i++)
		whole &= page[i] == PAGE_POISON;
	/* each byte is the one before: most pages are whole, and this is memory's speed */
	whole = whole && !memcmp(page, page + STEP, n - STEP);
	for (size_t i = 0; i < n && !whole; i++)
		if (page[i] != PAGE_POISON && !p.bytes++) {
			p.first = (uint32_t)i;
			p.found = page[i];
		}
	if (p.bytes > n / 2)
		return false;
	*ret = p;
	return true;
}
