/* An address space as the walk over a program's frames needs it: areas, and the files that are
 * mapped there. For this folder only. */
#ifndef ANALYZER_STACK_USER_MAPS_H
#define ANALYZER_STACK_USER_MAPS_H

#include "analyzer/base/vec.h"
#include "analyzer/kernel/vma.h"
#include "analyzer/stack/user_elf.h"
#include "analyzer/stack/user_trace.h"

struct user_file {
	uint64_t base; /* where its first byte is mapped */
	bool known;    /* .elf says something */
	struct user_elf elf;
};

struct user_name {
	uint64_t area_va;
	char *name;
};

struct user_maps {
	struct target *t;
	struct mm mm;
	struct vspace *vs;
	struct abi abi; /* the program's */
	unsigned page_shift;
	VEC(struct vma) areas;	     /* ascending */
	VEC(struct user_file) files; /* those that were asked for */
	VEC(struct user_name) names;
	struct user_memory memory; /* of this space, for user_elf.h */
	struct user_pages *pages;  /* user_pages.h; borrowed */
};

/* Those of @task, kept with the target for its process's other threads: valid until the next call.
 * ERR_MISSING: it has none. */
struct err *user_maps_find(struct target *t, const struct task *task, const struct abi *abi,
	struct user_maps **ret) MUST_CHECK;

/* The name of @v, "" for none; borrowed. */
const char *user_maps_name(struct user_maps *m, const struct vma *v);

/* The area that holds @va; NULL: none. */
const struct vma *user_maps_area(const struct user_maps *m, uint64_t va);

/* From the space's pages, and where a file's page is not mapped yet, from what the kernel has of
 * the file. */
bool user_maps_read(struct user_maps *m, uint64_t va, void *buf, size_t n);

bool user_area_is_code(const struct vma *v);
bool user_area_is_stack(const struct vma *v); /* as far as flags tell: it can be written */

/* What the ELF file that is mapped at @v says of itself; NULL: nothing. Valid until the next call.
 */
const struct user_elf *user_maps_elf(struct user_maps *m, const struct vma *v);

#endif
