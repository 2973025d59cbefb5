/*
 * The ring of chunks that reading ahead fills: threads take the next chunk of addresses, unpack it
 * into a slot of their own, and the consumer takes the slots in order. Knows nothing of formats.
 */
#include "analyzer/dump/bulk.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/dump/reader.h"

enum { THREADS_MAX = 16, GAP_UNIT = 4096 };

struct chunk {
	uint64_t pa, size; /* inside one extent and one multiple of DUMP_BULK_BYTES */
};

struct slot {
	bool ready;
	uint8_t *bytes;
	VEC(struct dump_run) run;
};

struct dump_bulk {
	struct dump *d;
	struct dump_bulk_options o;
	size_t extent; /* where the next chunk is cut off */
	uint64_t at;
	pthread_mutex_t lock; /* of all below, and of the two above */
	pthread_cond_t filled, freed;
	bool stop, exhausted;
	uint64_t taken, given; /* chunks handed to threads; slots used up by the consumer */
	size_t nslots;
	struct slot *slot;
	size_t run; /* next run of the consumer's slot */
	bool holding;
	pthread_t thread[THREADS_MAX];
	unsigned nthreads;
};

/* ---- chunks ------------------------------------------------------------- */

/* The first byte of the range from b->at on that an extent has; false at the end. */
static bool move_into_extent(struct dump_bulk *b)
{
	const struct dump_info *info = dump_info(b->d);
	for (; b->extent < info->nextents; b->extent++) {
		const struct dump_extent *x = &info->extent[b->extent];
		if (b->at < x->start.v)
			b->at = x->start.v;
		if (b->at - x->start.v < x->size)
			return b->at <= b->o.last.v;
	}
	return false;
}

static bool chunk_next(struct dump_bulk *b, struct chunk *ret)
{
	struct paddr data;
	if (!move_into_extent(b))
		return false;
	if (b->o.data_only) {
		if (!dump_next_data(b->d, (struct paddr){ b->at }, &data))
			return false;
		b->at = data.v;
		if (!move_into_extent(b))
			return false;
	}
	const struct dump_extent *x = &dump_info(b->d)->extent[b->extent];
	uint64_t left = x->size - (b->at - x->start.v);
	uint64_t n = DUMP_BULK_BYTES - b->at % DUMP_BULK_BYTES;
	n = n < left ? n : left;
	if (b->o.last.v - b->at < n)
		n = b->o.last.v - b->at + 1;
	*ret = (struct chunk){ b->at, n };
	b->at += n;
	if (!b->at) /* the end of all addresses */
		b->extent = dump_info(b->d)->nextents;
	return true;
}

/* ---- filling ------------------------------------------------------------- */

static void run_add(struct slot *s, uint64_t pa, size_t n, const uint8_t *p, enum fault_kind fault)
{
	struct dump_run *last = s->run.n ? &s->run.v[s->run.n - 1] : NULL;
	bool joins = last && last->fault == fault && last->pa.v + last->size == pa &&
		     (p ? last->p && last->p + last->size == p : !last->p);
	if (joins)
		last->size += n;
	else
		vec_push(&s->run, ((struct dump_run){ { pa }, n, p, fault }));
}

/* Skips to the next data inside the chunk; false when there is none. */
static bool skip_to_data(const struct dump_bulk *b, uint64_t *pa, uint64_t end)
{
	struct paddr data;
	if (!dump_next_data(b->d, (struct paddr){ *pa }, &data) || data.v >= end)
		return false;
	*pa = data.v;
	return true;
}

/* Unpacks what must be unpacked into the slot; what is in place stays there, and @room may be NULL
 * where all is. */
static void slot_fill(const struct dump_bulk *b, const struct chunk *c, struct codec *codec,
	uint8_t *room, struct slot *s)
{
	const struct dump_reader *reader = b->d->reader;
	uint64_t pa = c->pa, end = c->pa + c->size; /* 0 at the end of all addresses */
	s->run.n = 0;
	while (pa != end) {
		const uint8_t *p;
		size_t n = 0;
		if (b->o.data_only && !skip_to_data(b, &pa, end))
			return;
		enum fault_kind fault = reader->unpack
						? reader->unpack(b->d, pa, codec, room, &p, &n)
						: reader->map(b->d, pa, &p, &n);
		if (fault == FAULT_BEYOND) /* two bitmaps that contradict each other */
			n = GAP_UNIT - pa % GAP_UNIT;
		n = n < end - pa ? n : (size_t)(end - pa);
		if (fault) {
			if (!b->o.data_only || fault == FAULT_CORRUPT)
				run_add(s, pa, n, NULL, fault);
		} else if (room && p >= room && p < room + UNPACK_BYTES) {
			uint8_t *to = s->bytes + (pa - c->pa);
			memcpy(to, p, n);
			run_add(s, pa, n, to, FAULT_NONE);
		} else {
			run_add(s, pa, n, p, FAULT_NONE);
		}
		pa += n;
	}
}

