/*
 * The sweep goes in rounds: pieces are cut into jobs of a few megabytes, threads take one job after
 * the other, and when a round is over its findings are handed out in order. Knows nothing of page
 * tables.
 */
#include "analyzer/space/sweep.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/progress.h"

enum {
	JOB_BYTES = 4 << 20, /* large against the cost of handing a job out */
	JOB_PIECES = 4096,   /* single pages, scattered */
	JOBS_PER_THREAD = 8, /* so that no thread waits long for the last one of a round */
	THREADS_MAX = 64,
	FAULT_STEP = 4096, /* what is missing is missing by pages */
};

struct job {
	VEC(struct sweep_piece) piece;
	uint64_t bytes;
	bool follows;	     /* the first piece goes on where the job before ended … */
	struct paddr before; /* … and these bytes end directly below it */
	uint64_t before_bytes;
	struct sweep_hits hits;
	struct sweep_totals totals;
};

struct round {
	struct dump *dump;
	const struct sweep *sweep;
	struct job *job;
	size_t njobs;
	size_t next; /* atomic */
};

void sweep_found(struct sweep_hits *hits, uint64_t addr, uint64_t value)
{
	struct sweep_hit hit = { .addr = addr, .value = value, .tag = hits->tag };
	vec_push(&hits->hit, hit);
}

/* ---- one job ----------------------------------------------------------------------------- */

/* The last bytes that were looked at, for the run that goes on behind them. */
struct seam {
	uint8_t bytes[SWEEP_SEAM_MAX];
	size_t n;
	uint64_t end; /* address behind them */
};

static void seam_keep(struct seam *s, const struct sweep_run *run, size_t wanted)
{
	uint8_t joined[2 * SWEEP_SEAM_MAX];
	size_t from_before = run->n >= wanted ? 0 : wanted - run->n;
	if (from_before > run->nbefore)
		from_before = run->nbefore;
	size_t from_run = run->n < wanted ? run->n : wanted;
	if (from_before)
		memcpy(joined, run->before + run->nbefore - from_before, from_before);
	memcpy(joined + from_before, run->p + run->n - from_run, from_run);
	s->n = from_before + from_run;
	memcpy(s->bytes, joined, s->n);
	s->end = run->addr + run->n;
}

/* One run, looked at until its bytes were certainly those of the dump: see dump_map(). */
static enum fault_kind look_at_run(const struct round *r, struct job *j, struct seam *seam,
	uint64_t addr, uint64_t pa, uint64_t most, uint64_t *ret_n)
{
	for (;;) {
		uint64_t before = dump_generation(r->dump);
		size_t nhits = j->hits.hit.n, n;
		struct sweep_run run = { .addr = addr };
		struct seam kept = *seam;
		enum fault_kind fault = dump_map(r->dump, (struct paddr){ pa }, &run.p, &n);
		if (fault)
			return fault;
		run.n = n < most ? n : (size_t)most;
		if (seam->n && seam->end == addr) {
			run.before = seam->bytes;
			run.nbefore = seam->n;
		}
		r->sweep->look(r->sweep->cx, &run, &j->hits);
		seam_keep(&kept, &run, r->sweep->seam_bytes);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (dump_generation(r->dump) == before) {
			*seam = kept;
			*ret_n = run.n;
			return FAULT_NONE;
		}
		j->hits.hit.n = nhits;
	}
}

static void look_at_piece(
	const struct round *r, struct job *j, struct seam *seam, const struct sweep_piece *p)
{
	j->hits.tag = p->tag;
	for (uint64_t at = 0, n; at < p->size && !interrupt_pending(); at += n) {
		enum fault_kind fault =
			look_at_run(r, j, seam, p->addr + at, p->pa.v + at, p->size - at, &n);
		if (fault) {
			n = FAULT_STEP - (p->pa.v + at) % FAULT_STEP;
			n = n < p->size - at ? n : p->size - at;
			j->totals.missing_bytes[fault] += n;
			seam->n = 0;
		} else {
			j->totals.seen_bytes += n;
		}
	}
}

/* Shadow and page tables lie in single pages, and a processor fetches ahead within one page only:
 * the beginning of the next piece is on its way while this one is looked at. */
static void fetch_ahead(const struct round *r, const struct sweep_piece *p)
{
	enum { LINE = 64, AHEAD = 4096 };
	const uint8_t *bytes;
	size_t n;
	if (dump_map(r->dump, p->pa, &bytes, &n))
		return;
	n = n < p->size ? n : (size_t)p->size;
	for (size_t at = 0; at < n && at < AHEAD; at += LINE)
		__builtin_prefetch(bytes + at, 0, 2);
}

static void do_job(const struct round *r, struct job *j)
{
	struct seam seam = { .n = 0 };
	if (j->follows && j->before_bytes) {
		size_t n = j->before_bytes < r->sweep->seam_bytes ? (size_t)j->before_bytes
								  : r->sweep->seam_bytes;
		struct paddr from = { j->before.v + j->before_bytes - n };
		if (n && !dump_try_read(r->dump, from, seam.bytes, n, NULL)) {
			seam.n = n;
			seam.end = j->piece.v[0].addr;
		}
	}
	for (size_t i = 0; i < j->piece.n; i++) {
		if (i + 1 < j->piece.n)
			fetch_ahead(r, &j->piece.v[i + 1]);
		look_at_piece(r, j, &seam, &j->piece.v[i]);
	}
}

