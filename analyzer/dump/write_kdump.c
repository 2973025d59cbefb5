/*
 * kdump-compressed files, laid out as makedumpfile does for the target's word (diskdump_mod.h):
 * header, sub-header with the notes, two bitmaps, a descriptor for each dumped page, the pages.
 * Pages of zeroes share one copy. Page numbers count from physical 0.
 */
#include <elf.h>
#include <errno.h>
#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"
#include "analyzer/dump/kdump_header.h"
#include "analyzer/dump/sparse.h"
#include "analyzer/dump/write_internal.h"

enum { DESC_BYTES = 24, OUT_BYTES = 1 << 20, SUB_BYTES = 104, PLAIN = 0 };

struct packer {
	enum dump_write_codec codec;
	ZSTD_CCtx *zstd;
	void *lzo;
};

/* Bytes that are written one after the other. */
struct stream {
	uint8_t *buf;
	size_t n;
	uint64_t off; /* of buf[0] in the file */
};

struct kdump_out {
	uint32_t block;
	uint64_t npages; /* max_mapnr */
	uint64_t bitmap_off, half_bytes, desc_off, data_off;
	uint8_t *bitmap[2]; /* present, dumped */
	struct packer packer;
	uint8_t *packed;
	size_t packed_room;
	struct stream desc, data;
	uint64_t zero_off; /* of the one page of zeroes; 0: none yet */
	uint32_t zero_size, zero_flags;
	uint8_t *partial; /* a page that comes in several runs */
	uint64_t partial_pa;
	uint32_t partial_bytes;
};

/* ---- compressing ------------------------------------------------------------- */

static uint32_t codec_flag(enum dump_write_codec codec)
{
	static const uint32_t flag[] = { [DUMP_WRITE_ZLIB] = KDUMP_ZLIB,
		[DUMP_WRITE_LZO] = KDUMP_LZO,
		[DUMP_WRITE_SNAPPY] = KDUMP_SNAPPY,
		[DUMP_WRITE_ZSTD] = KDUMP_ZSTD };
	return flag[codec];
}

/* 0 when it does not compress. */
static size_t pack(struct packer *k, const uint8_t *p, size_t n, uint8_t *to, size_t room)
{
	uLongf zlib_n = room;
	lzo_uint lzo_n = room;
	size_t got = room;
	switch (k->codec) {
	case DUMP_WRITE_ZLIB:
		return compress2(to, &zlib_n, p, n, Z_BEST_SPEED) == Z_OK ? zlib_n : 0;
	case DUMP_WRITE_LZO:
		return lzo1x_1_compress(p, n, to, &lzo_n, k->lzo) == LZO_E_OK ? lzo_n : 0;
	case DUMP_WRITE_SNAPPY:
		return snappy_compress((const char *)p, n, (char *)to, &got) == SNAPPY_OK ? got : 0;
	case DUMP_WRITE_ZSTD:
		got = ZSTD_compressCCtx(k->zstd, to, room, p, n, 1);
		return ZSTD_isError(got) ? 0 : got;
	}
	return 0;
}

/* ---- layout ------------------------------------------------------------- */

static uint64_t round_up(uint64_t v, uint64_t unit)
{
	return (v + unit - 1) / unit * unit;
}

/* Where the pages of @s that lie in it whole begin and end. */
static bool whole_pages(
	const struct kdump_out *k, const struct stretch *s, uint64_t *ret_first, uint64_t *ret_end)
{
	*ret_first = s->pa / k->block + (s->pa % k->block != 0);
	*ret_end = (s->pa + s->size) / k->block;
	return *ret_first < *ret_end;
}

static void bits_set(uint8_t *map, uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < end; i++)
		map[i / 8] |= (uint8_t)(1 << (i % 8));
}

/* The bitmaps; *ret_n is how many pages will be dumped. Memory that is lost exists, and is not
 * dumped. */
static struct err *bitmaps_make(struct writer *w, struct kdump_out *k, uint64_t *ret_n)
{
	const struct stretch *last = &w->plan.v[w->plan.n - 1];
	const uint64_t most = (uint64_t)1 << 36; /* 2^48 bytes of 4K pages: 8 GiB of bitmap */
	uint64_t first, end;
	k->npages =
		last->pa + last->size >= last->pa ? (last->pa + last->size) / k->block : most + 1;
	k->half_bytes = round_up(k->npages / 8 + 1, k->block);
	*ret_n = 0;
	if (k->npages > most || k->half_bytes / k->block > UINT32_MAX / 2)
		return err_new(ERR_UNSUPPORTED, "its last address is too high for a kdump file");
	for (unsigned i = 0; i < 2; i++) {
		struct err *err =
			mem_alloc_array((size_t)k->half_bytes, 1, "bitmap", &k->bitmap[i]);
		if (err)
			return err;
	}
	for (size_t i = 0; i < w->plan.n; i++) {
		const struct stretch *s = &w->plan.v[i];
		if (!whole_pages(k, s, &first, &end))
			continue;
		bits_set(k->bitmap[0], first, end);
		if (s->fault)
			continue;
		bits_set(k->bitmap[1], first, end);
		*ret_n += end - first;
	}
	return NULL;
}

