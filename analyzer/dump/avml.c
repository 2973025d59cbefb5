/*
 * AVML's compressed dumps (microsoft/avml, src/image.rs): blocks of at most 16 MiB, each LiME's
 * header with another magic and version 2, a stream of framed snappy, and the stream's length as a
 * u64. A block of zeroes is not written at all. The frames (google/snappy, framing_format.txt) are
 * indexed on opening and unpacked one by one when they are read.
 */
#include "analyzer/dump/reader.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/dump/page_cache.h"
#include "analyzer/dump/places.h"

enum {
	AVML_MAGIC = 0x4c4d5641,
	AVML_VERSION = 2,
	HEADER_BYTES = 32,
	LENGTH_BYTES = 8,
	BLOCK_BYTES = 16 << 20, /* of a full block: image.rs MAX_BLOCK_SIZE */
	FRAME_BYTES = 65536,	/* that a frame unpacks to, at most */
	CRC_BYTES = 4,
};

enum frame_type { FRAME_PACKED = 0, FRAME_PLAIN = 1, FRAME_SKIP_FIRST = 0x80, FRAME_ID = 0xff };

struct frame {
	uint64_t pa, off; /* off: of the checksum */
	uint32_t packed_bytes, bytes;
	bool packed;
};

struct avml {
	const struct bytes *file;
	VEC(struct frame) frame;  /* by ascending pa once they are all there */
	struct places places;	  /* what PRESENT ranges hold is in the frames; .off says nothing */
	struct page_cache *cache; /* by number of frame */
};

static uint32_t crc_table[256];

/* CRC-32C (Castagnoli), reflected. */
static void crc_table_make(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;
		for (unsigned k = 0; k < 8; k++)
			v = v >> 1 ^ (v & 1 ? 0x82f63b78u : 0);
		__atomic_store_n(&crc_table[i], v, __ATOMIC_RELAXED); /* the same from any thread */
	}
}

