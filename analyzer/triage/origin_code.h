/* The instructions of the functions on a stack, decoded, and where in them the stack stands. */
#ifndef ANALYZER_TRIAGE_ORIGIN_CODE_H
#define ANALYZER_TRIAGE_ORIGIN_CODE_H

#include "analyzer/debug/insn_define.h"
#include "analyzer/stack/locals.h"

struct code {
	bool tried, good;
	struct insn_step *step; /* the arena's */
	uint8_t *joined;	/* by step: some branch goes there */
	size_t n, at;		/* .at: where it stands: the call, or what was interrupted */
	uint64_t entry;
	struct variable_scope *scope;
	size_t nscopes;
};

/* Of the function of frame @k. .good says whether it was read and the place found in it; .scope is
 * empty without debug information. What hangs on it is @a's. */
void code_read(struct target *t, struct insn_decoder *decoder, const struct trace *trace, size_t k,
	struct arena *a, struct code *ret);

/* The step at @va; .n: none. */
size_t code_step_at(const struct code *c, uint64_t va);

#endif
