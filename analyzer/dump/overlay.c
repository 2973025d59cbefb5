/*
 * Overlaid ranges, by one sweep over the starts with a heap of those that are open: n log n
 * whatever the input, because the input is hostile. Knows nothing of files or memory.
 */
#include "analyzer/dump/overlay.h"

#include <stdlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

struct heap {
	const struct span **v;
	size_t n;
};

static void heap_swap(struct heap *h, size_t a, size_t b)
{
	const struct span *t = h->v[a];
	h->v[a] = h->v[b];
	h->v[b] = t;
}

static void heap_push(struct heap *h, const struct span *s)
{
	size_t i = h->n++;
	h->v[i] = s;
	for (; i && h->v[(i - 1) / 2]->prio < h->v[i]->prio; i = (i - 1) / 2)
		heap_swap(h, i, (i - 1) / 2);
}

static void heap_pop(struct heap *h)
{
	h->v[0] = h->v[--h->n];
	for (size_t i = 0;;) {
		size_t best = i;
		for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < h->n; c++)
			if (h->v[c]->prio > h->v[best]->prio)
				best = c;
		if (best == i)
			return;
		heap_swap(h, i, best);
		i = best;
	}
}

static int by_start(const void *pa, const void *pb)
{
	const struct span *a = pa, *b = pb;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->prio > b->prio) - (a->prio < b->prio);
}

/* Appends [start, end) of @s, joined to the last one where nothing but the border differs. */
static void emit(struct span *out, size_t *n, const struct span *s, uint64_t start, uint64_t end)
{
	struct span *last = *n ? &out[*n - 1] : NULL;
	uint64_t src = s->src + (start - s->start);
	if (last && last->end == start && last->kind == s->kind &&
		last->src + (start - last->start) == src) {
		last->end = end;
		return;
	}
	out[(*n)++] = (struct span){ start, end, src, s->prio, s->kind };
}

struct err *overlay_flatten(struct span *in, size_t n, struct span **ret, size_t *ret_n)
{
	scoped_free struct span *out = NULL;
	scoped_free const struct span **open = NULL;
	size_t nout = 0;
	struct err *err = mem_alloc_array(n * 2, sizeof(*out), "overlaid ranges", &out);
	if (!err)
		err = mem_alloc_array(n, sizeof(*open), "overlaid ranges", &open);
	if (err)
		return err;
	if (n)
		qsort(in, n, sizeof(*in), by_start);
	struct heap h = { open, 0 };
	uint64_t at = 0;
	for (size_t i = 0; i < n || h.n;) {
		if (!h.n)
			at = in[i].start;
		for (; i < n && in[i].start <= at; i++)
			heap_push(&h, &in[i]);
		while (h.n && h.v[0]->end <= at)
			heap_pop(&h);
		if (!h.n)
			continue;
		uint64_t stop = h.v[0]->end;
		if (i < n && in[i].start < stop)
			stop = in[i].start;
		emit(out, &nout, h.v[0], at, stop);
		at = stop;
	}
	*ret = take_ptr(out);
	*ret_n = nout;
	return NULL;
}

const struct span *overlay_find(const struct span *v, size_t n, uint64_t at)
{
	size_t lo = 0, hi = n; /* the first span that ends behind @at is in [lo, hi] */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (v[mid].end <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && v[lo].start <= at ? &v[lo] : NULL;
}
