/* Where a sweep goes: the pieces of RAM behind an address space, by ascending address, or of RAM
 * itself. */
#ifndef ANALYZER_SPACE_PIECES_H
#define ANALYZER_SPACE_PIECES_H

#include "analyzer/space/runs.h"
#include "analyzer/space/sweep.h"

struct pieces;

/* What the tables of the space map within [lo, last]. A page that is mapped many times in a row
 * (KASAN's zero shadow) comes once. */
struct pieces *pieces_of_space(
	struct dump *d, const struct space_facts *facts, uint64_t lo, uint64_t last);

/* What the dump describes of RAM within [lo, last]. */
struct pieces *pieces_of_ram(struct dump *d, uint64_t lo, uint64_t last);

/* As sweep's next; .tag is 0. */
struct err *pieces_next(struct pieces *p, struct sweep_piece *ret, bool *ret_more) MUST_CHECK;
void pieces_destroy(struct pieces *p);

/* First and last address that the space can have. */
void space_bounds(const struct space_facts *facts, uint64_t *ret_lo, uint64_t *ret_last);

#endif
