/* The machine's counters of memory: those that all zones and nodes add to, and the CPUs' events. */
#ifndef ANALYZER_KERNEL_VM_COUNTERS_H
#define ANALYZER_KERNEL_VM_COUNTERS_H

#include "analyzer/kernel/zone.h"

/* Counter @i of all zones or all nodes; as /proc/vmstat never negative. ERR_MISSING: no symbol. */
struct err *vm_counter_read(
	struct target *t, enum counter_kind kind, unsigned i, uint64_t *ret) MUST_CHECK;

/* By its enumerator ("NR_FREE_PAGES"), a zone's or a node's. False: this kernel has none of that
 * name, or it cannot be read. */
bool vm_counter_find(struct target *t, const char *enumerator, uint64_t *ret);

/* Its place among the counters of @kind; false: this kernel has none of that name. */
bool vm_counter_index(
	struct target *t, const char *enumerator, enum counter_kind kind, int64_t *ret);

/* How many events the kernel counts. ERR_MISSING: CONFIG_VM_EVENT_COUNTERS is off, or no types. */
struct err *vm_event_count(struct target *t, unsigned *ret) MUST_CHECK;

/* Event @i, summed over all possible CPUs: after a panic the stopped ones no longer are online. */
struct err *vm_event_read(struct target *t, unsigned i, uint64_t *ret) MUST_CHECK;

/* Its name in /proc/vmstat. */
void vm_event_name(struct target *t, unsigned i, struct strbuf *out);

#endif
