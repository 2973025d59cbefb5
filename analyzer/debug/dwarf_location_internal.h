/* What the parts of the location evaluator share. */
#ifndef ANALYZER_DEBUG_DWARF_LOCATION_INTERNAL_H
#define ANALYZER_DEBUG_DWARF_LOCATION_INTERNAL_H

#include "analyzer/debug/dwarf_location.h"

struct location_machine {
	const struct location_env *env;
	Dwarf_Attribute *attr;
	const Dwarf_Op *op;
	size_t nops, at;
	struct location_number stack[LOCATION_STACK_MAX];
	unsigned depth;
	struct location *out;
	struct location_part
		place; /* of the simple location in hand: .kind PART_ABSENT: the stack's top */
	bool placed;
};

/* dwarf_location_number.c: the stack of numbers and what is computed on it. */
struct err *location_senseless(const struct location_machine *m, const char *why) MUST_CHECK;
int64_t location_signed(const struct location_machine *m, const struct location_number *n);
struct err *location_push_typed(struct location_machine *m, struct location_number n) MUST_CHECK;
struct err *location_push(struct location_machine *m, uint64_t v) MUST_CHECK;
struct err *location_pop(struct location_machine *m, struct location_number *ret) MUST_CHECK;
struct err *location_read_register(
	struct location_machine *m, uint64_t reg, uint64_t *ret) MUST_CHECK;
struct err *location_unary(struct location_machine *m, const Dwarf_Op *op) MUST_CHECK;
struct err *location_binary(struct location_machine *m, unsigned atom) MUST_CHECK;
struct err *location_convert(struct location_machine *m, const Dwarf_Op *op) MUST_CHECK;
struct err *location_push_const_type(struct location_machine *m, const Dwarf_Op *op) MUST_CHECK;
struct err *location_push_typed_load(struct location_machine *m, const Dwarf_Op *op) MUST_CHECK;

#endif