/* framing_format.txt, "Checksum format". */
static uint32_t crc_masked(const uint8_t *p, size_t n)
{
	uint32_t crc = ~0u;
	for (size_t i = 0; i < n; i++)
		crc = crc >> 8 ^ crc_table[(crc ^ p[i]) & 0xff];
	crc = ~crc;
	return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static bool avml_recognises(const struct bytes *b, const char **ret_why)
{
	uint8_t p[HEADER_BYTES];
	if (!bytes_read(b, 0, p, 4) || load_u32le(p) != AVML_MAGIC)
		return false;
	if (bytes_read(b, 0, p, sizeof(p)) && load_u32le(p + 4) == AVML_VERSION)
		return true;
	*ret_why = "is an AVML dump cut inside its first header, or of a version other than 2";
	return false;
}

/* ---- the index ------------------------------------------------------------- */

/* What a snappy stream unpacks to, its first varint; false when that is senseless. */
static bool packed_length(const struct bytes *b, uint64_t off, uint32_t n, uint32_t *ret)
{
	uint32_t v = 0;
	for (unsigned i = 0; i < 3 && i < n; i++) {
		uint8_t byte;
		if (!bytes_read(b, off + i, &byte, 1))
			return false;
		v |= (uint32_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*ret = v;
			return v <= FRAME_BYTES;
		}
	}
	return false;
}

enum frame_state { FRAME_DATA, FRAME_NONE, FRAME_CUT, FRAME_BAD };

/* The frame at *at, which moves behind it. */
static enum frame_state frame_read(const struct bytes *b, uint64_t *at, struct frame *ret)
{
	uint8_t h[4];
	if (!bytes_read(b, *at, h, sizeof(h)))
		return FRAME_CUT;
	uint32_t n = h[1] | (uint32_t)h[2] << 8 | (uint32_t)h[3] << 16;
	uint64_t data = *at + sizeof(h);
	if (!range_inside(data, n, bytes_size(b)))
		return FRAME_CUT;
	*at = data + n;
	if (h[0] >= FRAME_SKIP_FIRST)
		return FRAME_NONE;
	*ret = (struct frame){ .off = data, .packed = h[0] == FRAME_PACKED };
	if (h[0] > FRAME_PLAIN || n < CRC_BYTES)
		return FRAME_BAD;
	ret->packed_bytes = ret->bytes = n - CRC_BYTES;
	if (ret->packed && !packed_length(b, data + CRC_BYTES, ret->packed_bytes, &ret->bytes))
		return FRAME_BAD;
	return ret->bytes <= FRAME_BYTES ? FRAME_DATA : FRAME_BAD;
}

static void lost(struct avml *a, uint64_t pa, uint64_t end)
{
	places_add(&a->places, &(struct place){ .pa = pa, .size = end - pa, .kind = PLACE_CUT });
}

/* The frames of the block [pa, end) at *at, which moves behind them; false when they are not all
 * there. */
static bool frames_add(struct dump *d, struct avml *a, uint64_t pa, uint64_t end, uint64_t *at)
{
	const uint64_t begin = *at;
	while (pa < end) {
		struct frame f;
		enum frame_state state = frame_read(a->file, at, &f);
		if (state == FRAME_NONE)
			continue;
		if (state != FRAME_DATA || f.bytes > end - pa) {
			dump_damaged(d,
				state == FRAME_CUT
					? "cut off at byte %" PRIu64
					  " of its content: what lies from %#" PRIx64 " on is lost"
					: "the frame before byte %" PRIu64
					  " makes no sense: what lies from %#" PRIx64 " on is lost",
				*at, pa);
			lost(a, pa, end);
			return false;
		}
		f.pa = pa;
		if (f.bytes)
			vec_push(&a->frame, f);
		places_add(&a->places,
			&(struct place){
				.pa = pa, .size = f.bytes, .kind = PLACE_PRESENT, .off = pa });
		pa += f.bytes;
	}
	uint8_t length[LENGTH_BYTES];
	uint64_t n = *at - begin;
	if (!bytes_read(a->file, *at, length, sizeof(length)))
		dump_damaged(d, "cut off behind the block that ends at %#" PRIx64, end);
	else if (load_u64le(length) != n)
		dump_damaged(d, "the block that ends at %#" PRIx64 " is followed by a wrong length",
			end);
	*at += sizeof(length);
	return true;
}

/*
 * Between a full block and the next one whole blocks may be missing because they are zeroes.
 * Nothing in the file tells them from a hole between two ranges of RAM that happens to be as long;
 * a hole of which one reads zeroes does less harm than RAM that seems to be absent.
 */
static void zeroes_add(struct avml *a, uint64_t from, bool full, uint64_t to)
{
	if (full && to > from && (to - from) % BLOCK_BYTES == 0)
		places_add(&a->places,
			&(struct place){ .pa = from, .size = to - from, .kind = PLACE_ZERO });
}

static struct err *blocks_read(struct dump *d, struct avml *a)
{
	struct err *err = NULL;
	uint64_t at = 0, behind = 0;
	bool full = false;
	while (!err && at < bytes_size(a->file)) {
		uint8_t h[HEADER_BYTES];
		if (!bytes_read(a->file, at, h, sizeof(h))) {
			dump_damaged(d, "cut off inside the header at byte %" PRIu64, at);
			break;
		}
		uint64_t first = load_u64le(h + 8), last = load_u64le(h + 16);
		if (load_u32le(h) != AVML_MAGIC || load_u32le(h + 4) != AVML_VERSION ||
			last < first || last == UINT64_MAX) {
			dump_damaged(d,
				"the header at byte %" PRIu64 " makes no sense; what follows is "
				"lost",
				at);
			break;
		}
		at += HEADER_BYTES;
		zeroes_add(a, behind, full, first);
		behind = last + 1;
		full = behind - first == BLOCK_BYTES;
		if (!frames_add(d, a, first, behind, &at))
			break;
		err = interrupt_check();
	}
	return err;
}

static int by_pa(const void *pa, const void *pb)
{
	const struct frame *a = pa, *b = pb;
	if (a->pa != b->pa)
		return a->pa < b->pa ? -1 : 1;
	return (a->off > b->off) - (a->off < b->off);
}

/* ---- reading ------------------------------------------------------------- */

static enum fault_kind frame_unpack(
	const struct avml *a, const struct frame *f, struct codec *codec, uint8_t *to)
{
	uint8_t crc[CRC_BYTES];
	const uint8_t *p;
	size_t n = f->packed_bytes;
	uint64_t data = f->off + CRC_BYTES;
	if (!bytes_read(a->file, f->off, crc, sizeof(crc)))
		return FAULT_CUT;
	if (!bytes_map(a->file, data, &p, &n) || n < f->packed_bytes) {
		uint8_t *staged = codec_stage(codec, f->packed_bytes);
		if (!bytes_read(a->file, data, staged, f->packed_bytes))
			return FAULT_CUT;
		p = staged;
	}
	if (!f->packed)
		memcpy(to, p, f->bytes);
	else if (!codec_decompress(codec, CODEC_SNAPPY, p, f->packed_bytes, to, f->bytes))
		return FAULT_CORRUPT;
	return crc_masked(to, f->bytes) == load_u32le(crc) ? FAULT_NONE : FAULT_CORRUPT;
}

/* page_fill_fn */
static enum fault_kind avml_fill(void *ctx, uint64_t n, struct codec *codec, uint8_t *to)
{
	const struct avml *a = ctx;
	return frame_unpack(a, &a->frame.v[n], codec, to);
}

/* How many bytes from @pa on are frame @i's alone. */
static size_t frame_left(const struct avml *a, size_t i, uint64_t pa)
{
	uint64_t n = a->frame.v[i].bytes - (pa - a->frame.v[i].pa);
	if (i + 1 < a->frame.n && a->frame.v[i + 1].pa - pa < n)
		n = a->frame.v[i + 1].pa - pa;
	return (size_t)n;
}

/* The frame that holds @pa; false with the answer in *ret_fault, or with zeroes. *ret_n bytes share
 * the answer. */
static bool frame_find(const struct avml *a, uint64_t pa, size_t *ret, enum fault_kind *ret_fault,
	struct place *ret_place, size_t *ret_n)
{
	*ret_fault = FAULT_BEYOND;
	if (!places_find(&a->places, pa, ret_place))
		return false;
	*ret_fault = ret_place->kind == PLACE_ZERO ? FAULT_NONE : FAULT_CUT;
	*ret_n = ret_place->size < SIZE_MAX ? (size_t)ret_place->size : SIZE_MAX;
	if (ret_place->kind != PLACE_PRESENT)
		return false;
	size_t lo = 0,
	       hi = a->frame.n; /* the last frame that begins at or before @pa is before lo */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (a->frame.v[mid].pa <= pa)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Blocks that overlap, which nobody writes, may leave a hole between their frames. */
	*ret_fault = FAULT_CORRUPT;
	*ret = lo - 1;
	if (lo && pa - a->frame.v[lo - 1].pa < a->frame.v[lo - 1].bytes) {
		*ret_n = frame_left(a, lo - 1, pa);
		return true;
	}
	if (lo < a->frame.n && a->frame.v[lo].pa - pa < *ret_n)
		*ret_n = (size_t)(a->frame.v[lo].pa - pa);
	return false;
}

static enum fault_kind zeroes_map(const struct place *at, const uint8_t **ret_p, size_t *ret_n)
{
	*ret_p = dump_zeroes;
	*ret_n = at->size < DUMP_ZEROES_BYTES ? (size_t)at->size : DUMP_ZEROES_BYTES;
	return FAULT_NONE;
}

static enum fault_kind avml_map(struct dump *d, uint64_t pa, const uint8_t **ret_p, size_t *ret_n)
{
	struct avml *a = d->state;
	struct place at;
	enum fault_kind fault;
	const uint8_t *p;
	size_t i;
	if (!frame_find(a, pa, &i, &fault, &at, ret_n))
		return fault ? fault : zeroes_map(&at, ret_p, ret_n);
	fault = page_cache_get(a->cache, i, &p);
	if (fault)
		return fault;
	*ret_p = p + (pa - a->frame.v[i].pa);
	return FAULT_NONE;
}

static enum fault_kind avml_unpack(struct dump *d, uint64_t pa, struct codec *codec, uint8_t *room,
	const uint8_t **ret_p, size_t *ret_n)
{
	struct avml *a = d->state;
	struct place at;
	enum fault_kind fault;
	size_t i;
	if (!frame_find(a, pa, &i, &fault, &at, ret_n))
		return fault ? fault : zeroes_map(&at, ret_p, ret_n);
	fault = frame_unpack(a, &a->frame.v[i], codec, room);
	*ret_p = room + (pa - a->frame.v[i].pa);
	return fault;
}

static bool avml_next_data(struct dump *d, uint64_t pa, uint64_t *ret)
{
	const struct avml *a = d->state;
	size_t lo = 0, hi = a->frame.n; /* the first frame that ends behind @pa */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (a->frame.v[mid].pa + (a->frame.v[mid].bytes - 1) < pa)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == a->frame.n)
		return false;
	*ret = a->frame.v[lo].pa > pa ? a->frame.v[lo].pa : pa;
	return true;
}

