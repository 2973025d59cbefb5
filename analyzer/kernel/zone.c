/*
 * struct pglist_data, struct zone and struct free_area (include/linux/mmzone.h, 4.19 to 7.2), as
 * mm/vmstat.c and mm/show_mem.c read them.
 */
#include "analyzer/kernel/zone.h"

#include <inttypes.h>

#include "analyzer/kernel/zone_internal.h"

/* ---- nodes ----------------------------------------------- */

static const struct view_field node_fields[] = {
	FIELD(struct node, id, "node_id"),
	FIELD(struct node, start_pfn, "node_start_pfn"),
	FIELD(struct node, spanned, "node_spanned_pages"),
	FIELD(struct node, present, "node_present_pages"),
	FIELD_ADDRESS(struct node, zones_va, "node_zones"),
	FIELD_OPTIONAL(struct node, kswapd_failures, "kswapd_failures.counter", "kswapd_failures"),
};
static const struct view_spec node_spec = { .type = "pglist_data",
	.hint = ZONE_HINT,
	.fields = node_fields,
	.nfields = ARRAY_SIZE(node_fields) };

static struct err *read_node(struct target *t, uint64_t va, struct node *ret)
{
	const struct view *v;
	struct node n = { .va = va };
	struct err *err = target_view(t, &node_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &n);
	if (!err)
		*ret = n;
	return err_wrap(err, "node at 0x%" PRIx64, va);
}

/* node_states[N_ONLINE] (include/linux/nodemask.h: the second); all nodes where it cannot be read.
 */
static bool is_online(struct target *t, unsigned node, unsigned possible)
{
	struct symbol sym;
	unsigned word = t->abi.word_bytes, bits = word * 8;
	uint64_t mask_bytes = (possible + bits - 1) / bits * word, n;
	if (!symtab_find_kernel(t->syms, "node_states", &sym))
		return true;
	return !vspace_try_uint(t->kernel, sym.va + mask_bytes + node / bits * word, word, &n) ||
	       n >> (node % bits) & 1;
}

/* Kernels with CONFIG_NUMA: an array of pointers. */
static struct err *read_node_data(struct target *t, struct node *nodes, unsigned *ret_n)
{
	struct symbol sym;
	unsigned n = 0;
	if (!symtab_find_kernel(t->syms, "node_data", &sym))
		return err_new(ERR_MISSING,
			"there is neither contig_page_data nor node_data among the "
			"symbols: give the vmlinux of this kernel");
	uint64_t bytes = sym.object_size ? sym.object_size : sym.size;
	unsigned possible = (unsigned)(bytes / t->abi.word_bytes);
	possible = possible < NODES_MAX ? possible : NODES_MAX;
	for (unsigned i = 0; i < possible; i++) {
		uint64_t va;
		struct err *err =
			vspace_read_word(t->kernel, sym.va + (uint64_t)i * t->abi.word_bytes, &va);
		if (!err && va && is_online(t, i, possible))
			err = read_node(t, va, &nodes[n++]);
		if (err)
			return err_wrap(err, "node_data[%u]", i);
	}
	*ret_n = n;
	return n ? NULL : err_new(ERR_FORMAT, "node_data has no online node");
}

struct err *zone_nodes_read(struct target *t, struct node **ret, unsigned *ret_n)
{
	struct symbol sym;
	unsigned n = 1;
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	scoped_free struct node *nodes = xcalloc(NODES_MAX, sizeof(*nodes));
	if (symtab_find_kernel(t->syms, "contig_page_data", &sym))
		err = read_node(t, sym.va, nodes);
	else
		err = read_node_data(t, nodes, &n);
	if (err)
		return err;
	*ret = take_ptr(nodes);
	*ret_n = n;
	return NULL;
}

/* ---- zones ----------------------------------------------- */

struct err *zone_array_find(
	struct target *t, const char *type_name, const char *member, struct zone_array *ret)
{
	const struct type *type;
	struct field_ref f;
	struct err *err = types_find(t->types, TYPE_STRUCT, type_name, ZONE_HINT, &type);
	if (!err)
		err = type_field(t->types, type, member, &f);
	if (err)
		return err;
	const struct type *a = type_strip(f.type);
	if (a->kind != TYPE_ARRAY || !a->count || !a->target || !type_strip(a->target)->size)
		return err_new(ERR_FORMAT, "struct %s: member %s is no array", type_name, member);
	*ret = (struct zone_array){ f.bit_offset / 8, a->count, type_strip(a->target)->size };
	return NULL;
}

/* The @i-th word of @a in the object at @va. */
static struct err *read_element(
	struct target *t, const struct zone_array *a, uint64_t va, uint64_t i, uint64_t *ret)
{
	return vspace_read_word(t->kernel, va + a->offset + i * a->element_bytes, ret);
}

struct err *zone_count(struct target *t, unsigned *ret)
{
	struct zone_array zones;
	struct err *err = zone_array_find(t, "pglist_data", "node_zones", &zones);
	if (!err && zones.count > ZONES_MAX)
		err = err_new(ERR_FORMAT, "a node of %" PRIu64 " zones", zones.count);
	if (!err)
		*ret = (unsigned)zones.count;
	return err;
}

