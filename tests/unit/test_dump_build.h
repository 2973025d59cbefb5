/*
 * Dump files made by hand, for the tests and fuzz targets of analyzer/dump: ELF cores, kdump files
 * of every layout and codec, flattened streams. Written from the formats' descriptions and not from
 * our readers' tables, so that a wrong offset shows. Page contents follow from the address.
 */
#ifndef TESTS_UNIT_TEST_DUMP_BUILD_H
#define TESTS_UNIT_TEST_DUMP_BUILD_H

#include <elf.h>
#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

#define UNUSED_OK __attribute__((unused))

struct blob {
	uint8_t *p;
	size_t n, cap;
	bool be;
};

UNUSED_OK static void blob_free(struct blob *b)
{
	free(b->p);
	*b = (struct blob){ 0 };
}
#define scoped_blob __attribute__((cleanup(blob_free)))

/* Makes the blob at least @n long. */
UNUSED_OK static void blob_grow(struct blob *b, size_t n)
{
	if (n > b->cap) {
		size_t cap = n * 2;
		b->p = xrealloc_array(b->p, cap, 1);
		memset(b->p + b->cap, 0, cap - b->cap);
		b->cap = cap;
	}
	b->n = n > b->n ? n : b->n;
}

UNUSED_OK static void blob_put(struct blob *b, size_t off, const void *p, size_t n)
{
	blob_grow(b, off + n);
	if (n)
		memcpy(b->p + off, p, n);
}

UNUSED_OK static void blob_int(struct blob *b, size_t off, uint64_t v, unsigned bytes)
{
	blob_grow(b, off + bytes);
	for (unsigned i = 0; i < bytes; i++)
		b->p[off + (b->be ? bytes - 1 - i : i)] = (uint8_t)(v >> (8 * i));
}

/* The page at @pa: compressible, and different from its neighbours. */
UNUSED_OK static void page_fill(uint8_t *p, size_t n, uint64_t pa)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((pa >> 12) * 31 + (i / 64) * 7 +
				 (i % 64 < 8 ? pa >> (8 * (i % 8)) : 0));
}

/* ELF */

struct elf_seg {
	uint32_t type;
	uint64_t va, pa, off, file_bytes, mem_bytes;
};

struct elf_spec {
	bool is64, be, xnum;
	uint16_t type, machine; /* 0: ET_CORE */
	uint64_t phoff;		/* 0: right behind the header */
	uint16_t phentsize;	/* 0: the right one */
	const struct elf_seg *seg;
	size_t nsegs;
};

UNUSED_OK static void elf_build(struct blob *b, const struct elf_spec *s)
{
	b->be = s->be;
	unsigned w = s->is64 ? 8 : 4;
	uint64_t ehsize = s->is64 ? 64 : 52, phent = s->is64 ? 56 : 32, shent = s->is64 ? 64 : 40;
	uint64_t shoff = s->xnum ? ehsize : 0;
	uint64_t phoff = s->phoff ? s->phoff : ehsize + (s->xnum ? shent : 0);
	uint64_t stride = s->phentsize ? s->phentsize : phent;
	const uint8_t id[7] = { 0x7f, 'E', 'L', 'F', s->is64 ? 2 : 1, s->be ? 2 : 1, 1 };
	blob_grow(b, ehsize);
	blob_put(b, 0, id, sizeof(id));
	blob_int(b, 16, s->type ? s->type : ET_CORE, 2);
	blob_int(b, 18, s->machine, 2);
	blob_int(b, 20, 1, 4);
	blob_int(b, 24 + w, phoff, w);
	blob_int(b, 24 + 2 * w, shoff, w);
	size_t tail = 24 + 3 * w + 4; /* e_ehsize */
	blob_int(b, tail, ehsize, 2);
	blob_int(b, tail + 2, stride, 2);
	blob_int(b, tail + 4, s->xnum ? 0xffff : s->nsegs, 2);
	if (s->xnum)
		blob_int(b, shoff + (s->is64 ? 44 : 28), s->nsegs, 4);
	for (size_t i = 0; i < s->nsegs; i++) {
		const struct elf_seg *g = &s->seg[i];
		size_t at = phoff + i * stride;
		blob_grow(b, at + phent);
		blob_int(b, at, g->type, 4);
		size_t f = at + (s->is64 ? 8 : 4);
		const uint64_t v[] = { g->off, g->va, g->pa, g->file_bytes, g->mem_bytes };
		for (size_t k = 0; k < ARRAY_SIZE(v); k++)
			blob_int(b, f + k * w, v[k], w);
		if (g->type == PT_LOAD && g->file_bytes && g->file_bytes < (1 << 24)) {
			blob_grow(b, g->off + g->file_bytes);
			for (uint64_t o = 0; o < g->file_bytes; o += 4096)
				page_fill(b->p + g->off + o,
					g->file_bytes - o < 4096 ? g->file_bytes - o : 4096,
					g->pa + o);
		}
	}
}

