/*
 * mm/vmstat.c, 4.19 to 7.2: vm_zone_stat[] and vm_node_stat[] of atomics, vm_event_states of each
 * CPU. vmstat_text names the events behind zones, NUMA events, nodes and what vmstat_start() fills
 * in.
 */
#include "analyzer/kernel/vm_counters.h"

#include <inttypes.h>

#include "analyzer/kernel/page_flags.h"
#include "analyzer/kernel/zone_internal.h"

enum { EVENTS_MAX = 1024 };

struct err *vm_counter_read(struct target *t, enum counter_kind kind, unsigned i, uint64_t *ret)
{
	unsigned word = t->abi.word_bytes, n;
	uint64_t va, value;
	struct err *err = zone_counters(t, kind, &n);
	if (!err)
		err = target_symbol(
			t, kind == COUNTERS_ZONE ? "vm_zone_stat" : "vm_node_stat", &va);
	if (!err && i >= n)
		err = err_new(ERR_NOT_FOUND, "there are %u counters, none is number %u", n, i);
	if (!err)
		err = vspace_read_word(t->kernel, va + (uint64_t)i * word, &value);
	if (!err)
		*ret = sign_extend(value, word * 8u) < 0 ? 0 : value;
	return err;
}

bool vm_counter_index(
	struct target *t, const char *enumerator, enum counter_kind kind, int64_t *ret)
{
	int64_t at;
	if (!page_enum_find(t, kind == COUNTERS_ZONE ? "zone_stat_item" : "node_stat_item",
		    enumerator, &at) ||
		at < 0 || at > UINT16_MAX)
		return false;
	*ret = at;
	return true;
}

bool vm_counter_find(struct target *t, const char *enumerator, uint64_t *ret)
{
	static const enum counter_kind kind[] = { COUNTERS_NODE, COUNTERS_ZONE };
	for (size_t i = 0; i < ARRAY_SIZE(kind); i++) {
		int64_t at;
		if (!vm_counter_index(t, enumerator, kind[i], &at))
			continue;
		scoped_err struct err *err = vm_counter_read(t, kind[i], (unsigned)at, ret);
		return !err;
	}
	return false;
}

struct err *vm_event_count(struct target *t, unsigned *ret)
{
	struct zone_array a;
	struct err *err = zone_array_find(t, "vm_event_state", "event", &a);
	if (!err && a.count > EVENTS_MAX)
		err = err_new(ERR_FORMAT, "%" PRIu64 " events", a.count);
	if (!err)
		*ret = (unsigned)a.count;
	return err_wrap(err, "events");
}

struct err *vm_event_read(struct target *t, unsigned i, uint64_t *ret)
{
	struct cpu_mask cpus;
	struct zone_array a;
	uint64_t sum = 0;
	struct err *err = zone_array_find(t, "vm_event_state", "event", &a);
	if (!err)
		err = cpu_mask_read(t, CPUS_POSSIBLE, &cpus);
	if (!err && i >= a.count)
		err = err_new(ERR_NOT_FOUND, "no event %u", i);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		uint64_t va, n;
		err = percpu_symbol(t, "vm_event_states", cpu, &va);
		if (!err)
			err = vspace_read_word(t->kernel, va + a.offset + i * a.element_bytes, &n);
		if (!err)
			sum += n;
	}
	if (!err)
		*ret = t->abi.word_bytes == 4 ? sum & UINT32_MAX
					      : sum; /* the kernel adds up longs */
	return err;
}

void vm_event_name(struct target *t, unsigned i, struct strbuf *out)
{
	unsigned node_items;
	int64_t more = 0;
	uint64_t first;
	/* its name since 6.11; before, the writeback thresholds were all of them */
	bool known = page_enum_find(t, "vm_stat_item", "NR_VM_STAT_ITEMS", &more) ||
		     page_enum_find(t, "writeback_stat_item", "NR_VM_WRITEBACK_STAT_ITEMS", &more);
	struct err *err = zone_counters(t, COUNTERS_NODE, &node_items);
	bool found = !err && known && more >= 0 && zone_first_text(t, COUNTERS_NODE, &first) &&
		     zone_text_add(t, "vmstat_text", first + node_items + (uint64_t)more + i, out);
	err_drop(err); /* then the enumerator says it */
	if (!found && !zone_enumerator_add(t, "vm_event_item", i, out))
		strbuf_addf(out, "event_%u", i);
}
