/* A slab heap with any words in it: caches, struct pages, lists, sheaves. Every walk ends, every
 * finding is inside. An input is a byte of flags and patches to a sound heap: where (16 bits) and
 * what (32). */
#include <stdlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/slab_inspect.h"
#include "analyzer/kernel/slab_owner.h"
#include "analyzer/kernel/slab_where.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_slab.h"

enum {
	WIDE = 1,
	ERA = 2,
	PATTERNS = 4,
	HOME = 8
}; /* 8-byte words; 7.2's; redzones and poison; a loose sheaf */
enum { PATCH = 6 };

static struct err *keep(void *cx, const struct slab_finding *f)
{
	unsigned *n = cx;
	if (f->kind == SLAB_FINDING_DAMAGE &&
		(f->damage.first > f->damage.last || f->damage.last >= (int64_t)f->cache->size))
		abort();
	++*n;
	return NULL;
}

static void drop(void *cx, struct err *err)
{
	(void)cx;
	err_drop(err);
}

static void look_at(struct target *t, uint64_t va)
{
	struct slab_object o;
	struct slab_where where[SLAB_WHERE_MAX];
	struct slab_guess guess[SLAB_GUESSES_MAX];
	struct slab_part part[SLAB_PARTS_MAX];
	struct slab_traces traces;
	unsigned n = 0;
	if (!slab_object_try_find(t, va, &o))
		return;
	if (o.index >= o.slab.objects)
		abort();
	scoped_err struct err *none = slab_where_read(t, &o, where, &n);
	scoped_slab_inspect struct slab_inspect s = { 0 };
	scoped_err struct err *bad = slab_inspect_read(t, &o, &s);
	if (bad)
		return;
	slab_inspect_guess(&s, NULL, NULL, guess);
	slab_inspect_wrong_frees(t, &s, guess, SLAB_GUESSES_MAX);
	slab_inspect_traces(t, &s, &traces);
	n = slab_layout_parts(&s.layout, &o.slab, s.slot, part);
	for (unsigned i = 1; i < n; i++)
		if (part[i].from != part[i - 1].to)
			abort();
}

static void look(struct target *t)
{
	scoped_slab_heap struct slab_heap heap = { 0 };
	scoped_slab_owners struct slab_owners owners = { 0 };
	unsigned findings = 0;
	uint64_t objects = 0;
	scoped_err struct err *err = slab_heap_read(t, &heap);
	if (err)
		return;
	for (size_t i = 0; i < heap.ncaches && i < 8; i++) {
		struct slab_totals totals;
		struct err *damage = NULL;
		err_drop(slab_heap_totals(&heap, &heap.cache[i], &totals, &damage));
		err_drop(damage);
		err_drop(slab_check_cache(&heap, &heap.cache[i], keep, drop, &findings, &objects));
	}
	err_drop(slab_check_unlisted(&heap, keep, &findings));
	err_drop(slab_owners_read(&heap, NULL, &owners));
}

static void patch(struct fake_heap *h, const uint8_t *p, size_t n)
{
	for (size_t i = 1; i + PATCH <= n && i < 256 * PATCH; i += PATCH)
		for (unsigned k = 0; k < 4; k++) {
			uint64_t at = load_u16le(p + i) + k;
			/* where the heap is; elsewhere nobody looks */
			if (at >= HEAP_VARIABLES && at < HEAP_MAP + 0x2000)
				*fake_at(h->f.t->dump, at) = p[i + 2 + k];
		}
}

static void add_patterns(struct fake_heap *h)
{
	fake_set(&h->f, "kmem_cache", HEAP_CACHE, "flags", 0x80010c00);
	fake_set(&h->f, "kmem_cache", HEAP_CACHE, "object_size", 24);
	fake_set(&h->f, "kmem_cache", HEAP_CACHE, "inuse", 32);
	fake_set(&h->f, "kmem_cache", HEAP_CACHE, "red_left_pad", 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake_heap h;
	if (!n)
		return 0;
	heap_init(&h, p[0] & WIDE ? 8 : 4, p[0] & ERA);
	FAKE_STRUCT(&h.f, "track", "addr:word", "handle:u32", "cpu:u32", "pid:u32", "when:word");
	if (p[0] & PATTERNS)
		add_patterns(&h);
	if (p[0] & HOME && p[0] & ERA)
		heap_home(&h, 9, 10);
	patch(&h, p, n);
	look(h.f.t);
	for (unsigned i = 0; i <= BOXES; i += 3)
		look_at(h.f.t, heap_box(&h, i) + 5);
	heap_deinit(&h);
	return 0;
}

/* Each word that leads somewhere, as it is. */
void fuzz_seed(fuzz_add_fn add)
{
	static const struct {
		uint16_t at, bytes;
	} part[] = { { HEAP_VARIABLES, 16 }, { HEAP_CACHE, 0x90 }, { HEAP_NODE, 0x40 },
		{ HEAP_CPU, 24 }, { HEAP_BARN, 16 }, { HOME_CACHE, 0x90 },
		{ HOME_FRAME * 0x1000 + 2 * HOME_SIZE, 48 }, { HEAP_SHEAF, 48 },
		{ HEAP_SHEAF + 0x200, 48 }, { HEAP_SLAB + BOX_SIZE + BOX_OFFSET, 8 },
		{ HEAP_SLAB + 3 * BOX_SIZE + BOX_OFFSET, 8 },
		{ HEAP_MAP + HEAP_FRAME * 0x28, 0x60 }, { HEAP_MAP + HEAP_FRAME * 0x48, 0x60 } };
	for (unsigned flags = 0; flags < 16; flags++)
		for (size_t k = 0; k < sizeof(part) / sizeof(*part); k++) {
			uint8_t bytes[1 + 64 * PATCH] = { (uint8_t)flags };
			size_t n = 1;
			struct fake_heap h;
			heap_init(&h, flags & WIDE ? 8 : 4, flags & ERA);
			if (flags & PATTERNS)
				add_patterns(&h);
			if (flags & HOME && flags & ERA)
				heap_home(&h, 9, 10);
			for (uint16_t i = 0; i < part[k].bytes; i += 4, n += PATCH) {
				uint16_t at = part[k].at + i;
				bytes[n] = (uint8_t)at;
				bytes[n + 1] = (uint8_t)(at >> 8);
				memcpy(bytes + n + 2, fake_at(h.f.t->dump, at), 4);
			}
			add(bytes, n);
			heap_deinit(&h);
		}
}
