/* The record of one page: struct page in words, and what its other books say of it. */
#include "analyzer/shell/page_rows.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/kernel/page_flags.h"
#include "analyzer/kernel/page_owner.h"
#include "analyzer/kernel/page_poison.h"
#include "analyzer/kernel/slab_page.h"
#include "analyzer/kernel/stack_depot.h"
#include "analyzer/shell/arg_types.h"
#include "analyzer/shell/stack_rows.h"
#include "analyzer/target/target.h"

static const struct column page_columns[] = { { "pfn", .title = "PFN" }, { "physical" },
	{ "page", .object = "struct page" }, { "virtual" }, { "owner" }, { "flags" },
	{ "flags_word", .hidden = true }, { "page_type", .title = "PAGE TYPE" }, { "refcount" },
	{ "mapcount" }, { "folio" }, { "folio_pfn", .hidden = true },
	{ "folio_order", .hidden = true }, { "free_block", .title = "FREE BLOCK" },
	{ "block_pfn", .hidden = true }, { "block_order", .hidden = true }, { "poison" },
	{ "poison_first", .hidden = true }, { "poison_bytes", .hidden = true }, { "mapping" },
	{ "index" }, { "file" }, { "inode" }, { "device" }, { "fs", .title = "FILE SYSTEM" },
	{ "swap_type", .title = "SWAP TYPE" }, { "swap_offset", .title = "SWAP OFFSET" },
	{ "cache", .title = "SLAB CACHE" }, { "objects", .title = "SLAB OBJECTS" }, { "memcg" },
	{ "node" }, { "zone" }, { "page_ext", .title = "PAGE EXT" },
	{ "ext_flags", .title = "EXT FLAGS" }, { "gfp_flags", .title = "GFP FLAGS" }, { "pid" },
	{ "comm", .title = "COMMAND" }, { "allocated_at", .title = "ALLOCATED AT" },
	{ "allocated", .title = "LAST ALLOCATED BY", .list = &stack_rows_table },
	{ "freed", .title = "LAST FREED BY", .list = &stack_rows_table }, { 0 } };
const struct table page_rows_table = { .layout = LAYOUT_RECORD, .columns = page_columns };

/* What has a struct page is a frame; so is what no kernel address can be, and then it is said that
 * it has none. 32-bit machines with more than 3 GiB have frames of higher numbers. */
static bool is_frame(struct cx *cx, uint64_t n)
{
	const struct arch_layout *l = &vspace_facts(cx->target->kernel)->layout;
	uint64_t va;
	if (n < l->page_offset >> page_shift(cx->target))
		return true;
	struct err *err = n < l->page_offset ? page_of_pfn(cx->target, n, &va)
					     : err_new(ERR_NOT_FOUND, "an address");
	bool found = !err;
	err_drop(err); /* an address then */
	return found;
}

struct err *arg_page(struct cx *cx, const struct args *a, int i, bool physical, uint64_t *ret_pfn)
{
	uint64_t n, va;
	struct paddr pa;
	struct err *err = args_uint(a, i, &n);
	if (physical) {
		err_drop(err); /* physical addresses are hexadecimal */
		err = args_addr(a, i, &n);
		*ret_pfn = err ? *ret_pfn : n >> page_shift(cx->target);
		return err;
	}
	if (!err && is_frame(cx, n)) {
		*ret_pfn = n;
		return NULL;
	}
	err_drop(err); /* no number: perhaps a symbol */
	err = arg_address(cx, a, i, &va);
	if (err)
		return err;
	err = page_to_pfn(cx->target, va, ret_pfn);
	if (!err || err->code != ERR_NOT_FOUND)
		return err;
	err_drop(err); /* then it is what lies in the page */
	enum fault_kind fault = vspace_translate(cx->target->kernel, va, &pa, NULL);
	if (fault)
		return err_fault(fault, va, "0x%" PRIx64, va);
	*ret_pfn = pa.v >> page_shift(cx->target);
	return NULL;
}

/* The address by which the kernel always reaches the page. Highmem has none. */
static void show_linear(struct cx *cx, uint64_t pa)
{
	const struct arch_layout *l = &vspace_facts(cx->target->kernel)->layout;
	for (unsigned i = 0; i < l->nwindows; i++) {
		uint64_t off = pa - l->window[i].pa.v;
		if (!strcmp(l->window[i].name, "linear map") && off < l->window[i].size)
			out_addr(cx->out, "virtual", l->window[i].va + off);
	}
}

