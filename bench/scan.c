/*
 * How fast KASAN's shadow is looked through, beside memchr and memcpy over a plain array of as many
 * bytes. Prints "NAME NUMBER UNIT" lines for bench/shadow: the scan by wall time (it takes all
 * cores) and by CPU time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/kasan_scan.h"

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

static void compare(uint64_t bytes, struct best *ret_find, struct best *ret_copy)
{
	scoped_free uint8_t *from = xmalloc(bytes), *to = xmalloc(bytes);
	memset(from, 0, bytes);
	memset(to, 1, bytes);
	for (unsigned i = 0; i < RUNS; i++) {
		double start = seconds(CLOCK_THREAD_CPUTIME_ID);
		void *volatile found = memchr(from, 0x5a, bytes);
		double end = seconds(CLOCK_THREAD_CPUTIME_ID);
		better(ret_find, end - start, end - start);
		(void)found;
		start = seconds(CLOCK_THREAD_CPUTIME_ID);
		memcpy(to, from, bytes);
		__asm__ volatile("" : : "r"(to) : "memory");
		end = seconds(CLOCK_THREAD_CPUTIME_ID);
		better(ret_copy, end - start, end - start);
	}
}

static struct err *measure(struct target *t)
{
	struct kasan k;
	struct best scanned = { 0 }, find = { 0 }, copy = { 0 };
	uint64_t bytes;
	struct err *err = kasan_init(t, &k);
	if (!err)
		err = scan(&k, &bytes, &scanned);
	if (err)
		return err;
	if (!bytes)
		return err_new(ERR_MISSING, "no shadow is in this dump");
	compare(bytes, &find, &copy);
	printf("shadow %" PRIu64 " bytes\n", bytes);
	printf("scan %.2f GB/s\n", (double)bytes / scanned.wall / 1e9);
	printf("scan-core %.2f GB/s\n", (double)bytes / scanned.cpu / 1e9);
	printf("memchr %.2f GB/s\n", (double)bytes / find.cpu / 1e9);
	printf("memcpy %.2f GB/s\n", (double)bytes / copy.cpu / 1e9);
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
