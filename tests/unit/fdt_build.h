/* Device tree blobs by hand: the structure block is written token by token. */
#ifndef TESTS_UNIT_FDT_BUILD_H
#define TESTS_UNIT_FDT_BUILD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FDT_BUILD_BYTES = 4096, FDT_BUILD_STRINGS = 1024 };

struct fdt_build {
	uint8_t bytes[FDT_BUILD_BYTES];
	size_t n; /* of the structure so far; at the end of the whole */
	char strings[FDT_BUILD_STRINGS];
	uint32_t nstrings;
};

enum { FDT_BUILD_STRUCT = 40 + 32 }; /* header, one reservation and its end */

static inline void fdt_put(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline void fdt_word(struct fdt_build *b, uint32_t v)
{
	fdt_put(b->bytes + b->n, v);
	b->n += 4;
}

static inline void fdt_data(struct fdt_build *b, const void *p, size_t n)
{
	memcpy(b->bytes + b->n, p, n);
	b->n = (b->n + n + 3) & ~(size_t)3;
}

static inline void fdt_begin(struct fdt_build *b)
{
	memset(b, 0, sizeof(*b));
	b->n = FDT_BUILD_STRUCT;
}

static inline void fdt_node(struct fdt_build *b, const char *name)
{
	fdt_word(b, 1);
	fdt_data(b, name, strlen(name) + 1);
}

static inline void fdt_end_node(struct fdt_build *b)
{
	fdt_word(b, 2);
}

static inline void fdt_property(struct fdt_build *b, const char *name, const void *p, uint32_t n)
{
	fdt_word(b, 3);
	fdt_word(b, n);
	fdt_word(b, b->nstrings);
	fdt_data(b, p, n);
	memcpy(b->strings + b->nstrings, name, strlen(name) + 1);
	b->nstrings += (uint32_t)strlen(name) + 1;
}

/* Closes the structure, adds the strings and the header; one reservation of 4096 bytes at 1 GiB. */
static inline void fdt_finish(struct fdt_build *b)
{
	fdt_word(b, 9);
	uint32_t strings_at = (uint32_t)b->n;
	memcpy(b->bytes + b->n, b->strings, b->nstrings);
	b->n += b->nstrings;
	const uint32_t head[] = { 0xd00dfeed, (uint32_t)b->n, FDT_BUILD_STRUCT, strings_at, 40, 17,
		16, 0, b->nstrings, strings_at - FDT_BUILD_STRUCT };
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		fdt_put(b->bytes + 4 * i, head[i]);
	fdt_put(b->bytes + 44, 0x40000000);
	fdt_put(b->bytes + 52, 0x1000);
}

static inline void fdt_build_small(struct fdt_build *b)
{
	fdt_begin(b);
	fdt_node(b, "");
	fdt_property(b, "compatible", "a,b\0c", 6);
	fdt_property(b, "empty", "", 0);
	fdt_node(b, "memory@40000000");
	fdt_property(b, "reg", "\0\0\0\0\x40\0\0\0", 8);
	fdt_property(b, "mac", "\x52\x54\0\x12\x34\x56", 6);
	fdt_end_node(b);
	fdt_word(b, 4); /* a NOP */
	fdt_node(b, "chosen");
	fdt_end_node(b);
	fdt_end_node(b);
	fdt_finish(b);
}

#endif