static struct err *avml_open(struct dump *d)
{
	struct avml *a = d->state = xcalloc(1, sizeof(*a));
	a->file = d->file[0];
	crc_table_make();
	if (d->nfiles > 1)
		return err_new(ERR_UNSUPPORTED, "an AVML dump is one file, not %zu", d->nfiles);
	struct err *err = blocks_read(d, a);
	if (!err)
		err = places_finish(&a->places, d);
	if (!err && d->extents.n == 0)
		err = err_new(ERR_FORMAT, "its first block makes no sense");
	if (err)
		return err;
	if (a->frame.n)
		qsort(a->frame.v, a->frame.n, sizeof(*a->frame.v), by_pa);
	d->codecs = xstrdup("snappy");
	return page_cache_create(a->frame.n, FRAME_BYTES, &d->cache_limit_bytes, &d->generation,
		avml_fill, a, &a->cache);
}

static void avml_close(struct dump *d)
{
	struct avml *a = d->state;
	if (!a)
		return;
	page_cache_destroy(a->cache);
	places_deinit(&a->places);
	vec_deinit(&a->frame);
	free(a);
}

const struct dump_reader avml_reader = {
	.name = "AVML",
	.recognises = avml_recognises,
	.open = avml_open,
	.map = avml_map,
	.unpack = avml_unpack,
	.next_data = avml_next_data,
	.close = avml_close,
};
