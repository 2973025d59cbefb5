/*
 * A look at every byte of many pieces of memory, on all cores: what search, leak marking and shadow
 * scans have in common. The caller says which pieces there are and what to look for; findings come
 * back in the order of the pieces, on the caller's thread.
 */
#ifndef ANALYZER_SPACE_SWEEP_H
#define ANALYZER_SPACE_SWEEP_H

#include "analyzer/base/vec.h"
#include "analyzer/dump/dump.h"

enum { SWEEP_SEAM_MAX = 256 };

/* Physically contiguous memory, under the address that findings are told by. */
struct sweep_piece {
	uint64_t addr;
	struct paddr pa;
	uint64_t size;
	uint64_t tag; /* the caller's own: comes back with each finding */
};

/* Bytes of a piece, in place: as many as the dump has in one run. */
struct sweep_run {
	uint64_t addr;
	const uint8_t *p;
	size_t n;
	/* The bytes that end directly below @addr, at most the seam that was asked for: for what
	 * lies across two runs. None at the beginning of a stretch of addresses. */
	const uint8_t *before;
	size_t nbefore;
};

struct sweep_hit {
	uint64_t addr;
	uint64_t value; /* whatever the looking function wants to tell */
	uint64_t tag;	/* of the piece */
};

struct sweep_hits {
	VEC(struct sweep_hit) hit;
	uint64_t tag;
};

/* For the looking function: a finding at @addr. */
void sweep_found(struct sweep_hits *hits, uint64_t addr, uint64_t value);

struct sweep {
	void *cx;
	/* The next piece; *ret_more false behind the last. Asked from sweep_memory()'s thread only.
	 */
	struct err *(*next)(void *cx, struct sweep_piece *ret, bool *ret_more);
	/* Looks at one run; called from several threads at once, perhaps twice for the same run. */
	void (*look)(void *cx, const struct sweep_run *run, struct sweep_hits *hits);
	/* A finding, in order; an error ends the sweep. */
	struct err *(*hit)(void *cx, const struct sweep_hit *hit);
	size_t seam_bytes; /* 0 to SWEEP_SEAM_MAX */
	const char *what;  /* what the progress line calls it; NULL: "memory" */
	unsigned threads;  /* 0: as many as there are processors */
};

/* How much was looked at, and how much could not be, by reason. */
struct sweep_totals {
	uint64_t seen_bytes;
	uint64_t missing_bytes[FAULT_CORRUPT + 1]; /* by enum fault_kind */
};

/* Ends with ERR_INTERRUPTED after Ctrl-C, or with what next or hit say. @ret (may be NULL) is
 * filled also then. */
struct err *sweep_memory(
	struct dump *d, const struct sweep *s, struct sweep_totals *ret) MUST_CHECK;

#endif
