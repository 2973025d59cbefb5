/* kmem -i, -V and -o: counters, as rows. */
#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/kernel/memory_usage.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/vm_counters.h"
#include "analyzer/shell/kmem_rows.h"

static const struct column usage_columns[] = { { "what", .title = "", .width = 18,
						       .align = ALIGN_RIGHT },
	{ "pages", .width = 9, .align = ALIGN_RIGHT },
	{ "total", .width = 8, .align = ALIGN_RIGHT }, { "share", .title = "PERCENTAGE" },
	{ "percent", .hidden = true }, { "meminfo", .hidden = true }, { 0 } };
static const struct table usage_table = { .layout = LAYOUT_TABLE, .columns = usage_columns };

/* In crash's order where it has the same, its words too; what each is a share of, itself: the
 * whole. */
static const struct {
	enum memory_item item, of;
	const char *what, *meminfo;
} shown[] = {
	{ MEMORY_TOTAL, MEMORY_TOTAL, "TOTAL MEM", "MemTotal" },
	{ MEMORY_FREE, MEMORY_TOTAL, "FREE", "MemFree" },
	{ MEMORY_AVAILABLE, MEMORY_TOTAL, "AVAILABLE", "MemAvailable" },
	{ MEMORY_USED, MEMORY_TOTAL, "USED", NULL },
	{ MEMORY_SHARED, MEMORY_TOTAL, "SHARED", "Shmem" },
	{ MEMORY_BUFFERS, MEMORY_TOTAL, "BUFFERS", "Buffers" },
	{ MEMORY_CACHED, MEMORY_TOTAL, "CACHED", "Cached" },
	{ MEMORY_ANON, MEMORY_TOTAL, "ANONYMOUS", "AnonPages" },
	{ MEMORY_MAPPED, MEMORY_TOTAL, "FILES MAPPED", "Mapped" },
	{ MEMORY_DIRTY, MEMORY_TOTAL, "DIRTY", "Dirty" },
	{ MEMORY_WRITEBACK, MEMORY_TOTAL, "WRITEBACK", "Writeback" },
	{ MEMORY_SLAB, MEMORY_TOTAL, "SLAB", "Slab" },
	{ MEMORY_SLAB_RECLAIMABLE, MEMORY_SLAB, "RECLAIMABLE", "SReclaimable" },
	{ MEMORY_STACKS, MEMORY_TOTAL, "KERNEL STACKS", "KernelStack" },
	{ MEMORY_PAGE_TABLES, MEMORY_TOTAL, "PAGE TABLES", "PageTables" },
	{ MEMORY_VMALLOC, MEMORY_TOTAL, "VMALLOC", "VmallocUsed" },
	{ MEMORY_PERCPU, MEMORY_TOTAL, "PER CPU", "Percpu" },
	{ MEMORY_HIGH_TOTAL, MEMORY_TOTAL, "TOTAL HIGH", "HighTotal" },
	{ MEMORY_HIGH_FREE, MEMORY_HIGH_TOTAL, "FREE HIGH", "HighFree" },
	{ MEMORY_LOW_TOTAL, MEMORY_TOTAL, "TOTAL LOW", "LowTotal" },
	{ MEMORY_LOW_FREE, MEMORY_LOW_TOTAL, "FREE LOW", "LowFree" },
	{ MEMORY_HUGE_TOTAL, MEMORY_HUGE_TOTAL, "TOTAL HUGE", NULL },
	{ MEMORY_HUGE_FREE, MEMORY_HUGE_TOTAL, "HUGE FREE", NULL },
	{ MEMORY_SWAP_TOTAL, MEMORY_SWAP_TOTAL, "TOTAL SWAP", "SwapTotal" },
	{ MEMORY_SWAP_USED, MEMORY_SWAP_TOTAL, "SWAP USED", NULL },
	{ MEMORY_SWAP_FREE, MEMORY_SWAP_TOTAL, "SWAP FREE", "SwapFree" },
	{ MEMORY_SWAP_CACHED, MEMORY_SWAP_TOTAL, "SWAP CACHED", "SwapCached" },
	{ MEMORY_COMMIT_LIMIT, MEMORY_COMMIT_LIMIT, "COMMIT LIMIT", "CommitLimit" },
	{ MEMORY_COMMITTED, MEMORY_COMMIT_LIMIT, "COMMITTED", "Committed_AS" },
};

static const char *name_of(enum memory_item item)
{
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		if (shown[i].item == item)
			return shown[i].what;
	return "";
}

