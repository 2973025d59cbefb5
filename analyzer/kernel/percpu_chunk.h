/*
 * The allocator of per-CPU memory: its chunks, and which bytes of them are in use. A chunk is a
 * range of per-CPU pointers; each possible CPU has its own copy ("unit") of it,
 * __per_cpu_offset[cpu] away.
 */
#ifndef ANALYZER_KERNEL_PERCPU_CHUNK_H
#define ANALYZER_KERNEL_PERCPU_CHUNK_H

#include "analyzer/base/vec.h"
#include "analyzer/kernel/percpu.h"

enum { PERCPU_MAP_BYTES = 4 }; /* that a bit of a chunk's maps stands for: PCPU_MIN_ALLOC_SIZE */

enum percpu_chunk_kind {
	PERCPU_CHUNK_FIRST,    /* the dynamic part of the first units, behind the static one */
	PERCPU_CHUNK_RESERVED, /* a part of the first units for modules' static variables */
	PERCPU_CHUNK_MORE      /* of the vmalloc space, as need arose */
};

/* A free area that the allocator remembers, in bits. */
struct percpu_hint {
	int32_t contig, contig_start, left_free, right_free, first_free;
};

struct percpu_chunk {
	uint64_t va; /* of its struct pcpu_chunk */
	enum percpu_chunk_kind kind;
	int slot;	     /* the list it is on; -1: the reserved chunk, or on none */
	uint64_t base_va;    /* of its unit with offset 0: page aligned */
	uint64_t pointer_va; /* the same as a per-CPU pointer */
	uint64_t start, end; /* [start, end) of the unit are the chunk's own, bytes from base */
	uint64_t npages, npopulated;
	int64_t free_bytes; /* as the chunk says */
	struct percpu_hint hint;
	uint64_t alloc_map_va, bound_map_va, blocks_va, populated_va;
	bool immutable; /* its pages stay */
	bool isolated;	/* being emptied, not allocated from (since v5.14) */
	bool accounted; /* its objects belong to memory cgroups */
};

struct percpu_areas {
	struct target *t;
	struct cpu_mask cpus; /* possible */
	uint64_t delta; /* unit 0 of the first chunk less __per_cpu_start: base_va - pointer_va */
	uint64_t static_va, static_size;		/* of the section, as its symbols have it */
	uint64_t base_va;				/* pcpu_base_addr; 0: not known */
	uint64_t unit_size, nunits, ngroups, atom_size; /* 0: not known */
	uint64_t page_bytes;
	VEC(struct percpu_chunk) chunk; /* by base */
	VEC(uint64_t) offset;	  /* __per_cpu_offset by CPU number; 0 where there is no CPU */
	VEC(struct err *) damage; /* findings: chunks and lists that make no sense */
	struct err *no_chunks;	  /* why there are none; NULL: they were read */
};

/* Reads all of it once and keeps it with the target: borrowed. An error: no kernel, no possible
 * CPUs or no __per_cpu_offset, or Ctrl-C; anything else is .no_chunks or .damage. */
struct err *percpu_areas_get(struct target *t, const struct percpu_areas **ret) MUST_CHECK;

/* The chunk that serves the per-CPU pointer, or @va of any CPU's copy; NULL: none. */
const struct percpu_chunk *percpu_chunk_of_pointer(
	const struct percpu_areas *a, uint64_t pointer_va);
const struct percpu_chunk *percpu_chunk_of_copy(
	const struct percpu_areas *a, uint64_t va, unsigned *ret_cpu, uint64_t *ret_pointer_va);

/* "first", "reserved", "more". */
const char *percpu_chunk_kind_name(enum percpu_chunk_kind k);

/* Lists of chunks by slot and type; the array of their heads. Since v5.9 pcpu_chunk_lists. */
struct err *percpu_chunks_read(struct target *t, struct percpu_areas *a) MUST_CHECK;

#endif