static void *work(void *cx)
{
	struct round *r = cx;
	for (;;) {
		size_t i = __atomic_fetch_add(&r->next, 1, __ATOMIC_RELAXED);
		if (i >= r->njobs || interrupt_pending())
			return NULL;
		do_job(r, &r->job[i]);
	}
}

/* ---- rounds ------------------------------------------------------------------------------ */

/* Where the pieces come from: what is left of the one that was cut. */
struct source {
	const struct sweep *sweep;
	struct sweep_piece rest, last; /* .size 0: none */
	bool ended;
};

static struct err *next_piece(
	struct source *src, uint64_t most, struct sweep_piece *ret, bool *ret_more)
{
	struct err *err = NULL;
	while (!src->rest.size && !src->ended && !err) {
		bool more = false;
		err = src->sweep->next(src->sweep->cx, &src->rest, &more);
		src->ended = !more;
		if (!more || err)
			src->rest.size = 0;
	}
	*ret_more = src->rest.size > 0;
	if (err || !src->rest.size)
		return err;
	*ret = src->rest;
	if (ret->size > most)
		ret->size = most;
	src->rest.addr += ret->size;
	src->rest.pa.v += ret->size;
	src->rest.size -= ret->size;
	return NULL;
}

static struct err *fill_job(struct source *src, struct job *j)
{
	struct err *err = NULL;
	struct sweep_piece p;
	bool more = true;
	j->piece.n = 0;
	j->hits.hit.n = 0;
	j->bytes = 0;
	j->totals = (struct sweep_totals){ 0 };
	while (j->bytes < JOB_BYTES && j->piece.n < JOB_PIECES) {
		err = next_piece(src, JOB_BYTES - j->bytes, &p, &more);
		if (err || !more)
			break;
		if (!j->piece.n) {
			j->follows = src->last.size && src->last.addr + src->last.size == p.addr;
			j->before = src->last.pa;
			j->before_bytes = src->last.size;
		}
		vec_push(&j->piece, p);
		j->bytes += p.size;
		src->last = p;
	}
	return err;
}

/* The calling thread works too. A thread that cannot be had makes the sweep slower, not wrong. */
static void run_round(struct round *r, unsigned threads)
{
	pthread_t thread[THREADS_MAX];
	unsigned n = 0;
	r->next = 0;
	while (n + 1 < threads && n + 1 < r->njobs && !pthread_create(&thread[n], NULL, work, r))
		n++;
	work(r);
	while (n)
		pthread_join(thread[--n], NULL);
}

static struct err *hand_out(const struct round *r, struct sweep_totals *totals)
{
	struct err *err = interrupt_check();
	for (size_t i = 0; i < r->njobs; i++) {
		const struct job *j = &r->job[i];
		totals->seen_bytes += j->totals.seen_bytes;
		for (unsigned f = 0; f <= FAULT_CORRUPT; f++)
			totals->missing_bytes[f] += j->totals.missing_bytes[f];
		for (size_t k = 0; k < j->hits.hit.n && !err; k++)
			err = r->sweep->hit(r->sweep->cx, &j->hits.hit.v[k]);
	}
	return err;
}

/* All that the dump has: pieces come one by one, and nobody knows yet how many. */
static uint64_t dump_bytes(const struct dump *d)
{
	const struct dump_info *info = dump_info(d);
	uint64_t sum = 0;
	for (size_t i = 0; i < info->nextents; i++)
		sum += info->extent[i].size;
	return sum;
}

static unsigned thread_count(const struct sweep *s)
{
	long n = s->threads ? (long)s->threads : sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

struct err *sweep_memory(struct dump *d, const struct sweep *s, struct sweep_totals *ret)
{
	unsigned threads = thread_count(s);
	size_t most = (size_t)threads * JOBS_PER_THREAD;
	struct round r = { .dump = d, .sweep = s, .job = xcalloc(most, sizeof(*r.job)) };
	struct source src = { .sweep = s };
	struct sweep_totals totals = { 0 };
	struct err *err = NULL;
	struct progress progress;
	progress_begin(&progress, s->what ? s->what : "memory", PROGRESS_BYTES, dump_bytes(d));
	do {
		for (r.njobs = 0; r.njobs < most && !err; r.njobs++) {
			err = fill_job(&src, &r.job[r.njobs]);
			if (!r.job[r.njobs].piece.n)
				break;
		}
		if (r.njobs)
			run_round(&r, threads);
		struct err *out = hand_out(&r, &totals);
		if (err)
			err_drop(out);
		else
			err = out;
		progress_step(&progress, totals.seen_bytes);
	} while (r.njobs && !err);
	progress_end(&progress);
	for (size_t i = 0; i < most; i++) {
		vec_deinit(&r.job[i].piece);
		vec_deinit(&r.job[i].hits.hit);
	}
	free(r.job);
	if (ret)
		*ret = totals;
	return err;
}
