/* Ranges of physical memory and their places in files. Knows nothing of the formats that say where.
 */
#include "analyzer/dump/places.h"

#include "analyzer/base/scope.h"

enum { FILE_SHIFT = 8 }; /* struct span's kind: the file's number above the place's kind */

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	uint64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

void places_add(struct places *p, const struct place *place)
{
	bool present = place->kind == PLACE_PRESENT;
	struct span s = {
		.start = place->pa,
		.end = add_capped(place->pa, place->size),
		.src = present ? place->off : place->pa,
		/* of equals the first */
		.prio = ((uint64_t)place->kind << 32) + (UINT32_MAX - (uint32_t)p->added.n),
		.kind = (uint32_t)place->kind | (present ? place->file << FILE_SHIFT : 0),
	};
	if (s.start < s.end)
		vec_push(&p->added, s);
}

bool places_add_file(struct places *p, const struct dump *d, uint32_t file, uint64_t pa,
	uint64_t off, uint64_t size)
{
	uint64_t all = bytes_size(d->file[file]), have = off < all ? all - off : 0;
	have = have < size ? have : size;
	places_add(p, &(struct place){ pa, have, PLACE_PRESENT, file, off });
	if (have < size && pa + have >= pa)
		places_add(p, &(struct place){ pa + have, size - have, PLACE_CUT, 0, 0 });
	return have == size;
}

static void extents_make(struct dump *d, const struct places *p)
{
	for (size_t i = 0; i < p->nruns; i++) {
		const struct span *r = &p->run[i];
		struct dump_extent *last = d->extents.n ? &d->extents.v[d->extents.n - 1] : NULL;
		if (last && last->start.v + last->size == r->start) {
			last->size += r->end - r->start;
			continue;
		}
		struct dump_extent x = { { r->start }, r->end - r->start };
		vec_push(&d->extents, x);
	}
}

struct err *places_finish(struct places *p, struct dump *d)
{
	struct err *err = overlay_flatten(p->added.v, p->added.n, &p->run, &p->nruns);
	if (err)
		return err;
	vec_deinit(&p->added);
	extents_make(d, p);
	return NULL;
}

void places_deinit(struct places *p)
{
	vec_deinit(&p->added);
	free(p->run);
	p->run = NULL;
}

static struct place place_of(const struct span *r, uint64_t pa)
{
	return (struct place){
		.pa = pa,
		.size = r->end - pa,
		.kind = (enum place_kind)(r->kind & ((1 << FILE_SHIFT) - 1)),
		.file = r->kind >> FILE_SHIFT,
		.off = r->src + (pa - r->start),
	};
}

bool places_find(const struct places *p, uint64_t pa, struct place *ret)
{
	const struct span *r = overlay_find(p->run, p->nruns, pa);
	if (r)
		*ret = place_of(r, pa);
	return r != NULL;
}

enum fault_kind places_map(
	const struct places *p, struct dump *d, uint64_t pa, const uint8_t **ret_p, size_t *ret_n)
{
	struct place at;
	if (!places_find(p, pa, &at))
		return FAULT_BEYOND;
	size_t n = at.size < SIZE_MAX ? (size_t)at.size : SIZE_MAX;
	uint64_t next;
	*ret_n = n;
	switch (at.kind) {
	case PLACE_EXCLUDED:
		return FAULT_EXCLUDED;
	case PLACE_CUT:
		return FAULT_CUT;
	case PLACE_ZERO:
		*ret_p = dump_zeroes;
		*ret_n = n < DUMP_ZEROES_BYTES ? n : DUMP_ZEROES_BYTES;
		return FAULT_NONE;
	case PLACE_PRESENT:
		break;
	}
	/* Fails only in a cut flattened stream, whose missing records may lie in its middle. */
	if (!bytes_map(d->file[at.file], at.off, ret_p, &n)) {
		if (bytes_next_data(d->file[at.file], at.off, &next) && next - at.off < *ret_n)
			*ret_n = (size_t)(next - at.off);
		return FAULT_CUT;
	}
	*ret_n = n;
	return FAULT_NONE;
}

bool places_next_data(const struct places *p, struct dump *d, uint64_t pa, uint64_t *ret)
{
	size_t lo = 0, hi = p->nruns; /* the first run that ends behind @pa */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (p->run[mid].end <= pa)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < p->nruns; lo++) {
		const struct span *r = &p->run[lo];
		struct place at = place_of(r, pa > r->start ? pa : r->start);
		uint64_t off;
		if (at.kind != PLACE_PRESENT || !bytes_next_data(d->file[at.file], at.off, &off) ||
			off - at.off >= at.size)
			continue;
		*ret = at.pa + (off - at.off);
		return true;
	}
	return false;
}
