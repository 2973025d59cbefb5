/* mach: the machine in a few lines, as crash tells them; machine, layout and sys have more. */
#include <inttypes.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column mach_columns[] = { { "type", .title = "MACHINE TYPE" },
	{ "model", .title = "MODEL" }, { "memory", .title = "MEMORY SIZE" },
	{ "cpus", .title = "CPUS" }, { "online", .title = "ONLINE" }, { "hz", .title = "HZ" },
	{ "page_bytes", .title = "PAGE SIZE" }, { "virtual_base", .title = "KERNEL VIRTUAL BASE" },
	{ "modules_base", .title = "KERNEL MODULES BASE" },
	{ "vmalloc_base", .title = "KERNEL VMALLOC BASE" },
	{ "vmemmap_base", .title = "KERNEL VMEMMAP BASE" },
	{ "stack_bytes", .title = "KERNEL STACK SIZE" }, { 0 } };
static const struct table mach_table = { .layout = LAYOUT_RECORD, .columns = mach_columns };

static void show_base(
	struct cx *cx, const char *key, const struct address_map *map, const char *name)
{
	const struct map_region *r = address_map_get(map, name);
	if (r)
		out_addr(cx->out, key, r->start);
}

static void show_map(struct cx *cx)
{
	struct address_map *map = arena_alloc(cx->arena, sizeof(*map));
	struct err *err = address_map_find(cx->target, map);
	if (err) {
		out_complain(cx->out, err);
		return;
	}
	const bool linear = address_map_get(map, "linear map");
	show_base(cx, "virtual_base", map, linear ? "linear map" : "lowmem");
	show_base(cx, "modules_base", map, "modules");
	show_base(cx, "vmalloc_base", map, "vmalloc");
	show_base(cx, "vmemmap_base", map, "vmemmap");
}

static void show_count(struct cx *cx, const char *key, enum cpu_mask_kind kind)
{
	struct cpu_mask *mask = arena_alloc(cx->arena, sizeof(*mask));
	struct err *err = cpu_mask_read(cx->target, kind, mask);
	if (err)
		out_fault(cx->out, key, err);
	else
		out_uint(cx->out, key, cpu_mask_count(mask));
}

static void show_number(struct cx *cx, const char *key, struct err *err, uint64_t bytes)
{
	if (err)
		out_fault(cx->out, key, err);
	else
		out_bytes(cx->out, key, bytes);
}

static struct err *mach_run(struct cx *cx, const struct args *a)
{
	struct target *t = cx->target;
	struct machine *m = arena_alloc(cx->arena, sizeof(*m));
	uint64_t n = 0;
	(void)a;
	struct err *err = target_need_kernel(t);
	if (!err)
		err = machine_read(t, m);
	if (err)
		return err;
	out_table(cx->out, &mach_table);
	out_row(cx->out);
	out_str(cx->out, "type", t->arch->name);
	if (*m->model)
		out_str(cx->out, "model", m->model);
	err = system_ram_bytes(t, &n);
	show_number(cx, "memory", err, n);
	show_count(cx, "cpus", CPUS_POSSIBLE);
	show_count(cx, "online", CPUS_ONLINE);
	if (jiffies_hz(t, &n))
		out_uint(cx->out, "hz", n);
	out_bytes(cx->out, "page_bytes", 1ull << page_shift(t));
	show_map(cx);
	err = task_stack_bytes(t, &n);
	show_number(cx, "stack_bytes", err, n);
	return NULL;
}

static const char *const mach_examples[] = { "mach\tthe machine in a few lines", NULL };

const struct command cmd_mach = {
	.name = "mach",
	.summary = "the machine in a few lines",
	.usage = "",
	.details =
		"`machine` has its CPUs, `layout` the whole address map, `iomem` the physical one.",
	.examples = mach_examples,
	.rows = &mach_table,
	.run = mach_run,
};
