/*
 * RAM as it is, a file a range, without any header: where each one lies is said by the caller or by
 * ram_files.c. One file of which nobody knows is put at 0 and flagged, until dump_set_base().
 */
#include "analyzer/dump/reader.h"

#include <inttypes.h>

#include "analyzer/base/scope.h"
#include "analyzer/dump/places.h"

static bool raw_recognises(const struct bytes *b, const char **ret_why)
{
	(void)b;
	(void)ret_why;
	return false;
}

static struct err *raw_place(struct dump *d)
{
	struct places *p = d->state;
	for (size_t i = 0; i < d->nfiles; i++) {
		const struct ram_place *ram = &d->ram[i];
		uint64_t have = bytes_size(d->file[i]), size = ram->size ? ram->size : have;
		if (ram->pa + (size - 1) < ram->pa)
			return err_new(ERR_FORMAT,
				"%s would lie at %#" PRIx64 ", beyond the end of all addresses",
				bytes_path(d->file[i]), ram->pa);
		if (have > size)
			dump_damaged(d, "%s has %" PRIu64 " bytes, its table says %" PRIu64,
				bytes_path(d->file[i]), have, size);
		if (!places_add_file(p, d, (uint32_t)i, ram->pa, 0, size))
			dump_damaged(d, "cut off: %s has %" PRIu64 " of %" PRIu64 " bytes",
				bytes_path(d->file[i]), have, size);
	}
	return places_finish(p, d);
}

static struct err *raw_open(struct dump *d)
{
	size_t unknown = 0;
	for (size_t i = 0; i < d->nfiles; i++)
		unknown += !d->ram[i].known;
	if (unknown && d->nfiles > 1)
		return err_new(ERR_USAGE,
			"of %zu raw files nobody says where they lie; --ram "
			"FILE@ADDRESS does",
			unknown);
	d->info.base_unknown = unknown != 0;
	d->state = xcalloc(1, sizeof(struct places));
	return raw_place(d);
}

static enum fault_kind raw_map(struct dump *d, uint64_t pa, const uint8_t **ret_p, size_t *ret_n)
{
	return places_map(d->state, d, pa, ret_p, ret_n);
}

static bool raw_next_data(struct dump *d, uint64_t pa, uint64_t *ret)
{
	return places_next_data(d->state, d, pa, ret);
}

static void raw_close(struct dump *d)
{
	if (d->state)
		places_deinit(d->state);
	free(d->state);
}

const struct dump_reader raw_reader = {
	.name = "raw RAM",
	.recognises = raw_recognises,
	.open = raw_open,
	.map = raw_map,
	.next_data = raw_next_data,
	.close = raw_close,
};

void dump_set_base(struct dump *d, struct paddr base)
{
	if (d->reader != &raw_reader || !d->nfiles ||
		base.v + (bytes_size(d->file[0]) - 1) < base.v)
		return;
	places_deinit(d->state);
	d->extents.n = 0;
	d->ram[0] = (struct ram_place){ .known = true, .pa = base.v };
	scoped_err struct err *err =
		raw_place(d); /* one range: it cannot fail where it did not before */
	d->info.base_unknown = false;
	d->info.extent = d->extents.v;
	d->info.nextents = d->extents.n;
}
