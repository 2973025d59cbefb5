/*
 * The shadow's bytes in blocks. Most blocks are one value; most others are made of the few values
 * that slabs and free pages have, which are counted many bytes at a time; what is left goes byte by
 * byte.
 */
#include "analyzer/kernel/kasan_look.h"

#include <string.h>

#include "analyzer/base/load.h"
#include "analyzer/kernel/kasan_shadow.h"

enum { KIND_SHIFT = 62, VALUE_SHIFT = 54 };

static void tell(struct sweep_hits *hits, unsigned kind, uint64_t addr, unsigned value, uint64_t n)
{
	sweep_found(hits, addr, (uint64_t)kind << KIND_SHIFT | (uint64_t)value << VALUE_SHIFT | n);
}

struct kasan_told kasan_told(const struct sweep_hit *hit)
{
	return (struct kasan_told){ .kind = hit->value >> KIND_SHIFT,
		.value = (uint8_t)(hit->value >> VALUE_SHIFT),
		.n = hit->value & ((1ull << VALUE_SHIFT) - 1) };
}

void kasan_look_init(const struct kasan *k, struct kasan_look *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->tags = k->mode != KASAN_GENERIC;
	for (unsigned v = 0; v < 256 && !ret->tags; v++)
		ret->class[v] = kasan_value_kind(k, (uint8_t)v) == KASAN_STRANGE ? LOOK_STRANGE
				: v && v < k->granule				 ? LOOK_EARLY
										 : LOOK_ORDINARY;
}

/* ---- many bytes at a time ---------------------------------------------------------------- */

enum { LANES = 16, VECTORS = 4, BLOCK = LANES * VECTORS, STRETCH = 8 * BLOCK };
typedef uint8_t lanes __attribute__((vector_size(LANES)));

static lanes load(const uint8_t *p)
{
	lanes x;
	memcpy(&x, p, sizeof(x));
	return x;
}

static bool all_set(lanes x)
{
	uint64_t w[2];
	memcpy(w, &x, sizeof(x));
	return (w[0] & w[1]) == UINT64_MAX;
}

/* Whether a block is one value. */
static inline bool is_uniform(const uint8_t *p)
{
	lanes first = (lanes){ 0 } + p[0], other = { 0 };
	for (size_t i = 0; i < BLOCK; i += LANES)
		other |= load(p + i) ^ first;
	return all_set((lanes)(other == 0));
}

/* The same for more bytes: the C library's comparison uses the widest loads that the processor has.
 */
static bool is_all_one(const uint8_t *p, size_t n)
{
	return !memcmp(p, p + 1, n - 1);
}

/* mm/kasan/kasan.h: accessible, the redzone of slab objects, freed slab objects, freed pages. */
static const uint8_t usual[] = { 0x00, 0xfc, 0xfb, 0xff };
enum { USUAL = sizeof(usual), BLOCKS_MAX = 63 /* a lane counts to VECTORS * 63 = 252 */ };

struct counts {
	uint64_t n[256];
	lanes lane[USUAL]; /* not yet in .n */
	unsigned blocks;   /* in .lane */
};

static unsigned sum(lanes x)
{
	const uint64_t even = 0x00ff00ff00ff00ff;
	uint64_t w[2];
	memcpy(w, &x, sizeof(x));
	uint64_t pairs = (w[0] & even) + (w[0] >> 8 & even) + (w[1] & even) + (w[1] >> 8 & even);
	return (unsigned)(pairs * 0x0001000100010001 >> 48);
}

static void flush(struct counts *c)
{
	for (unsigned u = 0; u < USUAL; u++)
		c->n[usual[u]] += sum(c->lane[u]);
	memset(c->lane, 0, sizeof(c->lane));
	c->blocks = 0;
}

/* Counts the usual values of a block; a lane of @others is 0xff where the byte is none of them.
 * False when there is no such byte. */
static bool count_usual(struct counts *c, const uint8_t *p, lanes others[VECTORS])
{
	lanes known = ~(lanes){ 0 };
	for (unsigned i = 0; i < VECTORS; i++) {
		lanes x = load(p + i * LANES), met = { 0 };
		for (unsigned u = 0; u < USUAL; u++) {
			lanes is = (lanes)(x == usual[u]);
			c->lane[u] -= is;
			met |= is;
		}
		others[i] = ~met;
		known &= met;
	}
	if (++c->blocks == BLOCKS_MAX)
		flush(c);
	return !all_set(known);
}

/* ---- byte by byte ------------------------------------------------------------------------ */

/* The byte at @i, which is none of the usual ones. There is a redzone behind each object, variable
 * and area, so what follows a granule that ends early is not accessible. */
