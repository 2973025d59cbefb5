/*
 * An iterator over a whole page table: what it maps, as runs of like entries. It does not visit
 * empty subtrees, ends on any table, and belongs to one thread.
 */
#ifndef ANALYZER_SPACE_RUNS_H
#define ANALYZER_SPACE_RUNS_H

#include "analyzer/space/vspace.h"

enum table_run_kind {
	RUN_HOLE,   /* empty entries */
	RUN_MAPPED, /* leafs */
	RUN_ABSENT, /* not empty, no translation: swap and the like; one entry a run */
	RUN_BROKEN, /* entries that the form forbids, or a table that the dump lacks: see .fault */
};

struct table_run {
	uint64_t va, size; /* size is never 0; va + size may be 2^64 */
	enum table_run_kind kind;
	unsigned level;	     /* of the entries: index into paging->level */
	uint8_t entry_shift; /* each covers 1 << entry_shift bytes */
	uint64_t raw;	     /* the first entry; 0 where a table could not be read */
	uint64_t parent;     /* the table entry above it; 0 in the root */
	struct paddr pa;     /* MAPPED: of the first byte */
	bool repeats; /* MAPPED: all entries map the page at .pa, over and over (KASAN's shadow) */
	bool scattered; /* MAPPED, by attributes: later entries lie elsewhere */
	enum fault_kind fault;
};

struct table_runs_options {
	uint64_t lo, last;  /* the range, last byte included; runs are cut to it */
	bool by_attributes; /* neighbours are one run wherever they lie, as in the kernel's ptdump;
			     * else only where physical memory goes on, or repeats */
	bool holes;	    /* HOLE runs are wanted, level by level */
};

struct table_runs;

/*
 * The table at @root of form @p. A table that is full of one and the same entry is never read twice
 * in a row, so that the shadow's terabytes cost nothing. The count of tables is limited by the
 * memory there is: a crafted table that refers to itself ends with ERR_LIMIT.
 */
struct table_runs *table_runs_create(const struct paging *p, struct dump *d, struct paddr root,
	const struct table_runs_options *o);
void table_runs_destroy(struct table_runs *it);

/* The next run by ascending address. *ret_more is false at the end, and with an error. */
struct err *table_runs_next(
	struct table_runs *it, struct table_run *ret, bool *ret_more) MUST_CHECK;

#endif