static void show_type(struct cx *cx, const struct page_state *s)
{
	const char *word = page_type_word(cx->target, s->page.page_type);
	if (word)
		out_strf(cx->out, "page_type", "0x%08x (%s)", s->page.page_type, word);
}

static void show_folio(struct cx *cx, const struct page_state *s)
{
	if (s->is_free) {
		out_strf(cx->out, "free_block", "order %u, page %" PRIu64 " of it", s->block_order,
			s->pfn - s->block_pfn);
		out_hex(cx->out, "block_pfn", s->block_pfn);
		out_uint(cx->out, "block_order", s->block_order);
		return;
	}
	out_hex(cx->out, "folio_pfn", s->head_pfn);
	out_uint(cx->out, "folio_order", s->order);
	if (s->order)
		out_strf(cx->out, "folio",
			"order %u, page %" PRIu64 " of it, struct page 0x%" PRIx64, s->order,
			s->pfn - s->head_pfn, s->head.va);
}

static void show_file(struct cx *cx, const struct page_state *s)
{
	struct page_file f;
	scoped_strbuf struct strbuf path = { 0 };
	struct err *err = page_file_read(cx->target, s->mapping_va, &f);
	if (err) {
		out_fault(cx->out, "file", err);
		return;
	}
	if (!f.inode_va)
		return;
	out_addr(cx->out, "inode", f.inode_va);
	out_strf(cx->out, "device", "%02x:%02x, inode %" PRIu64, f.major, f.minor, f.inode);
	out_str(cx->out, "fs", f.fs);
	err = page_file_format(cx->target, &f, &path);
	if (err)
		out_fault(cx->out, "file", err);
	else if (path.len)
		out_str(cx->out, "file", strbuf_text(&path));
}

static void show_use(struct cx *cx, const struct page_state *s)
{
	struct slab slab;
	struct slab_cache cache;
	if (s->mapping_va)
		out_addr(cx->out, "mapping", s->mapping_va);
	if (s->has_index)
		out_hex(cx->out, "index", s->index);
	if (!strcmp(s->owner, "file"))
		show_file(cx, s);
	if (s->in_swap_cache) {
		out_uint(cx->out, "swap_type", s->swap_type);
		out_hex(cx->out, "swap_offset", s->swap_offset);
	}
	if (s->memcg_data)
		out_hex(cx->out, "memcg", s->memcg_data);
	if (strcmp(s->owner, "slab"))
		return;
	struct err *err = slab_read(cx->target, s->head.va, &slab);
	if (!err)
		err = slab_cache_read(cx->target, slab.cache_va, &cache);
	if (err) {
		out_fault(cx->out, "cache", err);
		return;
	}
	out_str(cx->out, "cache", cache.name);
	out_strf(cx->out, "objects", "%u of %u in use by the slab's own count", slab.inuse,
		slab.objects);
}

struct ext_words {
	uint64_t flags;
};
static const struct view_field ext_fields[] = { FIELD(struct ext_words, flags, "flags") };
static const struct view_spec ext_spec = { .type = "page_ext",
	.hint = "mm/page_ext.c",
	.fields = ext_fields,
	.nfields = ARRAY_SIZE(ext_fields) };

static void add_ext_flags(struct cx *cx, uint64_t flags, struct strbuf *out)
{
	const struct type *e;
	struct err *err =
		types_find(cx->target->types, TYPE_ENUM, "page_ext_flags", "mm/page_ext.c", &e);
	if (!err)
		err = type_complete(cx->target->types, e);
	for (uint32_t i = 0; !err && i < e->nenumerators; i++) {
		int64_t bit = e->enumerator[i].value;
		const char *name = e->enumerator[i].name;
		if (bit >= 0 && bit < 64 && (flags >> bit & 1))
			strbuf_addf(out, "%s%s", out->len ? "|" : "",
				strncmp(name, "PAGE_EXT_", 9) ? name : name + 9);
	}
	err_drop(err); /* the number stands for them then */
	if (!out->len && flags)
		strbuf_addf(out, "0x%" PRIx64, flags);
}

/* Most kernels have no page extensions, or were booted without them: no news. */
static void show_ext(struct cx *cx, uint64_t pfn)
{
	struct page_ext x;
	struct ext_words w;
	const struct view *v;
	scoped_strbuf struct strbuf flags = { 0 };
	uint64_t va;
	struct err *err = page_ext_init(cx->target, &x);
	if (!err)
		err = page_ext_find(&x, pfn, &va);
	if (err && (err->code == ERR_MISSING || err->code == ERR_NOT_FOUND)) {
		err_drop(err);
		return;
	}
	if (!err)
		err = target_view(cx->target, &ext_spec, &v);
	if (!err)
		err = view_read(v, cx->target->kernel, va, &w);
	if (err) {
		out_fault(cx->out, "page_ext", err);
		return;
	}
	out_addr(cx->out, "page_ext", va);
	add_ext_flags(cx, w.flags, &flags);
	if (flags.len)
		out_str(cx->out, "ext_flags", strbuf_text(&flags));
}

