/* mm/kasan/quarantine.c, as kasan_quarantine.h reads it, put in order for lookups by address. */
#include "analyzer/kernel/slab_quarantine.h"

#include <stdlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/kasan_quarantine.h"

static const char key;

typedef VEC(uint64_t) addresses;

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* Damage ends a queue, or leaves out one object of it; only Ctrl-C ends it all. */
static struct err *note(struct err *err, bool *damaged)
{
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	*damaged = true;
	err_drop(err); /* kasan quarantine tells more */
	return NULL;
}

static struct err *add_queue(
	const struct kasan *k, const struct kasan_queue *queue, addresses *out, bool *damaged)
{
	struct kasan_queued_iter it;
	struct err *err = NULL;
	bool more = true;
	kasan_queued_iter_init(&it, k, queue);
	while (!err && more) {
		struct kasan_object o;
		err = kasan_queued_iter_next(&it, &o, &more);
		if (!err && more)
			vec_push(out, o.va);
		err = note(err, damaged);
	}
	return err;
}

static struct err *read_all(struct target *t, addresses *out, bool *damaged)
{
	struct kasan k;
	struct kasan_queue_iter it;
	struct err *err = kasan_init(t, &k);
	bool more = true;
	if (!err)
		err = kasan_queue_iter_init(&it, &k);
	if (err && err->code == ERR_MISSING) {
		err_drop(err); /* no KASAN, or a mode without quarantine */
		return NULL;
	}
	while (!err && more) {
		struct kasan_queue queue;
		err = kasan_queue_iter_next(&it, &queue, &more);
		if (!err && more)
			err = add_queue(&k, &queue, out, damaged);
		else if (err && more)
			err = note(err, damaged);
	}
	return note(err, damaged);
}

static void destroy(void *what)
{
	struct slab_quarantine *q = what;
	free(q->va);
	free(q);
}

struct err *slab_quarantine_get(struct target *t, const struct slab_quarantine **ret)
{
	addresses all = { 0 };
	bool damaged = false;
	struct slab_quarantine *q = target_kept(t, &key);
	if (!q) {
		struct err *err = read_all(t, &all, &damaged);
		if (err) {
			vec_deinit(&all);
			return err;
		}
		if (all.n)
			qsort(all.v, all.n, sizeof(*all.v), by_address);
		q = xcalloc(1, sizeof(*q));
		*q = (struct slab_quarantine){ all.v, all.n, damaged };
		target_keep(t, &key, q, destroy);
	}
	*ret = q;
	return NULL;
}

size_t slab_quarantine_from(const struct slab_quarantine *q, uint64_t va)
{
	size_t lo = 0, hi = q->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (q->va[mid] < va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