/* Appends one note at @off, returns where the next one goes. */
UNUSED_OK static size_t note_build(
	struct blob *b, size_t off, const char *name, uint32_t type, const void *desc, size_t n)
{
	size_t nname = strlen(name) + 1;
	blob_int(b, off, nname, 4);
	blob_int(b, off + 4, n, 4);
	blob_int(b, off + 8, type, 4);
	blob_put(b, off + 12, name, nname);
	off += 12 + (nname + 3) / 4 * 4;
	blob_put(b, off, desc, n);
	blob_grow(b, off + (n + 3) / 4 * 4);
	return off + (n + 3) / 4 * 4;
}

/* kdump */

enum kd_layout { KD_64, KD_32_PADDED, KD_32_TIME64, KD_32_PACKED };
enum kd_codec { KD_RAW = 0, KD_ZLIB = 1, KD_LZO = 2, KD_SNAPPY = 4, KD_ZSTD = 0x20 };

struct kd_page {
	uint64_t pfn;
	enum kd_codec codec;
	bool excluded; /* only in the first bitmap */
};

struct kd_spec {
	enum kd_layout layout;
	bool be;
	bool one_bitmap; /* leave the first one empty */
	bool no_notes;
	uint32_t version; /* 0: 6 */
	uint32_t block;	  /* 0: 4096 */
	uint32_t status;
	uint32_t split;
	uint64_t first_pfn, end_pfn; /* split: whose pages are in this file, as the bitmaps count */
	uint64_t phys_base;
	uint64_t npages;   /* 0: behind the last page */
	uint64_t base_pfn; /* what makedumpfile on ARM32 subtracts from each pfn */
	const char *signature, *machine, *vmcoreinfo;
	const struct kd_page *page;
	size_t npage;
};

UNUSED_OK static size_t kd_compress(
	enum kd_codec codec, const uint8_t *p, size_t n, uint8_t *to, size_t room)
{
	uLongf zn = room;
	size_t sn = room;
	lzo_uint ln = room;
	static lzo_align_t work[LZO1X_1_MEM_COMPRESS / sizeof(lzo_align_t) + 1];
	switch (codec) {
	case KD_ZLIB:
		return compress2(to, &zn, p, n, 1) == Z_OK ? zn : 0;
	case KD_LZO:
		return lzo1x_1_compress(p, n, to, &ln, work) == LZO_E_OK ? ln : 0;
	case KD_SNAPPY:
		return snappy_compress((const char *)p, n, (char *)to, &sn) == SNAPPY_OK ? sn : 0;
	case KD_ZSTD:
		return ZSTD_compress(to, room, p, n, 1);
	case KD_RAW:
		break;
	}
	memcpy(to, p, n);
	return n;
}

UNUSED_OK static uint32_t kd_block(const struct kd_spec *s)
{
	return s->block ? s->block : 4096;
}

UNUSED_OK static uint64_t kd_npages(const struct kd_spec *s)
{
	uint64_t n = 0;
	for (size_t i = 0; i < s->npage; i++)
		n = s->page[i].pfn + 1 > n ? s->page[i].pfn + 1 : n;
	return s->npages ? s->npages : n - s->base_pfn;
}

UNUSED_OK static uint32_t kd_bitmap_blocks(const struct kd_spec *s)
{
	uint64_t bits = (uint64_t)kd_block(s) * 8;
	return (uint32_t)((kd_npages(s) + bits - 1) / bits * 2);
}

/* Where the page descriptors begin; the sub-header takes one block. */
UNUSED_OK static uint64_t kd_desc_off(const struct kd_spec *s)
{
	return (2 + (uint64_t)kd_bitmap_blocks(s)) * kd_block(s);
}

