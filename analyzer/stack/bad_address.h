/*
 * What an address that nothing should have touched is: NULL and a member, a poison, an error
 * pointer, a guard page, … each with its evidence. Of any address; what is known of an access to it
 * makes the answer better.
 */
#ifndef ANALYZER_STACK_BAD_ADDRESS_H
#define ANALYZER_STACK_BAD_ADDRESS_H

#include "analyzer/base/arena.h"
#include "analyzer/stack/fault.h"

/* What is known beside the address; zero: nothing. */
struct bad_address_hint {
	const struct task *task;	   /* whose context it was; NULL: not known */
	const struct fault_status *status; /* NULL: no fault, somebody asks */
	/* The pointer that the address was made from, and what was added to it. */
	bool has_base;
	uint64_t base;
	int64_t offset;
	const char *base_name;		     /* "x20" */
	const struct fault_pointer *pointer; /* what it may point to */
	size_t npointers;
	bool pan_known, pan; /* PSTATE.PAN; arm64 only */
};

enum { BAD_ADDRESS_ROWS_MAX = 8 };

/* One explanation. Several may hold; the one that says most comes first. */
struct bad_address_row {
	/* "null", "error-pointer", "list-poison", "poison", "text", "kasan-shadow", "tag",
	 * "stack-guard", "user", "non-canonical", "write-protected", "not-executable",
	 * "module-hole", "hole", "mapped", "unaligned", "wild" */
	const char *kind;
	const char *text;
	const char *evidence; /* NULL: .text has it all */
};

struct bad_address {
	struct bad_address_row row[BAD_ADDRESS_ROWS_MAX];
	unsigned n;
};

/* Strings are the arena's. Only ERR_INTERRUPTED and the like are errors: what cannot be found out
 * is left out. */
struct err *bad_address_explain(struct target *t, uint64_t va, const struct bad_address_hint *hint,
	struct arena *a, struct bad_address *ret) MUST_CHECK;

/* The member of @type at @offset as C writes it ("se.load.weight", "name[3]"); false when there is
 * none. */
bool bad_address_member(
	struct types *db, const struct type *type, uint64_t offset, struct strbuf *out);

/* ---- shared by bad_address.c and bad_address_place.c ---- */

struct bad_address_cx {
	struct target *t;
	const struct bad_address_hint *hint;
	struct arena *a;
	struct bad_address *out;
};
void bad_address_add(struct bad_address_cx *cx, const char *kind, const char *evidence,
	const char *fmt, ...) PRINTF_LIKE(4, 5);

/* By where it lies in the map. @va without its tag. */
struct err *bad_address_place(struct bad_address_cx *cx, uint64_t typed_va, uint64_t va) MUST_CHECK;

#endif
