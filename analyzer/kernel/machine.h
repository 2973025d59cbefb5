/*
 * The machine as the kernel met it when it booted: which CPUs, which caches, which board. Knows
 * what was kept in variables; registers at death are the stack layer's.
 */
#ifndef ANALYZER_KERNEL_MACHINE_H
#define ANALYZER_KERNEL_MACHINE_H

#include "analyzer/kernel/percpu.h"

enum { MACHINE_TEXT_BYTES = 160 };

struct machine {
	char model[MACHINE_TEXT_BYTES];	     /* the device tree's; "" when it is not known */
	char descriptor[MACHINE_TEXT_BYTES]; /* ARM32: "Hardware" of /proc/cpuinfo */
	char banner[MACHINE_TEXT_BYTES];     /* the boot log's words about CPU 0 */
	char caches[MACHINE_TEXT_BYTES];     /* ARM32: the next line of it */
	char cpu_name[MACHINE_TEXT_BYTES];
	bool has_control;
	uint64_t control; /* ARM32: cr_alignment, the control register */
	bool has_hwcap;
	uint64_t hwcap;
};

/* Empty texts and has_… say what this kernel does not keep, or symbols do not lead to; ERR_MISSING
 * only when there is no kernel. */
struct err *machine_read(struct target *t, struct machine *ret) MUST_CHECK;

struct machine_cpu {
	unsigned cpu;
	uint32_t midr;
	uint64_t mpidr; /* the affinity bits, as in the boot log */
	bool has_mpidr;
	uint64_t cache_type; /* arm64: CTR_EL0 */
	bool has_cache_type;
	char banner[MACHINE_TEXT_BYTES]; /* "Booting Linux …" or "CPU1: Booted secondary processor
					    …" */
};

/* ERR_MISSING names the symbol or type that would tell. */
struct err *machine_cpu_read(struct target *t, unsigned cpu, struct machine_cpu *ret) MUST_CHECK;

/* "Cortex-A15" of ARM's own, NULL for others. */
const char *machine_part_name(uint32_t midr);

/* The instruction cache's policy by CTR_EL0.L1Ip: "PIPT", "VIPT", "VPIPT", "reserved". */
const char *machine_icache_policy(uint64_t cache_type);

#endif
