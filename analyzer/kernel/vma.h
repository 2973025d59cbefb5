/*
 * The areas of a user address space: struct vm_area_struct, from a maple tree (since 6.1) or a
 * red-black tree and list (before). Knows ranges, flags, names and what keeps neighbours apart; not
 * the pages in them.
 */
#ifndef ANALYZER_KERNEL_VMA_H
#define ANALYZER_KERNEL_VMA_H

#include "analyzer/kernel/maple.h"
#include "analyzer/kernel/mm.h"
#include "analyzer/kernel/rbtree.h"

struct vma {
	uint64_t va;
	uint64_t start, end; /* the latter is not part of it */
	uint64_t mm, flags, pgoff;
	uint64_t file, ops, private_data;
	uint64_t anon_vma, chain_va, chain_next, chain_prev; /* the anon_vma_chain's list_head */
	uint64_t policy, userfaultfd, anon_name;
	uint64_t next; /* up to 6.0 */
	bool is_gate;  /* ARM's vectors page, which every process sees and no mm has */
	uint64_t index_first, index_last; /* where the maple tree has it; last 0: not from one */
};

struct vma_iter {
	struct target *t;
	struct mm mm;
	enum { VMA_MAPLE, VMA_RBTREE, VMA_LIST } how;
	struct maple_iter maple;
	struct rbtree_iter rbtree;
	uint64_t next_va; /* of the list */
	uint64_t count;
	uint64_t gate_va; /* still to come; 0: none */
};

/* Over the areas of @mm by ascending address. ERR_MISSING names what the types lack. */
struct err *vma_iter_init(struct vma_iter *it, struct target *t, const struct mm *mm) MUST_CHECK;

/* An error with *ret_more true is about one area or a part of the tree; the walk goes on behind it.
 */
struct err *vma_iter_next(struct vma_iter *it, struct vma *ret, bool *ret_more) MUST_CHECK;

/* What is wrong with @v behind @before (NULL: it is the first) in @mm; NULL when nothing is. */
struct err *vma_check(
	const struct vma *v, const struct vma *before, const struct mm *mm) MUST_CHECK;

/*
 * What /proc/PID/maps has in its last column: a path, "[heap]", "[stack]", "[vdso]", "[anon:NAME]";
 * "" for an area without a name. The bytes are the dump's own.
 */
struct err *vma_name_format(
	struct target *t, const struct vma *v, const struct mm *mm, struct strbuf *out) MUST_CHECK;

/* The name that the process gave it (prctl(PR_SET_VMA)), "[anon:NAME]"; nothing where it gave none.
 */
struct err *vma_anon_name_format(
	struct target *t, const struct vma *v, struct strbuf *out) MUST_CHECK;

/* The line of /proc/PID/maps, its padding included, without a newline; @name is
 * vma_name_format()'s. */
struct err *vma_line_format(
	struct target *t, const struct vma *v, const char *name, struct strbuf *out) MUST_CHECK;

/* The two letters of smaps' VmFlags, "rd wr mr mw me ac"; bits without any stand as "??". */
void vma_flags_short(struct target *t, uint64_t flags, struct strbuf *out);

/* "VM_READ|VM_MAYREAD"; a bit that has no known name stands as "0x2000000000". */
void vma_flags_names(struct target *t, uint64_t flags, struct strbuf *out);

/*
 * Appends what keeps @v from being one area with @next, in the order in which vma_merge() looks:
 * "flags differ: VM_WRITE", "userfaultfd", …, joined with "; ". Nothing appended: they could be
 * one.
 */
struct err *vma_merge_obstacles(struct target *t, const struct vma *v, const struct vma *next,
	struct strbuf *out) MUST_CHECK;

#endif
