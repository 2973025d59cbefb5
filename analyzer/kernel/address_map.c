/*
 * Where the kernel put its areas. Three sources, the surest first: address_markers[], VMCOREINFO's
 * numbers, and the rules of the headers, which stand in arch/ beside the words of its page-table
 * dump.
 */
#include "analyzer/kernel/address_map.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/address_markers.h"

/* Areas of which only the beginning is marked end where the next begins, and are left to the rules.
 */
static void add_marked(struct target *t, struct address_map *m)
{
	struct address_marker marker[ADDRESS_MARKERS_MAX];
	unsigned n = address_markers_read(t, marker);

	for (unsigned i = 0; i + 1 < n; i++)
		for (const struct map_words *w = t->arch->map_words; w->name; w++)
			if (w->end && !strcmp(marker[i].name, w->begin) &&
				!strcmp(marker[i + 1].name, w->end) && marker[i + 1].start)
				address_map_add(m, w->name, marker[i].start,
					marker[i + 1].start - 1, "address_markers");
}

/* NUMBER(X_START or X_VADDR) and NUMBER(X_END): arm64 since 6.1 or so. */
static void add_numbered(struct target *t, struct address_map *m)
{
	static const struct {
		const char *name, *start, *end;
	} key[] = {
		{ "modules", "NUMBER(MODULES_VADDR)", "NUMBER(MODULES_END)" },
		{ "vmalloc", "NUMBER(VMALLOC_START)", "NUMBER(VMALLOC_END)" },
		{ "vmemmap", "NUMBER(VMEMMAP_START)", "NUMBER(VMEMMAP_END)" },
	};
	uint64_t start, end;

	for (size_t i = 0; i < ARRAY_SIZE(key); i++)
		if (!address_map_get(m, key[i].name) && target_number(t, key[i].start, &start) &&
			target_number(t, key[i].end, &end) && end - 1 > start)
			address_map_add(m, key[i].name, start, end - 1, "VMCOREINFO");
}

/* Where the kernel maps its image from: newer arm64 kernels leave its head out, and vmalloc has
 * that range. The layout's windows begin where the page tables proved it. */
static uint64_t image_start(const struct target *t, const struct arch_layout *l)
{
	uint64_t start = t->image.va, last = t->image.va + t->image.size - 1;
	for (unsigned i = 0; i < l->nwindows; i++)
		if (l->window[i].va > start && l->window[i].va <= last &&
			last - l->window[i].va < l->window[i].size)
			start = l->window[i].va;
	return start;
}

/* include/asm-generic/sections.h; arch/arm*'s vmlinux.lds.S. The first pair that exists is taken.
 */
static void add_image(struct target *t, const struct arch_layout *l, struct address_map *m)
{
	static const struct {
		const char *name, *start, *end;
	} part[] = {
		{ ".text", "_stext", "_etext" }, /* _text may lie below and be unmapped */
		{ ".rodata", "__start_rodata", "__end_rodata" },
		{ ".init", "__init_begin", "__init_end" },
		{ ".data", "_sdata", "_edata" },
		{ ".bss", "__bss_start", "__bss_stop" },
	};
	struct symbol start, end;

	if (t->image.va && t->image.size)
		address_map_add(m, "kernel image", image_start(t, l),
			t->image.va + t->image.size - 1,
			t->image_finder ? t->image_finder : "finder");
	for (size_t i = 0; i < ARRAY_SIZE(part); i++)
		if (symtab_find_kernel(t->syms, part[i].start, &start) &&
			symtab_find_kernel(t->syms, part[i].end, &end) && end.va > start.va)
			address_map_add(m, part[i].name, start.va, end.va - 1, "symbols");
}

static int by_start(const void *a, const void *b)
{
	const struct map_region *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->last == y->last ? 0 : x->last > y->last ? -1 : 1; /* what holds the other first */
}

/* The words for a page-table dump of a kernel that has none of its own: the newest. */
static void name_markers(const struct arch *arch, struct address_map *m)
{
	for (unsigned i = 0; i < m->n; i++) {
		const struct map_words *w = arch->map_words;
		while (w->name && strcmp(w->name, m->region[i].name))
			w++;
		m->region[i].marker = w->begin;
		m->region[i].marker_end = w->end;
	}
}

struct err *address_map_find(struct target *t, struct address_map *ret)
{
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	const struct arch_env env = target_arch_env(t);
	*ret = (struct address_map){ 0 };
	add_marked(t, ret);
	add_numbered(t, ret);
	address_map_add(ret, "user", 0, l->user_end - 1, "TASK_SIZE");
	t->arch->address_map(&env, t->dump, &t->image, l, ret);
	add_image(t, l, ret);
	name_markers(t->arch, ret);
	qsort(ret->region, ret->n, sizeof(ret->region[0]), by_start);
	return NULL;
}