UNUSED_OK static void kd_sub_build(struct blob *b, const struct kd_spec *s, uint32_t version)
{
	size_t at = kd_block(s), w = s->layout == KD_64 ? 8 : 4;
	/* phys_base dump_level split start_pfn end_pfn offset_vmcoreinfo size_vmcoreinfo
	 * offset_note size_note start_pfn_64 end_pfn_64 max_mapnr_64, and the size */
	static const uint8_t off[][13] = {
		[KD_64] = { 0, 8, 12, 16, 24, 32, 40, 48, 56, 80, 88, 96, 104 },
		[KD_32_PADDED] = { 0, 4, 8, 12, 16, 24, 32, 40, 48, 72, 80, 88, 96 },
		[KD_32_TIME64] = { 0, 4, 8, 12, 16, 24, 32, 40, 48, 72, 80, 88, 96 },
		[KD_32_PACKED] = { 0, 4, 8, 12, 16, 20, 28, 32, 40, 56, 64, 72, 80 },
	};
	const uint8_t *o = off[s->layout];
	struct blob note = { .be = s->be };
	uint8_t prstatus[16] = { 1, 2, 3 };
	size_t nnote = note_build(&note, 0, "CORE", 1, prstatus, sizeof(prstatus));
	const char *vi = s->vmcoreinfo ? s->vmcoreinfo : "";
	if (version >= 3 && *vi)
		nnote = note_build(&note, nnote, "VMCOREINFO", 0, vi, strlen(vi));
	blob_int(b, at + o[0], s->phys_base, w);
	blob_int(b, at + o[1], 31, 4);
	if (version >= 2)
		blob_int(b, at + o[2], s->split, 4);
	if (version >= 2 && s->split) {
		blob_int(b, at + o[3], s->first_pfn, w);
		blob_int(b, at + o[4], s->end_pfn, w);
	}
	if (version >= 6 && s->split) {
		blob_int(b, at + o[9], s->first_pfn, 8);
		blob_int(b, at + o[10], s->end_pfn, 8);
	}
	if (version >= 3 && *vi) {
		blob_int(b, at + o[5], at + o[12] + nnote - (strlen(vi) + 3) / 4 * 4, 8);
		blob_int(b, at + o[6], strlen(vi), w);
	}
	if (version >= 4 && !s->no_notes) {
		blob_int(b, at + o[7], at + o[12], 8);
		blob_int(b, at + o[8], nnote, w);
	}
	if (version >= 6)
		blob_int(b, at + o[11], kd_npages(s), 8);
	if (version >= 3)
		blob_put(b, at + o[12], note.p, nnote);
	blob_free(&note);
}

UNUSED_OK static bool kd_is_here(const struct kd_spec *s, const struct kd_page *page)
{
	uint64_t pfn = page->pfn - s->base_pfn;
	return !page->excluded && (!s->split || (pfn >= s->first_pfn && pfn < s->end_pfn));
}

UNUSED_OK static void kd_build(struct blob *b, const struct kd_spec *s)
{
	uint32_t block = kd_block(s), version = s->version ? s->version : 6;
	bool wide = s->layout == KD_64 || s->layout == KD_32_TIME64;
	size_t f = wide ? 428 : 416, bitmap = 2 * (size_t)block;
	size_t half = (size_t)kd_bitmap_blocks(s) / 2 * block;
	b->be = s->be;
	blob_put(b, 0, s->signature ? s->signature : "KDUMP   ", 8);
	blob_int(b, 8, version, 4);
	const char *machine = s->machine ? s->machine : "aarch64";
	blob_put(b, 12 + 4 * 65, machine, strlen(machine));
	/* a time that is not 0, where the writer's struct timeval is */
	blob_int(b, wide ? 408 : 404, 1700000000, 4);
	blob_int(b, wide ? 416 : 408, 123456, 4);
	blob_int(b, f - 4, s->status, 4);
	blob_int(b, f, block, 4);
	blob_int(b, f + 4, 1, 4);
	blob_int(b, f + 8, kd_bitmap_blocks(s), 4);
	blob_int(b, f + 12, kd_npages(s), 4);
	blob_int(b, f + 32, 4, 4); /* nr_cpus */
	kd_sub_build(b, s, version);
	size_t desc = kd_desc_off(s), ndumped = 0, data;
	for (size_t i = 0; i < s->npage; i++)
		ndumped += kd_is_here(s, &s->page[i]);
	data = desc + 24 * ndumped;
	blob_grow(b, data);
	uint8_t *plain = xcalloc(block, 1), *packed = xcalloc(block, 3);
	for (size_t i = 0; i < s->npage; i++) {
		uint64_t pfn = s->page[i].pfn - s->base_pfn;
		if (!s->one_bitmap)
			b->p[bitmap + pfn / 8] |= (uint8_t)(1 << (pfn % 8));
		if (s->page[i].excluded)
			continue;
		b->p[bitmap + half + pfn / 8] |= (uint8_t)(1 << (pfn % 8));
		if (!kd_is_here(s, &s->page[i]))
			continue;
		page_fill(plain, block, s->page[i].pfn * block);
		size_t n = kd_compress(s->page[i].codec, plain, block, packed, block * 3);
		blob_int(b, desc, data, 8);
		blob_int(b, desc + 8, n, 4);
		blob_int(b, desc + 12, (uint64_t)s->page[i].codec, 4);
		blob_put(b, data, packed, n);
		desc += 24;
		data += n;
	}
	free(plain);
	free(packed);
}

