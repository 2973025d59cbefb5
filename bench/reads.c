/*
 * How fast the open dump is read at random: 8 bytes at a time through the linear map, and through
 * the page tables (vmalloc, modules, vmemmap); beside them the same over the bare host memory that
 * a plain array of the dump's size would be, and memcpy. Prints "NAME NUMBER UNIT" lines for
 * bench/memory, and "range VA BYTES", the part of the linear map that was read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/target/target.h"

enum { READS = 5000000, PAGES_MAX = 1 << 20, WALKS_MAX = 1 << 24 };

struct page_vec {
	uint64_t *v;
	size_t n, cap;
};

/* CPU seconds: nothing here waits, and other programs' load is not what is measured. */
static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* xorshift64*: cheap enough not to be what is measured. */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

/* A random number below @n. */
static uint64_t random_below(uint64_t *state, uint64_t n)
{
	return (uint64_t)((unsigned __int128)random_next(state) * n >> 64);
}

/* Reads of the linear map: [va, va + bytes), a multiple of 8. Returns how many failed. */
static uint64_t read_range(struct vspace *vs, uint64_t va, uint64_t bytes, uint64_t *sum)
{
	uint64_t seed = 1, failed = 0;
	for (unsigned i = 0; i < READS; i++) {
		uint64_t word;
		if (vspace_try_read(vs, va + random_below(&seed, bytes / 8) * 8, &word, 8, NULL))
			failed++;
		else
			*sum += word;
	}
	return failed;
}

static uint64_t read_pages(
	struct vspace *vs, const struct page_vec *pages, uint64_t page_bytes, uint64_t *sum)
{
	uint64_t seed = 1, failed = 0;
	for (unsigned i = 0; i < READS; i++) {
		uint64_t at = random_next(&seed);
		uint64_t va = pages->v[random_below(&seed, pages->n)] + at % page_bytes / 8 * 8;
		uint64_t word;
		if (vspace_try_read(vs, va, &word, 8, NULL))
			failed++;
		else
			*sum += word;
	}
	return failed;
}

/* The window that holds @va, or NULL. */
static const struct arch_window *window_at(const struct arch_layout *l, uint64_t va)
{
	for (unsigned i = 0; i < l->nwindows; i++)
		if (va - l->window[i].va < l->window[i].size)
			return &l->window[i];
	return NULL;
}

/* All pages of the kernel's half that its tables map to memory of the dump, windows left out. */
static void find_pages(struct target *t, struct page_vec *ret)
{
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	uint64_t page = 1ull << l->paging.page_shift;
	uint64_t last = t->abi.word_bytes == 4 ? UINT32_MAX : UINT64_MAX;
	uint64_t va = l->paging.two_halves ? ~0ull << l->paging.va_bits : l->page_offset;

	for (unsigned n = 0; n < WALKS_MAX && ret->n < PAGES_MAX && va; n++) {
		const struct arch_window *w = window_at(l, va);
		uint64_t step = page, byte;
		struct walk walk;
		if (w) {
			step = w->va + w->size - va;
		} else {
			walk_address(&l->paging, t->dump, l->pgd, va, &walk);
			if (walk.fault != FAULT_NONE && walk.nsteps)
				step = 1ull
				       << l->paging.level[walk.step[walk.nsteps - 1].level].shift;
			else if (vspace_try_read(t->kernel, va, &byte, 8, NULL) == FAULT_NONE)
				vec_push(ret, va);
		}
		uint64_t next = (va + step) & ~(w ? page - 1 : step - 1);
		if (next <= va || next > last)
			break;
		va = next;
	}
}

static int say(const char *name, uint64_t failed, double seconds)
{
	if (failed) {
		fprintf(stderr, "reads: %s: %" PRIu64 " reads failed\n", name, failed);
		return 1;
	}
	printf("%s %.0f reads/s\n", name, READS / seconds);
	return 0;
}

