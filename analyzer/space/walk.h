/* The one page-table walker: any paging form, every level kept for those who want to see it. */
#ifndef ANALYZER_SPACE_WALK_H
#define ANALYZER_SPACE_WALK_H

#include "analyzer/dump/dump.h"
#include "arch/arch.h"

struct walk_step {
	unsigned level;	       /* index into paging->level */
	struct paddr entry_pa; /* where the entry stands */
	uint64_t raw;
	struct pte pte;
};

struct walk {
	struct walk_step step[PAGING_MAX_LEVELS];
	unsigned nsteps;
	enum fault_kind fault; /* FAULT_NONE: mapped; else why not, at the last step */
	struct paddr pa;       /* FAULT_NONE: of the address itself */
	uint8_t size_shift;    /* FAULT_NONE: of the leaf */
};

/* Walks @va from @root. A level whose entry cannot be read ends the walk with the dump's fault and
 * no step of its own. Never touches more than paging->nlevels entries. */
void walk_address(
	const struct paging *p, struct dump *d, struct paddr root, uint64_t va, struct walk *ret);

#endif
