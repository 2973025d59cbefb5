/* CPUs and per-CPU variables. */
#ifndef ANALYZER_KERNEL_PERCPU_H
#define ANALYZER_KERNEL_PERCPU_H

#include "analyzer/target/target.h"

enum { CPUS_MAX = 4096 }; /* arm64's CONFIG_NR_CPUS ends there */

struct cpu_mask {
	uint64_t bits[CPUS_MAX / 64];
};

enum cpu_mask_kind { CPUS_POSSIBLE, CPUS_PRESENT, CPUS_ONLINE };

/* The mask as the kernel left it; after a panic the stopped CPUs are no longer online. Kernels for
 * one CPU have no masks: then it is CPU 0. ERR_FORMAT when it is empty: the CPU that asked was there. */
struct err *cpu_mask_read(const struct target *t, enum cpu_mask_kind kind, struct cpu_mask *ret)
	MUST_CHECK;

bool cpu_mask_has(const struct cpu_mask *m, unsigned cpu);
unsigned cpu_mask_count(const struct cpu_mask *m);

/* The first CPU in @m that is not below @from; CPUS_MAX when there is none. */
unsigned cpu_mask_next(const struct cpu_mask *m, unsigned from);

/* Whether @va lies in the kernel's own per-CPU section, so that each CPU has a copy of it. */
bool percpu_is_static(const struct target *t, uint64_t va);

/* Address of @cpu's copy of the per-CPU variable at @va (the address its symbol has). */
struct err *percpu_address(const struct target *t, uint64_t va, unsigned cpu, uint64_t *ret_va)
	MUST_CHECK;

/* The same by symbol. */
struct err *percpu_symbol(const struct target *t, const char *name, unsigned cpu, uint64_t *ret_va)
	MUST_CHECK;

#endif
