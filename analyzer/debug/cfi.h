/*
 * Call frame information (.debug_frame, .eh_frame): for an address of code, where the frame's
 * caller has its registers. It gives rules only; what memory and registers hold is for whoever
 * applies them.
 *
 * An own decoder, where libdw has one: rows are made on the stack of the caller, no lookup
 * allocates or changes the table, and each step over the file's bytes is bounded.
 */
#ifndef ANALYZER_DEBUG_CFI_H
#define ANALYZER_DEBUG_CFI_H

#include "analyzer/base/err.h"
#include "analyzer/base/load.h"
#include "analyzer/space/vspace.h"
#include "arch/arch.h"

enum cfi_how {
	CFI_UNSPECIFIED,    /* nothing was said: the ABI decides */
	CFI_UNDEFINED,	    /* lost; of the return address: the outermost frame */
	CFI_SAME,	    /* as in this frame */
	CFI_OFFSET,	    /* in memory at CFA + .offset */
	CFI_VAL_OFFSET,	    /* CFA + .offset itself */
	CFI_REGISTER,	    /* what register .reg holds in this frame */
	CFI_EXPRESSION,	    /* in memory where the expression says, which starts with the CFA on its
			       stack */
	CFI_VAL_EXPRESSION, /* the expression's value */
};

struct cfi_rule {
	uint8_t how;
	uint8_t reg;
	uint32_t expression_bytes;
	int64_t offset;
	const uint8_t *expression; /* the section's */
};

struct cfi_row {
	/* CFI_REGISTER: register .reg plus .offset; CFI_VAL_EXPRESSION; else it is not known */
	struct cfi_rule cfa;
	/* By DWARF's numbers, which are those of struct regs up to the pc on both architectures. */
	struct cfi_rule reg[ARCH_MAX_REGS];
	uint8_t return_column;
	bool signal;	     /* the frame is a signal trampoline's: its pc is no return address */
	uint64_t start, end; /* of the function part that has this information */
};

struct cfi_section {
	const uint8_t *bytes; /* borrowed as long as the table */
	size_t n;
	uint64_t va; /* .eh_frame: where it lies, since its addresses are relative */
	bool eh;     /* .eh_frame's format */
};

struct cfi;

/* Damaged entries are left out. Never NULL; may be empty. */
struct cfi *cfi_create(const struct abi *abi, const struct cfi_section *section, size_t nsections);
void cfi_destroy(struct cfi *c);
size_t cfi_count(const struct cfi *c);

/* Where entry @i's code is; entries ascend. */
void cfi_get(const struct cfi *c, size_t i, uint64_t *ret_start, uint64_t *ret_end);

/* The row for the instruction at @va; false when no entry covers it, or the one that does makes no
 * sense. */
bool cfi_find(const struct cfi *c, uint64_t va, struct cfi_row *ret);

/* cfi_source.c: the row for link-time address @link_va, from the debug information of whatever
 * holds it. The file's sections are read at the first question; a module's only when @modules. */
struct types;
bool types_cfi(struct types *db, uint64_t link_va, bool modules, struct cfi_row *ret);

/* ---- cfi_apply.c: rules over registers and memory ---- */

struct cfi_place {
	const struct arch *arch;
	const struct abi *abi;
	struct vspace *vs;
};

/* The frame's canonical address; where the register that it counts from is lost, by the frame
 * record that the row says the function has. False: lost. */
bool cfi_cfa(const struct cfi_place *p, const struct cfi_row *row, const struct regs *regs,
	uint64_t *ret);

/* What is known of the caller's registers when the frame returns, pc as it was saved (signed, with
 * a Thumb bit). False: the return address is lost. */
bool cfi_caller(const struct cfi_place *p, const struct cfi_row *row, const struct regs *regs,
	uint64_t cfa, struct regs *ret);

#endif
