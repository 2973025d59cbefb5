/*
 * One area of the vmalloc space: finding it, its kind in words, its pages; ARM's static mappings.
 * The words and their order are those of s_show() and vmalloc_info_show() in mm/vmalloc.c, 4.19
 * to 7.2.
 */
#include <inttypes.h>

#include "analyzer/kernel/list.h"
#include "analyzer/kernel/vmalloc_internal.h"

/* include/linux/vmalloc.h: constants without enumerators, the same 4.19 to 7.2 but where said */
static const struct {
	uint32_t flag;
	const char *word;
} kinds[] = {
	{ 0x1, "ioremap" },
	{ 0x1000, "sparse" }, /* 6.9; a bit that nothing had before */
	{ 0x2, "vmalloc" },
	{ 0x4, "vmap" },
	{ 0x8, "user" },
	{ 0x10, "dma-coherent" }, /* 5.4 */
	{ 0x20, "uninitialized" },
};

struct static_words {
	uint64_t vm_va, list_va;
};
static const struct view_field static_fields[] = {
	FIELD_ADDRESS(struct static_words, vm_va, "vm"),
	FIELD_ADDRESS(struct static_words, list_va, "list"),
};
/* arch/arm/mm/mm.h, since 3.9 */
static const struct view_spec static_spec = { .type = "static_vm",
	.hint = "arch/arm/mm/ioremap.c",
	.fields = static_fields,
	.nfields = ARRAY_SIZE(static_fields) };

const struct vmalloc_area *vmalloc_find(const struct vmalloc *v, uint64_t va)
{
	const struct vmalloc_area *best = NULL;
	size_t lo = 0, hi = v->area.n;
	while (lo < hi) { /* the first that begins beyond @va */
		size_t mid = lo + (hi - lo) / 2;
		if (v->area.v[mid].start <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Damaged ones may overlap; a few back are looked at, as a sane one is the last of them. */
	for (size_t i = 0; i < 64 && lo > 0; i++) {
		const struct vmalloc_area *a = &v->area.v[--lo];
		if (va < a->start || va >= a->end)
			continue;
		if (!best || (best->state != VMALLOC_BUSY && a->state == VMALLOC_BUSY))
			best = a;
	}
	return best;
}

static void add_word(struct strbuf *out, bool *io_any, const char *word)
{
	strbuf_addf(out, "%s%s", *io_any ? " " : "", word);
	*io_any = true;
}

void vmalloc_format_kind(const struct vmalloc *v, const struct vmalloc_area *a, struct strbuf *out)
{
	bool any = false;
	if (a->state == VMALLOC_UNPURGED) {
		strbuf_add(out, "unpurged");
		return;
	}
	if (a->map_ram || !a->vm_va)
		add_word(out, &any, a->map_ram ? "vm_map_ram" : "no owner");
	for (size_t i = 0; a->vm_va && i < ARRAY_SIZE(kinds); i++)
		if (a->flags & kinds[i].flag)
			add_word(out, &any, kinds[i].word);
	if (a->pages_va && vmalloc_find(v, v->t->arch->untag(&vspace_facts(v->t->kernel)->layout,
						   a->pages_va)))
		add_word(out, &any, "vpages");
	if (a->is_static)
		add_word(out, &any, "static");
	if (a->state == VMALLOC_EARLY)
		add_word(out, &any, "early");
}

struct err *vmalloc_page_read(
	const struct vmalloc *v, const struct vmalloc_area *a, uint64_t i, uint64_t *ret_page_va)
{
	struct target *t = v->t;
	uint64_t va;
	if (!a->pages_va || i >= a->npages)
		return err_new(ERR_NOT_FOUND, "the area has no page %" PRIu64, i);
	struct err *err = vspace_read_word(t->kernel, a->pages_va + i * t->abi.word_bytes, &va);
	if (!err)
		*ret_page_va = va;
	return err_wrap(err, "page %" PRIu64 " of the area at 0x%" PRIx64, i, a->start);
}

/* Which areas are ARM's static ones: by the vm_structs on static_vmlist. */
struct err *vmalloc_mark_static(struct vmalloc *v)
{
	struct target *t = v->t;
	const struct view *view;
	struct list_iter it;
	struct symbol sym;
	uint64_t node;
	bool more = true;
	if (!symtab_find_kernel(t->syms, "static_vmlist", &sym))
		return NULL;
	struct err *err = target_view(t, &static_spec, &view);
	list_iter_init(&it, t, sym.va);
	while (!err && more) {
		err = list_iter_next(&it, &node, &more);
		if (err || !more)
			break;
		uint64_t vm = list_entry(t, node, view_offset(view, 1)) + view_offset(view, 0);
		for (size_t i = 0; i < v->area.n; i++)
			v->area.v[i].is_static |= v->area.v[i].vm_va == vm;
	}
	return vmalloc_fatal(v, err_wrap(err, "static_vmlist"));
}
