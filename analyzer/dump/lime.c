/*
 * LiME dumps (504ensicsLabs/LiME, src/lime.h): for each range of RAM a header of 32 little-endian
 * bytes {u32 magic, u32 version, u64 first, u64 last, 8 reserved} and its bytes. AVML writes them
 * too, in its uncompressed mode. LiME's raw and padded forms have no header: raw.c's.
 */
#include "analyzer/dump/reader.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/dump/places.h"

enum {
	LIME_MAGIC = 0x4c694d45,
	LIME_VERSION = 1,
	HEADER_BYTES = 32,
	RANGES_MAX = 1 << 16,
};

static bool header_is(const uint8_t *p)
{
	return load_u32le(p) == LIME_MAGIC && load_u32le(p + 4) == LIME_VERSION;
}

static bool lime_recognises(const struct bytes *b, const char **ret_why)
{
	uint8_t p[HEADER_BYTES];
	if (!bytes_read(b, 0, p, 4) || load_u32le(p) != LIME_MAGIC)
		return false;
	if (bytes_read(b, 0, p, sizeof(p)) && header_is(p))
		return true;
	*ret_why = "is a LiME dump cut inside its first header, or of a version other than 1";
	return false;
}

/* The range whose header is at *at, which moves behind its bytes; false when the walk ends here. */
static bool range_add(struct dump *d, struct places *p, uint64_t *at)
{
	uint8_t h[HEADER_BYTES];
	uint64_t size = bytes_size(d->file[0]);
	if (*at == size)
		return false;
	if (!bytes_read(d->file[0], *at, h, sizeof(h))) {
		dump_damaged(d, "cut off inside the header at byte %" PRIu64, *at);
		return false;
	}
	uint64_t first = load_u64le(h + 8), last = load_u64le(h + 16);
	if (!header_is(h) || last < first || last - first == UINT64_MAX) {
		dump_damaged(d,
			"the header at byte %" PRIu64 " makes no sense; what follows is lost", *at);
		return false;
	}
	*at += HEADER_BYTES;
	uint64_t n = last - first + 1;
	if (!places_add_file(p, d, 0, first, *at, n)) {
		dump_damaged(d,
			"cut off: it has %" PRIu64 " of the %" PRIu64 " bytes of the range at "
			"%#" PRIx64 ", and none behind it",
			size - *at, n, first);
		return false;
	}
	*at += n;
	return true;
}

static struct err *lime_open(struct dump *d)
{
	struct places *p = d->state = xcalloc(1, sizeof(*p));
	struct err *err = NULL;
	uint64_t at = 0;
	size_t n = 0;
	if (d->nfiles > 1)
		return err_new(ERR_UNSUPPORTED, "a LiME dump is one file, not %zu", d->nfiles);
	while (!err && n++ < RANGES_MAX && range_add(d, p, &at))
		err = interrupt_check();
	if (n > RANGES_MAX)
		dump_damaged(d, "it has more than %d ranges", RANGES_MAX);
	if (!err)
		err = places_finish(p, d);
	if (!err && d->extents.n == 0)
		err = err_new(ERR_FORMAT, "its first header makes no sense");
	return err;
}

static enum fault_kind lime_map(struct dump *d, uint64_t pa, const uint8_t **ret_p, size_t *ret_n)
{
	return places_map(d->state, d, pa, ret_p, ret_n);
}

static bool lime_next_data(struct dump *d, uint64_t pa, uint64_t *ret)
{
	return places_next_data(d->state, d, pa, ret);
}

static void lime_close(struct dump *d)
{
	if (d->state)
		places_deinit(d->state);
	free(d->state);
}

const struct dump_reader lime_reader = {
	.name = "LiME",
	.recognises = lime_recognises,
	.open = lime_open,
	.map = lime_map,
	.next_data = lime_next_data,
	.close = lime_close,
};
