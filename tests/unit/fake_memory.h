/*
 * Physical memory by hand, in the place of analyzer/dump: pages appear when something is put there;
 * all others are beyond the dump. Include it in one file of a test program; it takes the place of
 * dump.c by defining what the layers above call.
 */
#ifndef TESTS_UNIT_FAKE_MEMORY_H
#define TESTS_UNIT_FAKE_MEMORY_H

#include <stdlib.h>
#include <string.h>

#include "analyzer/dump/dump.h"

enum { FAKE_PAGES = 256, FAKE_PAGE = 4096 };

struct dump {
	struct dump_info info;
	struct dump_extent extent;
	uint64_t generation;
	unsigned npages, nreads;
	struct {
		uint64_t pa;
		uint8_t *bytes;
		enum fault_kind fault;
	} page[FAKE_PAGES];
};

static inline unsigned fake_find(struct dump *d, uint64_t pa)
{
	unsigned i = 0;
	while (i < d->npages && d->page[i].pa != (pa & ~(uint64_t)(FAKE_PAGE - 1)))
		i++;
	return i;
}

static inline uint8_t *fake_at(struct dump *d, uint64_t pa)
{
	unsigned i = fake_find(d, pa);
	if (i == d->npages) {
		if (i == FAKE_PAGES)
			abort();
		d->page[d->npages++].pa = pa & ~(uint64_t)(FAKE_PAGE - 1);
		d->page[i].bytes = calloc(1, FAKE_PAGE);
	}
	return d->page[i].bytes + pa % FAKE_PAGE;
}

static inline void fake_put(struct dump *d, uint64_t pa, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		*fake_at(d, pa + i) = v >> (8 * i);
}

static inline void fake_fault(struct dump *d, uint64_t pa, enum fault_kind fault)
{
	fake_at(d, pa);
	d->page[fake_find(d, pa)].fault = fault;
}

/* All pages move: pointers from before are stale and ASan says so. */
static inline void fake_move(struct dump *d)
{
	for (unsigned i = 0; i < d->npages; i++) {
		uint8_t *fresh = malloc(FAKE_PAGE);
		memcpy(fresh, d->page[i].bytes, FAKE_PAGE);
		memset(d->page[i].bytes, 0xee, FAKE_PAGE);
		free(d->page[i].bytes);
		d->page[i].bytes = fresh;
	}
	d->generation++;
}

static inline void fake_clear(struct dump *d)
{
	for (unsigned i = 0; i < d->npages; i++)
		free(d->page[i].bytes);
	memset(d, 0, sizeof(*d));
}

bool dump_next_data(struct dump *d, struct paddr pa, struct paddr *ret)
{
	(void)d;
	*ret = pa;
	return true;
}

enum fault_kind dump_map(struct dump *d, struct paddr pa, const uint8_t **ret_p, size_t *ret_n)
{
	unsigned i = fake_find(d, pa.v);
	d->nreads++;
	if (i == d->npages)
		return FAULT_BEYOND;
	if (d->page[i].fault)
		return d->page[i].fault;
	*ret_p = d->page[i].bytes + pa.v % FAKE_PAGE;
	*ret_n = FAKE_PAGE - pa.v % FAKE_PAGE;
	return FAULT_NONE;
}

enum fault_kind dump_try_read(
	struct dump *d, struct paddr pa, void *buf, size_t n, struct paddr *ret_bad)
{
	for (size_t done = 0; done < n;) {
		const uint8_t *p;
		size_t have;
		struct paddr at = { pa.v + done };
		enum fault_kind fault = dump_map(d, at, &p, &have);
		if (fault) {
			if (ret_bad)
				*ret_bad = at;
			return fault;
		}
		have = have < n - done ? have : n - done;
		memcpy((uint8_t *)buf + done, p, have);
		done += have;
	}
	return FAULT_NONE;
}

uint64_t dump_generation(const struct dump *d)
{
	return d->generation;
}

const struct dump_info *dump_info(const struct dump *d)
{
	return &d->info;
}

#endif
