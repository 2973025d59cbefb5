/*
 * SLUB's caches (struct kmem_cache): sizes, flags by name, where their nodes and CPUs keep slabs.
 * What is in the slabs is slab_page.h's and slab_object.h's.
 */
#ifndef ANALYZER_KERNEL_SLAB_CACHE_H
#define ANALYZER_KERNEL_SLAB_CACHE_H

#include "analyzer/base/strbuf.h"
#include "analyzer/kernel/list.h"
#include "analyzer/target/target.h"

enum slab_flag {
	SLAB_FLAG_CHECKS,
	SLAB_FLAG_RED_ZONE,
	SLAB_FLAG_POISON,
	SLAB_FLAG_KMALLOC,
	SLAB_FLAG_ALIGNED,
	SLAB_FLAG_DMA,
	SLAB_FLAG_DMA32,
	SLAB_FLAG_STORE_USER,
	SLAB_FLAG_PANIC,
	SLAB_FLAG_RCU,
	SLAB_FLAG_TRACE,
	SLAB_FLAG_NO_LEAK_TRACE,
	SLAB_FLAG_NO_MERGE,
	SLAB_FLAG_ACCOUNT,
	SLAB_FLAG_KASAN,
	SLAB_FLAG_RECLAIM,
	SLAB_FLAG_OBJECT_POISON,
	SLAB_FLAG_COUNT
};

struct slab_cache {
	uint64_t va;
	char name[64];
	uint64_t flags;		  /* as the kernel has them */
	uint32_t known;		  /* bits 1 << enum slab_flag */
	uint32_t size;		  /* from object to object */
	uint32_t object_size;	  /* without metadata */
	uint32_t inuse;		  /* offset of the metadata behind the object */
	uint32_t align, offset;	  /* offset: of the free pointer */
	uint32_t red_left_pad;	  /* redzone before the object; 0: none */
	uint32_t order, per_slab; /* of a new slab; older ones may be smaller */
	uint32_t sheaf_capacity;  /* 0: no sheaves */
	uint64_t random;	  /* of a hardened free list */
	bool hardened;
	uint64_t cpu_slab, cpu_sheaves; /* per-CPU addresses; 0: none */
	uint64_t ctor_va;
	uint64_t nodes_va, node_stride; /* of the pointers to struct kmem_cache_node */
	uint64_t barns_va;		/* of the pointers to struct node_barn; 0: none */
	uint32_t nnodes;
};

/* ERR_FORMAT when sizes make no sense. Tags in @va do not matter. */
struct err *slab_cache_read(struct target *t, uint64_t va, struct slab_cache *ret) MUST_CHECK;

struct slab_cache_iter {
	struct target *t;
	struct list_iter list;
	uint64_t offset;
};

/* The list slab_caches. ERR_MISSING: no symbol, no types, or another allocator than SLUB. */
struct err *slab_cache_iter_init(struct slab_cache_iter *it, struct target *t) MUST_CHECK;

/* An error with *ret_more true concerns one cache only. */
struct err *slab_cache_iter_next(
	struct slab_cache_iter *it, struct slab_cache *ret, bool *ret_more) MUST_CHECK;

/* The first of this name. ERR_NOT_FOUND. */
struct err *slab_cache_find(struct target *t, const char *name, struct slab_cache *ret) MUST_CHECK;

static inline bool slab_cache_has(const struct slab_cache *c, enum slab_flag f)
{
	return c->known >> f & 1;
}

/* "red_zone|poison|store_user"; "" for none. */
void slab_cache_format_flags(const struct slab_cache *c, struct strbuf *out);

/* A pointer without the tag of tag-based KASAN. */
uint64_t slab_untag(const struct target *t, uint64_t va);

#endif
