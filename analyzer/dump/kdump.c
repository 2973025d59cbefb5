/*
 * kdump-compressed files, as makedumpfile and QEMU write them: two bitmaps (pages that exist, pages
 * that were dumped), then one descriptor for each dumped page in the order of the second bitmap,
 * then the pages, each compressed on its own. makedumpfile --split makes several such files, each
 * with the descriptors of a range of pages and the bitmaps of all. The headers are
 * kdump_header.c's, the files kdump_parts.c's, the codecs codec.c's.
 */
#include "analyzer/dump/reader.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/dump/kdump_parts.h"

enum {
	EXTENTS_MAX = 65536,
	DESC_SAMPLE = 256,     /* descriptors looked at on opening, at either end */
	DESC_SEARCH = 1 << 20, /* and at most, for the last one that is not of an empty page */
};

struct page_desc {
	uint64_t off;
	uint32_t size;
	uint32_t flags;
};

static const struct {
	uint32_t flag;
	enum codec_id id;
	const char *name;
} codecs[] = {
	{ KDUMP_ZLIB, CODEC_ZLIB, "zlib" },
	{ KDUMP_LZO, CODEC_LZO, "lzo" },
	{ KDUMP_SNAPPY, CODEC_SNAPPY, "snappy" },
	{ KDUMP_ZSTD, CODEC_ZSTD, "zstd" },
};

static bool kdump_recognises(const struct bytes *b, const char **ret_why)
{
	(void)ret_why;
	return kdump_header_recognises(b);
}

/* @i counts a part's own descriptors. False when the descriptor is not in the file. */
static bool desc_read(const struct part *t, uint64_t i, struct page_desc *ret)
{
	uint8_t p[KDUMP_DESC_BYTES];
	if (i >= t->ndescs ||
		!bytes_read(t->file, t->desc_off + i * KDUMP_DESC_BYTES, p, sizeof(p)))
		return false;
	ret->off = get_u64(&t->header.abi, p);
	ret->size = get_u32(&t->header.abi, p + 8);
	ret->flags = get_u32(&t->header.abi, p + 12);
	/* A descriptor that was never written: the dump was cut by a full disk. */
	return ret->off != 0;
}

static bool desc_is_raw(const struct page_desc *desc)
{
	return (desc->flags & KDUMP_CODECS) == 0;
}

/* Is the page's data in the file, and of a size that can be right? */
static enum fault_kind desc_check(const struct part *t, const struct page_desc *desc)
{
	uint32_t block = t->header.block_bytes;
	/* Writers store a page as it is when compression does not shrink it. */
	if (desc->size == 0 || desc->size > 2 * block || (desc_is_raw(desc) && desc->size != block))
		return FAULT_CORRUPT;
	return range_inside(desc->off, desc->size, bytes_size(t->file)) ? FAULT_NONE : FAULT_CUT;
}

static enum fault_kind page_unpack(
	const struct part *t, uint64_t i, struct codec *codec, uint8_t *to)
{
	struct page_desc desc;
	if (!desc_read(t, i, &desc))
		return FAULT_CUT;
	enum fault_kind fault = desc_check(t, &desc);
	if (fault)
		return fault;
	if (desc_is_raw(&desc))
		return bytes_read(t->file, desc.off, to, desc.size) ? FAULT_NONE : FAULT_CUT;
	const uint8_t *p;
	size_t n = desc.size;
	if (!bytes_map(t->file, desc.off, &p, &n) || n < desc.size) {
		uint8_t *staged = codec_stage(codec, desc.size);
		if (!bytes_read(t->file, desc.off, staged, desc.size))
			return FAULT_CUT;
		p = staged;
	}
	for (size_t c = 0; c < ARRAY_SIZE(codecs); c++)
		if ((desc.flags & KDUMP_CODECS) == codecs[c].flag)
			return codec_decompress(
				       codec, codecs[c].id, p, desc.size, to, t->header.block_bytes)
				       ? FAULT_NONE
				       : FAULT_CORRUPT;
	return FAULT_CORRUPT; /* two codecs at once */
}

/* page_fill_fn */
static enum fault_kind kdump_fill(void *ctx, uint64_t n, struct codec *codec, uint8_t *to)
{
	const struct kdump *k = ctx;
	size_t i = 0;
	while (i + 1 < k->nparts && k->part[i + 1].cache_at <= n)
		i++;
	return page_unpack(&k->part[i], n - k->part[i].cache_at, codec, to);
}

/* Uncompressed pages that are contiguous need no copy. */
static const uint8_t *map_raw(const struct part *t, uint64_t i)
{
	struct page_desc desc;
	if (!desc_read(t, i, &desc) || !desc_is_raw(&desc) || desc_check(t, &desc))
		return NULL;
	const uint8_t *p;
	size_t n = desc.size;
	return bytes_map(t->file, desc.off, &p, &n) && n == desc.size ? p : NULL;
}

