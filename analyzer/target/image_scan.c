/* The image is read physically and in large steps: it is contiguous there, and that needs no
 * tables. */
#include "analyzer/target/image_scan.h"

#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

enum { STEP = 64 << 10, WHAT_MAX = 32 };

static uint64_t voffset(const struct target *t)
{
	return t->image.va - t->image.pa.v;
}

bool image_read(const struct target *t, uint64_t va, void *buf, size_t n)
{
	return va >= t->image.va && dump_try_read(t->dump, (struct paddr){ va - voffset(t) }, buf,
					    n, NULL) == FAULT_NONE;
}

/* Steps overlap by what could lie across their border, so nothing is missed and nothing seen twice.
 */
bool image_scan(
	struct target *t, const void *what, size_t n, uint64_t behind, image_hit_fn hit, void *cx)
{
	scoped_free uint8_t *buf = xmalloc(STEP + WHAT_MAX);
	uint64_t end = t->image.size + behind;
	for (uint64_t off = 0; off < end && !interrupt_pending(); off += STEP) {
		struct paddr pa = { t->image.pa.v + off }, bad = { 0 };
		size_t have = STEP + n - 1;
		if (dump_try_read(t->dump, pa, buf, have, &bad) != FAULT_NONE)
			have = (size_t)(bad.v - pa.v);
		const uint8_t *p = buf;
		while ((p = memmem(p, have - (size_t)(p - buf), what, n))) {
			if (hit(t, t->image.va + off + (size_t)(p - buf), cx))
				return true;
			p++;
		}
	}
	return false;
}
