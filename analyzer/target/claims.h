/*
 * Where others say that the kernel lies: bootstrap finders of plugins. A claim counts for as much
 * as one of our own: with a vmlinux its banner must stand there, without one the page tables must
 * lead to kallsyms.
 */
#ifndef ANALYZER_TARGET_CLAIMS_H
#define ANALYZER_TARGET_CLAIMS_H

#include "analyzer/base/vec.h"
#include "analyzer/dump/dump.h"

struct target;
struct claims;
struct arch_layout;

/* 0: not known. */
struct kernel_claim {
	uint64_t text_pa; /* _text in memory */
	uint64_t text_va; /* _text as it runs, KASLR included */
	uint64_t root_pa; /* swapper_pg_dir */
};

struct foreign_finder {
	const char *name; /* for `sys -b`; lives as long as the target */
	/* Adds claims. The target has memory by physical address, and no kernel yet. */
	struct err *(*find)(void *cx, struct target *t, struct claims *to);
	void *cx;
};

struct claim {
	const char *finder;
	struct kernel_claim says;
};

enum { CLAIMS_MAX = 64 };

struct claims {
	const char *finder; /* at work */
	VEC(struct claim) v;
};

/* ERR_LIMIT behind CLAIMS_MAX, ERR_USAGE for one without text_pa. */
struct err *claims_add(struct claims *c, const struct kernel_claim *says) MUST_CHECK;

/* Asks all finders, anew at each call. What fails is an attempt; ERR_INTERRUPTED only. */
struct err *claims_collect(
	struct target *t, const struct foreign_finder *finders, size_t n) MUST_CHECK;
void claims_deinit(struct claims *c);

/* Virtual minus physical as @c says, with the table's _text where it does not say text_va itself.
 */
bool claim_voffset(const struct target *t, const struct claim *c, uint64_t *ret);

/* Whether the layout that was proved has the page table that claims name: for `sys -b`. */
void claims_check_root(struct target *t, const struct arch_layout *l);

#endif