/* LiME and AVML */

/* Appends one range of whole pages; returns where the next one goes. */
UNUSED_OK static size_t lime_add(struct blob *b, size_t at, uint64_t pa, size_t n)
{
	blob_put(b, at, "EMiL", 4);
	blob_int(b, at + 4, 1, 4);
	blob_int(b, at + 8, pa, 8);
	blob_int(b, at + 16, pa + n - 1, 8);
	blob_int(b, at + 24, 0, 8);
	blob_grow(b, at + 32 + n);
	for (size_t o = 0; o < n; o += 4096)
		page_fill(b->p + at + 32 + o, 4096, pa + o);
	return at + 32 + n;
}

UNUSED_OK static uint32_t crc32c_masked(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xffffffff;
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (unsigned k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	crc = ~crc;
	return (crc >> 15 | crc << 17) + 0xa282ead8;
}

/* Appends one block of whole pages, each other frame compressed. @fill NULL: page_fill()'s content.
 */
UNUSED_OK static size_t avml_add(
	struct blob *b, size_t at, uint64_t pa, size_t n, const uint8_t *fill)
{
	blob_put(b, at, "AVML", 4);
	blob_int(b, at + 4, 2, 4);
	blob_int(b, at + 8, pa, 8);
	blob_int(b, at + 16, pa + n - 1, 8);
	blob_int(b, at + 24, 0, 8);
	size_t begin = at + 32, to = begin;
	blob_put(b, to, "\xff\x06\x00\x00sNaPpY", 10);
	to += 10;
	uint8_t *plain = xcalloc(65536, 1), *packed = xcalloc(65536, 2);
	for (size_t o = 0; o < n; o += 65536) {
		size_t k = n - o < 65536 ? n - o : 65536, size = k;
		for (size_t i = 0; i < k; i += 4096)
			page_fill(plain + i, 4096, pa + o + i);
		const uint8_t *p = fill ? fill : plain;
		bool pack = o / 65536 % 2 == 0;
		if (pack) {
			size = 65536 * 2;
			snappy_compress((const char *)p, k, (char *)packed, &size);
		}
		blob_int(b, to, (pack ? 0 : 1) | (uint64_t)(size + 4) << 8, 4);
		blob_int(b, to + 4, crc32c_masked(p, k), 4);
		blob_put(b, to + 8, pack ? packed : p, size);
		to += 8 + size;
	}
	free(plain);
	free(packed);
	blob_int(b, to, to - begin, 8);
	return to + 8;
}

/* Flattened streams */

UNUSED_OK static void flat_begin(struct blob *f)
{
	f->be = true;
	blob_put(f, 0, "makedumpfile", 12);
	blob_int(f, 16, 1, 8);
	blob_int(f, 24, 1, 8);
	blob_grow(f, 4096);
}

UNUSED_OK static void flat_add(struct blob *f, uint64_t off, const void *p, size_t n)
{
	size_t at = f->n;
	blob_int(f, at, off, 8);
	blob_int(f, at + 8, n, 8);
	blob_put(f, at + 16, p, n);
}

UNUSED_OK static void flat_end(struct blob *f)
{
	size_t at = f->n;
	blob_int(f, at, UINT64_MAX, 8);
	blob_int(f, at + 8, UINT64_MAX, 8);
}

/* @b as a stream of records of @step bytes, in an order that is not the file's. */
UNUSED_OK static void flat_build(struct blob *f, const struct blob *b, size_t step)
{
	flat_begin(f);
	for (size_t round = 0; round < 2; round++)
		for (size_t off = round * step; off < b->n; off += 2 * step)
			flat_add(f, off, b->p + off, b->n - off < step ? b->n - off : step);
	flat_end(f);
}

#endif
