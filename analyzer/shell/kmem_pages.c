/* kmem -p, -g and -n: struct pages, the names of their flags, and the nodes and sections that hold
 * them. */
#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/kernel/page_flags.h"
#include "analyzer/kernel/page_state.h"
#include "analyzer/kernel/zone_map.h"
#include "analyzer/shell/kmem_rows.h"
#include "analyzer/shell/page_rows.h"

/* ---- pages ----------------------------------------------- */

static const struct column page_columns[] = { { "page", .width = WIDTH_ADDRESS,
						      .object = "struct page" },
	{ "physical", .width = WIDTH_ADDRESS }, { "mapping", .width = WIDTH_ADDRESS },
	{ "index", .width = 10, .align = ALIGN_RIGHT },
	{ "refcount", .title = "CNT", .width = 4, .align = ALIGN_RIGHT },
	{ "mapcount", .title = "MAP", .width = 4, .align = ALIGN_RIGHT }, { "owner", .width = 10 },
	{ "flags_word", .title = "FLAGS", .width = WIDTH_ADDRESS }, { "flags", .title = "" },
	{ "pfn", .hidden = true }, { "order", .hidden = true }, { 0 } };
static const struct table page_table = { .layout = LAYOUT_TABLE, .columns = page_columns };

static void show_page(struct cx *cx, const struct page_state *s)
{
	scoped_strbuf struct strbuf flags = { 0 };
	struct err *err = page_flags_format(cx->target, s->page.flags, &flags);
	out_row(cx->out);
	out_addr(cx->out, "page", s->page.va);
	out_addr(cx->out, "physical", s->pfn << page_shift(cx->target));
	if (s->mapping_va)
		out_addr(cx->out, "mapping", s->mapping_va);
	if (s->has_index)
		out_hex(cx->out, "index", s->index);
	out_int(cx->out, "refcount", s->page.refcount);
	if (s->has_mapcount)
		out_int(cx->out, "mapcount", s->mapcount);
	out_str(cx->out, "owner", s->owner);
	out_addr(cx->out, "flags_word", s->page.flags);
	if (err)
		out_fault(cx->out, "flags", err);
	else
		out_str(cx->out, "flags", strbuf_text(&flags));
	out_hex(cx->out, "pfn", s->pfn);
	out_uint(cx->out, "order", s->is_free ? s->block_order : s->order);
}

static struct err *show_or_complain(struct cx *cx, uint64_t pfn)
{
	struct page_state s;
	struct err *err = page_state_read(cx->target, pfn, &s);
	if (!err)
		show_page(cx, &s);
	if (!err || err->code == ERR_INTERRUPTED || err->code == ERR_MISSING)
		return err;
	out_complain(cx->out, err);
	return NULL;
}

struct err *kmem_pages_run(struct cx *cx, const struct args *a)
{
	struct page_iter it;
	uint64_t pfn, va;
	bool more = true;
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	out_table(cx->out, &page_table);
	for (int i = 0; !err && i < args_count(a); i++) {
		err = arg_page(cx, a, i, false, &pfn);
		if (!err)
			err = show_or_complain(cx, pfn);
	}
	page_iter_init(&it, cx->target);
	while (!err && !args_count(a) && !(err = page_iter_next(&it, &pfn, &va, &more)) && more)
		err = show_or_complain(cx, pfn);
	return err;
}

/* ---- flags ----------------------------------------------- */

static const struct column flag_columns[] = { { "flag", .title = "PAGE-FLAG", .width = 24 },
	{ "bit", .width = 3, .align = ALIGN_RIGHT }, { "value", .width = 18 },
	{ "alias", .hidden = true }, { 0 } };
static const struct table flag_table = { .layout = LAYOUT_TABLE, .columns = flag_columns };

struct err *kmem_flags_run(struct cx *cx, const struct args *a)
{
	struct page_flag f;
	uint64_t wanted = UINT64_MAX;
	bool any = false;
	struct err *err = args_count(a) ? args_addr(a, 0, &wanted) : NULL;
	if (err)
		return err;
	out_table(cx->out, &flag_table);
	out_nothing(cx->out, "no flag is set in it");
	for (size_t i = 0; page_flag_get(cx->target, i, &f); i++) {
		any = true;
		if (!(wanted >> f.bit & 1))
			continue;
		out_row(cx->out);
		out_str(cx->out, "flag", f.name);
		out_uint(cx->out, "bit", f.bit);
		out_hex(cx->out, "value", 1ull << f.bit);
		out_bool(cx->out, "alias", f.alias);
	}
	return any ? NULL
		   : err_new(ERR_MISSING, "no enum pageflags: the types of this kernel are needed");
}

/* ---- nodes ----------------------------------------------- */

static const struct column node_columns[] = { { "node", .width = 4, .align = ALIGN_RIGHT },
	{ "address", .title = "PGLIST_DATA", .width = WIDTH_ADDRESS,
		.object = "struct pglist_data" },
	{ "start_pfn", .title = "START PFN", .width = 10, .align = ALIGN_RIGHT },
	{ "spanned", .width = 10, .align = ALIGN_RIGHT },
	{ "present", .width = 10, .align = ALIGN_RIGHT }, { "mem_map", .width = WIDTH_ADDRESS },
	{ 0 } };
static const struct table node_table = { .layout = LAYOUT_TABLE, .columns = node_columns };

