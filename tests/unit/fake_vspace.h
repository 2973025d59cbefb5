/*
 * An address space made of byte regions, for tests of what reads target memory: it stands in for
 * space/vspace.c at link time. Everything outside of the regions is FAULT_UNMAPPED. Include it in
 * one .c file of a test only.
 */
#ifndef TESTS_UNIT_FAKE_VSPACE_H
#define TESTS_UNIT_FAKE_VSPACE_H

#include <string.h>

#include "analyzer/space/vspace.h"

struct fake_region {
	uint64_t va, size;
	const void *bytes;
};

struct vspace {
	struct space_facts facts;
	struct fake_region region[16];
	unsigned nregions;
	unsigned reads; /* calls so far */
};

const struct space_facts *vspace_facts(const struct vspace *vs)
{
	return &vs->facts;
}

static const uint8_t *fake_byte(const struct vspace *vs, uint64_t va)
{
	for (unsigned i = 0; i < vs->nregions; i++)
		if (va - vs->region[i].va < vs->region[i].size)
			return (const uint8_t *)vs->region[i].bytes + (va - vs->region[i].va);
	return NULL;
}

enum fault_kind vspace_try_read(
	struct vspace *vs, uint64_t va, void *buf, size_t n, uint64_t *ret_bad)
{
	vs->reads++;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *b = fake_byte(vs, va + i);
		if (!b) {
			if (ret_bad)
				*ret_bad = va + i;
			return FAULT_UNMAPPED;
		}
		((uint8_t *)buf)[i] = *b;
	}
	return FAULT_NONE;
}

bool vspace_try_uint(struct vspace *vs, uint64_t va, unsigned bytes, uint64_t *ret)
{
	uint8_t b[8];
	if (vspace_try_read(vs, va, b, bytes, NULL))
		return false;
	*ret = load_uint(&vs->facts.abi, b, bytes);
	return true;
}

struct err *vspace_read(struct vspace *vs, uint64_t va, void *buf, size_t n)
{
	uint64_t bad;
	enum fault_kind k = vspace_try_read(vs, va, buf, n, &bad);
	return k ? err_fault(k, bad, "0x%llx", (unsigned long long)bad) : NULL;
}

struct err *vspace_read_str(struct vspace *vs, uint64_t va, char *buf, size_t max)
{
	for (size_t i = 0; i + 1 < max; i++) {
		struct err *e = vspace_read(vs, va + i, buf + i, 1);
		if (e)
			return e;
		if (!buf[i])
			return NULL;
	}
	buf[max - 1] = '\0';
	return NULL;
}

#endif
