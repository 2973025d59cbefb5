/* CPUs and per-CPU variables. */
#ifndef ANALYZER_KERNEL_PERCPU_H
#define ANALYZER_KERNEL_PERCPU_H

#include "analyzer/target/target.h"

enum { CPUS_MAX = 4096 }; /* arm64's CONFIG_NR_CPUS ends there */

struct cpu_mask {
	uint64_t bits[CPUS_MAX / 64];
};

enum cpu_mask_kind { CPUS_POSSIBLE, CPUS_PRESENT, CPUS_ONLINE };

/* The mask as the kernel left it; after a panic the stopped CPUs are no longer online. Kernels for
 * one CPU have no masks: then it is CPU 0. ERR_FORMAT when it is empty: the CPU that asked was
 * there. */
struct err *cpu_mask_read(
	const struct target *t, enum cpu_mask_kind kind, struct cpu_mask *ret) MUST_CHECK;

bool cpu_mask_has(const struct cpu_mask *m, unsigned cpu);
unsigned cpu_mask_count(const struct cpu_mask *m);

/* The first CPU in @m that is not below @from; CPUS_MAX when there is none. */
unsigned cpu_mask_next(const struct cpu_mask *m, unsigned from);

/* Whether @va lies in the kernel's own per-CPU section, so that each CPU has a copy of it. */
bool percpu_is_static(const struct target *t, uint64_t va);

/* Address of @cpu's copy of the per-CPU variable at @va (the address its symbol has). */
struct err *percpu_address(
	const struct target *t, uint64_t va, unsigned cpu, uint64_t *ret_va) MUST_CHECK;

/* The same by symbol. */
struct err *percpu_symbol(
	const struct target *t, const char *name, unsigned cpu, uint64_t *ret_va) MUST_CHECK;

/* ---- what an address is (percpu_place.c) ---- */

enum percpu_place_kind {
	PERCPU_VARIABLE,  /* the kernel's own static part */
	PERCPU_MODULE,	  /* a module's static part */
	PERCPU_ALLOCATED, /* of alloc_percpu() */
	PERCPU_FREE,	  /* of no allocation, but of a chunk */
	PERCPU_UNKNOWN	  /* of a chunk whose map cannot be read */
};

struct percpu_place {
	enum percpu_place_kind kind;
	bool is_pointer; /* a per-CPU pointer (of a static variable: its symbol's address) and no
			  * CPU's copy: not an address of memory, so that what else lies at this
			  * number may be the better answer */
	unsigned cpu;	 /* whose copy; 0 when is_pointer */
	uint64_t pointer_va;  /* the same place as a per-CPU pointer: for percpu_address() */
	uint64_t start, size; /* the variable or allocation or free hole, as per-CPU pointer; size
			       * 0: not known */
	uint64_t offset;      /* into that */
	const char *symbol; /* of the variable; NULL: none. Lives as long as the target's symbols */
	char module[64];    /* PERCPU_MODULE: its name */
	uint64_t chunk_va;  /* struct pcpu_chunk; 0: the static part, which has none */
	uint64_t chunk_offset; /* into the chunk's unit, or the static part */
};

/*
 * The variable or chunk, CPU and offset of @va: any CPU's copy first, a per-CPU pointer second.
 * *ret_found is false, and nothing stored, when it is neither. Cheap after the first call, which
 * reads the allocator's chunks. Chunks that cannot be read are not an error: then their addresses
 * are not found (percpu_chunk.h says why). An error means that there is no kernel or Ctrl-C.
 */
struct err *percpu_address_find(
	struct target *t, uint64_t va, struct percpu_place *ret, bool *ret_found) MUST_CHECK;

/* The module whose per-CPU section holds this pointer: .module, .start and .size of @ret. What goes
 * wrong with a module only hides its name; the error is Ctrl-C. */
struct err *percpu_module_find(struct target *t, uint64_t pointer_va, struct percpu_place *ret,
	bool *ret_found) MUST_CHECK;

#endif
