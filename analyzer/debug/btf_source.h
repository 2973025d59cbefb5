/* The BTF provider's parts: the records of one BTF and the types made of them. */
#ifndef ANALYZER_DEBUG_BTF_SOURCE_H
#define ANALYZER_DEBUG_BTF_SOURCE_H

#include "analyzer/debug/btf.h"
#include "analyzer/debug/types_internal.h"

struct btf_source {
	struct type_provider provider; /* first */
	struct types *db;
	struct btf btf;
	struct btf_source *base;  /* of a module: who makes the types of lower ids; or NULL */
	const struct type **made; /* by id - first_id; NULL: not made yet */
	struct strmap
		enumerators; /* name to the id of the lowest enum that has it; made at first use */
	bool enumerators_made;
};

/* The type of record @id; void for 0 and for what makes no sense, never NULL. */
const struct type *btf_type(struct btf_source *s, uint32_t id);

/* Fills members or enumerators. */
struct err *btf_type_complete(struct type_provider *p, struct type *t) MUST_CHECK;

#endif