/* The largest run of memory that the linear map reaches. */
static bool linear_range(const struct target *t, uint64_t *ret_va, uint64_t *ret_bytes)
{
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	const struct dump_info *info = dump_info(t->dump);
	*ret_bytes = 0;
	for (unsigned i = 0; i < l->nwindows; i++) {
		const struct arch_window *w = &l->window[i];
		if (strcmp(w->name, "linear map") != 0)
			continue;
		for (size_t k = 0; k < info->nextents; k++) {
			uint64_t lo = info->extent[k].start.v, hi = lo + info->extent[k].size;
			lo = lo < w->pa.v ? w->pa.v : lo;
			hi = hi - w->pa.v > w->size ? w->pa.v + w->size : hi;
			if (lo < hi && hi - lo > *ret_bytes) {
				*ret_va = w->va + (lo - w->pa.v);
				*ret_bytes = (hi - lo) / 8 * 8;
			}
		}
	}
	return *ret_bytes > 0;
}

/* What the machine gives: the same random reads of a plain array, and memcpy over it. */
static bool bare(uint64_t bytes, uint64_t *sum)
{
	enum { COPIES = 8 };
	uint64_t seed = 1;
	scoped_free uint8_t *from = malloc(bytes), *to = malloc(bytes);
	if (!from || !to) {
		fputs("reads: no memory for two copies of the dump\n", stderr);
		return false;
	}
	memset(from, 1, bytes);
	memset(to, 2, bytes);
	double start = now();
	for (unsigned i = 0; i < READS; i++) {
		uint64_t word;
		memcpy(&word, from + random_below(&seed, bytes / 8) * 8, 8);
		*sum += word;
	}
	printf("array %.0f reads/s\n", READS / (now() - start));
	start = now();
	for (unsigned i = 0; i < COPIES; i++) {
		from[i] = (uint8_t)i;
		memcpy(to, from, bytes);
		*sum += to[bytes - 1 - i];
	}
	printf("memcpy %.0f bytes/s\n", (double)bytes * COPIES / (now() - start));
	return true;
}

static int measure(struct target *t, uint64_t *sum)
{
	uint64_t va, bytes, failed;
	struct page_vec pages = { 0 };
	int status = 0;

	if (!linear_range(t, &va, &bytes)) {
		fputs("reads: the linear map reaches no memory of the dump\n", stderr);
		return 1;
	}
	printf("range %#" PRIx64 " %" PRIu64 "\n", va, bytes);
	read_range(t->kernel, va, bytes, sum); /* warm: page faults of the mapped file, the TLB */
	double start = now();
	failed = read_range(t->kernel, va, bytes, sum);
	status |= say("linear", failed, now() - start);

	find_pages(t, &pages);
	printf("pages %zu pages\n", pages.n);
	if (pages.n) {
		uint64_t page = 1ull << vspace_facts(t->kernel)->layout.paging.page_shift;
		read_pages(t->kernel, &pages, page, sum);
		start = now();
		failed = read_pages(t->kernel, &pages, page, sum);
		status |= say("tables", failed, now() - start);
	}
	vec_deinit(&pages);
	return bare(bytes, sum) ? status : 1;
}

int main(int argc, char **argv)
{
	struct target *t;
	uint64_t sum = 0;
	if (argc != 3) {
		fputs("usage: reads VMLINUX DUMP\n", stderr);
		return 2;
	}
	struct err *err = target_open(
		&(struct target_options){ .files = (const char *const *)argv + 1, .nfiles = 2 },
		&t);
	if (err) {
		fprintf(stderr, "reads: %s\n", err->msg);
		err_drop(err); /* said */
		return 3;
	}
	err = target_need_kernel(t);
	int status = err ? 1 : measure(t, &sum);
	if (err)
		fprintf(stderr, "reads: %s\n", err->msg);
	err_drop(err); /* said */
	printf("sum %#" PRIx64 " (so that no read is left out)\n", sum);
	target_close(t);
	return status;
}
