/*
 * kdump-compressed files, as makedumpfile and QEMU write them: two bitmaps (pages that exist, pages
 * that were dumped), then one descriptor for each dumped page in the order of the second bitmap,
 * then the pages, each compressed on its own. The headers are kdump_header.c's, the codecs
 * codec.c's. makedumpfile --split files are refused; their place is struct kdump's desc_off and a
 * first rank.
 */
#include "analyzer/dump/reader.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/dump/bitmap.h"
#include "analyzer/dump/kdump_header.h"
#include "analyzer/dump/page_cache.h"

enum {
	DESC_BYTES = 24, /* makedumpfile's diskdump_mod.h, page_desc_t: the same in all layouts */
	EXTENTS_MAX = 65536,
	DESC_SAMPLE = 256, /* descriptors looked at on opening, at either end */
};

struct page_desc {
	uint64_t off;
	uint32_t size;
	uint32_t flags;
};

struct kdump {
	const struct bytes *file;
	struct kdump_header header;
	unsigned shift;
	uint64_t base_pfn;  /* of bit 0 */
	uint64_t desc_off;
	uint64_t ndescs;    /* dumped pages whose descriptors are in the file */
	struct bitmap present, dumped;
	struct page_cache *cache; /* by rank in dumped */
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

/* False when the descriptor is not in the file. */
static bool desc_read(const struct kdump *k, uint64_t rank, struct page_desc *ret)
{
	uint8_t p[DESC_BYTES];
	if (rank >= k->ndescs ||
		!bytes_read(k->file, k->desc_off + rank * DESC_BYTES, p, sizeof(p)))
		return false;
	ret->off = get_u64(&k->header.abi, p);
	ret->size = get_u32(&k->header.abi, p + 8);
	ret->flags = get_u32(&k->header.abi, p + 12);
	/* A descriptor that was never written: the dump was cut by a full disk. */
	return ret->off != 0;
}

static bool desc_is_raw(const struct page_desc *desc)
{
	return (desc->flags & KDUMP_CODECS) == 0;
}

/* Is the page's data in the file, and of a size that can be right? */
static enum fault_kind desc_check(const struct kdump *k, const struct page_desc *desc)
{
	uint32_t block = k->header.block_bytes;
	/* Writers store a page as it is when compression does not shrink it. */
	if (desc->size == 0 || desc->size > 2 * block || (desc_is_raw(desc) && desc->size != block))
		return FAULT_CORRUPT;
	return range_inside(desc->off, desc->size, bytes_size(k->file)) ? FAULT_NONE : FAULT_CUT;
}

/* page_fill_fn */
static enum fault_kind kdump_fill(void *ctx, uint64_t rank, struct codec *codec, uint8_t *to)
{
	const struct kdump *k = ctx;
	struct page_desc desc;
	if (!desc_read(k, rank, &desc))
		return FAULT_CUT;
	enum fault_kind fault = desc_check(k, &desc);
	if (fault)
		return fault;
	if (desc_is_raw(&desc))
		return bytes_read(k->file, desc.off, to, desc.size) ? FAULT_NONE : FAULT_CUT;
	const uint8_t *p;
	size_t n = desc.size;
	if (!bytes_map(k->file, desc.off, &p, &n) || n < desc.size) {
		uint8_t *staged = codec_stage(codec, desc.size);
		if (!bytes_read(k->file, desc.off, staged, desc.size))
			return FAULT_CUT;
		p = staged;
	}
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if ((desc.flags & KDUMP_CODECS) == codecs[i].flag)
			return codec_decompress(codec, codecs[i].id, p, desc.size, to,
				       k->header.block_bytes) ?
				FAULT_NONE :
				FAULT_CORRUPT;
	return FAULT_CORRUPT; /* two codecs at once */
}

/* Uncompressed pages that are contiguous need no copy. */
static const uint8_t *map_raw(const struct kdump *k, uint64_t rank)
{
	struct page_desc desc;
	if (!desc_read(k, rank, &desc) || !desc_is_raw(&desc) || desc_check(k, &desc))
		return NULL;
	const uint8_t *p;
	size_t n = desc.size;
	return bytes_map(k->file, desc.off, &p, &n) && n == desc.size ? p : NULL;
}

static enum fault_kind kdump_map(struct dump *d, uint64_t pa, const uint8_t **ret_p, size_t *ret_n)
{
	struct kdump *k = d->state;
	uint64_t pfn = pa >> k->shift, rank;
	if (pfn < k->base_pfn)
		return FAULT_BEYOND;
	pfn -= k->base_pfn;
	if (!bitmap_rank(&k->dumped, pfn, &rank))
		return bitmap_rank(&k->present, pfn, &rank) ? FAULT_EXCLUDED : FAULT_BEYOND;
	if (rank >= k->ndescs)
		return FAULT_CUT;
	const uint8_t *page = page_cache_peek(k->cache, rank);
	if (!page)
		page = map_raw(k, rank);
	if (!page) {
		enum fault_kind fault = page_cache_get(k->cache, rank, &page);
		if (fault)
			return fault;
	}
	uint32_t at = (uint32_t)pa & (k->header.block_bytes - 1);
	*ret_p = page + at;
	*ret_n = k->header.block_bytes - at;
	return FAULT_NONE;
}

/*
 * Two bitmaps of equal size, or one that serves as both when there is no room for two (the partial
 * and the full dumps of the old diskdump).
 */
static struct err *bitmaps_load(struct kdump *k)
{
	const struct kdump_header *h = &k->header;
	uint64_t off = kdump_bitmap_off(h), block_bits = (uint64_t)h->block_bytes * 8;
	uint64_t need = h->npages / block_bits + (h->npages % block_bits != 0);
	uint64_t second = off;
	if (h->bitmap_blocks >= 2 * need)
		second += h->bitmap_blocks / 2 * (uint64_t)h->block_bytes;
	struct err *err = bitmap_load(k->file, off, h->npages, &k->present);
	return err ? err : bitmap_load(k->file, second, h->npages, &k->dumped);
}

/*
 * makedumpfile on ARM32 counts pages from the start of RAM (makedumpfile.h: ARCH_PFN_OFFSET is
 * phys_base there, and 0 on ARM64); QEMU never does. RAM cannot begin below phys_base, so a page
 * that seems to tells which one wrote the file.
 */
static uint64_t base_pfn_find(const struct kdump *k)
{
	if (k->header.abi.word_bytes != 4)
		return 0;
	const struct bitmap *m = k->present.total ? &k->present : &k->dumped;
	uint64_t base = k->header.phys_base >> k->shift;
	return bitmap_next(m, 0, true) < base ? base : 0;
}

static void extents_make(struct dump *d, const struct kdump *k)
{
	const struct bitmap *m = k->present.total ? &k->present : &k->dumped;
	for (uint64_t i = bitmap_next(m, 0, true); i < m->nbits;) {
		uint64_t end = bitmap_next(m, i, false);
		if (d->extents.n + 1 == EXTENTS_MAX && bitmap_next(m, end, true) < m->nbits) {
			dump_damaged(d, "its memory seems to be in more than %d pieces",
				EXTENTS_MAX);
			end = m->nbits;
		}
		struct dump_extent x = { { (k->base_pfn + i) << k->shift },
			(end - i) << k->shift };
		vec_push(&d->extents, x);
		i = bitmap_next(m, end, true);
	}
}

/* Looks at descriptors [from, to): the codecs in use, and the largest end of data. */
static void descs_sample(const struct kdump *k, uint64_t from, uint64_t to, uint32_t *flags,
	uint64_t *end)
{
	for (uint64_t i = from; i < to; i++) {
		struct page_desc desc;
		if (!desc_read(k, i, &desc))
			continue;
		*flags |= desc.flags & KDUMP_CODECS;
		if (desc.size <= 2 * k->header.block_bytes && desc.off < INT64_MAX &&
			desc.off + desc.size > *end)
			*end = desc.off + desc.size;
	}
}

/* Which codecs there are and whether the file is whole, from the two ends of the descriptors. */
static void descs_check(struct dump *d, const struct kdump *k)
{
	uint32_t flags = 0;
	uint64_t end = 0, n = k->ndescs, size = bytes_size(k->file);
	uint64_t edge = n < DESC_SAMPLE ? n : DESC_SAMPLE;
	descs_sample(k, 0, edge, &flags, &end);
	descs_sample(k, n - edge, n, &flags, &end);
	char *names = xstrdup("");
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		if (!(flags & codecs[i].flag))
			continue;
		char *more = xasprintf("%s%s%s", names, *names ? " " : "", codecs[i].name);
		free(names);
		names = more;
	}
	d->codecs = names;
	if (n < k->dumped.total)
		dump_damaged(d, "cut off: it has %" PRIu64 " of %" PRIu64 " page descriptors", n,
			k->dumped.total);
	else if (end > size)
		dump_damaged(d, "cut off: the file has %" PRIu64 " of at least %" PRIu64 " bytes",
			size, end);
	if (k->header.status & KDUMP_INCOMPLETE)
		dump_damaged(d, "its writer ran out of space and left it incomplete");
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

static void notes_find(struct dump *d, const struct kdump *k)
{
	const struct kdump_header *h = &k->header;
	/* The text alone; the notes usually hold it once more. */
	const uint64_t sane = 1 << 20;
	if (h->vmcoreinfo.size && h->vmcoreinfo.size <= sane) {
		size_t n = (size_t)h->vmcoreinfo.size;
		uint8_t *text = xcalloc(n, 1);
		if (bytes_read(k->file, h->vmcoreinfo.off, text, n))
			vmcoreinfo_keep(d, text, n);
		else
			dump_damaged(d, "its VMCOREINFO is not in the file");
		free(text);
	}
	if (h->notes.size)
		notes_load(d, k->file, h->notes.off, h->notes.size, &h->abi);
}

static struct err *kdump_open(struct dump *d)
{
	struct kdump *k = d->state = xcalloc(1, sizeof(*k));
	k->file = d->file[0];
	struct err *err = kdump_header_read(k->file, &k->header);
	if (err)
		return err;
	if (d->nfiles > 1 || k->header.split)
		return err_new(ERR_UNSUPPORTED, "dumps in several files (makedumpfile --split) "
						"are not supported");
	err = bitmaps_load(k);
	if (err)
		return err;
	k->shift = (unsigned)__builtin_ctz(k->header.block_bytes);
	k->base_pfn = base_pfn_find(k);
	k->desc_off = kdump_desc_off(&k->header);
	uint64_t size = bytes_size(k->file), room = size > k->desc_off ? size - k->desc_off : 0;
	room = room < bytes_file_size(k->file) ? room : bytes_file_size(k->file);
	k->ndescs = room / DESC_BYTES < k->dumped.total ? room / DESC_BYTES : k->dumped.total;
	d->cache_limit_bytes = page_cache_default_limit();
	err = page_cache_create(k->ndescs, k->header.block_bytes, &d->cache_limit_bytes,
		&d->generation, kdump_fill, k, &k->cache);
	if (err)
		return err;
	d->info.abi = k->header.abi;
	d->info.page_bytes = k->header.block_bytes;
	d->info.elf_machine = machine_number(k->header.machine);
	notes_find(d, k);
	descs_check(d, k);
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
	bitmap_deinit(&k->present);
	bitmap_deinit(&k->dumped);
	free(k);
}

const struct dump_reader kdump_reader = {
	.name = "kdump-compressed",
	.recognises = kdump_recognises,
	.open = kdump_open,
	.map = kdump_map,
	.close = kdump_close,
};
