/*
 * Areas of the vmalloc space: what the kernel mapped there for itself, who asked for it, and what
 * it gave back but did not unmap yet. Knows the kernel's books, not its page tables.
 */
#ifndef ANALYZER_KERNEL_VMALLOC_H
#define ANALYZER_KERNEL_VMALLOC_H

#include "analyzer/base/vec.h"
#include "analyzer/target/target.h"

enum vmalloc_state {
	VMALLOC_BUSY,
	VMALLOC_UNPURGED, /* freed; its addresses wait until all CPUs have forgotten them */
	VMALLOC_EARLY, /* registered before there was a vmalloc space: a machine that died while it
			* booted */
};

struct vmalloc_area {
	uint64_t va;	     /* of its struct vmap_area; 0: an early one */
	uint64_t start, end; /* [start, end), a guard page at the end included */
	enum vmalloc_state state;
	bool map_ram;	/* of vm_map_ram(); it has no struct vm_struct */
	bool is_static; /* ARM: a mapping for good, of iotable_init() and its like */
	uint64_t vm_va; /* of its struct vm_struct; 0: none, and then nothing of this is known: */
	uint64_t size;	/* the vm_struct's own word for it */
	uint64_t flags, pages_va, npages, phys, caller, requested;
	uint32_t page_order; /* of what it is mapped with; 0 where all are single pages */
};

struct vmalloc {
	struct target *t;
	VEC(struct vmalloc_area) area; /* by start; the states beside each other */
	VEC(struct err *) damage; /* findings, the caller's to take; at most VMALLOC_DAMAGE_MAX */
	uint64_t more_damage;	  /* findings beyond those */
};
enum { VMALLOC_DAMAGE_MAX = 64 };

/*
 * Lists and trees are read both, so that damage of one costs nothing; what they do not agree about,
 * areas that make no sense and areas that overlap are findings. ERR_MISSING: symbols or types lack.
 */
struct err *vmalloc_read(struct target *t, struct vmalloc *ret) MUST_CHECK;
void vmalloc_deinit(struct vmalloc *v);
#define scoped_vmalloc __attribute__((cleanup(vmalloc_deinit)))

/* The area that holds @va, one in use before an unpurged one; NULL: none. */
const struct vmalloc_area *vmalloc_find(const struct vmalloc *v, uint64_t va);

/* "ioremap", "vmalloc vpages", "vm_map_ram", "unpurged": the words of /proc/vmallocinfo, and beside
 * them "static" and "uninitialized". */
void vmalloc_format_kind(const struct vmalloc *v, const struct vmalloc_area *a, struct strbuf *out);

/* The frame of its page number @i, whose struct page is *ret_page_va. ERR_NOT_FOUND: it has no list
 * of pages, or not so many. */
struct err *vmalloc_page_read(const struct vmalloc *v, const struct vmalloc_area *a, uint64_t i,
	uint64_t *ret_page_va) MUST_CHECK;

#endif
