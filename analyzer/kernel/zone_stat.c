/*
 * Counters of zones and nodes, their names, and the CPUs' page lists (mm/vmstat.c, 4.19 to 7.2).
 * Names come from the kernel's vmstat_text, which has the zones' first, then NUMA events, then the
 * nodes'.
 */
#include <ctype.h>
#include <inttypes.h>

#include "analyzer/kernel/zone.h"
#include "analyzer/kernel/zone_internal.h"

enum { COUNTERS_MAX = 512, COUNTER_NAME_BYTES = 64 };

static const char *const owner[] = { [COUNTERS_ZONE] = "zone", [COUNTERS_NODE] = "pglist_data" };

struct err *zone_counters(struct target *t, enum counter_kind kind, unsigned *ret)
{
	struct zone_array a;
	struct err *err = zone_array_find(t, owner[kind], "vm_stat", &a);
	if (!err && a.count > COUNTERS_MAX)
		err = err_new(ERR_FORMAT, "%" PRIu64 " counters", a.count);
	if (!err)
		*ret = (unsigned)a.count;
	return err;
}

struct err *zone_counter_read(
	struct target *t, enum counter_kind kind, uint64_t va, unsigned i, uint64_t *ret)
{
	struct zone_array a;
	uint64_t word;
	struct err *err = zone_array_find(t, owner[kind], "vm_stat", &a);
	if (!err)
		err = vspace_read_word(t->kernel, va + a.offset + i * a.element_bytes, &word);
	if (err)
		return err;
	*ret = sign_extend(word, t->abi.word_bytes * 8u) < 0 ? 0 : word;
	return NULL;
}

/* The value of an enumerator; false where no type has it. */
static bool find_enumerator(struct target *t, const char *name, int64_t *ret)
{
	const struct type *e;
	struct err *err = types_find_enumerator(t->types, name, &e);
	bool found = false;
	if (!err)
		err = type_complete(t->types, e);
	for (uint32_t i = 0; !err && i < e->nenumerators && !found; i++)
		if (!strcmp(e->enumerator[i].name, name)) {
			*ret = e->enumerator[i].value;
			found = true;
		}
	err_drop(err); /* not there, or not in this kernel */
	return found;
}

bool zone_first_text(struct target *t, enum counter_kind kind, uint64_t *ret)
{
	int64_t zone_items, numa_items = 0;
	*ret = 0;
	if (kind == COUNTERS_ZONE)
		return true;
	/* without CONFIG_NUMA the second is a macro, and 0 */
	if (kind == COUNTERS_NODE && !find_enumerator(t, "NR_VM_NUMA_EVENT_ITEMS", &numa_items) &&
		!find_enumerator(t, "NR_VM_NUMA_STAT_ITEMS", &numa_items)) /* up to 5.13 */
		numa_items = 0;
	if (!find_enumerator(t, "NR_VM_ZONE_STAT_ITEMS", &zone_items) || zone_items < 0 ||
		numa_items < 0)
		return false;
	*ret = (uint64_t)zone_items + (uint64_t)numa_items;
	return true;
}

bool zone_text_add(struct target *t, const char *symbol, uint64_t i, struct strbuf *out)
{
	char name[COUNTER_NAME_BYTES];
	struct symbol sym;
	uint64_t word = t->abi.word_bytes, va;
	if (!symtab_find_kernel(t->syms, symbol, &sym) || (i + 1) * word > sym.size ||
		!vspace_try_word(t->kernel, sym.va + i * word, &va) || !va)
		return false;
	struct err *err = vspace_read_str(t->kernel, va, name, sizeof(name));
	if (!err)
		strbuf_add(out, name);
	bool done = !err;
	err_drop(err); /* the number stands for it then */
	return done;
}

bool zone_enumerator_add(struct target *t, const char *name, unsigned i, struct strbuf *out)
{
	const struct type *e;
	struct err *err = types_find(t->types, TYPE_ENUM, name, ZONE_HINT, &e);
	bool done = false;
	if (!err)
		err = type_complete(t->types, e);
	for (uint32_t k = 0; !err && k < e->nenumerators && !done; k++)
		if (e->enumerator[k].value == i) {
			for (const char *c = e->enumerator[k].name; *c; c++)
				strbuf_add_char(out, (char)tolower((unsigned char)*c));
			done = true;
		}
	err_drop(err);
	return done;
}

void zone_counter_name(struct target *t, enum counter_kind kind, unsigned i, struct strbuf *out)
{
	static const char *const item[] = {
		[COUNTERS_ZONE] = "zone_stat_item", [COUNTERS_NODE] = "node_stat_item"
	};
	uint64_t first;
	if (zone_first_text(t, kind, &first) && zone_text_add(t, "vmstat_text", first + i, out))
		return;
	if (!zone_enumerator_add(t, item[kind], i, out))
		strbuf_addf(out, "counter_%u", i);
}

void zone_migratetype_name(struct target *t, unsigned migratetype, struct strbuf *out)
{
	if (zone_text_add(t, "migratetype_names", migratetype, out))
		return;
	if (!zone_enumerator_add(t, "migratetype", migratetype, out))
		strbuf_addf(out, "type_%u", migratetype);
}

/* ---- per CPU ----------------------------------------------- */

