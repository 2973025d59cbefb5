/*
 * Where an object is, by DWARF's expressions: an evaluator over the registers and memory of one
 * frame, both given as functions. Knows nothing of DIEs; what only they can tell (entry values,
 * types of operands, called expressions) is asked for.
 */
#ifndef ANALYZER_DEBUG_DWARF_LOCATION_H
#define ANALYZER_DEBUG_DWARF_LOCATION_H

#include <elfutils/libdw.h>

#include "analyzer/base/err.h"
#include "analyzer/base/load.h"

enum {
	LOCATION_PARTS_MAX = 64,
	LOCATION_STACK_MAX = 64,
	LOCATION_STEPS_MAX = 4096,
	LOCATION_NESTING_MAX = 8, /* of called expressions and entry values */
};

enum part_kind {
	PART_ABSENT,   /* optimised out */
	PART_MEMORY,   /* at address .v */
	PART_REGISTER, /* in DWARF register .v */
	PART_VALUE,    /* computed: .v */
	PART_BYTES,    /* .bytes of the file */
	PART_POINTER,  /* a pointer to what was optimised out */
};

struct location_part {
	enum part_kind kind;
	uint64_t v;
	const uint8_t *bytes;
	uint64_t nbytes;
	uint64_t bits;	     /* how much of the object; 0: all of it, in a location of one part */
	uint64_t bit_offset; /* within the register, memory or value */
};

struct location {
	struct location_part part[LOCATION_PARTS_MAX];
	unsigned nparts;
};

/* A number on the stack. The generic type has the target's word and no sign. */
struct location_number {
	uint64_t v;
	uint8_t bytes; /* 0: generic */
	bool is_signed;
};

struct location_env {
	void *cx;
	const struct abi *abi;
	uint64_t slide;	  /* DW_OP_addr is as linked */
	unsigned nesting; /* 0 at the outermost */
	/* False: what @reg held is lost. */
	bool (*reg)(void *cx, unsigned reg, uint64_t *ret);
	enum fault_kind (*read)(void *cx, uint64_t va, void *buf, size_t n);
	/* The others may be NULL. */
	struct err *(*frame_base)(void *cx, unsigned nesting, uint64_t *ret);
	struct err *(*cfa)(void *cx, uint64_t *ret);
	struct err *(*entry_value)(void *cx, unsigned nesting, Dwarf_Attribute *attr,
		const Dwarf_Op *op, uint64_t *ret);
};

/*
 * Evaluates the @n operations of @attr, as libdw gives them; @attr is NULL for an expression that
 * stands in no DIE (locations_parse()), which can then have no references to DIEs. @first, if not
 * NULL, is on the stack when it begins. ERR_MISSING: what it needs is lost, so the object is as
 * good as optimised out. ERR_FAULT: memory that it goes through cannot be read. ERR_FORMAT,
 * ERR_LIMIT: it makes no sense. ERR_UNSUPPORTED.
 */
struct err *location_evaluate(const struct location_env *env, Dwarf_Attribute *attr,
	const Dwarf_Op *op, size_t n, const uint64_t *first, struct location *ret) MUST_CHECK;

/* The same where a number is wanted: DW_AT_frame_base, values of call sites, rules of CFI. What
 * would be an address is the number, a register stands for what it holds. */
struct err *location_number(const struct location_env *env, Dwarf_Attribute *attr,
	const Dwarf_Op *op, size_t n, const uint64_t *first, uint64_t *ret) MUST_CHECK;

/*
 * Copies an object of @n bytes from its parts. Bits of @known (@n bytes, too) are set for what is
 * known: parts that were optimised out or whose registers are lost are not. ERR_FAULT when memory
 * cannot be read.
 */
struct err *location_load(const struct location_env *env, const struct location *l, size_t n,
	uint8_t *bytes, uint8_t *known) MUST_CHECK;

/* Raw bytes of an expression into at most @max operations; false when they make no sense. Pointers
 * into
 * @bytes are kept. */
bool location_parse(const struct abi *abi, const uint8_t *bytes, size_t n, Dwarf_Op *out,
	size_t max, size_t *ret_n);

#endif
