/*
 * An address space of the dead machine: virtual reads with provenance. Given its facts, it looks
 * for nothing by itself. Kernel spaces have windows (linear map, kernel image) that need no table;
 * all other addresses go through a software TLB and the walker. Not thread-safe: one space per
 * thread.
 */
#ifndef ANALYZER_SPACE_VSPACE_H
#define ANALYZER_SPACE_VSPACE_H

#include "analyzer/dump/dump.h"
#include "analyzer/space/walk.h"
#include "arch/arch.h"

struct space_facts {
	const struct arch *arch;
	struct abi abi;
	/* For a user space: pgd replaced, nwindows 0. Where the halves have roots of their own
	 * (arm64), a layout with windows is the kernel's and has only upper addresses, one without
	 * is a user's and has only lower ones. */
	struct arch_layout layout;
};

struct vspace;

/* In all calls below tags in the ignored top byte do not matter. Pointer authentication does: strip
 * it with arch->strip() where code pointers are meant; removing it from any address would make RAM
 * of LIST_POISON1. */
struct vspace *vspace_create(struct dump *d, const struct space_facts *facts);
void vspace_destroy(struct vspace *vs);

const struct space_facts *vspace_facts(const struct vspace *vs);
struct dump *vspace_dump(const struct vspace *vs);

/* Physical address of @va; *ret_run (may be NULL) is how many bytes from
 * there on are physically contiguous for certain. */
enum fault_kind vspace_translate(
	struct vspace *vs, uint64_t va, struct paddr *ret_pa, uint64_t *ret_run);

/* The bytes at @va in place, as dump_map(): *ret_n > 0 of them, within one page or window. */
enum fault_kind vspace_map(struct vspace *vs, uint64_t va, const uint8_t **ret_p, size_t *ret_n);

/* Reads that allocate nothing. *ret_bad (may be NULL): the first address that failed. */
enum fault_kind vspace_try_read(
	struct vspace *vs, uint64_t va, void *buf, size_t n, uint64_t *ret_bad);
bool vspace_try_uint(struct vspace *vs, uint64_t va, unsigned bytes, uint64_t *ret);
bool vspace_try_word(struct vspace *vs, uint64_t va, uint64_t *ret);

/* The same with error objects that name the address. */
struct err *vspace_read(struct vspace *vs, uint64_t va, void *buf, size_t n) MUST_CHECK;
struct err *vspace_read_uint(
	struct vspace *vs, uint64_t va, unsigned bytes, uint64_t *ret) MUST_CHECK;
struct err *vspace_read_word(struct vspace *vs, uint64_t va, uint64_t *ret) MUST_CHECK;

/* A terminated string of at most @max - 1 bytes into @buf; a longer one is cut. */
struct err *vspace_read_str(struct vspace *vs, uint64_t va, char *buf, size_t max) MUST_CHECK;

#endif