static const struct view_field pcp_fields[] = {
	FIELD(struct pageset, count, "count"),
	FIELD(struct pageset, high, "high"),
	FIELD(struct pageset, batch, "batch"),
	FIELD_OPTIONAL(struct pageset, high_min, "high_min"),
	FIELD_OPTIONAL(struct pageset, high_max, "high_max"),
};
enum { PCP_HIGH_MIN = 3 };
static const struct view_spec pcp_spec = { .type = "per_cpu_pages",
	.hint = ZONE_HINT,
	.fields = pcp_fields,
	.nfields = ARRAY_SIZE(pcp_fields) };

struct threshold {
	int32_t value;
};
static const struct view_field threshold_fields[] = {
	FIELD_OPTIONAL(struct threshold, value, "stat_threshold"), /* CONFIG_SMP */
};
/* up to 5.13 the two were one struct */
static const struct view_spec threshold_spec = { .type = "per_cpu_zonestat",
	.type_old = "per_cpu_pageset",
	.hint = ZONE_HINT,
	.fields = threshold_fields,
	.nfields = ARRAY_SIZE(threshold_fields) };

/* Where the per_cpu_pages lie in what zone.pageset points to: at once, or behind "pcp" up to 5.13.
 */
static uint64_t pcp_offset(struct target *t)
{
	const struct type *type;
	struct field_ref f;
	struct err *err = types_find(t->types, TYPE_STRUCT, "per_cpu_pageset", ZONE_HINT, &type);
	if (!err)
		err = type_field(t->types, type, "pcp", &f);
	uint64_t offset = err ? 0 : f.bit_offset / 8;
	err_drop(err);
	return offset;
}

struct err *zone_pageset_read(
	struct target *t, const struct zone *z, unsigned cpu, struct pageset *ret)
{
	const struct view *pcp, *stats;
	struct pageset p = { 0 };
	struct threshold threshold = { 0 };
	uint64_t va, stats_va;
	struct err *err = target_view(t, &pcp_spec, &pcp);
	if (!err)
		err = target_view(t, &threshold_spec, &stats);
	if (!err)
		err = percpu_address(t, z->pageset_va, cpu, &va);
	if (!err)
		err = percpu_address(t, z->stats_va ? z->stats_va : z->pageset_va, cpu, &stats_va);
	if (!err)
		err = view_read(pcp, t->kernel, va + (z->stats_va ? 0 : pcp_offset(t)), &p);
	if (!err && view_has(stats, 0))
		err = view_read(stats, t->kernel, stats_va, &threshold);
	if (err)
		return err_wrap(err, "zone %s, CPU %u", z->name, cpu);
	p.has_threshold = view_has(stats, 0);
	p.has_high_min = view_has(pcp, PCP_HIGH_MIN);
	p.stat_threshold = threshold.value;
	*ret = p;
	return NULL;
}

/* ---- NUMA events ----------------------------------------------- */

/* Where a zone and each CPU count them: since 5.14, or as differences in the page set before. */
struct numa_arrays {
	struct zone_array zone, cpu;
	bool in_pageset;
};

static struct err *find_numa(struct target *t, struct numa_arrays *ret)
{
	struct err *err = zone_array_find(t, "zone", "vm_numa_event", &ret->zone);
	ret->in_pageset = err != NULL;
	if (!err)
		return zone_array_find(t, "per_cpu_zonestat", "vm_numa_event", &ret->cpu);
	err_drop(err); /* an older kernel, or none with CONFIG_NUMA */
	err = zone_array_find(t, "zone", "vm_numa_stat", &ret->zone);
	if (!err)
		err = zone_array_find(t, "per_cpu_pageset", "vm_numa_stat_diff", &ret->cpu);
	return err;
}

unsigned zone_numa_events(struct target *t)
{
	struct numa_arrays a;
	struct err *err = find_numa(t, &a);
	unsigned n = err || a.zone.count > COUNTERS_MAX || a.cpu.count < a.zone.count
			     ? 0
			     : (unsigned)a.zone.count;
	err_drop(err); /* no such member: no events */
	return n;
}

struct err *zone_numa_read(struct target *t, const struct zone *z, unsigned i, uint64_t *ret)
{
	struct numa_arrays a;
	struct cpu_mask cpus;
	uint64_t sum = 0;
	struct err *err = find_numa(t, &a);
	if (!err && a.cpu.element_bytes > 8)
		err = err_new(ERR_FORMAT, "counters of %" PRIu64 " bytes", a.cpu.element_bytes);
	if (!err)
		err = vspace_read_word(
			t->kernel, z->va + a.zone.offset + i * a.zone.element_bytes, &sum);
	if (!err)
		err = cpu_mask_read(t, CPUS_PRESENT, &cpus);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		uint64_t va, n = 0;
		err = percpu_address(t, a.in_pageset ? z->pageset_va : z->stats_va, cpu, &va);
		if (!err)
			err = vspace_read_uint(t->kernel,
				va + a.cpu.offset + i * a.cpu.element_bytes,
				(unsigned)a.cpu.element_bytes, &n);
		sum += n;
	}
	if (!err)
		*ret = sum;
	return err_wrap(err, "zone %s, NUMA event %u", z->name, i);
}
