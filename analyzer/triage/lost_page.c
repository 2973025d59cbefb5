/*
 * Pages that the dump itself has lost: zeroes where a dumper could not read, noise where a transfer
 * or a decompressor went wrong. What such a page contradicts is no damage that the machine saw. A
 * device that wrote over a whole page leaves noise, too: so the ledger names each.
 */
#include <string.h>

#include "analyzer/triage/triage.h"

enum { PAGE_BYTES = 4096, NOISE_BYTES = 512, PAGES_TOLD = 4 };

/* Random bytes: all values about equally often. Of pointers, text, code and tables some are far
 * more frequent. The squares of the counts of @n random bytes sum up to n + n * (n - 1) / 256, with
 * a standard deviation of 3% for 512 of them. */
bool triage_is_noise(const uint8_t *p, size_t n)
{
	uint64_t count[256] = { 0 }, sum = 0, expected = n + n * (n - 1) / 256;
	for (size_t i = 0; i < n; i++)
		count[p[i]]++;
	for (size_t i = 0; i < 256; i++)
		sum += count[i] * count[i];
	return n >= NOISE_BYTES && sum < expected + expected / 10;
}

static bool try_read(struct triage *tr, uint64_t va, uint8_t *to, size_t n)
{
	return vspace_try_read(tr->t->kernel, va, to, n, NULL) == FAULT_NONE;
}

/* A dump's pages need not begin where its file's blocks do: so the noise may begin or end anywhere
 * in a page. */
static bool is_in_noise(struct triage *tr, uint64_t va)
{
	uint8_t bytes[NOISE_BYTES];
	const uint64_t from[] = { va & -(uint64_t)NOISE_BYTES, va, va - NOISE_BYTES };
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		if (try_read(tr, from[i], bytes, NOISE_BYTES) &&
			triage_is_noise(bytes, NOISE_BYTES))
			return true;
	return false;
}

bool triage_page_lost(struct triage *tr, uint64_t va, const char *what, const char *whose)
{
	uint8_t bytes[PAGE_BYTES];
	uint64_t page = va & -(uint64_t)sizeof(bytes);
	bool zero = try_read(tr, page, bytes, sizeof(bytes)) && !bytes[0] &&
		    memcmp(bytes, bytes + 1, sizeof(bytes) - 1) == 0;
	if (!zero && !is_in_noise(tr, va))
		return false;
	tr->lost++;
	for (size_t i = 0; i < tr->lost_page.n; i++)
		if (tr->lost_page.v[i] == page)
			return true;
	vec_push(&tr->lost_page, page);
	if (tr->lost_page.n > PAGES_TOLD)
		return true; /* triage_tell_lost_pages() says how many */
	if (zero)
		triage_ledger(tr, what,
			"%s: the page at 0x%llx is zero, damage of the dump and not of memory",
			whose, (unsigned long long)page);
	else
		triage_ledger(tr, what,
			"%s: around 0x%llx all is noise: damage of the dump, or a device wrote "
			"there",
			whose, (unsigned long long)va);
	return true;
}

void triage_tell_lost_pages(struct triage *tr)
{
	if (tr->lost_page.n > PAGES_TOLD)
		triage_ledger(
			tr, "pages", "%zu more such pages are lost", tr->lost_page.n - PAGES_TOLD);
}