/* Page @pfn, counted as the bitmaps count, in the first of the parts that have it. */
static enum fault_kind part_find(
	const struct kdump *k, uint64_t pfn, const struct part **ret, uint64_t *ret_i)
{
	bool present = false, dumped = false;
	for (size_t i = 0; i < k->nparts; i++) {
		const struct part *t = &k->part[i];
		uint64_t rank;
		present |= bitmap_rank(&t->present, pfn, &rank);
		if (!bitmap_rank(&t->dumped, pfn, &rank))
			continue;
		dumped = true;
		if (pfn < t->first_pfn || pfn >= t->end_pfn)
			continue;
		*ret = t;
		*ret_i = rank - t->first_rank;
		return *ret_i < t->ndescs ? FAULT_NONE : FAULT_CUT;
	}
	return dumped ? FAULT_CUT : present ? FAULT_EXCLUDED : FAULT_BEYOND;
}

/* The same for an address. */
static enum fault_kind page_find(
	const struct kdump *k, uint64_t pa, const struct part **ret, uint64_t *ret_i)
{
	uint64_t pfn = pa >> k->shift;
	return pfn < k->base_pfn ? FAULT_BEYOND : part_find(k, pfn - k->base_pfn, ret, ret_i);
}

static enum fault_kind kdump_map(struct dump *d, uint64_t pa, const uint8_t **ret_p, size_t *ret_n)
{
	struct kdump *k = d->state;
	const struct part *t;
	uint64_t i;
	uint32_t block = kdump_header_of(k)->block_bytes, at = (uint32_t)pa & (block - 1);
	enum fault_kind fault = page_find(k, pa, &t, &i);
	*ret_n = block - at;
	if (fault)
		return fault;
	const uint8_t *page = page_cache_peek(k->cache, t->cache_at + i);
	if (!page)
		page = map_raw(t, i);
	if (!page) {
		fault = page_cache_get(k->cache, t->cache_at + i, &page);
		if (fault)
			return fault;
	}
	*ret_p = page + at;
	return FAULT_NONE;
}

static enum fault_kind kdump_unpack(struct dump *d, uint64_t pa, struct codec *codec, uint8_t *room,
	const uint8_t **ret_p, size_t *ret_n)
{
	struct kdump *k = d->state;
	const struct part *t;
	uint64_t i;
	uint32_t block = kdump_header_of(k)->block_bytes, at = (uint32_t)pa & (block - 1);
	enum fault_kind fault = page_find(k, pa, &t, &i);
	*ret_n = block - at;
	if (fault)
		return fault;
	const uint8_t *page = map_raw(t, i);
	if (!page) {
		page = room;
		fault = page_unpack(t, i, codec, room);
	}
	*ret_p = page + at;
	return fault;
}

static bool kdump_next_data(struct dump *d, uint64_t pa, uint64_t *ret)
{
	const struct kdump *k = d->state;
	uint64_t from = pa >> k->shift, best = UINT64_MAX;
	from = from < k->base_pfn ? 0 : from - k->base_pfn;
	for (size_t i = 0; i < k->nparts; i++) {
		const struct part *t = &k->part[i];
		uint64_t start = from > t->first_pfn ? from : t->first_pfn;
		uint64_t pfn = bitmap_next(&t->dumped, start, true);
		if (pfn < t->dumped.nbits && pfn < t->end_pfn && pfn < best)
			best = pfn;
	}
	if (best == UINT64_MAX)
		return false;
	uint64_t at = (k->base_pfn + best) << k->shift;
	*ret = at > pa ? at : pa;
	return true;
}

/* The bitmaps of all parts are the same unless one of them is damaged: the first one's count. */
static void extents_make(struct dump *d, const struct kdump *k)
{
	const struct bitmap *m = kdump_existing(&k->part[0]);
	for (uint64_t i = bitmap_next(m, 0, true); i < m->nbits;) {
		uint64_t end = bitmap_next(m, i, false);
		if (d->extents.n + 1 == EXTENTS_MAX && bitmap_next(m, end, true) < m->nbits) {
			dump_damaged(
				d, "its memory seems to be in more than %d pieces", EXTENTS_MAX);
			end = m->nbits;
		}
		struct dump_extent x = { { (k->base_pfn + i) << k->shift }, (end - i) << k->shift };
		vec_push(&d->extents, x);
		i = bitmap_next(m, end, true);
	}
}

/* What a look at some descriptors found: the codecs in use, and where their data lie. */
struct desc_sample {
	uint32_t flags;
	uint64_t first, end; /* lowest offset and end of the highest; first > end: none seen */
	bool differ;	     /* not all of the same offset */
};

static void descs_sample(const struct part *t, uint64_t from, uint64_t to, struct desc_sample *s)
{
	for (uint64_t i = from; i < to; i++) {
		struct page_desc desc;
		if (!desc_read(t, i, &desc))
			continue;
		s->flags |= desc.flags & KDUMP_CODECS;
		if (desc.size > 2 * t->header.block_bytes || desc.off >= INT64_MAX)
			continue;
		s->differ |= s->end && desc.off != s->first;
		s->first = desc.off < s->first ? desc.off : s->first;
		s->end = desc.off + desc.size > s->end ? desc.off + desc.size : s->end;
	}
}