static const struct column zone_columns[] = { { "node", .width = 4, .align = ALIGN_RIGHT },
	{ "index", .title = "ZONE", .width = 4, .align = ALIGN_RIGHT }, { "name", .width = 8 },
	{ "address", .width = WIDTH_ADDRESS, .object = "struct zone" },
	{ "spanned", .width = 10, .align = ALIGN_RIGHT }, { "mem_map", .width = WIDTH_ADDRESS },
	{ "physical", .width = WIDTH_ADDRESS },
	{ "start_pfn", .title = "START PFN", .width = 10, .align = ALIGN_RIGHT }, { 0 } };
static const struct table zone_table = { .layout = LAYOUT_TABLE, .columns = zone_columns };

static const struct column section_columns[] = { { "nr", .width = 5, .align = ALIGN_RIGHT },
	{ "section", .width = WIDTH_ADDRESS, .object = "struct mem_section" },
	{ "coded_mem_map", .title = "CODED MEM_MAP", .width = WIDTH_ADDRESS },
	{ "mem_map", .width = WIDTH_ADDRESS }, { "state", .width = 5 },
	{ "pfn", .width = 10, .align = ALIGN_RIGHT }, { 0 } };
static const struct table section_table = { .layout = LAYOUT_TABLE, .columns = section_columns };

/* A range may begin with a hole that has no struct pages. */
static void show_mem_map(struct cx *cx, uint64_t pfn)
{
	uint64_t va;
	struct err *err = page_of_pfn(cx->target, pfn, &va);
	if (!err)
		out_addr(cx->out, "mem_map", va);
	err_drop(err);
}

static struct err *show_nodes(struct cx *cx)
{
	scoped_free struct node *nodes = NULL;
	unsigned n = 0;
	struct err *err = zone_nodes_read(cx->target, &nodes, &n);
	out_table(cx->out, &node_table);
	for (unsigned i = 0; i < n; i++) {
		out_row(cx->out);
		out_int(cx->out, "node", nodes[i].id);
		out_addr(cx->out, "address", nodes[i].va);
		out_uint(cx->out, "start_pfn", nodes[i].start_pfn);
		out_uint(cx->out, "spanned", nodes[i].spanned);
		out_uint(cx->out, "present", nodes[i].present);
		show_mem_map(cx, nodes[i].start_pfn);
	}
	return err;
}

static struct err *show_zones(struct cx *cx)
{
	scoped_zone_map struct zone_map m = { 0 };
	struct err *err = zone_map_read(cx->target, &m);
	out_table(cx->out, &zone_table);
	for (size_t i = 0; !err && i < m.n; i++) {
		const struct zone *z = &m.place[i].zone;
		out_row(cx->out);
		out_int(cx->out, "node", m.place[i].node.id);
		out_uint(cx->out, "index", m.place[i].index);
		out_str(cx->out, "name", z->name);
		out_addr(cx->out, "address", z->va);
		out_uint(cx->out, "spanned", z->spanned);
		show_mem_map(cx, z->start_pfn);
		out_addr(cx->out, "physical", z->start_pfn << page_shift(cx->target));
		out_uint(cx->out, "start_pfn", z->start_pfn);
	}
	return err;
}

struct section_words {
	uint64_t map;
};
static const struct view_field section_fields[] = { FIELD(
	struct section_words, map, "section_mem_map") };
static const struct view_spec section_spec = { .type = "mem_section",
	.hint = "mm/sparse.c",
	.fields = section_fields,
	.nfields = ARRAY_SIZE(section_fields) };

/* include/linux/mmzone.h: the low bits of section_mem_map, 4.19 to 7.2; EARLY since 5.3 */
static struct err *show_section(struct cx *cx, const struct page_section *section)
{
	static const char letter[] = "PMOE";
	const struct view *v;
	struct section_words w;
	char state[sizeof(letter)] = "";
	size_t n = 0;
	struct err *err = target_view(cx->target, &section_spec, &v);
	if (!err)
		err = view_read(v, cx->target->kernel, section->va, &w);
	if (err || !(w.map & 1))
		return err;
	for (size_t bit = 0; letter[bit]; bit++)
		if (w.map >> bit & 1)
			state[n++] = letter[bit];
	out_row(cx->out);
	out_uint(cx->out, "nr", section->first_pfn / section->npfns);
	out_addr(cx->out, "section", section->va);
	out_addr(cx->out, "coded_mem_map", w.map & ~0x3full);
	show_mem_map(cx, section->first_pfn);
	out_str(cx->out, "state", state);
	out_uint(cx->out, "pfn", section->first_pfn);
	return NULL;
}

/* Those that the dump's memory lies in: memory that is there has a section. */
static struct err *show_sections(struct cx *cx)
{
	const struct dump_info *info = dump_info(cx->target->dump);
	unsigned shift = page_shift(cx->target);
	uint64_t next = 0;
	struct err *err = NULL;
	out_table(cx->out, &section_table);
	for (size_t i = 0; !err && i < info->nextents; i++) {
		uint64_t pfn = info->extent[i].start.v >> shift;
		uint64_t end = (info->extent[i].start.v + info->extent[i].size) >> shift;
		for (pfn = pfn < next ? next : pfn; !err && pfn < end; pfn = next) {
			struct page_section s;
			err = interrupt_check();
			if (!err)
				err = page_section(cx->target, pfn, &s);
			if (err && err->code == ERR_MISSING) { /* FLATMEM has none */
				err_drop(err);
				return NULL;
			}
			next = err ? pfn + (1 << 15) : s.first_pfn + s.npfns;
			if (err && err->code == ERR_NOT_FOUND) {
				err_drop(err);
				err = NULL;
				continue;
			}
			if (!err)
				err = show_section(cx, &s);
		}
	}
	return err;
}

struct err *kmem_nodes_run(struct cx *cx)
{
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = show_nodes(cx);
	if (!err)
		err = show_zones(cx);
	return err ? err : show_sections(cx);
}
