/*
 * The reader behind the formats of others: it keeps the ranges that they name, checks them, and
 * serves memory in place. Knows no format.
 */
#include "analyzer/dump/foreign_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/dump/places.h"

struct range {
	uint64_t pa, n;
};

struct foreign_file {
	struct dump *d;
	struct places *places;
	VEC(struct range) ranges; /* as named, for the check that none covers another */
};

uint64_t foreign_bytes(const struct foreign_file *f)
{
	return bytes_size(f->d->file[0]);
}

struct err *foreign_read(const struct foreign_file *f, uint64_t at, void *buf, size_t n)
{
	if (bytes_read(f->d->file[0], at, buf, n))
		return NULL;
	return err_new(ERR_FORMAT, "it ends before %zu bytes at 0x%" PRIx64, n, at);
}

struct err *foreign_add_range(struct foreign_file *f, uint64_t pa, uint64_t n, uint64_t at)
{
	uint64_t last;
	struct err *err = interrupt_check();
	if (err)
		return err;
	if (!n || __builtin_add_overflow(pa, n - 1, &last))
		return err_new(ERR_FORMAT,
			"its range of %" PRIu64 " bytes at 0x%" PRIx64 " makes no sense", n, pa);
	if (at >= bytes_size(f->d->file[0]))
		return err_new(ERR_FORMAT,
			"its range at 0x%" PRIx64 " would stand at 0x%" PRIx64
			", behind the file's end",
			pa, at);
	if (f->ranges.n >= FOREIGN_RANGES_MAX)
		return err_new(ERR_LIMIT, "it has more than %d ranges", FOREIGN_RANGES_MAX);
	vec_push(&f->ranges, ((struct range){ pa, n }));
	if (!places_add_file(f->places, f->d, 0, pa, at, n))
		dump_damaged(f->d,
			"cut off: it has not all of the %" PRIu64
			" bytes of the range at 0x%" PRIx64,
			n, pa);
	return NULL;
}

void foreign_set_machine(struct foreign_file *f, uint16_t elf_machine, const struct abi *abi)
{
	f->d->info.elf_machine = elf_machine;
	f->d->info.abi = *abi;
}

void foreign_add_vmcoreinfo(struct foreign_file *f, const char *text, size_t n)
{
	vmcoreinfo_keep(f->d, (const uint8_t *)text, n);
}

static int by_address(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	return x->pa < y->pa ? -1 : x->pa > y->pa;
}

/* Two places for one byte of RAM: one of them is wrong, and nobody can say which. */
static struct err *check_ranges(struct foreign_file *f)
{
	if (!f->ranges.n)
		return err_new(ERR_FORMAT, "it has no memory");
	qsort(f->ranges.v, f->ranges.n, sizeof(f->ranges.v[0]), by_address);
	for (size_t i = 1; i < f->ranges.n; i++)
		if (f->ranges.v[i].pa - f->ranges.v[i - 1].pa < f->ranges.v[i - 1].n)
			return err_new(ERR_FORMAT,
				"its ranges at 0x%" PRIx64 " and 0x%" PRIx64 " cover each other",
				f->ranges.v[i - 1].pa, f->ranges.v[i].pa);
	return NULL;
}

static struct err *foreign_open(struct dump *d)
{
	struct foreign_file f = { .d = d };
	if (d->nfiles > 1)
		return err_new(ERR_UNSUPPORTED, "a dump of %s is one file, not %zu",
			d->foreign->name, d->nfiles);
	f.places = d->state = xcalloc(1, sizeof(*f.places));
	struct err *err = d->foreign->open(d->foreign->cx, &f);
	if (!err)
		err = check_ranges(&f);
	vec_deinit(&f.ranges);
	if (!err)
		err = places_finish(f.places, d);
	return err_wrap(err, "as %s", d->foreign->name);
}

static enum fault_kind foreign_map(
	struct dump *d, uint64_t pa, const uint8_t **ret_p, size_t *ret_n)
{
	return places_map(d->state, d, pa, ret_p, ret_n);
}

static bool foreign_next_data(struct dump *d, uint64_t pa, uint64_t *ret)
{
	return places_next_data(d->state, d, pa, ret);
}

static void foreign_close(struct dump *d)
{
	if (d->state)
		places_deinit(d->state);
	free(d->state);
}

const struct dump_reader foreign_reader = {
	.name = "a format of a plugin",
	.open = foreign_open,
	.map = foreign_map,
	.next_data = foreign_next_data,
	.close = foreign_close,
};
