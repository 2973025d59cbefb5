/*
 * How fast KASAN's shadow is looked through, beside loading the same bytes in place and doing
 * nothing with them, and memcpy of an array that no cache holds. Prints "NAME NUMBER UNIT" lines
 * for bench/shadow: the scan by wall time (it takes all cores) and by CPU time, the others of one
 * core.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/kasan_scan.h"
#include "analyzer/space/pieces.h"

enum { RUNS = 20 };

static double seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The best of some: the machine does other things too. */
struct best {
	double wall, cpu;
};

static void better(struct best *b, double wall, double cpu)
{
	if (!b->wall || wall < b->wall)
		b->wall = wall;
	if (!b->cpu || cpu < b->cpu)
		b->cpu = cpu;
}

static struct err *scan(const struct kasan *k, uint64_t *ret_bytes, struct best *ret)
{
	struct kasan_histogram h;
	for (unsigned i = 0; i < RUNS; i++) {
		double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
		struct err *err = kasan_scan_shadow(
			k, 0, UINT64_MAX >> (64 - 8 * k->t->abi.word_bytes), &h, NULL, NULL);
		if (err)
			return err;
		better(ret, seconds(CLOCK_MONOTONIC) - wall,
			seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	}
	*ret_bytes = h.totals.seen_bytes;
	return NULL;
}

/* The shadow's pieces as the scan has them. */
struct touched {
	struct pieces *pieces;
	struct paddr zero_pa;
};

static struct err *touch_next(void *cx, struct sweep_piece *ret, bool *ret_more)
{
	struct touched *t = cx;
	struct err *err;
	while (!(err = pieces_next(t->pieces, ret, ret_more)) && *ret_more)
		if (ret->pa.v != t->zero_pa.v)
			break;
	return err;
}

static void touch_look(void *cx, const struct sweep_run *run, struct sweep_hits *hits)
{
	typedef uint64_t lanes __attribute__((vector_size(16)));
	lanes x[4], sum[4] = { 0 };
	(void)cx;
	(void)hits;
	for (size_t i = 0; i + sizeof(x) <= run->n; i += sizeof(x)) {
		memcpy(x, run->p + i, sizeof(x));
		for (unsigned k = 0; k < ARRAY_SIZE(x); k++)
			sum[k] |= x[k];
	}
	__asm__ volatile("" : : "m"(sum));
}

static struct err *touch_hit(void *cx, const struct sweep_hit *hit)
{
	(void)cx;
	(void)hit;
	return NULL;
}

/* The loads alone, of the same bytes where they are: what memory gives in this order of pages. */
static struct err *touch(const struct kasan *k, uint64_t bytes, struct best *ret)
{
	struct err *err = NULL;
	for (unsigned i = 0; !err && i < RUNS; i++) {
		struct touched t = { .pieces = NULL };
		double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
		t.zero_pa.v = k->zero_pa;
		t.pieces = pieces_of_space(
			k->t->dump, vspace_facts(k->t->kernel), k->start, k->end - 1);
		struct sweep sweep = {
			.cx = &t, .next = touch_next, .look = touch_look, .hit = touch_hit
		};
		struct sweep_totals totals;
		err = sweep_memory(k->t->dump, &sweep, &totals);
		if (!err && totals.seen_bytes != bytes)
			err = err_new(ERR_FORMAT,
				"the loads saw %" PRIu64 " bytes, the scan %" PRIu64,
				totals.seen_bytes, bytes);
		pieces_destroy(t.pieces);
		better(ret, 1, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	}
	return err;
}

static void copy_array(struct best *ret)
{
	enum { BYTES = 256 << 20, COPIES = 5 };
	scoped_free uint8_t *from = xmalloc(BYTES), *to = xmalloc(BYTES);
	memset(from, 0, BYTES);
	memset(to, 1, BYTES);
	for (unsigned i = 0; i < COPIES; i++) {
		double start = seconds(CLOCK_THREAD_CPUTIME_ID);
		memcpy(to, from, BYTES);
		__asm__ volatile("" : : "r"(to) : "memory");
		double cpu = (seconds(CLOCK_THREAD_CPUTIME_ID) - start) / BYTES;
		better(ret, 1, cpu);
	}
}

static struct err *measure(struct target *t)
{
	struct kasan k;
	struct best scanned = { 0 }, loads = { 0 }, copy = { 0 };
	uint64_t bytes;
	struct err *err = kasan_init(t, &k);
	if (!err)
		err = scan(&k, &bytes, &scanned);
	if (err)
		return err;
	if (!bytes)
		return err_new(ERR_MISSING, "no shadow is in this dump");
	err = touch(&k, bytes, &loads);
	if (err)
		return err;
	copy_array(&copy);
	printf("shadow %" PRIu64 " bytes\n", bytes);
	printf("scan %.2f GB/s\n", (double)bytes / scanned.wall / 1e9);
	printf("scan-core %.2f GB/s\n", (double)bytes / scanned.cpu / 1e9);
	printf("loads %.2f GB/s\n", (double)bytes / loads.cpu / 1e9);
	printf("memcpy %.2f GB/s\n", 1 / copy.cpu / 1e9);
	return NULL;
}

int main(int argc, char **argv)
{
	struct target *t;
	if (argc != 3) {
		fputs("usage: scan VMLINUX DUMP\n", stderr);
		return 2;
	}
	struct err *err = target_open(
		&(struct target_options){ .files = (const char *const *)argv + 1, .nfiles = 2 },
		&t);
	if (err) {
		fprintf(stderr, "scan: %s\n", err->msg);
		err_drop(err); /* said */
		return 3;
	}
	err = target_need_kernel(t);
	if (!err)
		err = measure(t);
	if (err)
		fprintf(stderr, "scan: %s\n", err->msg);
	int status = err ? 1 : 0;
	err_drop(err); /* said */
	target_close(t);
	return status;
}
