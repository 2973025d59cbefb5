/*
 * A chunk's bitmaps: alloc_map has a bit for every four bytes in use, bound_map one where an
 * allocation begins or has ended (mm/percpu.c, pcpu_alloc_area() and pcpu_free_area(), 4.14
 * to 7.2). Knows nothing of who asked for the memory.
 */
#include "analyzer/kernel/percpu_map.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool bit(const uint8_t *map, uint64_t i)
{
	return map[i / 8] >> (i % 8) & 1;
}

/* @nbits bits of unsigned longs; ours are in order of bytes whatever theirs are. */
static struct err *read_bits(
	const struct percpu_areas *a, uint64_t va, uint64_t nbits, const char *what, uint8_t **ret)
{
	unsigned word = a->t->abi.word_bytes;
	uint64_t bytes = (nbits + word * 8u - 1) / (word * 8u) * word;
	scoped_free uint8_t *map = malloc(bytes);
	if (!map)
		return err_new(ERR_NO_MEMORY, "%" PRIu64 " bytes for %s", bytes, what);
	struct err *err = vspace_read(a->t->kernel, va, map, bytes);
	if (err)
		return err_wrap(err, "%s", what);
	for (uint64_t at = 0; a->t->abi.big_endian && at < bytes; at += word)
		for (unsigned i = 0; i < word / 2; i++) {
			uint8_t swap = map[at + i];
			map[at + i] = map[at + word - 1 - i];
			map[at + word - 1 - i] = swap;
		}
	*ret = take_ptr(map);
	return NULL;
}

struct err *percpu_map_read(
	const struct percpu_areas *a, const struct percpu_chunk *chunk, struct percpu_map *ret)
{
	scoped_percpu_map struct percpu_map m = { .areas = a, .chunk = chunk };
	m.nbits = chunk->npages * a->page_bytes / PERCPU_MAP_BYTES;
	struct err *err = read_bits(a, chunk->alloc_map_va, m.nbits, "alloc_map", &m.alloc);
	if (!err)
		err = read_bits(a, chunk->bound_map_va, m.nbits, "bound_map", &m.bound);
	if (!err)
		err = read_bits(a, chunk->populated_va, chunk->npages, "populated", &m.populated);
	if (err)
		return err_wrap(err, "chunk 0x%" PRIx64, chunk->va);
	*ret = m;
	m = (struct percpu_map){ 0 };
	return NULL;
}

void percpu_map_deinit(struct percpu_map *m)
{
	free(m->alloc);
	free(m->bound);
	free(m->populated);
	*m = (struct percpu_map){ 0 };
}

/* The first bit from @from on that is not as @from's own, or where (in allocated ones) an
 * allocation ends. */
static uint64_t area_end(const struct percpu_map *m, uint64_t from)
{
	bool used = bit(m->alloc, from);
	uint64_t last = m->chunk->end / PERCPU_MAP_BYTES, i = from + 1;
	while (i < last && bit(m->alloc, i) == used && !(used && bit(m->bound, i)))
		i++;
	return i < last ? i : last;
}

bool percpu_map_at(const struct percpu_map *m, uint64_t offset, struct percpu_area *ret)
{
	uint64_t first = m->chunk->start / PERCPU_MAP_BYTES, at = offset / PERCPU_MAP_BYTES;
	if (offset < m->chunk->start || offset >= m->chunk->end)
		return false;
	bool used = bit(m->alloc, at);
	uint64_t start = at;
	while (start > first && !(used && bit(m->bound, start)) && bit(m->alloc, start - 1) == used)
		start--;
	ret->offset = start * PERCPU_MAP_BYTES;
	ret->size = area_end(m, at) * PERCPU_MAP_BYTES - ret->offset;
	ret->allocated = used;
	return true;
}

void percpu_map_usage(const struct percpu_map *m, struct percpu_usage *ret)
{
	struct percpu_usage u = { 0 };
	struct percpu_area area;
	for (uint64_t at = m->chunk->start; percpu_map_at(m, at, &area);
		at = area.offset + area.size) {
		u.allocations += area.allocated;
		u.used_bytes += area.allocated ? area.size : 0;
		u.free_bytes += area.allocated ? 0 : area.size;
		if (!area.allocated && area.size > u.largest_free)
			u.largest_free = area.size;
	}
	for (uint64_t i = 0; i < m->chunk->npages; i++)
		u.populated_pages += bit(m->populated, i);
	*ret = u;
}
