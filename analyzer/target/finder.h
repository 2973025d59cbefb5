/*
 * Bootstrap: where in memory is the kernel? Each finder proposes a placement; a placement counts
 * only when linux_banner stands in the dump where it says, byte for byte as in the vmlinux.
 */
#ifndef ANALYZER_TARGET_FINDER_H
#define ANALYZER_TARGET_FINDER_H

#include "analyzer/dump/dump.h"
#include "analyzer/target/attempts.h"
#include "analyzer/target/claims.h"
#include "analyzer/target/scan.h"
#include "analyzer/target/vmlinux.h"
#include "arch/arch.h"

struct finder_input {
	struct dump *dump;
	const struct vmlinux *vmlinux; /* may be NULL */
	const struct arch *arch;
	const char *vmcoreinfo; /* may be NULL */
	struct attempts *attempts;
	const struct claims *claims; /* may be NULL */
};

/* Tries all finders in turn. ERR_NOT_FOUND when none can prove its answer. @ret_how: static words.
 */
struct err *finder_place_kernel(
	const struct finder_input *in, struct kernel_image *ret, const char **ret_how) MUST_CHECK;

/* The banner of whatever kernel the dump holds ("Linux version …", malloc'ed, without newline), for
 * messages; NULL when there is none, and after Ctrl-C. */
char *finder_dump_banner(struct scan *s);

/* VMCOREINFO text from memory: a page that begins with "OSRELEASE=" and says a page size
 * (vmcoreinfo_data has one of its own; kernel/crash_core.c, later vmcore_info.c). malloc'ed; NULL
 * when there is none, and after Ctrl-C. *ret_pa (may be NULL) is where it stands. */
char *finder_vmcoreinfo(struct scan *s, struct paddr *ret_pa);

#endif