/* ---- headers ------------------------------------------------------------- */

/* Version 6 only adds page numbers of 64 bits. Without VMCOREINFO nothing tells readers which of
 * the 32-bit layouts its fields follow (libkdumpfile's read_sub_hdr_32() takes the packed one), so
 * there it is used where it must be. */
static unsigned version(const struct writer *w, const struct kdump_out *k)
{
	return w->o->abi.word_bytes == 4 && k->npages < UINT32_MAX ? 5 : 6;
}

static void main_header(
	const struct writer *w, const struct kdump_out *k, uint8_t *p, uint64_t sub_blocks)
{
	const char *text =
		dump_info(w->d)->vmcoreinfo ? dump_info(w->d)->vmcoreinfo : w->o->vmcoreinfo;
	bool wide = w->o->abi.word_bytes == 8;
	uint8_t *f = p + (wide ? 428 : 416);
	uint64_t when = 0, cpus = 0;
	scoped_free char *release = NULL;
	const char *machine = w->o->elf_machine == EM_AARCH64 ? "aarch64" : "armv7l";
	for (size_t i = 0; i < w->d->notes.n; i++)
		cpus += w->d->notes.v[i].type == NT_PRSTATUS &&
			strcmp(w->d->notes.v[i].name, "CORE") == 0;
	memcpy(p, "KDUMP   ", 8);
	put_uint(w, p + 8, version(w, k), 4);
	memcpy(p + 12, "Linux", 5);
	if (vmcoreinfo_find(text, "OSRELEASE", &release))
		memcpy(p + 12 + 2 * 65, release, strnlen(release, 64));
	memcpy(p + 12 + 4 * 65, machine, strlen(machine));
	vmcoreinfo_number(text, "CRASHTIME", &when);
	put_uint(w, p + (wide ? 408 : 404), when, w->o->abi.word_bytes);
	put_uint(w, f - 4, codec_flag(w->o->codec), 4);
	put_uint(w, f, k->block, 4);
	put_uint(w, f + 4, sub_blocks, 4);
	put_uint(w, f + 8, 2 * (k->half_bytes / k->block), 4);
	put_uint(w, f + 12, k->npages < UINT32_MAX ? k->npages : UINT32_MAX, 4);
	put_uint(w, f + 32, cpus ? cpus : 1, 4);
}

static void sub_header(const struct writer *w, const struct kdump_out *k, uint8_t *p)
{
	/* phys_base, offset and size of vmcoreinfo and of the notes, max_mapnr_64 */
	static const uint8_t at64[] = { 0, 32, 40, 48, 56, 96 }, at32[] = { 0, 24, 32, 40, 48, 88 };
	unsigned word = w->o->abi.word_bytes;
	const uint8_t *at = word == 8 ? at64 : at32;
	uint64_t notes = k->block + SUB_BYTES;
	put_uint(w, p + at[0], w->plan.v[0].pa, word);
	if (w->text_bytes) {
		put_uint(w, p + at[1], notes + w->text_off, 8);
		put_uint(w, p + at[2], w->text_bytes, word);
	}
	if (w->note_bytes) {
		put_uint(w, p + at[3], notes, 8);
		put_uint(w, p + at[4], w->note_bytes, word);
		memcpy(p + SUB_BYTES, w->note, w->note_bytes);
	}
	if (version(w, k) >= 6)
		put_uint(w, p + at[5], k->npages, 8);
}

static struct err *headers_write(struct writer *w, struct kdump_out *k, uint64_t ndumped)
{
	uint64_t sub_blocks = round_up(SUB_BYTES + w->note_bytes, k->block) / k->block;
	scoped_free uint8_t *head = NULL;
	size_t n = (size_t)((1 + sub_blocks) * k->block);
	struct err *err = mem_alloc_array(n, 1, "headers", &head);
	if (err)
		return err;
	main_header(w, k, head, sub_blocks);
	sub_header(w, k, head + k->block);
	k->bitmap_off = n;
	k->desc_off = k->bitmap_off + 2 * k->half_bytes;
	k->data_off = k->desc_off + ndumped * DESC_BYTES;
	err = sparse_write(w->fd, head, n, 0);
	for (unsigned i = 0; i < 2 && !err; i++)
		err = sparse_write(w->fd, k->bitmap[i], (size_t)k->half_bytes,
			k->bitmap_off + i * k->half_bytes);
	return err;
}

