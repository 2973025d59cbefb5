/* What the files recover*.c share: symbols sought in code, and how each is proved. */
#ifndef ANALYZER_TARGET_RECOVER_H
#define ANALYZER_TARGET_RECOVER_H

#include "analyzer/target/target.h"

enum { RECOVER_FUNCTIONS_MAX = 8, RECOVER_FOUND_MAX = 48, RECOVER_CPUS_MAX = 8192 };

/* A search in progress: what was proved so far helps to prove the next. */
struct recovery {
	struct target *t;
	uint64_t text_start, text_end;	   /* data lies elsewhere */
	uint64_t percpu_start, percpu_end; /* of per-CPU variables; 0: not known */
	unsigned cpus;			   /* nr_cpu_ids; 0: not known */
	struct {
		const char *name, *source;
		uint64_t va;
	} found[RECOVER_FOUND_MAX];
	size_t nfound;
};

struct recover_symbol {
	const char *name;
	char type; /* nm's letter */
	bool percpu;
	uint8_t bytes; /* only accesses of this width count, not addresses; 0: all do */
	/* A structure whose members are met as often as its start: of addresses that are so close
	 * to each other the lowest is meant. */
	uint16_t span;
	/* Functions that refer to it in some of 4.19 to 7.3. */
	const char *function[RECOVER_FUNCTIONS_MAX];
	/* Whether what is at @va can be it; reads whatever it likes, adds nothing. */
	bool (*proof)(const struct recovery *r, uint64_t va);
};

/* In the order in which they build on each other; a NULL name ends it. */
extern const struct recover_symbol recover_symbols[];

/* By what was found, else by the symbol table. */
bool recovery_find(const struct recovery *r, const char *name, uint64_t *ret_va);

/* Bytes, integers and words of the kernel, whether of its image or not. */
bool recovery_read(const struct recovery *r, uint64_t va, void *buf, size_t n);
bool recovery_uint(const struct recovery *r, uint64_t va, unsigned bytes, uint64_t *ret);
bool recovery_word(const struct recovery *r, uint64_t va, uint64_t *ret);

/* Number @i of the possible CPUs, with what is added to a per-CPU variable's address; false behind
 * the last, or before these are known. */
bool recovery_cpu(const struct recovery *r, unsigned i, unsigned *ret_cpu, uint64_t *ret_offset);

/* The start of .data..percpu that follows if @base_var is pcpu_base_addr. */
bool recovery_percpu_start(const struct recovery *r, uint64_t base_var, uint64_t *ret);

/* Calls @fn for each address that the code of @function forms; false when there is no such code. */
bool recovery_refs(const struct recovery *r, const char *function, code_ref_fn fn, void *cx);

/* init_task's stack and how long it is, proved by the tasks next to it on the list. Needs types,
 * and stacks from vmalloc (VMAP_STACK). */
bool recover_stack(const struct recovery *r, uint64_t *ret_va, uint64_t *ret_bytes);

/* Adds the per-CPU variables that BTF lists and t->syms lacks, where the section's start is known
 * and nothing contradicts it. ERR_INTERRUPTED. */
struct err *recover_percpu_variables(struct target *t) MUST_CHECK;

/*
 * Adds to t->syms every symbol of recover_symbols[] that it lacks, that at least two of its
 * functions refer to, and half of those that this kernel has, more of them than to anything else
 * that its proof takes; and what follows: __per_cpu_start and __per_cpu_end, and, with types,
 * init_stack and __end_init_task (__end_init_stack by v6.12). Not found: nothing is added.
 */
void recover_from_code(struct target *t);

#endif
