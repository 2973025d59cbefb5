/*
 * The bytes of one file, mmap'ed; a makedumpfile "flattened" stream is presented as the file that
 * it would unfold to. Refuses to know what the bytes mean. Not handled: a file that shrinks while
 * it is open (SIGBUS); a file larger than the host's address space (a 32-bit host) fails to open
 * with the mmap error.
 */
#include "analyzer/dump/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "analyzer/base/scope.h"
#include "analyzer/dump/overlay.h"
#include "analyzer/dump/unpack.h"

/*
 * makedumpfile's makedumpfile.h, struct makedumpfile_header and makedumpfile_data_header:
 * signature, be64 type, be64 version, padding to 4096; then records {be64 offset, be64 size,
 * bytes}, the last one with both -1.
 */
enum {
	FLAT_HEADER_BYTES = 4096,
	FLAT_RECORD_BYTES = 16,
	FLAT_TYPE = 1,
	FLAT_VERSION = 1,
};
static const char flat_signature[16] = "makedumpfile";

struct bytes {
	char *path;
	int fd; /* of what is mapped: the file, or its unpacked copy */
	const char *packing;
	const uint8_t *map;
	uint64_t file_size;
	uint64_t size; /* unfolded */
	bool flattened;
	bool cut;
	struct span *seg; /* flattened only: unfolded ranges, src is the file offset */
	size_t nsegs;
};

/* What an unfolded file has where nothing was written. */
static const uint8_t hole[4096];

static struct err *map_size(struct bytes *b, uint64_t size)
{
	if (size > SIZE_MAX)
		return err_io(EFBIG, "%s", b->path);
	void *map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, b->fd, 0);
	if (map == MAP_FAILED)
		return err_io(errno, "%s: mmap", b->path);
	b->map = map;
	b->file_size = b->size = size;
	return NULL;
}