/* ---- pages ------------------------------------------------------------- */

static struct err *stream_flush(struct writer *w, struct stream *s)
{
	struct err *err = sparse_write(w->fd, s->buf, s->n, s->off);
	s->off += s->n;
	s->n = 0;
	return err;
}

static struct err *stream_add(struct writer *w, struct stream *s, const uint8_t *p, size_t n)
{
	if (s->n + n > OUT_BYTES) {
		struct err *err = stream_flush(w, s);
		if (err)
			return err;
	}
	memcpy(s->buf + s->n, p, n);
	s->n += n;
	return NULL;
}

static struct err *page_put(struct writer *w, struct kdump_out *k, const uint8_t *p)
{
	bool zero = sparse_is_zero(p, k->block);
	uint64_t off = k->zero_off;
	uint32_t size = k->zero_size, flags = k->zero_flags;
	struct err *err = NULL;
	if (!zero || !off) {
		size_t n = pack(&k->packer, p, k->block, k->packed, k->packed_room);
		bool plain = n == 0 || n >= k->block;
		off = k->data.off + k->data.n;
		size = plain ? k->block : (uint32_t)n;
		flags = plain ? PLAIN : codec_flag(w->o->codec);
		err = stream_add(w, &k->data, plain ? p : k->packed, size);
	}
	if (zero) {
		k->zero_off = off;
		k->zero_size = size;
		k->zero_flags = flags;
	}
	uint8_t desc[DESC_BYTES] = { 0 };
	put_uint(w, desc, off, 8);
	put_uint(w, desc + 8, size, 4);
	put_uint(w, desc + 12, flags, 4);
	w->result.memory_bytes += k->block;
	return err ? err : stream_add(w, &k->desc, desc, sizeof(desc));
}

/* Bytes of a page that is not in one run: it counts once it is whole. */
static struct err *partial_add(
	struct writer *w, struct kdump_out *k, uint64_t pa, const uint8_t *p, uint32_t n)
{
	if (pa % k->block == 0) {
		k->partial_pa = pa;
		k->partial_bytes = 0;
	}
	if (k->partial_pa + k->partial_bytes != pa)
		return NULL; /* its first bytes are not there */
	memcpy(k->partial + k->partial_bytes, p, n);
	k->partial_bytes += n;
	return k->partial_bytes == k->block ? page_put(w, k, k->partial) : NULL;
}

static struct err *run_put(struct writer *w, const struct dump_run *run, void *cx)
{
	struct kdump_out *k = cx;
	struct err *err = NULL;
	for (size_t at = 0; at < run->size && !run->fault && !err;) {
		uint64_t pa = run->pa.v + at;
		size_t n = k->block - pa % k->block;
		n = n < run->size - at ? n : run->size - at;
		err = n == k->block ? page_put(w, k, run->p + at)
				    : partial_add(w, k, pa, run->p + at, (uint32_t)n);
		at += n;
	}
	return err;
}

static struct err *pages_write(struct writer *w, struct kdump_out *k, uint64_t ndumped)
{
	k->desc.off = k->desc_off;
	k->data.off = k->data_off;
	struct err *err = writer_each_run(w, run_put, k);
	if (!err)
		err = stream_flush(w, &k->desc);
	if (!err)
		err = stream_flush(w, &k->data);
	if (!err && k->desc.off != k->desc_off + ndumped * DESC_BYTES)
		err = err_new(ERR_FORMAT, "the dump changed while it was read");
	if (!err && ftruncate(w->fd, (off_t)k->data.off))
		err = err_io(errno, "writing");
	return err;
}

struct err *write_kdump(struct writer *w)
{
	struct kdump_out k = { .block = w->o->page_bytes, .packer.codec = w->o->codec };
	uint64_t ndumped = 0;
	k.packed_room = 2 * (size_t)k.block + 4096; /* more than any codec's worst case */
	k.packed = xmalloc(k.packed_room);
	k.partial = xmalloc(k.block);
	k.partial_pa = UINT64_MAX;
	k.desc.buf = xmalloc(OUT_BYTES);
	k.data.buf = xmalloc(OUT_BYTES);
	k.packer.lzo = xmalloc(LZO1X_1_MEM_COMPRESS);
	k.packer.zstd = ZSTD_createCCtx();
	struct err *err = bitmaps_make(w, &k, &ndumped);
	if (!err)
		err = headers_write(w, &k, ndumped);
	if (!err)
		err = pages_write(w, &k, ndumped);
	ZSTD_freeCCtx(k.packer.zstd);
	free(k.packer.lzo);
	free(k.packed);
	free(k.partial);
	free(k.desc.buf);
	free(k.data.buf);
	free(k.bitmap[0]);
	free(k.bitmap[1]);
	return err;
}
