/* The table of finders, and the way from a question through them to an answer. Each finder knows
 * one kind of thing; this file knows none. */
#include "analyzer/explain/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/explain/explain_internal.h"
#include "analyzer/kernel/slab_object.h"

static const char *const kind_name[EXPLAIN_KINDS] = {
	[EXPLAIN_VALUE] = "value",
	[EXPLAIN_PERCPU] = "per-CPU",
	[EXPLAIN_SYMBOL] = "symbol",
	[EXPLAIN_CODE] = "code",
	[EXPLAIN_TASK] = "task",
	[EXPLAIN_STACK] = "stack",
	[EXPLAIN_SLAB] = "slab object",
	[EXPLAIN_KFENCE] = "KFENCE object",
	[EXPLAIN_MODULE] = "module",
	[EXPLAIN_VMALLOC] = "vmalloc area",
	[EXPLAIN_FIXMAP] = "fixmap slot",
	[EXPLAIN_SHADOW] = "KASAN shadow",
	[EXPLAIN_STRUCT_PAGE] = "struct page",
	[EXPLAIN_USER] = "user area",
	[EXPLAIN_ALIAS] = "also mapped",
	[EXPLAIN_TABLE] = "page table",
	[EXPLAIN_PAGE] = "page",
	[EXPLAIN_PAGE_OWNER] = "page owner",
	[EXPLAIN_ZONE] = "zone",
	[EXPLAIN_RESOURCE] = "resource",
	[EXPLAIN_MEMBLOCK] = "memblock",
	[EXPLAIN_REGION] = "region",
	[EXPLAIN_HOLE] = "hole",
	[EXPLAIN_UNKNOWN] = "not known",
};

const char *explain_kind_name(enum explain_kind k)
{
	return k < EXPLAIN_KINDS ? kind_name[k] : "?";
}

/* The most specific first, then what holds that. */
static const explain_find_fn finders[] = {
	explain_find_percpu, explain_find_stack, explain_find_task, explain_find_code,
	explain_find_symbol, explain_find_slab, explain_find_kfence, explain_find_module,
	explain_find_vmalloc, explain_find_fixmap, explain_find_shadow, explain_find_struct_page,
	explain_find_user, explain_find_table, explain_find_alias, explain_find_page,
	explain_find_zone, explain_find_claims, explain_find_old_symbol, explain_find_region,
	explain_find_value, /* last: a number that is some address is not called a poison */
};

/* ---- rows -------------------------------------------------------------------------------- */

struct explain_row *explain_add(struct explain_cx *cx, enum explain_kind kind, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* The array is larger than all finders fill; a crafted dump writes over the last row. */
	unsigned i = cx->out->n < EXPLAIN_ROWS_MAX ? cx->out->n++ : EXPLAIN_ROWS_MAX - 1;
	struct explain_row *r = &cx->out->row[i];
	*r = (struct explain_row){ .kind = kind, .text = arena_strdup(cx->a, text) };
	return r;
}

void explain_range(struct explain_cx *cx, struct explain_row *r, uint64_t start, uint64_t size)
{
	uint64_t at = cx->has_va ? cx->va : cx->pa;
	r->has_range = r->has_offset = true;
	r->start = start;
	r->size = size;
	r->offset = (int64_t)(at - start);
}

struct err *explain_trouble(struct explain_cx *cx, const char *what, struct err *e)
{
	bool told = cx->quick || !e || e->code == ERR_INTERRUPTED;
	for (unsigned i = 0; i < cx->out->n; i++)
		told |= cx->out->row[i].kind == EXPLAIN_UNKNOWN &&
			!strcmp(cx->out->row[i].name, what);
	if (!told)
		explain_add(cx, EXPLAIN_UNKNOWN, "%s: %s", what, e->msg)->name = what;
	if (e && e->code == ERR_INTERRUPTED)
		return e;
	err_drop(e); /* it stands in the answer */
	return NULL;
}

struct err *explain_need_told(
	struct explain_cx *cx, enum explain_part part, const char *what, bool *ret_known)
{
	const struct err *why;
	struct err *err = explain_need(cx->ix, part, &why);
	*ret_known = !err && !why;
	if (err || !why)
		return err;
	return explain_trouble(cx, what, err_new(why->code, "%s", why->msg));
}

