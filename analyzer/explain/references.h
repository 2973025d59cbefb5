/*
 * Who points to some memory: every aligned word of RAM, compared without its tag, on all cores; and
 * what each word found is a part of. The most telling come first.
 */
#ifndef ANALYZER_EXPLAIN_REFERENCES_H
#define ANALYZER_EXPLAIN_REFERENCES_H

#include "analyzer/base/vec.h"
#include "analyzer/explain/explain.h"
#include "analyzer/space/sweep.h"

/* How much a reference tells, in this order. */
enum reference_rank {
	REFERENCE_NAMED,  /* in a variable */
	REFERENCE_OBJECT, /* in an allocated object whose type is known */
	REFERENCE_SLAB,
	REFERENCE_STACK,
	REFERENCE_AREA,	 /* of vmalloc or a module */
	REFERENCE_PAGE,	 /* some page in use */
	REFERENCE_STALE, /* in free memory */
	REFERENCE_SELF	 /* in the very memory that is pointed to */
};

struct reference {
	uint64_t pa, va; /* of the word; va: where the kernel sees it */
	bool has_va;
	uint64_t value; /* as it stands there, tag included */
	enum reference_rank rank;
	struct explain_row what; /* what the word is a part of */
};

struct references {
	VEC(struct reference) ref; /* by rank, then by address */
	uint64_t found;		   /* all of them, also those past the limit of what is explained */
	bool interrupted;	   /* Ctrl-C: what was found up to then */
	struct sweep_totals totals;
};

/* How many are explained and put in order; more are only counted. */
enum { REFERENCES_MAX = 1 << 17 };

/* Words that point into [addr, addr + bytes). Strings are the arena's. After Ctrl-C the answer is
 * what there was, and no error. */
struct err *references_find(struct target *t, uint64_t addr, uint64_t bytes, struct arena *a,
	struct references *ret) MUST_CHECK;
void references_deinit(struct references *r);
#define scoped_references __attribute__((cleanup(references_deinit)))

#endif
