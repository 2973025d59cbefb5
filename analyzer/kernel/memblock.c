/*
 * Reads struct memblock (include/linux/memblock.h, mm/memblock.c; 4.19 to 7.2). "physmem" was one
 * of its members up to 5.7 and is a variable since; neither ARM has it. Where the architecture does
 * not keep them, the arrays are init data and are given back to the page allocator
 * (memblock_discard()).
 */
#include "analyzer/kernel/memblock.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"

#define MEMBLOCK_HINT "mm/memblock.c"

/* Arrays double when they are full; thousands of regions are much, a million is damage. */
enum { REGIONS_MAX = 1 << 20 };

struct root {
	uint64_t list_va[MEMBLOCK_KINDS];
};
static const struct view_field root_fields[] = {
	FIELD_ADDRESS(struct root, list_va[MEMBLOCK_MEMORY], "memory"),
	FIELD_ADDRESS(struct root, list_va[MEMBLOCK_RESERVED], "reserved"),
	FIELD_ADDRESS_OPTIONAL(struct root, list_va[MEMBLOCK_PHYSMEM], "physmem"),
};
static const struct view_spec root_spec = { .type = "memblock",
	.hint = MEMBLOCK_HINT,
	.fields = root_fields,
	.nfields = ARRAY_SIZE(root_fields) };

static const struct view_field list_fields[] = {
	FIELD(struct memblock_list, count, "cnt"),
	FIELD(struct memblock_list, max, "max"),
	FIELD(struct memblock_list, total_bytes, "total_size"),
	FIELD(struct memblock_list, regions_va, "regions"),
};
static const struct view_spec list_spec = { .type = "memblock_type",
	.hint = MEMBLOCK_HINT,
	.fields = list_fields,
	.nfields = ARRAY_SIZE(list_fields) };

enum { REGION_NID = 3 };
static const struct view_field region_fields[] = {
	FIELD(struct memblock_region, base_pa, "base"),
	FIELD(struct memblock_region, bytes, "size"), FIELD(struct memblock_region, flags, "flags"),
	FIELD_OPTIONAL(struct memblock_region, nid, "nid"), /* CONFIG_NUMA */
};
static const struct view_spec region_spec = { .type = "memblock_region",
	.hint = MEMBLOCK_HINT,
	.fields = region_fields,
	.nfields = ARRAY_SIZE(region_fields) };

/* enum system_states (include/linux/kernel.h): 2 is RUNNING (5.10) or FREEING_INITMEM (6.1). */
enum { SYSTEM_INIT_IS_FREED = 2 };

/* Whether @va is init data, and init data are gone: before that, an early crash still has them. */
static bool is_discarded(const struct target *t, uint64_t va)
{
	struct symbol begin, end;
	uint64_t state;
	return symtab_find_kernel(t->syms, "__init_begin", &begin) &&
	       symtab_find_kernel(t->syms, "__init_end", &end) && va >= begin.va && va < end.va &&
	       target_try_variable(t, "system_state", &state) && state >= SYSTEM_INIT_IS_FREED;
}

static struct err *find_list(struct target *t, enum memblock_kind kind, uint64_t *ret_va)
{
	struct root root = { 0 };
	const struct view *v;
	struct symbol sym;
	uint64_t va;
	struct err *err = target_need_kernel(t);
	if (!err && kind == MEMBLOCK_PHYSMEM && symtab_find_kernel(t->syms, "physmem", &sym)) {
		*ret_va = sym.va;
		return NULL;
	}
	if (!err)
		err = target_symbol(t, "memblock", &va);
	if (!err && is_discarded(t, va))
		return err_new(ERR_MISSING,
			"this kernel gave memblock's arrays back after boot (it has no "
			"CONFIG_ARCH_KEEP_MEMBLOCK); iomem shows what memory there was");
	if (!err)
		err = target_view(t, &root_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &root);
	if (!err && !root.list_va[kind])
		err = err_new(
			ERR_NOT_FOUND, "this kernel has no list of physical memory beside memory");
	if (!err)
		*ret_va = root.list_va[kind];
	return err;
}

/* The width of a phys_addr_t, which %pa prints in full. */
static unsigned address_bytes(struct target *t)
{
	const struct type *type;
	struct field_ref f;
	struct err *err =
		types_find(t->types, TYPE_STRUCT, "memblock_region", MEMBLOCK_HINT, &type);
	if (!err)
		err = type_field(t->types, type, "base", &f);
	bool narrow = err ? t->abi.word_bytes == 4 : type_strip(f.type)->size == 4;
	err_drop(err); /* only a matter of looks */
	return narrow ? 4 : 8;
}

struct err *memblock_read(struct target *t, enum memblock_kind kind, struct memblock_list *ret)
{
	static const char *const name[] = { [MEMBLOCK_MEMORY] = "memory",
		[MEMBLOCK_RESERVED] = "reserved",
		[MEMBLOCK_PHYSMEM] = "physmem" };
	struct memblock_list l = { .name = name[kind] };
	const struct view *v;
	struct err *err = find_list(t, kind, &l.va);
	if (!err)
		err = target_view(t, &list_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, l.va, &l);
	if (!err && (l.count > l.max || l.max > REGIONS_MAX))
		err = err_new(
			ERR_FORMAT, "%" PRIu64 " regions in an array of %" PRIu64, l.count, l.max);
	if (err)
		return err_wrap(err, "memblock %s", l.name);
	l.address_bytes = address_bytes(t);
	*ret = l;
	return NULL;
}

struct err *memblock_region_read(
	struct target *t, const struct memblock_list *l, uint64_t i, struct memblock_region *ret)
{
	struct memblock_region r = { 0 };
	const struct view *v;
	struct err *err = interrupt_check();
	if (!err)
		err = target_view(t, &region_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, l->regions_va + i * view_size(v), &r);
	if (err)
		return err_wrap(err, "memblock %s region %" PRIu64, l->name, i);
	/* no node: NUMA_NO_NODE (-1), MAX_NUMNODES (1 << 10 at most) in reserved regions
	 * before 6.12 */
	r.has_nid = view_has(v, REGION_NID) && r.nid >= 0 && r.nid < 1024;
	*ret = r;
	return NULL;
}

/* Enumerators of one bit that @flags has; those found are taken out of it. */
static void add_known(const struct type *e, uint64_t *io_flags, struct strbuf *out)
{
	static const char prefix[] = "MEMBLOCK_";
	for (uint32_t i = 0; i < e->nenumerators; i++) {
		uint64_t bit = (uint64_t)e->enumerator[i].value;
		const char *name = e->enumerator[i].name;
		if (!bit || (*io_flags & bit) != bit)
			continue;
		*io_flags &= ~bit;
		bool prefixed = !strncmp(name, prefix, sizeof(prefix) - 1);
		strbuf_addf(out, "%s%s", out->len ? "|" : "",
			name + (prefixed ? sizeof(prefix) - 1 : 0));
	}
}

void memblock_flags_format(struct target *t, uint64_t flags, struct strbuf *out)
{
	const struct type *e;
	struct err *err = types_find(t->types, TYPE_ENUM, "memblock_flags", MEMBLOCK_HINT, &e);
	scoped_strbuf struct strbuf names = { 0 };
	uint64_t left = flags;
	if (!err)
		err = type_complete(t->types, e);
	if (!err)
		add_known(e, &left, &names);
	err_drop(err); /* without the enum the bits stand as a number */
	if (left)
		strbuf_addf(&names, "%s0x%" PRIx64, names.len ? "|" : "", left);
	strbuf_add(out, names.len ? strbuf_text(&names) : "NONE");
}
