/* Any address in any memory: what it is and who points there. Every answer ends, every text is
 * there. An input is a byte of flags, an address (8 bytes), and patches to a sound heap: where (16
 * bits) and what (32). */
#include <stdlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/explain/references.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_explain.h"

enum { WIDE = 1, ERA = 2, PHYSICAL = 4, INSIDE = 8 };
enum { HEAD = 9, PATCH = 6 };

static void patch(struct fake_heap *h, const uint8_t *p, size_t n)
{
	for (size_t i = HEAD; i + PATCH <= n && i < 256 * PATCH; i += PATCH)
		for (unsigned k = 0; k < 4; k++) {
			uint64_t at = load_u16le(p + i) + k;
			if (at >= HEAP_VARIABLES && at < HEAP_MAP + 0x2000)
				*fake_at(h->f.t->dump, at) = p[i + 2 + k];
		}
}

static void look(struct fake_heap *h, uint64_t addr, bool physical)
{
	struct arena a = { 0 };
	struct explanation e;
	scoped_references struct references refs = { .found = 0 };
	const struct explain_ask q = { .addr = addr, .physical = physical };
	scoped_err struct err *err = explain_address(h->f.t, &q, &a, &e);
	for (unsigned i = 0; !err && i < e.n; i++)
		if (!e.row[i].text || e.row[i].kind >= EXPLAIN_KINDS)
			abort();
	scoped_err struct err *none = references_find(h->f.t, addr, (addr & 0xff) + 1, &a, &refs);
	for (size_t i = 1; i < refs.ref.n; i++)
		if (refs.ref.v[i].rank < refs.ref.v[i - 1].rank)
			abort();
	scoped_strbuf struct strbuf b = { 0 };
	if (!explain_word(h->f.t, addr, true, &b) && b.len)
		abort();
	arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake_heap h;
	if (n < HEAD)
		return 0;
	explain_init(&h, p[0] & WIDE ? 8 : 4, p[0] & ERA);
	patch(&h, p, n);
	uint64_t addr = load_u64le(p + 1);
	if (p[0] & INSIDE)
		addr = p[0] & PHYSICAL ? addr % 0x20000 : fake_va(&h.f, addr % 0x20000);
	look(&h, addr, p[0] & PHYSICAL);
	heap_deinit(&h);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	static const uint16_t at[] = { HEAP_VARIABLES, HEAP_CACHE, HEAP_NODE, HEAP_CPU, HEAP_BARN,
		HEAP_SHEAF, EXPLAIN_ROOT, HEAP_SLAB + BOX_SIZE, HEAP_MAP + HEAP_FRAME * 0x28,
		HEAP_MAP + HEAP_FRAME * 0x48 };
	for (unsigned flags = 0; flags < 16; flags++)
		for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
			uint8_t bytes[HEAD + PATCH] = { (uint8_t)flags };
			bytes[1] = (uint8_t)at[i];
			bytes[2] = (uint8_t)(at[i] >> 8);
			bytes[HEAD] = bytes[1];
			bytes[HEAD + 1] = bytes[2];
			bytes[HEAD + 2] = 0xff;
			add(bytes, sizeof(bytes));
		}
}
