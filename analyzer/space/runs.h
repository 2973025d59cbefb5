/*
 * Iterators over whole address spaces: what a page table maps, as runs of like entries, and the memory
 * behind a range of virtual addresses, as host pointers. Neither visits empty subtrees, both end on any
 * table, and both belong to one thread: threads that share a dump make one each.
 */
#ifndef ANALYZER_SPACE_RUNS_H
#define ANALYZER_SPACE_RUNS_H

#include "analyzer/space/vspace.h"

/* ---- runs of a page table ------------------------------------------------------------------------ */

enum table_run_kind {
	RUN_HOLE,   /* empty entries */
	RUN_MAPPED, /* leafs */
	RUN_ABSENT, /* not empty, no translation: swap and the like; one entry a run */
	RUN_BROKEN, /* entries that the form forbids, or a table that the dump lacks: see .fault */
};

struct table_run {
	uint64_t va, size; /* size is never 0; va + size may be 2^64 */
	enum table_run_kind kind;
	unsigned level;      /* of the entries: index into paging->level */
	uint8_t entry_shift; /* each covers 1 << entry_shift bytes */
	uint64_t raw;        /* the first entry; 0 where a table could not be read */
	uint64_t parent;     /* the table entry above it; 0 in the root */
	struct paddr pa;     /* MAPPED: of the first byte */
	bool repeats;        /* MAPPED: all entries map the page at .pa, over and over (KASAN's shadow) */
	bool scattered;      /* MAPPED, by attributes: later entries lie elsewhere */
	enum fault_kind fault;
};

struct table_runs_options {
	uint64_t lo, last;  /* the range, last byte included; runs are cut to it */
	bool by_attributes; /* neighbours are one run wherever they lie, as in the kernel's ptdump; else
			     * only where physical memory goes on, or repeats */
	bool holes;         /* HOLE runs are wanted, level by level */
};

struct table_runs;

/*
 * The table at @root of form @p. A table that is full of one and the same entry is never read twice in
 * a row, so that the shadow's terabytes cost nothing. The count of tables is limited by the memory
 * there is: a crafted table that refers to itself ends with ERR_LIMIT.
 */
struct table_runs *table_runs_create(const struct paging *p, struct dump *d, struct paddr root,
	const struct table_runs_options *o);
void table_runs_destroy(struct table_runs *it);

/* The next run by ascending address. *ret_more is false at the end, and with an error. */
struct err *table_runs_next(struct table_runs *it, struct table_run *ret, bool *ret_more) MUST_CHECK;

/* ---- memory behind virtual addresses ------------------------------------------------------------- */

/* What vspace_try_read() would give from @va on: bytes in place, or a gap and its reason. */
struct memory_run {
	uint64_t va, size;
	const uint8_t *p;      /* NULL: a gap */
	enum fault_kind fault; /* of a gap */
};

struct memory_runs;

/*
 * Over [lo, last] of the space that @facts describes. Runs are as long as the dump has them in one
 * piece (an ELF core: the whole stretch; a compressed one: a page); neighbouring gaps of one reason
 * are one. Pages that are mapped many times over in one run of the table come once, and the rest as a
 * gap of FAULT_NONE: nothing is there that was not seen.
 */
struct memory_runs *memory_runs_create(struct dump *d, const struct space_facts *facts, uint64_t lo,
	uint64_t last);
void memory_runs_destroy(struct memory_runs *it);

struct err *memory_runs_next(struct memory_runs *it, struct memory_run *ret, bool *ret_more) MUST_CHECK;

/*
 * Whether the bytes of the last run are still what they were; asked after having used them. They are
 * not when the cache of a compressed dump was emptied meanwhile, by this thread or another: then
 * memory_runs_again() makes the next call give the same run afresh.
 */
bool memory_runs_valid(const struct memory_runs *it);
void memory_runs_again(struct memory_runs *it);

#endif