static void look_closely(
	const struct kasan_look *l, const struct sweep_run *run, size_t i, struct sweep_hits *hits)
{
	unsigned v = run->p[i];
	if (l->class[v] == LOOK_STRANGE)
		tell(hits, TOLD_STRANGE, run->addr + i, v, 1);
	else if (l->class[v] == LOOK_EARLY && i + 1 < run->n && !run->p[i + 1])
		tell(hits, TOLD_EARLY, run->addr + i + 1, v, 1);
}

static void look_at_others(const struct kasan_look *l, const struct sweep_run *run, size_t at,
	const lanes others[VECTORS], struct counts *c, struct sweep_hits *hits)
{
	for (size_t i = 0; i < BLOCK; i += 8) {
		uint64_t w;
		memcpy(&w, (const uint8_t *)others + i, sizeof(w));
		for (size_t n = i; w && n < i + 8; n++) {
			if (!((const uint8_t *)others)[n])
				continue;
			c->n[run->p[at + n]]++;
			look_closely(l, run, at + n, hits);
		}
	}
}

/* What is not a whole block. */
static void look_at_rest(const struct kasan_look *l, const struct sweep_run *run, size_t i,
	struct counts *c, struct sweep_hits *hits)
{
	for (; i < run->n; i++) {
		c->n[run->p[i]]++;
		look_closely(l, run, i, hits);
	}
}

static void look_at_poison(const struct kasan_look *l, const struct sweep_run *run, size_t i,
	struct counts *c, struct sweep_hits *hits)
{
	lanes others[VECTORS];
	while (run->n - i >= BLOCK) {
		const uint8_t *p = run->p + i;
		if (run->n - i >= STRETCH && l->class[p[0]] == LOOK_ORDINARY &&
			is_all_one(p, STRETCH)) {
			c->n[p[0]] += STRETCH;
			i += STRETCH;
			continue;
		}
		if (l->class[p[0]] == LOOK_ORDINARY && is_uniform(p))
			c->n[p[0]] += BLOCK;
		else if (count_usual(c, p, others))
			look_at_others(l, run, i, others, c, hits);
		i += BLOCK;
	}
	flush(c);
	look_at_rest(l, run, i, c, hits);
}

/* Objects are some granules of one tag each: several tables, so that counting one byte does not
 * wait for the one before, which is often the same. */
static void look_at_tags(const struct sweep_run *run, size_t i, struct counts *c)
{
	enum { TABLES = 4 };
	uint32_t n[TABLES][256] = { 0 };
	for (; run->n - i >= BLOCK; i += BLOCK) {
		const uint8_t *p = run->p + i;
		if (is_uniform(p)) {
			c->n[p[0]] += BLOCK;
			continue;
		}
		for (size_t k = 0; k < BLOCK; k += TABLES) {
			n[0][p[k]]++;
			n[1][p[k + 1]]++;
			n[2][p[k + 2]]++;
			n[3][p[k + 3]]++;
		}
	}
	for (; i < run->n; i++)
		c->n[run->p[i]]++;
	for (unsigned v = 0; v < 256; v++)
		c->n[v] += (uint64_t)n[0][v] + n[1][v] + n[2][v] + n[3][v];
}

/* Bytes at the beginning that are the first one's value: all, or whole stretches; 0 where each has
 * to be looked at. */
static size_t same_from_start(const struct kasan_look *l, const struct sweep_run *run)
{
	size_t n = 0;
	if (!run->n || l->class[run->p[0]] != LOOK_ORDINARY)
		return 0;
	if (is_all_one(run->p, run->n))
		return run->n;
	while (run->n - n >= STRETCH && run->p[n] == run->p[0] && is_all_one(run->p + n, STRETCH))
		n += STRETCH;
	return n;
}

static void look_at_all(const struct kasan_look *l, const struct sweep_run *run, size_t same,
	struct sweep_hits *hits)
{
	struct counts c = { 0 };
	if (l->tags)
		look_at_tags(run, same, &c);
	else
		look_at_poison(l, run, same, &c, hits);
	for (unsigned v = 0; v < 256; v += 4)
		if (c.n[v] | c.n[v + 1] | c.n[v + 2] | c.n[v + 3])
			for (unsigned n = v; n < v + 4; n++)
				if (c.n[n])
					tell(hits, TOLD_COUNT, run->addr, n, c.n[n]);
}

/* Most runs are single pages of shadow, and most of those one value: they cost no table of counts.
 */
void kasan_look(const struct kasan_look *l, const struct sweep_run *run, struct sweep_hits *hits)
{
	size_t same = same_from_start(l, run);
	if (run->nbefore && run->n && !run->p[0] &&
		l->class[run->before[run->nbefore - 1]] == LOOK_EARLY)
		tell(hits, TOLD_EARLY, run->addr, run->before[run->nbefore - 1], 1);
	if (same)
		tell(hits, TOLD_COUNT, run->addr, run->p[0], same);
	if (same < run->n)
		look_at_all(l, run, same, hits);
}
