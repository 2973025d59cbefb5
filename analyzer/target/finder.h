/*
 * Bootstrap: where in memory is the kernel? Each finder proposes a placement; a placement counts only
 * when linux_banner stands in the dump where it says, byte for byte as in the vmlinux.
 */
#ifndef ANALYZER_TARGET_FINDER_H
#define ANALYZER_TARGET_FINDER_H

#include "analyzer/dump/dump.h"
#include "analyzer/target/vmlinux.h"
#include "arch/arch.h"

struct finder_input {
	struct dump *dump;
	const struct vmlinux *vmlinux; /* may be NULL */
	const struct arch *arch;
	const char *vmcoreinfo; /* may be NULL */
};

/* Tries all finders in turn. ERR_NOT_FOUND when none can prove its answer. @ret_how: static words. */
struct err *finder_place_kernel(const struct finder_input *in, struct kernel_image *ret,
	const char **ret_how) MUST_CHECK;

/* The banner of whatever kernel the dump holds ("Linux version …", malloc'ed, without newline), for
 * messages about a mismatch; NULL when there is none to be seen. Reads all memory: slow. */
char *finder_dump_banner(struct dump *d);

/* VMCOREINFO text from memory when no note has it: a page that begins with OSRELEASE=
 * (kernel/crash_core.c, 4.19 to 6.6, kernel/vmcore_info.c since: a page-aligned buffer of PAGE_SIZE).
 * malloc'ed, NULL when there is none. Reads the first bytes of every page. */
char *finder_vmcoreinfo(struct dump *d);

#endif
