/*
 * Parameters and local variables of the functions whose code stands at a frame's place, inlined
 * ones too, with their values as far as registers and memory still have them.
 */
#ifndef ANALYZER_DEBUG_VARIABLES_H
#define ANALYZER_DEBUG_VARIABLES_H

#include "analyzer/base/arena.h"
#include "analyzer/debug/value.h"
#include "arch/arch.h"

/* One physical frame, as its caller needs it to be known: run-time addresses. */
struct variables_frame {
	struct regs regs;
	uint64_t pc;	    /* where its code goes on */
	uint64_t lookup_pc; /* where it is looked up: inside the call that pc returns from */
	bool exact;	    /* it was interrupted at pc: nothing called from it */
};

struct variables_env {
	const struct debug_env *debug;
	const struct arch *arch;
	uint64_t slide; /* run-time less link-time addresses */
	const struct variables_frame
		*frame; /* innermost first: values at entry are found through callers */
	size_t nframes;
};

enum variable_state {
	VARIABLE_PLACE,	 /* an object in memory at .va */
	VARIABLE_BYTES,	 /* put together from registers, constants and memory */
	VARIABLE_ABSENT, /* optimised out here, or its registers are lost */
	VARIABLE_FAULT,	 /* the memory that its value goes through cannot be read: .fault */
	VARIABLE_BAD,	 /* its description makes no sense or is beyond us */
};

struct variable {
	const char *name; /* NULL: without */
	const struct type *type;
	bool parameter;
	enum variable_state state;
	uint64_t va;
	const uint8_t *bytes,
		*known; /* BYTES: .nbytes each; bits of .known are set for what is known */
	size_t nbytes;
	enum fault_kind fault;
	const char *why; /* ABSENT, FAULT and BAD, in words */
};

struct variable_scope {
	const char *function; /* NULL: without a name */
	bool inlined;
	struct variable *variable;
	size_t nvariables;
};

/*
 * The scopes of frame @n of @env, innermost first as types_source_frames() has them, in @a. None
 * where there is no debug information. Names shadowed by an inner block's come behind it.
 */
struct err *variables_read(const struct variables_env *env, size_t n, struct arena *a,
	struct variable_scope **ret, size_t *ret_n) MUST_CHECK;

/* Whether the function with code at link-time address @link_va is declared never to return. */
bool types_noreturn(struct types *db, uint64_t link_va);

/* As value_format(); "<optimised out>" for what is, in part or whole. */
struct err *variable_format(const struct debug_env *env, const struct variable *v,
	const struct value_style *style, struct strbuf *out) MUST_CHECK;

#endif
