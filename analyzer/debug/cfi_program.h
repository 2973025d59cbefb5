/* The programs of call frame information: instructions that build the row of one address. For this
 * folder only. */
#ifndef ANALYZER_DEBUG_CFI_PROGRAM_H
#define ANALYZER_DEBUG_CFI_PROGRAM_H

#include "analyzer/debug/cfi.h"
#include "analyzer/debug/dwarf_bytes.h"

struct cfi_program {
	struct dwarf_bytes bytes;
	uint64_t code_align;
	int64_t data_align;
	uint64_t at, stop; /* where it begins; the row is wanted for the instruction at .stop */
};

/*
 * Runs it over @io. @initial is the row that its CIE's program left, which restored registers go
 * back to; NULL while that one runs itself. False: it makes no sense, and @io neither.
 */
bool cfi_program_run(
	const struct cfi_program *p, const struct cfi_row *initial, struct cfi_row *io);

#endif