static void show_stack(struct cx *cx, const char *key, uint32_t handle)
{
	uint64_t pcs[STACK_DEPOT_FRAMES_MAX];
	size_t n;
	if (!handle)
		return;
	struct err *err = stack_depot_fetch(cx->target, handle, pcs, STACK_DEPOT_FRAMES_MAX, &n);
	if (err)
		out_complain(cx->out, err);
	else
		stack_rows_show(cx, key, pcs, n);
}

static void show_owner(struct cx *cx, uint64_t pfn)
{
	struct page_owner_source source;
	struct page_owner o;
	scoped_strbuf struct strbuf gfp = { 0 };
	struct err *err = page_owner_init(cx->target, &source);
	if (!err)
		err = page_owner_read(&source, pfn, &o);
	if (err && (err->code == ERR_MISSING || err->code == ERR_NOT_FOUND)) {
		err_drop(err); /* as show_ext() */
		return;
	}
	if (err) {
		out_complain(cx->out, err);
		return;
	}
	if (!o.known)
		return;
	page_owner_gfp_format(cx->target, o.gfp, &gfp);
	out_str(cx->out, "gfp_flags", gfp.len ? strbuf_text(&gfp) : "0");
	if (o.has_task) {
		out_uint(cx->out, "pid", o.pid);
		out_str_n(cx->out, "comm", o.comm, strnlen(o.comm, sizeof(o.comm)));
	}
	if (o.has_times)
		out_seconds(cx->out, "allocated_at", o.ts_ns);
	show_stack(cx, "allocated", o.handle);
	show_stack(cx, "freed", o.free_handle);
}

/* What page_poison=1 left in a free page; nothing of one that has never been poisoned, or that the
 * dump lacks. */
static void show_poison(struct cx *cx, const struct page_state *s)
{
	size_t n = (size_t)1 << page_shift(cx->target);
	scoped_free uint8_t *bytes = xmalloc(n);
	struct page_poison p;
	if (!s->is_free && strcmp(s->owner, "free") != 0)
		return;
	struct paddr pa = { s->pfn << page_shift(cx->target) };
	struct err *err = dump_read(cx->target->dump, pa, bytes, n);
	bool known = !err && page_poison_look(bytes, n, &p);
	err_drop(err); /* free pages are the first that a dump's filter leaves out */
	if (!known)
		return;
	if (!p.bytes) {
		out_str(cx->out, "poison", "whole");
		return;
	}
	out_strf(cx->out, "poison",
		"%u bytes from offset %u on are written over: 0x%02x instead "
		"of 0x%02x",
		p.bytes, p.first, p.found, PAGE_POISON);
	out_uint(cx->out, "poison_first", p.first);
	out_uint(cx->out, "poison_bytes", p.bytes);
}

static void show_counts(struct cx *cx, const struct page_state *s)
{
	scoped_strbuf struct strbuf flags = { 0 };
	struct err *err = page_flags_format(cx->target, s->page.flags, &flags);
	if (err)
		out_fault(cx->out, "flags", err);
	else
		out_str(cx->out, "flags", strbuf_text(&flags));
	out_hex(cx->out, "flags_word", s->page.flags);
	show_type(cx, s);
	out_int(cx->out, "refcount", s->page.refcount);
	if (s->has_mapcount)
		out_int(cx->out, "mapcount", s->mapcount);
}

void page_rows_show(struct cx *cx, const struct zone_map *zones, const struct page_state *s)
{
	const struct zone_place *place = zone_map_find(zones, s->pfn, s->page.flags);
	uint64_t pa = s->pfn << page_shift(cx->target);
	out_row(cx->out);
	out_hex(cx->out, "pfn", s->pfn);
	out_addr(cx->out, "physical", pa);
	out_addr(cx->out, "page", s->page.va);
	show_linear(cx, pa);
	out_str(cx->out, "owner", s->owner);
	show_counts(cx, s);
	show_folio(cx, s);
	show_poison(cx, s);
	show_use(cx, s);
	if (place) {
		out_int(cx->out, "node", place->node.id);
		out_str(cx->out, "zone", place->zone.name);
	}
	show_ext(cx, s->pfn);
	show_owner(cx, s->pfn);
}