static struct err *map_file(struct bytes *b)
{
	/* O_NONBLOCK: a FIFO must not block before fstat() can refuse it. */
	b->fd = open(b->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (b->fd < 0 || fstat(b->fd, &st) < 0)
		return err_io(errno, "%s", b->path);
	if (S_ISDIR(st.st_mode))
		return err_io(EISDIR, "%s", b->path);
	if (!S_ISREG(st.st_mode))
		return err_new(ERR_IO, "%s: not a regular file", b->path);
	if (st.st_size == 0)
		return err_new(ERR_FORMAT, "%s: the file is empty", b->path);
	return map_size(b, (uint64_t)st.st_size);
}

/* A packed file gives way to its unpacked copy. */
static struct err *map_unpacked(struct bytes *b, const struct dump_options *o)
{
	const char *packing = unpack_recognises(b->map, b->file_size);
	struct stat st;
	int fd = -1;
	if (!packing)
		return NULL;
	struct err *err = unpack_open(b->fd, o, &fd, &b->cut);
	if (err)
		return err_wrap(err, "%s", b->path);
	munmap((void *)b->map, (size_t)b->file_size);
	b->map = NULL;
	close(b->fd);
	b->fd = fd;
	b->packing = packing;
	if (fstat(fd, &st) < 0)
		return err_io(errno, "%s: unpacked", b->path);
	return map_size(b, (uint64_t)st.st_size);
}

/* One record's range at *at, which moves behind it. *ret_end: the end marker or the file's end. */
static struct err *flat_record(struct bytes *b, uint64_t *at, struct span *ret, bool *ret_end)
{
	*ret = (struct span){ 0 };
	*ret_end = true;
	if (!range_inside(*at, FLAT_RECORD_BYTES, b->file_size)) {
		b->cut = true;
		return NULL;
	}
	uint64_t off = load_u64be(b->map + *at), size = load_u64be(b->map + *at + 8);
	if (off == UINT64_MAX && size == UINT64_MAX)
		return NULL;
	if (off > INT64_MAX || size > INT64_MAX - off)
		return err_new(ERR_FORMAT,
			"%s: flattened record at %#" PRIx64 " makes no sense", b->path, *at);
	*at += FLAT_RECORD_BYTES;
	uint64_t have = b->file_size - *at;
	b->cut = have < size;
	*ret_end = b->cut;
	*ret = (struct span){ .start = off, .end = off + (b->cut ? have : size), .src = *at };
	*at += b->cut ? have : size;
	return NULL;
}

static struct err *flat_records(struct bytes *b)
{
	VEC(struct span) rec = { 0 };
	struct err *err = NULL;
	uint64_t at = FLAT_HEADER_BYTES;
	for (bool end = false; !end && !err;) {
		struct span s;
		err = flat_record(b, &at, &s, &end);
		if (err || s.start == s.end)
			continue;
		s.prio = rec.n; /* later writes win */
		vec_push(&rec, s);
	}
	if (!err)
		err = overlay_flatten(rec.v, rec.n, &b->seg, &b->nsegs);
	vec_deinit(&rec);
	b->size = b->nsegs ? b->seg[b->nsegs - 1].end : 0;
	return err;
}

static struct err *flat_open(struct bytes *b)
{
	if (b->file_size < sizeof(flat_signature) ||
		memcmp(b->map, flat_signature, sizeof(flat_signature)) != 0)
		return NULL;
	if (b->file_size < FLAT_HEADER_BYTES)
		return err_new(ERR_FORMAT, "%s: flattened, and cut inside its header", b->path);
	uint64_t type = load_u64be(b->map + 16), version = load_u64be(b->map + 24);
	if (type != FLAT_TYPE || version != FLAT_VERSION)
		return err_new(ERR_UNSUPPORTED,
			"%s: flattened stream of type %" PRIu64 ", version %" PRIu64
			": only 1, 1 is known",
			b->path, type, version);
	b->flattened = true;
	struct err *err = flat_records(b);
	if (!err && b->size == 0)
		err = err_new(ERR_FORMAT, "%s: flattened, and holds nothing", b->path);
	return err;
}

static struct err *open_any(const char *path, bool unpack, const struct dump_options *o,
	struct bytes **ret)
{
	struct bytes *b = xcalloc(1, sizeof(*b));
	b->path = xstrdup(path);
	b->fd = -1;
	struct err *err = map_file(b);
	if (!err && unpack)
		err = map_unpacked(b, o);
	if (!err)
		err = flat_open(b);
	if (err) {
		bytes_close(b);
		return err;
	}
	*ret = b;
	return NULL;
}

struct err *bytes_open(const char *path, struct bytes **ret)
{
	return open_any(path, false, NULL, ret);
}

struct err *bytes_open_packed(const char *path, const struct dump_options *o, struct bytes **ret)
{
	return open_any(path, true, o, ret);
}

void bytes_close(struct bytes *b)
{
	if (!b)
		return;
	if (b->map)
		munmap((void *)b->map, (size_t)b->file_size);
	if (b->fd >= 0)
		close(b->fd);
	free(b->seg);
	free(b->path);
	free(b);
}

const char *bytes_path(const struct bytes *b)
{
	return b->path;
}

uint64_t bytes_size(const struct bytes *b)
{
	return b->size;
}

uint64_t bytes_file_size(const struct bytes *b)
{
	return b->file_size;
}

bool bytes_flattened(const struct bytes *b)
{
	return b->flattened;
}

const char *bytes_packing(const struct bytes *b)
{
	return b->packing;
}

bool bytes_cut(const struct bytes *b)
{
	return b->cut;
}

/*
 * Between the records of a whole stream lie the zeroes that a seek leaves. In a cut stream they may
 * as well be what is missing (QEMU writes descriptors and pages in turns), so there they are
 * nothing.
 */
static bool map_hole(const struct bytes *b, uint64_t off, const uint8_t **ret_p, size_t *n)
{
	if (b->cut)
		return false;
	uint64_t room = sizeof(hole);
	size_t lo = 0, hi = b->nsegs;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (b->seg[mid].start <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < b->nsegs && b->seg[lo].start - off < room)
		room = b->seg[lo].start - off;
	*ret_p = hole;
	*n = *n < room ? *n : (size_t)room;
	return true;
}

bool bytes_map(const struct bytes *b, uint64_t off, const uint8_t **ret_p, size_t *n)
{
	if (off >= b->size || *n == 0)
		return false;
	uint64_t room = b->size - off, at = off;
	if (b->flattened) {
		const struct span *s = overlay_find(b->seg, b->nsegs, off);
		if (!s)
			return map_hole(b, off, ret_p, n);
		room = s->end - off;
		at = s->src + (off - s->start);
	}
	*ret_p = b->map + at;
	*n = *n < room ? *n : (size_t)room;
	return true;
}

bool bytes_next_data(const struct bytes *b, uint64_t off, uint64_t *ret)
{
	if (off >= b->size)
		return false;
	*ret = off;
	if (b->flattened) {
		/* what is searched: the first record that ends behind @off */
		size_t lo = 0, hi = b->nsegs;
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;
			if (b->seg[mid].end <= off)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo < b->nsegs && b->seg[lo].start > off)
			*ret = b->seg[lo].start;
		return lo < b->nsegs;
	}
	/* Moves the descriptor's position too, which nobody uses. */
	off_t at = lseek(b->fd, (off_t)off, SEEK_DATA);
	if (at < 0 && errno == ENXIO)
		return false;
	if (at > 0 && (uint64_t)at > off)
		*ret = (uint64_t)at;
	return true;
}

bool bytes_read(const struct bytes *b, uint64_t off, void *buf, size_t n)
{
	uint8_t *to = buf;
	if (!range_inside(off, n, b->size))
		return false;
	while (n) {
		const uint8_t *p;
		size_t k = n;
		if (!bytes_map(b, off, &p, &k))
			return false;
		memcpy(to, p, k);
		to += k;
		off += k;
		n -= k;
	}
	return true;
}