/* Data are written in the order of the pages, but for the zero page, which all empty ones share:
 * the last descriptor of a page of its own tells where data end. Looked for from the end, within
 * reason. */
static void descs_sample_last(const struct part *t, struct desc_sample *s)
{
	struct desc_sample last = { .first = UINT64_MAX };
	uint64_t to = t->ndescs, looked = 0;
	for (; to && looked < DESC_SEARCH && !last.differ; looked += DESC_SAMPLE) {
		uint64_t from = to < DESC_SAMPLE ? 0 : to - DESC_SAMPLE;
		descs_sample(t, from, to, &last);
		to = from;
	}
	s->flags |= last.flags;
	s->end = last.end > s->end ? last.end : s->end;
}

/* Which codecs there are and whether the file is whole, from the two ends of the descriptors. */
static void descs_check(struct dump *d, const struct part *t, uint32_t *flags)
{
	struct desc_sample s = { .first = UINT64_MAX };
	uint64_t n = t->ndescs, size = bytes_size(t->file);
	const char *which = t->header.split ? bytes_path(t->file) : "";
	const char *colon = t->header.split ? ": " : "";
	descs_sample(t, 0, n < DESC_SAMPLE ? n : DESC_SAMPLE, &s);
	descs_sample_last(t, &s);
	*flags |= s.flags;
	if (n < t->ndumped)
		dump_damaged(d, "%s%scut off: it has %" PRIu64 " of %" PRIu64 " page descriptors",
			which, colon, n, t->ndumped);
	else if (s.end > size)
		dump_damaged(d,
			"%s%scut off: the file has %" PRIu64 " of at least %" PRIu64 " bytes",
			which, colon, size, s.end);
	if (t->header.status & KDUMP_INCOMPLETE)
		dump_damaged(d, "its writer ran out of space and left it incomplete");
}

static char *codec_names(uint32_t flags)
{
	struct strbuf b = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (flags & codecs[i].flag)
			strbuf_addf(&b, "%s%s", b.len ? " " : "", codecs[i].name);
	return b.len ? strbuf_take(&b) : xstrdup("");
}

static uint16_t machine_number(const char *machine)
{
	if (strncmp(machine, "aarch64", 7) == 0 || strncmp(machine, "arm64", 5) == 0)
		return EM_AARCH64;
	/* armv7l, and armv8l: a 32-bit kernel on a 64-bit CPU */
	if (strncmp(machine, "armv", 4) == 0)
		return EM_ARM;
	return 0; /* QEMU writes "Unknown" */
}

/* From the first part that has them: all should have the same. */
static void notes_find(struct dump *d, const struct part *t)
{
	const struct kdump_header *h = &t->header;
	/* The text alone; the notes usually hold it once more. */
	const uint64_t sane = 1 << 20;
	if (h->vmcoreinfo.size && h->vmcoreinfo.size <= sane) {
		size_t n = (size_t)h->vmcoreinfo.size;
		uint8_t *text = xcalloc(n, 1);
		if (bytes_read(t->file, h->vmcoreinfo.off, text, n))
			vmcoreinfo_keep(d, text, n);
		else
			dump_damaged(d, "its VMCOREINFO is not in the file");
		free(text);
	}
	if (h->notes.size)
		notes_load(d, t->file, h->notes.off, h->notes.size, &h->abi);
}

static struct err *kdump_open(struct dump *d)
{
	struct kdump *k = d->state = xcalloc(1, sizeof(*k));
	struct err *err = kdump_parts_open(d, k);
	if (err)
		return err;
	const struct kdump_header *h = kdump_header_of(k);
	const struct part *last = &k->part[k->nparts - 1];
	uint32_t flags = 0;
	err = page_cache_create(last->cache_at + last->ndescs, h->block_bytes,
		&d->cache_limit_bytes, &d->generation, kdump_fill, k, &k->cache);
	if (err)
		return err;
	d->info.abi = h->abi;
	d->info.page_bytes = h->block_bytes;
	d->info.elf_machine = machine_number(h->machine);
	for (size_t i = 0; i < k->nparts && !d->notes.n; i++)
		notes_find(d, &k->part[i]);
	for (size_t i = 0; i < k->nparts; i++)
		descs_check(d, &k->part[i], &flags);
	d->codecs = codec_names(flags);
	extents_make(d, k);
	if (d->extents.n == 0)
		return err_new(ERR_FORMAT, "its bitmaps hold no page");
	return NULL;
}

static void kdump_close(struct dump *d)
{
	struct kdump *k = d->state;
	if (!k)
		return;
	page_cache_destroy(k->cache);
	kdump_parts_close(k);
	free(k);
}

const struct dump_reader kdump_reader = {
	.name = "kdump-compressed",
	.recognises = kdump_recognises,
	.open = kdump_open,
	.map = kdump_map,
	.unpack = kdump_unpack,
	.next_data = kdump_next_data,
	.close = kdump_close,
};
