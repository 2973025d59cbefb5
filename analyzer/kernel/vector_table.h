/* Exception vectors: what an architecture has of them, disassembled, and which CPUs use which. */
#ifndef ANALYZER_KERNEL_VECTOR_TABLE_H
#define ANALYZER_KERNEL_VECTOR_TABLE_H

#include "analyzer/kernel/percpu.h"

/* A vector, or something else of the vectors page that has a name. */
struct vector {
	char set[96];  /* "vectors page", "tramp_vectors[0] (CPU 0-3)": with the CPUs that use it */
	char name[32]; /* "irq", "el1h sync", "kuser cmpxchg" */
	uint64_t va;
	char insn[160];	       /* the branch that leads out; "" where none was found */
	uint64_t target;       /* 0: not known */
	char note[96];	       /* "poison", …; may be empty */
	enum fault_kind fault; /* its bytes cannot be read */
};

typedef void (*vector_fn)(void *cx, const struct vector *v);

/* Calls @fn for each. ERR_MISSING when no table can be found. */
struct err *vector_table_each(struct target *t, vector_fn fn, void *cx) MUST_CHECK;

#endif