const char *explain_plus(struct explain_cx *cx, int64_t offset)
{
	if (!offset)
		return "";
	return arena_printf(cx->a, "%c0x%" PRIx64, offset < 0 ? '-' : '+',
		offset < 0 ? -(uint64_t)offset : (uint64_t)offset);
}

/* ---- questions --------------------------------------------------------------------------- */

/* Windows are a subtraction: where the kernel gave a part of its image back, only its tables know.
 */
static bool kernel_frame(struct target *t, uint64_t va, uint64_t *ret_pa)
{
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	struct walk walk;
	struct paddr pa;
	walk_address(&l->paging, t->dump, l->pgd, va, &walk);
	bool mapped = walk.fault == FAULT_NONE;
	if (!mapped && vspace_translate(t->kernel, va, &pa, NULL))
		return false;
	*ret_pa = mapped ? walk.pa.v : pa.v;
	return true;
}

static void translate(struct explain_cx *cx)
{
	const struct arch_layout *l = &vspace_facts(cx->t->kernel)->layout;
	if (cx->ask->physical) {
		cx->has_pa = true;
		cx->pa = cx->ask->addr;
		cx->has_va = explain_virtual(cx->t, cx->pa, &cx->va);
		cx->out->addr = cx->has_va ? cx->va : cx->pa;
		return;
	}
	cx->va = cx->t->arch->untag(l, cx->ask->addr);
	if (cx->t->abi.word_bytes == 4)
		cx->va &= UINT32_MAX;
	cx->has_va = true;
	cx->out->addr = cx->va;
	cx->is_user = cx->va < l->user_end;
	cx->has_pa = !cx->is_user && kernel_frame(cx->t, cx->va, &cx->pa);
}

static void troubles_last(struct explanation *e)
{
	struct explain_row kept[EXPLAIN_ROWS_MAX];
	unsigned n = 0;
	for (int last = 0; last < 2; last++)
		for (unsigned i = 0; i < e->n; i++)
			if ((e->row[i].kind == EXPLAIN_UNKNOWN) == last)
				kept[n++] = e->row[i];
	memcpy(e->row, kept, n * sizeof(*kept));
}

static struct err *explain(struct explain_cx *cx)
{
	struct err *err = target_need_kernel(cx->t);
	const struct err *why;
	if (err)
		return err;
	cx->ix = explain_index_get(cx->t);
	err = explain_need(cx->ix, PART_MAP, &why);
	if (err)
		return err;
	translate(cx);
	for (size_t i = 0; i < ARRAY_SIZE(finders) && !(cx->quick && cx->out->n); i++) {
		err = finders[i](cx);
		if (!err)
			err = interrupt_check();
		if (err)
			return err;
	}
	cx->out->has_pa = cx->has_pa;
	cx->out->pa = cx->pa;
	troubles_last(cx->out);
	return NULL;
}

struct err *explain_address(
	struct target *t, const struct explain_ask *ask, struct arena *a, struct explanation *ret)
{
	*ret = (struct explanation){ .n = 0 };
	struct explain_cx cx = { .t = t, .a = a, .ask = ask, .out = ret };
	return explain(&cx);
}

struct err *explain_first(
	struct target *t, const struct explain_ask *ask, struct arena *a, struct explain_row *ret)
{
	struct explanation out = { .n = 0 };
	struct explain_cx cx = { .t = t, .a = a, .ask = ask, .out = &out, .quick = true };
	struct err *err = explain(&cx);
	if (!err && !out.n)
		explain_add(&cx, EXPLAIN_HOLE, "nothing is known of it");
	if (!err)
		*ret = out.row[0];
	return err;
}

bool explain_word(struct target *t, uint64_t value, bool slabs, struct strbuf *out)
{
	struct slab_object o;
	if (symtab_format(t->syms, value, false, out))
		return true;
	if (!slabs || !t->kernel ||
		t->arch->untag(&vspace_facts(t->kernel)->layout, value) <
			vspace_facts(t->kernel)->layout.user_end ||
		!slab_object_try_find(t, value, &o))
		return false;
	strbuf_addf(out, "[%s]", o.cache.name);
	return true;
}
