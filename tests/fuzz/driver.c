/*
 * A main() for fuzz targets where libFuzzer is absent: every seed as it is, then deterministic
 * mutations of the seeds. The same arguments give the same inputs.
 *   TARGET [RUNS [SEED]]   also FUZZ_RUNS, FUZZ_SEED    TARGET FILE   one input
 * With FUZZ_OUT=DIR the seeds are written there, as a corpus for libFuzzer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/number.h"
#include "analyzer/base/vec.h"
#include "tests/fuzz/fuzz.h"

struct input {
	uint8_t *p;
	size_t n;
};

/* fuzz_seed()'s callback has no argument to carry it. */
static VEC(struct input) seeds;

static void seed_add(const uint8_t *p, size_t n)
{
	struct input in = { xmalloc(n), n };
	if (n)
		memcpy(in.p, p, n);
	vec_push(&seeds, in);
}

/* xorshift64* (Marsaglia; Vigna 2016) */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

static uint64_t below(uint64_t *state, uint64_t limit)
{
	return limit ? (next_random(state) >> 16) % limit : 0;
}

/* One change. Half of them fall into the first 600 bytes, where headers are. */
static size_t mutate(uint8_t *p, size_t n, uint64_t *rng)
{
	static const uint64_t odd[] = { 0, 1, 3, 0x7f, 0xff, 0xffff, 0x10000, 0x7fffffff,
		0x80000000, 0xfffffffc, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
		0xffffffffffffffff };
	if (!n)
		return 0;
	size_t at = (size_t)below(rng, below(rng, 2) && n > 600 ? 600 : n);
	size_t len = (size_t)1 << below(rng, 4);
	len = len < n - at ? len : n - at;
	uint64_t v = odd[below(rng, sizeof(odd) / sizeof(odd[0]))];
	switch (below(rng, 7)) {
	case 0:
		p[at] ^= (uint8_t)(1 << below(rng, 8));
		break;
	case 1:
		p[at] = (uint8_t)next_random(rng);
		break;
	case 2: /* a number at a limit, little-endian */
		for (size_t i = 0; i < len; i++)
			p[at + i] = (uint8_t)(v >> (8 * (i % 8)));
		break;
	case 3: /* … big-endian */
		for (size_t i = 0; i < len; i++)
			p[at + len - 1 - i] = (uint8_t)(v >> (8 * (i % 8)));
		break;
	case 4: { /* one place over another */
		size_t from = (size_t)below(rng, n - len + 1);
		memmove(p + at, p + from, len);
		break;
	}
	case 5:
		p[at] = (uint8_t)(p[at] + (below(rng, 2) ? 1 : 255));
		break;
	default: /* cut, seldom */
		return below(rng, 4) ? n : at + 1;
	}
	return n;
}

static void run_mutations(uint64_t runs, uint64_t seed)
{
	uint64_t rng = seed * 2 + 0x9e3779b97f4a7c15ULL;
	for (uint64_t i = 0; i < runs && seeds.n; i++) {
		const struct input *from = &seeds.v[below(&rng, seeds.n)];
		/* its own allocation, of the exact size: ASan sees a read behind the end */
		uint8_t *p = xmalloc(from->n);
		memcpy(p, from->p, from->n);
		size_t n = from->n;
		for (uint64_t k = 1 + below(&rng, 6); k; k--)
			n = mutate(p, n, &rng);
		uint8_t *exact = xmalloc(n);
		memcpy(exact, p, n);
		LLVMFuzzerTestOneInput(exact, n);
		free(exact);
		free(p);
	}
}

static void write_seeds(const char *dir)
{
	for (size_t i = 0; i < seeds.n; i++) {
		char *name = xasprintf("%s/seed-%zu", dir, i);
		FILE *f = fopen(name, "w");
		if (!f || fwrite(seeds.v[i].p, 1, seeds.v[i].n, f) != seeds.v[i].n || fclose(f)) {
			perror(name);
			exit(1);
		}
		free(name);
	}
}

static int run_file(const char *path)
{
	FILE *f = fopen(path, "r");
	if (!f) {
		perror(path);
		return 2;
	}
	VEC(uint8_t) in = { 0 };
	for (int c = getc(f); c != EOF; c = getc(f))
		vec_push(&in, (uint8_t)c);
	fclose(f);
	LLVMFuzzerTestOneInput(in.v, in.n);
	vec_deinit(&in);
	return 0;
}

static uint64_t setting(const char *arg, const char *env, uint64_t otherwise)
{
	const char *s = arg ? arg : getenv(env);
	uint64_t v;
	if (!s)
		return otherwise;
	if (!number_parse(s, &v)) {
		fprintf(stderr, "%s: not a number\n", s);
		exit(2);
	}
	return v;
}

int main(int argc, char **argv)
{
	uint64_t v;
	if (argc == 2 && !number_parse(argv[1], &v))
		return run_file(argv[1]);
	uint64_t runs = setting(argc > 1 ? argv[1] : NULL, "FUZZ_RUNS", 3000);
	uint64_t seed = setting(argc > 2 ? argv[2] : NULL, "FUZZ_SEED", 1);
	fuzz_seed(seed_add);
	if (getenv("FUZZ_OUT"))
		write_seeds(getenv("FUZZ_OUT"));
	printf("%s: %zu seeds, %llu mutations, random seed %llu\n", argv[0], seeds.n,
		(unsigned long long)runs, (unsigned long long)seed);
	fflush(stdout);
	for (size_t i = 0; i < seeds.n; i++)
		LLVMFuzzerTestOneInput(seeds.v[i].p, seeds.v[i].n);
	run_mutations(runs, seed);
	for (size_t i = 0; i < seeds.n; i++)
		free(seeds.v[i].p);
	vec_deinit(&seeds);
	return 0;
}