struct zone_numbers {
	uint64_t name_va, start_pfn, spanned, present, managed, cma, boost, pageset_va, stats_va,
		reserved_highatomic, free_highatomic;
};
enum { ZONE_CMA = 5, ZONE_FREE_HIGHATOMIC = 10 };
static const struct view_field zone_fields[] = {
	FIELD(struct zone_numbers, name_va, "name"),
	FIELD(struct zone_numbers, start_pfn, "zone_start_pfn"),
	FIELD(struct zone_numbers, spanned, "spanned_pages"),
	FIELD(struct zone_numbers, present, "present_pages"),
	FIELD(struct zone_numbers, managed, "managed_pages.counter",
		"managed_pages"),				       /* atomic: 5.0 */
	FIELD_OPTIONAL(struct zone_numbers, cma, "cma_pages"),	       /* since 5.12, CONFIG_CMA */
	FIELD_OPTIONAL(struct zone_numbers, boost, "watermark_boost"), /* since 5.0 */
	FIELD(struct zone_numbers, pageset_va, "per_cpu_pageset", "pageset"), /* 5.14 */
	FIELD_OPTIONAL(struct zone_numbers, stats_va, "per_cpu_zonestats"),
	FIELD_OPTIONAL(struct zone_numbers, reserved_highatomic, "nr_reserved_highatomic"),
	FIELD_OPTIONAL(struct zone_numbers, free_highatomic, "nr_free_highatomic"), /* 6.13 */
};
static const struct view_spec zone_spec = {
	.type = "zone", .hint = ZONE_HINT, .fields = zone_fields, .nfields = ARRAY_SIZE(zone_fields)
};

static struct err *read_watermarks(struct target *t, struct zone *z)
{
	struct zone_array marks;
	struct err *err = zone_array_find(t, "zone", "_watermark", &marks);
	if (err) {
		err_drop(err); /* its name up to 4.20 */
		err = zone_array_find(t, "zone", "watermark", &marks);
	}
	for (uint64_t i = 0; !err && i < marks.count && i < WATERMARKS_MAX; i++) {
		err = read_element(t, &marks, z->va, i, &z->watermark[i]);
		z->watermark[i] += z->boost;
		z->nwatermarks++;
	}
	return err;
}

static struct err *read_reserves(struct target *t, struct zone *z)
{
	struct zone_array a;
	struct err *err = zone_array_find(t, "zone", "lowmem_reserve", &a);
	for (uint64_t i = 0; !err && i < a.count && i < ZONES_MAX; i++) {
		uint64_t word;
		err = read_element(t, &a, z->va, i, &word);
		if (!err)
			z->lowmem_reserve[z->nreserves++] =
				sign_extend(word, t->abi.word_bytes * 8u);
	}
	return err;
}

static struct err *read_free_areas(struct target *t, struct zone *z)
{
	struct zone_array areas, lists;
	const struct type *area;
	struct field_ref nr_free;
	struct err *err = zone_array_find(t, "zone", "free_area", &areas);
	if (!err)
		err = zone_array_find(t, "free_area", "free_list", &lists);
	if (!err)
		err = types_find(t->types, TYPE_STRUCT, "free_area", ZONE_HINT, &area);
	if (!err)
		err = type_field(t->types, area, "nr_free", &nr_free);
	if (!err && (areas.count > ORDERS_MAX || lists.count > MIGRATE_MAX))
		err = err_new(ERR_FORMAT, "%" PRIu64 " orders of %" PRIu64 " lists", areas.count,
			lists.count);
	if (err)
		return err;
	z->free_area_va = z->va + areas.offset;
	z->free_area_bytes = areas.element_bytes;
	z->nmigratetypes = (unsigned)lists.count;
	for (unsigned i = 0; !err && i < areas.count; i++, z->norders++)
		err = vspace_read_word(t->kernel,
			z->free_area_va + i * z->free_area_bytes + nr_free.bit_offset / 8,
			&z->nr_free[i]);
	return err;
}

struct err *zone_read(struct target *t, const struct node *node, unsigned i, struct zone *ret)
{
	const struct view *v;
	struct zone_numbers n = { 0 };
	struct zone z = { 0 };
	struct err *err = target_view(t, &zone_spec, &v);
	if (err)
		return err;
	z.va = node->zones_va + i * view_size(v);
	err = view_read(v, t->kernel, z.va, &n);
	if (!err && n.name_va)
		err = vspace_read_str(t->kernel, n.name_va, z.name, sizeof(z.name));
	z.start_pfn = n.start_pfn;
	z.spanned = n.spanned;
	z.present = n.present;
	z.managed = n.managed;
	z.cma = n.cma;
	z.has_cma = view_has(v, ZONE_CMA);
	z.reserved_highatomic = n.reserved_highatomic;
	z.free_highatomic = n.free_highatomic;
	z.has_free_highatomic = view_has(v, ZONE_FREE_HIGHATOMIC);
	z.boost = n.boost;
	z.pageset_va = n.pageset_va;
	z.stats_va = n.stats_va;
	if (!err)
		err = read_watermarks(t, &z);
	if (!err)
		err = read_reserves(t, &z);
	if (!err)
		err = read_free_areas(t, &z);
	if (!err)
		*ret = z;
	return err_wrap(err, "node %d zone %u", node->id, i);
}
