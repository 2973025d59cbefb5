/*
 * Where a register's value came from: back through the instructions that led to a frame's place,
 * and through its callers, to the load, the call or the constant that made it. What a load found is
 * compared with what memory holds now.
 */
#ifndef ANALYZER_TRIAGE_ORIGIN_H
#define ANALYZER_TRIAGE_ORIGIN_H

#include "analyzer/stack/fault.h"

enum origin_kind { ORIGIN_LOADED, ORIGIN_RETURNED, ORIGIN_CONSTANT };

struct origin {
	enum origin_kind kind;
	size_t frame;	/* of the trace: whose instruction it was; the arguments' way leads outwards
			 */
	uint64_t pc;	/* of that instruction */
	bool certain;	/* no other way leads to the place: no branch joins in between */
	uint64_t added; /* to it, since */

	/* LOADED */
	uint64_t va;		 /* where from */
	uint64_t value;		 /* what stands there now */
	bool agrees;		 /* which is what was loaded */
	const struct type *type; /* of the object that .va is a part of; NULL: not known */
	uint64_t offset;	 /* of .va in it */

	/* RETURNED: by the function at this address; 0: through a pointer */
	uint64_t callee;
};

/* Of register @reg in frame @n of @trace, whose registers cfi_fill_registers() has filled. False:
 * the way back could not be followed. */
bool origin_find(struct target *t, const struct trace *trace, size_t n, unsigned reg, bool thumb,
	struct arena *a, struct origin *ret);

#endif
