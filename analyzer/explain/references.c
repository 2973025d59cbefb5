/* One sweep over RAM with one range as pattern, as search -p does it; then each finding is
 * explained by where the kernel itself sees it. */
#include "analyzer/explain/references.h"

#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/pattern.h"
#include "analyzer/space/pieces.h"

/* Bits 63:56 of a 64-bit address hold tags (KASAN's, MTE's, a user's); bit 55 tells the halves
 * apart. */
static const uint64_t UNTAGGED_64 = 0x00ffffffffffffffull;

struct finder {
	struct target *t;
	struct pieces *pieces;
	struct pattern pattern;
	struct references *out;
};

static struct err *next_piece(void *cx, struct sweep_piece *ret, bool *ret_more)
{
	struct finder *f = cx;
	return pieces_next(f->pieces, ret, ret_more);
}

static void look(void *cx, const struct sweep_run *run, struct sweep_hits *hits)
{
	const struct finder *f = cx;
	const struct abi *abi = &f->t->abi;
	unsigned unit = f->pattern.unit_bytes;
	size_t skew = (size_t)(-run->addr & (unit - 1u));
	if (skew >= run->n)
		return;
	const uint8_t *mem = run->p + skew;
	size_t n = run->n - skew;
	for (size_t at = 0; (at = pattern_find(&f->pattern, abi, mem, n, at)) < n; at += unit)
		sweep_found(hits, run->addr + skew + at, load_uint(abi, mem + at, unit));
}

static struct err *keep(void *cx, const struct sweep_hit *hit)
{
	struct finder *f = cx;
	struct reference r = { .pa = hit->addr, .value = hit->value };
	f->out->found++;
	if (f->out->ref.n < REFERENCES_MAX)
		vec_push(&f->out->ref, r);
	return NULL;
}

static enum reference_rank rank_of(const struct explain_row *w)
{
	if (w->is_stale)
		return REFERENCE_STALE;
	switch (w->kind) {
	case EXPLAIN_SYMBOL:
	case EXPLAIN_PERCPU:
		return REFERENCE_NAMED;
	case EXPLAIN_STACK:
		return REFERENCE_STACK;
	case EXPLAIN_TASK:
		return REFERENCE_OBJECT;
	case EXPLAIN_SLAB:
	case EXPLAIN_KFENCE:
		return w->member ? REFERENCE_OBJECT : REFERENCE_SLAB;
	case EXPLAIN_MODULE:
	case EXPLAIN_VMALLOC:
	case EXPLAIN_STRUCT_PAGE:
		return REFERENCE_AREA;
	default:
		return REFERENCE_PAGE;
	}
}

static int by_rank(const void *a, const void *b)
{
	const struct reference *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->pa < y->pa ? -1 : x->pa > y->pa;
}

static struct err *explain_all(struct finder *f, uint64_t addr, uint64_t bytes, struct arena *a)
{
	for (size_t i = 0; i < f->out->ref.n; i++) {
		struct reference *r = &f->out->ref.v[i];
		const struct explain_ask ask = { .addr = r->pa, .physical = true };
		struct err *err = explain_first(f->t, &ask, a, &r->what);
		if (err)
			return err;
		r->has_va = explain_virtual(f->t, r->pa, &r->va);
		r->rank = r->has_va && r->va - addr < bytes ? REFERENCE_SELF : rank_of(&r->what);
	}
	if (f->out->ref.n)
		qsort(f->out->ref.v, f->out->ref.n, sizeof(*f->out->ref.v), by_rank);
	return NULL;
}

static struct pattern pointers_into(const struct target *t, uint64_t addr, uint64_t bytes)
{
	uint64_t mask = t->abi.word_bytes == 8 ? UNTAGGED_64 : UINT32_MAX;
	struct pattern p = { .kind = PATTERN_RANGE, .unit_bytes = t->abi.word_bytes, .mask = mask };
	p.low = addr & mask;
	p.high = bytes - 1 > mask - p.low ? mask : p.low + (bytes - 1);
	return p;
}

struct err *references_find(
	struct target *t, uint64_t addr, uint64_t bytes, struct arena *a, struct references *ret)
{
	struct finder f = { .t = t, .out = ret };
	struct sweep sweep = { .cx = &f, .next = next_piece, .look = look, .hit = keep };
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	if (!bytes)
		return err_new(ERR_USAGE, "a length of 0: nothing can point there");
	*ret = (struct references){ .found = 0 };
	addr = t->arch->untag(&vspace_facts(t->kernel)->layout, addr);
	f.pattern = pointers_into(t, addr, bytes);
	f.pieces = pieces_of_ram(t->dump, 0, UINT64_MAX);
	err = sweep_memory(t->dump, &sweep, &ret->totals);
	pieces_destroy(f.pieces);
	if (err && err->code == ERR_INTERRUPTED) {
		err_drop(err); /* what was found is the answer */
		interrupt_clear();
		ret->interrupted = true;
		err = NULL;
	}
	if (!err)
		err = explain_all(&f, addr, bytes, a);
	return err;
}

void references_deinit(struct references *r)
{
	vec_deinit(&r->ref);
}