/* The next chunk and its slot, when there is a free one; false when there is nothing more to do. */
static bool take(struct dump_bulk *b, struct chunk *ret, struct slot **ret_slot)
{
	bool got = false;
	pthread_mutex_lock(&b->lock);
	while (!b->stop && !b->exhausted && b->taken - b->given >= b->nslots)
		pthread_cond_wait(&b->freed, &b->lock);
	if (!b->stop && !b->exhausted) {
		got = chunk_next(b, ret);
		b->exhausted = !got;
		*ret_slot = &b->slot[b->taken % b->nslots];
		b->taken += got;
		if (!got) {
			pthread_cond_broadcast(&b->freed);
			pthread_cond_broadcast(&b->filled);
		}
	}
	pthread_mutex_unlock(&b->lock);
	return got;
}

static void *worker(void *arg)
{
	struct dump_bulk *b = arg;
	struct codec codec = { 0 };
	scoped_free uint8_t *room = xmalloc(UNPACK_BYTES);
	struct chunk c;
	struct slot *s;
	while (take(b, &c, &s)) {
		slot_fill(b, &c, &codec, room, s);
		pthread_mutex_lock(&b->lock);
		s->ready = true;
		pthread_cond_broadcast(&b->filled);
		pthread_mutex_unlock(&b->lock);
	}
	codec_deinit(&codec);
	return NULL;
}

/* ---- the consumer ------------------------------------------------------------- */

struct err *dump_bulk_create(
	struct dump *d, const struct dump_bulk_options *o, struct dump_bulk **ret)
{
	struct dump_bulk *b = xcalloc(1, sizeof(*b));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned threads = o->threads ? o->threads : cpus > 0 ? (unsigned)cpus : 1;
	threads = threads < THREADS_MAX ? threads : THREADS_MAX;
	b->d = d;
	b->o = *o;
	b->at = o->first.v;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->filled, NULL);
	pthread_cond_init(&b->freed, NULL);
	/* In place there is nothing to do ahead. */
	b->nslots = d->reader->unpack ? 2 * threads + 2 : 1;
	b->slot = xcalloc(b->nslots, sizeof(*b->slot));
	for (size_t i = 0; d->reader->unpack && i < b->nslots; i++)
		b->slot[i].bytes = xmalloc(DUMP_BULK_BYTES);
	while (d->reader->unpack && b->nthreads < threads &&
		pthread_create(&b->thread[b->nthreads], NULL, worker, b) == 0)
		b->nthreads++;
	if (d->reader->unpack && !b->nthreads) {
		dump_bulk_destroy(b);
		return err_new(ERR_NO_MEMORY, "no thread can be made");
	}
	*ret = b;
	return NULL;
}

void dump_bulk_destroy(struct dump_bulk *b)
{
	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_broadcast(&b->freed);
	pthread_mutex_unlock(&b->lock);
	for (unsigned i = 0; i < b->nthreads; i++)
		pthread_join(b->thread[i], NULL);
	for (size_t i = 0; i < b->nslots; i++) {
		free(b->slot[i].bytes);
		vec_deinit(&b->slot[i].run);
	}
	free(b->slot);
	pthread_cond_destroy(&b->filled);
	pthread_cond_destroy(&b->freed);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* The slot of the next chunk in order, filled; NULL at the end. */
static struct slot *slot_next(struct dump_bulk *b)
{
	struct slot *s = &b->slot[b->given % b->nslots];
	struct chunk c;
	if (!b->nthreads) {
		if (!chunk_next(b, &c))
			return NULL;
		slot_fill(b, &c, NULL, NULL, s);
		return s;
	}
	pthread_mutex_lock(&b->lock);
	if (b->holding) {
		s->ready = false;
		b->given++;
		b->holding = false;
		pthread_cond_broadcast(&b->freed);
		s = &b->slot[b->given % b->nslots];
	}
	while (!s->ready && !(b->exhausted && b->given == b->taken))
		pthread_cond_wait(&b->filled, &b->lock);
	b->holding = s->ready;
	pthread_mutex_unlock(&b->lock);
	return b->holding ? s : NULL;
}

struct err *dump_bulk_next(struct dump_bulk *b, struct dump_run *ret, bool *ret_more)
{
	struct slot *s = &b->slot[b->given % b->nslots];
	*ret_more = false;
	while (b->run >= ((b->holding || !b->nthreads) ? s->run.n : 0)) {
		struct err *err = interrupt_check();
		if (err)
			return err;
		b->run = 0;
		s = slot_next(b);
		if (!s)
			return NULL;
	}
	*ret = s->run.v[b->run++];
	*ret_more = true;
	return NULL;
}