struct err *kmem_usage_run(struct cx *cx)
{
	struct memory_usage u;
	unsigned shift = page_shift(cx->target);
	struct err *err = memory_usage_read(cx->target, &u);
	out_table(cx->out, &usage_table);
	for (size_t i = 0; !err && i < ARRAY_SIZE(shown); i++) {
		uint64_t bytes = u.item[shown[i].item].bytes, whole = u.item[shown[i].of].bytes;
		if (!u.item[shown[i].item].known)
			continue;
		out_row(cx->out);
		out_str(cx->out, "what", shown[i].what);
		out_uint(cx->out, "pages", bytes >> shift);
		out_bytes(cx->out, "total", bytes);
		out_str(cx->out, "meminfo", shown[i].meminfo);
		if (shown[i].of == shown[i].item || !whole)
			continue;
		uint64_t percent = (uint64_t)((double)bytes * 100 / (double)whole);
		out_strf(cx->out, "share", "%3" PRIu64 "%% of %s", percent, name_of(shown[i].of));
		out_uint(cx->out, "percent", percent);
	}
	return err;
}

/* ---- counters ----------------------------------------------- */

static const struct column counter_columns[] = { { "kind", .width = 5 }, { "name", .width = 34 },
	{ "value", .width = 12, .align = ALIGN_RIGHT }, { 0 } };
static const struct table counter_table = { .layout = LAYOUT_TABLE, .columns = counter_columns };

static bool is_wanted(const struct args *a, const char *name)
{
	for (int i = 0; i < args_count(a); i++)
		if (strstr(name, args_get(a, i)))
			return true;
	return !args_count(a);
}

static void show_counter(
	struct cx *cx, const struct args *a, const char *kind, const char *name, uint64_t value)
{
	if (!is_wanted(a, name))
		return;
	out_row(cx->out);
	out_str(cx->out, "kind", kind);
	out_str(cx->out, "name", name);
	out_uint(cx->out, "value", value);
}

static struct err *show_counters(
	struct cx *cx, const struct args *a, enum counter_kind kind, const char *word)
{
	unsigned n = 0;
	struct err *err = zone_counters(cx->target, kind, &n);
	for (unsigned i = 0; !err && i < n; i++) {
		scoped_strbuf struct strbuf name = { 0 };
		uint64_t value;
		err = vm_counter_read(cx->target, kind, i, &value);
		if (err)
			return err;
		zone_counter_name(cx->target, kind, i, &name);
		show_counter(cx, a, word, strbuf_text(&name), value);
	}
	return err;
}

static struct err *show_events(struct cx *cx, const struct args *a)
{
	unsigned n = 0;
	if (!target_has_symbol(cx->target, "vm_event_states"))
		return NULL; /* CONFIG_VM_EVENT_COUNTERS is off: there is nothing to show */
	struct err *err = vm_event_count(cx->target, &n);
	for (unsigned i = 0; !err && i < n; i++) {
		scoped_strbuf struct strbuf name = { 0 };
		uint64_t value;
		err = vm_event_read(cx->target, i, &value);
		if (err)
			return err;
		vm_event_name(cx->target, i, &name);
		show_counter(cx, a, "event", strbuf_text(&name), value);
	}
	return err;
}

/* A part that cannot be read does not keep the others back. */
struct err *kmem_counters_run(struct cx *cx, const struct args *a)
{
	struct err *part[] = { NULL, NULL, NULL };
	out_table(cx->out, &counter_table);
	out_nothing(cx->out, "no counter has such a name: kmem -V lists them");
	part[0] = show_counters(cx, a, COUNTERS_ZONE, "zone");
	part[1] = show_counters(cx, a, COUNTERS_NODE, "node");
	part[2] = show_events(cx, a);
	for (size_t i = 0; i < ARRAY_SIZE(part); i++)
		if (part[i])
			out_complain(cx->out, part[i]);
	return interrupt_check();
}

/* ---- CPUs ----------------------------------------------- */

static const struct column offset_columns[] = { { "cpu", .width = 4, .align = ALIGN_RIGHT },
	{ "offset", .width = WIDTH_ADDRESS }, { "start", .width = WIDTH_ADDRESS }, { 0 } };
static const struct table offset_table = { .layout = LAYOUT_TABLE, .columns = offset_columns };

/* Kernels for one CPU have one copy of all, where it was linked. */
static struct err *show_one_cpu(struct cx *cx)
{
	out_row(cx->out);
	out_uint(cx->out, "cpu", 0);
	out_addr(cx->out, "offset", 0);
	return NULL;
}

struct err *kmem_offsets_run(struct cx *cx)
{
	struct cpu_mask cpus;
	uint64_t first, mask = cx->target->abi.word_bytes == 4 ? UINT32_MAX : UINT64_MAX;
	struct err *err = cpu_mask_read(cx->target, CPUS_POSSIBLE, &cpus);
	out_table(cx->out, &offset_table);
	if (!err && !target_has_symbol(cx->target, "__per_cpu_offset") &&
		cpu_mask_count(&cpus) == 1)
		return show_one_cpu(cx);
	if (!err)
		err = target_symbol(cx->target, "__per_cpu_start", &first);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		uint64_t va;
		err = percpu_address(cx->target, first, cpu, &va);
		if (err)
			return err;
		out_row(cx->out);
		out_uint(cx->out, "cpu", cpu);
		out_addr(cx->out, "offset", (va - first) & mask);
		out_addr(cx->out, "start", va);
	}
	return err;
}
