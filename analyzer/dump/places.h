/*
 * Memory that lies in files as it is: which range of physical addresses is where in which file, and
 * what is known of the ranges whose bytes are nowhere. Shared by the readers that serve memory in
 * place.
 */
#ifndef ANALYZER_DUMP_PLACES_H
#define ANALYZER_DUMP_PLACES_H

#include "analyzer/dump/overlay.h"
#include "analyzer/dump/reader.h"

/* How a range answers; also its rank where ranges overlap: bytes win over their absence. */
enum place_kind { PLACE_EXCLUDED, PLACE_CUT, PLACE_ZERO, PLACE_PRESENT };

struct place {
	uint64_t pa, size; /* an end behind 2^64 is cut to it */
	enum place_kind kind;
	uint32_t file; /* PRESENT only: index into d->file */
	uint64_t off;  /* PRESENT only: in that file, or whatever counts up with the address */
};

struct places {
	VEC(struct span) added;
	struct span *run; /* ascending, not overlapping */
	size_t nruns;
};

/* Of ranges of one kind the first one added wins. Empty ones vanish. */
void places_add(struct places *p, const struct place *place);

/* @size bytes at @pa from @off of file number @file, of which what the file lacks is PLACE_CUT.
 * True when all are there. */
bool places_add_file(struct places *p, const struct dump *d, uint32_t file, uint64_t pa,
	uint64_t off, uint64_t size);

/* Sorts the ranges and makes d->extents of them. */
struct err *places_finish(struct places *p, struct dump *d) MUST_CHECK;
void places_deinit(struct places *p);

/* The range that holds @pa; false when there is none. Its start is @pa. */
bool places_find(const struct places *p, uint64_t pa, struct place *ret);

/* As dump_map(), for places whose .off is an offset. */
enum fault_kind places_map(
	const struct places *p, struct dump *d, uint64_t pa, const uint8_t **ret_p, size_t *ret_n);

/* As dump_next_data(). */
bool places_next_data(const struct places *p, struct dump *d, uint64_t pa, uint64_t *ret);

#endif
