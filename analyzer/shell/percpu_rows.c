/* percpu -l: the allocator's units and chunks, and the map of one chunk. Knows how they are shown;
 * what they are is analyzer/kernel/percpu_chunk.h's. */
#include "analyzer/shell/percpu_rows.h"

#include <inttypes.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/percpu_map.h"
#include "analyzer/target/target.h"

static const struct column cpu_columns[] = { { "cpu", .width = 4, .align = ALIGN_RIGHT },
	{ "offset", .width = WIDTH_ADDRESS }, { "unit", .width = WIDTH_ADDRESS }, { 0 } };
static const struct table cpu_table = { .layout = LAYOUT_TABLE, .columns = cpu_columns };

static const struct column layout_columns[] = { { "unit_bytes", .title = "UNIT" }, { "units" },
	{ "groups" }, { "atom_bytes", .title = "ATOM" }, { "static_bytes", .title = "STATIC" },
	{ "reserved_bytes", .title = "RESERVED" }, { "dynamic_bytes", .title = "DYNAMIC" },
	{ "first_unit", .title = "FIRST UNIT" }, { "cpus", .list = &cpu_table }, { 0 } };
static const struct table layout_table = { .layout = LAYOUT_RECORD, .columns = layout_columns };

static const struct column chunk_columns[] = { { "chunk", .width = WIDTH_ADDRESS,
						       .object = "struct pcpu_chunk" },
	{ "kind", .width = 8 }, { "slot", .width = 4, .align = ALIGN_RIGHT },
	{ "pointers", .width = WIDTH_ADDRESS }, { "size", .width = 8, .align = ALIGN_RIGHT },
	{ "objects", .width = 7, .align = ALIGN_RIGHT },
	{ "used", .width = 8, .align = ALIGN_RIGHT }, { "free", .width = 8, .align = ALIGN_RIGHT },
	{ "largest_free", .title = "LARGEST", .width = 8, .align = ALIGN_RIGHT },
	{ "pages", .width = 5, .align = ALIGN_RIGHT },
	{ "populated", .width = 9, .align = ALIGN_RIGHT }, { "base", .hidden = true },
	{ "immutable", .hidden = true }, { "isolated", .hidden = true },
	{ "accounted", .hidden = true }, { "note" }, { 0 } };
static const struct table chunk_table = { .layout = LAYOUT_TABLE, .columns = chunk_columns };

static const struct column finding_columns[] = { { "finding" }, { 0 } };
static const struct table finding_table = { .layout = LAYOUT_LINES, .columns = finding_columns };

static const struct column map_columns[] = { { "offset", .width = 8, .align = ALIGN_RIGHT },
	{ "pointer", .width = WIDTH_ADDRESS }, { "size", .width = 8, .align = ALIGN_RIGHT },
	{ "state", .width = 9 }, { "module" }, { 0 } };
static const struct table map_table = { .layout = LAYOUT_TABLE, .columns = map_columns };

static uint64_t narrow(const struct percpu_areas *a, uint64_t va)
{
	return a->t->abi.word_bytes == 4 ? (uint32_t)va : va;
}

static void show_layout(struct cx *cx, const struct percpu_areas *a)
{
	out_table(cx->out, &layout_table);
	out_row(cx->out);
	if (a->unit_size)
		out_uint(cx->out, "unit_bytes", a->unit_size);
	if (a->nunits)
		out_uint(cx->out, "units", a->nunits);
	if (a->ngroups)
		out_uint(cx->out, "groups", a->ngroups);
	if (a->atom_size)
		out_uint(cx->out, "atom_bytes", a->atom_size);
	out_uint(cx->out, "static_bytes", a->static_size);
	for (size_t i = 0; i < a->chunk.n; i++) {
		const struct percpu_chunk *c = &a->chunk.v[i];
		if (c->kind == PERCPU_CHUNK_RESERVED)
			out_uint(cx->out, "reserved_bytes", c->end - c->start);
	}
	for (size_t i = 0; i < a->chunk.n; i++) {
		const struct percpu_chunk *c = &a->chunk.v[i];
		if (c->kind == PERCPU_CHUNK_FIRST)
			out_uint(cx->out, "dynamic_bytes", c->end - c->start);
	}
	if (a->base_va)
		out_addr(cx->out, "first_unit", a->base_va);
	out_list_begin(cx->out, "cpus");
	for (unsigned cpu = 0; (cpu = cpu_mask_next(&a->cpus, cpu)) < CPUS_MAX; cpu++) {
		out_row(cx->out);
		out_uint(cx->out, "cpu", cpu);
		out_addr(cx->out, "offset", a->offset.v[cpu]);
		out_addr(cx->out, "unit", narrow(a, a->static_va + a->offset.v[cpu]));
	}
	out_list_end(cx->out);
}

