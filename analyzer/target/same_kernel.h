/* Whether the vmlinux is that of the kernel in the dump. */
#ifndef ANALYZER_TARGET_SAME_KERNEL_H
#define ANALYZER_TARGET_SAME_KERNEL_H

#include "analyzer/target/target.h"

/* ERR_MISMATCH by build-id: VMCOREINFO has it since v5.10 or so (kernel/crash_core.c). Older
 * kernels are told by their banner when they are sought. */
struct err *same_kernel_check(const struct target *t) MUST_CHECK;

/* No finder could prove a place; takes @not_found. A banner of another kernel in the dump makes it
 * ERR_MISMATCH; one that is cut off where a damaged dump ends does not. */
struct err *same_kernel_explain(struct target *t, struct err *not_found) MUST_CHECK;

#endif
