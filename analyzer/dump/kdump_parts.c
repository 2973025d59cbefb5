/*
 * Opening the files of a kdump-compressed dump: their bitmaps, which pages each one has, whether
 * they belong together and which part is missing. Knows nothing of what is in a page.
 */
#include "analyzer/dump/kdump_parts.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/scope.h"

/*
 * Two bitmaps of equal size, or one that serves as both when there is no room for two (the partial
 * and the full dumps of the old diskdump).
 */
static struct err *bitmaps_load(struct part *t)
{
	const struct kdump_header *h = &t->header;
	uint64_t off = kdump_bitmap_off(h), block_bits = (uint64_t)h->block_bytes * 8;
	uint64_t need = h->npages / block_bits + (h->npages % block_bits != 0);
	uint64_t second = off;
	if (h->bitmap_blocks >= 2 * need)
		second += h->bitmap_blocks / 2 * (uint64_t)h->block_bytes;
	struct err *err = bitmap_load(t->file, off, h->npages, &t->present);
	return err ? err : bitmap_load(t->file, second, h->npages, &t->dumped);
}

/*
 * makedumpfile on ARM32 counts pages from the start of RAM (makedumpfile.h: ARCH_PFN_OFFSET is
 * phys_base there, and 0 on ARM64); QEMU never does. RAM cannot begin below phys_base, so a page
 * that seems to tells which one wrote the file.
 */
static uint64_t base_pfn_find(const struct kdump *k)
{
	const struct kdump_header *h = kdump_header_of(k);
	if (h->abi.word_bytes != 4)
		return 0;
	uint64_t base = h->phys_base >> k->shift;
	return bitmap_next(kdump_existing(&k->part[0]), 0, true) < base ? base : 0;
}

static struct err *part_open(struct part *t)
{
	struct err *err = kdump_header_read(t->file, &t->header);
	if (!err)
		err = bitmaps_load(t);
	if (err)
		return err;
	const struct kdump_header *h = &t->header;
	uint64_t npages = t->dumped.nbits;
	t->first_pfn = h->split && h->start_pfn < npages ? h->start_pfn : 0;
	t->end_pfn = h->split && h->end_pfn < npages ? h->end_pfn : npages;
	if (h->split && (h->start_pfn >= npages || t->end_pfn <= t->first_pfn))
		return err_new(ERR_FORMAT,
			"its part of a split dump is empty (pages %#" PRIx64 " to %#" PRIx64 ")",
			h->start_pfn, h->end_pfn);
	t->first_rank = bitmap_rank_at(&t->dumped, t->first_pfn);
	t->ndumped = bitmap_rank_at(&t->dumped, t->end_pfn) - t->first_rank;
	t->desc_off = kdump_desc_off(h);
	uint64_t size = bytes_size(t->file), room = size > t->desc_off ? size - t->desc_off : 0;
	room = room < bytes_file_size(t->file) ? room : bytes_file_size(t->file);
	t->ndescs = room / KDUMP_DESC_BYTES < t->ndumped ? room / KDUMP_DESC_BYTES : t->ndumped;
	return NULL;
}

static int by_first_pfn(const void *pa, const void *pb)
{
	const struct part *a = pa, *b = pb;
	return (a->first_pfn > b->first_pfn) - (a->first_pfn < b->first_pfn);
}

/* Dumps of several machines or moments do not make one; the time in the header differs from part to
 * part. */
static struct err *parts_match(const struct kdump *k)
{
	const struct kdump_header *a = kdump_header_of(k);
	if (k->nparts > 1 && !a->split)
		return err_new(ERR_MISMATCH, "is whole, and no part of a dump in several files");
	for (size_t i = 1; i < k->nparts; i++) {
		const struct kdump_header *b = &k->part[i].header;
		if (!b->split || a->block_bytes != b->block_bytes || a->npages != b->npages ||
			a->abi.word_bytes != b->abi.word_bytes ||
			a->abi.big_endian != b->abi.big_endian ||
			strcmp(a->machine, b->machine) != 0 ||
			k->part[0].dumped.total != k->part[i].dumped.total)
			return err_new(ERR_MISMATCH, "and %s are no parts of one dump",
				bytes_path(k->part[i].file));
	}
	return NULL;
}

/* Pages [from, to) that belong to a part which was not given, if any of them was dumped. */
static void gap_check(struct dump *d, const struct kdump *k, uint64_t from, uint64_t to)
{
	const struct bitmap *m = &k->part[0].dumped;
	if (from < to && bitmap_next(m, from, true) < to)
		dump_damaged(d, "the part of the dump from %#" PRIx64 " to %#" PRIx64 " is missing",
			(k->base_pfn + from) << k->shift, ((k->base_pfn + to) << k->shift) - 1);
}

/* Ascending, each page in one part only. What is missing is damage. */
static void parts_arrange(struct dump *d, struct kdump *k)
{
	uint64_t at = 0, cached = 0;
	for (size_t i = 0; i < k->nparts; i++) {
		struct part *t = &k->part[i];
		gap_check(d, k, at, t->first_pfn);
		t->cache_at = cached;
		cached += t->ndescs;
		at = t->end_pfn > at ? t->end_pfn : at;
	}
	gap_check(d, k, at, k->part[0].dumped.nbits);
}

struct err *kdump_parts_open(struct dump *d, struct kdump *k)
{
	k->part = xcalloc(d->nfiles, sizeof(*k->part));
	for (size_t i = 0; i < d->nfiles; i++) {
		k->part[i].file = d->file[i];
		k->nparts++;
		struct err *err = part_open(&k->part[i]);
		if (err && i)
			return err_wrap(err, "%s", bytes_path(d->file[i]));
		if (err)
			return err;
	}
	struct err *err = parts_match(k);
	if (err)
		return err;
	qsort(k->part, k->nparts, sizeof(*k->part), by_first_pfn);
	k->shift = (unsigned)__builtin_ctz(kdump_header_of(k)->block_bytes);
	k->base_pfn = base_pfn_find(k);
	parts_arrange(d, k);
	return NULL;
}

void kdump_parts_close(struct kdump *k)
{
	for (size_t i = 0; i < k->nparts; i++) {
		bitmap_deinit(&k->part[i].present);
		bitmap_deinit(&k->part[i].dumped);
	}
	free(k->part);
}
