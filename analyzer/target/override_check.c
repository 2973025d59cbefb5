/* Comparing what a person states with what memory proves. Knows which number of a placement or
 * layout each fact is about, and nothing of how these were found. */
#include "analyzer/target/override_check.h"

#include <string.h>

#include "analyzer/target/private.h"

/* Says what is wrong with @o and what becomes of it. True when it is to be obeyed all the same. */
static bool contradicted(struct target *t, struct override *o, uint64_t proved, const char *by)
{
	bool force = t->priv->force;
	target_warn(t, "--set %s=0x%" PRIx64 ": contradicted by %s: 0x%" PRIx64 "; %s", o->name,
		o->value, by, proved, force ? "obeyed (--force)" : "ignored (--force obeys)");
	attempts_add(&t->priv->attempts, "--set", ATTEMPT_REFUTED, by,
		"%s=0x%" PRIx64 ", but it is 0x%" PRIx64 "%s", o->name, o->value, proved,
		force ? "; obeyed" : "; ignored");
	o->off = !force;
	t->priv->obeyed |= force;
	return force;
}

static void agreed(struct target *t, const struct override *o, const char *by)
{
	attempts_add(&t->priv->attempts, "--set", ATTEMPT_PROVED, by, "%s=0x%" PRIx64, o->name,
		o->value);
}

/* ---- the image ----------------------------------------------- */

/* Nothing was found: a vmlinux and the distance are enough for a place. The tables prove it later.
 */
static void place_image(struct target *t)
{
	struct override *distance = overrides_find(&t->priv->overrides, "NUMBER(kimage_voffset)");
	uint64_t slide = 0;
	if (!t->vmlinux || !t->arch || !distance)
		return;
	overrides_number(&t->priv->overrides, "KERNELOFFSET", &slide);
	t->image = (struct kernel_image){
		.link_va = t->vmlinux->text_va,
		.va = t->vmlinux->text_va + slide,
		.pa = { t->vmlinux->text_va + slide - distance->value },
		.size = t->vmlinux->end_va - t->vmlinux->text_va,
	};
	t->image_finder = "--set";
	attempts_add(&t->priv->attempts, "--set", ATTEMPT_FOUND, NULL,
		"_text at 0x%" PRIx64 ", physical 0x%" PRIx64, t->image.va, t->image.pa.v);
}

void override_check_image(struct target *t)
{
	struct overrides *all = &t->priv->overrides;
	if (!t->image.va) {
		place_image(t);
		return;
	}
	uint64_t distance = t->image.va - t->image.pa.v, slide = t->image.va - t->image.link_va;
	struct override *o = overrides_find(all, "KERNELOFFSET");
	if (o && t->image.link_va) {
		if (o->value == slide)
			agreed(t, o, t->image_finder);
		else if (contradicted(t, o, slide, t->image_finder))
			t->image.va = t->image.link_va + o->value;
	}
	o = overrides_find(all, "NUMBER(kimage_voffset)");
	if (!o)
		return;
	if (o->value == distance)
		agreed(t, o, t->image_finder);
	else if (contradicted(t, o, distance, t->image_finder))
		t->image.pa.v = t->image.va - o->value;
}

/* ---- the layout ----------------------------------------------- */

/* The number that is stated under @key, as @l has it; false for keys that no layout is about. */
static bool layout_number(
	const struct target *t, const struct arch_layout *l, const char *key, uint64_t *ret)
{
	const struct paging *p = &l->paging;
	if (!strcmp(key, "NUMBER(PHYS_OFFSET)"))
		*ret = l->phys_offset.v;
	else if (!strcmp(key, "PAGE_OFFSET"))
		*ret = l->page_offset;
	else if (!strcmp(key, "PAGESIZE"))
		*ret = 1ull << p->page_shift;
	else if (!strcmp(key, "NUMBER(VA_BITS)") && p->two_halves)
		*ret = p->va_bits;
	else if (!strcmp(key, "NUMBER(TCR_EL1_T1SZ)") && p->two_halves)
		*ret = 64 - p->va_bits;
	else if (!strcmp(key, "CONFIG(ARM_LPAE)") && !p->two_halves)
		*ret = p->level[0].entry_bytes == 8;
	else if (!strcmp(key, "SYMBOL(swapper_pg_dir)"))
		*ret = l->pgd.v - t->image.pa.v + t->image.va;
	else
		return false;
	return true;
}

/* A kernel that is built for 52 bits may run with 48 (47 with 16K pages): both are right. */
static bool same(const struct override *o, const struct arch_layout *l, uint64_t proved)
{
	if (!strcmp(o->key, "NUMBER(VA_BITS)") && o->value == 52)
		return proved >= 47;
	if (!strcmp(o->key, "SYMBOL(swapper_pg_dir)")) /* the upper part of a table for 52 bits */
		return proved == o->value ||
		       (l->paging.page_shift == 16 && proved - o->value < 65536);
	return proved == o->value;
}

/* --force; false for what is no number of the layout alone. */
static bool obey(const struct target *t, const struct override *o, struct arch_layout *l)
{
	struct arch_window *linear = NULL;
	for (unsigned i = 0; i < l->nwindows; i++)
		if (!strcmp(l->window[i].name, "linear map"))
			linear = &l->window[i];
	if (!strcmp(o->key, "NUMBER(PHYS_OFFSET)")) {
		if (linear)
			linear->pa.v += o->value - l->phys_offset.v;
		l->phys_offset.v = o->value;
	} else if (!strcmp(o->key, "PAGE_OFFSET")) {
		if (linear)
			linear->va += o->value - l->page_offset;
		l->page_offset = o->value;
	} else if (!strcmp(o->key, "SYMBOL(swapper_pg_dir)")) {
		l->pgd.v = o->value - t->image.va + t->image.pa.v;
	} else {
		return false;
	}
	return true;
}

void override_check_layout(struct target *t, struct arch_layout *io)
{
	const struct arch_layout proved = *io;
	struct overrides *all = &t->priv->overrides;
	for (size_t i = 0; i < all->v.n; i++) {
		struct override *o = &all->v.v[i];
		uint64_t v;
		if (o->off || !layout_number(t, &proved, o->key, &v))
			continue;
		if (same(o, &proved, v))
			agreed(t, o, "page tables");
		else if (contradicted(t, o, v, "page tables") && !obey(t, o, io))
			t->priv->overrides_count = true;
	}
}

bool override_obeyed(const struct target *t, const struct arch_layout *l)
{
	const struct overrides *all = &t->priv->overrides;
	for (size_t i = 0; i < all->v.n; i++) {
		uint64_t v;
		if (!all->v.v[i].off && layout_number(t, l, all->v.v[i].key, &v) &&
			!same(&all->v.v[i], l, v))
			return false;
	}
	return true;
}