static void show_chunk(struct cx *cx, const struct percpu_areas *a, const struct percpu_chunk *c)
{
	scoped_percpu_map struct percpu_map m = { 0 };
	struct percpu_usage u;
	struct err *err = percpu_map_read(a, c, &m);
	out_row(cx->out);
	out_addr(cx->out, "chunk", c->va);
	out_str(cx->out, "kind", percpu_chunk_kind_name(c->kind));
	if (c->slot >= 0)
		out_uint(cx->out, "slot", (uint64_t)c->slot);
	out_addr(cx->out, "pointers", narrow(a, c->pointer_va + c->start));
	out_uint(cx->out, "size", c->end - c->start);
	if (err) {
		out_fault(cx->out, "objects", err);
		out_int(cx->out, "free", c->free_bytes);
	} else {
		percpu_map_usage(&m, &u);
		out_uint(cx->out, "objects", u.allocations);
		out_uint(cx->out, "used", u.used_bytes);
		out_uint(cx->out, "free", u.free_bytes);
		out_uint(cx->out, "largest_free", u.largest_free);
	}
	out_uint(cx->out, "pages", c->npages);
	out_uint(cx->out, "populated", c->npopulated);
	out_addr(cx->out, "base", c->base_va);
	out_bool(cx->out, "immutable", c->immutable);
	out_bool(cx->out, "isolated", c->isolated);
	out_bool(cx->out, "accounted", c->accounted);
	if (c->isolated)
		out_str(cx->out, "note", "being emptied");
}

/* ---- findings ----------------------------------------------------- */

static struct err *show_finding(void *cx, struct err *what)
{
	struct cx *c = cx;
	out_row(c->out);
	out_str(c->out, "finding", what->msg);
	err_drop(what);
	return NULL;
}

static struct err *show_findings(struct cx *cx, const struct percpu_areas *a)
{
	out_table(cx->out, &finding_table);
	for (size_t i = 0; i < a->damage.n; i++) {
		out_row(cx->out);
		out_str(cx->out, "finding", a->damage.v[i]->msg);
	}
	for (size_t i = 0; i < a->chunk.n; i++) {
		scoped_percpu_map struct percpu_map m = { 0 };
		struct err *err = percpu_map_read(a, &a->chunk.v[i], &m);
		if (!err)
			err = percpu_map_check(&m, show_finding, cx);
		if (err && err->code == ERR_INTERRUPTED)
			return err;
		if (err)
			out_complain(cx->out, err);
	}
	return NULL;
}

/* ---- one chunk ---------------------------------------------------- */

static struct err *show_map(
	struct cx *cx, const struct percpu_areas *a, const struct percpu_chunk *c)
{
	scoped_percpu_map struct percpu_map m = { 0 };
	struct percpu_area area;
	struct err *err = percpu_map_read(a, c, &m);
	out_table(cx->out, &map_table);
	for (uint64_t at = c->start; !err && percpu_map_at(&m, at, &area);
		at = area.offset + area.size) {
		struct percpu_place p = { 0 };
		bool found = false;
		uint64_t pointer = narrow(a, c->pointer_va + area.offset);
		out_row(cx->out);
		out_hex(cx->out, "offset", area.offset);
		out_addr(cx->out, "pointer", pointer);
		out_uint(cx->out, "size", area.size);
		out_str(cx->out, "state", area.allocated ? "allocated" : "free");
		if (area.allocated)
			err = percpu_module_find(cx->target, pointer, &p, &found);
		if (!err && found)
			out_str(cx->out, "module", p.module);
	}
	return err;
}

struct err *percpu_list_show(struct cx *cx, const struct args *args)
{
	const struct percpu_areas *a;
	uint64_t va;
	struct err *err = percpu_areas_get(cx->target, &a);
	if (err)
		return err;
	if (args_count(args)) {
		err = args_addr(args, 0, &va);
		if (err)
			return err;
		for (size_t i = 0; i < a->chunk.n; i++)
			if (a->chunk.v[i].va == va)
				return show_map(cx, a, &a->chunk.v[i]);
		return args_error(args, 0, "no struct pcpu_chunk is there; percpu -l lists them");
	}
	show_layout(cx, a);
	out_table(cx->out, &chunk_table);
	for (size_t i = 0; i < a->chunk.n; i++)
		show_chunk(cx, a, &a->chunk.v[i]);
	if (a->no_chunks)
		out_complain(cx->out,
			err_new(a->no_chunks->code, "chunks are not known: %s", a->no_chunks->msg));
	return show_findings(cx, a);
}
