/*
 * The faulting context of a task: the exception frame that a trace leads through, the fault's
 * status and address with where each was found, and the instruction. What the address means is
 * bad_address.h's.
 */
#ifndef ANALYZER_STACK_FAULT_H
#define ANALYZER_STACK_FAULT_H

#include "analyzer/debug/insn_access.h"
#include "analyzer/debug/variables.h"
#include "analyzer/stack/trace.h"

/* A number and what it was taken from, in words; .source is NULL when it is not known. */
struct fault_number {
	uint64_t v;
	const char *source; /* the arena's: "variable esr of el1_abort()", "the kernel's log", … */
};

struct fault_context {
	struct trace trace; /* of the whole task, registers filled by CFI */
	size_t frame;	    /* the interrupted one's number in it */
	uint64_t pt_regs_va;
	struct regs regs;
	const char *exception; /* "synchronous exception", "data abort", "interrupt"; NULL: entry
				* code that is not known */
	enum exception_kind kind;
	const char *trap; /* what the trapping instruction is for: "BUG()"; or NULL */
	bool thumb;
	struct fault_number status, address;
	struct fault_status decoded; /* of .status, when that is known */

	bool has_code; /* .code could be read */
	uint8_t code[4];
	unsigned code_bytes;
	bool has_insn; /* and decoded */
	struct insn_access insn;

	/* Scopes of the interrupted function: its variables and their types. */
	struct variable_scope *scope;
	size_t nscopes;
};

/*
 * The exception that @task is in: of several the outermost that the code caused itself, else the
 * innermost interrupt. ERR_NOT_FOUND: there is none, or it came from user mode.
 */
struct err *fault_find(struct target *t, const struct task *task, struct arena *a,
	struct fault_context *ret) MUST_CHECK;

/* Whether the instruction's access covers the fault's address (both known). */
bool fault_agrees(const struct target *t, const struct fault_context *f);

/*
 * The structs that variables of the interrupted function say the base register points to, by its
 * value and a member at the accessed offset. At most @max; returns how many. @ret_name: the
 * variable.
 */
struct fault_pointer {
	const char *variable;
	const struct type *type; /* the struct */
};
size_t fault_pointers(
	struct target *t, const struct fault_context *f, struct fault_pointer *out, size_t max);

#endif
