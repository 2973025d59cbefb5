/*
 * The resource trees, iomem_resource and ioport_resource: who claimed which physical range. Knows
 * the claims, not the hardware.
 */
#ifndef ANALYZER_KERNEL_RESOURCE_H
#define ANALYZER_KERNEL_RESOURCE_H

#include "analyzer/target/target.h"

/* Windows in bridges in windows: real trees are five deep. */
enum { RESOURCE_DEPTH_MAX = 64 };

struct resource {
	uint64_t va;
	uint64_t start, end; /* both included */
	uint64_t flags;
	uint64_t name_va, parent, sibling, child;
	unsigned depth; /* 0: below the root */
};

struct resource_iter {
	struct target *t;
	struct resource root;
	uint64_t next_va; /* 0: none */
	uint64_t count;
	unsigned depth;
	struct {
		uint64_t va;	      /* of the level's parent */
		uint64_t sibling;     /* what comes after the present branch */
		uint64_t mark, steps; /* Brent's search for a cycle of siblings */
		uint64_t mark_at;
	} level[RESOURCE_DEPTH_MAX];
};

/* Over what is below the root @symbol ("iomem_resource"), whose own data are it->root then. */
struct err *resource_iter_init(
	struct resource_iter *it, struct target *t, const char *symbol) MUST_CHECK;

/*
 * The next one, parents before children, as in /proc/iomem. An error with *ret_more true is about
 * one branch, and the walk goes on behind it.
 */
struct err *resource_iter_next(
	struct resource_iter *it, struct resource *ret, bool *ret_more) MUST_CHECK;

/* Its name; "<BAD>", as the kernel prints it, where there is none. */
struct err *resource_name(
	struct target *t, const struct resource *r, struct strbuf *out) MUST_CHECK;

/* "mem prefetch window busy": the kind and the flags that include/linux/ioport.h names. */
void resource_flags_format(uint64_t flags, struct strbuf *out);

#endif
